"""Mode lane: a lane is asked to take mail in, through the gate and a delivery, once for each batch.

It writes the pages itself and answers by mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.clock import format_time, parse_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.fences import fenced
from loop_orchestrator.engine.ingestwrite import begin, edited, finish, set_problem
from loop_orchestrator.engine.record import propose
from loop_orchestrator.engine.reply import Proposal
from loop_orchestrator.errors import DecisionStateError, NotAllowedError, StoreError
from loop_orchestrator.model.decision import Decision, DecisionStatus, Item, ItemStatus
from loop_orchestrator.model.ingest import ANSWER_SUBJECT, Batch, Edit, Taken
from loop_orchestrator.model.wiki import INGEST, LOG, Right, area_of, mark, marked
from loop_orchestrator.model.wikisections import PageFault
from loop_orchestrator.prompts import fill

if TYPE_CHECKING:
    from loop_orchestrator.config.memory import IngestConfig
    from loop_orchestrator.model.decision import ApprovalMode
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.world import World

BRAIN = "ingest"
"""Stands as the brain of the decision that asks."""

AGAIN_S, MOST_AGAIN_S = 60.0, 3_600.0
"""Seconds after which a lane is asked that the text did not reach; they double. At half, a lane that is down is asked
twice as often; at double, one that comes back is asked minutes later."""

DAY_S = 86_400.0
"""A batch of another session is given up after this: a decision may wait for a person over night."""


def why_not(world: World, config: IngestConfig) -> str:
    """Why the lane cannot be asked now; empty: it can."""
    record = world.lanes.records().get(config.lane)
    if record is not None and not record.agent:
        return f"lane {config.lane} runs no agent, so the text would be executed as it stands"
    if record is None:
        return (
            f"there is no lane {config.lane}, which engine.ingest.lane names: loop lane add {config.lane} --harness H"
        )
    failures, until = world.ingest.wait()
    if failures and world.clock.now() < parse_time(until):
        return f"the text did not reach lane {config.lane}; it is asked again from {until} on"
    lane = next((one for one in world.observe_lanes() if one.name == config.lane), None)
    if lane is None or not lane.state.ready:
        seen = lane.state.detail.value if lane else "not to be seen"
        return f"lane {config.lane} is {seen}"
    claim = next((one.id for one in world.decisions.open_decisions() if config.lane in one.claimed_lanes), "")
    return f"lane {config.lane} is claimed by {claim}" if claim else ""


def ask_lane(world: World, batch: Batch, *, cycle: str, mode: ApprovalMode) -> None:
    """Ask, once: what is on disk tells whether it was done. The caller holds the cycle's lock."""
    begin(world, batch)
    _propose(world, batch, cycle=cycle, mode=mode)


def go_on(world: World, batch: Batch, answers: Iterable[Message], *, cycle: str, mode: ApprovalMode | None) -> bool:
    """Carry a batch on that a lane was asked about; whether it ended.

    answers: mail to coord that may answer it. mode: None where nobody may be asked now.
    """
    if batch.session != world.session:  # its own engine goes on with it, if it is still there
        if world.clock.now() - batch.begun_at < timedelta(seconds=max(DAY_S, _limit_s(world))):
            return False
        finish(world, batch, Taken.UNANSWERED, pages=(), note=f"session {batch.session} never went on with it")
        return True
    for message in answers:
        found = ANSWER_SUBJECT.fullmatch(message.subject)
        if found and found[1] == batch.id and message.sender == batch.lane:
            _answered(world, batch, message, done=found[2] == "done")
            return True
    try:
        decision = world.decisions.get(batch.decision)
    except DecisionStateError:  # it was not filed: nobody was asked
        if mode is not None:
            _propose(world, batch, cycle=cycle, mode=mode)
        return False
    return decision.status is DecisionStatus.CLOSED and _asked(world, batch, decision)


def _propose(world: World, batch: Batch, *, cycle: str, mode: ApprovalMode) -> None:
    payload = _payload(world, batch)
    count = f"{len(batch.files)} message{'' if len(batch.files) == 1 else 's'}"
    action = Dispatch(lane=batch.lane, payload=payload, rationale=f"{count} that were dealt with belong into the wiki.")
    proposal = Proposal(f"{count} to coord wait to be taken into the wiki, as batch {batch.id}.", (action,))
    propose(world, proposal, brain=BRAIN, id=batch.decision, cycle=cycle, mode=mode, untrusted=batch.outside)


def _payload(world: World, batch: Batch) -> str:
    said = ""
    if batch.outside:
        said = " They come from outside, so everything that you write of them stands in such a fence."
    return fill(
        world.prompts["ingest_lane"],
        count="1 message" if len(batch.files) == 1 else f"{len(batch.files)} messages",
        root=str(world.root),
        batch=batch.id,
        files="\n".join(f"- {file}" for file in batch.files),
        month=f"{batch.begun_at:%Y-%m}",
        mark=mark(batch.outside, outside=True) if batch.outside else "untrusted",
        outside=said,
        lane=batch.lane,
    )


def _asked(world: World, batch: Batch, decision: Decision) -> bool:
    """What became of asking; whether the batch ended by it."""
    item = decision.items[0]
    if item.status is ItemStatus.DONE:
        if world.clock.now() - item.changed_at < timedelta(seconds=_limit_s(world)):
            return False
        note = f"lane {batch.lane} was asked at {format_time(item.changed_at)} and never answered"
        finish(world, batch, Taken.UNANSWERED, pages=(), note=note)
        set_problem(world, "")
        return True
    if item.status is ItemStatus.REJECTED:
        finish(world, batch, Taken.DECLINED, pages=(), note=item.note or "a person said no")
        return True
    _not_asked(world, batch, item)
    return True


def _limit_s(world: World) -> float:
    return world.config.engine.ingest.answer_s if world.config.engine else 0.0


def _not_asked(world: World, batch: Batch, item: Item) -> None:
    """The text did not reach the lane: the messages wait again, and it is asked after a while."""
    failures = world.ingest.wait()[0] + 1
    again_s = min(MOST_AGAIN_S, AGAIN_S * 2.0 ** min(failures - 1, 10))
    world.ingest.set_wait(failures, format_time(world.clock.now() + timedelta(seconds=again_s)))
    why = item.note or "; ".join(item.verdict.reasons) or item.status.value
    set_problem(world, f"lane {batch.lane} could not be asked: {why}")
    world.ingest.drop()


def _answered(world: World, batch: Batch, message: Message, *, done: bool) -> None:
    """The lane said what became of the batch."""
    if message.file in {one.file for one in world.mailbox.peek("coord")}:
        world.mailbox.ack(message.file, "engine")
    crash_point("ingest.answered")
    world.ingest.set_wait(0, "")
    if not done:
        why = " ".join(message.body.split())[:200]
        note = f"lane {batch.lane} says that it failed: {why}"
        finish(world, batch, Taken.UNANSWERED, pages=(), note=note, answer=message.file)
    else:
        cited = _cited(world, batch)
        pages = tuple(dict.fromkeys(page for found in cited.values() for page in found))
        _keep_marks(world, batch, pages)
        edits = tuple(Edit(page=page, section="", text="", files=(file,)) for file in cited for page in cited[file])
        note = f"{sum(bool(found) for found in cited.values())} of {len(batch.files)} are named in pages of the wiki"
        finish(world, batch.planned(edits), Taken.TAKEN, pages=pages, note=note, answer=message.file)
    set_problem(world, "")


def _cited(world: World, batch: Batch) -> dict[str, tuple[str, ...]]:
    """Message -> pages that name it, of those that a docs lane may write."""
    texts = {}
    for page in world.wiki.pages():
        if page != LOG and INGEST.right(area_of(page, INGEST)) is Right.WRITE:
            try:
                texts[page] = world.wiki.read(page)
            except StoreError:
                continue
    stems = {file: file.removesuffix(".md") for file in batch.files}
    return {file: tuple(page for page, text in texts.items() if stem in text) for file, stem in stems.items()}


def _keep_marks(world: World, batch: Batch, pages: Sequence[str]) -> None:
    """A page with text made of what is not trusted says so, also where the lane left the mark out."""
    for page in pages if batch.outside else ():
        text = fenced(f"this page holds text made of batch {batch.id}", mark(batch.outside, outside=True))
        edit = Edit(page=page, section="Sources", text=f"### {batch.id}\n\n{text}\n", files=batch.files)

        def with_mark(old: str, edit: Edit = edit) -> str:
            return old if marked(old).issuperset(batch.outside) else edited(old, edit=edit)

        try:
            world.wiki.update(page, with_mark, by=INGEST)
        except (PageFault, NotAllowedError, StoreError) as error:
            set_problem(world, f"{page} lacks its mark: {error}")
