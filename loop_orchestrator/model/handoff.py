"""What a lane that is ended leaves on its page of the wiki for the next one of its name. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from loop_orchestrator.markdowntext import is_too_long, lines_of, read_blocks
from loop_orchestrator.model.wiki import LANES

HANDOFF = "Handoff state"
"""The heading, of the second level, under which it stands."""

HANDOFF_ACK = re.compile(r"\s*re:handoff:(?P<lane>[A-Za-z][A-Za-z0-9_-]*)\s*", re.IGNORECASE)
"""The subject, whole, of the message with which the next lane says that it goes on."""

HANDOFF_LINES = 40
"""Lines of the screen that a hand-off keeps: what a person would scroll back to."""

_SCREEN = "Its last screen, as data:"


def page_of(lane: str) -> str:
    """The page of a lane, as a path inside the wiki."""
    return f"{LANES}/{lane}.md"


def screen_block(screen: Sequence[str]) -> str:
    """The last HANDOFF_LINES rows of a screen, indented, without control characters: a reader of Markdown takes them
    for code."""
    rows = "\n".join(cleaned(row).rstrip() for row in screen).strip("\n").split("\n")
    return "\n".join(f"    {row}".rstrip() for row in rows[-HANDOFF_LINES:])


def cleaned(text: str) -> str:
    """One line without anything that a terminal would act on or that hides: a tab is a space, the rest is taken out."""
    return "".join(char for char in text.replace("\t", " ") if unicodedata.category(char) not in ("Cc", "Cf", "Cs"))


def handoff_section(facts: Mapping[str, str], screen: Sequence[str]) -> str:
    """The section: each fact as a line, ``time`` first, then the end of the screen."""
    lines = "".join(f"- {name}: {cleaned(' '.join(value.split()))}\n" for name, value in facts.items())
    return f"## {HANDOFF}\n\n{lines}\n{_SCREEN}\n\n{screen_block(screen)}\n"


def has_handoff(page: str) -> bool:
    """A lane of this page's name was ended and left its state."""
    return not is_too_long(page) and any(one.level == 2 and one.text == HANDOFF for one in read_blocks(page).headings)


def with_handoff(page: str, lane: str, section: str) -> str:
    """The page with the section at its end, in place of an earlier one that was written the same way.

    What somebody wrote stays, under such a heading too.
    """
    kept = page if is_too_long(page) else _without_handoff(page)
    return f"{kept.rstrip() or f'# Lane {lane}'}\n\n{section}"


def _without_handoff(page: str) -> str:
    lines = list(lines_of(page))
    for heading in reversed(read_blocks(page).headings):
        if heading.level != 2 or heading.text != HANDOFF:
            continue
        end = heading.line
        while end < len(lines) and _is_ours(lines[end]):
            end += 1
        if any(line.startswith("- time: ") for line in lines[heading.line : end]):
            del lines[heading.line - 1 : end]
    return "".join(lines)


def _is_ours(line: str) -> bool:
    return not line.strip() or line.startswith("    ") or line.rstrip() == _SCREEN or bool(_FACT.match(line))


FACTS = ("time", "harness", "task", "state", "directory", "branch", "hand-off file")
"""What is said of a lane, in this order."""

_FACT = re.compile(rf"- (?:{'|'.join(FACTS)}): ")
