"""Which start-up dialog of a harness stands on a screen. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from loop_orchestrator.model.harness import Dialog, HarnessSpec
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.substrate.screenrules import BOTTOM_ROWS, COMPOSER_RULE

_OTHERS = frozenset({Detail.APPROVAL, Detail.QUESTION})
"""Questions of an agent, which only a person answers."""


def dialog_of(lane: Lane, spec: HarnessSpec) -> Dialog | None:
    """The start-up dialog that the lane waits at; None where it waits at none, or at something else as well.

    A composer on the screen means that the program has started: what looks like a dialog is text of a conversation.
    """
    if lane.state.detail is not Detail.DIALOG:
        return None
    if any(signal.detail in _OTHERS or signal.rule == COMPOSER_RULE for signal in lane.state.evidence):
        return None
    text = bottom(lane.screen)
    return next((dialog for dialog in spec.dialogs if _stands(dialog, text)), None)


def is_chosen(dialog: Dialog, screen: Sequence[str]) -> bool:
    """The dialog stands there, and confirming it now says yes."""
    text = bottom(screen)
    return _stands(dialog, text) and (dialog.chosen is None or dialog.chosen.search(text) is not None)


def bottom(screen: Sequence[str]) -> str:
    """The rows where a dialog stands, the last ones that are not blank."""
    return "\n".join([row for row in screen if row.strip()][-BOTTOM_ROWS:])


def _stands(dialog: Dialog, text: str) -> bool:
    return all(one.search(text) for one in dialog.all) and not any(one.search(text) for one in dialog.none)
