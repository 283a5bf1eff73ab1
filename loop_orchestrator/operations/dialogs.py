"""Start-up dialogs of the lanes' programs: named with what to do, and answered where the config allows it.

A key is pressed only on a screen that was just seen to show the dialog, and its effect is looked for before the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loop_orchestrator.errors import LockedError
from loop_orchestrator.model.lane import Detail, Lane, LaneWord
from loop_orchestrator.operations.observe import observe_lane, spec_of
from loop_orchestrator.substrate.dialogs import dialog_of, is_chosen
from loop_orchestrator.substrate.port import PasteResult

if TYPE_CHECKING:
    from loop_orchestrator.model.harness import Dialog
    from loop_orchestrator.world import World

KEY_S = 2.0
"""How long the effect of a key is looked for. At half, a program that is still starting is given up on."""
STILL_S = 0.3
"""How long the right answer must stay chosen before it is given. At half, a late redraw may be taken for the last."""
GONE_S = 5.0
"""How long an answered dialog may stay on the screen."""

_LOOK_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A lane that cannot start without a person."""

    lane: str
    dialog: str
    """its name in the harness's data; empty for one that is not known"""
    sentence: str
    """what it waits for, and what to do"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a dialog that was to be answered."""

    lane: str
    dialog: str
    outcome: str
    """``yes``, or why it was left to a person"""


def waiting_of(world: World, lane: Lane, *, allowed: tuple[str, ...]) -> Waiting | None:
    """What a person has to do for a lane whose program waits at a dialog or is not logged in; None for any other.

    allowed: names of the dialogs that the config lets be answered there.
    """
    name, seen = lane.name, lane.state.evidence[0].seen
    go = f"loop attach {name}"
    spec = spec_of(world, lane.record)
    dialog = dialog_of(lane, spec) if spec else None
    if dialog is not None:
        could = ", ".join((*allowed, dialog.name)) if dialog.confirm and dialog.name not in allowed else ""
        or_else = f" (or allow it: lanes.{name}.answer_dialogs: [{could}])" if could else ""
        sentence = f"lane {name} waits: it asks {dialog.asks}; answer it: {go}{or_else}"
        return Waiting(lane=name, dialog=dialog.name, sentence=sentence)
    if lane.state.word is LaneWord.AWAITING_APPROVAL:
        return Waiting(lane=name, dialog="", sentence=f"lane {name} waits for an answer: {seen}; answer it: {go}")
    if lane.state.detail is Detail.AUTH:
        return Waiting(lane=name, dialog="", sentence=f"lane {name} is not logged in: {seen}; log in there: {go}")
    return None


def allowed_dialogs(world: World, lane: str) -> tuple[str, ...]:
    """Names of the dialogs that the config lets be answered in a lane: what a person accepted, not what is on record
    where a lane could have written it.
    """
    return next((one.answer_dialogs for one in world.config.lanes if one.name == lane), ())


class Attendant:
    """Answers start-up dialogs while lanes boot; each one once."""

    def __init__(self, world: World, allowed: Mapping[str, tuple[str, ...]]) -> None:
        """allowed: lane -> names of the dialogs that are answered there."""
        self.allowed = {lane: names for lane, names in allowed.items() if names}
        self.answers: list[Answer] = []
        self._world = world

    def attend(self, lane: Lane) -> bool:
        """Answer the dialog that the lane waits at, if that is allowed; True if a key may have been pressed.

        Blocks for some seconds. Raises SubstrateError and StoreError.
        """
        allowed = self.allowed.get(lane.name, ())
        spec = spec_of(self._world, lane.record) if allowed else None
        dialog = dialog_of(lane, spec) if spec else None
        tried = {(answer.lane, answer.dialog) for answer in self.answers}
        if dialog is None or dialog.name not in allowed or not dialog.confirm or (lane.name, dialog.name) in tried:
            return False
        what = {"lane": lane.name, "harness": lane.record.spec.harness, "dialog": dialog.name}
        self._world.events.append("dialog.answering", "cli", dict(what))
        outcome, keys = _answer(self._world, lane, dialog)
        self._world.events.append("dialog.answered", "cli", {**what, "outcome": outcome, "keys": list(keys)})
        self.answers.append(Answer(lane=lane.name, dialog=dialog.name, outcome=outcome))
        return True


def _answer(world: World, lane: Lane, dialog: Dialog) -> tuple[str, list[str]]:
    """``yes`` or why not, and the keys that were pressed."""
    keys: list[str] = []
    try:
        with world.deliveries.lease(lane.name):
            return _say_yes(world, lane, dialog, keys), keys
    except LockedError as error:
        return error.message, keys


def _say_yes(world: World, lane: Lane, dialog: Dialog, keys: list[str]) -> str:
    def press(key: str) -> bool:
        keys.append(key)
        record = lane.record
        return world.substrate.press(record.pane, (key,), pane_pid=record.pane_pid) is PasteResult.PASTED

    for key in dialog.choose:
        if _becomes_chosen(world, lane, dialog, wait_s=KEY_S if keys else 0.0):
            break
        if not _stands(world, lane, dialog):
            return "the dialog went away"
        if not press(key):
            return "its pane took no key"
    if not _becomes_chosen(world, lane, dialog, wait_s=KEY_S):
        return "yes could not be chosen"
    world.clock.sleep(STILL_S)
    if not _becomes_chosen(world, lane, dialog, wait_s=0.0):
        return "the screen does not hold still"
    if not press(dialog.confirm):
        return "its pane took no key"
    deadline = world.clock.monotonic() + GONE_S
    while _stands(world, lane, dialog):
        if world.clock.monotonic() >= deadline:
            return "the dialog is still there"
        world.clock.sleep(_LOOK_S)
    return "yes"


def _becomes_chosen(world: World, lane: Lane, dialog: Dialog, *, wait_s: float) -> bool:
    deadline = world.clock.monotonic() + wait_s
    while True:
        now = observe_lane(world, lane.name)
        if _is(now, world, dialog) and is_chosen(dialog, now.screen):
            return True
        if world.clock.monotonic() >= deadline:
            return False
        world.clock.sleep(_LOOK_S)


def _stands(world: World, lane: Lane, dialog: Dialog) -> bool:
    return _is(observe_lane(world, lane.name), world, dialog)


def _is(lane: Lane, world: World, dialog: Dialog) -> bool:
    spec = spec_of(world, lane.record)
    return spec is not None and dialog_of(lane, spec) == dialog
