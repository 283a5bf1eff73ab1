"""`loop lane-signal`: a program in a lane says what it does. Agents' hooks call it, at every tool call."""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, LoopError, UsageError
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.harnesses.hookreport import Report

KEPT_BYTES = 4_000_000
"""How much of a report is read; the fields that matter stand at its beginning. The rest is taken and dropped, so that
the program that writes it is not cut off."""

PATIENCE_S = 3.0
"""How long a report may take to come: the agent waits for its hook."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("state", nargs="?", metavar="STATE", help="a word or a detail of a lane's state: busy, idle, …")
    parser.add_argument("--lane", metavar="L", help="the lane; default: LOOP_LANE, the lane this runs in")
    parser.add_argument("--detail", default="", metavar="TEXT", help="what to show beside it, in one line")
    parser.add_argument(
        "--from-hook", metavar="HARNESS", help="read the report of this program's hook on stdin; never fails the hook"
    )


def _run(args: argparse.Namespace, project: Project) -> int:
    if args.from_hook is None:
        return _said(args, project)
    try:
        _hooked(args, project)
    except LoopError as error:
        output.note(f"loop lane-signal: {error.message}")
    except (OSError, ValueError) as error:
        output.note(f"loop lane-signal: {error}")
    except Exception as error:  # whatever it is, the agent's hook goes on
        output.note(f"loop lane-signal: unexpected {type(error).__name__}: {error}")
    return ExitCode.DONE


def _said(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.signals import detail_meant, note_signal, signal_of

    if args.state is None:
        raise UsageError("expected a state, or --from-hook and a harness", hint="loop lane-signal --help")
    lane = args.lane or project.environ.get("LOOP_LANE")
    if not lane:
        raise UsageError("this runs in no lane (LOOP_LANE is not set)", hint="name one: --lane L")
    detail = detail_meant(args.state)
    seen = args.detail or f"it said {args.state}"
    signal = signal_of(detail, "lane-signal", seen, project.clock.machine_now())
    noted = note_signal(project, lane, signal, pid=os.getpid(), conversation="", by=project.source)
    if not noted:
        raise LoopError(f"nothing was noted: the program of lane {lane} speaks for itself, not what it runs")
    if project.json:
        output.document({"lane": lane, "detail": detail.value, "word": signal.word.value})
    else:
        output.line(f"lane {lane}: {signal.word.value} ({detail.value})")
    return ExitCode.DONE


def _hooked(args: argparse.Namespace, project: Project) -> None:
    """Nothing is printed on stdout: agents read it as a part of their conversation."""
    lane = args.lane or project.environ.get("LOOP_LANE")
    if not lane:
        return  # the hooks are the user's, and this program runs in no lane
    now = project.clock.machine_now()
    report = _report(args.from_hook, project)
    if report.detail is None:
        return
    from loop_orchestrator.operations.signals import note_signal, signal_of

    seen = f"{args.from_hook} reports {report.event}" + (f" ({report.value})" if report.value else "")
    signal = signal_of(report.detail, f"hook:{args.from_hook}", args.detail or seen, now)
    note_signal(project, lane, signal, pid=os.getpid(), conversation=report.conversation, by=project.source)


def _report(name: str, project: Project) -> Report:
    from loop_orchestrator.harnesses.hookreport import read_report

    if name not in project.hooks:
        raise UsageError(f"there is no data about hooks of {name}; there is of {', '.join(sorted(project.hooks))}")
    text, cut = _read_stdin()
    return read_report(project.hooks[name], text, cut=cut)


def _read_stdin() -> tuple[str, bool]:
    """The beginning of what comes on stdin, and whether there was more. Raises ValueError where it does not come."""
    fd = sys.stdin.fileno()
    deadline = time.monotonic() + PATIENCE_S
    kept = bytearray()
    cut = False
    while select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
        data = os.read(fd, 65_536)
        if not data:
            return kept.decode("utf-8", "replace"), cut
        fits = data[: KEPT_BYTES - len(kept)]
        kept += fits
        cut = cut or len(fits) < len(data)
    if kept:
        return kept.decode("utf-8", "replace"), True
    raise ValueError(f"no report came on stdin within {PATIENCE_S:g} s")


COMMANDS = {
    "lane-signal": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop lane-signal busy",
            'loop lane-signal approval --detail "deploy to production?"',
            "loop lane-signal --from-hook claude < report.json",
        ),
    ),
}
