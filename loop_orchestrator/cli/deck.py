"""`loop deck` (loop-deck): the session in one terminal application."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.decide import signing_key
from loop_orchestrator.errors import ExitCode, LoopError, UsageError
from loop_orchestrator.operations.trust import is_accepted
from loop_orchestrator.wiring import Project, within

if TYPE_CHECKING:
    from loop_orchestrator.deck.app import Deck
    from loop_orchestrator.deck.desk import MakeDesk
    from loop_orchestrator.operations.boot import Surroundings
    from loop_orchestrator.operations.sessions import SessionView
    from loop_orchestrator.world import World


class _Desk:
    """A project as the deck is given it."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def world(self) -> World:
        return self._project.world

    @property
    def config_places(self) -> tuple[Path, ...]:
        return self._project.config_places

    @property
    def caller(self) -> str:
        return self._project.caller

    @property
    def surroundings(self) -> Surroundings:
        return self._project.surroundings

    @property
    def environ(self) -> Mapping[str, str]:
        return self._project.environ

    @property
    def socket(self) -> str:
        return self._project.socket

    def require_accepted(self) -> None:
        project = self._project
        if not is_accepted(project.door, project.state_home):
            raise LoopError(
                f"the config of {project.root} is not accepted on this machine; nothing was done",
                hint="loop trust, at a terminal",
            )

    def signing_key(self) -> Path | None:
        return signing_key(self._project) if self.world.signers is not None else None


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--read-only", action="store_true", help="show only; keys that change something are refused")
    parser.add_argument("--serve", action="store_true", help="the same in a browser on this machine, read-only")
    parser.add_argument("--port", type=int, default=None, metavar="N", help="with --serve; default: one that is free")
    parser.add_argument("--all", action="store_true", help="every session of the project in one table")
    parser.add_argument(
        "--roots", metavar="P", nargs="+", default=[], help="with --all: the sessions of these projects, also a,b"
    )
    parser.add_argument("--check", action="store_true", help="say what the deck needs and whether it is there")


def _run(args: argparse.Namespace, project: Project) -> int:
    if args.roots and not args.all:
        raise UsageError("--roots needs --all", hint="loop deck --all --roots P …")
    if args.all and project.options.session:
        raise UsageError("--all shows every session: leave --session out", hint="loop deck --all")
    if args.port is not None and not (args.serve and 0 <= args.port < 65536):
        raise UsageError("--port takes a number below 65536, with --serve", hint="loop deck --serve --port 8080")
    if args.check:
        return _check(project)
    if args.all and not args.serve and (project.json or not _is_at_terminal(args, project)):
        return _print_sessions(args, project)
    if project.json:
        raise UsageError("the deck prints no document", hint="loop status --json, or loop deck --all --json")
    if args.serve:
        return _serve(args, project)
    if not _is_at_terminal(args, project):
        raise UsageError("the deck needs a terminal", hint="loop status shows the same as text")
    _need("textual")
    deck = _sessions_deck(args, project) if args.all else _deck(args, project)
    deck.run()
    return ExitCode.DONE


def _is_at_terminal(args: argparse.Namespace, project: Project) -> bool:
    """Also in a page of ``--serve``, which starts a read-only deck with pipes for a terminal."""
    in_page = args.read_only and project.environ.get("TEXTUAL_DRIVER", "").endswith(":PageDriver")
    return in_page or (sys.stdin.isatty() and sys.stdout.isatty())


def _deck(args: argparse.Namespace, project: Project) -> Deck:
    from loop_orchestrator.deck.app import Deck

    options, environ = project.options, project.environ
    return Deck(lambda: _Desk(Project(options, environ)), only_shows=args.read_only)


def _sessions_deck(args: argparse.Namespace, project: Project) -> Deck:
    from loop_orchestrator.deck.sessionsapp import SessionsDeck

    def desk_of(view: SessionView) -> MakeDesk:
        return lambda: _Desk(project.at(view.root).of_session(view.session))

    roots = _roots(args, project)
    return SessionsDeck(lambda: _views(roots, project), desk_of, only_shows=args.read_only)


def _roots(args: argparse.Namespace, project: Project) -> list[Path]:
    """Each once. Raises UsageError for one that is no directory."""
    given = [part for root in args.roots for part in root.split(",") if part]
    roots = list(dict.fromkeys(within(Path.cwd(), root).resolve() for root in given)) or [project.root]
    for root in roots:
        if not root.is_dir():
            raise UsageError(f"the project {root} is no directory", hint="loop deck --all --roots P …")
    return roots


def _views(roots: Sequence[Path], project: Project) -> list[SessionView]:
    """Every session of these projects, as it is now; writes nothing."""
    from loop_orchestrator.operations.sessions import session_view
    from loop_orchestrator.stores.layout import Layout

    def one(root: Path, name: str) -> SessionView:
        options = replace(project.options, project_root=str(root), session=name, touch_nothing=True)
        return session_view(root, name, lambda: Project(options, project.environ).world)

    return [one(root, name) for root in roots for name in Layout.sessions(root)]


def _print_sessions(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.sessions import TITLES, cells_of, session_shape

    views = _views(_roots(args, project), project)
    if project.json:
        output.document({"sessions": [session_shape(view) for view in views]})
    elif not views:
        output.line("no sessions")
    else:
        output.table(TITLES, [cells_of(view) for view in views])
    return ExitCode.DONE


def _serve(args: argparse.Namespace, project: Project) -> int:
    _need("textual")
    _need("textual_serve")
    from loop_orchestrator.deck.serving import serve

    def opened(address: str) -> None:
        output.line(address, whole=True)
        sys.stdout.flush()
        output.note("read-only, for this machine alone; whoever has the address sees the session; Ctrl-C ends it")

    of = "all sessions" if args.all else f"{project.root.name}/{project.session}"
    serve(_page_command(args, project), title=f"loop deck, read-only: {of}", port=args.port or 0, opened=opened)
    return ExitCode.DONE


def _page_command(args: argparse.Namespace, project: Project) -> list[str]:
    """What each page starts: the same deck, read-only."""
    words = [sys.executable, "-P", "-m", "loop_orchestrator", "deck", "--read-only"]
    words += ["--project-root", str(project.root)]
    if project.options.socket:
        words += ["--socket", project.options.socket]
    if args.all:
        return [*words, "--all", "--roots", *(str(root) for root in _roots(args, project))]
    return [*words, "--session", project.session]


def _check(project: Project) -> int:
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    rows = [
        ("textual", _found("textual"), "the deck itself"),
        ("textual-serve", _found("textual_serve"), "--serve"),
        ("terminal", "yes" if terminal else "", "the deck; --serve and --all go without"),
    ]
    if project.json:
        output.document({"needs": [{"what": what, "found": found or None, "for": why} for what, found, why in rows]})
    else:
        output.table(("NEEDS", "FOUND", "FOR"), [(what, found or "no", why) for what, found, why in rows])
    return ExitCode.DONE if rows[0][1] else ExitCode.FAILED


def _found(package: str) -> str:
    """Its version; empty: it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package.replace("_", "-"))
    except PackageNotFoundError:
        return ""


def _need(package: str) -> None:
    if not _found(package):
        name = package.replace("_", "-")
        raise LoopError(f"{name} is not installed", hint=f"{sys.executable} -m pip install {name}; loop deck --check")


COMMANDS = {
    "deck": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop deck",
            "loop deck --all --roots ../shop ../infra   # every session of these projects",
            "loop deck --all --json | jq '.sessions[].decisions'",
            "loop deck --serve --port 8080             # in a browser, read-only",
            "loop deck --check",
        ),
    ),
}
