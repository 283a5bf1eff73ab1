"""Pictures of the screens of the deck, drawn from a session that never was: no clock, no chance, no terminal.

``python -m docs.deckpictures`` writes docs/pictures/deck-*.svg; a test compares them with what the deck shows.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from docs.deckscene import picture, sessions
from loop_orchestrator.deck.app import Deck
from loop_orchestrator.deck.desk import Desk
from loop_orchestrator.deck.picture import Picture
from loop_orchestrator.deck.screens.decision import DecisionScreen
from loop_orchestrator.deck.screens.lane import LaneScreen
from loop_orchestrator.deck.sessionsapp import SessionsDeck
from loop_orchestrator.errors import UsageError

PICTURES = Path(__file__).parent / "pictures"
SIZES = ((80, 24), (160, 50))


class Still(Deck):
    """The deck of one picture; nothing is read, nothing changes."""

    def __init__(self, shown: Picture | None = None) -> None:
        super().__init__(_nothing)
        self._first = shown or picture()

    async def begin(self) -> None:
        await self.push_screen(self.main)
        self.call_after_refresh(self.show, self._first)


def _nothing() -> Desk:
    raise UsageError("there is no session behind a picture")


def _main(app: Still) -> None:
    app.main.query_one("#fleet").focus()


def _decision(app: Still) -> None:
    app.push_screen(DecisionScreen(picture().status.engine.decisions[0].id))


def _lane(app: Still) -> None:
    app.push_screen(LaneScreen("web"))


SCREENS: Mapping[str, Callable[[Still], None]] = {"main": _main, "decision": _decision, "lane": _lane}
NAMES = tuple(f"{screen}-{width}x{height}" for screen in (*SCREENS, "sessions") for width, height in SIZES)


def drawn(name: str) -> str:
    """The SVG of a name of NAMES."""
    screen, _, size = name.partition("-")
    width, height = (int(part) for part in size.split("x"))
    with _plain_surroundings():
        svg = asyncio.run(_sessions(width, height) if screen == "sessions" else _still(screen, width, height))
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+", f"deck-{name}", svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


async def _still(screen: str, width: int, height: int) -> str:
    app = Still()
    async with app.run_test(size=(width, height)) as pilot:
        await pilot.pause()
        SCREENS[screen](app)
        await pilot.pause()
        app.show(picture())
        await pilot.pause()
        return app.export_screenshot(title="loop deck")


async def _sessions(width: int, height: int) -> str:
    app = SessionsDeck(sessions, lambda _: _nothing)
    async with app.run_test(size=(width, height)) as pilot:
        await pilot.pause()
        app.table.show(sessions())
        await pilot.pause()
        return app.export_screenshot(title="loop deck --all")


@contextmanager
def _plain_surroundings() -> Iterator[None]:
    """UTC, and colours, whatever holds outside."""
    before = {name: os.environ.pop(name, None) for name in ("TZ", "NO_COLOR")}
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        time.tzset()


def main() -> None:
    for name in NAMES:
        (PICTURES / f"deck-{name}.svg").write_text(drawn(name), encoding="utf-8")


if __name__ == "__main__":
    main()
