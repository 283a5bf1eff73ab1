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
    from loop_orchestrator.cli.command import load_command

    fill_parser(parser, load_command(name))
    for action in parser._actions:
        if action.dest == "word":
            action.choices = [*dict.fromkeys((*GROUPS, *(part for one in WORDS for part in one.split()), "all"))]
        function = _COMPLETERS.get((name.split()[0], action.dest)) or _COMPLETERS.get(("", action.dest))
        if function and action.choices is None:
            setattr(action, "complete", {"bash": function})  # noqa: B010 - shtab reads it, argparse does not know it


_COMPLETERS: Mapping[tuple[str, str], str] = {
    ("", "lane"): "_loop_lanes",
    ("checkpoint", "dispatch"): "_loop_lanes",
    ("checkpoint", "header_file"): "_shtab_compgen_files",
    ("", "harness"): "_loop_harnesses",
    ("lane-status", "names"): "_loop_lanes",
    ("approve", "id"): "_loop_decisions",
    ("reject", "id"): "_loop_decisions",
    ("engine", "id"): "_loop_decisions",
    ("task", "id"): "_loop_tasks",
    ("mail", "file"): "_loop_messages",
    ("adr", "id"): "_loop_adrs",
    ("adr", "by"): "_loop_adrs",
    ("", "adr_dir"): "_shtab_compgen_dirs",
    ("", "tasks_dir"): "_shtab_compgen_dirs",
    ("undo", "ref"): "_loop_snapshots",
    ("logs", "kinds"): "_loop_kinds",
    ("logs", "trace"): "_loop_traces",
    ("undo", "to"): "_shtab_compgen_dirs",
    ("engine", "file"): "_shtab_compgen_files",
    ("", "lane_config"): "_shtab_compgen_files",
    ("", "directory"): "_shtab_compgen_dirs",
    ("", "dir"): "_shtab_compgen_dirs",
    ("", "project_root"): "_shtab_compgen_dirs",
    ("mail", "body_file"): "_shtab_compgen_files",
    ("digest", "shown_state"): "_shtab_compgen_files",
    ("digest", "shown_mailbox"): "_shtab_compgen_dirs",
    ("digest", "extra_repos"): "_shtab_compgen_dirs",
    ("metrics", "roots"): "_shtab_compgen_dirs",
    ("deck", "roots"): "_shtab_compgen_dirs",
    ("digest", "adr_dir"): "_shtab_compgen_dirs",
}
"""Word ("" for every word) and argument -> the function of the bash script that lists what may stand there."""

_BASH_LISTS = r"""
_loop_lanes() {
  compgen -W "$(loop lane-status --all --print-target 2>/dev/null | cut -d' ' -f1)" -- "$1"
}
_loop_harnesses() {
  compgen -W "$(loop harness list 2>/dev/null | sed -n '2,$s/ .*//p')" -- "$1"
}
_loop_decisions() {
  compgen -W "$(loop engine status 2>/dev/null | sed -n 's/^decision \(d-[^:]*\): .*/\1/p')" -- "$1"
}
_loop_tasks() {
  compgen -W "$(loop task list --all 2>/dev/null | sed -n 's/^\(T[0-9]*\) .*/\1/p')" -- "$1"
}
_loop_adrs() {
  compgen -W "$(loop adr list 2>/dev/null | sed -n 's/^\([0-9]\{4\}\) .*/\1/p')" -- "$1"
}
_loop_snapshots() {
  compgen -W "$(loop undo list 2>/dev/null | sed -n 's/^.* \([A-Za-z][A-Za-z0-9_-]*\/[0-9T]*\)$/\1/p')" -- "$1"
}
_loop_kinds() {
  compgen -W "$(loop logs --kinds 2>/dev/null | sed -n '2,$s/ .*//p')" -- "$1"
}
_loop_traces() {
  compgen -W "$(loop logs --kind cycle.started decision.filed -n 40 --json 2>/dev/null |
    sed -n 's/^ *"\(trace\|decision\)": "\([cd]-[^"]*\)".*/\2/p' | sort -u)" -- "$1"
}
_loop_messages() {
  compgen -W "$(loop mail list 2>/dev/null | sed -n 's/^\([0-9][^ ]*[.]md\) .*/\1/p')" -- "$1"
}
"""

_BASH_PROGRAMS = r"""
# The program $1 is the words after it: completes as if they had been typed.
_loop_program() {
  COMP_WORDS=(loop "${@:2}" "${COMP_WORDS[@]:1}")
  COMP_CWORD=$((COMP_CWORD + $# - 1))
  _shtab_loop
}
_loop_engine() { _loop_program loop-engine engine; }
_loop_up() { _loop_program loop-tmux up; }
_loop_send() { _loop_program loop-dispatch send; }
_loop_adr() { _loop_program loop-adr adr; }
_loop_task_lint() { _loop_program loop-task-lint task-lint; }
_loop_digest() { _loop_program loop-digest digest; }
_loop_lane_status() { _loop_program loop-lane-status lane-status; }
_loop_checkpoint() { _loop_program loop-checkpoint checkpoint; }
_loop_wiki_pending() { _loop_program loop-wiki-pending wiki-pending; }
_loop_metrics() { _loop_program loop-metrics metrics; }
_loop_wiki_lint() { _loop_program loop-wiki-lint wiki-lint; }
complete -o bashdefault -F _loop_engine loop-engine
complete -o bashdefault -F _loop_up loop-tmux
complete -o bashdefault -F _loop_send loop-dispatch
complete -o bashdefault -F _loop_adr loop-adr
complete -o bashdefault -F _loop_task_lint loop-task-lint
complete -o bashdefault -F _loop_digest loop-digest
complete -o bashdefault -F _loop_lane_status loop-lane-status
complete -o bashdefault -F _loop_checkpoint loop-checkpoint
complete -o bashdefault -F _loop_wiki_pending loop-wiki-pending
complete -o bashdefault -F _loop_wiki_lint loop-wiki-lint
complete -o bashdefault -F _loop_metrics loop-metrics
"""


_INSTALL: Mapping[str, str] = {
    "bash": "source <(loop completion bash)   # in ~/.bashrc",
    "zsh": "loop completion zsh > ~/.zfunc/_loop",
    "fish": "loop completion fish > ~/.config/fish/completions/loop.fish",
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=list(_INSTALL), help="the shell that reads the script")


def _run(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    import shtab

    bash = args.shell == "bash"
    script = shtab.complete(whole_parser(), shell=args.shell, preamble=_BASH_LISTS if bash else "")
    output.raw(script + (_BASH_PROGRAMS if bash else "") + "\n")
    return ExitCode.DONE


COMMANDS = {"completion": Command(run=_run, arguments=_arguments, examples=tuple(_INSTALL.values()))}
