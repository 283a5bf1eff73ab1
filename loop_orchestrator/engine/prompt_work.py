"""What there is to do, in a prompt: mail, tasks, what waits for a person, and what may still be spent. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from loop_orchestrator.clock import format_age
from loop_orchestrator.engine.fences import clean, plain, quoted, untrusted
from loop_orchestrator.engine.fitting import Form, Listing
from loop_orchestrator.model.decision import MAX_ACTIONS
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.snapshot import Snapshot, Unknown
from loop_orchestrator.model.task import ARCHIVED, Task, TaskStatus, ready_tasks

MAIL_LIMITS = (4_000, 2_000, 1_000, 500, 200)
"""Characters of one message that a prompt shows, the later ones where room is scarce; the rest is in its file. At half,
a long report loses its end; at double, twenty messages alone fill a small model's window."""

MAIL_COUNT = 20
"""Messages that a prompt shows: first those that nobody was handed, each group oldest first."""

LINE_LIMIT = 160
"""Characters of a subject or a title."""

WAITING = 100
"""Rows about what is before a person."""


class MailPart:
    """The mail, in forms that first shorten the bodies and then leave messages out."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        mail = () if isinstance(snapshot.mail, Unknown) else snapshot.mail
        self._count = len(mail)
        self._shown = sorted(mail, key=self._is_handed)[:MAIL_COUNT]

    @property
    def last_of_bodies(self) -> int:
        """The number of the form with the shortest bodies and no message left out."""
        return len(MAIL_LIMITS) - 1

    @property
    def last(self) -> int:
        return self.last_of_bodies + len(self._shown)

    def form(self, number: int) -> Form:
        if isinstance(self._snapshot.mail, Unknown):
            return Form("not known")
        limit = MAIL_LIMITS[min(number, self.last_of_bodies)]
        shown = self._shown[: len(self._shown) - max(0, number - self.last_of_bodies)]
        blocks = [self._message(message, limit) for message in shown]
        left_out = self._count - len(shown)
        if left_out:
            blocks.append(f"{left_out} more messages; `loop mail list`")
        shortened = number and any(len(message.body) > limit for message in shown)
        cut = [f"bodies of mail above {limit} characters"] if shortened else []
        cut += [f"{len(self._shown) - len(shown)} messages"] if len(shown) < len(self._shown) else []
        return Form("\n\n".join(blocks) or "none", ", ".join(cut))

    def _is_handed(self, message: Message) -> bool:
        return message.file in self._snapshot.handed_mail

    def _message(self, message: Message, limit: int) -> str:
        body = message.body if len(message.body) <= limit else message.body[:limit] + "\n[cut; read the file]"
        age = format_age((self._snapshot.at - message.sent_at).total_seconds())
        handed = " (its text was handed to its lane)" if self._is_handed(message) else ""
        head = f"{message.file}: says it is from {message.sender}, to {message.recipient}, {age} ago{handed}"
        answers = f"in reply to: {quoted(message.in_reply_to, LINE_LIMIT)}\n" if message.in_reply_to else ""
        subject = quoted(message.subject, 2 * LINE_LIMIT)
        return head + "\n" + untrusted(f"subject: {subject}\n{answers}\n{body}")


def tasks_listing(snapshot: Snapshot) -> Listing | None:
    """The tasks that are not done, what needs something first; None where they are not known."""
    if isinstance(snapshot.tasks, Unknown):
        return None
    ready = {task.id for task in ready_tasks(snapshot.tasks)}
    at_work = {} if isinstance(snapshot.assignments, Unknown) else {one.task: one for one in snapshot.assignments}

    def rank(task: Task) -> int:
        if task.status is TaskStatus.REVIEW:
            return 0
        if task.id in at_work or task.status is TaskStatus.IN_PROGRESS:
            return 1
        return 2 if task.id in ready else 3

    def line(task: Task) -> str:
        parts = [f"- {task.id} [{task.status.value}] {quoted(task.title, LINE_LIMIT)}, role {task.role}"]
        parts.append(f"file tasks/{clean(task.file.name)}")
        if task.depends_on:
            parts.append("after " + " ".join(task.depends_on))
        if task.id in at_work:
            parts.append(f"handed to {at_work[task.id].lane} ({at_work[task.id].purpose})")
        elif task.id in ready:
            parts.append("ready")
        if task.id in snapshot.proofs:
            parts.append(snapshot.proofs[task.id])
        return ", ".join(parts)

    pending = sorted((task for task in snapshot.tasks if task.status not in ARCHIVED), key=rank)
    ended = len(snapshot.tasks) - len(pending)
    return Listing(
        rows=[line(task) for task in pending],
        head=f"Done or dropped, and not listed: {ended}." if ended else "" if pending else "none",
        said=lambda cut: f"{cut} more tasks; `loop task list`",
    )


def before_a_person(snapshot: Snapshot) -> str:
    """Lanes that an unfinished decision acts on, what it hands over, and the keys of what was escalated and holds."""
    rows = [f"- {lane}: {decision}" for lane, decision in sorted(snapshot.claims.items())]
    rows += [f"- {plain(what)}: {decision}" for what, decision in sorted(snapshot.proposed.items())]
    rows += [f"- {plain(key)}: escalated already" for key in sorted(snapshot.escalated)]
    more = [f"- {len(rows) - WAITING} more; `loop engine status`"] if len(rows) > WAITING else []
    return "\n".join(rows[:WAITING] + more) or "none"


def budgets(snapshot: Snapshot) -> str:
    """What may still be spent, and how much one decision may hold."""
    spent, limits = snapshot.spent, snapshot.limits
    today, usd = spent.calls_left_today, spent.usd_left
    calls = [f"{spent.calls_left_this_hour} of {spent.limits.calls_per_hour} in any hour"]
    calls.append("no limit in a day" if today is None else f"{today} of {spent.limits.calls_per_day} in any 24 h")
    unpriced = f" ({spent.unpriced} calls of unknown cost counted as {spent.limits.assumed_usd:g} each)"
    money = "no limit" if usd is None else f"{usd:.2f} of {spent.limits.usd_per_day:.2f} USD in any 24 h"
    lanes = "not known" if isinstance(snapshot.lanes, Unknown) else str(len(snapshot.lanes))
    rows: Sequence[str] = (
        f"calls of the brain left: {', '.join(calls)}",
        f"money left: {money}{unpriced if usd is not None and spent.unpriced else ''}",
        f"lanes: {lanes} of {limits.max_lanes}; one more than that needs a person",
        f"texts to lanes in one decision: {limits.max_dispatches}; more need a person; actions: {MAX_ACTIONS}",
    )
    return "\n".join(f"- {row}" for row in rows)
