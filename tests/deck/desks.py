"""A deck over a project on disk, that is shown a picture when a test says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.pilot import Pilot

from loop_orchestrator.deck.app import Deck
from loop_orchestrator.deck.painter import Painter
from loop_orchestrator.deck.picture import Picture
from loop_orchestrator.deck.text import Plain
from loop_orchestrator.wiring import Project
from tests.support.projects import PLAIN, project_at

if TYPE_CHECKING:
    from loop_orchestrator.operations.boot import Surroundings

SIZE = (80, 24)

HOSTILE = "[red]no markup[/] \x1b[31mred\x1b[0m \x1b]0;title\x07 \u202egnp.exe\u202c 漢字 👩‍💻 {x} \\[y] \r\x9b2J"
"""What an agent may write."""


@dataclass(frozen=True)
class ProjectDesk:
    """What the deck is given, of a project."""

    world: Project
    caller: str = "person"
    socket: str = "loop"
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def config_places(self) -> tuple[Path, ...]:
        return self.world.config_places

    @property
    def surroundings(self) -> Surroundings:
        return self.world.surroundings

    def require_accepted(self) -> None:
        return None

    def signing_key(self) -> Path | None:
        return None


class Posed(Deck):
    """Takes no pictures by itself."""

    def __init__(self, project: Project, *, only_shows: bool = False) -> None:
        super().__init__(lambda: ProjectDesk(project), only_shows=only_shows)
        self.project = project
        self.told: list[tuple[str, str, str]] = []
        """severity, title and text of each notice"""

    async def _watch(self) -> None:
        self.show(Painter(self.project).take())

    def notify(self, message: str, *, title: str = "", severity: Any = "information", **more: Any) -> None:
        self.told.append((severity, title, message))
        super().notify(message, title=title, severity=severity, **more)

    def look(self) -> Picture:
        """Show what the files say now."""
        self.show(Painter(self.project).take())
        assert self.picture is not None
        return self.picture


def a_project(root: Path) -> Project:
    root.mkdir(exist_ok=True)
    return project_at(root, config=PLAIN, environ={"LOOP_TMUX_SOCKET": str(root / "no-such-socket"), "TMUX": ""})


def driven(app: Posed, use: Callable[[Pilot[None]], Awaitable[None]], *, size: tuple[int, int] = SIZE) -> None:
    """Run a deck, and what uses it once it has shown something."""

    async def main() -> None:
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.picture is not None)
            await use(pilot)

    asyncio.run(main())


async def until(pilot: Pilot[None], met: Callable[[], object], *, limit_s: float = 60.0) -> None:
    """Let the deck go on until a condition is met."""
    deadline = time.monotonic() + limit_s
    while not met():
        assert time.monotonic() < deadline, f"not within {limit_s} s; on the screen:\n{screen_text(pilot.app)}"
        await pilot.pause(0.01)


def screen_text(app: Any) -> str:
    """What is on the terminal, a line for each row."""
    screen = app.screen
    return "\n".join(
        "".join(segment.text for segment in strip).rstrip() for strip in screen._compositor.render_strips()
    )


def words_on(app: Any) -> str:
    """The same in one line, without frames: a sentence that is folded reads as one."""
    return " ".join(screen_text(app).translate(dict.fromkeys(map(ord, "│▊▎▁▔"), " ")).split())


def whole_text(app: Any) -> str:
    """Every line of the texts of the screen that is shown, seen or not."""
    return "\n".join(one._shown for one in app.screen.query(Plain))


async def told_of(pilot: Pilot[None], app: Posed, words: str) -> None:
    """Until a notice has these words."""
    await until(pilot, lambda: any(words in f"{title} {text}" for _, title, text in app.told))
