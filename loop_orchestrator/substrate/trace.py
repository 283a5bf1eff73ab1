"""Recognises one text on a lane's screen: in the composer before it is submitted, in the conversation after."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from loop_orchestrator.ids import sha256_text
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.model.terminal import Screen
from loop_orchestrator.substrate.composer import Composer, find_composer, without_completions
from loop_orchestrator.substrate.screenrules import COMPOSER_RULE

KEY_LENGTH = 24
"""Characters of the text's beginning and end by which it is recognised; what a composer shows may be cut."""


class Standing(Protocol):
    """What is looked for on a lane's screen."""

    def stands_in_composer(self, lane: Lane) -> bool:
        """It is in the composer."""

    def stands_alone(self, lane: Lane) -> bool:
        """Nothing that somebody typed is seen beside it there."""

    def composer_is_empty(self, lane: Lane) -> bool:
        """The composer is there and holds nothing."""

    def mentions(self, lane: Lane) -> int:
        """How often its beginning stands on the screen outside the composer."""


class Trace:
    """A text that is known. Blanks, line ends and, for agents, punctuation do not count: programs wrap and decorate."""

    def __init__(self, text: str, spec: HarnessSpec) -> None:
        self._spec = spec
        self._shell = spec.kind is HarnessKind.SHELL
        self._letters_only = not self._shell and any(char.isalnum() for char in text)
        whole = self._squeezed(text)
        first_line = next((line for line in map(self._squeezed, text.split("\n")) if line), whole)
        self._whole = whole
        self._exactly = _without_blanks(text)
        self._in_composer = (whole[:KEY_LENGTH], whole[-KEY_LENGTH:])
        self._in_conversation = (first_line[:KEY_LENGTH], whole[-KEY_LENGTH:])

    @property
    def digest(self) -> str:
        """Of what a composer shows that shows all of the text, and nothing else."""
        return sha256_text(self._exactly)

    def stands_in_composer(self, lane: Lane) -> bool:
        """The text, or the mark of a large paste, is in the composer; of a shell, it ends what is on the screen."""
        if _reads_empty(lane):
            return False
        composer = _composer(lane, self._spec)
        shown = self._squeezed(composer.text) if composer else ""
        if self._shell:
            drawn = self._squeezed("".join(lane.screen))
            return self._in_composer[1] in shown or drawn.endswith(self._in_composer[1])
        if composer is None or self._spec.composer is None:
            return False
        marked = any(mark.search(composer.text) for mark in self._spec.composer.paste_marks)
        return marked or any(key in shown for key in self._in_composer)

    def stands_alone(self, lane: Lane) -> bool:
        """Of a composer that shows a part of the text, this knows what stands behind its end and beside a mark."""
        composer = _composer(lane, self._spec)
        if self._shell or composer is None or self._spec.composer is None:
            return True
        rest, marks = composer.text, 0
        for mark in self._spec.composer.paste_marks:
            rest, found = mark.subn("", rest)
            marks += found
        if marks and self._squeezed(composer.text) != self._whole:
            beside = _without_blanks(rest)
            return not beside or (len(beside) >= KEY_LENGTH and beside in self._exactly)
        pairs = ((self._squeezed(composer.text), self._whole), (_without_blanks(composer.text), self._exactly))
        return not any(_is_beside(shown, whole) for shown, whole in pairs)

    def is_exactly(self, lane: Lane) -> bool:
        """The composer shows all of the text, character for character but for blanks, and nothing else."""
        return composer_digest(lane, self._spec) == self.digest

    def composer_is_empty(self, lane: Lane) -> bool:
        """The composer is there and holds nothing; of a shell, whose prompt may be unknown, the text is not there."""
        return _reads_empty(lane) or (self._shell and not self.stands_in_composer(lane))

    def mentions(self, lane: Lane) -> int:
        """How often the text's beginning and its end stand on the screen outside the composer.

        Of a long text only the end is left there.
        """
        rows: Sequence[str] = lane.screen
        composer = None if self._shell else _composer(lane, self._spec)
        if composer is not None:
            rows = (*rows[: composer.first], *rows[composer.end :])
        shown = self._squeezed("".join(rows))
        return sum(shown.count(key) for key in self._in_conversation)

    def was_put_back(self, lane: Lane, before: Lane) -> bool:
        """The composer, empty before, holds the newest prompt of the conversation, as the program itself puts it there.

        Of a text that waited for the end of the turn, which a person wrote, this is not said.
        """
        rule = self._spec.composer
        if rule is None or rule.puts_back is None or lane.state.detail is not Detail.DRAFT or not _reads_empty(before):
            return False
        composer = _composer(lane, self._spec)
        begins = [index for index, row in enumerate(before.screen) if rule.puts_back.search(row)]
        stands = _letters(composer.text) if composer else ""
        return bool(stands and begins) and _letters("".join(before.screen[begins[-1] :])).startswith(stands)

    def _squeezed(self, text: str) -> str:
        if self._letters_only:
            return _letters(text)
        return _without_blanks(text)


class DigestTrace:
    """A text of which only the digest of its picture in the composer is known."""

    def __init__(self, digest: str, spec: HarnessSpec) -> None:
        self._digest = digest
        self._spec = spec

    def stands_in_composer(self, lane: Lane) -> bool:
        return bool(self._digest) and composer_digest(lane, self._spec) == self._digest

    def stands_alone(self, lane: Lane) -> bool:
        return self.stands_in_composer(lane)

    def composer_is_empty(self, lane: Lane) -> bool:
        return _reads_empty(lane)

    def mentions(self, lane: Lane) -> int:  # noqa: ARG002 - nothing is known of its words
        return 0


def composer_digest(lane: Lane, spec: HarnessSpec) -> str:
    """Digest of what the composer shows, blanks aside; empty for an empty composer and where none is seen.

    Only characters that are drawn bright count, so neither a placeholder nor a suggestion is part of it.
    """
    composer = None if _reads_empty(lane) else _composer(lane, spec)
    shown = _without_blanks(composer.text) if composer else ""
    return sha256_text(shown) if shown else ""


def composer_shows(lane: Lane, spec: HarnessSpec) -> str:
    """What stands in the composer; empty also where none is seen."""
    composer = None if _reads_empty(lane) else _composer(lane, spec)
    return composer.text if composer else ""


def _composer(lane: Lane, spec: HarnessSpec) -> Composer | None:
    screen = Screen(lane.screen, lane.bright or lane.screen)
    return find_composer(without_completions(screen, spec), spec)


def _without_blanks(text: str) -> str:
    return re.sub(r"[\s\u00a0\u200b]+", "", text)


def _is_beside(shown: str, whole: str) -> bool:
    """Something stands before or behind the whole, or behind the end of it."""
    if whole in shown:
        return shown != whole
    end = whole[-KEY_LENGTH:]
    return whole.count(end) == 1 and end in shown and not shown.endswith(end)


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _reads_empty(lane: Lane) -> bool:
    return any(signal.rule == COMPOSER_RULE and signal.detail is Detail.READY for signal in lane.state.evidence)
