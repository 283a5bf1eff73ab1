"""Finds the place on a screen where a person types, and what stands in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from loop_orchestrator.model.harness import ComposerRule, Frame, HarnessKind, HarnessSpec
from loop_orchestrator.model.terminal import Screen

_LINE = re.compile(r"\s*[─━═╌▄▀]{2}(?:.*[─━═╌▄▀]{2})?\s*")
_LINE_LENGTH = 10
"""Characters that a horizontal line has at least, its label aside."""
_CLOSING_BAR = re.compile(r"^(?P<indent> *)╹▀{4,}")
_BLANKS = " \n\u00a0\u200b"


@dataclass(frozen=True)
class Composer:
    """The composer as it is drawn now."""

    first: int
    """its first row"""
    end: int
    """the row after its last one"""
    text: str
    """empty where only a placeholder stands in it"""


@dataclass(frozen=True)
class _Rows:
    """Where the text of a composer is drawn."""

    first: int
    end: int


def composer_text(screen: Screen, spec: HarnessSpec) -> str | None:
    """What stands in the composer: empty for a placeholder, None where the screen shows no composer."""
    composer = find_composer(screen, spec)
    return None if composer is None else composer.text


def find_composer(screen: Screen, spec: HarnessSpec) -> Composer | None:
    """The lowest rows that fit the composer's rule and frame, unless more rows stand below than a footer has."""
    rule = spec.composer
    if rule is None:
        return None
    rows = screen.rows
    frame = Frame.LAST if spec.kind is HarnessKind.SHELL else rule.frame
    found = _FINDERS[frame](rows, rule)
    if found is None or (rule.below and len(rows_below(screen, found.end)) > rule.below):
        return None
    return Composer(found.first, found.end, _text_in(screen, rule, found))


def rows_above(screen: Screen, first: int) -> tuple[str, ...]:
    """The rows above a composer's first one, without the line right above it; of several blank rows one, none last."""
    rows = screen.rows[: first - 1] if first > 0 and is_line(screen.rows[first - 1]) else screen.rows[:first]
    kept: list[str] = []
    for row in rows:
        if row.strip() or (kept and kept[-1]):
            kept.append(row if row.strip() else "")
    return tuple(kept[:-1] if kept and not kept[-1] else kept)


def rows_below(screen: Screen, end: int) -> tuple[str, ...]:
    """The non-blank rows below a composer's last one, without its closing line."""
    closed = end < len(screen.rows) and (is_line(screen.rows[end]) or bool(_CLOSING_BAR.match(screen.rows[end])))
    return tuple(row for row in screen.rows[end + closed :] if row.strip())


def is_line(row: str) -> bool:
    """The row is a horizontal line, which may hold a label."""
    return sum(row.count(char) for char in "─━═╌▄▀") >= _LINE_LENGTH and bool(_LINE.fullmatch(row))


def _last(rows: tuple[str, ...], rule: ComposerRule) -> _Rows | None:
    last = next((index for index in reversed(range(len(rows))) if rows[index].strip()), None)
    return _Rows(last, last + 1) if last is not None and rule.line.search(rows[last]) else None


def _under(rows: tuple[str, ...], rule: ComposerRule) -> _Rows | None:
    """Below the lowest line, if that and every further row drawn fits."""
    drawn = [index for index in range(len(rows)) if rows[index].strip()]
    top = next((index for index in reversed(drawn) if is_line(rows[index])), None)
    below = [index for index in drawn if top is not None and index > top]
    if not below or not all(rule.line.search(rows[index]) for index in below):
        return None
    return _Rows(below[0], below[-1] + 1)


def _open(rows: tuple[str, ...], rule: ComposerRule) -> _Rows | None:
    """From the lowest row that fits; further rows of a draft are blank or indented."""
    first = next((index for index in reversed(range(len(rows))) if rule.line.search(rows[index])), None)
    if first is None:
        return None
    end = first + 1
    while end < len(rows) and (not rows[end] or rows[end].startswith("  ")):
        end += 1
    if end < len(rows) and is_line(rows[end]):
        return _Rows(first, end)
    return _Rows(first, _before_footer(rows, first, rule.below))


def _before_footer(rows: tuple[str, ...], first: int, below: int) -> int:
    """The row after the last one that is no footer: a footer is of at most ``below`` rows, with a blank one above."""
    drawn = [index for index in range(first, len(rows)) if rows[index].strip()]
    footer: int | None = None
    for count, index in enumerate(reversed(drawn), start=1):
        if index == first or count > below:
            break
        if not rows[index - 1].strip():
            footer = index
    if footer is None:
        return first + 1
    return max(index for index in drawn if index < footer) + 1


def _lines(rows: tuple[str, ...], rule: ComposerRule) -> _Rows | None:
    """Between the lowest line and the nearest one above it under which the first row fits."""
    lines = [index for index in range(len(rows)) if is_line(rows[index]) and not rows[index].startswith(" ")]
    if not lines:
        return None
    end = lines.pop()
    top = next((top for top in reversed(lines) if end - top > 1 and rule.line.search(rows[top + 1])), None)
    return None if top is None else _Rows(top + 1, end)


def _bar(rows: tuple[str, ...], rule: ComposerRule) -> _Rows | None:
    """Above the lowest closing bar; its last row is the status, unless it is blank."""
    closing = next((index for index in reversed(range(len(rows))) if _CLOSING_BAR.match(rows[index])), None)
    if closing is None:
        return None
    found = _CLOSING_BAR.match(rows[closing])
    bar = f"{found['indent'] if found else ''}┃"
    first = closing
    while first > 0 and rows[first - 1].startswith(bar) and rule.line.search(rows[first - 1]):
        first -= 1
    return _Rows(first, closing) if closing - first > 1 else None


_FINDERS: Mapping[Frame, Callable[[tuple[str, ...], ComposerRule], _Rows | None]] = {
    Frame.OPEN: _open,
    Frame.LINES: _lines,
    Frame.BAR: _bar,
    Frame.UNDER: _under,
    Frame.LAST: _last,
}


def _text_in(screen: Screen, rule: ComposerRule, found: _Rows) -> str:
    if rule.frame in (Frame.BAR, Frame.UNDER):
        texts = [_text_of(rule, screen, index) for index in range(found.first, found.end)]
        status = rule.frame is Frame.BAR and bool(screen.rows[found.end - 1].strip(" ┃"))
        text = "\n".join(texts[:-1] if status else texts)
    else:
        more = (row.strip() for row in screen.bright[found.first + 1 : found.end])
        text = "\n".join((_text_of(rule, screen, found.first), *more))
    text = text.strip(_BLANKS)
    known = not rule.placeholders_dim or screen.rows == screen.bright
    return "" if known and any(pattern.fullmatch(text) for pattern in rule.placeholders) else text


def _text_of(rule: ComposerRule, screen: Screen, index: int) -> str:
    """What stands in a row, dim text left out."""
    found = rule.line.search(screen.bright[index]) or rule.line.search(screen.rows[index])
    return (found["text"] if found else "") or ""
