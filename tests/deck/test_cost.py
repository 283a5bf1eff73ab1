"""What a picture costs does not grow with the events, and a change is painted alone."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from docs.deckpictures import Still
from docs.deckscene import NOON, event, picture
from loop_orchestrator.deck.panels import ledgers
from loop_orchestrator.deck.picture import Picture
from loop_orchestrator.deck.rows import Row, Rows
from loop_orchestrator.model.event import Event

EVENTS = 10_000
SIZE = (160, 50)


def more(shown: Picture) -> Picture:
    """The same, and one event."""
    number = shown.events[-1].seq + 1
    fresh = dataclasses.replace(event(number, of=number), at=NOON)
    return dataclasses.replace(shown, events=(*shown.events[1:], fresh))


def test_rows_of_events_are_made_where_they_are_seen_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    make = ledgers._event_row

    def counted(event: Event) -> Row:
        made.append(event.seq)
        return make(event)

    monkeypatch.setattr(ledgers, "_event_row", counted)

    async def main() -> None:
        now = picture(lanes=200, events=EVENTS, decisions=50)
        app = Still(now)
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            app.show(now)
            await pilot.pause()
            first = len(made)
            assert 0 < first <= SIZE[1]
            app.show(more(now))
            await pilot.pause()
            assert len(made) == first + 1 and made[-1] == EVENTS + 1

    asyncio.run(main())


def test_the_same_picture_again_paints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[str] = []
    refresh = Rows.refresh

    def noted(self: Rows, *regions: object, **more: object) -> Rows:
        painted.append(self.id or "")
        return refresh(self, *regions, **more)  # type: ignore[arg-type]

    async def main() -> None:
        app = Still(picture(lanes=50, events=100, decisions=5))
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            app.show(picture(lanes=50, events=100, decisions=5))
            await pilot.pause()
            monkeypatch.setattr(Rows, "refresh", noted)
            app.show(picture(lanes=50, events=100, decisions=5))
            await pilot.pause()
            assert painted == []
            app.show(picture(lanes=50, events=100, decisions=6))
            await pilot.pause()
            assert set(painted) == {"needs"}

    asyncio.run(main())


def test_an_event_more_does_not_lay_the_screen_out_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        now = picture(lanes=50, events=100, decisions=5)
        app = Still(now)
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            app.show(now)
            await pilot.pause()
            laid_out: list[str] = []
            lay_out = type(app.screen)._refresh_layout

            def noted(self: object, *args: object, **more: object) -> None:
                laid_out.append("anew")
                lay_out(self, *args, **more)  # type: ignore[arg-type]

            monkeypatch.setattr(type(app.screen), "_refresh_layout", noted)
            grown = dataclasses.replace(now, events=(*now.events, dataclasses.replace(event(101, of=101), at=NOON)))
            app.show(grown)
            await pilot.pause()
            table = app.main.query_one("#events", Rows)
            assert laid_out == [] and table.virtual_size.height == 102

    asyncio.run(main())


def test_a_log_that_another_took_the_place_of_is_shown_anew() -> None:
    rows = ledgers._Events()
    old = rows(picture(events=5))
    other = dataclasses.replace(picture(events=5))
    changed = dataclasses.replace(other.events[-1], kind="mail.acked", payload={"file": "x", "by": "web"})
    new = rows(dataclasses.replace(other, events=(*other.events[:-1], changed)))
    assert new[0].cells[1] == "mail.acked" and old[0].cells[1] != "mail.acked"
    assert [row.key for row in new] == ["5", "4", "3", "2", "1"] and new[-1].key == "1"
    assert [row.key for row in new[1:3]] == ["4", "3"]
