"""`loop init`: make a project of a directory."""

from __future__ import annotations

import argparse
from pathlib import Path

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", nargs="?", metavar="DIR", help="default: the git top level, else this directory")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.init import init_project
    from loop_orchestrator.operations.trust import accept

    if args.directory and project.options.project_root:
        raise UsageError("give the directory once: as DIR or with --project-root")
    if args.directory:
        project = project.at(Path(args.directory))
    made = init_project(project.root, now=project.clock.now())
    if any(one.wrote and one.path == "lane-config.yaml" for one in made):
        accept(project.door, project.state_home, by="loop init", now=project.clock.now())
    if project.json:
        files: list[JsonValue] = [{"path": one.path, "wrote": one.wrote} for one in made]
        output.document({"root": str(project.root), "files": files})
        return ExitCode.DONE
    output.line(f"project: {project.root}")
    for one in made:
        output.line(f"  {'wrote' if one.wrote else 'kept '}  {one.path}")
    output.note("next: loop up")
    return ExitCode.DONE


COMMANDS = {"init": Command(run=_run, arguments=_arguments, examples=("loop init", "loop init ~/work/shop"))}
