"""What a module of a word provides, and the parser every word is read with."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from loop_orchestrator.cli import output
from loop_orchestrator.cli.words import WORDS
from loop_orchestrator.errors import UsageError
from loop_orchestrator.wiring import Options, Project

COMMON_VALUES = ("--project-root", "--session", "--socket")
COMMON_FLAGS = ("--json",)


@dataclass(frozen=True, kw_only=True)
class Command:
    """How one word is parsed and carried out; every module of a word has ``COMMANDS``: word -> Command."""

    run: Callable[[argparse.Namespace, Project], int]
    """carries it out; returns the exit code"""
    examples: Sequence[str]
    """command lines that work, for the end of its help"""
    arguments: Callable[[argparse.ArgumentParser], None] | None = None
    """adds its own arguments to the parser; None: it has none"""


def load_command(name: str) -> Command:
    """The command of a word; imports its module and no other word's."""
    module = importlib.import_module(f"loop_orchestrator.cli.{WORDS[name].module}")
    commands: dict[str, Command] = module.COMMANDS
    return commands[name]


class LoopParser(argparse.ArgumentParser):
    """A parser that writes help through output and raises UsageError in place of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}{self._meant(message)}", hint=f"{self.prog} --help")

    def _meant(self, message: str) -> str:
        """What was probably meant, where the message is about a misspelt option or choice; else empty."""
        from difflib import get_close_matches

        if (unknown := re.match(r"unrecognized arguments: (--?[\w-]+)", message)) is not None:
            known = [*self._option_string_actions]
        elif (unknown := re.match(r".*invalid choice: '([^']*)'", message)) is not None:
            known = [str(one) for action in self._actions for one in action.choices or ()]
        else:
            return ""
        near = get_close_matches(unknown[1], known, n=1, cutoff=0.6)
        return f"; did you mean {near[0]}?" if near else ""

    def _print_message(self, message: str, file: object = None) -> None:  # noqa: ARG002 - argparse's signature
        output.raw(message)


def parser_of(name: str, command: Command) -> LoopParser:
    """The parser of one word, common options and examples included."""
    parser = LoopParser(
        prog=f"loop {name}",
        description=sentence(WORDS[name].summary),
        epilog="examples:\n" + "\n".join(f"  {example}" for example in command.examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    fill_parser(parser, command)
    return parser


def fill_parser(parser: argparse.ArgumentParser, command: Command) -> None:
    """Add a word's own arguments, then the common options."""
    if command.arguments is not None:
        command.arguments(parser)
    add_common(parser)


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options that every word takes, before or after it."""
    common = parser.add_argument_group("common options")
    common.add_argument("--project-root", metavar="P", help="the project; default: found from the current directory")
    common.add_argument("--session", metavar="S", help="the session; default: LOOP_SESSION, else the project's own")
    common.add_argument("--socket", metavar="NAME", help="the tmux server: a name, a path, or 'default'")
    common.add_argument("--json", action="store_true", help="print one JSON document")


def options_of(args: argparse.Namespace) -> Options:
    """The common options as given."""
    return Options(
        project_root=args.project_root,
        session=args.session,
        socket=args.socket,
        json=args.json,
        lane_config=getattr(args, "lane_config", None),
        project=getattr(args, "project", None),
        mailbox_dir=getattr(args, "mailbox_dir", None),
        state_file=getattr(args, "state_file", None),
        state_dir=getattr(args, "state_dir", None),
        adr_dir=getattr(args, "adr_dir", None),
        touch_nothing=getattr(args, "plan", False) or getattr(args, "print_cmds", False),
    )


def sentence(summary: str) -> str:
    return summary[:1].upper() + summary[1:] + "."


def parse_indices(text: str) -> tuple[int, ...]:
    """``0,2`` -> (0, 2). Raises UsageError."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UsageError(f"--actions {text}: expected numbers parted by commas", hint="--actions 0,2") from None
