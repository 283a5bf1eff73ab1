"""``python -m loop_orchestrator.rehearsal``: a small scripted coding agent with a real composer; no model, no key."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.errors import ExitCode, LoopError, UsageError
from loop_orchestrator.rehearsal import VERSION
from loop_orchestrator.rehearsal.boot import at_terminal, starting

if TYPE_CHECKING:
    from loop_orchestrator.process.run import Finished


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program. Returns its exit status."""
    options = _parser().parse_args(argv)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # whatever the locale says
    try:
        return _once(options) if options.once else _interactive(options)
    except LoopError as error:
        sys.stderr.write(f"rehearsal: {error.message}\n" + (f"{error.hint}\n" if error.hint else ""))
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loop_orchestrator.rehearsal",
        description="A scripted coding agent for trying things out. It asks no model and needs no key.",
    )
    parser.add_argument("--script", type=Path, metavar="FILE", help="what it answers; default: the packaged script")
    parser.add_argument("--once", action="store_true", help="read a prompt from stdin, print one reply, end")
    parser.add_argument("--boot-s", type=float, metavar="S", help="seconds until the composer appears")
    parser.add_argument("--auto-approve", action="store_true", help="do not ask before what the script would ask for")
    parser.add_argument("--model", default="", metavar="NAME", help="only shown, and put in for {model}")
    parser.add_argument("--version", action="version", version=VERSION)
    return parser


def _once(options: argparse.Namespace) -> int:
    from loop_orchestrator.rehearsal.oneshot import reply_once
    from loop_orchestrator.rehearsal.script import load_script
    from loop_orchestrator.rehearsal.surroundings import Surroundings

    prompt = sys.stdin.buffer.read().decode("utf-8", "replace")
    if not prompt.strip():
        raise UsageError("there is no prompt on standard input", hint="echo 'a prompt' | … --once")
    around = Surroundings.of(os.environ, model=options.model, auto_approve=options.auto_approve, cwd=Path.cwd())
    steps = load_script(options.script).oneshot.steps_for(prompt, around.fields)
    return reply_once(steps, clock=SystemClock())


def _interactive(options: argparse.Namespace) -> int:
    if not at_terminal():
        raise UsageError("standard input and output must be a terminal", hint="ask once instead: … --once <prompt.txt")
    clock = SystemClock()
    with starting(os.environ.get("LOOP_LANE", ""), clock) as boot:
        from loop_orchestrator.rehearsal.app import RehearsalApp
        from loop_orchestrator.rehearsal.script import load_script, steered
        from loop_orchestrator.rehearsal.surroundings import Surroundings

        script = load_script(options.script)
        around = Surroundings.of(os.environ, model=options.model, auto_approve=options.auto_approve, cwd=Path.cwd())
        app = RehearsalApp(
            steps_for=lambda prompt: steered(prompt) or script.interactive.steps_for(prompt, around.fields),
            around=around,
            program=_program,
            enter_refused_s=script.enter_refused_s,
            clock=clock,
        )
        boot.finish(script.boot_s if options.boot_s is None else options.boot_s)
        return app.run()


async def _program(argv: Sequence[str]) -> Finished:
    """Run a program beside the screen; when the turn is cancelled the program is ended, and waited for."""
    import asyncio

    from loop_orchestrator.process.cancel import Cancel
    from loop_orchestrator.process.run import run
    from loop_orchestrator.rehearsal.play import RUN_TIMEOUT_S

    cancel = Cancel()
    work = asyncio.ensure_future(asyncio.to_thread(run, argv, timeout_s=RUN_TIMEOUT_S, cancel=cancel))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        cancel.set()
        await asyncio.wait([work])
        raise


if __name__ == "__main__":
    sys.exit(main())
