"""`loop harness test`: whether the rules of a harness hold on recorded screens, and on a live boot."""

from __future__ import annotations

import argparse
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.harness import known, machine_of, require_own_accepted
from loop_orchestrator.errors import ExitCode, LoopError, UsageError
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Options, Project

if TYPE_CHECKING:
    from loop_orchestrator.model.harness import HarnessSpec
    from loop_orchestrator.operations.harness_test import LiveBoot, Miss, Score
    from loop_orchestrator.operations.harnesses import Probe

_SHOWN_ROWS, _SHOWN_COLUMNS = 12, 100
"""Of the screen of a live boot: enough to tell a dialog from a composer, in a terminal of any size."""


@dataclass(frozen=True, kw_only=True)
class _Tested:
    """One harness and how it did."""

    score: Score
    program: Probe | None
    """None without a live boot"""
    boot: LiveBoot | None
    """None without a live boot"""

    @property
    def passed(self) -> bool:
        return self.score.passed and (self.boot is None or self.boot.passed)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("harness", metavar="NAME", nargs="?", help="a harness, as `loop harness list` names it")
    parser.add_argument("--all", action="store_true", help="every harness; with --live every one that is installed")
    parser.add_argument(
        "--screens",
        metavar="DIR",
        help="screens of your own: DIR/<program>/<version>__<state>__<columns>x<rows>.ansi and DIR/<program>/META.tsv",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="also boot the program in a scratch directory and say what it shows; nothing is typed into it",
    )


def _run(args: argparse.Namespace, project: Project) -> int:
    tested = tuple(_test(spec, args, project) for spec in _chosen(args, project))
    tested = tuple(one for one in tested if one.score.screens or one.boot)
    if not tested:
        what = f"of {args.harness}" if args.harness else f"in {args.screens}" if args.screens else "of any harness"
        raise LoopError(f"there are no recorded screens {what}", hint="loop harness test NAME --live, or --screens DIR")
    passed = all(one.passed for one in tested)
    if project.json:
        shapes: list[JsonValue] = [_shape(one) for one in tested]
        output.document({"harnesses": shapes, "passed": passed})
    else:
        _print(tested)
    return ExitCode.DONE if passed else ExitCode.FAILED


def _chosen(args: argparse.Namespace, project: Project) -> tuple[HarnessSpec, ...]:
    if bool(args.harness) == args.all:
        raise UsageError("expected the name of a harness, or --all", hint="loop harness test --help")
    if args.screens and not Path(args.screens).is_dir():
        raise UsageError(f"--screens {args.screens}: there is no such directory", hint="loop harness test --help")
    if args.all:
        project.harnesses.check()
        return tuple(spec for spec in project.harnesses.values() if _reads_screens(spec))
    spec = known(project, args.harness)
    if not _reads_screens(spec):
        raise LoopError(f"harness {spec.name} has no rules for screens", hint=f"loop harness show {spec.name}")
    return (spec,)


def _reads_screens(spec: HarnessSpec) -> bool:
    return bool(spec.rules) or spec.composer is not None


def _test(spec: HarnessSpec, args: argparse.Namespace, project: Project) -> _Tested:
    from loop_orchestrator.harnesses.recorded import RECORDED, captures
    from loop_orchestrator.operations.harness_test import score

    folder = Path(args.screens) if args.screens else RECORDED
    # The folder itself may hold the screens, where it is plain of which harness they are.
    has_screens = (folder / spec.name).is_dir() or (args.harness and args.screens)
    scored = score(spec, captures(folder, spec.name) if has_screens else (), project.clock.now())
    program, boot = _live(spec, args, project) if args.live and spec.is_agent else (None, None)
    return _Tested(score=scored, program=program, boot=boot)


def _live(spec: HarnessSpec, args: argparse.Namespace, project: Project) -> tuple[Probe | None, LiveBoot | None]:
    """The program and its boot; neither where it is not installed, unless it was named.

    Raises LoopError for a named program that is not installed, and for data of the project that nobody accepted here.
    """
    from loop_orchestrator.operations.harness_test import boot_live
    from loop_orchestrator.operations.harnesses import probe

    machine = machine_of(project)
    found = machine.look_for(spec)
    if not found.program and args.all:
        return None, None
    if not found.program:
        raise LoopError(f"{spec.name} cannot be booted: {found.reason}", hint=f"loop harness probe {spec.name}")
    require_own_accepted(project, spec)
    output.note(f"booting {spec.name} in a scratch directory, on a tmux server of its own")
    with _ended_as_by_ctrl_c(), _scratch(project, spec) as scratch:
        return probe(spec, machine), boot_live(scratch.world, spec, scratch.surroundings)


@contextmanager
def _scratch(project: Project, spec: HarnessSpec) -> Iterator[Project]:
    """A project in a new directory that knows the harness as this one does; all of it is gone on the way out."""
    from loop_orchestrator.process import git

    with tempfile.TemporaryDirectory(prefix="loop-harness-", ignore_cleanup_errors=True) as folder:
        root = Path(folder) / "project"
        data = root / ".loop" / "harnesses"
        data.mkdir(parents=True)
        shutil.copyfile(spec.origin, data / f"{spec.name}.yaml")
        git.init_repository(root)
        options = Options(project_root=str(root), session="harness-test", socket=f"{folder}/tmux")
        yield Project(options, {name: value for name, value in project.environ.items() if name != "LOOP_LANE"})


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """While the program runs, a request to end this process leaves nothing of it behind."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    raise KeyboardInterrupt


def _print(tested: Sequence[_Tested]) -> None:
    scores = [one.score for one in tested if one.score.screens]
    if scores:
        head = ("PROGRAM", "VERSIONS", "SCREENS", "RIGHT", "UNKNOWN", "WRONG", "WRONGLY IDLE")
        output.table(head, (_row(score) for score in scores))
    for one in tested:
        for miss in one.score.misses:
            output.line(_missed(one.score.harness, miss))
        if one.boot is not None and one.program is not None:
            _print_boot(one.score.harness, one.program, one.boot)


def _row(score: Score) -> tuple[str, ...]:
    counts = (score.screens, score.right, score.unknown, score.wrong, score.wrongly_idle)
    return (score.harness, ", ".join(score.versions), *map(str, counts))


def _missed(harness: str, miss: Miss) -> str:
    state = miss.state
    expected = " or ".join(detail.value for detail in miss.expected)
    got = f"{state.word.value} ({state.detail.value}){', wrongly idle,' if miss.wrongly_idle else ''}"
    return f"{harness} {miss.screen}: expected {expected}, got {got} by rule {state.rule}: {state.evidence[0].seen}"


def _print_boot(harness: str, program: Probe, boot: LiveBoot) -> None:
    state = boot.lane.state
    version = program.version or "of an unknown version"
    tried = "its screens were tried on it" if program.verified else "its screens were not tried on it"
    shows = f"{state.word.value} ({state.detail.value}) by rule {state.rule}: {state.evidence[0].seen}"
    output.line(f"{harness} {version} ({program.note or tried}), booted in {boot.took_s:.1f} s, is {shows}")
    for row in [row.rstrip() for row in boot.lane.screen if row.strip()][-_SHOWN_ROWS:]:
        output.line(f"  | {row if len(row) <= _SHOWN_COLUMNS else row[: _SHOWN_COLUMNS - 1] + '…'}", whole=True)


def _shape(one: _Tested) -> JsonValue:
    score = one.score
    misses: list[JsonValue] = [
        {
            "screen": miss.screen,
            "expected": [detail.value for detail in miss.expected],
            "status": miss.state.word.value,
            "got": miss.state.detail.value,
            "rule": miss.state.rule,
            "seen": miss.state.evidence[0].seen,
            "wrongly_idle": miss.wrongly_idle,
        }
        for miss in score.misses
    ]
    return {
        "name": score.harness,
        "versions": list(score.versions),
        "screens": score.screens,
        "right": score.right,
        "unknown": score.unknown,
        "wrong": score.wrong,
        "wrongly_idle": score.wrongly_idle,
        "misses": misses,
        "live": _live_shape(one.program, one.boot) if one.program and one.boot else None,
        "passed": one.passed,
    }


def _live_shape(program: Probe, boot: LiveBoot) -> JsonValue:
    from loop_orchestrator.operations.shapes import state_shape

    rows: list[JsonValue] = list(boot.lane.screen)
    return {
        "path": program.path,
        "version": program.version or None,
        "verified": program.verified,
        **state_shape(boot.lane.state),
        "took_s": round(boot.took_s, 3),
        "screen": rows,
        "passed": boot.passed,
    }


COMMANDS = {
    "harness test": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop harness test claude",
            "loop harness test --all --json",
            "loop harness test claude --live",
            "loop harness test claude --screens my-screens",
        ),
    )
}
