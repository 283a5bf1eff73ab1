"""A brain's answer about mail -> edits of pages, or a problem that is quoted back to it once. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loop_orchestrator.actions.fields import TEXT
from loop_orchestrator.engine.fences import fenced
from loop_orchestrator.engine.reply import ReplyProblem, block_of, listed
from loop_orchestrator.markdowntext import read_blocks
from loop_orchestrator.model.ingest import Edit, EditKind
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.wiki import CHECKPOINT, INDEX, INGEST, LOG, SCRATCHPAD, Right, area_of, mark

INFO = "wiki"
"""Info-string of the block that an answer must hold exactly once."""

MAX_EDITS = 20
"""As many as messages in a usual batch."""

_PAGE = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*\.md")
_SECTION = re.compile(r"[^#\s\x00-\x1f\x7f-\x9f\u2028\u2029][^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,119}")
_KEYS = ("page", "section", "how", "sources", "text")
MAY_WRITE = (
    "loops/<id>.md, mail/<year>-<month>.md, decisions/<id>.md, checkpoint.md, or another page that is not of a lane"
)


@dataclass(frozen=True)
class Asked:
    """What the answer is held against."""

    batch: str
    files: tuple[str, ...]
    outside: tuple[str, ...]
    """sources of the messages that are not trusted: what is made of them keeps the mark"""
    shown: Mapping[tuple[str, str], str]
    """page and section -> its text, of the sections that were shown whole"""


def read_edits(text: str, asked: Asked) -> tuple[Edit, ...]:
    """The edits of an answer; none, where it left everything out. Raises ReplyProblem naming all that is wrong."""
    values = block_of(text, INFO)
    if values is None:
        raise ReplyProblem("the wiki block must be a YAML mapping with version, edits and left_out")
    problems = [f"unknown key {name!r}" for name in values if name not in ("version", "edits", "left_out")]
    if values.get("version") != 1 or isinstance(values.get("version"), bool):
        problems.append("version must be 1")
    raw = values.get("edits", [])
    if not isinstance(raw, list):
        problems.append("edits must be a list; it may be empty")
        raw = []
    if len(raw) > MAX_EDITS:
        problems.append(f"there are {len(raw)} edits; at most {MAX_EDITS} are allowed")
    edits = [_edit(number, one, asked, problems) for number, one in enumerate(raw[:MAX_EDITS])]
    named = {file for edit in edits if edit for file in edit.files} | _left_out(values.get("left_out"), asked, problems)
    if not problems and (missing := [file for file in asked.files if file not in named]):
        problems.append(f"{', '.join(missing)} stands neither in sources nor in left_out")
    if problems:
        raise listed(problems)
    return tuple(edit for edit in edits if edit)


def _left_out(raw: JsonValue, asked: Asked, problems: list[str]) -> set[str]:
    if raw is None:
        return set()
    found = set()
    for number, one in enumerate(raw if isinstance(raw, list) else [raw]):
        file, why = (one.get("file"), one.get("why")) if isinstance(one, dict) and len(one) == 2 else (None, None)
        if isinstance(file, str) and isinstance(why, str) and file in asked.files:
            found.add(file)
        else:
            problems.append(f"left_out {number}: expected file, one of the messages, and why")
    return found


def _edit(number: int, raw: JsonValue, asked: Asked, problems: list[str]) -> Edit | None:
    if not isinstance(raw, dict):
        problems.append(f"edit {number}: expected a mapping with {', '.join(_KEYS)}")
        return None
    before = len(problems)
    problems += [f"edit {number}: unknown key {name!r}" for name in raw if name not in _KEYS]
    page, section, how = raw.get("page"), raw.get("section"), raw.get("how", EditKind.APPEND.value)
    problems += [f"edit {number}: {one}" for one in (*_place(page, section, how, asked), *_text(raw.get("text")))]
    sources = raw.get("sources")
    if not isinstance(sources, list) or not sources or not all(one in asked.files for one in sources):
        problems.append(f"edit {number}: sources must name at least one of the messages, and nothing else")
    if len(problems) > before:
        return None
    assert isinstance(page, str) and isinstance(section, str) and isinstance(sources, list)
    files = tuple(dict.fromkeys(str(one) for one in sources))
    return Edit(
        page=page,
        section=section.strip(),
        text=_entry(number, str(raw["text"]), files, asked),
        files=files,
        kind=EditKind(str(how)),
        was=asked.shown.get((page, section.strip()), ""),
    )


def _entry(number: int, text: str, files: Sequence[str], asked: Asked) -> str:
    """The text as it will stand there, with what it comes from, and marked if that is not trusted."""
    said = fenced(text.strip(), mark(asked.outside, outside=True)) if asked.outside else text.strip()
    named = ", ".join(f"`{file}`" for file in files)
    return f"### {asked.batch}.{number}\n\n{said}\n\nSources: {named}\n"


def _place(page: JsonValue, section: JsonValue, how: JsonValue, asked: Asked) -> Sequence[str]:
    found = []
    if not isinstance(page, str) or not _PAGE.fullmatch(page) or page in (INDEX, LOG, SCRATCHPAD):
        found.append(f"page {page!r} is none that can be written; expected {MAY_WRITE}")
    elif INGEST.right(area_of(page, INGEST)) is not Right.WRITE:
        found.append(f"page {page!r} belongs to somebody else; expected {MAY_WRITE}")
    if not isinstance(section, str) or not _SECTION.fullmatch(section.strip()):
        found.append("section must be one line of text, without #")
    if how not in list(EditKind):
        found.append(f"how must be {' or '.join(EditKind)}")
    elif how == EditKind.REPLACE and (page, str(section).strip()) not in asked.shown:
        found.append(f"section {section!r} of {page} was not shown whole, so it cannot be replaced; append to it")
    return found


def _text(value: JsonValue) -> Sequence[str]:
    try:
        text = str(TEXT.read(value))
    except ValueError as problem:
        return [f"text: {problem}"]
    blocks = read_blocks(text)
    found = []
    if any(one.level < 4 for one in blocks.headings):
        found.append("text: no heading above level 4 may stand in it")
    if blocks.comments or "<!--" in text:
        found.append("text: no HTML may stand in it")
    if any(fault.what == "unclosed-fence" for fault in blocks.faults):
        found.append("text: a fence in it is not closed")
    return found


def sections_shown(page: str, text: str) -> Mapping[tuple[str, str], str]:
    """Page and section -> text, of every level-2 section of a page that is shown whole, unless two have one name."""
    from loop_orchestrator.model.wikisections import PageFault, section_of

    above = text
    if page == CHECKPOINT:
        from loop_orchestrator.model.wiki import parted

        above = parted(read_blocks(text))[0]
    names = [one.text.strip() for one in read_blocks(above).headings if one.level == 2]
    found = {}
    for name in names:
        try:
            said = section_of(page, text, name)
        except PageFault:
            return {}
        if said is not None and names.count(name) == 1:
            found[(page, name)] = said
    return found
