"""The rehearsal agent asked once: a prompt in, a reply out, no terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from loop_orchestrator.clock import Clock
from loop_orchestrator.rehearsal.steps import Exit, Fail, Say, Step, Work


def reply_once(steps: Sequence[Step], *, clock: Clock) -> int:
    """Carry out the steps of a one-shot answer. Returns the exit status; what was said before an error stays said."""
    for step in steps:
        match step:
            case Say(text):
                sys.stdout.write(f"{text}\n")
                sys.stdout.flush()
            case Work(seconds):
                clock.sleep(seconds)
            case Fail(text):
                sys.stderr.write(f"{text}\n")
                return 1
            case Exit(status):
                return status
            case _:
                raise AssertionError(f"the script reader lets no {type(step).__name__} into a one-shot answer")
    return 0
