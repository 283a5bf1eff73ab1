"""The state file as JSON and as what a person names of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.state import STATE_SCHEMA, JsonValue, LoopRecord, LoopState
from loop_orchestrator.operations.shapes import Json, time_or_none

if TYPE_CHECKING:
    from loop_orchestrator.stores.layout import Layout


def file_text(layout: Layout) -> str:
    """The state file as it stands; empty where there is none yet."""
    try:
        return layout.state_file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def find_loop(state: LoopState, loop_id: str) -> LoopRecord:
    """One loop of the state file. Raises UsageError naming those that there are."""
    for loop in state.loops:
        if loop.id == loop_id:
            return loop
    known = ", ".join(loop.id for loop in state.loops) or "none yet"
    near = near_loop(state, loop_id)
    meant = f"; did you mean {near}?" if near else ""
    raise UsageError(f"the state file has no loop {loop_id}; it has: {known}{meant}", hint="loop state show")


def near_loop(state: LoopState, loop_id: str) -> str:
    """The loop that is spelt most like this one, by more than its number, and is not it; empty if none is near."""
    from difflib import get_close_matches

    bare = re.sub(r"\d", "", loop_id)
    others = [loop.id for loop in state.loops if loop.id != loop_id and re.sub(r"\d", "", loop.id) != bare]
    return next(iter(get_close_matches(loop_id, others, n=1, cutoff=0.7)), "")


def parse_pairs(settings: list[str]) -> dict[str, str]:
    """``key=value`` words as a mapping. Raises UsageError."""
    pairs = [setting.partition("=") for setting in settings]
    for key, sign, _ in pairs:
        if not sign or not key:
            raise UsageError(f"--set {key}: expected key=value", hint="--set key=value")
    return {key: value for key, _, value in pairs}


def loop_shape(loop: LoopRecord) -> Json:
    return {
        "name": loop.name,
        "status": loop.status,
        "branch": loop.branch,
        "updated_at": loop.updated_at,
        "updated_by": loop.updated_by,
        **loop.extra,
    }


def state_shape(state: LoopState) -> Json:
    """The whole ledger as its file has it."""
    loops: dict[str, JsonValue] = {loop.id: loop_shape(loop) for loop in state.loops}
    return {
        "schema_version": STATE_SCHEMA,
        "updated_at": time_or_none(state.updated_at),
        "objective": state.objective,
        "loops": loops,
        **state.extra,
    }
