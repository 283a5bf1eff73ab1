"""The table of the lanes: what stands in it, which columns fit, sorting and filtering."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from textual.pilot import Pilot

from loop_orchestrator.deck.app import Deck
from loop_orchestrator.deck.panels.fleet import FIELDS, Fleet, fitting
from loop_orchestrator.deck.rows import GAP
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.model.restart import RestartEvent, RestartNote
from loop_orchestrator.plaintext import cells
from tests.deck.lanepictures import HOSTILE, NARROW, a_picture_of, drive, shown_on, until
from tests.support.builders import NOW, a_lane, an_assignment

TITLES = [one.title for one in FIELDS]


def restarted(lane: str, attempt: int, event: RestartEvent = RestartEvent.RESTARTED) -> RestartNote:
    return RestartNote(
        event=event,
        lane=lane,
        at=NOW,
        attempt=attempt,
        reason="it ended",
        exit_status=1,
        next_at=None,
        booted_at=NOW,
    )


def sure(lane: Lane, confidence: float) -> Lane:
    return replace(lane, state=replace(lane.state, confidence=confidence))


def order_of(deck: Deck) -> list[str]:
    words = [line.split() for line in shown_on(deck).splitlines()]
    return [found[0] for found in words if found[1:3] == ["○", "ready"]]


def test_a_lane_has_everything_in_its_row_at_80_columns() -> None:
    picture = a_picture_of(
        a_lane("web", Detail.BUSY),
        assignments=[an_assignment("T0001", "web")],
        restarts={"web": restarted("web", 2)},
        branches={"web": "loop/demo/web"},
        since={"web": NOW - timedelta(minutes=3)},
    )

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        row = next(line for line in shown_on(deck).splitlines() if line.startswith("web"))
        assert row.split() == ["web", "▶", "busy", "3m", "90%", "T0001", *row.split()[6:]]
        for text in ("impl", "rehearsa", " 2 ", "n/a", "loop/dem"):
            assert text in row, (text, row)

    drive(picture, steps)


def test_a_lane_that_was_given_up_is_marked() -> None:
    picture = a_picture_of(a_lane("web"), restarts={"web": restarted("web", 5, RestartEvent.GIVING_UP)})

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        assert " 5! " in next(line for line in shown_on(deck).splitlines() if line.startswith("web"))

    drive(picture, steps)


@pytest.mark.parametrize("width", [20, 33, 45, 60, 80, 100, 200])
def test_columns_fit_and_the_name_and_state_are_never_left_out(width: int) -> None:
    found = fitting({one.title: one.most for one in FIELDS}, width)
    titles = [column.title for column in found]
    assert titles[:2] == ["LANE", "STATE"]
    assert titles == [title for title in TITLES if title in titles]
    needs = sum(column.width for column in found) + GAP * (len(found) - 1)
    assert needs <= width or titles == ["LANE", "STATE"]


def test_at_80_columns_short_texts_leave_nothing_out() -> None:
    widest = dict.fromkeys(TITLES, 4) | {"STATE": 9, "ROLE": 14, "RUNS": 6, "BRANCH": 13}
    assert [column.title for column in fitting(widest, NARROW[0])] == TITLES


def test_o_sorts_by_the_next_column_and_numbers_by_their_value() -> None:
    picture = a_picture_of(sure(a_lane("web"), 0.9), sure(a_lane("api"), 1.0), sure(a_lane("docs"), 0.05))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        assert order_of(deck) == ["web", "api", "docs"], "as they were booted"
        await pilot.press("o")
        await until(pilot, lambda: order_of(deck) == ["api", "docs", "web"])
        assert "LAN▾" in shown_on(deck)
        await pilot.press("o", "o", "o")
        await until(pilot, lambda: order_of(deck) == ["docs", "web", "api"])
        for _ in range(len(TITLES) - 3):
            await pilot.press("o")
        await until(pilot, lambda: order_of(deck) == ["web", "api", "docs"])

    drive(picture, steps)


def test_slash_shows_only_rows_with_these_words_until_escape() -> None:
    picture = a_picture_of(a_lane("web"), a_lane("api"), a_lane("docs", role="docs"))

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        await pilot.press("slash", "a", "p", "i")
        await until(pilot, lambda: order_of(deck) == ["api"])
        await pilot.press("enter")
        assert deck.main.query_one(Fleet).has_focus
        assert deck.main.lane == "api"
        await pilot.press("escape")
        await until(pilot, lambda: order_of(deck) == ["web", "api", "docs"])
        assert deck.main.lane == "api", "the chosen one stays chosen"

    drive(picture, steps)


def test_lanes_that_cannot_be_seen_say_why() -> None:
    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        assert "The lanes cannot be seen: tmux is gone" in shown_on(deck)

    drive(a_picture_of(unseen="tmux is gone"), steps)


def test_what_agents_wrote_stays_text_in_its_column() -> None:
    picture = a_picture_of(a_lane("web", role=HOSTILE), a_lane("api"), branches={"web": HOSTILE})

    async def steps(deck: Deck, pilot: Pilot[None]) -> None:
        text = shown_on(deck)
        row = next(line for line in text.splitlines() if line.startswith("web"))
        assert "[bold" in row
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert cells(row) == NARROW[0]

    drive(picture, steps)
