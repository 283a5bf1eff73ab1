"""What the rules of a harness read on one screen. Pure: the same screen gives the same signals."""

from __future__ import annotations

import re
from datetime import datetime

from loop_orchestrator.model.harness import HarnessKind, HarnessSpec, Region, ScreenRule
from loop_orchestrator.model.lane import WORD_OF, Detail, LaneWord, Signal, SignalSource
from loop_orchestrator.model.terminal import Screen
from loop_orchestrator.substrate.composer import Composer, find_composer

BOTTOM_ROWS = 14

NO_RULE = "no-rule"
"""Rule of the signal that no rule of the harness knows the screen."""

COMPOSER_RULE = "composer"
"""Rule of the signal that says how the composer looks, whatever else the screen shows."""

DIALOGS = frozenset(detail for detail, word in WORD_OF.items() if word is LaneWord.AWAITING_APPROVAL)


def screen_signals(
    screen: Screen, title: str, spec: HarnessSpec, now: datetime, *, booting: bool
) -> tuple[Signal, ...]:
    """What the rules of a harness read on a screen; one signal that says so where none of them knows it.

    ``booting``: the program was started a moment ago.
    """
    composer = find_composer(screen, spec)
    signals = [
        Signal(source=_source(rule), detail=rule.detail, rule=f"{spec.name}:{rule.name}", seen=seen, at=now)
        for rule in spec.rules
        if (seen := _holds(rule, screen, title, composer)) is not None
    ]
    if composer is not None:
        detail = Detail.DRAFT if composer.text else Detail.READY
        seen = one_line(composer.text) or "the composer is empty"
        signals.append(Signal(source=SignalSource.SCREEN, detail=detail, rule=COMPOSER_RULE, seen=seen, at=now))
    if not signals and spec.kind is not HarnessKind.SHELL:
        detail = Detail.BOOTING if booting else Detail.DRIFTED
        last = next((row for row in reversed(screen.rows) if row.strip()), "")
        seen = f"no rule of {spec.name} knows this screen; its last row is {one_line(last)!r}"
        signals.append(Signal(source=SignalSource.SCREEN, detail=detail, rule=NO_RULE, seen=seen, at=now))
    return tuple(signals)


def _holds(rule: ScreenRule, screen: Screen, title: str, composer: Composer | None) -> str | None:
    """What the rule found, in one line; None where it does not hold.

    A dialog stands below the composer or in its place: above it, it is a picture of one in the conversation. A
    starting program has no composer.
    """
    if composer is not None and rule.detail is Detail.BOOTING:
        return None
    below = composer.end if composer is not None and rule.detail in DIALOGS else 0
    text = _region(rule.region, screen, title, composer, below)
    if any(pattern.search(text) for pattern in rule.none):
        return None
    found = [pattern.search(text) for pattern in rule.all]
    if rule.any:
        found.append(next((match for pattern in rule.any if (match := pattern.search(text))), None))
    hits = [match for match in found if match]
    return _row_of(hits[0]) if hits and len(hits) == len(found) else None


def _row_of(hit: re.Match[str]) -> str:
    """The row in which what was found begins."""
    start = hit.string.rfind("\n", 0, hit.start()) + 1
    return one_line(hit.string[start:].partition("\n")[0])


def _region(region: Region, screen: Screen, title: str, composer: Composer | None, below: int) -> str:
    match region:
        case Region.TITLE:
            return title.strip()
        case Region.COMPOSER:
            return "\n".join(screen.rows[composer.first : composer.end]) if composer else ""
        case Region.SCREEN:
            return "\n".join(screen.rows[below:])
        case Region.BOTTOM:
            return "\n".join([row for row in screen.rows[below:] if row.strip()][-BOTTOM_ROWS:])


def _source(rule: ScreenRule) -> SignalSource:
    return SignalSource.TERMINAL if rule.region is Region.TITLE else SignalSource.SCREEN


def one_line(text: str) -> str:
    """Text for people: one line of at most 200 printable characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= 200 else line[:199] + "…"
