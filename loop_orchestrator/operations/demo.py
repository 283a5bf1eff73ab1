"""The scratch project of ``loop demo``, and the telling of what its event log says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loop_orchestrator.model.event import Event
from loop_orchestrator.operations.init import init_project
from loop_orchestrator.process import git

SESSION = "demo"

_CONFIG = """\
# The scratch project of `loop demo`: eight lanes in six windows, rehearsal agents, the built-in rules as the brain.
lanes:
  coord: {{cmd: loop digest}}
  web: {{harness: rehearsal}}
  infra: {{harness: rehearsal}}
  validate-left: {{harness: rehearsal}}
  validate-right: {{harness: shell}}
  ops-top: {{harness: shell}}
  ops-bottom: {{harness: shell}}
  docs: {{harness: rehearsal}}
engine:
  approval: {approval}
  brain: {{use: rules}}
  min_cycle_interval_s: 0.2
tmux:
  socket: {socket}
"""

_TASKS: tuple[tuple[str, str, str, str, tuple[str, ...], str], ...] = (
    ("T0001", "greeting", "Say hello", "implementation", (), "Write down how the program greets a person by name."),
    ("T0002", "manual", "Describe the greeting", "docs", (), "Write down what a user has to know about the greeting."),
    ("T0003", "farewell", "Say goodbye", "implementation", ("T0001",), "The same for leaving, in the tone of T0001."),
)

COMMAND = "git tag before-the-demo && git log --oneline --decorate -1"
"""What the message asks the ops-top lane to run: a raw command, so it is held at the gate."""


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """A demo project on disk."""

    root: Path
    socket: str
    approval: str


def make_scratch(root: Path, *, socket: str, approval: str) -> Scratch:
    """A git repository with a config, three tasks and one commit. Raises ProcessError if git cannot do it."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "lane-config.yaml").write_text(_CONFIG.format(approval=approval, socket=socket), encoding="utf-8")
    for task, slug, title, role, after, body in _TASKS:
        path = root / "tasks" / f"{task}-{slug}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(_task_text(task, title, role, after, body), encoding="utf-8")
    init_project(root)
    git.init_repository(root)
    git.add_all_commit(root, "A scratch project for the demo")
    return Scratch(root=root, socket=socket, approval=approval)


def _task_text(task: str, title: str, role: str, after: Sequence[str], body: str) -> str:
    head = f"id: {task}\ntitle: {title}\nstatus: open\ndepends_on: [{', '.join(after)}]\nrole: {role}\n"
    return f"---\n{head}---\n\n# {title}\n\n{body}\n"


def all_tasks() -> frozenset[str]:
    """Ids of the demo's tasks."""
    return frozenset(row[0] for row in _TASKS)


def narrate(event: Event) -> str:
    """One line for a person, with the event's number; empty for events that need no telling."""
    said = _sentence(event, {name: str(value) for name, value in event.payload.items()})
    return f"#{event.seq:<4}{said}" if said else ""


def _sentence(event: Event, told: dict[str, str]) -> str:
    match event.kind:
        case "watch.started":
            return f"the engine watches (pid {told['pid']})"
        case "mail.sent":
            return f"mail {told['from']} -> {told['to']}: {told['subject']}"
        case "cycle.started":
            why = event.payload["why"]
            return "cycle, because of " + _first(why if isinstance(why, list) else [])
        case "decision.filed":
            waiting = event.payload["waiting"]
            return f"decision {told['decision']}: action {waiting} waits for a person" if waiting else ""
        case "item.closed" if told["kind"] != "stop":
            ended = ":".join(told["note"].split(":")[:2])  # the rest is what the screen showed
            return f"{told['kind']} {told['target']}: {ended}".strip()
        case "task.moved":
            return f"task {told['task']}: {told['was']} -> {told['now']} (by {told['by']})"
        case "task.proved":
            return f"task {told['task']}: {told['answer']} (by {told['by']})"
        case "decision.approved":
            return f"approved by {told['by']}"
        case "decision.rejected":
            return f"rejected by {told['by']}"
        case "brain.failed" | "crash" | "approval.refused":
            return f"{event.kind}: {told}"
    return ""


def _first(reasons: Sequence[object]) -> str:
    """The first three of many."""
    more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return ", ".join(map(str, reasons[:3])) + more


@dataclass(frozen=True, kw_only=True)
class Story:
    """How far the demo has come, told by its events."""

    reviewed: frozenset[str]
    proved: frozenset[str]
    command_done: bool
    """the destructive action ended, or a person said no to it"""

    @property
    def finished(self) -> bool:
        return self.command_done and all_tasks() <= self.reviewed and all_tasks() <= self.proved


def story_of(events: Iterable[Event]) -> Story:
    reviewed, proved, command_done = set(), set(), False
    for event in events:
        if event.kind == "task.moved" and event.payload["now"] == "review":
            reviewed.add(str(event.payload["task"]))
        elif event.kind == "task.proved":
            proved.add(str(event.payload["task"]))
        elif event.kind == "decision.rejected" or (
            event.kind == "item.closed" and event.payload["target"] == "ops-top"
        ):
            command_done = True
    return Story(reviewed=frozenset(reviewed), proved=frozenset(proved), command_done=command_done)


def summary(events: Sequence[Event]) -> tuple[str, ...]:
    """What happened, a line per task and per held action, each tied to the numbers of its events."""
    lines = [_task_line(task, title, events) for task, _, title, *_ in _TASKS]
    lines += [
        _held_line(event, events)
        for event in events
        if event.kind == "item.closed" and event.payload["target"] == "ops-top"
    ]
    cycles = sum(event.kind == "cycle.ended" for event in events)
    replies = sum(event.kind == "mail.sent" and event.payload["from"] != "human" for event in events)
    lines.append(f"{cycles} cycles, {replies} messages from lanes, {len(events)} events")
    return tuple(lines)


def _task_line(task: str, title: str, events: Sequence[Event]) -> str:
    steps = []
    for event in events:
        payload = event.payload
        if payload.get("task") != task:
            continue
        if event.kind == "task.assigned":
            verb = "handed to" if payload["purpose"] == "work" else "proof asked of"
            steps.append(f"{verb} {payload['lane']} (#{event.seq})")
        elif event.kind == "task.moved":
            steps.append(f"{payload['now']} (#{event.seq})")
        elif event.kind == "task.proved":
            steps.append(f"{payload['answer']} by {payload['by']} (#{event.seq})")
    return f"{task} {title}: " + ", ".join(steps or ["nothing happened"])


def _held_line(closed: Event, events: Sequence[Event]) -> str:
    decision = closed.payload["decision"]
    said = [
        f"{event.kind.removeprefix('decision.')} (#{event.seq})"
        for event in events
        if event.payload.get("decision") == decision and event.kind in ("decision.filed", "decision.approved")
    ]
    ended = f"{closed.payload['status']} (#{closed.seq})"
    return f"{decision} {closed.payload['kind']} {closed.payload['target']}: {', '.join([*said, ended])}"
