"""Recognises one text on a lane's screen: in the composer before it is submitted, in the conversation after."""

from __future__ import annotations

import re
from collections.abc import Sequence

from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import Detail, Lane
from loop_orchestrator.model.terminal import Screen
from loop_orchestrator.substrate.composer import find_composer
from loop_orchestrator.substrate.screenrules import COMPOSER_RULE

KEY_LENGTH = 24
"""Characters of the text's beginning and end by which it is recognised; what a composer shows may be cut."""


class Trace:
    """What to look for. Blanks, line ends and, for agents, punctuation do not count: programs wrap and decorate."""

    def __init__(self, text: str, spec: HarnessSpec) -> None:
        self._spec = spec
        self._shell = spec.kind is HarnessKind.SHELL
        self._letters_only = not self._shell and any(char.isalnum() for char in text)
        whole = self._squeezed(text)
        first_line = next((line for line in map(self._squeezed, text.split("\n")) if line), whole)
        self._whole = whole
        self._in_composer = (whole[:KEY_LENGTH], whole[-KEY_LENGTH:])
        self._in_conversation = first_line[:KEY_LENGTH]

    def stands_in_composer(self, lane: Lane) -> bool:
        """The text, or the mark of a large paste, is in the composer; of a shell, it ends what is on the screen."""
        if _reads_empty(lane):
            return False
        composer = find_composer(Screen(lane.screen, lane.screen), self._spec)
        shown = self._squeezed(composer.text) if composer else ""
        if self._shell:
            drawn = self._squeezed("".join(lane.screen))
            return self._in_composer[1] in shown or drawn.endswith(self._in_composer[1])
        if composer is None or self._spec.composer is None:
            return False
        marked = any(mark.search(composer.text) for mark in self._spec.composer.paste_marks)
        return marked or any(key in shown for key in self._in_composer)

    def stands_alone(self, lane: Lane) -> bool:
        """Where the composer shows all of it, nothing else stands there. Of a text that it cuts, this says nothing."""
        composer = find_composer(Screen(lane.screen, lane.screen), self._spec)
        shown = self._squeezed(composer.text) if composer and not self._shell else ""
        return shown == self._whole or self._whole not in shown

    def composer_is_empty(self, lane: Lane) -> bool:
        """The composer is there and holds nothing; of a shell, whose prompt may be unknown, the text is not there."""
        return _reads_empty(lane) or (self._shell and not self.stands_in_composer(lane))

    def mentions(self, lane: Lane) -> int:
        """How often the text's beginning stands on the screen outside the composer."""
        rows: Sequence[str] = lane.screen
        composer = None if self._shell else find_composer(Screen(lane.screen, lane.screen), self._spec)
        if composer is not None:
            rows = (*rows[: composer.first], *rows[composer.end :])
        return self._squeezed("".join(rows)).count(self._in_conversation)

    def _squeezed(self, text: str) -> str:
        if self._letters_only:
            return "".join(char for char in text if char.isalnum())
        return re.sub(r"\s+", "", text)


def _reads_empty(lane: Lane) -> bool:
    return any(signal.rule == COMPOSER_RULE and signal.detail is Detail.READY for signal in lane.state.evidence)
