"""`loop trust`: accept what the project's config runs on this machine. `up` and the engine ask through here."""

from __future__ import annotations

import argparse
import sys

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, LoopError
from loop_orchestrator.wiring import Project


def require_accepted(project: Project, *, accept_now: bool = False) -> None:
    """Return if a person accepted what the config runs; ask once at a terminal, or take ``--accept`` for a yes.

    Raises NotAPersonError from an agent's lane, LoopError where it is not accepted.
    """
    from loop_orchestrator.operations.person import refuse_agent
    from loop_orchestrator.operations.trust import accept, gone_lines, is_accepted, new_lines

    door = project.door
    if is_accepted(door, project.state_home):
        return
    refuse_agent(project.world, "accept a config")
    fresh = new_lines(door, project.state_home)
    what = (
        "Its config:"
        if door.lines
        else "Its config runs nothing by itself, but is another than the one that was accepted."
    )
    output.note(f"{project.root} was not accepted on this machine as it is now. {what}")
    for line in door.lines:
        output.note(f"  {'new: ' if line in fresh else '     '}{line}")
    for line in gone_lines(door, project.state_home):
        output.note(f"  gone: {line}")
    if not accept_now and not _says_yes():
        raise LoopError(
            f"the config of {project.root} is not accepted; nothing was started", hint="loop trust, at a terminal"
        )
    accept(door, project.state_home, by=project.caller, now=project.clock.now())


def _says_yes() -> bool:
    if not sys.stdin.isatty():
        return False
    output.note("Accept it? Type yes:")
    return sys.stdin.readline().strip().lower() == "yes"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--accept", action="store_true", help="do not ask; for scripts, not from an agent's lane")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.trust import is_accepted

    was = is_accepted(project.door, project.state_home)
    require_accepted(project, accept_now=args.accept)
    lines = project.door.lines
    if project.json:
        output.document({"root": str(project.root), "digest": project.door.digest, "lines": list(lines)})
    elif not lines:
        output.line("the config runs nothing that has to be accepted")
    else:
        output.line("accepted already" if was else "accepted")
    return ExitCode.DONE


COMMANDS = {"trust": Command(run=_run, arguments=_arguments, examples=("loop trust", "loop trust --accept"))}
