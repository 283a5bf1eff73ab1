"""The lines of the wiki's index: one for each page, in the section of its folder. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote, unquote

from loop_orchestrator.markdowntext import read_markdown
from loop_orchestrator.model.wiki import DECISIONS, INDEX, LANES, LOOPS, MAIL


def with_entries(index: str, missing: tuple[str, ...]) -> str:
    """The index with a line for each of these pages that has none, in the section of its folder, else at the end.

    Raises ValueError where a line would be no link for a reader, as below a fence that is not closed.
    """
    there = _listed_in(index)
    if any(name.startswith(f"{MAIL}/") and name not in there for name in missing):
        index = _with_section(index, MAIL.capitalize())
    for name in missing:
        if name not in there:
            index = _with_entry(index, name)
    there = _listed_in(index)
    if lost := [name for name in missing if name not in there]:
        raise ValueError(f"a line for {lost[0]} would be no link there: mend the fences of {INDEX} first")
    return index


def _listed_in(index: str) -> frozenset[str]:
    return frozenset(unquote(link.target) for link in read_markdown(index).links)


def _with_section(index: str, title: str) -> str:
    """The index with a section of this title, at its end if there was none."""
    if any(one.text.strip(" :/").lower() == title.lower() for one in read_markdown(index).headings):
        return index
    gap = "" if not index or index.endswith("\n\n") else "\n" if index.endswith("\n") else "\n\n"
    return f"{index}{gap}## {title}\n"


def _with_entry(index: str, name: str) -> str:
    page = read_markdown(index)
    folder = name.split("/")[0] if "/" in name else ""
    headings = page.headings
    place = next((i for i, one in enumerate(headings) if folder and one.text.strip(" :/").lower() == folder), None)
    end = len(page.lines)
    if place is not None:
        after = (one.line - 1 for one in headings[place + 1 :] if one.level <= headings[place].level)
        end = next(after, end)
    elif not folder:
        end = next((one.line - 1 for one in headings if one.level == 2), end)
    before = end
    while before and not page.lines[before - 1].strip():
        before -= 1
    last = page.lines[before - 1] if before else ""
    eol = "\r\n" if last.endswith("\r\n") else "\n"
    above = "".join(page.lines[:before]) + ("" if not last or last.endswith(("\n", "\r")) else eol)
    gap = "" if not last or last.lstrip().startswith(("- ", "* ", "+ ")) else eol
    rest = "".join(page.lines[before:])
    between = eol if rest.strip() and not rest.startswith(("\n", "\r")) else ""
    return f"{above}{gap}- {_entry(name)}{eol}{between}{rest}"


def _entry(name: str) -> str:
    """``[lanes/web.md](lanes/web.md): lane web``; nothing that somebody else wrote gets into the index."""
    stem = PurePosixPath(name).stem
    about = {f"{LANES}/": "lane", f"{LOOPS}/": "loop", f"{DECISIONS}/": "decision", f"{MAIL}/": "mail of"}
    said = next((f": {word} {stem}" for folder, word in about.items() if name.startswith(folder)), "")
    return f"[{_plain(name)}]({_target(name)}){_plain(said)}"


def _plain(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\`*_[]<>!&" else char if char.isprintable() else " " for char in text)


def _target(name: str) -> str:
    return "".join(char if char.isalnum() or char in "/-._~" else quote(char) for char in name)
