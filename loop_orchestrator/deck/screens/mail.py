"""One message whole, and the list of those that were dealt with."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from loop_orchestrator.clock import format_time
from loop_orchestrator.deck.dialogs.ask_text import AskText
from loop_orchestrator.deck.dialogs.confirm import Confirm
from loop_orchestrator.deck.footer import Keys
from loop_orchestrator.deck.rows import Column, Row, Rows
from loop_orchestrator.deck.screens.whole import Whole
from loop_orchestrator.deck.words import age
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.mail import processed_mail
from loop_orchestrator.operations.person import refuse_agent
from loop_orchestrator.stores.eventlog import source_of

if TYPE_CHECKING:
    from loop_orchestrator.deck.app import Deck
    from loop_orchestrator.deck.desk import Desk
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.message import Message

PERSONS = ("person", "human")
"""Recipients that are no lane."""


class MessageScreen(Whole):
    """a acknowledges it, r replies."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "acknowledge", "Acknowledge"),
        Binding("r", "reply", "Reply"),
    ]

    def __init__(self, message: Message) -> None:
        super().__init__()
        self._message = message
        self.waits: bool | None = None
        """nobody acknowledged it yet; None: not known"""

    def show(self, picture: Picture) -> None:
        mail = picture.status.mail
        if isinstance(mail, Unknown):
            self.waits = None
        else:
            self.waits = any(one.file == self._message.file for one in mail)
        state = {True: "waits", False: "was dealt with", None: "may wait"}[self.waits]
        one = self._message
        head = f"mail from {one.sender} (as it says) to {one.recipient}, {state}"
        self.put(head, text_of(one))

    @work
    async def action_acknowledge(self) -> None:
        """Mail for somebody else is acknowledged only after a yes: nobody reads it after that."""
        one = self._message
        if self.waits is False:
            self.app.tell("it was dealt with before", title=one.subject)
            return
        if one.recipient not in PERSONS:
            said = f"{one.subject}\n\nIt is for {one.recipient}, who finds it no more among the mail that waits."
            if not await self.app.push_screen_wait(Confirm(f"Acknowledge mail for {one.recipient}?", said)):
                return
        self.app.perform(
            f"acknowledging {one.file}",
            lambda desk: acknowledge(desk, one.file),
            lambda _: self.app.tell(one.subject, title="acknowledged"),
        )

    @work
    async def action_reply(self) -> None:
        one = self._message
        answer = await self.app.push_screen_wait(AskText(f"Reply to {one.sender}", f"Re: {one.subject}"))
        if answer is not None:
            body = answer[0]
            self.app.perform(
                f"replying to {one.sender}",
                lambda desk: reply(desk, one.file, body),
                lambda sent: self.app.tell(sent.file, title=f"sent to {sent.recipient}"),
            )


def acknowledge(desk: Desk, file: str) -> None:
    """Raises NotAPersonError from an agent's lane, StoreError if it does not wait any more."""
    refuse_agent(desk.world, "acknowledge mail as a person")
    desk.world.mailbox.ack(file, desk.caller)


def reply(desk: Desk, file: str, body: str) -> Message:
    """Raises NotAPersonError from an agent's lane, StoreError, UsageError."""
    refuse_agent(desk.world, "write mail as a person")
    return desk.world.mailbox.reply(file, desk.caller, body, source=source_of(desk.caller))


def text_of(message: Message) -> str:
    """What is known of it, then its text."""
    lines = [f"subject: {message.subject}", f"sent: {format_time(message.sent_at)}", f"file: {message.file}"]
    lines += [f"answers: {message.in_reply_to}"] if message.in_reply_to else []
    return "\n".join([*lines, "", message.body])


class ProcessedMail(Screen[None]):
    """Mail that somebody acknowledged, newest first; Enter opens it."""

    app: Deck

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.pop_screen", "Back")]

    def __init__(self) -> None:
        super().__init__()
        self._messages: dict[str, Message] = {}

    def compose(self) -> ComposeResult:
        columns = (Column("AGE", 4), Column("FROM", 12), Column("TO", 12), Column("DEALT WITH", 30))
        yield Rows(columns, empty="being read …", id="processed")
        yield Keys()

    def on_mount(self) -> None:
        self.query_one(Rows).focus()
        self.app.perform("reading the mail that was dealt with", _processed, self._read, changes=False)

    def _read(self, messages: tuple[Message, ...]) -> None:
        picture = self.app.picture
        self._messages = {one.file: one for one in messages}
        rows = [
            Row(
                key=one.file,
                cells=(
                    age(picture.status.generated_at, one.sent_at) if picture else "",
                    one.sender,
                    one.recipient,
                    one.subject,
                ),
            )
            for one in reversed(messages)
        ]
        for table in self.query(Rows):  # none in a screen that was left meanwhile
            table.show(rows, empty="No mail was dealt with yet.")

    @on(Rows.Chosen)
    def _opened(self, event: Rows.Chosen) -> None:
        event.stop()
        self.app.push_screen(MessageScreen(self._messages[event.key]))


def _processed(desk: Desk) -> tuple[Message, ...]:
    return processed_mail(desk.world.mailbox, desk.world.layout, None, None)
