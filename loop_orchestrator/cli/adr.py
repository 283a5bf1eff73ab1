"""`loop adr new|list|show|accept|reject|supersede` (loop-adr)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.model.adr import Adr
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.process.person import PersonCheck


def _dir_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dir",
        "--adr-dir",
        dest="adr_dir",
        metavar="D",
        help="the folder of the ADRs; default: LOOP_ADR_DIR, taken from the project, else its docs/adr",
    )


def _new_arguments(parser: argparse.ArgumentParser) -> None:
    from loop_orchestrator.operations.adr import DECIDERS

    parser.add_argument("title", metavar="TITLE", nargs="+", help="what is decided, in one line")
    parser.add_argument("--deciders", metavar="WHO", default=DECIDERS, help=f"default: {DECIDERS}")
    parser.add_argument("--verify-record", metavar="F", default="", help="file that shows that it was verified")
    parser.add_argument("--canary-record", metavar="F", default="", help="file that shows how it went on a small part")
    parser.add_argument("--rollback", metavar="F", default="", help="file that says how to go back")
    _dir_argument(parser)


def _new(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.adr import propose

    records = {"verify_record": args.verify_record, "canary_record": args.canary_record, "rollback": args.rollback}
    adr = propose(
        project,
        " ".join(args.title),
        deciders=args.deciders,
        records=records,
        by=project.caller,
        source=project.source,
    )
    if project.json:
        _document(adr, project)
    else:
        output.line(str(adr.file), whole=True)
        output.note(f"fill it in; a person accepts it: loop adr accept {adr.id}")
    return ExitCode.DONE


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--status", metavar="S", help="only those that are proposed, accepted, …")
    _dir_argument(parser)


def _list(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.model.adr import AdrStatus
    from loop_orchestrator.model.finding import nearest_of
    from loop_orchestrator.operations.adr import adr_shape
    from loop_orchestrator.operations.shapes import finding_shape

    wanted = {one.value.casefold(): one for one in AdrStatus}
    if args.status is not None and args.status.casefold() not in wanted:
        near = nearest_of(args.status, wanted)
        meant = f"; did you mean {near}?" if near else ""
        raise UsageError(f"--status {args.status}: one of {', '.join(wanted)} was expected{meant}")
    adrs = [one for one in project.adrs.all() if not args.status or one.status is wanted[args.status.casefold()]]
    problems = project.adrs.problems()
    if project.json:
        shapes: list[JsonValue] = [adr_shape(one) for one in adrs]
        wrong: list[JsonValue] = [finding_shape(one) for one in problems]
        output.document({"folder": str(project.adrs.folder), "adrs": shapes, "problems": wrong})
        return ExitCode.DONE
    if adrs:
        rows = [(one.id, _status(one), one.date or "-", plaintext.shorten(one.title, 70)) for one in adrs]
        output.table(("ID", "STATUS", "DATE", "TITLE"), rows)
    else:
        output.note(f'no ADR in {project.adrs.folder}; write one: loop adr new "What is decided"')
    for one in problems:
        output.note(one.sentence)
    return ExitCode.DONE


def _status(adr: Adr) -> str:
    return f"{adr.status.value} by {adr.superseded_by}" if adr.superseded_by else adr.status.value


def _id_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="such as 0007, 7, or the name of its file")
    _dir_argument(parser)


def _show(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.model.adr import AdrStatus
    from loop_orchestrator.operations.adr import adr_shape, lacks
    from loop_orchestrator.operations.shapes import finding_shape

    adr = project.adrs.get(args.id)
    lacking = lacks(project.root, adr)
    if project.json:
        wrong: list[JsonValue] = [finding_shape(one) for one in lacking]
        output.document({**adr_shape(adr), "lacks": wrong, "body": adr.body})
        return ExitCode.DONE
    output.line(f"{adr.id}: {adr.title}")
    output.line(f"status: {_status(adr)}")
    for name in ("date", "deciders", "verify_record", "canary_record", "rollback"):
        output.line(f"{name}: {getattr(adr, name) or '-'}")
    output.line(f"file: {adr.file}", whole=True)
    output.line()
    output.block(adr.body.lstrip("\r\n"))
    if lacking:
        output.note("it cannot be accepted yet:")
        for one in lacking:
            output.note(f"  {one.sentence}")
    elif adr.status is AdrStatus.PROPOSED:
        output.note(f"a person can accept it: loop adr accept {adr.id}")
    return ExitCode.DONE


def _settler(settle: Callable[[argparse.Namespace, Project, PersonCheck], Adr]) -> Callable[..., int]:
    def run(args: argparse.Namespace, project: Project) -> int:
        from loop_orchestrator.operations.person import check_person

        adr = settle(args, project, check_person(project.world))
        if project.json:
            _document(adr, project)
        else:
            output.line(f"{adr.id} is {_status(adr)}: {adr.title}")
        return ExitCode.DONE

    return run


def _accept(args: argparse.Namespace, project: Project, person: PersonCheck) -> Adr:
    from loop_orchestrator.operations.adr import accept

    return accept(project.world, args.id, person)


def _reject_arguments(parser: argparse.ArgumentParser) -> None:
    _id_argument(parser)
    parser.add_argument("--reason", metavar="T", default="", help="why; it stands in the event log")


def _reject(args: argparse.Namespace, project: Project, person: PersonCheck) -> Adr:
    from loop_orchestrator.operations.adr import reject

    return reject(project.world, args.id, person, reason=args.reason)


def _supersede_arguments(parser: argparse.ArgumentParser) -> None:
    _id_argument(parser)
    parser.add_argument("--by", metavar="NEW", required=True, help="the accepted ADR that takes its place")


def _supersede(args: argparse.Namespace, project: Project, person: PersonCheck) -> Adr:
    from loop_orchestrator.operations.adr import supersede

    return supersede(project.world, args.id, args.by, person)


def _document(adr: Adr, project: Project) -> None:
    from loop_orchestrator.operations.adr import adr_shape, lacks
    from loop_orchestrator.operations.shapes import finding_shape

    wrong: list[JsonValue] = [finding_shape(one) for one in lacks(project.root, adr)]
    output.document({**adr_shape(adr), "lacks": wrong})


COMMANDS = {
    "adr new": Command(
        run=_new,
        arguments=_new_arguments,
        examples=(
            'loop adr new "Keep sessions in SQLite"',
            'loop adr new "Use tmux 3.6" --verify-record docs/verify/tmux.md --rollback docs/rollback/tmux.md',
        ),
    ),
    "adr list": Command(
        run=_list, arguments=_list_arguments, examples=("loop adr list", "loop adr list --status proposed --json")
    ),
    "adr show": Command(run=_show, arguments=_id_argument, examples=("loop adr show 0007", "loop adr show 7 --json")),
    "adr accept": Command(run=_settler(_accept), arguments=_id_argument, examples=("loop adr accept 0007",)),
    "adr reject": Command(
        run=_settler(_reject),
        arguments=_reject_arguments,
        examples=('loop adr reject 0007 --reason "too early"',),
    ),
    "adr supersede": Command(
        run=_settler(_supersede), arguments=_supersede_arguments, examples=("loop adr supersede 0003 --by 0007",)
    ),
}
