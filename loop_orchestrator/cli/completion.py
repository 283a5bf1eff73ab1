"""`loop completion bash|zsh|fish`: a completion script, made from the parsers of all words."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command, LoopParser, add_common, fill_parser
from loop_orchestrator.cli.words import GROUPS, WORDS, members
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.wiring import Project


def whole_parser() -> argparse.ArgumentParser:
    """One parser with every word in it; only for completion, since it imports every word's module."""
    parser = LoopParser(prog="loop", allow_abbrev=False)
    add_common(parser)
    words = parser.add_subparsers()
    for group, about in GROUPS.items():
        inner = words.add_parser(group, help=about).add_subparsers()
        for name in members(group):
            _fill(inner.add_parser(name.removeprefix(f"{group} "), help=WORDS[name].summary), name)
    for name, word in WORDS.items():
        if " " not in name:
            _fill(words.add_parser(name, help=word.summary), name)
    return parser


def _fill(parser: argparse.ArgumentParser, name: str) -> None:
    from loop_orchestrator.cli.main import load_command

    fill_parser(parser, load_command(name))


_INSTALL: Mapping[str, str] = {
    "bash": "loop completion bash > ~/.local/share/bash-completion/completions/loop",
    "zsh": "loop completion zsh > ~/.zfunc/_loop",
    "fish": "loop completion fish > ~/.config/fish/completions/loop.fish",
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=list(_INSTALL))


def _run(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    import shtab

    output.raw(shtab.complete(whole_parser(), shell=args.shell) + "\n")
    return ExitCode.DONE


COMMANDS = {"completion": Command(run=_run, arguments=_arguments, examples=tuple(_INSTALL.values()))}
