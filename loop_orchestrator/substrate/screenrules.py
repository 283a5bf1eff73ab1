"""What the rules of a harness read on one screen. Pure: the same screen gives the same signals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from loop_orchestrator.model.harness import Frame, HarnessKind, HarnessSpec, Region, ScreenRule
from loop_orchestrator.model.lane import WORD_OF, Detail, LaneWord, Signal, SignalSource
from loop_orchestrator.model.terminal import Screen
from loop_orchestrator.substrate.composer import (
    Composer,
    find_composer,
    is_completing,
    rows_above,
    rows_below,
    without_completions,
)
from loop_orchestrator.substrate.signs import sign_in, sign_in_title, sign_near

ScreenReader = Callable[..., tuple[Signal, ...]]
"""``screen_signals``, or a RereadScreens."""

BOTTOM_ROWS = 14

NO_RULE = "no-rule"
"""Rule of the signal that no rule of the harness knows the screen."""

COMPOSER_RULE = "composer"
"""Rule of the signal that says how the composer looks, whatever else the screen shows."""

SIGN_RULE = "sign"
"""Rule of the signal that something near an empty composer speaks against idle."""

TITLE_RULE = "title"
"""Rule of the signal that the title would be needed."""

CURSOR_RULE = "cursor"
"""Rule of the signal that a hidden cursor means work, or that the cursor is not where the composer is."""

HOME_RULE = "idle-home"
"""Rule of the signal that a pattern of the user's reads the screen as idle."""

DIALOGS = frozenset(detail for detail, word in WORD_OF.items() if word is LaneWord.AWAITING_APPROVAL)


def screen_signals(
    screen: Screen,
    title: str,
    spec: HarnessSpec,
    now: datetime,
    *,
    booting: bool,
    cursor_visible: bool | None = None,
    cursor_row: int | None = None,
) -> tuple[Signal, ...]:
    """What the rules of a harness read on a screen; one signal that says so where none of them knows it.

    booting: the program was started a moment ago. cursor_visible, cursor_row: None where that is not known.
    """
    screen = without_completions(screen, spec)
    hidden = spec.hides_cursor and cursor_visible is False
    composer = (
        None
        if hidden and spec.composer and spec.composer.frame in (Frame.LAST, Frame.UNDER)
        else find_composer(screen, spec)
    )
    focused = None if composer is None else _is_focused(spec, composer, cursor_visible, cursor_row)
    read = [
        Signal(source=_source(rule), detail=rule.detail, rule=f"{spec.name}:{rule.name}", seen=seen, at=now)
        for rule in spec.rules
        if (seen := _holds(rule, screen, title, composer, focused=focused)) is not None
    ]
    if hidden:
        seen = "the cursor is hidden"
        read.append(Signal(source=SignalSource.TERMINAL, detail=Detail.BUSY, rule=CURSOR_RULE, seen=seen, at=now))
    alone = not read
    if composer is not None and is_completing(composer.text):
        # Somebody is typing there: how the last turn ended is past.
        read = [one for one in read if one.word is not LaneWord.ERRORED]
    if composer is not None and focused is False:
        # How the last turn ended says nothing about where the keys go now.
        read = [one for one in read if one.word is not LaneWord.ERRORED]
        seen = "the composer is there, but the cursor is not in it"
        away = Signal(source=SignalSource.SCREEN, detail=Detail.DRIFTED, rule=CURSOR_RULE, seen=seen, at=now)
        return (*read, away)
    if composer is not None:
        return (*read, *_composer_signals(screen, title, spec, composer, now, alone=alone, focused=focused))
    if not read and spec.kind is not HarnessKind.SHELL:
        return (_unknown_signal(screen, spec, now, booting=booting),)
    return tuple(read)


class RereadScreens:
    """``screen_signals`` for whoever looks at one lane again and again: a screen that is the same costs nothing."""

    def __init__(self) -> None:
        self._of: tuple[Screen, tuple[object, ...]] | None = None
        self._signals: tuple[Signal, ...] = ()

    def __call__(
        self,
        screen: Screen,
        title: str,
        spec: HarnessSpec,
        now: datetime,
        *,
        booting: bool,
        cursor_visible: bool | None = None,
        cursor_row: int | None = None,
    ) -> tuple[Signal, ...]:
        rest = (title, spec.name, booting, cursor_visible, cursor_row)
        if self._of is None or self._of[0] is not screen or self._of[1] != rest:
            self._signals = screen_signals(
                screen, title, spec, now, booting=booting, cursor_visible=cursor_visible, cursor_row=cursor_row
            )
            self._of = (screen, rest)
        return tuple(replace(signal, at=now) for signal in self._signals)


def _is_focused(
    spec: HarnessSpec, composer: Composer, cursor_visible: bool | None, cursor_row: int | None
) -> bool | None:
    """What is typed goes into the composer, as far as the cursor tells; None where it does not."""
    if not spec.shows_cursor or cursor_visible is None:
        return None
    if not cursor_visible:
        return False
    return None if cursor_row is None else composer.first <= cursor_row < composer.end


def _composer_signals(
    screen: Screen,
    title: str,
    spec: HarnessSpec,
    composer: Composer,
    now: datetime,
    *,
    alone: bool,
    focused: bool | None,
) -> Iterator[Signal]:
    """What the composer says, and what keeps an empty one from meaning ready where no rule says anything."""
    detail = Detail.DRAFT if composer.text else Detail.READY
    seen = one_line(composer.text) or "the composer is empty"
    if alone and spec.kind is not HarnessKind.SHELL:
        sign = sign_near(screen, composer, spec, focused=focused) or sign_in_title(title)
        if sign:
            reason = one_line(f"the composer is there, but {sign}")
            yield Signal(source=SignalSource.SCREEN, detail=Detail.DRIFTED, rule=SIGN_RULE, seen=reason, at=now)
        elif detail is Detail.READY and spec.title_tells and not title.strip():
            reason = f"{spec.name} may show work in its title alone, and the title is not known"
            yield Signal(source=SignalSource.TERMINAL, detail=Detail.DRIFTED, rule=TITLE_RULE, seen=reason, at=now)
    yield Signal(source=SignalSource.SCREEN, detail=detail, rule=COMPOSER_RULE, seen=seen, at=now)


def _unknown_signal(screen: Screen, spec: HarnessSpec, now: datetime, *, booting: bool) -> Signal:
    """No rule knows the screen: what the user's own patterns make of it, else that it is unknown."""
    bottom = _region(Region.BOTTOM, screen, "", None, 0)
    home = next((hit for pattern in spec.idle_home if (hit := pattern.search(bottom))), None)
    if home is None:
        detail = Detail.BOOTING if booting else Detail.DRIFTED
        last = next((row for row in reversed(screen.rows) if row.strip()), "")
        seen = f"no rule of {spec.name} knows this screen; its last row is {one_line(last)!r}"
        return Signal(source=SignalSource.SCREEN, detail=detail, rule=NO_RULE, seen=seen, at=now)
    sign = sign_in(bottom.split("\n"), spec)
    if sign:
        reason = one_line(f"a pattern for idle fits, but {sign}")
        return Signal(source=SignalSource.SCREEN, detail=Detail.DRIFTED, rule=SIGN_RULE, seen=reason, at=now)
    return Signal(source=SignalSource.SCREEN, detail=Detail.READY, rule=HOME_RULE, seen=_row_of(home), at=now)


def _holds(
    rule: ScreenRule, screen: Screen, title: str, composer: Composer | None, *, focused: bool | None
) -> str | None:
    """What the rule found, in one line; None where it does not hold.

    A dialog stands below the composer or in its place, where its menu may look like one: above, it is a picture of a
    dialog in the conversation. A starting program has no composer.
    """
    if composer is not None and rule.detail is Detail.BOOTING:
        return None
    if rule.region is Region.OVER and focused:
        return None
    below = composer.first if composer is not None and rule.detail in DIALOGS else 0
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
        case Region.ABOVE:
            return "\n".join(rows_above(screen, composer.first)[-BOTTOM_ROWS:]) if composer else ""
        case Region.OVER:
            return "\n".join(screen.rows[: composer.first]) if composer else ""
        case Region.BELOW:
            return "\n".join(rows_below(screen, composer.end)) if composer else ""
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
