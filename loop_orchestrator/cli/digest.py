"""`loop digest` (loop-digest): one frame, or a live one that is drawn again when a file changed."""

from __future__ import annotations

import argparse
import io
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.wiring import Project, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.operations.digest import Digest, Sources

_LATEST_MAIL = 4
_LATEST_ADRS = 8
_LANE_NAMES = ("name", "lane", "window", "id")
_INTERVAL = "LOOP_DIGEST_INTERVAL"
_ADR_DIR = "LOOP_DIGEST_ADR_DIR"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="one frame and no more")
    parser.add_argument(
        "--interval",
        metavar="S",
        help=f"draw again every S seconds too; default: {_INTERVAL}, else only when a file changed",
    )
    parser.add_argument("--no-clear", action="store_true", help="print frames one below the other")
    # Their names are not those of the session's own places: this only looks.
    parser.add_argument("--state-file", dest="shown_state", metavar="F", help="show this state file")
    parser.add_argument("--mailbox-dir", dest="shown_mailbox", metavar="D", help="show this mailbox")
    parser.add_argument(
        "--extra-repo",
        dest="extra_repos",
        action="append",
        metavar="D",
        default=[],
        help="show the unpushed commits of this repository too; may be given again",
    )
    parser.add_argument(
        "--adr-dir", metavar="D", help=f"decision records; default: {_ADR_DIR}, else docs/adr of the project"
    )


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.digest import digest, digest_document

    interval_s, sources = _interval(args, project), _sources(args, project)
    if project.json:
        output.document(digest_document(digest(project, sources)))
        return ExitCode.DONE
    if args.once:
        for section in _sections(digest(project, sources), project):
            for line in section:
                output.line(line)
        return ExitCode.DONE
    return _live(project, sources, interval_s, whole=sys.stdout.isatty() and not args.no_clear)


def _interval(args: argparse.Namespace, project: Project) -> float | None:
    given, named = args.interval, "--interval"
    if given is None:
        given, named = project.environ.get(_INTERVAL) or None, _INTERVAL
    if given is None:
        return None
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds < float("inf"):
        raise UsageError(f"{named} {given}: seconds were expected, at least 0.1", hint="loop digest --interval 30")
    return seconds


def _sources(args: argparse.Namespace, project: Project) -> Sources:
    from loop_orchestrator.operations.digest import Sources

    def place(given: str | None) -> Path | None:
        return within(project.root, given) if given else None

    return Sources(
        state_file=place(args.shown_state),
        mailbox=place(args.shown_mailbox),
        adr_dir=place(args.adr_dir or project.environ.get(_ADR_DIR)),
        extra_repos=tuple(within(project.root, given) for given in args.extra_repos),
    )


def _live(project: Project, sources: Sources, interval_s: float | None, *, whole: bool) -> int:
    from loop_orchestrator.operations.digestwatch import watch_digest

    if whole:
        return _live_on_screen(project, sources, interval_s)

    def print_frame(frame: Digest) -> None:
        for section in _sections(frame, project):
            for line in section:
                output.line(line)
        output.line()
        output.flush()

    watch_digest(project, sources, print_frame, interval_s=interval_s)
    return ExitCode.DONE


def _live_on_screen(project: Project, sources: Sources, interval_s: float | None) -> int:
    import os
    import signal

    from loop_orchestrator.cli.screen import whole_screen
    from loop_orchestrator.operations.digestwatch import watch_digest

    drawn: list[list[list[str]]] = []

    with whole_screen() as screen:

        def draw(frame: Digest) -> None:
            drawn[:] = [_sections(frame, project)]
            screen.draw(drawn[0])

        def draw_again() -> None:
            if drawn:
                screen.draw(drawn[0])

        def stop_for_a_while() -> None:
            screen.end()
            os.kill(os.getpid(), signal.SIGSTOP)
            screen.begin()
            draw_again()

        watch_digest(
            project,
            sources,
            draw,
            interval_s=interval_s,
            on_signal={signal.SIGWINCH: draw_again, signal.SIGTSTP: stop_for_a_while},
        )
    return ExitCode.DONE


def _sections(frame: Digest, project: Project) -> list[list[str]]:
    """The frame's lines, section by section; the first line of a section says what it is about."""
    parts: tuple[Callable[[], None], ...] = (
        lambda: _print_waiting(frame, project),
        lambda: _print_lanes(frame),
        lambda: _print_loops(frame),
        lambda: _print_mail(frame),
        lambda: _print_unpushed(frame),
        lambda: _print_adrs(frame),
    )
    return [section for part in parts if (section := _lines(part))]


def _lines(part: Callable[[], None]) -> list[str]:
    """What a part prints; it finds no terminal and folds nothing."""
    with redirect_stdout(io.StringIO()) as text:
        part()
    return text.getvalue().splitlines()


def _print_waiting(frame: Digest, project: Project) -> None:
    output.line(f"{project.root.name}, session {project.session}, {frame.generated_at.astimezone():%H:%M}")
    if isinstance(frame.waiting, Unknown):
        output.line(f"DECISIONS OF THE ENGINE  not known: {frame.waiting.reason}")
        return
    for decision in frame.waiting:
        words = ", ".join(f"{item.action.kind} {item.action.target}".strip() for item in decision.items)
        output.line(f"WAITS FOR YOU  {plaintext.shorten(words, 60)}  loop approve {decision.id}")


def _print_loops(frame: Digest) -> None:
    output.line()
    if isinstance(frame.state, Unknown):
        output.line(f"LOOPS  not known: {frame.state.reason}")
        return
    output.line(f"LOOPS  {plaintext.shorten(frame.state.objective, 70)}".rstrip())
    if not frame.state.loops:
        output.line("  none")
        return
    rows = [
        (
            f"  {loop.id}",
            plaintext.shorten(loop.status, 24),
            plaintext.shorten(loop.branch, 14),
            plaintext.shorten(_texts(loop.extra.get("deployed_to")), 28),
            plaintext.shorten(loop.name, 60),
        )
        for loop in frame.state.loops
    ]
    output.table(("  LOOP", "STATUS", "BRANCH", "DEPLOYED", "NAME"), rows)


def _print_lanes(frame: Digest) -> None:
    """The table of the state file's own ``lanes`` key: an object of lanes, or a list of objects that name theirs."""
    lanes = None if isinstance(frame.state, Unknown) else frame.state.extra.get("lanes")
    if isinstance(lanes, list):
        rows = [_lane_row(_name_of(value), value) for value in lanes]
    elif isinstance(lanes, dict):
        rows = [_lane_row(name, value) for name, value in lanes.items()]
    else:
        return
    if rows:
        output.line()
        output.line("LANES, as the state file has them")
        output.table(("  LANE", "STATUS", "MORE"), rows)


def _name_of(value: JsonValue) -> str:
    named = value if isinstance(value, dict) else {}
    return next((_texts(named[key]) for key in _LANE_NAMES if key in named), "")


def _lane_row(name: str, value: JsonValue) -> tuple[str, str, str]:
    if not isinstance(value, dict):
        return f"  {name}", plaintext.shorten(_texts(value), 24), ""
    status = next((value[key] for key in ("status", "state") if key in value), "")
    left = {key: one for key, one in value.items() if key not in ("status", "state", *_LANE_NAMES)}
    more = ", ".join(f"{key} {_texts(one)}" for key, one in left.items() if one not in (None, "", [], {}))
    return f"  {name}", plaintext.shorten(_texts(status), 24), plaintext.shorten(more, 60)


def _texts(value: JsonValue) -> str:
    """A value of the state file in a cell."""
    match value:
        case None:
            return ""
        case str():
            return value
        case list():
            return ", ".join(map(_texts, value))
        case dict():
            return ", ".join(f"{key} {_texts(one)}" for key, one in value.items())
        case _:
            return str(value).lower()


def _print_mail(frame: Digest) -> None:
    output.line()
    if isinstance(frame.pending, Unknown):
        output.line(f"MAIL  not known: {frame.pending.reason}")
        return
    output.line(f"MAIL  {len(frame.pending)} pending, {frame.processed_count} processed")
    latest = sorted(frame.pending, key=lambda one: one[1])[-_LATEST_MAIL:]
    for message, at in latest:
        who = f"{message.sender} to {message.recipient}"
        output.line(f"  {at.astimezone():%H:%M}  {who}: {plaintext.shorten(message.subject, 70)}")
    for name, reason, _ in frame.malformed[:_LATEST_MAIL]:
        output.line(f"  no message: {name}: {plaintext.shorten(reason.removeprefix(f'{name}: '), 90)}")
    if len(frame.malformed) > _LATEST_MAIL:
        output.line(f"  {len(frame.malformed) - _LATEST_MAIL} more that are no messages")


def _print_unpushed(frame: Digest) -> None:
    output.line()
    output.line("UNPUSHED")
    if not frame.unpushed:
        output.line("  no repository")
    for one in frame.unpushed:
        if one.problem:
            output.line(f"  {one.path}: not known: {plaintext.shorten(one.problem, 90)}")
            continue
        count = "nothing to compare with" if one.count is None else f"{one.count} commit{'' if one.count == 1 else 's'}"
        ahead = f" ahead of {one.upstream}" if one.upstream else ""
        output.line(f"  {one.path.name} ({one.branch or 'no branch'}): {count}{ahead}")


def _print_adrs(frame: Digest) -> None:
    if not frame.adrs:
        return
    output.line()
    output.line("DECISIONS")
    for adr in frame.adrs[:_LATEST_ADRS]:
        output.line(f"  {adr.id}  {adr.status.value}  {plaintext.shorten(adr.title, 48)}")


COMMANDS = {
    "digest": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop digest                  # live; Ctrl-C ends it",
            "loop digest --once --extra-repo ../infra --extra-repo ../docs",
            "loop digest --interval 30 --no-clear >> digest.log",
            "loop digest --json | jq '.mailbox.pending[].subject'",
        ),
    ),
}
