"""Reads what ``capture-pane -e`` prints into rows of text, knowing which characters were dim."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from loop_orchestrator.model.terminal import Screen

_TOKEN = re.compile(
    r"\x1b\[(?P<params>[0-9;:]*)(?P<final>[A-Za-z])"  # a CSI sequence; only SGR (m) says something
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # an OSC sequence, such as a hyperlink
    r"|\x1b[()*+][0-9A-Za-z]|\x1b.?"  # any other escape
    r"|(?P<control>[\x00-\x1a\x1c-\x1f])"
    r"|(?P<text>[^\x00-\x1f]+)",
    re.DOTALL,
)
_COLOURS_ONLY = re.compile(
    r"\x1b\[(?:(?:[1345689]|2[1345689]|[34][0-79]|9[0-7]|10[0-7]|\d+(?::\d*)+|[345]8;5;\d+|[345]8;2;\d+;\d+;\d+)"
    r"(?:;(?=\d)|(?=m)))+m"
)
"""Attributes that say nothing here: most of what a screen in colours is made of."""
_CURSOR_ON_GHOST = re.compile(
    r"\x1b\[[47]m\x1b\[39m(?:\x1b\[49m)?(?P<under>[^\x1b\s])(?:\x1b\[(?:0|24|27)m)?"
    r"\x1b\[(?P<colour>38;(?:5;\d+|2;\d+;\d+;\d+))m(?:\x1b\[49m)?(?P<rest>[^\x1b]+)"
)
"""A character without colour that a drawn cursor stands on, and the text behind it in a colour: of a coloured word that
somebody typed, the character under the cursor has the word's colour too."""
_MARKED = re.compile(r"[\x00-\x1f]")
_SHIFT_OUT, _SHIFT_IN = "\x0e", "\x0f"
_LINE_DRAWING = str.maketrans("jklmnqtuvwx", "┘┐┌└┼─├┤┴┬│")
"""The characters of the alternate character set that borders are made of."""
_COLOURS = frozenset({"38", "48", "58"})
_COLOUR_ARGUMENTS = {"2": 3, "5": 1}


class _Run(NamedTuple):
    """Characters of one row with the same attributes."""

    text: str
    dim: bool
    inverse: bool


_TAKING_APART = threading.Lock()


class UnreadScreen(Screen):
    """A screen that is taken apart when it is first looked at: of a large fleet few are. Several threads may look."""

    def __init__(self, text: Callable[[], str]) -> None:
        """text: gives what ``capture-pane -e`` printed."""
        self.__dict__["_text"] = text

    @property
    def rows(self) -> tuple[str, ...]:
        return self._read.rows

    @property
    def bright(self) -> tuple[str, ...]:
        return self._read.bright

    @property
    def _read(self) -> Screen:
        read: Screen | None = self.__dict__.get("_taken_apart")
        if read is None:
            with _TAKING_APART:
                text: Callable[[], str] | None = self.__dict__.pop("_text", None)
                read = self.__dict__["_taken_apart"] if text is None else parse_ansi(text())
                self.__dict__["_taken_apart"] = read
        return read


def parse_ansi(text: str) -> Screen:
    """The screen that this text draws, one row a line; text without escape codes is taken as all bright.

    A single inverse character followed by a dim one is the cursor standing on a placeholder, and counts as dim. So do
    a character without colour under a drawn cursor and what follows it in the colour of hints further down, which no
    text that somebody typed has: that is what the program suggests to type.
    """
    rows: list[str] = []
    bright: list[str] = []
    dimmed = _CURSOR_ON_GHOST.sub(_ghost_dimmed, text.removesuffix("\n"))
    for runs in _rows_of_runs(_COLOURS_ONLY.sub("", dimmed)):
        if len(runs) == 1 and not runs[0].dim:
            row = _cut(runs[0].text)
            rows.append(row)
            bright.append(row)
        else:
            rows.append(_cut("".join([run.text for run in runs])))
            bright.append(_cut("".join([_bright(runs, index) for index in range(len(runs))])))
    return Screen(tuple(rows), tuple(bright))


def _ghost_dimmed(found: re.Match[str]) -> str:
    """Drawn dim, if hints stand below it in the same colour."""
    hinted = f"\x1b[{found['colour']}m" in found.string[found.end() :]
    return f"\x1b[0;7m{found['under']}\x1b[0;2m{found['rest']}\x1b[0m" if hinted else found[0]


def _rows_of_runs(text: str) -> Iterator[list[_Run]]:
    """The runs of each row. Attributes hold on from row to row, as tmux writes them."""
    dim = inverse = line_drawing = False
    for line in text.split("\n"):
        if not _MARKED.search(line):
            drawn = line.translate(_LINE_DRAWING) if line_drawing else line
            yield [_Run(drawn, dim, inverse)]
            continue
        runs: list[_Run] = []
        for token in _TOKEN.finditer(line):
            match token.lastgroup:
                case "text":
                    drawn = token["text"].translate(_LINE_DRAWING) if line_drawing else token["text"]
                    runs.append(_Run(drawn, dim, inverse))
                case "control":
                    if token["control"] == "\t":
                        runs.append(_Run(" ", dim, inverse))
                    elif token["control"] in (_SHIFT_OUT, _SHIFT_IN):
                        line_drawing = token["control"] == _SHIFT_OUT
                case "final":
                    if token["final"] == "m":
                        dim, inverse = _after_sgr(token["params"], dim, inverse)
        yield runs


def _after_sgr(params: str, dim: bool, inverse: bool) -> tuple[bool, bool]:
    codes = iter(params.split(";"))
    for code in codes:
        if code in _COLOURS:
            for _ in range(_COLOUR_ARGUMENTS.get(next(codes, ""), 0)):
                next(codes, "")
        elif code in ("", "0"):
            dim = inverse = False
        elif code in ("2", "22"):
            dim = code == "2"
        elif code in ("7", "27"):
            inverse = code == "7"
    return dim, inverse


def _bright(runs: list[_Run], index: int) -> str:
    run = runs[index]
    cursor = run.inverse and len(run.text) == 1 and index + 1 < len(runs) and runs[index + 1].dim
    return " " * len(run.text) if run.dim or cursor else run.text


def _cut(row: str) -> str:
    """Trailing blanks cut; U+00A0 stays, it may tell a composer from a transcript."""
    return row.rstrip(" ")
