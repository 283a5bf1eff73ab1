"""From argv to an exit code: finds the word, imports its one module, and turns errors into lines and codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from loop_orchestrator import __version__, plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.words import ALIASES, ALONE, GROUPS, WORDS, nearest_word
from loop_orchestrator.errors import ConfigError, ExitCode, LoopError, UsageError

if TYPE_CHECKING:
    pass


def main(argv: Sequence[str] | None = None) -> int:
    """``loop WORD …``."""
    given = list(sys.argv[1:] if argv is None else argv)
    return _guarded(lambda: _run(given), given)


def main_engine() -> int:
    """``loop-engine X`` is ``loop engine X``."""
    return main(["engine", *sys.argv[1:]])


def main_tmux() -> int:
    """``loop-tmux`` is ``loop up``; ``add-lane``, ``drop-lane`` and ``list-lanes`` are words of it."""
    return main(["tmux", *sys.argv[1:]])


def main_deck() -> int:
    """``loop-deck`` is ``loop up``; ``add-lane``, ``drop-lane`` and ``list-lanes`` are words of it."""
    return main(["deck", *sys.argv[1:]])


def main_lane_status() -> int:
    """``loop-lane-status`` is ``loop lane-status``."""
    return main(["lane-status", *sys.argv[1:]])


def main_dispatch() -> int:
    """``loop-dispatch`` is ``loop send``."""
    return main(["dispatch", *sys.argv[1:]])


def main_digest() -> int:
    """``loop-digest`` is ``loop digest``."""
    return main(["digest", *sys.argv[1:]])


def main_checkpoint() -> int:
    """``loop-checkpoint`` is ``loop checkpoint``."""
    return main(["checkpoint", *sys.argv[1:]])


def main_wiki_pending() -> int:
    """``loop-wiki-pending`` is ``loop wiki-pending``."""
    return main(["wiki-pending", *sys.argv[1:]])


def main_wiki_lint() -> int:
    """``loop-wiki-lint`` is ``loop wiki-lint``."""
    return main(["wiki-lint", *sys.argv[1:]])


def main_adr() -> int:
    """``loop-adr X`` is ``loop adr X``."""
    return main(["adr", *sys.argv[1:]])


def main_restart() -> int:
    """``loop-restart`` is ``loop restart``."""
    return main(["restart", *sys.argv[1:]])


def main_task_lint() -> int:
    """``loop-task-lint`` is ``loop task-lint``."""
    return main(["task-lint", *sys.argv[1:]])


def main_metrics() -> int:
    """``loop-metrics`` is ``loop metrics``."""
    return main(["metrics", *sys.argv[1:]])


def _run(argv: list[str]) -> int:
    leading, rest = _leading_options(argv)
    if not rest or rest[0] in ("-h", "--help"):
        from loop_orchestrator.cli.help import show_first_steps

        show_first_steps()
        return ExitCode.DONE if rest else ExitCode.USAGE
    if rest[0] in ("-V", "--version"):
        output.line(f"loop-orchestrator {__version__}")
        return ExitCode.DONE
    name, more, rest = _take_word(rest)
    if name in GROUPS:
        from loop_orchestrator.cli.help import show_group

        show_group(name)
        return ExitCode.DONE if rest else ExitCode.USAGE
    return _run_word(name, [*leading, *more, *rest])


def _run_word(name: str, argv: list[str]) -> int:
    from loop_orchestrator.cli.command import load_command, options_of, parser_of
    from loop_orchestrator.wiring import Project

    command = load_command(name)
    args = parser_of(name, command).parse_intermixed_args(argv)
    return command.run(args, Project(options_of(args), os.environ))


def _take_word(tokens: list[str]) -> tuple[str, list[str], list[str]]:
    """The word in full, common options that stood inside it, and what follows.

    A group with no word of it, or with a request for help, comes back as the group's own name.
    """
    first, rest = tokens[0], tokens[1:]
    if first.startswith("-"):
        raise UsageError(f"unknown option {first}", hint="loop --help")
    group = first if first in GROUPS else ""
    inside, after = _leading_options(rest)
    if f"{first} {after[0] if after else ''}" in ALIASES:
        return ALIASES[f"{first} {after[0]}"], inside, after[1:]
    if not group:
        return _known(ALIASES.get(first, first)), [], rest
    if not after and group in ALONE:
        return ALONE[group], inside, after
    if not after or after[0] in ("-h", "--help"):
        return group, inside, after
    return _known(f"{group} {after[0]}", group=group), inside, after[1:]


def _known(name: str, *, group: str = "") -> str:
    if name in WORDS:
        return name
    near = nearest_word(name.removeprefix(f"{group} "), group=group)
    message = f"no such word: loop {name}" + (f"; did you mean: loop {near}" if near else "")
    raise UsageError(message, hint=f"loop help {group or 'all'}")


def _leading_options(tokens: list[str]) -> tuple[list[str], list[str]]:
    """The common options that stand before the first other token, and the rest."""
    from loop_orchestrator.cli.command import COMMON_FLAGS, COMMON_VALUES

    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token in COMMON_VALUES:
            at += 2
        elif token in COMMON_FLAGS or token.startswith(tuple(f"{name}=" for name in COMMON_VALUES)):
            at += 1
        else:
            break
    return tokens[:at], tokens[at:]


def _guarded(run: Callable[[], int], argv: Sequence[str]) -> int:
    output.prepare()
    try:
        code = run()
        output.flush()
        return int(code)
    except SystemExit as end:  # argparse after printing a help text
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except ConfigError as error:
        for problem in error.problems:
            output.note(f"loop: error: {problem}")
        _hint(error.hint or "mend it, then: loop validate")
        return error.exit_code
    except LoopError as error:
        output.note(f"loop: error: {plaintext.shown(error.message)}")
        _hint(error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        output.abandon()
        return ExitCode.FAILED
    except Exception as error:
        from loop_orchestrator.cli.crashfile import write_crash

        output.note(f"loop: error: unexpected {type(error).__name__}: {plaintext.shown(str(error))}")
        output.note(f"  details: {write_crash(error, argv, os.environ)}", whole=True)
        return ExitCode.FAILED


def _hint(hint: str) -> None:
    if hint:
        output.note(f"  try: {plaintext.shown(hint)}", whole=True)
