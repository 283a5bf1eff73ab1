"""The chosen lane: its screen, the evidence for its state, its mail, its diff and its history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from textual.pilot import Pilot

from loop_orchestrator.deck.app import Deck
from loop_orchestrator.deck.live import LiveScreen
from loop_orchestrator.deck.pager import Pager
from loop_orchestrator.deck.panels import lane as lane_panel
from loop_orchestrator.deck.panels.lane import SIDES, LanePanel
from loop_orchestrator.deck.screens.lane import LaneScreen
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.operations.why import why_sentences
from tests.deck.lanepictures import HOSTILE, NARROW, WIDE, a_picture_of, drive, lane_showing, shown_on, until
from tests.support.builders import NOW, a_lane, a_message, an_assignment


def an_event(kind: str, seq: int = 1, **payload: str) -> Event:
    return Event(seq=seq, id=f"e-{seq}", at=NOW, kind=kind, source="cli", payload=dict(payload))


def panel_of(deck: Deck) -> LanePanel:
    return deck.screen.query_one(LanePanel)


def pager_of(deck: Deck) -> str:
    return panel_of(deck).query_one(Pager).text


async def opened(deck: Deck, pilot: Pilot[None]) -> None:
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(deck.screen, LaneScreen))
    await pilot.pause()


def test_enter_opens_the_lane_and_escape_leads_back() -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await opened(deck, pilot)
        lines = shown_on(deck).splitlines()
        assert lines[0].startswith("web ○ ready, 90% sure")
        assert lines[1].startswith("implementation · rehearsal · task T0001 · restarts 0 · tokens n/a · ")
        assert "❯ here I am" in lines[3]
        await pilot.press("escape")
        await until(pilot, lambda: deck.screen is deck.main)

    picture = a_picture_of(
        lane_showing(screen=("❯ here I am", "", "")),
        assignments=[an_assignment("T0001", "web")],
        branches={"web": "loop/demo/web"},
    )
    drive(picture, steps)


def test_each_side_has_a_digit_and_the_panel_says_which() -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await opened(deck, pilot)
        for number, side in enumerate(SIDES, 1):
            assert f"{number} {side}" in shown_on(deck) or f"▸ {side}" in shown_on(deck)
            await pilot.press(str(number))
            assert panel_of(deck).side == side
            await until(pilot, lambda side=side: f"▸ {side}" in shown_on(deck))  # type: ignore[misc]
        await pilot.press("right_square_bracket")
        assert panel_of(deck).side == SIDES[0]
        await pilot.press("left_square_bracket")
        assert panel_of(deck).side == SIDES[-1]

    drive(a_picture_of(a_lane()), steps)


def test_brackets_turn_the_panel_beside_the_fleet() -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "▸ evidence" in shown_on(deck))
        assert "web is idle (ready)" in shown_on(deck)

    drive(a_picture_of(a_lane()), steps, size=WIDE)


def test_the_evidence_is_told_as_loop_why_tells_it() -> None:
    lane = a_lane()

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await opened(deck, pilot)
        await pilot.press("2")
        assert pager_of(deck) == "\n".join(why_sentences(lane, NOW))
        await until(pilot, lambda: "- screen speaks for ready: what it showed (rule test, 0s ago)" in shown_on(deck))

    drive(a_picture_of(lane), steps)


def test_mail_from_and_to_the_lane_is_shown_whole() -> None:
    mine, theirs = a_message("coord", "web", "to you", "line one\nline two"), a_message("coord", "api", "not yours")
    answer = a_message("web", "coord", "from you", "the answer")

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await opened(deck, pilot)
        await pilot.press("3")
        await until(pilot, lambda: "coord -> web" in shown_on(deck))
        text = shown_on(deck)
        assert all(part in text for part in ("to you", "line one", "line two", "from you", "the answer"))
        assert "not yours" not in text

    drive(a_picture_of(a_lane(), mail=[mine, theirs, answer]), steps)


def test_the_history_has_the_events_that_name_the_lane_newest_first() -> None:
    events = [
        an_event("lane.added", 1, lane="web", harness="actor", role="docs"),
        an_event("lane.added", 2, lane="api", harness="actor", role="docs"),
        an_event("mail.sent", 3, **{"from": "web", "to": "coord", "subject": "done"}),
    ]

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await opened(deck, pilot)
        await pilot.press("5")
        assert [line.split(" ", 2)[2] for line in pager_of(deck).splitlines()] == [
            "mail.sent: web -> coord: done",
            "lane.added: web: actor as docs",
        ]

    drive(a_picture_of(a_lane(), events=events), steps)


def test_the_diff_is_read_when_it_is_turned_to_and_again_with_r(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def changes(desk: object, lane: str) -> str:
        asked.append(lane)
        return f"/project, branch main\n\n+reading {len(asked)}"

    monkeypatch.setattr(lane_panel, "diff_of", changes)

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await opened(deck, pilot)
        assert not asked
        await pilot.press("4")
        await until(pilot, lambda: "+reading 1" in shown_on(deck))
        assert "r reads it again" in shown_on(deck)
        deck.show(a_picture_of(a_lane()))
        await pilot.pause()
        assert asked == ["web"], "not with every picture"
        await pilot.press("r")
        await until(pilot, lambda: "+reading 2" in shown_on(deck))

    drive(a_picture_of(a_lane()), steps)


def test_a_diff_that_cannot_be_read_says_why_and_can_be_asked_for_again() -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await opened(deck, pilot)
        await pilot.press("4")
        await until(pilot, lambda: "It cannot be read: there is no session" in shown_on(deck))
        assert "r reads it again" in shown_on(deck)

    drive(a_picture_of(a_lane()), steps)


def test_the_screen_follows_what_the_terminal_shows() -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await opened(deck, pilot)
        panel = panel_of(deck)
        panel.post_message(LanePanel.Drawn(LiveScreen("api", ("of another lane",), NOW + timedelta(seconds=1))))
        panel.post_message(LanePanel.Drawn(LiveScreen("web", ("newer",), NOW + timedelta(seconds=1))))
        await until(pilot, lambda: pager_of(deck) == "newer")
        picture = a_picture_of(lane_showing(screen=("read before that",)))
        deck.show(replace(picture, status=replace(picture.status, generated_at=NOW + timedelta(seconds=2))))
        await pilot.pause()
        assert pager_of(deck) == "newer"
        lane = lane_showing(screen=())
        deck.show(a_picture_of(replace(lane, state=replace(lane.state, detail=Detail.MISSING))))
        await until(pilot, lambda: not pager_of(deck))

    drive(a_picture_of(lane_showing(screen=("old",))), steps)


def test_a_high_screen_shows_its_end_until_a_person_scrolls() -> None:
    rows = [f"row {number}" for number in range(60)]

    def at(number: int) -> LanePanel.Drawn:
        return LanePanel.Drawn(LiveScreen("web", (*rows, f"new {number}"), NOW + timedelta(seconds=number)))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await opened(deck, pilot)
        await until(pilot, lambda: "row 59" in shown_on(deck))
        panel_of(deck).post_message(at(1))
        await until(pilot, lambda: "new 1" in shown_on(deck))
        await pilot.press("home")
        await until(pilot, lambda: "row 0 " in shown_on(deck))
        panel_of(deck).post_message(at(2))
        await until(pilot, lambda: pager_of(deck).endswith("new 2"))
        await pilot.pause()
        assert "row 0 " in shown_on(deck)

    drive(a_picture_of(lane_showing(screen=rows)), steps)


@pytest.mark.parametrize(
    "text", [HOSTILE, "x" * 1_000_000, "漢" * 5000, "\u202e" * 3000], ids=["mixed", "long", "wide", "reordering"]
)
def test_hostile_text_is_shown_as_text_on_every_side(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_panel, "diff_of", lambda _desk, _lane: text)
    lane = lane_showing(screen=(text,))
    signal = replace(lane.state.evidence[0], seen=text)
    lane = replace(lane, state=replace(lane.state, evidence=(signal,)))
    picture = a_picture_of(
        lane,
        mail=[a_message("web", "coord", text, text)],
        events=[an_event("mail.sent", 1, **{"from": "web", "to": "coord", "subject": text})],
        branches={"web": text},
    )

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await opened(deck, pilot)
        for number in range(1, len(SIDES) + 1):
            await pilot.press(str(number))
            await until(pilot, lambda: "being read" not in shown_on(deck))
            shown = shown_on(deck)
            assert not {"\x1b", "\x07", "\x00", "\u202e"}.intersection(shown)
            lines = shown.splitlines()
            assert len(lines) == NARROW[1]
            assert lines[0].startswith("web ○ ready")
            assert "Steer" in lines[-1]

    drive(picture, steps)


def test_a_lane_that_is_gone_is_said_to_be_not_seen() -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await opened(deck, pilot)
        deck.show(a_picture_of(a_lane("api")))
        await until(pilot, lambda: "web: not seen" in shown_on(deck))
        deck.show(a_picture_of(unseen="tmux is gone"))
        await until(pilot, lambda: "The lanes cannot be seen: tmux is gone" in shown_on(deck))
        deck.show(a_picture_of(a_lane("web")))
        await until(pilot, lambda: "web ○ ready" in shown_on(deck))

    drive(a_picture_of(a_lane("web")), steps)
