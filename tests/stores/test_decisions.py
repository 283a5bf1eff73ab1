"""Decisions: filed once, changed only from what is on disk, never hidden by a broken neighbour."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.errors import (
    ChangedElsewhereError,
    DecisionStateError,
    LockedError,
    NewerSchemaError,
    StoreError,
)
from loop_orchestrator.model.decision import Decision, ItemStatus
from loop_orchestrator.stores.decisions import DecisionStore
from loop_orchestrator.stores.layout import Layout
from tests.stores.builders import NOON, SayCodec, decision, item, layout_of
from tests.stores.forks import in_processes, killed_at_every_write


@pytest.fixture
def layout(project: Path) -> Layout:
    return layout_of(project)


@pytest.fixture
def store(layout: Layout) -> DecisionStore:
    return DecisionStore(layout, SayCodec())


def closed(id: str = "d-1") -> Decision:
    return decision(id, items=(item(status=ItemStatus.DONE),))


def rejected(old: Decision) -> Decision:
    return old.with_item(old.items[0].moved(ItemStatus.REJECTED, note="no", at=NOON))


def test_a_decision_is_read_back_whole(store: DecisionStore) -> None:
    filed = decision(items=(item(0, text="ü\n😀"), item(1, status=ItemStatus.BLOCKED)))
    store.create(filed)
    assert store.get("d-1") == filed
    assert store.open_decisions() == (filed,)


def test_its_file_has_the_fields_that_others_rely_on(store: DecisionStore, layout: Layout) -> None:
    store.create(decision())
    found = json.loads((layout.decisions / "d-1.json").read_text())
    assert set(found) == {
        "schema",
        "id",
        "session",
        "created_at",
        "brain",
        "mode",
        "critique",
        "digest",
        "cycle",
        "items",
    }
    assert found["schema"] == 1
    assert found["items"] == [
        {
            "idx": 0,
            "kind": "say",
            "fields": {"to": "web", "text": "hello", "rationale": "it waits"},
            "verdict": {"level": "destructive", "reasons": ["a test"]},
            "status": "waiting",
            "note": "",
            "changed_at": "2026-03-01T12:00:00.000Z",
        }
    ]


def test_an_id_is_filed_once_even_after_it_was_archived(store: DecisionStore) -> None:
    store.create(closed())
    with pytest.raises(StoreError, match="d-1 exists already"):
        store.create(closed())
    store.archive("d-1")
    with pytest.raises(StoreError, match="in the archive"):
        store.create(closed())


def test_the_beginning_of_an_id_is_enough_where_it_is_the_only_one(store: DecisionStore) -> None:
    for id in ("d-ab1", "d-ab2", "d-cd"):
        store.create(decision(id))
    store.create(closed("d-old"))
    store.archive("d-old")
    assert store.get("d-c").id == "d-cd"
    assert store.get("d-o").id == "d-old"
    for id, problem in (("d-ab", "beginning of 2"), ("x", "no decision 'x'"), ("", "no decision"), ("../d-cd", "no")):
        with pytest.raises(DecisionStateError, match=problem) as caught:
            store.get(id)
        assert "open: d-ab1, d-ab2, d-cd" in caught.value.message


def test_open_decisions_come_oldest_first(store: DecisionStore) -> None:
    for id, age in (("d-a", 1), ("d-b", 3), ("d-c", 2)):
        store.create(decision(id, created_at=NOON - timedelta(hours=age)))
    assert [found.id for found in store.open_decisions()] == ["d-b", "d-c", "d-a"]


@pytest.mark.parametrize("text", ["", "{", '{"schema": 1}', '{"schema": 1, "id": "d-other"}'])
def test_a_broken_file_hides_no_other_decision_and_is_named(store: DecisionStore, layout: Layout, text: str) -> None:
    store.create(decision("d-2"))
    (layout.decisions / "d-1.json").write_text(text)
    assert [found.id for found in store.open_decisions()] == ["d-2"]
    assert len(store.unreadable()) == 1
    assert "d-1.json" in store.unreadable()[0]
    with pytest.raises(StoreError, match=r"d-1\.json"):
        store.get("d-1")


def test_an_action_that_is_not_known_is_an_error_of_its_file(store: DecisionStore, layout: Layout) -> None:
    store.create(decision())
    path = layout.decisions / "d-1.json"
    path.write_text(path.read_text().replace('"say"', '"shout"'))
    with pytest.raises(StoreError, match=r"d-1\.json: items\[0\]: unknown kind 'shout'"):
        store.get("d-1")


def test_a_file_of_a_newer_release_is_refused_by_name(store: DecisionStore, layout: Layout) -> None:
    store.create(decision())
    path = layout.decisions / "d-1.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(NewerSchemaError, match="schema 2"):
        store.update("d-1", rejected)


def test_an_update_changes_what_is_on_disk(store: DecisionStore) -> None:
    store.create(decision())
    changed = store.update("d-1", rejected)
    assert changed.items[0].status is ItemStatus.REJECTED
    assert store.get("d-1") == changed


def test_an_update_that_fails_leaves_the_file_as_it_was(store: DecisionStore) -> None:
    store.create(closed())
    with pytest.raises(ValueError, match="no move from done to rejected"):
        store.update("d-1", rejected)
    assert store.get("d-1") == closed()


def test_of_many_processes_that_start_an_item_one_does(store: DecisionStore, tmp_path: Path) -> None:
    store.create(decision(items=(item(status=ItemStatus.READY),)))

    def start(number: int) -> None:
        def change(old: Decision) -> Decision:
            return old.with_item(old.items[0].moved(ItemStatus.STARTED, note=str(number), at=NOON))

        try:
            store.update("d-1", change)
        except ValueError:
            return
        (tmp_path / f"winner-{number}").touch()

    in_processes(8, start)
    winners = [path.name.removeprefix("winner-") for path in tmp_path.glob("winner-*")]
    assert winners == [store.get("d-1").items[0].note]


def test_no_change_of_many_processes_is_lost(store: DecisionStore) -> None:
    store.create(decision(items=tuple(item(idx) for idx in range(8))))
    in_processes(
        8,
        lambda idx: store.update(  # type: ignore[arg-type]
            "d-1", lambda old: old.with_item(old.items[idx].moved(ItemStatus.READY, note="", at=NOON))
        ),
    )
    assert {one.status for one in store.get("d-1").items} == {ItemStatus.READY}


def test_saving_over_what_changed_meanwhile_is_refused(store: DecisionStore) -> None:
    seen = decision()
    store.create(seen)
    store.update("d-1", lambda old: replace(old, digest="1" * 64))
    with pytest.raises(ChangedElsewhereError):
        store.save(rejected(seen), previous=seen)
    assert store.get("d-1").digest == "1" * 64
    store.save(rejected(seen), previous=store.get("d-1"))
    assert store.get("d-1") == rejected(seen)


def test_only_a_decision_of_which_nothing_is_left_is_archived(store: DecisionStore, layout: Layout) -> None:
    store.create(decision())
    with pytest.raises(DecisionStateError, match="d-1 is waiting"):
        store.archive("d-1")
    store.update("d-1", rejected)
    store.archive("d-1")
    store.archive("d-1")
    assert store.open_decisions() == ()
    assert (layout.decisions_archive / "d-1.json").exists()
    assert store.get("d-1").items[0].status is ItemStatus.REJECTED
    with pytest.raises(DecisionStateError, match="d-1 is closed and archived"):
        store.update("d-1", rejected)
    with pytest.raises(DecisionStateError, match="d-9 does not exist"):
        store.archive("d-9")


def test_a_process_killed_at_any_write_leaves_a_decision_that_can_go_on(store: DecisionStore) -> None:
    first = decision()
    store.create(first)

    def work() -> None:
        store.create(decision("d-2"))
        store.update("d-1", rejected)
        store.archive("d-1")

    def check() -> None:
        assert store.unreadable() == ()
        found = store.get("d-1")
        assert found in (first, rejected(first))
        opened = {one.id: one for one in store.open_decisions()}
        if "d-2" in opened:
            store.update("d-2", rejected)
            store.archive("d-2")
        for path in store._layout.decisions_archive.glob("d-2.json"):
            path.unlink()
        if "d-1" not in opened:
            (store._layout.decisions_archive / "d-1.json").rename(store._layout.decisions / "d-1.json")
        if found != first:
            store.save(first, previous=found)

    assert killed_at_every_write(work, check) >= 10


def test_a_cycle_and_an_execution_are_held_by_one(store: DecisionStore) -> None:
    store.create(closed())
    with store.cycle_lock(), pytest.raises(LockedError, match="the cycle of session s1"), store.cycle_lock():
        pass
    with store.execution_lock("d-1") as held:
        assert held.holder() is not None
        with store.execution_lock("d-2"):
            pass
        with pytest.raises(LockedError, match="the execution of decision d-1"), store.execution_lock("d-1"):
            pass
    store.archive("d-1")
    assert store.execution_lock("d-1").holder() is None
