"""Step 3, render: what a cycle saw -> the text a brain is asked with. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from loop_orchestrator.actions.registry import help_text
from loop_orchestrator.clock import format_age
from loop_orchestrator.model.decision import MAX_ACTIONS
from loop_orchestrator.model.lane import Lane
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.policy import Autonomy, CostTier, Policy, SpawnWhen
from loop_orchestrator.model.snapshot import Snapshot, Unknown
from loop_orchestrator.model.task import Task, TaskStatus, ready_tasks
from loop_orchestrator.prompts import fill

MAIL_LIMIT = 4_000
"""Characters of one message that a prompt shows; the rest is in its file. At half, a long report loses its end; at
double, twenty messages alone fill a small model's window."""

MAIL_COUNT = 20
"""Messages that a prompt shows, oldest first."""


def render(snapshot: Snapshot, texts: Mapping[str, str]) -> str:
    """The whole prompt. Everything that lanes or people wrote stands inside a fence that its content cannot close."""
    return fill(
        texts["brain"],
        max_actions=str(MAX_ACTIONS),
        actions=help_text(),
        session=snapshot.session,
        cycle=snapshot.cycle,
        why=", ".join(snapshot.why) or "asked for",
        mode=snapshot.mode.value,
        calls_left=str(snapshot.calls_left),
        unseen=_unseen(snapshot),
        lanes=_lanes(snapshot),
        mail=_mail(snapshot),
        tasks=_tasks(snapshot),
        loops=_loops(snapshot),
        claims=_listed(f"{lane}: {decision}" for lane, decision in sorted(snapshot.claims.items())),
        policy=_policy(snapshot.policy),
    )


def _policy(policy: Policy) -> str:
    """What an added lane may be, where the config says anything about it."""
    lines = []
    if policy.allow:
        lines.append(f"harnesses allowed: {', '.join(policy.allow)}")
    if policy.deny:
        lines.append(f"harnesses denied: {', '.join(policy.deny)}")
    if policy.cost_ceiling is not CostTier.HIGH:
        lines.append(f"a harness that costs more than {policy.cost_ceiling} needs a person")
    if policy.autonomy_cap is not Autonomy.UNATTENDED:
        lines.append(f"a harness that works more than {policy.autonomy_cap} needs a person")
    lines += [f"role {role} needs one of the tags {', '.join(tags)}" for role, tags in policy.role_tag_map.items()]
    for role, rule in policy.role_rules.items():
        said = [f"at most {rule.concurrency_allowance} workers beside an idle one"]
        if rule.preferred_harness:
            said.append(f"harness {', else '.join((rule.preferred_harness, *rule.fallback))}")
        if rule.spawn_when is not SpawnWhen.ANYTIME:
            when = {SpawnWhen.BACKLOG: "added while a ready task waits", SpawnWhen.NEVER: "added by a person"}
            said.append(when[rule.spawn_when])
        lines.append(f"role {role}: {'; '.join(said)}")
    return _listed(lines)


def fenced(text: str, info: str = "") -> str:
    """Text inside a fence longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{info}\n{text.rstrip()}\n{fence}"


def _unseen(snapshot: Snapshot) -> str:
    return "".join(f"Could not be seen: {name} ({reason}).\n" for name, reason in snapshot.unseen)


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "none"


def _lanes(snapshot: Snapshot) -> str:
    if isinstance(snapshot.lanes, Unknown):
        return "not known"
    return _listed(_lane(lane, snapshot) for lane in snapshot.lanes)


def _lane(lane: Lane, snapshot: Snapshot) -> str:
    spec = lane.record.spec
    what = spec.harness or "a command"
    seen = snapshot.since.get(lane.name)
    age = f" for {format_age((snapshot.at - seen).total_seconds())}" if seen else ""
    ready = "may be typed into" if lane.state.ready else "not to be typed into"
    ready += ", about to be started again" if lane.name in snapshot.restarting else ""
    ready += ", to be dropped by the policy: it was idle too long" if lane.name in snapshot.retiring else ""
    ready += _in_line(lane.name, snapshot)
    return (
        f"{lane.name} (role {spec.role}, {what}, {spec.kind.value}): "
        f"{lane.state.word.value}/{lane.state.detail.value}{age}, {ready}; by {lane.state.rule}"
    )


def _in_line(lane: str, snapshot: Snapshot) -> str:
    if isinstance(snapshot.in_line, Unknown):
        return ", what stands in line for it is not known"
    count = snapshot.in_line.get(lane, 0)
    return f", {count} in line before any other text" if count else ""


def _mail(snapshot: Snapshot) -> str:
    if isinstance(snapshot.mail, Unknown):
        return "not known"
    shown = [_message(message, snapshot) for message in snapshot.mail[:MAIL_COUNT]]
    if len(snapshot.mail) > MAIL_COUNT:
        shown.append(f"and {len(snapshot.mail) - MAIL_COUNT} more")
    return "\n\n".join(shown) or "none"


def _message(message: Message, snapshot: Snapshot) -> str:
    body = message.body if len(message.body) <= MAIL_LIMIT else message.body[:MAIL_LIMIT] + "\n[cut; read the file]"
    handed = " (its text was handed to its lane)" if message.file in snapshot.handed_mail else ""
    head = f"{message.file}: says it is from {message.sender}, to {message.recipient}{handed}"
    return head + "\n" + fenced(f"subject: {json.dumps(message.subject, ensure_ascii=False)}\n\n{body}", "untrusted")


def _tasks(snapshot: Snapshot) -> str:
    if isinstance(snapshot.tasks, Unknown):
        return "not known"
    ready = {task.id for task in ready_tasks(snapshot.tasks)}
    at_work = {} if isinstance(snapshot.assignments, Unknown) else {one.task: one for one in snapshot.assignments}

    def line(task: Task) -> str:
        parts = [f"{task.id} [{task.status.value}] {json.dumps(task.title, ensure_ascii=False)}, role {task.role}"]
        parts.append(f"file tasks/{task.file.name}")
        if task.depends_on:
            parts.append("after " + " ".join(task.depends_on))
        if task.id in at_work:
            parts.append(f"handed to {at_work[task.id].lane} ({at_work[task.id].purpose})")
        elif task.id in ready:
            parts.append("ready")
        if task.id in snapshot.proofs:
            parts.append(snapshot.proofs[task.id])
        return ", ".join(parts)

    return _listed(line(task) for task in snapshot.tasks if task.status not in (TaskStatus.DONE, TaskStatus.DROPPED))


def _loops(snapshot: Snapshot) -> str:
    if isinstance(snapshot.state, Unknown):
        return "not known"
    return _listed(
        json.dumps([loop.id, loop.name, loop.status, loop.branch], ensure_ascii=False) for loop in snapshot.state.loops
    )
