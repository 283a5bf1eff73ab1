"""`loop logs`: the event log in sentences, followed on request, or one chain of causes as a tree."""

from __future__ import annotations

import argparse
from datetime import date, datetime
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.operations.logs import Link, Wanted


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--follow", action="store_true", help="go on with each event as it is written")
    parser.add_argument(
        "--trace", metavar="ID", help="what is tied to a cycle, decision, delivery, or event number, as a tree"
    )
    parser.add_argument(
        "--kind",
        dest="kinds",
        metavar="KIND",
        action="append",
        nargs="+",
        default=[],
        help="only these kinds; `lane` means every kind that begins with `lane.`",
    )
    parser.add_argument("--since", metavar="T", help="from then on: 2h, 3d, today, yesterday, 2026-11-21T01:15")
    parser.add_argument("-n", metavar="N", help="the last N events; default: 20, with --since all")
    parser.add_argument("--kinds", dest="list_kinds", action="store_true", help="list the kinds and what they mean")


def _run(args: argparse.Namespace, project: Project) -> int:
    if args.list_kinds:
        return _list_kinds(project)
    if args.trace is not None:
        if args.follow or args.kinds or args.since or args.n:
            raise UsageError("--trace shows a whole chain: leave -f, --kind, --since and -n out")
        return _trace(project, args.trace)
    wanted = _wanted(args, project)
    if args.follow:
        return _follow(project, wanted)
    return _print(project, wanted)


def _wanted(args: argparse.Namespace, project: Project) -> Wanted:
    from loop_orchestrator.operations.logs import Wanted, kinds_of
    from loop_orchestrator.operations.times import time_from

    if args.n is not None and not args.n.isdecimal():
        raise UsageError(f"-n {args.n}: expected a number of events", hint="loop logs -n 50")
    return Wanted(
        kinds=kinds_of([kind for kinds in args.kinds for kind in kinds]),
        since=time_from(args.since, project.clock.now()) if args.since is not None else None,
        n=int(args.n) if args.n is not None else None,
    )


def _print(project: Project, wanted: Wanted) -> int:
    from loop_orchestrator.operations.logs import logged_shape, read_logs

    events = read_logs(project, wanted)
    told = False
    if project.json:
        shapes: list[JsonValue] = [logged_shape(event, project.redactor) for event in events]
        damaged: dict[str, JsonValue] = {**project.events.damaged}
        output.document({"session": project.session, "events": shapes, "damaged": damaged})
        return ExitCode.DONE
    lines = _Lines(project)
    for event in events:
        lines.tell(event)
        told = True
    if not told:
        since = f" since {wanted.since.astimezone():%Y-%m-%d %H:%M}" if wanted.since else ""
        output.note(f"session {project.session}: no such event{since}")
    _note_damage(project)
    return ExitCode.DONE


def _follow(project: Project, wanted: Wanted) -> int:
    from loop_orchestrator.operations.logs import follow_logs, logged_shape

    lines = _Lines(project)

    def tell(event: Event) -> None:
        if project.json:
            output.row(logged_shape(event, project.redactor))
        else:
            lines.tell(event)
        output.flush()

    follow_logs(project, wanted, tell)
    return ExitCode.DONE


def _trace(project: Project, given: str) -> int:
    from loop_orchestrator.operations.logs import MOST_LINKS, logged_shape, read_trace

    trace, links = read_trace(project, given)
    if project.json:
        shapes: list[JsonValue] = [
            {**logged_shape(link.event, project.redactor), "parent": link.parent or None} for link in links
        ]
        output.document({"session": project.session, "trace": trace, "events": shapes})
        return ExitCode.DONE
    lines = _Lines(project)
    for link in links:
        lines.tell(link.event, *_branch(link))
    if len(links) == MOST_LINKS:
        output.note(f"these are the first {MOST_LINKS} events of it")
    _note_damage(project)
    return ExitCode.DONE


def _branch(link: Link) -> tuple[str, str]:
    """What stands before an event of a tree, and before the rows into which it is folded."""
    if not link.is_last:
        return "", ""
    above = "".join("   " if ended else "│  " for ended in link.is_last[:-1])
    return (f"{above}└─ ", f"{above}   ") if link.is_last[-1] else (f"{above}├─ ", f"{above}│  ")


class _Lines:
    """Events as lines, with a line for each day that begins."""

    def __init__(self, project: Project) -> None:
        self._redactor = project.redactor
        self._day: date = datetime.now().astimezone().date()
        """of the last line; lines of today need no day"""

    def tell(self, event: Event, branch: str = "", below: str = "") -> None:
        from loop_orchestrator.model.sentences import sentence_of

        at = event.at.astimezone()
        if at.date() != self._day:
            self._day = at.date()
            output.line(f"{at:%A, %Y-%m-%d}")
        said = f"{event.source}  {event.kind}  {self._redactor.text(sentence_of(event))}"
        output.hung(f"{at:%H:%M:%S}  {branch}", said, margin=f"{'':10}{below}")


def _note_damage(project: Project) -> None:
    for name, reason in project.events.damaged.items():
        output.note(f"{name}: {reason}; the rest was read")


def _list_kinds(project: Project) -> int:
    from loop_orchestrator.model.event import EVENT_KINDS

    if project.json:
        kinds: list[JsonValue] = [
            {"kind": kind, "meaning": found.meaning, "fields": list(found.fields)}
            for kind, found in EVENT_KINDS.items()
        ]
        output.document({"kinds": kinds})
    else:
        output.table(("KIND", "MEANING"), ((kind, found.meaning) for kind, found in EVENT_KINDS.items()))
    return ExitCode.DONE


COMMANDS = {
    "logs": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop logs                                  # the last 20 events",
            "loop logs -f --kind decision item          # decisions and their actions, as they happen",
            "loop logs --since 2h --kind lane.gave-up",
            "loop logs --trace d-20261121T011530123-4f2a9c",
            "loop logs --since today --json | jq -r '.events[].sentence'",
        ),
    ),
}
