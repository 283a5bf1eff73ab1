"""The lanes in a prompt: what each is and does, on what evidence, and which are idle while work waits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from loop_orchestrator.actions.judging import COORDINATOR
from loop_orchestrator.clock import format_age
from loop_orchestrator.engine.fences import clean, plain, quoted, untrusted
from loop_orchestrator.engine.fitting import Form
from loop_orchestrator.model.lane import Lane, LaneWord
from loop_orchestrator.model.restart import RestartEvent, RestartNote
from loop_orchestrator.model.snapshot import Snapshot, Unknown
from loop_orchestrator.model.task import Assignment, Task, TaskStatus, ready_tasks

ROWS = 8
"""Rows of a lane's screen that a prompt shows. At half, the question of a dialog is missing; at double, ten lanes in
trouble take more room than the mail."""

FEW_ROWS = 3
"""Rows where room is scarce: the one that says what is wrong is among the last."""

CELLS = 160
"""Characters of one such row, and of what a rule saw."""

VALIDATION = "validation"
"""The role that proves what others did."""

IDS = 10
"""Tasks that are named beside the idle lanes of their role."""

TELLING = frozenset({LaneWord.ERRORED, LaneWord.UNKNOWN, LaneWord.AWAITING_APPROVAL})
"""States about which the screen says more than its word: what failed, what is asked."""

_TROUBLE = frozenset(
    {
        RestartEvent.FAILED,
        RestartEvent.RESTARTING,
        RestartEvent.RESTARTED,
        RestartEvent.POSTPONED,
        RestartEvent.GIVING_UP,
    }
)
"""Notes whose reason says why a lane was, or is not, started again."""

NAMES_ALONE = 4
"""The number of the shortest form."""

_CUTS = (
    "",
    f"more than {FEW_ROWS} rows of each lane's screen",
    "the screens of lanes",
    "screens and evidence of lanes",
    "everything of lanes but name, role and state",
)
"""What each form leaves out."""


class LanesPart:
    """The lanes, in forms that leave out more and more of the evidence."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._work: dict[str, list[Assignment]] = {}
        for one in _assignments(snapshot):
            self._work.setdefault(one.lane, []).append(one)
        self._notes: dict[str, list[RestartNote]] = {}
        for note in () if isinstance(snapshot.restarts, Unknown) else snapshot.restarts:
            self._notes.setdefault(note.lane, []).append(note)

    def form(self, number: int) -> Form:
        """0: with everything; 1: with fewer rows of screens; 2: with none; 3: without what was seen; 4: name, role and
        state alone.
        """
        lanes = self._snapshot.lanes
        if isinstance(lanes, Unknown):
            return Form("not known")
        if not lanes:
            return Form("none")
        row = _short_row if number >= NAMES_ALONE else self._row
        shown = ["\n".join(f"- {row(lane)}" for lane in lanes)]
        seen = [] if number >= 3 else [said for lane in lanes if (said := self._seen(lane))]
        if seen:
            shown += ["What was seen of them:", untrusted("\n".join(seen))]
        if number < 2:
            shown += self._screens(lanes, (ROWS, FEW_ROWS)[number])
        cut = _CUTS[number] if number > 2 or any(map(self._tells, lanes)) else ""
        if cut:
            shown.append(f"Left out: {cut}; `loop why LANE`, `loop attach LANE`")
        return Form("\n\n".join(shown), cut)

    def _row(self, lane: Lane) -> str:
        """Words of this program and names alone: what others wrote stands in the fences below."""
        spec, snapshot = lane.record.spec, self._snapshot
        what = plain(spec.harness) if spec.harness else "a command"
        what += f", model {plain(spec.model)}" if spec.model else ""
        parts = [f"{lane.state.word.value}/{lane.state.detail.value}{_age(snapshot, lane)}"]
        parts += [_may_be_typed(lane, snapshot), *_in_line(lane.name, snapshot)]
        parts += [self._has(one) for one in self._work.get(lane.name, ())]
        parts += self._restarted(lane.name)
        parts += ["in a worktree of its own"] if spec.worktree_of else []
        parts += ["works without permission prompts"] if spec.auto_approve else []
        parts += ["from outside"] if spec.outside else []
        by = f"; by {plain(lane.state.rule)}"
        return f"{lane.name} (role {plain(spec.role)}, {what}, {spec.kind.value}): {', '.join(parts)}{by}"

    def _has(self, one: Assignment) -> str:
        what = "to prove" if one.purpose == "prove" else "to work on"
        return f"has {one.task} {what} for {format_age((self._snapshot.at - one.at).total_seconds())}"

    def _restarted(self, lane: str) -> Iterator[str]:
        notes = self._notes.get(lane, [])
        times = [note.at for note in notes if note.event is RestartEvent.RESTARTED]
        if times:
            last = format_age((self._snapshot.at - times[-1]).total_seconds())
            yield f"started again {len(times)} {'time' if len(times) == 1 else 'times'} in 24 h, last {last} ago"
        if notes and notes[-1].event is RestartEvent.GIVING_UP:
            yield "not started again any more: a person must look"

    def _seen(self, lane: Lane) -> str:
        """What others wrote about a lane, as values in quotes; empty where there is nothing."""
        snapshot, cwd, notes = self._snapshot, lane.record.spec.cwd, self._notes.get(lane.name, [])
        directory = str(cwd.relative_to(snapshot.root)) if cwd.is_relative_to(snapshot.root) else str(cwd)
        shows = snapshot.shows_text_of(lane)
        values = {
            "saw": lane.state.evidence[0].seen if shows and lane.state.evidence else "",
            "directory": "" if directory == "." else directory,
            "branch": snapshot.branches.get(lane.name, "") if shows else "",
            "restart": next((note.reason for note in reversed(notes) if note.event in _TROUBLE), ""),
        }
        said = [", ".join(f"{name} {quoted(value, CELLS)}" for name, value in values.items() if value)]
        said += [] if shows else ["what it shows and names comes from outside and is left out"]
        return f"{lane.name}: {'; '.join(filter(None, said))}" if any(said) else ""

    def _tells(self, lane: Lane) -> bool:
        """Its screen is shown where there is room: it says more than the lane's word, and is no display's."""
        return lane.state.word in TELLING and not lane.record.spec.cmd and self._snapshot.shows_text_of(lane)

    def _screens(self, lanes: Iterable[Lane], most: int) -> Iterator[str]:
        for lane in lanes:
            if not self._tells(lane):
                continue
            if rows := _last_rows(lane, most):
                yield f"The last rows of the screen of {lane.name}:"
                yield untrusted("\n".join(rows))


def idle_with_work(snapshot: Snapshot) -> str:
    """Idle lanes of a role for which tasks are ready, or wait to be proved, and these tasks; a row for each."""
    if isinstance(snapshot.tasks, Unknown):
        return "not known"
    free = idle_lanes(snapshot)
    if free is None:
        return "not known"
    rows = []
    for (role, what), ids in sorted(_waiting(snapshot, snapshot.tasks).items()):
        names = [lane.name for lane in free if lane.record.spec.role == role]
        if names:
            more = f" and {len(ids) - IDS} more" if len(ids) > IDS else ""
            rows.append(f"- {plain(role)}: {', '.join(names)} idle; {what} {', '.join(ids[:IDS])}{more}")
    return "\n".join(rows) or "none"


def _waiting(snapshot: Snapshot, tasks: tuple[Task, ...]) -> dict[tuple[str, str], list[str]]:
    """Role, and ``ready`` or ``to prove`` -> ids of the tasks that wait for a lane of it."""
    taken = {(one.task, one.purpose) for one in _assignments(snapshot)}
    found: dict[tuple[str, str], list[str]] = {}
    for task in ready_tasks(tasks):
        if (task.id, "work") not in taken:
            found.setdefault((task.role, "ready"), []).append(task.id)
    for task in tasks:
        if task.status is TaskStatus.REVIEW and task.id not in snapshot.proofs and (task.id, "prove") not in taken:
            found.setdefault((VALIDATION, "to prove"), []).append(task.id)
    return found


def idle_lanes(snapshot: Snapshot) -> tuple[Lane, ...] | None:
    """Agents that have nothing to do and may be given something; None where that is not known."""
    if any(isinstance(part, Unknown) for part in (snapshot.lanes, snapshot.in_line, snapshot.assignments)):
        return None
    assert not isinstance(snapshot.lanes, Unknown) and not isinstance(snapshot.in_line, Unknown)
    busy = {one.lane for one in _assignments(snapshot)} | snapshot.claims.keys()
    busy |= {lane for lane, count in snapshot.in_line.items() if count}
    return tuple(
        lane
        for lane in snapshot.lanes
        if lane.record.agent and lane.state.ready and lane.name not in busy and lane.record.spec.role != COORDINATOR
    )


def _short_row(lane: Lane) -> str:
    return f"{lane.name} (role {plain(lane.record.spec.role)}): {lane.state.word.value}/{lane.state.detail.value}"


def _age(snapshot: Snapshot, lane: Lane) -> str:
    since = snapshot.since.get(lane.name)
    return f" for {format_age((snapshot.at - since).total_seconds())}" if since else ""


def _may_be_typed(lane: Lane, snapshot: Snapshot) -> str:
    said = "may be typed into" if lane.state.ready else "not to be typed into"
    said += ", about to be started again" if lane.name in snapshot.restarting else ""
    return said + (", to be dropped by the policy: it was idle too long" if snapshot.is_retiring(lane) else "")


def _in_line(lane: str, snapshot: Snapshot) -> Iterator[str]:
    if isinstance(snapshot.in_line, Unknown):
        yield "what stands in line for it is not known"
    elif count := snapshot.in_line.get(lane, 0):
        yield f"{count} in line before any other text"


def _assignments(snapshot: Snapshot) -> tuple[Assignment, ...]:
    return () if isinstance(snapshot.assignments, Unknown) else snapshot.assignments


def _last_rows(lane: Lane, most: int) -> list[str]:
    """Rows that are not blank, cut to CELLS characters."""
    kept = [clean(row).replace("\n", " ").rstrip() for row in [row for row in lane.screen if row.strip()][-most:]]
    return [row if len(row) <= CELLS else row[: CELLS - 1] + "…" for row in kept]
