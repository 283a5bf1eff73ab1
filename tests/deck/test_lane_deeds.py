"""Every key that acts on a lane or on the engine: what it asks, and which operation it has done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from textual.app import SuspendNotSupported
from textual.pilot import Pilot
from textual.widgets import Input, Select, TextArea

from loop_orchestrator.deck import lanedeeds
from loop_orchestrator.deck.app import Deck
from loop_orchestrator.deck.dialogs.add_lane import AddLane, NewLane
from loop_orchestrator.deck.dialogs.ask_text import AskText
from loop_orchestrator.deck.dialogs.base import Dialog
from loop_orchestrator.deck.dialogs.box import Box
from loop_orchestrator.deck.dialogs.confirm import Confirm
from loop_orchestrator.deck.lanedeeds import Told
from loop_orchestrator.errors import LoopError, UsageError
from loop_orchestrator.model.delivery import DeliveryMode, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.lane import Detail, LaneKind
from loop_orchestrator.model.saved import SavedWork
from loop_orchestrator.operations import control
from loop_orchestrator.operations.ending import EndReport
from tests.deck.lanepictures import a_picture_of, drive, lane_showing, shown_on, until
from tests.support.builders import NOW, a_lane

DONE = Told("it was done", "as asked")

Calls = list[tuple[object, ...]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What the deck has done to lanes and engine; each deed only notes that it was asked for."""
    found: Calls = []

    def noting(name: str, result: object = DONE) -> Callable[..., object]:
        def note(_desk: object, *args: object, **more: object) -> object:
            found.append((name, *args, *sorted(more.items())))
            return result

        return note

    for name in ("say", "boot", "drop"):
        monkeypatch.setattr(lanedeeds, name, noting(name))
    monkeypatch.setattr(lanedeeds, "restart", noting("restart", a_lane().record))
    monkeypatch.setattr(lanedeeds, "jump", noting("jump", ()))
    return found


async def asked(deck: Deck, pilot: Pilot[None], kind: type[AskText | AddLane | Confirm]) -> None:
    await until(pilot, lambda: isinstance(deck.screen, kind) and deck.screen.focused is not None)


async def confirming(deck: Deck, pilot: Pilot[None]) -> None:
    await until(pilot, lambda: isinstance(deck.screen, Confirm))


def test_s_steers_with_a_text_and_may_interrupt(calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press("s")
        await asked(deck, pilot, AskText)
        assert "It is working (busy)" in shown_on(deck)
        await pilot.press(*"stop", "ctrl+s")
        await until(pilot, lambda: calls)
        await until(pilot, lambda: "it was done" in shown_on(deck))
        await pilot.press("s")
        await asked(deck, pilot, AskText)
        await pilot.press("x")
        deck.screen.query_one("#box-interrupt", Box).focus()
        await pilot.press("space")
        await until(pilot, lambda: "▐x▌ interrupt" in shown_on(deck))
        assert "▐ ▌ put it in line" in shown_on(deck)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(calls) == 2)

    drive(a_picture_of(a_lane("web", Detail.BUSY)), steps)
    assert calls == [
        ("say", "web", "stop", ("fresh", False), ("interrupt", False), ("queue", False)),
        ("say", "web", "x", ("fresh", False), ("interrupt", True), ("queue", False)),
    ]


def test_d_dispatches_with_a_fresh_context_and_may_queue(calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press("d")
        await asked(deck, pilot, AskText)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "there is no text yet" in shown_on(deck))
        await pilot.press(*"do", "tab", "space", "ctrl+s")
        await until(pilot, lambda: calls)

    drive(a_picture_of(a_lane("web")), steps)
    assert calls == [("say", "web", "do", ("fresh", True), ("interrupt", False), ("queue", True))]


@pytest.mark.parametrize("key", ["s", "d", "n", "x", "R"])
def test_escape_does_nothing(key: str, calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        deck.harnesses = (("actor", "actor: Rehearsal"),)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(deck.screen, Dialog))
        await pilot.press("escape")
        await until(pilot, lambda: deck.screen is deck.main)

    drive(a_picture_of(a_lane("web")), steps)
    assert not calls


def test_n_says_why_nothing_can_be_added_where_no_program_can_be_read(calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press("n")
        await until(pilot, lambda: "no lane can be added now" in shown_on(deck))
        assert "there is no session" in shown_on(deck) and deck.screen is deck.main

    drive(a_picture_of(a_lane("web")), steps)
    assert not calls


def test_n_boots_a_lane_as_it_was_described(calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        deck.harnesses = (("actor", "actor: Rehearsal"), ("other", "other: Other"))
        await pilot.press("n")
        await asked(deck, pilot, AddLane)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "it needs a name and what runs in it" in shown_on(deck))
        await pilot.press(*"9x")
        deck.screen.query_one("#harness", Select).value = "actor"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "its name is to be a letter" in shown_on(deck))
        deck.screen.query_one("#name", Input).value = "tom"
        deck.screen.query_one("#role", Select).value = "docs"
        deck.screen.query_one("#model", Input).value = "small"
        deck.screen.query_one("#brief", Input).value = "Begin."
        deck.screen.query_one("#worktree", Box).value = True
        await pilot.press("ctrl+s")
        await until(pilot, lambda: calls)

    drive(a_picture_of(a_lane("web")), steps)
    new = NewLane(
        name="tom", harness="actor", role="docs", model="small", brief="Begin.", worktree=True, auto_approve=False
    )
    assert calls == [("boot", new)]


@pytest.mark.parametrize(("answer", "booted"), [("y", 1), ("n", 0), ("escape", 0)])
def test_a_lane_without_permission_prompts_needs_a_second_yes(answer: str, booted: int, calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        deck.harnesses = (("actor", "actor: Rehearsal"),)
        await pilot.press("n")
        await asked(deck, pilot, AddLane)
        deck.screen.query_one("#name", Input).value = "tom"
        deck.screen.query_one("#harness", Select).value = "actor"
        deck.screen.query_one("#auto", Box).value = True
        await pilot.press("ctrl+s")
        await confirming(deck, pilot)
        await until(pilot, lambda: "actor will run commands" in shown_on(deck))
        assert not calls
        await pilot.press(answer)
        await until(pilot, lambda: calls if booted else "nothing was booted" in shown_on(deck))

    drive(a_picture_of(a_lane("web")), steps)
    assert len(calls) == booted


def test_x_ends_a_worker_after_a_yes(calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press("x")
        await confirming(deck, pilot)
        assert "It is idle (ready)" in shown_on(deck)
        await pilot.press("y")
        await until(pilot, lambda: calls)

    drive(a_picture_of(lane_showing("tom", kind=LaneKind.WORKER)), steps)
    assert calls == [("drop", "tom", ("even_of_config", False))]


def test_x_ends_a_lane_of_the_config_only_after_its_name_was_typed(calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press("x")
        await asked(deck, pilot, Confirm)
        await pilot.press(*"y", "enter")
        await until(pilot, lambda: "that is not web" in shown_on(deck))
        assert not calls
        deck.screen.query_one("#typed", Input).value = ""
        await pilot.press(*"web", "enter")
        await until(pilot, lambda: calls)

    drive(a_picture_of(a_lane("web")), steps)
    assert calls == [("drop", "web", ("even_of_config", True))]


def test_shift_r_restarts_after_a_yes(calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press("R")
        await confirming(deck, pilot)
        await pilot.press("y")
        await until(pilot, lambda: "lane web started again" in shown_on(deck))

    drive(a_picture_of(a_lane("web")), steps)
    assert calls == [("restart", "web")]


def test_g_shows_the_lane_in_the_same_server(calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press("g")
        await until(pilot, lambda: calls)

    drive(a_picture_of(a_lane("web")), steps)
    assert calls == [("jump", "web")]


def test_g_elsewhere_has_the_deck_stand_aside_and_says_so_where_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanedeeds, "jump", lambda _desk, _lane: ("tmux", "attach"))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        with pytest.raises(SuspendNotSupported), deck.suspend():
            pass
        await pilot.press("g")
        await until(pilot, lambda: "in a terminal: tmux attach" in shown_on(deck))

    drive(a_picture_of(a_lane("web")), steps)


@pytest.mark.parametrize(("paused_by", "done"), [("", "pause"), ("ann", "resume")])
def test_p_pauses_the_engine_or_lets_it_go_on(paused_by: str, done: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    for name in ("pause", "resume", "ask_for_cycle"):
        monkeypatch.setattr(control, name, lambda *_, name=name, **__: seen.append(name))

    def perform(_deck: Deck, what: str, work: Callable[[object], object], *_: object, **__: object) -> None:
        if "harnesses" not in what:
            work(_AnyDesk())

    monkeypatch.setattr(Deck, "perform", perform)

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press("p")
        await until(pilot, lambda: seen)
        await pilot.press("c")
        await until(pilot, lambda: len(seen) == 2)

    drive(a_picture_of(a_lane("web"), paused_by=paused_by), steps)
    assert seen == [done, "ask_for_cycle"]


class _AnyDesk:
    """Whatever is asked of it, it is that itself."""

    def __getattr__(self, _name: str) -> _AnyDesk:
        return self


@pytest.mark.parametrize("key", ["s", "d", "x", "R", "g"])
def test_without_a_lane_a_key_says_what_to_do(key: str, calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await until(pilot, lambda: "no lane is chosen" in shown_on(deck))
        assert deck.screen is deck.main

    drive(a_picture_of(), steps)
    assert not calls


@pytest.mark.parametrize("key", ["s", "d", "n", "x", "R", "g", "c", "p"])
def test_a_deck_that_only_shows_refuses_at_once(key: str, calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await until(pilot, lambda: "this deck only shows" in shown_on(deck))
        assert deck.screen is deck.main and not deck.under_way

    drive(a_picture_of(a_lane("web")), steps, only_shows=True)
    assert not calls


@pytest.mark.parametrize("on_lane", [False, True], ids=["main", "lane"])
def test_the_footer_has_the_keys_that_act_on_lanes_at_80_columns(*, on_lane: bool) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        if on_lane:
            await pilot.press("enter")
            await until(pilot, lambda: deck.screen is not deck.main)
        await until(pilot, lambda: "Steer" in shown_on(deck).splitlines()[-1])
        last = shown_on(deck).splitlines()[-1]
        assert {"Steer", "Dispatch", "Add", "Drop", "Jump", "Pause", "Quit", "Help"} <= set(last.split())
        assert ("b Brain" in last) is not on_lane

    drive(a_picture_of(a_lane("web")), steps)


def a_receipt(status: DeliveryStatus) -> Receipt:
    return Receipt(
        op="s-1",
        lane="web",
        sender="ann",
        mode=DeliveryMode.TEXT,
        status=status,
        step=DeliveryStep.RECEIPT,
        sha256="",
        bytes=1,
        evidence="what was seen",
    )


@pytest.mark.parametrize(
    ("status", "title", "text", "good"),
    [
        (DeliveryStatus.STARTED, "web works on it", "what was seen", True),
        (DeliveryStatus.SUBMITTED, "web got it", "what was seen", True),
        (DeliveryStatus.ACCEPTED, "in line for web", "what was seen", True),
        (DeliveryStatus.NOT_DELIVERED, "web did not get it", "put in line", False),
        (DeliveryStatus.UNKNOWN, "nobody knows whether web got it", "loop resolve s-1 happened|did-not|drop", False),
    ],
)
def test_a_receipt_is_told_in_words(
    status: DeliveryStatus, title: str, text: str, good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_world: object, _lane: str) -> None:
        raise LoopError("tmux is gone")

    monkeypatch.setattr(lanedeeds, "observe_lane", gone)
    told = lanedeeds.told(_AnyDesk(), a_receipt(status))  # type: ignore[arg-type]
    assert (told.title, told.good) == (title, good)
    assert text in told.text


def test_an_unknown_outcome_whose_text_stands_says_how_to_submit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanedeeds, "observe_lane", lambda _world, _lane: a_lane())
    monkeypatch.setattr(lanedeeds, "standing", lambda _world, _receipts, _lanes: frozenset({"s-1"}))
    told = lanedeeds.told(_AnyDesk(), a_receipt(DeliveryStatus.UNKNOWN))  # type: ignore[arg-type]
    assert "loop resolve s-1 submit|clear" in told.text


def test_a_text_in_line_interrupts_nothing() -> None:
    with pytest.raises(UsageError, match="interrupts nothing"):
        lanedeeds.say(_AnyDesk(), "web", "x", interrupt=True, queue=True, fresh=False)  # type: ignore[arg-type]


def test_what_an_ended_lane_left_is_named() -> None:
    saved = SavedWork(
        ref="refs/loop/snapshots/web/20260301T120000000",
        commit="c",
        repository=Path("/project/.git"),
        lane="web",
        session="demo",
        at=NOW + timedelta(seconds=1),
        directory=None,
        branch="main",
        base="",
        tree="t",
        staged="",
        files=1,
        worktree_of=None,
    )
    report = EndReport(
        handoff=Path("/project/h.md"),
        saved=saved,
        worktree=Path("/project/w"),
        kept="it has commits",
        not_delivered=(a_receipt(DeliveryStatus.NOT_DELIVERED),),
    )
    assert lanedeeds.left_by(report).splitlines() == [
        "hand-off: /project/h.md",
        "uncommitted work: loop undo restore web/20260301T120000000",
        "its worktree stays (it has commits): /project/w",
        "not delivered to it: 1; the texts are in the hand-off",
    ]


def test_a_text_area_takes_letters_that_are_keys_elsewhere(calls: Calls) -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press("s")
        await asked(deck, pilot, AskText)
        await pilot.press(*"sdnxgcpq")
        assert deck.screen.query_one(TextArea).text == "sdnxgcpq"

    drive(a_picture_of(a_lane("web")), steps)
    assert not calls
