"""Step 3, render: what a cycle saw -> the text a brain is asked with, within its ceiling. Pure.

Everything that lanes, people or pages say stands inside a fence that it cannot close. What does not fit is cut, the
least important first, and the prompt says so at its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loop_orchestrator.actions.registry import help_text
from loop_orchestrator.clock import format_time
from loop_orchestrator.engine.asks import asks_listing
from loop_orchestrator.engine.fences import clean, quoted, untrusted
from loop_orchestrator.engine.fitting import Fitted, Form, Listing, Rung, Shrinking
from loop_orchestrator.engine.prompt_lanes import NAMES_ALONE, LanesPart, idle_with_work
from loop_orchestrator.engine.prompt_pages import PagesPart
from loop_orchestrator.engine.prompt_roster import roster
from loop_orchestrator.engine.prompt_work import MailPart, before_a_person, budgets, tasks_listing
from loop_orchestrator.model.decision import MAX_ACTIONS
from loop_orchestrator.model.prompt import BYTES_PER_TOKEN, CEILING_TOKENS, Part, Prompt, bytes_of
from loop_orchestrator.model.snapshot import Snapshot
from loop_orchestrator.prompts import fill

REASONS = 20
"""Triggers that a prompt names."""

REASON_LIMIT = 500
"""Characters of why something could not be seen."""

TASKS_KEPT = 20
"""Tasks that are left while anything less important can still be cut."""

ASKS_KEPT = 10
"""Asks that are left while anything less important can still be cut."""

ORDER = (
    *("unseen", "checkpoint", "decisions", "index", "lanes", "idle", "mail", "asks", "tasks"),
    *("budgets", "roster", "waiting"),
)
"""The parts, as they stand in the prompt after its header."""


def render(snapshot: Snapshot, texts: Mapping[str, str], *, ceiling: int = CEILING_TOKENS) -> Prompt:
    """The whole prompt.

    ceiling: estimated tokens. The header, the lanes with their states, the budgets and the roster are never cut: where
    these alone are longer, so is the prompt.
    """
    fixed = _fixed(snapshot, texts)
    pages, mail = PagesPart(snapshot, texts), MailPart(snapshot)
    tasks, decisions, index = tasks_listing(snapshot), pages.decisions(), pages.index()
    asks = asks_listing(snapshot)
    shrinking = (
        Shrinking("checkpoint", 1, pages.checkpoint),
        _listing("decisions", decisions),
        _listing("index", index),
        Shrinking("lanes", NAMES_ALONE, LanesPart(snapshot).form),
        Shrinking("mail", mail.last, mail.form),
        _listing("asks", asks),
        _listing("tasks", tasks),
    )
    task_count = len(tasks.rows) if tasks else 0
    ask_count = len(asks.rows) if asks else 0
    rungs = (
        Rung("decisions", max(0, len(decisions.rows) - 1)),
        Rung("index", len(index.rows)),
        Rung("mail", mail.last_of_bodies),
        Rung("asks", max(0, ask_count - ASKS_KEPT)),
        Rung("tasks", max(0, task_count - TASKS_KEPT)),
        Rung("lanes", 2),
        Rung("decisions", len(decisions.rows)),
        Rung("mail", mail.last),
        Rung("asks", ask_count),
        Rung("tasks", task_count),
        Rung("lanes", NAMES_ALONE),
    )
    header = _filled(snapshot, texts, dict.fromkeys(ORDER, ""))
    room = ceiling * BYTES_PER_TOKEN - bytes_of(header) - sum(map(bytes_of, fixed.values()))
    fitted, overflow = _fitted(shrinking, rungs, room, must_overflow=pages.too_long)
    parts = [fitted.part(name) if name not in fixed else Part(name, fixed[name]) for name in ORDER]
    text = _filled(snapshot, texts, {part.name: part.text for part in parts})
    return Prompt(text=text, parts=(Part("header", header), *parts), ceiling=ceiling, overflow=overflow)


def _fitted(
    shrinking: Sequence[Shrinking], rungs: Sequence[Rung], room: int, *, must_overflow: bool
) -> tuple[Fitted, bool]:
    """The parts within the room, and whether the checkpoint had to be left out for it.

    It is where it alone takes more than half of the room: nothing that is cut in its place would be less important.
    """
    fitted = Fitted(shrinking)
    overflow = must_overflow or (fitted.bytes > room and fitted.size("checkpoint") > room // 2)
    if overflow:
        fitted.choose("checkpoint", 1)
    fitted.shorten(rungs, room)
    if fitted.bytes > room and not overflow:
        return _fitted(shrinking, rungs, room, must_overflow=True)
    return fitted, overflow


def _listing(name: str, listing: Listing | None) -> Shrinking:
    if listing is None:
        return Shrinking(name, 0, lambda _: Form("not known"))
    return Shrinking(name, len(listing.rows), listing.form)


def _fixed(snapshot: Snapshot, texts: Mapping[str, str]) -> dict[str, str]:
    """The parts that are never cut; each is bounded by itself."""
    return {
        "unseen": _unseen(snapshot),
        "idle": idle_with_work(snapshot),
        "budgets": budgets(snapshot),
        "roster": roster(snapshot, texts),
        "waiting": before_a_person(snapshot),
    }


def _filled(snapshot: Snapshot, texts: Mapping[str, str], parts: Mapping[str, str]) -> str:
    return fill(
        texts["brain"],
        max_actions=str(MAX_ACTIONS),
        actions=help_text(),
        session=snapshot.session,
        cycle=snapshot.cycle,
        at=format_time(snapshot.at),
        why=_why(snapshot),
        mode=snapshot.mode.value,
        **parts,
    )


def _why(snapshot: Snapshot) -> str:
    said = [" ".join(clean(one).split())[:REASON_LIMIT] for one in snapshot.why[:REASONS]]
    more = [f"{len(snapshot.why) - REASONS} more"] if len(snapshot.why) > REASONS else []
    return ", ".join(said + more) or "asked for"


def _unseen(snapshot: Snapshot) -> str:
    if not snapshot.unseen:
        return "Everything could be seen."
    names = ", ".join(name for name, _ in snapshot.unseen)
    rows = [f"{name}: {quoted(reason, REASON_LIMIT)}" for name, reason in snapshot.unseen]
    return f"Could not be seen: {names}.\n\n" + untrusted("\n".join(rows))
