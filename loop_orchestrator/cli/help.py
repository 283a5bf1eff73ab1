"""`loop help`: the first steps, every word, or one word."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from loop_orchestrator import __doc__ as about
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command, parser_of
from loop_orchestrator.cli.words import ALIASES, FIRST_STEPS, GROUPS, WORDS, members, nearest_word, summary_of
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.wiring import Project

_COMMON = """\
common options, before or after the word:
  --project-root P   the project; default: found from the current directory
  --session S        the session; default: LOOP_SESSION, else the project's own
  --socket NAME      the tmux server: a name, a path, or 'default'
  --json             print one JSON document
"""


def show_first_steps() -> None:
    """What a first session needs."""
    output.raw(f"usage: loop WORD …\n\n{about}\n\nfirst steps:\n")
    _list(FIRST_STEPS)
    output.raw(f"\n{_COMMON}\nexamples:\n")
    output.raw("  loop demo\n  loop init && loop up\n  loop up --help\n  loop help all\n")


def show_all() -> None:
    """Every word, in the order of the table."""
    output.raw(f"usage: loop WORD …\n\n{about}\n\nwords:\n")
    _list(WORDS)
    output.raw(f"\n{_COMMON}\nexamples:\n  loop help send\n  loop engine status --json\n")


def show_group(group: str) -> None:
    """The words of one group."""
    output.raw(f"usage: loop {group} WORD …\n\n{GROUPS[group].capitalize()}.\n\nwords:\n")
    _list(members(group))
    output.raw(f"\nexamples:\n  loop {members(group)[0]} --help\n  loop help all\n")


def _list(names: Iterable[str]) -> None:
    chosen = tuple(names)
    width = max(len(name) for name in chosen)
    for name in chosen:
        output.line(f"  {name:<{width}}  {summary_of(name)}")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("word", nargs="*", help="a word, or 'all'")


def _run(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    name = " ".join(args.word)
    name = ALIASES.get(name, name)
    if not name:
        show_first_steps()
    elif name == "all":
        show_all()
    elif name in GROUPS:
        show_group(name)
    elif name in WORDS:
        from loop_orchestrator.cli.command import load_command

        parser_of(name, load_command(name)).print_help()
    else:
        near = nearest_word(name)
        meant = f"; did you mean: loop {near}" if near else ""
        raise UsageError(f"no such word: loop {name}{meant}", hint=f"loop help {near or 'all'}")
    return ExitCode.DONE


COMMANDS = {
    "help": Command(run=_run, arguments=_arguments, examples=("loop help", "loop help all", "loop help mail send")),
}
