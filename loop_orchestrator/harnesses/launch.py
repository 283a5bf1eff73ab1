"""The command lines of harnesses: of a lane, and of a one-shot call."""

from __future__ import annotations

import sys

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import LaneSpec


def lane_argv(spec: LaneSpec, harness: HarnessSpec | None, *, python: str) -> tuple[str, ...]:
    """What the launcher of a lane starts; empty for the user's login shell.

    harness: None for a command lane. python: what ``{python}`` stands for.
    Raises UsageError for what the harness cannot do.
    """
    if harness is None:
        return ("sh", "-c", spec.cmd)
    if harness.kind is HarnessKind.BRAIN:
        raise UsageError(f"lane {spec.name}: {harness.name} is a brain; no lane can run it")
    argv = harness.launch
    if spec.model:
        if not harness.model_argv:
            raise UsageError(f"lane {spec.name}: {harness.name} takes no model (got {spec.model!r})")
        argv = (*argv, *harness.model_argv)
    if spec.auto_approve:
        if not harness.auto_approve_argv:
            raise UsageError(f"lane {spec.name}: {harness.name} has no mode that approves by itself")
        argv = (*argv, *harness.auto_approve_argv)
    return _filled(argv, {"{python}": python, "{model}": spec.model})


def oneshot_argv(harness: HarnessSpec, *, model: str, python: str = sys.executable) -> tuple[str, ...]:
    """The command line of one call, complete but for ``{prompt}``, which stands where the prompt is an argument.

    Raises UsageError for a harness without one-shot mode, or a model it does not take.
    """
    oneshot = harness.oneshot
    if oneshot is None:
        raise UsageError(f"{harness.name} cannot be asked once; it has no oneshot section")
    argv = oneshot.argv
    if model:
        if not oneshot.model_argv:
            raise UsageError(f"{harness.name} takes no model for one call (got {model!r})")
        argv = (*argv, *oneshot.model_argv)
    return _filled(argv, {"{python}": python, "{model}": model})


def own_argv(argv: tuple[str, ...], *, python: str = sys.executable) -> tuple[str, ...]:
    """A command line of the harness's data that takes neither prompt nor model."""
    return _filled(argv, {"{python}": python})


def _filled(argv: tuple[str, ...], values: dict[str, str]) -> tuple[str, ...]:
    """The words with their fields filled in; what is filled in is not searched again."""
    return tuple(_fill(word, values) for word in argv)


def _fill(word: str, values: dict[str, str]) -> str:
    for field, value in values.items():
        before, found, after = word.partition(field)
        if found:
            return f"{before}{value}{_fill(after, values)}"
    return word
