"""The interactive rehearsal agent: its screen, its keys, and its turns. Between turns nothing wakes it but a key."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from prompt_toolkit.application import Application
from prompt_toolkit.clipboard import DummyClipboard
from prompt_toolkit.filters import Always, Condition, Filter
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import ConditionalContainer, Dimension, HSplit, Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.styles import Style

from loop_orchestrator.errors import LoopError
from loop_orchestrator.rehearsal import rows
from loop_orchestrator.rehearsal.composer import Composer
from loop_orchestrator.rehearsal.history import History
from loop_orchestrator.rehearsal.play import Hands, play
from loop_orchestrator.rehearsal.surroundings import Surroundings
from loop_orchestrator.rehearsal.turn import Conversation

if TYPE_CHECKING:
    from loop_orchestrator.clock import Clock
    from loop_orchestrator.process.run import Finished
    from loop_orchestrator.rehearsal.steps import Step

SPINNER_S = 0.5
"""How often the status row changes while a turn is under way."""

LEAVE_S = 2.0
"""How soon a second Ctrl-C must follow the first to end the program."""

ESCAPE_S = 0.05
"""How long an Escape is held back, since it may be the beginning of Alt-Enter."""

PAGE_ROWS = 5
"""How far Page Up and Page Down move the conversation."""

STYLE = Style(
    [
        ("placeholder", "dim"),
        ("rule", "ansibrightblack"),
        ("footer", "ansibrightblack"),
        ("composer", "bold"),
        ("status", "ansicyan"),
        ("failed", "ansired"),
    ]
)


class RehearsalApp:
    """One run of the program in one terminal."""

    def __init__(
        self,
        *,
        steps_for: Callable[[str], Sequence[Step]],
        around: Surroundings,
        program: Callable[[Sequence[str]], Awaitable[Finished]],
        enter_refused_s: float,
        clock: Clock,
    ) -> None:
        """steps_for: the steps that answer a prompt; raises LoopError where the prompt steers wrongly.

        program: see play.Hands.
        """
        self._steps_for = steps_for
        self._around = around
        self._clock = clock
        self._hands = Hands(program=program, allowed=self._allowed, changed=self._redraw)
        self._conversation = Conversation(_greeting(around.model))
        self._composer = Composer(enter_refused_s=enter_refused_s, monotonic=clock.monotonic)
        self._turn: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[bool] | None = None
        self._ctrl_c_at = float("-inf")
        self._history = History(self._conversation)
        self._dialog = Window(
            FormattedTextControl(self._dialog_text, focusable=True, show_cursor=False), height=Dimension(min=1, max=4)
        )
        self._app: Application[int] = Application(
            layout=Layout(self._rows(), focused_element=self._composer.window),
            style=STYLE,
            key_bindings=self._keys(),
            clipboard=DummyClipboard(),
            full_screen=True,
            enable_page_navigation_bindings=False,
            terminal_size_polling_interval=None,
        )
        self._app.ttimeoutlen = ESCAPE_S
        self._app.timeoutlen = ESCAPE_S

    def run(self) -> int:
        """Draw and serve keys until the program ends. Returns its exit status."""
        try:
            return self._app.run(pre_run=self._serve_termination)
        except EOFError:  # the terminal went away
            return 0

    # The screen, top to bottom.

    def _rows(self) -> HSplit:
        asking = Condition(lambda: self._conversation.approval is not None)
        return HSplit(
            [
                Window(self._history),
                self._row(self._status),
                ConditionalContainer(
                    self._row(lambda: [("class:status", rows.queue_row(self._conversation))]),
                    Condition(lambda: bool(self._conversation.queued)),
                ),
                self._rule(),
                ConditionalContainer(self._dialog, asking),
                ConditionalContainer(self._composer.window, ~asking),
                self._rule(),
                self._row(self._footer),
            ]
        )

    def _row(self, text: Callable[[], StyleAndTextTuples]) -> Window:
        return Window(FormattedTextControl(text), height=Dimension.exact(1))

    def _rule(self) -> Window:
        return Window(char="─", style="class:rule", height=Dimension.exact(1))

    def _status(self) -> StyleAndTextTuples:
        style = "class:failed" if self._conversation.failure else "class:status"
        return [(style, rows.status_row(self._conversation, self._clock.monotonic(), self._width))]

    def _footer(self) -> StyleAndTextTuples:
        word = "working" if self._conversation.working else "ready"
        return [("class:footer", rows.footer_row(self._around.lane, word, self._width))]

    def _dialog_text(self) -> str:
        approval = self._conversation.approval
        return "\n".join(rows.approval_rows(approval, self._width)) if approval else ""

    @property
    def _width(self) -> int:
        return self._app.output.get_size().columns

    # The keys.

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        asking = Condition(lambda: self._conversation.approval is not None)
        composer = self._composer

        def on(*names: str, when: Filter, do: Callable[[], object]) -> None:
            keys.add(*names, filter=when)(lambda _: do())

        keys.add(Keys.BracketedPaste, filter=~asking)(lambda event: composer.paste(event.data))
        on("enter", when=~asking, do=self._submit)
        on("c-j", when=~asking, do=composer.new_line)
        on("escape", "enter", when=~asking, do=composer.new_line)
        on("c-u", when=~asking, do=composer.clear)
        on("escape", when=~asking, do=self._interrupt)
        on("up", when=asking, do=lambda: self._conversation.choose(yes=True))
        on("down", when=asking, do=lambda: self._conversation.choose(yes=False))
        on("enter", when=asking, do=self._choose)
        on("1", when=asking, do=lambda: self._decide(yes=True))
        on("2", when=asking, do=lambda: self._decide(yes=False))
        on("escape", when=asking, do=lambda: self._decide(yes=False))
        on("pageup", when=Always(), do=lambda: self._history.move(PAGE_ROWS))
        on("pagedown", when=Always(), do=lambda: self._history.move(-PAGE_ROWS))
        on("c-c", when=Always(), do=self._stop_or_leave)
        on("<sigint>", when=Always(), do=self._stop_or_leave)
        on("c-z", when=Always(), do=self._suspend)
        return keys

    def _submit(self) -> None:
        prompt = self._composer.enter()
        if prompt.strip() == "/exit":
            self._leave(0)
        elif self._conversation.working and prompt:
            self._conversation.queue(prompt)
        else:
            self._begin(prompt)

    def _interrupt(self) -> None:
        if self._turn is not None:
            self._turn.cancel()

    def _choose(self) -> None:
        approval = self._conversation.approval
        self._decide(yes=approval is not None and approval.yes)

    def _decide(self, *, yes: bool) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(yes)

    def _stop_or_leave(self) -> None:
        """Ctrl-C stops the turn, else clears the draft; a second one soon after, with no draft, ends the program."""
        now = self._clock.monotonic()
        if not self._composer.buffer.text and now - self._ctrl_c_at < LEAVE_S:
            self._leave(0)
        elif self._conversation.working:
            self._interrupt()
        else:
            self._composer.clear()
        self._ctrl_c_at = now

    def _leave(self, status: int) -> None:
        if not self._app.is_done:
            self._app.exit(result=status)

    def _redraw(self) -> None:
        self._app.invalidate()

    def _suspend(self) -> None:
        self._app.suspend_to_background()

    def _serve_termination(self) -> None:
        """End in order, the program of a turn included, when told to or when the terminal goes away."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._leave, 128 + number)

    # The turns.

    def _begin(self, prompt: str) -> None:
        """Start the turn of a prompt, or do what the program's own word ``/clear`` says."""
        while prompt.strip() == "/clear":
            self._conversation.clear()
            prompt = self._conversation.end()
        if prompt:
            self._conversation.begin(prompt, self._clock.monotonic())
            self._history.move_to_end()
            self._turn = self._app.create_background_task(self._play(prompt))
            self._turn.add_done_callback(self._end)

    def _end(self, turn: asyncio.Task[None]) -> None:
        """Close a turn, however it ended, and start the one that was queued behind it."""
        if turn.cancelled():
            self._conversation.interrupt()
        queued = self._conversation.end()
        if not self._app.is_done:
            self._begin(queued)
            self._redraw()

    async def _play(self, prompt: str) -> None:
        spinner = self._app.create_background_task(self._spin())
        try:
            status = await play(self._steps_for(prompt), self._conversation, self._around, self._hands)
            if status is not None:
                self._leave(status)
        except LoopError as error:
            self._conversation.say(error.message)
        except Exception as error:
            self._app.exit(exception=error)
        finally:
            spinner.cancel()

    async def _spin(self) -> None:
        """Draw the status row anew while the turn works; a question that waits for its answer costs nothing."""
        while True:
            await asyncio.sleep(SPINNER_S)
            if self._answer is not None and not self._answer.done():
                await asyncio.wait([self._answer])
            self._redraw()

    async def _allowed(self, what: str) -> bool:
        """Open the dialog in the composer's place until it is answered; the draft stays where it was."""
        self._answer = asyncio.get_running_loop().create_future()
        self._conversation.ask(what)
        self._app.layout.focus(self._dialog)
        self._redraw()
        try:
            return await self._answer
        finally:
            self._conversation.close_question()
            self._app.layout.focus(self._composer.window)


def _greeting(model: str) -> tuple[str, ...]:
    return (
        "rehearsal: a scripted agent; it asks no model and sends nothing.",
        "Enter submits, Ctrl-J makes a new line, Esc interrupts, /exit ends.",
        *([f"Model (only shown): {model}"] if model else []),
    )
