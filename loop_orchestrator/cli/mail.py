"""`loop mail send|list|show|reply|ack|wait`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import format_age, format_time
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.model.message import Message
from loop_orchestrator.operations.shapes import message_shape
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue


def body_of(args: argparse.Namespace) -> str:
    """The body given with --body, or on stdin where ``-`` stands. Raises UsageError for both and for neither."""
    given = [one for one in (args.body, args.stdin) if one is not None]
    if args.stdin not in (None, "-"):
        raise UsageError(f"unexpected {args.stdin!r}", hint="--body TEXT, or - for stdin")
    if len(given) != 1:
        raise UsageError("a message needs one body", hint="--body TEXT, or - for stdin")
    return sys.stdin.read() if given == ["-"] else str(given[0])


def _body_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--body", metavar="B", help="the text; - reads it from stdin")
    parser.add_argument("stdin", nargs="?", metavar="-", help="the same as --body -")


def _send_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="sender", metavar="A", help="who sends it; default: LOOP_LANE, else person")
    parser.add_argument("--to", dest="recipient", metavar="B", required=True, help="a lane or a person")
    parser.add_argument("--subject", metavar="T", required=True, help="what it is about, in one line")
    _body_arguments(parser)


def _send(args: argparse.Namespace, project: Project) -> int:
    message = project.mailbox.send(
        args.sender or project.caller, args.recipient, args.subject, body_of(args), source=project.source
    )
    return _sent(message, project)


def _sent(message: Message, project: Project) -> int:
    if project.json:
        output.document({"id": message.id, "file": message.file})
    else:
        output.line(message.file)
    return ExitCode.DONE


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", dest="recipient", metavar="L", help="only messages to this lane or person")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--pending", action="store_true", help="only messages that wait: what is listed anyway")
    which.add_argument("--all", action="store_true", help="first those that were dealt with, then those that wait")


def _list(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.mail import processed_mail

    dealt_with = processed_mail(project.mailbox, project.layout, args.recipient) if args.all else ()
    _print_messages((*dealt_with, *project.mailbox.peek(args.recipient)), project)
    if not args.all and not project.json:
        count = project.mailbox.processed_count()
        if count:
            output.note(f"{count} more dealt with: loop mail list --all")
    return ExitCode.DONE


def _print_messages(messages: tuple[Message, ...], project: Project) -> None:
    if project.json:
        shapes: list[JsonValue] = [message_shape(message) for message in messages]
        output.document({"messages": shapes})
        return
    if not messages:
        output.note("no message waits")
        return
    now = project.clock.now()
    rows = [
        (
            message.file,
            format_age((now - message.sent_at).total_seconds()),
            output.shorten(message.subject, 70),
        )
        for message in messages
    ]
    output.table(("FILE", "AGE", "SUBJECT"), rows)  # the name of a file says from whom to whom


def _file_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="F", help="file name of the message, as `loop mail list` shows it")


def _show(args: argparse.Namespace, project: Project) -> int:
    message = project.mailbox.read(args.file)
    if project.json:
        output.document({**message_shape(message), "body": message.body})
        return ExitCode.DONE
    output.line(f"from:    {message.sender} (as it says)")
    output.line(f"to:      {message.recipient}")
    output.line(f"subject: {message.subject}")
    output.line(f"sent:    {format_time(message.sent_at)}")
    if message.in_reply_to:
        output.line(f"answers: {message.in_reply_to}")
    output.line()
    output.block(message.body)
    return ExitCode.DONE


def _reply_arguments(parser: argparse.ArgumentParser) -> None:
    _file_argument(parser)
    parser.add_argument("--from", dest="sender", metavar="A", help="who answers; default: LOOP_LANE, else person")
    parser.add_argument("--subject", metavar="T", help="default: Re: and the subject answered to")
    _body_arguments(parser)


def _reply(args: argparse.Namespace, project: Project) -> int:
    message = project.mailbox.reply(
        args.file, args.sender or project.caller, body_of(args), subject=args.subject, source=project.source
    )
    return _sent(message, project)


def _ack(args: argparse.Namespace, project: Project) -> int:
    path = project.mailbox.ack(args.file, project.caller)
    if project.json:
        output.document({"file": args.file, "path": str(path)})
    else:
        output.line(str(path))
    return ExitCode.DONE


def _wait_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", dest="recipient", metavar="L", required=True, help="the lane or person it is for")
    parser.add_argument("--timeout", type=float, metavar="S", help="seconds, then exit 1; default: for ever")


def _wait(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.mail import wait_for_mail

    found = wait_for_mail(
        project.mailbox, project.layout, project.clock, recipient=args.recipient, timeout_s=args.timeout
    )
    _print_messages(found, project)
    if found and not project.json:
        output.note(f"read it: loop mail show {found[0].file}", whole=True)
    return ExitCode.DONE if found else ExitCode.FAILED


COMMANDS = {
    "mail send": Command(
        run=_send,
        arguments=_send_arguments,
        examples=(
            'loop mail send --to web --subject "Header" --body "Use the new header on every page."',
            "loop mail send --from ci --to coord --subject failed --body - < report.txt",
        ),
    ),
    "mail list": Command(
        run=_list, arguments=_list_arguments, examples=("loop mail list", "loop mail list --to coord --all")
    ),
    "mail show": Command(
        run=_show, arguments=_file_argument, examples=("loop mail show 20261121-011530-web-to-coord.md",)
    ),
    "mail reply": Command(
        run=_reply,
        arguments=_reply_arguments,
        examples=('loop mail reply 20261121-011530-web-to-coord.md --body "Yes, go on."',),
    ),
    "mail ack": Command(
        run=_ack, arguments=_file_argument, examples=("loop mail ack 20261121-011530-web-to-coord.md",)
    ),
    "mail wait": Command(run=_wait, arguments=_wait_arguments, examples=("loop mail wait --to coord --timeout 600",)),
}
