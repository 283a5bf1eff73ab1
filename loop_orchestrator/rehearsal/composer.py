"""The composer: where a prompt is typed or pasted, drawn row by row under one rule."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import BufferControl, Dimension, Window
from prompt_toolkit.layout.processors import (
    AfterInput,
    ConditionalProcessor,
    Processor,
    Transformation,
    TransformationInput,
)

PLACEHOLDER = "Type a prompt"
"""Stands dim in an empty composer."""

MAX_ROWS = 8
"""Rows of a draft that are shown: the ones around the cursor."""

LARGE_LINES = 10
"""A paste of more lines is shown as one mark."""

LARGE_CHARACTERS = 1000
"""A paste of more characters is shown as one mark."""

_FIRST_STAND_IN = 0x100000
"""From here on (a private use plane of Unicode) one character of the buffer stands for one large paste."""


class Composer:
    """A draft and the window that shows it."""

    def __init__(self, *, enter_refused_s: float, monotonic: Callable[[], float]) -> None:
        self.buffer = Buffer(multiline=True)
        self._enter_refused_s = enter_refused_s
        self._monotonic = monotonic
        self._pasted_at = float("-inf")
        self._held: dict[str, tuple[str, str]] = {}
        self._pastes = 0
        empty = Condition(lambda: not self.buffer.text)
        self.window = Window(
            BufferControl(
                self.buffer,
                input_processors=[
                    _ShowHeld(self._held),
                    ConditionalProcessor(AfterInput(PLACEHOLDER, style="class:placeholder"), empty),
                ],
            ),
            wrap_lines=True,
            height=Dimension(min=1, max=MAX_ROWS),
            dont_extend_height=True,
            get_line_prefix=self._prefix,
        )

    def paste(self, data: str) -> None:
        """Insert a bracketed paste; a large one is held whole and shown as a mark."""
        text = data.replace("\r\n", "\n").replace("\r", "\n")
        self._pasted_at = self._monotonic()
        lines = len(text.removesuffix("\n").split("\n"))
        if lines > LARGE_LINES or len(text) > LARGE_CHARACTERS or any(ord(c) >= _FIRST_STAND_IN for c in text):
            self._pastes += 1
            stand_in = chr(_FIRST_STAND_IN + self._pastes)
            self._held[stand_in] = (f"[pasted text #{self._pastes} +{lines} lines]", text)
            text = stand_in
        self.buffer.insert_text(text)

    def new_line(self) -> None:
        """Start a new line of the draft."""
        self.buffer.insert_text("\n")

    def enter(self) -> str:
        """Take the whole draft out of the composer and return it; empty where there is nothing to submit.

        Shortly after a paste Enter becomes a new line, if the script says so.
        """
        if self._monotonic() - self._pasted_at < self._enter_refused_s:
            self.new_line()
            return ""
        text = "".join(self._held[c][1] if c in self._held else c for c in self.buffer.text)
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # bytes that were no UTF-8
        self.clear()
        return text if text.strip() else ""

    def clear(self) -> None:
        """Empty the composer."""
        self.buffer.reset()
        self._held.clear()

    def _prefix(self, line: int, wrapped: int) -> StyleAndTextTuples:
        """``❯ `` before the first row shown, which need not be the draft's first; two blanks before the rest."""
        first = line == self.window.vertical_scroll and wrapped == self.window.vertical_scroll_2
        return [("class:composer", "❯ " if first else "  ")]


class _ShowHeld(Processor):
    """Shows the mark of a held paste in place of the character that stands for it."""

    def __init__(self, held: dict[str, tuple[str, str]]) -> None:
        self._held = held

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        shown: StyleAndTextTuples = []
        starts = [0]
        for fragment in transformation_input.fragments:
            for character in fragment[1]:
                label = self._held[character][0] if character in self._held else character
                shown.append((fragment[0], label))
                starts.append(starts[-1] + len(label))

        def to_display(source: int) -> int:
            return starts[source] if source < len(starts) else starts[-1] + source - len(starts) + 1

        def to_source(display: int) -> int:
            inside = [number for number, start in enumerate(starts) if start <= display]
            return inside[-1]

        return Transformation(shown, source_to_display=to_display, display_to_source=to_source)
