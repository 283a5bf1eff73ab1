"""Which page a message belongs on, and how it stands there. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from loop_orchestrator.clock import format_time
from loop_orchestrator.engine.fences import fenced
from loop_orchestrator.model.ingest import Edit
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.state import LoopRecord
from loop_orchestrator.model.wiki import LOOPS, MAIL, mark

SECTION = "Mail"
"""The section of a page in which messages stand as they are."""

BODY_LIMIT = 8_000
"""Characters of a message that a page shows; the rest is in its file. At half, a report with a test run loses its end;
at double, twenty reports fill a model's window with one page."""

PAGE_BYTES = 200_000
"""A page that has as many gets no more messages by the rules: some fifty reports. At half, a busy month has twice the
pages; at double, taking one message in costs a tenth of a second for reading the page alone."""

_LOOP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A loop whose id can be the name of a page."""

_TASK = re.compile(r"\s*(T[0-9]{4})\b")
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WORD_END = " :,;.!?/()[]"


@dataclass(frozen=True)
class Ledger:
    """What tells to which loop a message belongs."""

    loops: tuple[LoopRecord, ...] = ()
    tasks: Mapping[str, str] = field(default_factory=dict)
    """task -> loop that it names"""


def page_of(message: Message, ledger: Ledger) -> str:
    """The page of a message: of the loop that its task names, that its subject begins with, on whose branch the lane
    works, or that has the lane's name, in this order; else the page of the month's mail.
    """
    loop = next((id for id in _loops(message, ledger) if _LOOP_ID.fullmatch(id)), "")
    return f"{LOOPS}/{loop}.md" if loop else f"{MAIL}/{message.sent_at:%Y-%m}.md"


def pages_for(message: Message, ledger: Ledger) -> Iterator[str]:
    """The page of a message, then those that take it where that is full: pages of the month's mail, numbered on."""
    yield page_of(message, ledger)
    month = f"{MAIL}/{message.sent_at:%Y-%m}"
    yield f"{month}.md"
    yield from (f"{month}-{number}.md" for number in count(2))


def title_of(page: str) -> str:
    """The title of a page that is not there yet."""
    folder, _, name = page.rpartition("/")
    stem = name.removesuffix(".md")
    about = {LOOPS: f"Loop {stem}", MAIL: f"Mail of {stem} that belongs to no loop"}
    return about.get(folder, stem)


def source_of(message: Message) -> str:
    """Who a message is from, as a mark names it."""
    return f"lane:{message.sender}"


def as_it_stands(message: Message, page: str, *, outside: Collection[str] = ()) -> Edit:
    """The edit that puts a message on a page. Its text stands in a fence that it cannot close, with a mark.

    outside: its sources that are not trusted.
    """
    stem = message.file.removesuffix(".md")
    text = clean(f"subject: {message.subject}\n\n{message.body.strip()}".rstrip())
    if len(text) > BODY_LIMIT:
        text = f"{text[:BODY_LIMIT]}\n[cut; the rest is in the file]"
    info = mark(sorted(outside) or (source_of(message),), outside=bool(outside))
    entry = f"### {stem}\n\nSent {format_time(message.sent_at)}, file `{message.file}`.\n\n{fenced(text, info)}\n"
    return Edit(page=page, section=SECTION, text=entry, files=(message.file,))


def clean(text: str) -> str:
    """Text of others as whole lines that a page may hold."""
    return _UNFIT.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _loops(message: Message, ledger: Ledger) -> Iterable[str]:
    known = {loop.id for loop in ledger.loops}
    task = _TASK.match(message.subject)
    if task and ledger.tasks.get(task[1]):
        yield ledger.tasks[task[1]]
    first = message.subject.split(maxsplit=1)[0].strip(_WORD_END) if message.subject.strip() else ""
    if first in known:
        yield first
    for loop in ledger.loops:
        if re.fullmatch(rf"loop/[^/]+/{re.escape(message.sender)}", loop.branch):
            yield loop.id
    if message.sender in known:
        yield message.sender
