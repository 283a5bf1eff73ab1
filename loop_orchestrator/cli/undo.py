"""`loop undo list|show|restore|drop`: the snapshots of uncommitted work that were made before something ended."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import format_age, format_time
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.model.saved import SavedWork
    from loop_orchestrator.operations.undo import Restored


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lane", metavar="W", default="", help="those of one lane")


def _list(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.undo import saved_shape, snapshots

    found = snapshots(project, lane=args.lane)
    for problem in found.unread:
        output.note(f"not asked: {problem}")
    now = project.clock.now()
    if project.json:
        shapes: list[JsonValue] = [
            {**saved_shape(one), "age_s": round((now - one.at).total_seconds(), 3)} for one in found.all
        ]
        output.document({"session": project.session, "generated_at": format_time(now), "snapshots": shapes})
        return ExitCode.DONE
    if not found.all:
        output.note("no snapshots; one is made when a lane with uncommitted work is ended")
        return ExitCode.DONE
    rows = [
        (
            one.lane,
            f"{one.at.astimezone():%Y-%m-%d %H:%M:%S}",
            format_age((now - one.at).total_seconds()),
            "?" if one.files is None else str(one.files),
            one.branch or "-",
            one.name,
        )
        for one in found.all
    ]
    output.table(("LANE", "TIME", "AGE", "FILES", "BRANCH", "REF"), rows)
    return ExitCode.DONE


def _ref_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ref", metavar="REF", help="as `loop undo list` shows it; its beginning is enough")


def _show(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.undo import change_shape, changes, find, saved_shape

    one = find(project, args.ref)
    changed = changes(one)
    if project.json:
        shapes: list[JsonValue] = [change_shape(change) for change in changed]
        output.document({**saved_shape(one), "changes": shapes})
        return ExitCode.DONE
    output.line(f"{one.name}, {format_age((project.clock.now() - one.at).total_seconds())} ago")
    output.line(f"taken of: {one.directory or 'not said'}", whole=True)
    output.line(f"branch: {one.branch or 'none'}, at {one.base[:12] or 'no commit'}")
    for change in changed:
        output.line(f"  {change.kind.value:8} {change.path}", whole=True)
    if one.staged:
        held = f"git --git-dir={one.repository} diff {one.base[:12]} {one.staged[:12]}"
        output.line(f"of it was staged: {held}", whole=True)
    if one.base:
        output.line(f"its content: git --git-dir={one.repository} diff {one.base[:12]} {one.commit[:12]}", whole=True)
    else:
        output.line(f"its content: git --git-dir={one.repository} show {one.commit[:12]}", whole=True)
    return ExitCode.DONE


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    _ref_arguments(parser)
    parser.add_argument("--to", metavar="DIR", help="write into this directory; default: where it was taken")
    parser.add_argument("--force", action="store_true", help="overwrite other changes, after a snapshot of them")


def _restore(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.undo import change_shape, find, restore

    one = find(project, args.ref)
    to = Path(args.to).absolute() if args.to is not None else None
    done = restore(project.world, one, to=to, force=args.force, by=project.caller)
    if project.json:
        shapes: list[JsonValue] = [change_shape(change) for change in done.written]
        output.document(
            {
                "ref": one.ref,
                "lane": one.lane,
                "directory": str(done.directory),
                "written": shapes,
                "same": done.same,
                "made_worktree": done.made_worktree,
                "saved_first": done.saved_first.ref if done.saved_first else None,
                "staged": done.staged,
            }
        )
        return ExitCode.DONE
    _print_restored(one, done)
    return ExitCode.DONE


def _print_restored(one: SavedWork, done: Restored) -> None:
    if done.made_worktree:
        output.line(f"made the worktree again, on {one.branch}")
    if done.saved_first is not None:
        output.line(f"what stood there is saved: {done.saved_first.name}", whole=True)
    if done.written:
        output.line(f"restored {_count(len(done.written))} in {done.directory}:", whole=True)
    else:
        output.line(f"nothing to restore: {done.directory} has all of it already", whole=True)
    for change in done.written:
        output.line(f"  {change.kind.value:8} {change.path}", whole=True)
    if done.written and done.same:
        output.line(f"{_count(done.same)} stood there already")
    if done.staged is False:
        held = f"git --git-dir={one.repository} diff {one.base[:12]} {one.staged[:12]}"
        output.note(f"what was staged is not staged again; it was: {held}", whole=True)


def _count(files: int) -> str:
    return f"{files} file{'' if files == 1 else 's'}"


def _drop(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.undo import find, forget

    one = find(project, args.ref)
    forget(project.world, one, by=project.caller)
    if project.json:
        output.document({"ref": one.ref, "commit": one.commit})
        return ExitCode.DONE
    output.line(f"snapshot {one.name} is removed", whole=True)
    again = f"git --git-dir={one.repository} update-ref {one.ref} {one.commit}"
    output.note(f"until git cleans up, it comes back with: {again}", whole=True)
    return ExitCode.DONE


COMMANDS = {
    "undo list": Command(
        run=_list,
        arguments=_list_arguments,
        examples=("loop undo", "loop undo list --lane web", "loop undo list --json"),
    ),
    "undo show": Command(run=_show, arguments=_ref_arguments, examples=("loop undo show web/20261121T011530123",)),
    "undo restore": Command(
        run=_restore,
        arguments=_restore_arguments,
        examples=(
            "loop undo restore web/20261121T011530123",
            "loop undo restore web/20261121T01 --to /tmp/look",
            "loop undo restore web/20261121T01 --force",
        ),
    ),
    "undo drop": Command(run=_drop, arguments=_ref_arguments, examples=("loop undo drop web/20261121T011530123",)),
}
