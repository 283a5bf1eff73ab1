"""The application: takes pictures, shows them, and has done what a person asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider

from loop_orchestrator.deck.commands import CHANGING, LEAVING, DeckCommands
from loop_orchestrator.deck.screens.main import MainScreen
from loop_orchestrator.deck.screens.pictured import Pictured
from loop_orchestrator.deck.text import harmless
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.harness import HarnessKind

if TYPE_CHECKING:
    from textual.actions import ActionParseResult
    from textual.dom import DOMNode

    from loop_orchestrator.deck.desk import Desk, MakeDesk
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.operations.need import Need

T = TypeVar("T")

READ_S = 0.1
"""For one character of a notice. At half, one with a command to type is gone before it was copied; at double, notices
pile up."""


class Deck(App[None]):
    """One session. It writes nothing by itself; every change is an operation.

    Screens and dialogs are imported once something is shown: half of the time to the first frame would go to them.
    """

    CSS_PATH = Path(__file__).with_name("deck.tcss")
    TITLE = "loop deck"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("question_mark", "help", "Help"),
        Binding("b", "brain", "Brain"),
        Binding("w", "report", "What happened", show=False),
        Binding("m", "processed_mail", "Mail dealt with", show=False),
    ]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {DeckCommands}

    def __init__(self, make_desk: MakeDesk, *, only_shows: bool = False) -> None:
        """only_shows: it changes nothing."""
        super().__init__()
        self.make_desk = make_desk
        self.only_shows = only_shows
        self.under_way: list[str] = []
        """what is being done, in words"""
        self.main = MainScreen()
        self.picture: Picture | None = None
        """the newest"""
        self.harnesses: tuple[tuple[str, str], ...] = ()
        """name of each that a lane can run, and the words to choose it by"""

    async def on_mount(self) -> None:
        await self.begin()

    async def begin(self) -> None:
        """Show the session, and go on showing what changes in it."""
        await self.push_screen(self.main)  # what a picture is put on has to stand
        self.run_worker(self._watch(), name="watch", group="watch", exclusive=True, exit_on_error=True)
        self.perform("reading the harnesses", _harnesses, self._know_harnesses, changes=False)

    def _know_harnesses(self, found: tuple[tuple[str, str], ...]) -> None:
        self.harnesses = found

    async def read_harnesses(self) -> tuple[tuple[str, str], ...]:
        """As ``harnesses``, read now. Raises LoopError."""
        self.harnesses = await asyncio.to_thread(lambda: _harnesses(self.make_desk()))
        return self.harnesses

    async def _watch(self) -> None:
        pictures = await asyncio.to_thread(_import_pictures)
        async for found in pictures(self.make_desk):
            if isinstance(found, LoopError):
                if self.is_running:
                    self.main.blind(f"{found.message} ({found.hint})" if found.hint else found.message)
            else:
                first = self.picture is None
                self.show(found)
                if first:
                    self.call_after_refresh(self.run_worker, asyncio.to_thread(_import_the_rest), name="the rest")

    def go_back(self) -> None:
        """From the main screen to what lies before it; here nothing does, but notices that lie on it go."""
        self.clear_notifications()

    def perform(
        self,
        what: str,
        work: Callable[[Desk], T],
        done: Callable[[T], None] | None = None,
        *,
        failed: Callable[[LoopError], None] | None = None,
        changes: bool = True,
    ) -> None:
        """Have an operation done in a thread; the deck goes on meanwhile.

        what: ``approving d-1``: shown while it lasts, and before the reason if it fails. done: gets the result, on the
        event loop. failed: gets the reason there; it is shown in any case. changes: it changes something, which a deck
        that only shows refuses.
        """
        if changes and self.only_shows:
            self._refuse_to_change()
            return
        self.run_worker(self._perform(what, work, done, failed), name=what)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """What a deck that only shows does not do is refused before anything is asked for it.

        Who goes back has read the notices; they cover a quarter of a small terminal.
        """
        if self.only_shows and action in CHANGING:
            self._refuse_to_change()
            return True
        if action in LEAVING:
            self.clear_notifications()
        return await super().run_action(action, default_namespace, namespaces)

    def _refuse_to_change(self) -> None:
        self.clear_notifications()  # else each key that is tried lays another one over the screen
        self.tell("this deck only shows; to act, use loop deck in a terminal", title="nothing was done", good=False)

    def tell(self, text: str, *, title: str, good: bool = True) -> None:
        """A notice, for as long as it takes to read it; the text may be an agent's."""
        severity: Literal["information", "warning"] = "information" if good else "warning"
        timeout = max(self.NOTIFICATION_TIMEOUT, len(text) * READ_S)
        self.notify(harmless(text).plain, title=title, severity=severity, markup=False, timeout=timeout)

    def open_need(self, need: Need) -> None:
        """Show what waits for a person, with the keys that answer it."""
        from loop_orchestrator.deck.opening import screen_of_need

        self.push_screen(screen_of_need(need))

    def open_record(self, ledger: str, key: str) -> None:
        """Show the whole of a row of one of the tables."""
        from loop_orchestrator.deck.opening import screen_of_record

        if self.picture is not None and (screen := screen_of_record(ledger, key, self.picture)) is not None:
            self.push_screen(screen)

    def action_help(self) -> None:
        """Every key, in groups, and what the signs mean."""
        from loop_orchestrator.deck.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_brain(self) -> None:
        """What brains say, as it comes."""
        from loop_orchestrator.deck.screens.brain import BrainScreen

        if not isinstance(self.screen, BrainScreen):
            self.push_screen(BrainScreen())

    def action_report(self) -> None:
        """What happened since a person last looked."""
        from loop_orchestrator.deck.screens.report import ReportScreen

        if not isinstance(self.screen, ReportScreen):
            self.push_screen(ReportScreen())

    def action_processed_mail(self) -> None:
        """Mail that somebody acknowledged."""
        from loop_orchestrator.deck.screens.mail import ProcessedMail

        if not isinstance(self.screen, ProcessedMail):
            self.push_screen(ProcessedMail())

    async def _perform(
        self,
        what: str,
        work: Callable[[Desk], T],
        done: Callable[[T], None] | None,
        failed: Callable[[LoopError], None] | None,
    ) -> None:
        self.under_way.append(what)
        self._tell_under_way()
        try:
            result = await asyncio.to_thread(lambda: work(self.make_desk()))
        except LoopError as error:
            hint = f"\n{error.hint}" if error.hint else ""
            self.notify(
                harmless(f"{error.message}{hint}").plain, title=f"{what} failed", severity="error", markup=False
            )
            if failed is not None:
                failed(error)
        else:
            if done is not None:
                done(result)
        finally:
            self.under_way.remove(what)
            self._tell_under_way()

    def _tell_under_way(self) -> None:
        if self.is_running:  # else the screens are being taken down
            self.main.tell_under_way(self.under_way)

    def show(self, picture: Picture) -> None:
        """Put a picture on every screen that shows one."""
        if not self.is_running:  # the screens are being taken down
            return
        self.picture = picture
        for screen in self.screen_stack:
            if isinstance(screen, Pictured) and screen.is_mounted:
                screen.show(picture)


def _import_pictures() -> Callable[[MakeDesk], AsyncGenerator[Picture | LoopError, None]]:
    """Half of the program, of which the first frame needs nothing."""
    from loop_orchestrator.deck.watching import pictures

    return pictures


def _import_the_rest() -> None:
    """What is opened by a key, so that the key finds it there."""
    import loop_orchestrator.deck.lanedeeds
    import loop_orchestrator.deck.opening
    import loop_orchestrator.deck.screens.help  # noqa: F401


def _harnesses(desk: Desk) -> tuple[tuple[str, str], ...]:
    found = sorted(desk.world.harnesses.items())
    return tuple((name, f"{name}: {spec.title}") for name, spec in found if spec.kind is not HarnessKind.BRAIN)
