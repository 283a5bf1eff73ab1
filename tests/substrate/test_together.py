"""Looks of many threads share round trips, and each gets what was read after it asked."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from loop_orchestrator.errors import SubstrateError
from loop_orchestrator.model.terminal import PaneFacts, PaneReading, Screen
from loop_orchestrator.substrate.screens import UnreadScreen
from loop_orchestrator.substrate.together import Together
from tests.support.waiting import eventually

LIMIT_S = 20.0
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def reading(pane: str, text: str = "") -> PaneReading:
    facts = PaneFacts(
        pane=pane,
        session="s",
        window="w",
        lane="web",
        pid=1,
        tty="/dev/pts/1",
        command="bash",
        title="",
        dead=False,
        in_mode=False,
        input_off=False,
        cursor_visible=True,
        alternate=False,
        width=80,
        height=24,
    )
    return PaneReading(facts=facts, screen=Screen((text,), (text,)))


class Terminal:
    """Holds the first round until it is let go."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.begun = threading.Event()
        self.go = threading.Event()
        self.fails = False

    def read(self, panes: Sequence[str]) -> tuple[PaneReading, ...]:
        self.asked.append(tuple(panes))
        if len(self.asked) == 1:
            self.begun.set()
            assert self.go.wait(LIMIT_S)
        if self.fails:
            raise SubstrateError("tmux: no answer")
        return tuple(reading(pane, f"round {len(self.asked)}") for pane in panes if pane != "%9")


def in_threads(count: int, work: object) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    return threads


def asked_by(together: Together, terminal: Terminal, count: int) -> dict[int, list[str] | str]:
    """One thread begins a round, ``count`` ask while it is under way; what each got."""
    got: dict[int, list[str] | str] = {}
    joined = threading.Barrier(count + 1)

    def ask(number: int) -> None:
        joined.wait(LIMIT_S)
        try:
            got[number] = [one.screen.text for one in together.read([f"%{number}", "%9"])]
        except SubstrateError as error:
            got[number] = error.message

    first = threading.Thread(target=lambda: together.read(["%1"]))
    first.start()
    assert terminal.begun.wait(LIMIT_S)
    threads = in_threads(count, ask)
    joined.wait(LIMIT_S)
    try:
        eventually(lambda: together._next is not None and len(together._next.panes) == count + 1)
    finally:
        terminal.go.set()
    for thread in (first, *threads):
        thread.join(LIMIT_S)
    return got


def test_who_asks_while_a_round_is_under_way_shares_the_next_one() -> None:
    terminal = Terminal()
    got = asked_by(Together(terminal.read), terminal, 8)
    assert len(terminal.asked) == 2
    assert set(terminal.asked[1]) == {f"%{number}" for number in range(8)} | {"%9"}
    assert got == {number: ["round 2"] for number in range(8)}


def test_a_round_that_fails_fails_for_all_who_take_part_and_for_nobody_else() -> None:
    terminal = Terminal()

    def read(panes: Sequence[str]) -> tuple[PaneReading, ...]:
        terminal.fails = len(terminal.asked) == 1
        return terminal.read(panes)

    together = Together(read)
    assert asked_by(together, terminal, 3) == dict.fromkeys(range(3), "tmux: no answer")
    assert [one.facts.pane for one in together.read(["%1"])] == ["%1"]


def test_alone_each_call_is_a_round_of_its_own_in_the_order_asked() -> None:
    terminal = Terminal()
    terminal.go.set()
    together = Together(terminal.read)
    assert [one.facts.pane for one in together.read(["%2", "%9", "%1"])] == ["%2", "%1"]
    with pytest.raises(SubstrateError):
        terminal.fails = True
        together.read(["%1"])
    assert terminal.asked == [("%2", "%9", "%1"), ("%1",)]


def test_a_screen_that_many_threads_look_at_first_is_taken_apart_once() -> None:
    for _ in range(50):
        taken_apart_by(4)


def taken_apart_by(count: int) -> None:
    takes: list[int] = []
    seen: list[tuple[str, ...]] = []
    begin = threading.Barrier(count)

    def text() -> str:
        takes.append(1)
        return "one\ntwo\n"

    screen = UnreadScreen(text)

    def look(_: int) -> None:
        begin.wait(LIMIT_S)
        seen.append(screen.rows)

    for thread in in_threads(count, look):
        thread.join(LIMIT_S)
    assert seen == [("one", "two")] * count
    assert len(takes) == 1
