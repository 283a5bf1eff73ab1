"""When a pane that printed something is looked at."""

from __future__ import annotations

from itertools import pairwise

from loop_orchestrator.hearing.dirty import NOISY_S, QUIET_S, SOON_S, DirtyPanes

FIRST = QUIET_S[0]


def test_a_pane_is_looked_at_when_it_has_been_silent_for_a_moment_and_again_later() -> None:
    dirty = DirtyPanes()
    assert dirty.next_due() is None
    dirty.spoke("%1", 10.0)
    dirty.spoke("%1", 10.04)
    for quiet in QUIET_S:
        due = dirty.next_due()
        assert due == 10.04 + quiet
        assert dirty.take_due(due - 0.001) == frozenset()
        assert dirty.take_due(due) == {"%1"}
    assert dirty.next_due() is None


def test_a_pane_that_goes_on_printing_is_looked_at_each_second() -> None:
    dirty, looks = DirtyPanes(), []
    for tenth in range(100):
        dirty.spoke("%1", tenth / 10)
        if dirty.take_due(tenth / 10 + 0.05):
            looks.append(tenth / 10)
    assert looks[0] == 0.2 and len(looks) == 9
    assert all(1.0 <= later - earlier <= 1.2 for earlier, later in pairwise(looks))


def test_a_silent_pane_that_begins_to_print_without_a_pause_is_looked_at_soon() -> None:
    dirty = DirtyPanes()
    dirty.spoke("%1", 10.0)
    dirty.spoke("%1", 10.1)
    dirty.spoke("%1", 10.2)
    assert dirty.next_due() == 10.0 + SOON_S
    assert dirty.take_due(10.0 + SOON_S) == {"%1"}
    dirty.spoke("%1", 10.3)
    dirty.spoke("%1", 10.4)
    assert dirty.next_due() == 10.4 + FIRST
    for hundredth in range(45, 130, 10):
        dirty.spoke("%1", 10 + hundredth / 100)
    assert dirty.next_due() == 10.3 + NOISY_S


def test_panes_that_go_on_printing_are_looked_at_together() -> None:
    dirty = DirtyPanes()
    for tenth in range(11):
        for pane in range(10):
            dirty.spoke(f"%{pane}", tenth / 10 + pane / 100)
    assert dirty.take_due(NOISY_S) == {f"%{pane}" for pane in range(10)}


def test_a_silent_pane_does_not_take_along_one_that_is_drawing() -> None:
    dirty = DirtyPanes()
    dirty.spoke("%1", 0.0)
    dirty.spoke("%2", FIRST)
    assert dirty.take_due(FIRST) == {"%1"}
    assert dirty.take_due(FIRST + FIRST) == {"%2"}


def test_output_after_a_look_begins_anew() -> None:
    dirty = DirtyPanes()
    dirty.spoke("%1", 0.0)
    assert dirty.take_due(FIRST)
    dirty.spoke("%1", 1.0)
    assert dirty.next_due() == 1.0 + FIRST


def test_all_that_was_not_looked_at_can_be_taken_at_once() -> None:
    dirty = DirtyPanes()
    dirty.spoke("%1", 0.0)
    dirty.spoke("%2", 0.0)
    assert dirty.take_all(0.05) == {"%1", "%2"}
    assert dirty.take_all(0.06) == frozenset()
    assert dirty.next_due() == FIRST, "it was perhaps read half drawn"
    dirty.clear()
    assert dirty.next_due() is None


def test_a_pane_in_a_hurry_is_looked_at_at_once_and_again_later() -> None:
    dirty = DirtyPanes()
    dirty.hurry("%1", 5.0)
    assert dirty.take_due(5.0) == {"%1"}
    assert dirty.next_due() == 5.0 + FIRST
