"""`loop mail send|list|show|reply|ack|wait|watch`."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import format_age, format_time
from loop_orchestrator.errors import ExitCode, StoreError, UsageError
from loop_orchestrator.model.message import Message
from loop_orchestrator.operations.shapes import message_shape
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

_BODY_HINT = "--body TEXT, --body-file F, or - for stdin"


def body_of(args: argparse.Namespace) -> str:
    """The body given with --body or --body-file, or on stdin where ``-`` stands. Raises UsageError."""
    if args.stdin not in (None, "-"):
        raise UsageError(f"unexpected {args.stdin!r}: is the text not quoted?", hint=_BODY_HINT)
    given = [one for one in (args.body, args.body_file, args.stdin) if one is not None]
    if len(given) != 1:
        problem = "a message needs a body" if not given else "a message has one body, and two were given"
        raise UsageError(problem, hint=_BODY_HINT)
    if given == ["-"]:
        return _stdin()
    return str(args.body) if args.body is not None else _file(Path(args.body_file))


def _stdin() -> str:
    if sys.stdin.isatty():
        output.note("type the text; Ctrl-D on a line of its own ends it")
    raw = getattr(sys.stdin, "buffer", None)
    return _not_empty(sys.stdin.read() if raw is None else _decoded(raw.read(), "stdin"), "stdin")


def _file(path: Path) -> str:
    try:
        return _not_empty(_decoded(path.read_bytes(), str(path)), str(path))
    except OSError as error:
        raise UsageError(f"--body-file {path}: {error.strerror}") from error


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: byte {error.start + 1} is no UTF-8") from error


def _not_empty(text: str, where: str) -> str:
    if not text:
        raise UsageError(f"{where} is empty, and the message was not sent", hint='--body "" sends one without a text')
    return text


def _body_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--body", metavar="B", help="the text; - reads it from stdin")
    parser.add_argument("--body-file", metavar="F", help="a file with the text")
    parser.add_argument("stdin", nargs="?", metavar="-", help="the same as --body -")


def _send_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="sender", metavar="A", help="who sends it; default: LOOP_LANE, else person")
    parser.add_argument("--to", dest="recipient", metavar="B", required=True, help="a lane or a person")
    parser.add_argument("--subject", metavar="T", required=True, help="what it is about, in one line")
    _body_arguments(parser)


def _send(args: argparse.Namespace, project: Project) -> int:
    message = project.mailbox.send(
        args.sender or project.caller, args.recipient, args.subject, body_of(args), source=_channel(project)
    )
    _doubt_recipient(args.recipient, project)
    return _sent(message, project)


def _channel(project: Project) -> str:
    """Where the message comes from; which lane that is, is looked at only where one is not trusted."""
    with suppress(StoreError):  # a message is sent whatever is wrong with the lanes
        if any(record.spec.outside for record in project.lanes.records().values()):
            from loop_orchestrator.operations.person import channel_of

            return channel_of(project, project.source)
    return project.source


def _doubt_recipient(recipient: str, project: Project) -> None:
    """Say it where a lane is named nearly like the recipient: nobody would read the message."""
    from difflib import get_close_matches

    lanes = list(project.lanes.records())
    near = [] if recipient in lanes else get_close_matches(recipient, lanes, n=1, cutoff=0.7)
    if near:
        output.note(f"sent, but no lane is called {recipient}; there is a lane {near[0]}")


def _sent(message: Message, project: Project) -> int:
    if project.json:
        output.document({"id": message.id, "file": message.file})
    else:
        output.line(message.file, whole=True)
    return ExitCode.DONE


def _to_and_from(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", dest="recipient", metavar="L", help="only messages to this lane or person")
    parser.add_argument("--from", dest="sender", metavar="S", help="only messages from this lane or person")


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    _to_and_from(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--pending", action="store_true", help="only messages that wait: what is listed anyway")
    which.add_argument("--all", action="store_true", help="first those that were dealt with, then those that wait")
    which.add_argument("--failed", action="store_true", help="files that are no messages, each with the reason")


def _list(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.mail import processed_mail, wanted

    if args.failed:
        return _list_failed(project)
    done = processed_mail(project.mailbox, project.layout, args.recipient, args.sender) if args.all else ()
    waiting = wanted(project.mailbox.peek(args.recipient), None, args.sender)
    if project.json:
        output.document({"messages": [*_shapes(done, project, "processed"), *_shapes(waiting, project, "pending")]})
    else:
        _print_messages((*done, *waiting), project)
    _note_the_rest(args, project)
    return ExitCode.DONE


def _note_the_rest(args: argparse.Namespace, project: Project) -> None:
    """On stderr, so that it stands beside a JSON document too."""
    count = 0 if args.all or project.json else project.mailbox.processed_count()
    if count:
        output.note(f"{count} more dealt with: loop mail list --all")
    for name, reason in project.mailbox.problems():
        output.note(f"{name} is no message: {reason.removeprefix(f'{name}: ')}")
    if aside := len(project.mailbox.set_aside()):
        output.note(f"{aside} set aside that were no messages: loop mail list --failed")


def _list_failed(project: Project) -> int:
    found = project.mailbox.set_aside()
    if project.json:
        output.document({"failed": [{"file": name, "reason": reason} for name, reason in found]})
    elif found:
        for name, reason in found:
            output.line(reason if reason.startswith(f"{name}: ") else f"{name}: {reason}")
        output.note(f"mend one and move it back: {project.layout.failed}", whole=True)
    else:
        output.note("nothing was set aside")
    return ExitCode.DONE


def _shapes(messages: tuple[Message, ...], project: Project, state: str) -> list[JsonValue]:
    now = project.clock.now()
    return [
        {**message_shape(message), "state": state, "age_s": round((now - message.sent_at).total_seconds())}
        for message in messages
    ]


def _print_messages(messages: tuple[Message, ...], project: Project) -> None:
    if not messages:
        output.note("no message waits")
        return
    now = project.clock.now()
    rows = [
        (
            message.file,
            format_age((now - message.sent_at).total_seconds()),
            plaintext.shorten(message.subject, 70),
        )
        for message in messages
    ]
    output.table(("FILE", "AGE", "SUBJECT"), rows)  # the name of a file says from whom to whom


def _file_argument(parser: argparse.ArgumentParser, *, or_ask: str = "") -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        help="the message: its file name, its id, the beginning of either where only one begins so, or 'last', "
        f"the newest that waits (in a lane: that waits for the lane){or_ask}",
    )


def _file_of(args: argparse.Namespace, project: Project) -> str:
    from loop_orchestrator.operations.mail import find_message

    return find_message(project.mailbox, args.file, lane=project.environ.get("LOOP_LANE", ""))


def _show(args: argparse.Namespace, project: Project) -> int:
    message = project.mailbox.read(_file_of(args, project))
    if project.json:
        output.document({**message_shape(message), "body": message.body})
        return ExitCode.DONE
    output.line(f"file:    {message.file}", whole=True)
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
    _file_argument(parser, or_ask="; or the id of an ask, which a text to a lane names that wants an answer")
    parser.add_argument("--from", dest="sender", metavar="A", help="who answers; default: LOOP_LANE, else person")
    parser.add_argument("--subject", metavar="T", help="default: Re: and the subject answered to")
    _body_arguments(parser)


def _reply(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.asks import answer_ask, meant_ask, no_such_ask

    body, sender = body_of(args), args.sender or project.caller
    ask = meant_ask(project.asks, args.file)
    if ask is not None:
        message, why_none = answer_ask(
            project.mailbox, ask, sender=sender, body=body, subject=args.subject, source=_channel(project)
        )
        if why_none:
            output.note(why_none)
        return _sent(message, project)
    try:
        file = _file_of(args, project)
    except UsageError as error:
        raise no_such_ask(project.asks, args.file) or error from None
    message = project.mailbox.reply(file, sender, body, subject=args.subject, source=_channel(project))
    return _sent(message, project)


def _ack(args: argparse.Namespace, project: Project) -> int:
    file = _file_of(args, project)
    path = project.mailbox.ack(file, project.caller)
    if project.json:
        output.document({"file": file, "path": str(path)})
    else:
        output.line(str(path), whole=True)
    return ExitCode.DONE


def _wait_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", dest="recipient", metavar="L", required=True, help="the lane or person it is for")
    parser.add_argument("--from", dest="sender", metavar="S", help="only a message from this lane or person")
    parser.add_argument("--timeout", type=float, metavar="S", help="seconds, then exit 1; default: for ever")


def _wait(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.mailwatch import wait_for_mail

    found = wait_for_mail(
        project.mailbox, project.layout, recipient=args.recipient, sender=args.sender, timeout_s=args.timeout
    )
    if project.json:
        output.document({"messages": _shapes(found, project, "pending")})
        return ExitCode.DONE if found else ExitCode.FAILED
    _print_messages(found, project)
    if found:
        output.note(f"read it: loop mail show {found[0].file}", whole=True)
    return ExitCode.DONE if found else ExitCode.FAILED


def _watch_arguments(parser: argparse.ArgumentParser) -> None:
    _to_and_from(parser)
    parser.add_argument("--all", action="store_true", help="begin with the messages that wait already")


def _watch(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.mailwatch import SetAside, watch_mail

    def tell(one: Message | SetAside) -> None:
        if isinstance(one, tuple):
            output.note(f"{one[0]} is no message and was set aside: {one[1].removeprefix(f'{one[0]}: ')}")
        elif project.json:
            output.row({**message_shape(one), "body": one.body})
        else:
            at = f"{one.sent_at.astimezone():%H:%M:%S}"
            output.line(f"{at}  {one.file}  {plaintext.shorten(one.subject, 70)}")
        output.flush()

    watch_mail(
        project.mailbox,
        project.layout,
        project.clock,
        tell,
        recipient=args.recipient,
        sender=args.sender,
        waiting_too=args.all,
    )
    return ExitCode.DONE


_EXAMPLE = "20261121-011530-web-to-coord.md"

COMMANDS = {
    "mail send": Command(
        run=_send,
        arguments=_send_arguments,
        examples=(
            'loop mail send --to web --subject "Header" --body "Use the new header on every page."',
            "loop mail send --from ci --to coord --subject failed --body-file report.txt",
            "make check 2>&1 | loop mail send --to coord --subject 'make check' -",
        ),
    ),
    "mail list": Command(
        run=_list,
        arguments=_list_arguments,
        examples=(
            "loop mail list",
            'loop mail list --to "$LOOP_LANE" --from coord',
            "loop mail list --to coord --all --json",
            "loop mail list --failed",
        ),
    ),
    "mail show": Command(
        run=_show,
        arguments=_file_argument,
        examples=(f"loop mail show {_EXAMPLE}", "loop mail show 20261121-0115", "loop mail show last --json"),
    ),
    "mail reply": Command(
        run=_reply,
        arguments=_reply_arguments,
        examples=(
            f'loop mail reply {_EXAMPLE} --body "Yes, go on."',
            "loop mail reply last --body-file answer.md",
            'loop mail reply d-20261121T011530123-4f2a9c-0 --body "On port 8080."',
        ),
    ),
    "mail ack": Command(
        run=_ack, arguments=_file_argument, examples=(f"loop mail ack {_EXAMPLE}", "loop mail ack 20261121-0115")
    ),
    "mail wait": Command(
        run=_wait,
        arguments=_wait_arguments,
        examples=("loop mail wait --to coord --timeout 600", 'loop mail wait --to "$LOOP_LANE" --from coord'),
    ),
    "mail watch": Command(
        run=_watch,
        arguments=_watch_arguments,
        examples=(
            "loop mail watch                    # one line for each message; Ctrl-C ends it",
            "loop mail watch --to person --all",
            "loop mail watch --json | jq -r .subject",
        ),
    ),
}
