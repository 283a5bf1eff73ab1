"""The scratch project of ``loop demo``, and the telling of what its event log says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.model.event import Event
from loop_orchestrator.operations.init import init_project
from loop_orchestrator.operations.telling import sentence
from loop_orchestrator.process import git

SOCKET = "loop-demo"
"""One tmux server for all demos: tmux leaves the socket file of every server behind."""

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


_KNOWN_ALREADY = frozenset({"session.up", "session.down", "lane.added", "lane.dropped", "lane.exited", "watch.stopped"})
"""Kinds of events about what the demo itself does."""


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """A demo project on disk."""

    root: Path
    session: str
    approval: str


def make_scratch(root: Path, *, session: str, approval: str) -> Scratch:
    """A git repository with a config, three tasks and one commit. Raises ProcessError if git cannot do it."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "lane-config.yaml").write_text(_CONFIG.format(approval=approval, socket=SOCKET), encoding="utf-8")
    for task, slug, title, role, after, body in _TASKS:
        path = root / "tasks" / f"{task}-{slug}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(_task_text(task, title, role, after, body), encoding="utf-8")
    init_project(root, now=SystemClock().now())
    git.init_repository(root)
    git.add_all_commit(root, "A scratch project for the demo")
    return Scratch(root=root, session=session, approval=approval)


def _task_text(task: str, title: str, role: str, after: Sequence[str], body: str) -> str:
    head = f"id: {task}\ntitle: {title}\nstatus: open\ndepends_on: [{', '.join(after)}]\nrole: {role}\n"
    return f"---\n{head}---\n\n# {title}\n\n{body}\n"


def all_tasks() -> frozenset[str]:
    """Ids of the demo's tasks."""
    return frozenset(row[0] for row in _TASKS)


def narrate(event: Event) -> str:
    """One line for a person, with the event's number; empty for events that need no telling."""
    said = "" if event.kind in _KNOWN_ALREADY else sentence(event)
    return f"#{event.seq:<4}{said}" if said else ""


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
    replies = sum(event.kind == "mail.sent" and event.payload["from"] != "person" for event in events)
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
