"""One architecture decision: its text, what it lacks, and a person's word on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from loop_orchestrator.deck.dialogs.ask_text import AskText
from loop_orchestrator.deck.dialogs.choose import Choose
from loop_orchestrator.deck.dialogs.confirm import Confirm
from loop_orchestrator.deck.screens.whole import Whole
from loop_orchestrator.model.adr import ADR_MOVES, RECORDS, Adr, AdrStatus
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.adr import accept, lacks, reject, supersede
from loop_orchestrator.operations.person import check_person

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture


class AdrScreen(Whole):
    """a accepts, r rejects, S says which other one took its place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "accept", "Accept"),
        Binding("r", "reject", "Reject"),
        Binding("S", "supersede", "Supersede"),
    ]

    def __init__(self, id: str) -> None:
        super().__init__()
        self._id = id
        self.adr: Adr | None = None
        self.lacking: tuple[str, ...] = ()
        """what it lacks to be accepted, a sentence each"""

    def show(self, picture: Picture) -> None:
        adrs = () if isinstance(picture.adrs, Unknown) else picture.adrs
        found = next((one for one in adrs if one.id == self._id), None)
        if found is None:
            why = f": {picture.adrs.reason}" if isinstance(picture.adrs, Unknown) else ""
            self.put(f"ADR {self._id} cannot be read{why}", "")
            return
        was, self.adr = self.adr, found
        if found != was:
            self._look_what_lacks(found)
        self._paint()

    def _look_what_lacks(self, adr: Adr, *, asked: bool = False) -> None:
        """asked: a person wanted to accept it, and is told."""

        def know(lacking: tuple[str, ...]) -> None:
            self.lacking = lacking
            self._paint()
            if asked and lacking:
                self.app.tell(
                    "it says at its top what it lacks", title=f"ADR {adr.id} cannot be accepted yet", good=False
                )
            elif asked:
                self.app.tell("it lacks nothing any more; a accepts it", title=f"ADR {adr.id}")

        self.app.perform(
            f"reading ADR {adr.id}",
            lambda desk: tuple(one.sentence for one in lacks(desk.world.root, adr)),
            know,
            changes=False,
        )

    def _paint(self) -> None:
        if self.adr is not None:
            self.put(head_of(self.adr), text_of(self.adr, self.lacking))

    def _may_become(self, to: AdrStatus) -> Adr | None:
        """The ADR, if it can be settled so; says why not."""
        adr = self.adr
        if adr is not None and to not in ADR_MOVES[adr.status]:
            self.app.tell(f"it is {adr.status.value}, and cannot be {to.value.lower()}", title=f"ADR {adr.id}")
            return None
        return adr

    @work
    async def action_accept(self) -> None:
        if (adr := self._may_become(AdrStatus.ACCEPTED)) is None:
            return
        if self.lacking:
            self._look_what_lacks(adr, asked=True)
            return
        said = f"{adr.title}\n\nIt holds from now on; only another ADR takes its place."
        if await self.app.push_screen_wait(Confirm(f"Accept ADR {adr.id}?", said)):
            self.app.perform(
                f"accepting ADR {adr.id}",
                lambda desk: accept(desk.world, adr.id, check_person(desk.world)),
                lambda now: self.app.tell(now.title, title=f"ADR {now.id} is accepted"),
            )

    @work
    async def action_reject(self) -> None:
        if (adr := self._may_become(AdrStatus.REJECTED)) is None:
            return
        said = f"{adr.title}\n\nWhy not? The reason is recorded; a rejected ADR stays rejected."
        answer = await self.app.push_screen_wait(AskText(f"Reject ADR {adr.id}", said))
        if answer is not None:
            reason = answer[0].strip()
            self.app.perform(
                f"rejecting ADR {adr.id}",
                lambda desk: reject(desk.world, adr.id, check_person(desk.world), reason=reason),
                lambda now: self.app.tell(now.title, title=f"ADR {now.id} is rejected"),
            )

    @work
    async def action_supersede(self) -> None:
        """Only an accepted one can take the place of an accepted one."""
        if (adr := self._may_become(AdrStatus.SUPERSEDED)) is None:
            return
        picture = self.app.picture
        adrs = () if picture is None or isinstance(picture.adrs, Unknown) else picture.adrs
        others = [one for one in adrs if one.status is AdrStatus.ACCEPTED and one.id != adr.id]
        if not others:
            self.app.tell("no other ADR is accepted, so nothing would hold", title=f"ADR {adr.id}", good=False)
            return
        names = [f"{one.id} {one.title}" for one in others]
        chosen = await self.app.push_screen_wait(Choose(f"Which one takes the place of ADR {adr.id}?", names))
        if chosen is None:
            return
        new = others[names.index(chosen)]
        said = f"{adr.id} {adr.title}\nholds no longer; in its place holds\n{new.id} {new.title}"
        if await self.app.push_screen_wait(Confirm(f"Supersede ADR {adr.id}?", said)):
            self.app.perform(
                f"superseding ADR {adr.id}",
                lambda desk: supersede(desk.world, adr.id, new.id, check_person(desk.world)),
                lambda now: self.app.tell(f"by {new.id} {new.title}", title=f"ADR {now.id} is superseded"),
            )


def head_of(adr: Adr) -> str:
    """``ADR 0001  Proposed  Use tmux``."""
    by = f" by {adr.superseded_by}" if adr.superseded_by else ""
    return f"ADR {adr.id}  {adr.status.value}{by}  {adr.title}"


def text_of(adr: Adr, lacking: tuple[str, ...]) -> str:
    """What is said of it, then its text."""
    lines = []
    if adr.status is AdrStatus.PROPOSED:
        lines += (
            ["It cannot be accepted yet. It lacks:", *(f"  - {one}" for one in lacking), ""]
            if lacking
            else ["It waits for you: a accepts it, r rejects it with a reason.", ""]
        )
    lines += [f"title: {adr.title}"]
    lines += [f"deciders: {adr.deciders}"] if adr.deciders else []
    lines += [f"{key}: {getattr(adr, key) or 'none'}" for key in RECORDS]
    return "\n".join([*lines, f"file: {adr.file}", "", adr.body])
