"""The rows of `loop watch --foreground`."""

from __future__ import annotations

import os
import pty
from datetime import UTC

import pytest

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.eventrow import event_row, print_row
from loop_orchestrator.model.event import EVENT_KINDS, Event
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.operations.telling import Weight, sentence, weight_of
from tests.support.builders import NOW


def an_event(kind: str, /, **payload: JsonValue) -> Event:
    return Event(id="e", seq=1, at=NOW, kind=kind, source="engine", payload=payload)


def test_a_row_has_the_time_the_kind_and_words() -> None:
    moved = an_event("task.moved", task="T0001", was="open", now="review", by="web")
    assert event_row(moved, 0, UTC) == "12:00:00 task.moved      T0001: open -> review (by web)"
    closed = an_event("item.closed", decision="d", idx=0, kind="stop", target="", status="done", note="")
    assert event_row(closed, 0, UTC) == "12:00:00 item.closed     stop: done"


def test_a_decision_with_the_command_that_answers_it_fits_eighty_columns() -> None:
    filed = an_event("decision.filed", decision="d-20261130T202610652-8cab8f", digest="x", verdicts=[], waiting=[0])
    row = event_row(filed, 80, UTC)
    assert row == "12:00:00 decision.filed  waits: loop approve d-20261130T202610652-8cab8f"


@pytest.mark.parametrize("kind", sorted(EVENT_KINDS))
def test_every_kind_is_one_row_that_acts_on_nothing_whatever_it_holds(kind: str) -> None:
    payload: dict[str, JsonValue] = dict.fromkeys(EVENT_KINDS[kind].fields, "漢字\x1b[31m\nmore " * 30)
    row = event_row(an_event(kind, **payload), 80)
    assert plaintext.cells(row) <= 80 and row.isprintable()
    values: list[JsonValue] = [None, [], 3, [1, 2, 3, 4, 5]]
    for value in values:
        fields = dict.fromkeys(EVENT_KINDS[kind].fields, value)
        assert kind in event_row(an_event(kind, **fields), 80)
    assert kind in event_row(an_event(kind), 80)


@pytest.mark.parametrize(
    ("event", "weight"),
    [
        (an_event("crash", what="x", reason="y"), Weight.FAILURE),
        (an_event("lane.exited", lane="web", exit_status=0), Weight.PLAIN),
        (an_event("lane.exited", lane="web", exit_status=1), Weight.FAILURE),
        (an_event("delivery.closed", op="o", lane="web", status="unknown"), Weight.FAILURE),
        (an_event("delivery.closed", op="o", lane="web", status="started"), Weight.QUIET),
        (an_event("watch.started", pid=1, took_over="pid 0"), Weight.FAILURE),
        (an_event("watch.started", pid=1, took_over=""), Weight.PLAIN),
        (an_event("decision.filed", waiting=[0]), Weight.PERSON),
        (an_event("decision.filed", waiting=[]), Weight.PLAIN),
        (an_event("mail.sent", to="web"), Weight.PLAIN),
    ],
)
def test_what_went_wrong_and_what_waits_for_a_person_stands_out(event: Event, weight: Weight) -> None:
    assert weight_of(event) is weight


def test_without_a_terminal_a_row_is_whole_and_has_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    print_row(an_event("crash", what="x" * 200, reason="y"))
    said = capsys.readouterr().out
    assert "x" * 200 in said and "\x1b" not in said


@pytest.mark.parametrize(
    ("name", "value", "painted"), [("X", "x", True), ("NO_COLOR", "1", False), ("TERM", "dumb", False)]
)
def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, painted: bool
) -> None:
    master, slave = pty.openpty()
    try:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv(name, value)
        monkeypatch.setattr(output, "columns", lambda: 40)
        with os.fdopen(os.dup(slave), "w") as terminal:
            monkeypatch.setattr("sys.stdout", terminal)
            print_row(an_event("crash", what="x" * 200, reason="y"))
            terminal.flush()
        said = os.read(master, 1000).decode()
    finally:
        os.close(master)
        os.close(slave)
    assert ("\x1b[31m" in said) is painted
    assert "…" in said and "x" * 40 not in said


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (an_event("watch.stale", runs="a", installed="b"), "loop restart"),
        (
            an_event("notice.failed", service="hook", things=[], reason="it is down"),
            "hook does not tell you: it is down",
        ),
        (an_event("notice.sent", service="hook", things=["a"]), ""),
    ],
)
def test_who_looks_on_without_every_event_is_told_what_to_do(event: Event, says: str) -> None:
    assert says in sentence(event) and bool(sentence(event)) is bool(says)
