"""`loop demo`: the whole loop in a scratch project, told event by event."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.decided import print_action
from loop_orchestrator.errors import ExitCode, LoopError, NotAPersonError, UsageError
from loop_orchestrator.model.decision import DecisionStatus, ItemStatus
from loop_orchestrator.operations import demo
from loop_orchestrator.process.module import module_argv
from loop_orchestrator.wiring import Options, Project

if TYPE_CHECKING:
    from loop_orchestrator.model.decision import Decision
    from loop_orchestrator.model.event import Event

LIMIT_S = 60.0
"""Seconds without a new event after which the demo gives up. At half, a loaded machine is given up on; at double, a
person waits two minutes for bad news."""

_LAUNCHERS_LIMIT_S = 5.0
"""A launcher gives its program 2 s between HUP and KILL. At half, a slow end leaves files behind."""

_LOOK_S = 0.1
"""Between two looks at the event log: ten lines a second are as fast as a person reads."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="ask nobody: the scratch project gets approval: full")
    parser.add_argument("--dir", metavar="D", help="where to make the scratch project; default: a temporary directory")
    parser.add_argument("--keep", action="store_true", help="leave the session and the scratch project as they are")


def _run(args: argparse.Namespace, project: Project) -> int:
    asks = sys.stdin.isatty() and sys.stdout.isatty()
    if not asks and not args.yes:
        output.note("there is no terminal to ask anybody: going on as with --yes")
    approval = "full" if args.yes or not asks else "auto"
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _interrupt)
    with ExitStack() as undo:
        root = _directory(args.dir, undo, keep=args.keep)
        scratch = demo.make_scratch(root, session=f"demo-{os.getpid()}", approval=approval)
        stage = _Stage(_project_of(scratch, project))
        accepted = stage.accept_own_config()
        if not args.keep:
            undo.callback(accepted.unlink, missing_ok=True)
            undo.callback(stage.take_down)
        _play(stage, scratch, asks=asks and not args.yes)
        _say_how_to_look(stage, asks=asks, keep=args.keep)
    return ExitCode.DONE


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the signature of a handler
    """A closed terminal ends the demo as Ctrl-C does: the daemon and the lanes go with it."""
    raise KeyboardInterrupt


def _directory(named: str | None, undo: ExitStack, *, keep: bool) -> Path:
    if named is None:
        made = tempfile.mkdtemp(prefix="loop-demo-")
        if not keep:
            undo.callback(_remove, Path(made))
        return Path(made).resolve()
    root = Path(named).absolute()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"--dir {named} is not empty", hint="name a directory that is not there yet")
    if not keep:
        undo.callback(_remove, root)
    return root


def _remove(root: Path) -> None:
    import shutil

    shutil.rmtree(root, ignore_errors=True)


def _project_of(scratch: demo.Scratch, caller: Project) -> Project:
    """The scratch project, seen with nothing of a session that the caller may stand in."""
    environ = {name: value for name, value in caller.environ.items() if not name.startswith("LOOP_")}
    kept = {name: value for name, value in caller.environ.items() if name == "LOOP_TEST"}
    options = Options(project_root=str(scratch.root), session=scratch.session, socket=demo.SOCKET)
    return Project(options, {**environ, **kept})


class _Stage:
    """The scratch project at run time: its lanes, its daemon, and how far its log was read."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.world = project.world
        self.told: list[Event] = []
        self.offset = 0

    def accept_own_config(self) -> Path:
        """What this program wrote itself needs nobody's word; returns the record of it."""
        from loop_orchestrator.operations.trust import accept

        project = self.project
        return accept(project.door, project.state_home, by="loop demo", now=self.world.clock.now())

    def boot(self) -> int:
        """Boot the lanes; how many."""
        from loop_orchestrator.operations.boot import boot
        from loop_orchestrator.operations.plan import plan_lanes

        plan = plan_lanes(self.world.config, self.world.root, self.world.harnesses, preset="", found=())
        return len(boot(self.world, plan, self.project.surroundings).added)

    def daemon_argv(self) -> tuple[str, ...]:
        options = ("--project-root", str(self.world.root), "--session", self.world.session)
        return module_argv("", "engine", "watch", *options)

    def tell(self) -> bool:
        """Print what is new in the log; True if anything was."""
        events, self.offset = self.world.events.read_from(self.offset)
        self.told += events
        for event in events:
            line = demo.narrate(event)
            if line:
                output.line(line)
        output.flush()
        return bool(events)

    def take_down(self) -> None:
        """End the session, and wait for the launchers, which write how their programs ended."""
        from loop_orchestrator.process.identity import from_pid

        clock = self.world.clock
        launchers = [record.pane_pid for record in self.world.lanes.records().values()]
        self.world.substrate.end_session()
        deadline = clock.monotonic() + _LAUNCHERS_LIMIT_S
        while any(from_pid(pid) is not None for pid in launchers) and clock.monotonic() < deadline:
            clock.sleep(_LOOK_S)


def _play(stage: _Stage, scratch: demo.Scratch, *, asks: bool) -> None:
    """Until every task was worked on and proved, and the held action was answered. Raises LoopError when it stalls."""
    from loop_orchestrator.process.background import Background

    world = stage.world
    output.line(f"A scratch project with three tasks: {scratch.root}")
    if scratch.approval == "full":
        output.line("approval: full — destructive actions of this scratch project run without asking")
    output.line(f"{stage.boot()} lanes booted in tmux. Look at them from another terminal, at any time:")
    output.line(f"  {world.substrate.attach_hint()}", whole=True)
    _wait_for(stage, _agents_ready, "the rehearsal agents did not get ready")
    log = world.layout.session_dir / "watch.log"
    with Background(stage.daemon_argv(), cwd=world.root, env=stage.project.environ, log=log) as daemon:
        world.mailbox.send("person", "ops-top", "Mark where we began", demo.COMMAND)
        shown = False
        quiet_since = world.clock.monotonic()
        while not demo.story_of(stage.told).finished:
            if stage.tell():
                quiet_since = world.clock.monotonic()
            elif world.clock.monotonic() - quiet_since > LIMIT_S:
                raise LoopError(f"nothing happened for {LIMIT_S:g} s", hint=f"read {log} and {world.layout.events}")
            daemon.check_running()
            shown = shown or _show_working(stage)
            if asks and shown:
                _answer(stage)
                quiet_since = max(quiet_since, world.clock.monotonic() - LIMIT_S / 2)
            world.clock.sleep(_LOOK_S)
        stage.tell()
    output.line()
    output.line("What happened, with the numbers of its events:")
    for line in demo.summary(stage.told):
        output.line(f"  {line}")


def _say_how_to_look(stage: _Stage, *, asks: bool, keep: bool) -> None:
    attach = f"  {stage.world.substrate.attach_hint()}"
    output.line()
    if keep:
        output.line("Look at the lanes:")
        output.line(attach, whole=True)
        output.line("End them:")
        output.line(f"  loop down --project-root {stage.world.root}", whole=True)
    elif asks:
        output.line("Look at the lanes from another terminal:")
        output.line(attach, whole=True)
        output.flush()
        _ask("Press Enter to end them and remove the scratch project. ")
    else:
        output.line(
            "The lanes end now. To look at them afterwards: loop demo --keep --dir D; loop attach --project-root D"
        )


def _agents_ready(stage: _Stage) -> bool:
    return all(lane.state.ready for lane in stage.world.observe_lanes() if lane.record.agent)


def _wait_for(stage: _Stage, condition: Callable[[_Stage], bool], complaint: str) -> None:
    clock = stage.world.clock
    deadline = clock.monotonic() + LIMIT_S
    while not condition(stage):
        if clock.monotonic() > deadline:
            raise LoopError(complaint, hint=stage.world.substrate.attach_hint())
        clock.sleep(_LOOK_S)


def _show_working(stage: _Stage) -> bool:
    """Once, as soon as a lane is at work: all lanes and what they do."""
    if not any(event.kind == "task.moved" for event in stage.told):
        return False
    output.line()
    output.table(
        ("LANE", "ROLE", "STATE", "SCREEN"),
        (
            (
                lane.name,
                lane.record.spec.role,
                f"{lane.state.word.value}/{lane.state.detail.value}",
                next((row.strip() for row in reversed(lane.screen) if "…" in row), "")[:28],
            )
            for lane in stage.world.observe_lanes()
        ),
    )
    output.line()
    return True


def _answer(stage: _Stage) -> None:
    """Show a waiting decision in full and carry out what the person says."""
    for decision in stage.world.decisions.open_decisions():
        if decision.status is not DecisionStatus.WAITING:
            continue
        stage.tell()
        output.line()
        output.line(f"{decision.id} waits for you while the other lanes go on. It wants to do this:")
        for item in decision.items:
            if item.status is ItemStatus.WAITING and isinstance(item.action, ActionKind):
                print_action(item.idx, item.action, item.verdict, status=item.status)
        output.flush()
        said = _ask("Let it run? [y/N] ").strip().casefold()
        _carry_out(stage, decision, yes=said in ("y", "yes"))


def _carry_out(stage: _Stage, decision: Decision, *, yes: bool) -> None:
    from loop_orchestrator.operations.decisions import approve, reject
    from loop_orchestrator.operations.person import check_person

    person = check_person(stage.world)
    try:
        if yes:
            approve(stage.world, decision.id, digest=decision.digest, person=person)
        else:
            reject(stage.world, decision.id, reason="said no in the demo", person=person)
    except NotAPersonError as error:
        option = f"--project-root {stage.world.root}"
        raise LoopError(error.message, hint=f"in another terminal: loop approve {decision.id} {option}") from error


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline()


COMMANDS = {
    "demo": Command(
        run=_run, arguments=_arguments, examples=("loop demo", "loop demo --yes", "loop demo --keep --dir /tmp/try")
    )
}
