"""One decision as a whole: what the engine wants to do, why a person is asked, and the answer for each action."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from loop_orchestrator.deck import answers
from loop_orchestrator.deck.decisiontext import (
    HEAD,
    action_of,
    changes,
    dangers,
    ended,
    fields_of,
    head_of,
    is_open_delivery,
    is_same,
    op_of,
    progress,
)
from loop_orchestrator.deck.dialogs.ask_text import AskText
from loop_orchestrator.deck.dialogs.choose import Choose
from loop_orchestrator.deck.dialogs.confirm import Confirm
from loop_orchestrator.deck.footer import Keys
from loop_orchestrator.deck.page import Block, Page, Part
from loop_orchestrator.deck.screens.pictured import Pictured
from loop_orchestrator.deck.words import counted
from loop_orchestrator.model.decision import DecisionStatus, ItemStatus
from loop_orchestrator.operations.resolve import Outcome

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import Desk
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.errors import LoopError
    from loop_orchestrator.model.decision import Decision, Item
    from loop_orchestrator.model.delivery import Receipt
    from loop_orchestrator.operations.decisions import Approved

T = TypeVar("T")


class DecisionScreen(Pictured):
    """Nothing is shortened here: what is approved is what stands here, by its digest."""

    DEFAULT_CSS = """
    DecisionScreen > #answer {
        dock: bottom; height: 2; padding: 0 1; margin: 0 0 1 0; background: $panel;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    DecisionScreen > ToastRack { margin-bottom: 3; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "approve", "Approve"),
        Binding("N", "reject", "Reject"),
        Binding("space", "mark", "Mark"),
        Binding("e", "edit", "Edit"),
        Binding("u", "settle", "Settle"),
        Binding("j", "next(1)", "Next"),
        Binding("k", "next(-1)", "Prev"),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self, decision_id: str) -> None:
        super().__init__()
        self.decision_id = decision_id
        self.decision: Decision | None = None
        """as it stands here"""
        self.picture: Picture | None = None
        self.place = 0
        self.marked: frozenset[int] = frozenset()
        """actions that the answer is for; none: all that wait"""
        self.changed_from: Decision | None = None
        """what was read here, until the person was told that it is another now"""
        self.answering: tuple[str, tuple[int, ...]] | None = None
        """the answer that is under way: approving or rejecting, and which actions"""
        self.problem: LoopError | None = None
        """why the last answer failed"""
        self.overtaken = ""
        """digest before a change that was made here: a picture may have been taken just before"""
        self.closed = False

    def compose(self) -> ComposeResult:
        yield Page(id="page")
        yield Static("", id="answer", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        page = self.query_one(Page)
        page.focus()
        self.watch(page, "scroll_y", self._say_how, init=False)
        if self.app.picture is not None:
            self.show(self.app.picture)

    def show(self, picture: Picture) -> None:
        """The decision as it is in this picture."""
        self.picture = picture
        found = next((one for one in picture.status.engine.decisions if one.id == self.decision_id), None)
        if found is not None:
            if found.digest != self.overtaken:
                self.overtaken = ""
                self._take(found)
        elif not self.closed and self.answering is None:
            self.closed = True
            self.app.perform(
                f"reading what became of {self.decision_id}",
                lambda desk: answers.look_up(desk, self.decision_id),
                self._take,
                failed=self._fail,
                changes=False,
            )
        self._paint()

    def _fail(self, error: LoopError) -> None:
        """Say until the next answer what went wrong, and what to do."""
        self.answering, self.problem = None, error
        self._paint()
        if self.is_attached:
            self.query_one(Page).scroll_home(animate=False)
        if self.is_current:
            # It stands at the top here; its notice, which comes in a moment, would lie over it.
            self.app.call_later(self.app.clear_notifications)

    def _take(self, now: Decision) -> None:
        """Show this one from now on; what was marked stays marked where it is still the same and waits."""
        was, self.decision = self.decision, now
        if was is not None and not is_same(was, now) and self.changed_from is None:
            self.changed_from = was
        before = {item.idx: item.action for item in was.items} if was else {}
        self.marked &= {
            item.idx for item in now.items if item.status is ItemStatus.WAITING and item.action == before.get(item.idx)
        }
        self.place = min(self.place, max(0, len(now.items) - 1))
        self._paint()

    def _paint(self) -> None:
        if self.picture is None or not self.is_attached:
            return
        page = self.query_one(Page)
        page.show(self._blocks(self.picture), str(self.item.idx) if self.item else "-")
        self._say_how()

    def _blocks(self, picture: Picture) -> list[Block]:
        decision, blocks = self.decision, list[Block]()
        if self.problem is not None:
            hint = [Part(self.problem.hint, "page--person")] if self.problem.hint else []
            blocks.append(Block(HEAD, (Part(f"Not done: {self.problem.message}", "page--failure"), *hint)))
        elif self.closed:
            blocks.append(ended(self.decision_id, picture.events))
        if decision is None or (self.closed and decision.status is DecisionStatus.WAITING):
            return blocks  # how it ended is being read
        if self.changed_from is not None and not self.closed:
            blocks.append(changes(self.changed_from, decision))
        blocks.append(head_of(decision, picture))
        blocks += [action_of(item, decision, picture, marked=item.idx in self.marked) for item in decision.items]
        return blocks

    @on(Page.Folded)
    def _say_how(self) -> None:
        """Say in two lines below the text what the keys do now, and how much of the text is in sight."""
        if self.picture is None or not self.is_attached:
            return
        first, last, count = self.query_one(Page).in_sight
        text = f"{self._how(self.picture)}\nlines {first}-{last} of {count}"
        if last < count:
            text += "; arrows and Page Down show more"
        line = self.query_one("#answer", Static)
        if line.content != text:
            line.update(text, layout=False)

    def _how(self, picture: Picture) -> str:
        decision = self.decision
        if decision is None:
            return "reading"
        if self.answering is not None:
            what, indices = self.answering
            return f"… {what}: {progress(decision, indices, picture)}"
        if self.changed_from is not None and not self.closed:
            return "It changed while it was open: see the top. An answer is for what stands here now."
        indices = self._waiting()
        if not indices:
            return "Nothing of it waits for an answer. Esc goes back."
        if self.app.only_shows:
            return f"This deck only shows. In a terminal: loop approve {self.decision_id}"
        if self.marked:
            marked = ", ".join(map(str, sorted(self.marked)))
            return f"y approves and N rejects only the marked ({marked}). e edits action {self._here}."
        if len(indices) == 1:
            return f"y approves and N rejects action {indices[0]}. e edits action {self._here}."
        return f"y approves and N rejects all {len(indices)}. space marks single ones, e edits action {self._here}."

    @property
    def _here(self) -> int:
        return self.item.idx if self.item else 0

    @property
    def item(self) -> Item | None:
        """The chosen action."""
        items = self.decision.items if self.decision else ()
        return items[self.place] if self.place < len(items) else None

    def _waiting(self) -> tuple[int, ...]:
        items = self.decision.items if self.decision and not self.closed else ()
        return tuple(item.idx for item in items if item.status is ItemStatus.WAITING)

    def action_back(self) -> None:
        self.app.pop_screen()

    def action_next(self, by: int) -> None:
        count = len(self.decision.items) if self.decision else 0
        self.place = max(0, min(self.place + by, count - 1))
        self._paint()
        if self.item is not None:
            self.query_one(Page).go_to(str(self.item.idx))

    def action_mark(self) -> None:
        """The answer is for the marked actions; without a mark it is for all that wait."""
        if self.item is None or self.item.status is not ItemStatus.WAITING:
            self._refuse("this action does not wait for an answer")
            return
        self.marked ^= {self.item.idx}
        self._paint()

    def _refuse(self, why: str) -> None:
        self.app.tell(why, title="nothing was done", good=False)

    def _answered(self) -> tuple[int, ...]:
        """The actions that an answer of now is for; none, and the person is told why, where it is for nothing."""
        if self.answering is not None:
            self._refuse(f"{self.answering[0]} is still under way")
        elif not self._waiting():
            self._refuse("nothing of this decision waits for an answer")
        elif self.changed_from is not None:
            self.changed_from = None
            self._refuse("it changed while it was open; the answer is for what stands here now: press again")
            self._paint()
        else:
            return tuple(idx for idx in self._waiting() if not self.marked or idx in self.marked)
        return ()

    @work
    async def action_approve(self) -> None:
        """What is destructive is asked for once more."""
        if not (indices := self._answered()) or (decision := self.decision) is None:
            return
        items = [item for item in decision.items if item.idx in indices]
        if asked := dangers(items):
            title = f"Run {counted(len(items), 'action')} of {decision.id}?"
            if not await self.app.push_screen_wait(Confirm(title, asked)) or not self._is_still(decision):
                return

        def done(approved: Approved) -> None:
            told = ", ".join(
                f"{item.idx} {item.status.value}" for item in approved.decision.items if item.idx in indices
            )
            self.app.tell(told, title=f"{decision.id} approved", good=not approved.failed)
            self._settled(approved.decision, leave=not approved.failed)

        self._answer("approving", indices, lambda desk: answers.say_yes(desk, decision, indices), done)

    @work
    async def action_reject(self) -> None:
        if not (indices := self._answered()) or (decision := self.decision) is None:
            return
        title = f"Reject {counted(len(indices), 'action')} of {decision.id}"
        answer = await self.app.push_screen_wait(AskText(title, "Why? The next cycle reads it.", needed=False))
        if answer is None or not self._is_still(decision):
            return
        reason = answer[0].strip()

        def done(rejected: Decision) -> None:
            self.app.tell(f"{counted(len(indices), 'action')} rejected", title=decision.id)
            self._settled(rejected, leave=True)

        self._answer("rejecting", indices, lambda desk: answers.say_no(desk, decision, indices, reason), done)

    def _is_still(self, decision: Decision) -> bool:
        """The decision is what it was when the question was put; if not, the person is told."""
        if self.decision is not None and is_same(self.decision, decision) and not self.closed:
            return True
        self._refuse("the decision changed, or closed, while you were asked; look at it again")
        return False

    def _answer(
        self, what: str, indices: tuple[int, ...], work: Callable[[Desk], T], done: Callable[[T], None]
    ) -> None:
        """Have an answer carried out, and show how far it is."""

        def ended(result: T) -> None:
            self.answering = None
            done(result)

        self.answering, self.problem = (what, indices), None
        self._paint()
        self.app.perform(f"{what} {self.decision_id}", work, ended, failed=self._fail)

    def _settled(self, decision: Decision, *, leave: bool) -> None:
        """An answer was carried out. Where all of it went well and nothing waits, the screen is left."""
        self.marked = frozenset()
        nothing_left = not any(item.status is ItemStatus.WAITING for item in decision.items)
        if nothing_left and leave and self.is_current:
            self.app.pop_screen()
            return
        self._take(decision)

    @work
    async def action_edit(self) -> None:
        """Another value for one field of the chosen action; the gate judges it anew."""
        decision, item = self.decision, self.item
        if not self._answered() or decision is None:
            return
        if item is None or item.status is not ItemStatus.WAITING:
            self._refuse("only an action that waits for an answer can be edited")
            return
        fields = fields_of(item.action)
        name = await self.app.push_screen_wait(
            Choose(f"Edit action {item.idx}: which field?", list(fields), words=fields)
        )
        if name is None:
            return
        value, problem = fields[name], ""
        while True:
            asked = await self.app.push_screen_wait(_value_asked(name, item, fields[name], value, problem))
            if asked is None or not self._is_still(decision):
                return
            value = asked if isinstance(asked, str) else asked[0]
            if value == fields[name]:
                self._refuse(f"{name} stays what it was")
                return
            error = await self._changed(decision, item, name, value)
            if error is None:
                return
            problem = error.message

    async def _changed(self, decision: Decision, item: Item, name: str, value: str) -> LoopError | None:
        """Change the field, and show how it is judged now. An error: it was not changed, for that reason."""
        ended: asyncio.Future[LoopError | None] = asyncio.get_running_loop().create_future()

        def told(error: LoopError | None) -> None:
            if not ended.done():
                ended.set_result(error)

        def done(edited: Decision) -> None:
            self._take(edited)
            self.changed_from, self.overtaken = None, decision.digest
            self._paint()
            verdict = next(one.verdict for one in edited.items if one.idx == item.idx)
            self.app.tell(
                "; ".join((f"judged {verdict.level.value} now, was {item.verdict.level.value}", *verdict.reasons)),
                title=f"{name} of action {item.idx} changed",
            )
            self.query_one(Page).go_to(str(item.idx))
            told(None)

        self.app.perform(
            f"editing action {item.idx} of {decision.id}",
            lambda desk: answers.change(desk, decision, item.idx, name, value),
            done,
            failed=told,
        )
        return await ended

    @work
    async def action_settle(self) -> None:
        """Say what became of an action whose outcome nobody knows."""
        decision, item, picture = self.decision, self.item, self.picture
        if decision is None or item is None or picture is None or item.status is not ItemStatus.UNKNOWN:
            self._refuse("the chosen action has no unknown outcome")
            return
        op = op_of(decision, item)
        if not is_open_delivery(op, picture):
            self._refuse("there is no text to say something of; the next cycle of the engine looks again")
            return
        words = answers.outcomes(stands=op in picture.status.standing)
        chosen = await self.app.push_screen_wait(
            Choose(f"What became of the text to {item.action.target}?", list(words), words=words)
        )
        if chosen is None:
            return

        def done(receipt: Receipt) -> None:
            self.app.tell(f"{receipt.status.value}: {receipt.evidence}", title=receipt.op)

        self._answer("settling", (item.idx,), lambda desk: answers.settle(desk, op, Outcome(chosen)), done)


def _value_asked(name: str, item: Item, was: str, value: str, problem: str) -> AskText | Choose:
    title = f"{name} of action {item.idx}"
    if was in ("true", "false"):
        return Choose(title, ["true", "false"], words={was: "as it is now"}, wrong=problem)
    return AskText(title, "The gate judges it anew.", text=value, old=was, wrong=problem, needed=False)
