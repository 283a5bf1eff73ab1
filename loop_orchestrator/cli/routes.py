"""`loop routes list|dead|replay`: what happens, what it wakes, and what was given up."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import format_age
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.routes import RouteView


def _list(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.routes import routes_document, routes_of
    from loop_orchestrator.sources.registry import SOURCES

    views = routes_of(project.events, project.routing)
    if project.json:
        output.document(routes_document(project.session, views))
        return ExitCode.DONE
    rows = [(source.name, event, meaning) for source in SOURCES for event, meaning in source.events.items()]
    output.table(("SOURCE", "EVENT", "WHEN"), rows)
    for view in views:
        output.line()
        _print(view, project)
    return ExitCode.DONE


def _print(view: RouteView, project: Project) -> None:
    route, retry = view.route, view.route.retry
    events = "" if route.when.events == ("*",) else f" ({', '.join(route.when.events)})"
    output.line(f"route {route.name}: {', '.join(route.when.sources)}{events} -> {route.actor}")
    output.line(
        f"  given up after {retry.attempts} failures, tried again after {format_age(retry.first_s)} "
        f"to {format_age(retry.most_s)}"
    )
    now = project.clock.now()
    for entry in view.waiting:
        age = format_age((now - entry.event.at).total_seconds())
        what = "is being dealt with" if entry.claimed else f"waits for {age}"
        tries = f", after {entry.attempts} failures" if entry.attempts else ""
        output.line(f"  event {entry.event.seq} {what}{tries}: {entry.event.payload.get('detail', '')}")


def _dead(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.shapes import letter_shape

    letters = project.routing.dead()
    if project.json:
        shapes: list[JsonValue] = [letter_shape(letter) for letter in letters]
        output.document({"session": project.session, "dead_letters": shapes})
    elif not letters:
        output.line("nothing was given up")
    else:
        rows = [
            (
                letter.id,
                str(letter.attempts),
                "tried again" if letter.tried_again else "dead",
                str(letter.event.payload.get("detail", "")),
                plaintext.shorten(letter.reason, 120),
            )
            for letter in letters
        ]
        output.table(("LETTER", "TRIES", "STATE", "EVENT", "LAST FAILURE"), rows)
    for problem in project.routing.unreadable():
        output.note(problem)
    return ExitCode.DONE


def _replay_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="LETTER", help="the letter, as `loop routes dead` shows it")


def _replay(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.routes import replay
    from loop_orchestrator.operations.shapes import letter_shape

    letter = replay(project.world, args.id, by=project.caller)
    if project.json:
        output.document(letter_shape(letter))
        return ExitCode.DONE
    watched = project.control.watch_lock().holder() is not None
    wait = "" if watched else "; no engine watches, it waits for one: loop watch"
    output.line(f"{letter.id}: tried again{wait}")
    return ExitCode.DONE


COMMANDS = {
    "routes list": Command(run=_list, examples=("loop routes", "loop routes list --json")),
    "routes dead": Command(run=_dead, examples=("loop routes dead", "loop routes dead --json")),
    "routes replay": Command(run=_replay, arguments=_replay_arguments, examples=("loop routes replay 4711-engine",)),
}
