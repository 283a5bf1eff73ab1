"""One decision as a whole: what the engine wants to do, why a person is asked, and the answer for each action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.deck.dialogs.ask_text import AskText
from loop_orchestrator.deck.dialogs.choose import Choose
from loop_orchestrator.deck.dialogs.confirm import Confirm
from loop_orchestrator.deck.text import Plain
from loop_orchestrator.deck.words import SIGNS, age, counted
from loop_orchestrator.model.decision import DecisionStatus, ItemStatus
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.verdict import Level
from loop_orchestrator.operations.decisions import Approved, approve, edit, reject
from loop_orchestrator.operations.person import check_person

if TYPE_CHECKING:
    from loop_orchestrator.deck.app import Deck
    from loop_orchestrator.deck.picture import Picture
    from loop_orchestrator.model.decision import Decision, Item


class DecisionScreen(Screen[None]):
    """Nothing is shortened here: what is approved is what stands here, by its digest."""

    app: Deck

    DEFAULT_CSS = """
    DecisionScreen > VerticalScroll { padding: 0 1; }
    DecisionScreen .action { border-left: thick $panel-lighten-2; padding: 0 0 0 1; margin: 1 0 0 0; }
    DecisionScreen .action.chosen { border-left: thick $accent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "approve", "Approve"),
        Binding("space", "mark", "Mark"),
        Binding("N", "reject", "Reject"),
        Binding("e", "edit", "Edit"),
        Binding("j,down", "next(1)", "Next", show=False),
        Binding("k,up", "next(-1)", "Previous", show=False),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self, decision_id: str) -> None:
        super().__init__()
        self.decision_id = decision_id
        self.decision: Decision | None = None
        self.picture: Picture | None = None
        self.place = 0
        self.marked: frozenset[int] = frozenset()
        """actions that the answer is for; none: all that wait"""

    def compose(self) -> ComposeResult:
        yield VerticalScroll(Plain(id="head"), id="actions")
        yield Footer(show_command_palette=False)

    def show(self, picture: Picture) -> None:
        """The decision as it is in this picture."""
        self.picture = picture
        found = next((one for one in picture.status.engine.decisions if one.id == self.decision_id), None)
        head = self.query_one("#head", Plain)
        if found is None:
            self.decision = None
            head.show(f"decision {self.decision_id} is settled; Esc goes back")
            return
        was, self.decision = self.decision, found
        head.show(head_of(found, picture, self.marked))
        box = self.query_one("#actions", VerticalScroll)
        if was is None or len(was.items) != len(found.items):
            box.query(".action").remove()
            for item in found.items:
                one = Plain(id=f"action-{item.idx}")
                one.add_class("action")
                box.mount(one)
        self._paint()

    def _paint(self) -> None:
        if self.decision is None or self.picture is None:
            return
        for place, item in enumerate(self.decision.items):
            mark = "■ " if item.idx in self.marked else ""
            for one in self.query(f"#action-{item.idx}").results(Plain):
                one.show(mark + action_text(item, self.picture))
                one.set_class(place == self.place, "chosen")
        self.query_one("#head", Plain).show(head_of(self.decision, self.picture, self.marked))

    @property
    def item(self) -> Item | None:
        """The chosen action."""
        items = self.decision.items if self.decision else ()
        return items[self.place] if self.place < len(items) else None

    def action_back(self) -> None:
        self.app.pop_screen()

    def action_next(self, by: int) -> None:
        count = len(self.decision.items) if self.decision else 0
        self.place = max(0, min(self.place + by, count - 1))
        self._paint()
        if self.item is not None:
            self.query_one(f"#action-{self.item.idx}").scroll_visible(animate=False)

    def action_mark(self) -> None:
        """The answer is for the marked actions; without a mark it is for all that wait."""
        if self.item is not None and self.item.status is ItemStatus.WAITING:
            self.marked ^= {self.item.idx}
            self._paint()

    def _answered(self) -> tuple[int, ...]:
        assert self.decision is not None
        waiting = [item.idx for item in self.decision.items if item.status is ItemStatus.WAITING]
        return tuple(idx for idx in waiting if not self.marked or idx in self.marked)

    @work
    async def action_approve(self) -> None:
        """What is destructive is asked for once more."""
        decision = self.decision
        if decision is None or not (indices := self._answered()):
            return
        items = [item for item in decision.items if item.idx in indices]
        dangerous = [one for one in items if one.verdict.level is not Level.SAFE]
        if dangerous:
            said = "\n".join(
                f"{one.idx}. {one.action.kind} {one.action.target}: {'; '.join(one.verdict.reasons)}"
                for one in dangerous
            )
            title = f"Run {counted(len(items), 'action')} of {decision.id}?"
            if not await self.app.push_screen_wait(Confirm(title, said)):
                return

        def done(approved: Approved) -> None:
            told = ", ".join(
                f"{item.idx} {item.status.value}" for item in approved.decision.items if item.idx in approved.items
            )
            self.app.notify(
                told,
                title=f"{decision.id} approved",
                markup=False,
                severity="warning" if approved.failed else "information",
            )
            self._leave_if_settled(approved.decision)

        self.app.perform(
            f"approving {decision.id}",
            lambda desk: approve(
                desk.world,
                decision.id,
                digest=decision.digest,
                indices=indices,
                person=check_person(desk.world),
                key=desk.signing_key(),
            ),
            done,
        )

    @work
    async def action_reject(self) -> None:
        decision = self.decision
        if decision is None or not (indices := self._answered()):
            return
        title = f"Reject {counted(len(indices), 'action')} of {decision.id}"
        answer = await self.app.push_screen_wait(AskText(title, "Why? The next cycle reads it.", needed=False))
        if answer is None:
            return
        reason = answer[0].strip()

        def done(rejected: Decision) -> None:
            self.app.notify(f"{counted(len(indices), 'action')} rejected", title=decision.id, markup=False)
            self._leave_if_settled(rejected)

        self.app.perform(
            f"rejecting {decision.id}",
            lambda desk: reject(
                desk.world, decision.id, reason=reason, indices=indices, person=check_person(desk.world)
            ),
            done,
        )

    @work
    async def action_edit(self) -> None:
        """Another value for one field of the chosen action; the gate judges it anew."""
        decision, item = self.decision, self.item
        if decision is None or item is None or item.status is not ItemStatus.WAITING:
            return
        fields = fields_of(item)
        name = await self.app.push_screen_wait(Choose(f"Edit action {item.idx}: which field?", list(fields)))
        if name is None:
            return
        answer = await self.app.push_screen_wait(
            AskText(f"{name} of action {item.idx}", "", text=fields[name], needed=False)
        )
        if answer is None or answer[0] == fields[name]:
            return
        value = answer[0]
        self.app.perform(
            f"editing action {item.idx} of {decision.id}",
            lambda desk: edit(
                desk.world,
                decision.id,
                item.idx,
                {name: value},
                digest=decision.digest,
                person=check_person(desk.world),
            ),
            lambda edited: self.app.notify(f"the digest is {edited.digest[:12]} now", title="changed", markup=False),
        )

    def _leave_if_settled(self, decision: Decision) -> None:
        self.marked = frozenset()
        if not any(item.status is ItemStatus.WAITING for item in decision.items) and self.is_current:
            self.app.pop_screen()


def head_of(decision: Decision, picture: Picture, marked: frozenset[int]) -> str:
    """What stands above the actions."""
    waiting = [item for item in decision.items if item.status is ItemStatus.WAITING]
    lines = [
        f"decision {decision.id}, {decision.status.value}, {age(picture.status.generated_at, decision.created_at)} old",
        f"by {decision.brain} in mode {decision.mode.value}; digest {decision.digest}",
    ]
    if decision.status is DecisionStatus.WAITING:
        whose = f"the {counted(len(marked), 'marked action')}" if marked else f"all {len(waiting)} that wait"
        lines.append(f"y approves and N rejects {whose}; space marks one, e edits it. Nothing runs until you answer.")
    lines += ["", decision.critique]
    return "\n".join(lines)


def action_text(item: Item, picture: Picture) -> str:
    """One action whole: verdict, reasons, every field, and the lane that it is about as it is now."""
    lines = [
        f"{item.idx}. {item.action.kind} {item.action.target}".rstrip()
        + f"  [{item.verdict.level.value}, {item.status.value}]"
    ]
    lines += [f"why you are asked: {reason}" for reason in item.verdict.reasons]
    lines += [f"note: {item.note}"] if item.note else []
    lane = _lane_now(item.action.target, picture)
    lines += [f"the lane now: {lane}"] if lane else []
    for name, value in fields_of(item).items():
        lines += (
            [f"{name}:", *(f"    {row}" for row in value.split("\n"))]
            if "\n" in value or len(value) > 60
            else [f"{name}: {value}"]
        )
    return "\n".join(lines)


def fields_of(item: Item) -> Mapping[str, str]:
    """Every field of an action, as it is edited."""
    fields = item.action.to_fields() if isinstance(item.action, ActionKind) else {}
    return {name: _edited(value) for name, value in fields.items()}


def _edited(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _lane_now(target: str, picture: Picture) -> str:
    if isinstance(picture.status.lanes, Unknown):
        return ""
    for lane in picture.status.lanes:
        if lane.name == target:
            return f"{SIGNS[lane.state.word]} {lane.state.word.value} ({lane.state.detail.value})"
    return ""
