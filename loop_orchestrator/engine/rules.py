"""The built-in brain: deterministic, without a model, in the words of the same contract. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.actions.drop_lane import DropLane
from loop_orchestrator.actions.escalate import Escalate
from loop_orchestrator.actions.fields import ONE_LINE
from loop_orchestrator.actions.judging import COORDINATOR
from loop_orchestrator.actions.stop import Stop
from loop_orchestrator.clock import format_age
from loop_orchestrator.model.ask import AskStatus
from loop_orchestrator.model.decision import MAX_ACTIONS
from loop_orchestrator.model.lane import Lane, LaneWord
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.snapshot import Snapshot, Unknown
from loop_orchestrator.model.task import REPORT_SUBJECT, Assignment, Task, TaskStatus, ready_tasks
from loop_orchestrator.prompts import fill
from loop_orchestrator.sources.clock import LONG_UNKNOWN_S, SILENT_S

LINE_LIMIT = 200
"""Characters of a subject or a title in a text to a lane or a person; the whole stands in its file."""

DRAFT_LIMIT = 4_000
"""Characters of a message's body that a person is shown; the whole stands in its file."""

_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What no field of an action may hold."""


def decide(snapshot: Snapshot, texts: Mapping[str, str]) -> tuple[str, tuple[ActionKind, ...]]:
    """Critique and actions for a snapshot."""
    planner = _Planner(snapshot, texts)
    actions = list(planner.handed_over())[: min(MAX_ACTIONS, snapshot.limits.max_dispatches)]
    actions += list(planner.escalations())[: MAX_ACTIONS - len(actions)]
    actions += list(planner.retirements())[: MAX_ACTIONS - len(actions)]
    if not actions and (goes_on := planner.what_goes_on()):
        return f"Nothing is to be done until something changes: {goes_on}.", ()
    if not actions:
        return "Nothing is ready to be handed over and nothing is wrong.", (Stop(rationale=planner.why_nothing()),)
    return planner.critique(actions), tuple(actions)


def reply_text(snapshot: Snapshot, texts: Mapping[str, str]) -> str:
    """The same as a brain's reply: one decision block, read by the same reader as any other."""
    critique, actions = decide(snapshot, texts)
    block = {
        "version": 1,
        "critique": critique,
        "actions": [
            {
                "kind": action.kind,
                **{name: value for name, value in action.to_fields().items() if value not in ("", None)},
            }
            for action in actions
        ],
    }
    body = json.dumps(block, ensure_ascii=True, indent=1)  # JSON is YAML; the reader is strict about both
    return f"```decision\n{body}\n```\n"


class _Planner:
    """Picks at most one action per lane, in the order proofs, mail, tasks."""

    def __init__(self, snapshot: Snapshot, texts: Mapping[str, str]) -> None:
        self.snapshot = snapshot
        self.texts = texts
        lanes = () if isinstance(snapshot.lanes, Unknown) else snapshot.lanes
        self.lanes = {lane.name: lane for lane in lanes if lane.record.spec.role != COORDINATOR}
        self.mail = () if isinstance(snapshot.mail, Unknown) else snapshot.mail
        self.tasks = () if isinstance(snapshot.tasks, Unknown) else snapshot.tasks
        known = not isinstance(snapshot.assignments, Unknown)
        self.assignments = () if isinstance(snapshot.assignments, Unknown) else snapshot.assignments
        self.assigned = {(one.task, one.purpose) for one in self.assignments}
        busy = {one.lane for one in self.assignments}
        if isinstance(snapshot.in_line, Unknown):
            known = False
        else:
            busy |= snapshot.in_line.keys()  # what stands in line for a lane comes first
        self.free = {
            name: lane
            for name, lane in self.lanes.items()
            if known and lane.state.ready and name not in snapshot.claims and name not in busy
        }

    def handed_over(self) -> Iterator[ActionKind]:
        yield from self._proofs()
        yield from self._mail_to_lanes()
        yield from self._ready_tasks()

    def _take(self, role: str) -> str:
        """A free agent lane of the role, taken; empty if there is none."""
        fitting = [name for name, lane in self.free.items() if lane.record.agent and lane.record.spec.role == role]
        if not fitting:
            return ""
        del self.free[fitting[0]]
        return fitting[0]

    def _proofs(self) -> Iterator[ActionKind]:
        for task in self.tasks:
            asked = task.id in self.snapshot.proofs or (task.id, "prove") in self.assigned
            asked = asked or f"prove:{task.id}" in self.snapshot.proposed
            if task.status is not TaskStatus.REVIEW or asked:
                continue
            lane = self._take("validation")
            if lane:
                yield self._hand_task(task, lane, "prove", f"{task.id} is said to be done; nobody has proved it.")

    def _ready_tasks(self) -> Iterator[ActionKind]:
        for task in ready_tasks(self.tasks):
            if (task.id, "work") in self.assigned or f"work:{task.id}" in self.snapshot.proposed:
                continue
            lane = self._take(task.role)
            if lane:
                yield self._hand_task(task, lane, "work", f"{task.id} is ready and {lane} is idle.")

    def _hand_task(self, task: Task, lane: str, purpose: str, rationale: str) -> ActionKind:
        text = self.texts["prove_brief" if purpose == "prove" else "task_brief"]
        payload = fill(
            text,
            task=task.id,
            title=_one_line(task.title),
            file=f"{self._project_for(lane)}tasks/{task.file.name}",
            lane=lane,
        )
        return Dispatch(lane=lane, payload=payload, task=task.id, purpose=purpose, rationale=rationale)

    def _project_for(self, lane: str) -> str:
        """What stands before a path of the project in a text to a lane: its directory, if the lane works elsewhere."""
        cwd = self.lanes[lane].record.spec.cwd
        return "" if cwd == self.snapshot.root else f"{self.snapshot.root}/"

    def _mail_to_lanes(self) -> Iterator[ActionKind]:
        for message in self.mail:
            lane = self.free.get(message.recipient)
            handed = message.file in self.snapshot.handed_mail or _key_of(message) in self.snapshot.proposed
            if lane is None or handed or _key_of(message) in self.snapshot.escalated:
                continue
            del self.free[lane.name]
            yield self._hand_mail(message, lane)

    def _hand_mail(self, message: Message, lane: Lane) -> ActionKind:
        rationale = f"{message.file} waits for {lane.name}, which is idle."
        if lane.record.agent:
            subject = _one_line(message.subject)
            fields = {"sender": message.sender, "subject": subject, "file": message.file, "lane": lane.name}
            payload = fill(self.texts["mail_brief"], project=self._project_for(lane.name), **fields)
            return Dispatch(lane=lane.name, payload=payload, message=message.file, rationale=rationale)
        command = message.body.strip()
        try:
            ONE_LINE.read(command)
        except ValueError:
            return self._escalate_mail(message, f"Lane {lane.name} runs no agent and this is no single command line.")
        return Dispatch(lane=lane.name, payload=command, mode="command", message=message.file, rationale=rationale)

    def retirements(self) -> Iterator[ActionKind]:
        """Workers that nobody took and that were idle for as long as their role's rule allows."""
        for name in self.snapshot.retiring:
            if name in self.free:
                idle = self.snapshot.idle_cycles[name]
                yield DropLane(window=name, rationale=f"{name} was idle for {idle} cycles; the policy drops it then.")

    def escalations(self) -> Iterator[ActionKind]:
        for name, reason in self.snapshot.unseen:
            if f"unseen:{name}" not in self.snapshot.escalated:
                yield Escalate(
                    summary=f"The {name} cannot be seen: {_one_line(reason)}",
                    about=f"unseen:{name}",
                    rationale="Until then nothing is done that depends on them.",
                )
        for message in self.mail:
            lane = self.lanes.get(message.recipient)
            to_coordinator = message.recipient == "coord" and not self._is_report(message)
            if to_coordinator and _key_of(message) not in self.snapshot.escalated:
                yield self._escalate_mail(message, "It is for a person to decide what becomes of it.")
            elif lane is not None and lane.record.spec.cmd and _key_of(message) not in self.snapshot.escalated:
                yield self._escalate_mail(message, f"Lane {lane.name} runs a fixed command and takes no text.")
            elif lane is not None:
                yield from self._unanswered(message, lane)
        for lane in self.lanes.values():
            yield from self._lane_trouble(lane)
        for assignment in self.assignments:
            yield from self._silence(assignment)
        yield from self._unanswered_asks()
        for task, proof in sorted(self.snapshot.proofs.items()):
            key = f"proof:{task}"
            if proof.startswith("not-proved") and key not in self.snapshot.escalated:
                yield Escalate(
                    summary=f"{task} could not be proved; the answer is {proof.removeprefix('not-proved ')}.",
                    about=key,
                    rationale="A person decides whether it goes back to work.",
                )

    def _unanswered_asks(self) -> Iterator[ActionKind]:
        for ask in () if isinstance(self.snapshot.asks, Unknown) else self.snapshot.asks:
            key = f"ask:{ask.id}"
            if ask.status is AskStatus.TIMED_OUT and key not in self.snapshot.escalated:
                yield Escalate(
                    summary=(
                        f"Lane {ask.lane} was asked and has not answered within {format_age(ask.timeout_s)}: "
                        f"{_one_line(ask.question)}"
                    ),
                    about=key,
                    rationale=f"Ask {ask.id}; a late answer still counts. Look with: loop attach {ask.lane}",
                )

    def _is_report(self, message: Message) -> bool:
        """A report that the next cycle settles; what says so and comes from a lane that was not asked is none."""
        report = REPORT_SUBJECT.fullmatch(message.subject)
        if report is None:
            return False
        unknown = isinstance(self.snapshot.assignments, Unknown)
        return unknown or any(one.is_answered_by(message.sender, report[1], report[2]) for one in self.assignments)

    def _escalate_mail(self, message: Message, why: str) -> ActionKind:
        subject = _one_line(message.subject)
        draft = _UNFIT.sub("\ufffd", message.body.replace("\r\n", "\n").strip()[:DRAFT_LIMIT])
        return Escalate(
            summary=(
                f"Mail {message.file}, which says it is from {message.sender}: {subject}\n"
                f"As a task it would read:\n\n# {subject}\n\n{draft}"
            ),
            about=_key_of(message),
            rationale=why,
        )

    def _lane_trouble(self, lane: Lane) -> Iterator[ActionKind]:
        key = f"lane:{lane.name}:{lane.state.detail.value}"
        if key in self.snapshot.escalated or not lane.record.agent or lane.name in self.snapshot.restarting:
            return
        since = self.snapshot.since.get(lane.name, self.snapshot.at)
        age_s = (self.snapshot.at - since).total_seconds()
        unknown_for_long = lane.state.word is LaneWord.UNKNOWN and age_s > LONG_UNKNOWN_S
        asks = lane.state.word is LaneWord.AWAITING_APPROVAL
        if lane.state.word is LaneWord.ERRORED or unknown_for_long or asks:
            seen = next((signal.seen for signal in lane.state.evidence), "")
            yield Escalate(
                summary=f"Lane {lane.name} is {lane.state.word.value} ({lane.state.detail.value}): {seen}",
                about=key,
                rationale="No lane can help itself out of this; look with: loop attach " + lane.name,
            )

    def _silence(self, assignment: Assignment) -> Iterator[ActionKind]:
        """A lane that has work, is idle, and said nothing about it."""
        key = f"silent:{assignment.task}.{assignment.lane}"
        lane = self.lanes.get(assignment.lane)
        if lane is None or not lane.state.ready or key in self.snapshot.escalated:
            return
        if any(message.sender == lane.name and message.recipient == "coord" for message in self.mail):
            return
        idle_since = self.snapshot.since.get(lane.name, self.snapshot.at)
        age_s = (self.snapshot.at - assignment.at).total_seconds()
        if idle_since > assignment.at or age_s > SILENT_S:
            yield Escalate(
                summary=f"Lane {lane.name} was given {assignment.task}, is idle, and has not reported on it.",
                about=key,
                rationale="Its work may be finished, or it may never have begun; look with: loop attach " + lane.name,
            )

    def _unanswered(self, message: Message, lane: Lane) -> Iterator[ActionKind]:
        """A message that was handed to its lane, which is idle and neither answered it nor put it away."""
        key = f"unanswered:{message.file}"
        if message.file not in self.snapshot.handed_mail or not lane.state.ready or key in self.snapshot.escalated:
            return
        idle_since = self.snapshot.since.get(lane.name, self.snapshot.at)
        if (self.snapshot.at - idle_since).total_seconds() > SILENT_S:
            yield Escalate(
                summary=(
                    f"Mail {message.file} was handed to lane {lane.name}, which is idle and has not answered it.\n"
                    f"Hand it over again with loop send, or put it away: loop mail ack {message.file}"
                ),
                about=key,
                rationale="The lane may have been started anew since, or it had nothing to say.",
            )

    def critique(self, actions: list[ActionKind]) -> str:
        handed = sum(isinstance(action, Dispatch) for action in actions)
        dropped = sum(isinstance(action, DropLane) for action in actions)
        waiting = len(actions) - handed - dropped
        free = ", ".join(sorted(self.free)) or "no lane"
        retired = f", {dropped} idle too long" if dropped else ""
        return f"{handed} to hand over, {waiting} for a person{retired}; free: {free}."

    def what_goes_on(self) -> str:
        """Agents at work, and what is not known: with any of it a stop would not be carried out. Empty: nothing."""
        words = {LaneWord.WORKING: "is at work", LaneWord.UNKNOWN: "is in a state that is not known"}
        agents = [lane for _, lane in sorted(self.lanes.items()) if lane.record.agent]
        found = [f"{lane.name} {words[lane.state.word]}" for lane in agents if lane.state.word in words]
        found += [f"the {name} cannot be seen" for name, _ in self.snapshot.unseen if name in ("lanes", "mail")]
        return ", ".join(found)

    def why_nothing(self) -> str:
        ready = [task.id for task in ready_tasks(self.tasks) if (task.id, "work") not in self.assigned]
        if ready:
            return f"{', '.join(ready)} wait for an idle lane of their role."
        return "No task is ready and no mail waits for an idle lane."


def _key_of(message: Message) -> str:
    return f"mail:{message.file}"


def _one_line(text: str) -> str:
    """Text of others as one line that any field of an action may hold."""
    line = " ".join(_UNFIT.sub("\ufffd", " ".join(text[: 2 * LINE_LIMIT].split())).split())
    return line if len(line) <= LINE_LIMIT else line[: LINE_LIMIT - 1] + "…"
