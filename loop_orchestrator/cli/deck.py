"""`loop deck` (loop-deck): the session in one terminal application."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.decide import signing_key
from loop_orchestrator.errors import ExitCode, LoopError, UsageError
from loop_orchestrator.operations.trust import is_accepted
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.boot import Surroundings
    from loop_orchestrator.world import World


class _Desk:
    """A project as the deck is given it."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def world(self) -> World:
        return self._project.world

    @property
    def caller(self) -> str:
        return self._project.caller

    @property
    def surroundings(self) -> Surroundings:
        return self._project.surroundings

    @property
    def environ(self) -> Mapping[str, str]:
        return self._project.environ

    def require_accepted(self) -> None:
        project = self._project
        if not is_accepted(project.door, project.state_home):
            raise LoopError(
                f"the config of {project.root} is not accepted on this machine; nothing was done",
                hint="loop trust, at a terminal",
            )

    def signing_key(self) -> Path | None:
        return signing_key(self._project) if self.world.signers is not None else None


def _run(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the deck needs a terminal", hint="loop status shows the same as text")
    from loop_orchestrator.deck.app import Deck

    options, environ = project.options, project.environ
    Deck(lambda: _Desk(Project(options, environ))).run()
    return ExitCode.DONE


COMMANDS = {"deck": Command(run=_run, examples=("loop deck",))}
