"""The checkpoint: what the wiki, the ledger and the mailbox say, as the beginning of a prompt. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from loop_orchestrator.clock import format_time
from loop_orchestrator.markdowntext import Markdown, is_too_long, read_blocks
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.prompt import Part, bytes_of, tokens_of
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.state import JsonValue, LoopRecord, LoopState
from loop_orchestrator.model.wiki import CHECKPOINT, INDEX, MARKER, marker_lines

MAIL_LINES = 100
"""Messages that a checkpoint names, oldest first."""

SUBJECT_LIMIT = 160
"""Characters of a subject that a checkpoint shows."""

_OBJECTIVE, _LOOPS, _CONFLICTS = "Current objective", "Loop states", "Open conflicts"
_CONFLICT_KEYS = ("open_conflicts", "conflicts")
_LOOP_KEYS = ("status", "branch", "blast_radius", "artifacts", "commits")


@dataclass(frozen=True)
class Projection:
    """A checkpoint page with what the ledger says in place of what was written by hand."""

    above: str
    """up to the marker"""
    below: str
    """from the marker on, as it was; empty without a marker, and where the page was not taken apart"""
    notes: tuple[str, ...]
    """what a person should know about it, a sentence each"""

    @property
    def text(self) -> str:
        return self.above + self.below


@dataclass(frozen=True)
class Checkpoint:
    """The whole."""

    text: str
    parts: tuple[Part, ...]

    @property
    def bytes(self) -> int:
        return bytes_of(self.text)

    @property
    def tokens(self) -> int:
        """Estimated."""
        return tokens_of(self.bytes)


def assemble(
    *, header: str, checkpoint: str, index: str, mail: tuple[Message, ...] | Unknown, file: Callable[[str], str]
) -> Checkpoint:
    """Header, checkpoint page, index and pending mail, each but the header under its title.

    file: name of a page -> its path as the reader of the prompt is to see it.
    """
    count = "not known" if isinstance(mail, Unknown) else str(len(mail))
    parts = (
        Part("header", header.strip("\n")),
        Part(CHECKPOINT, checkpoint.strip("\n")),
        Part(INDEX, index.strip("\n")),
        Part("pending mail", _mail(mail)),
    )
    titles = ("", file(CHECKPOINT), file(INDEX), f"pending mail ({count})")
    # No row of a page can pass for a title.
    longest = max((len(run) for part in parts for run in re.findall(r"^-+", part.text, re.MULTILINE)), default=0)
    rule = "-" * max(8, longest + 1)
    said = [f"{rule} {title}\n\n{part.text}" if title else part.text for title, part in zip(titles, parts, strict=True)]
    return Checkpoint("\n\n".join(said) + "\n", parts)


def project(page: str, ledger: LoopState | Unknown, *, ledger_name: str) -> Projection:
    """The page with what the ledger says of objective, loops and conflicts in place of the sections of those names.

    Only a value that is not empty replaces; every other section stays, and from the marker on the page is as it was,
    byte for byte. Without a value in the ledger the page is as it was. ledger_name: how the page calls the state file.
    """
    if is_too_long(page):
        return Projection(page, "", (f"{CHECKPOINT} stands as written: it is too long to be taken apart",))
    blocks = read_blocks(page)
    markers = marker_lines(blocks)
    end = markers[0] - 1 if markers else len(blocks.lines)
    above, below = "".join(blocks.lines[:end]), "".join(blocks.lines[end:])
    if isinstance(ledger, Unknown):
        reason = f"the ledger cannot be read ({ledger.reason})"
        return Projection(above, below, (f"{CHECKPOINT} stands as written: {reason}",))
    values = _values(ledger)
    if not values:
        return Projection(above, below, (f"{CHECKPOINT} stands as written: {ledger_name} is absent or says nothing",))
    notes = []
    if not markers:
        notes.append(f"{CHECKPOINT} has no marker {MARKER}: all of it counts as above the marker")
    elif len(markers) > 1:
        notes.append(f"{CHECKPOINT} has the marker {len(markers)} times: the first one counts")
    return Projection(_projected(blocks, end, values, _origin(ledger, ledger_name)), below, tuple(notes))


def ledger_alone(ledger: LoopState, *, ledger_name: str) -> str:
    """What the ledger says, where the page cannot be shown; empty if it says nothing."""
    values = _values(ledger)
    sections = "".join(_section(name, text) for name, text in values.items())
    return _origin(ledger, ledger_name) + sections if values else ""


def _projected(blocks: Markdown, end: int, values: Mapping[str, str], origin: str) -> str:
    """The lines before ``end`` with these sections in place of their own."""
    cuts = [one for one in blocks.headings if one.level <= 2 and one.line <= end]
    sections = [
        (_name(cut.text), cut.level, "".join(blocks.lines[cut.line - 1 : following]))
        for cut, following in zip(cuts, (*(one.line - 1 for one in cuts[1:]), end), strict=False)
    ]
    before = "".join(blocks.lines[: cuts[0].line - 1 if cuts else end])
    known = {_name(title) for title in values}
    title = ""
    if sections and sections[0][1] == 1 and sections[0][0] not in known:
        title = sections.pop(0)[2]
    said = [_ended(before + title) or "# Checkpoint\n\n", origin]
    present = {name for name, _, _ in sections}
    said += [_section(name, text) for name, text in values.items() if _name(name) not in present]
    texts = {_name(name): _section(name, text) for name, text in values.items()}
    for name, _, text in sections:
        said.append(texts.pop(name, "") if name in known else _ended(text))
    return "".join(said)


def _values(ledger: LoopState) -> Mapping[str, str]:
    """Title -> text of what the ledger says; what it does not speak of is left out."""
    conflicts = next((value for key in _CONFLICT_KEYS if (value := ledger.extra.get(key))), None)
    texts = {
        _OBJECTIVE: _quoted(ledger.objective),
        _LOOPS: "\n".join(_loop(loop) for loop in ledger.loops),
        _CONFLICTS: "\n".join(f"- {_one_line(one)}" for one in _items(conflicts)),
    }
    return {title: text for title, text in texts.items() if text}


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}\n\n"


def _origin(ledger: LoopState, ledger_name: str) -> str:
    as_of = format_time(ledger.updated_at) if ledger.updated_at else "a time that it does not say"
    said = f"Compiled from the ledger, {ledger_name}; what the ledger does not speak of stands as written."
    return f"{said}\nAs of {as_of}.\n\n"


def _name(heading: str) -> str:
    return " ".join(heading.split()).rstrip(":").casefold()


def _ended(text: str) -> str:
    """The text with a blank line at its end, so that what follows is no part of its last paragraph."""
    if not text or text.endswith("\n\n"):
        return text
    return text + ("\n" if text.endswith("\n") else "\n\n")


def _quoted(text: str) -> str:
    """Every line behind ``> ``: no heading, fence or marker in it is one of the page."""
    lines = re.split(r"\r\n?|\n", text.strip())
    return "\n".join(f"> {line}".rstrip() for line in lines) if text.strip() else ""


def _loop(loop: LoopRecord) -> str:
    known: dict[str, JsonValue] = {"status": loop.status, "branch": loop.branch}
    values = {key: known.get(key, loop.extra.get(key)) for key in _LOOP_KEYS}
    named = f"- {_one_line(loop.id)}" + (f" ({_one_line(loop.name)})" if loop.name else "")
    said = "; ".join(f"{key} {_one_line(value)}" for key, value in values.items() if value not in (None, "", [], {}))
    return f"{named}: {said or 'nothing is said of it'}"


def _items(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return [f"{key}: {_one_line(one)}" for key, one in value.items()]
    return value if isinstance(value, list) else [value] if value else []


def _one_line(value: JsonValue) -> str:
    """A value in one row: a text as it is, a list of texts with commas, else JSON."""
    if isinstance(value, dict):
        said = ", ".join(f"{key} {_one_line(one)}" for key, one in value.items() if one not in (None, "", [], {}))
    elif isinstance(value, list):
        said = ", ".join(_one_line(one) for one in value)
    else:
        said = value if isinstance(value, str) else json.dumps(value)
    return " ".join(said.split())


def _mail(mail: tuple[Message, ...] | Unknown) -> str:
    if isinstance(mail, Unknown):
        return f"not known: {mail.reason}"
    lines = [
        f"- {one.file}: says it is from {one.sender}, to {one.recipient}: "
        + json.dumps(one.subject[:SUBJECT_LIMIT], ensure_ascii=False)
        for one in mail[:MAIL_LINES]
    ]
    if len(mail) > MAIL_LINES:
        lines.append(f"- and {len(mail) - MAIL_LINES} more: loop mail list")
    return "\n".join(lines) or "none"
