"""What the programs of panes say to their terminals, found in the raw stream that control mode pushes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from loop_orchestrator.model.terminal import TerminalSignal, TerminalSignalKind

MOST_BYTES = 8192
"""Of a sequence whose end has not come; a longer one is given up."""
MOST_TEXT = 1000

_OCTAL = re.compile(rb"\\([0-7]{3})")
_SAYS_SOMETHING = re.compile(rb"\\007|\\033[\]P]|\\033\[\?[0-9;]*2004|\\033(?:\[[?0-9;]*)?$")
"""In the escaped form: worth taking apart. Drawing alone is not."""
_SEQUENCE = re.compile(
    rb"\x1b\](?P<osc>[^\x07\x1b]*)(?P<osc_end>\x07|\x1b\\)?"
    rb"|\x1bP(?P<dcs>(?:[^\x1b]|\x1b[^\\])*)(?P<dcs_end>\x1b\\)?"
    rb"|\x1b\[(?P<csi>[0-?]*)(?P<csi_end>[ -/]*[@-~])?"
    rb"|(?P<bell>\x07)"
    rb"|(?P<open>\x1b)$",
    re.DOTALL,
)
_PASSED_ON = b"tmux;"
"""Begins a sequence that a program asks tmux to hand to the outer terminal, each ESC in it doubled."""


def unescaped(data: bytes) -> bytes:
    """The bytes that a pane printed, from the form that control mode gives them."""
    return _OCTAL.sub(lambda found: bytes((int(found[1], 8) & 0xFF,)), data) if b"\\" in data else data


class PaneStream:
    """The stream of one pane; a sequence may come in pieces."""

    def __init__(self, pane: str) -> None:
        self._pane = pane
        self._open = b""
        """a sequence that has begun and not ended"""

    def lose(self) -> None:
        """Something was left out of the stream here."""
        self._open = b""

    def signals(self, escaped: bytes, at: datetime) -> tuple[TerminalSignal, ...]:
        """What is said in the next piece, as control mode gives it."""
        if not self._open and not _SAYS_SOMETHING.search(escaped):
            return ()
        data = self._open + unescaped(escaped)
        self._open = b""
        return tuple(
            TerminalSignal(pane=self._pane, kind=kind, text=text, at=at)
            for kind, text in self._found(data, whole=False)
        )

    def _found(self, data: bytes, *, whole: bool) -> Iterator[tuple[TerminalSignalKind, str]]:
        """whole: nothing comes after this data."""
        for found in _SEQUENCE.finditer(data):
            ended = found["bell"] or found["osc_end"] or found["dcs_end"] or found["csi_end"]
            if not ended:
                # An OSC that an ESC cut short was given up by the program, unless the ESC may be half of its end.
                if not whole and found.end() >= len(data) - 1 and len(data) - found.start() <= MOST_BYTES:
                    self._open = data[found.start() :]
                    return
            elif found["bell"]:
                yield TerminalSignalKind.BELL, ""
            elif found["osc"] is not None:
                yield from _of_osc(found["osc"])
            elif found["dcs"] is not None:
                if found["dcs"].startswith(_PASSED_ON):
                    inner = found["dcs"].removeprefix(_PASSED_ON).replace(b"\x1b\x1b", b"\x1b")
                    yield from self._found(inner, whole=True)
            elif found["csi_end"] in (b"h", b"l") and b"2004" in found["csi"].removeprefix(b"?").split(b";"):
                yield TerminalSignalKind.PASTE, "on" if found["csi_end"] == b"h" else "off"


def _of_osc(body: bytes) -> Iterator[tuple[TerminalSignalKind, str]]:
    number, _, text = body.partition(b";")
    match number:
        case b"0" | b"2":
            yield TerminalSignalKind.TITLE, _text(text)
        case b"7501" if text != b"?":  # a question to the terminal
            yield TerminalSignalKind.STATUS, _text(text)
        case b"9" if not re.match(rb"\d+(;|$)", text):  # with a number it is progress or another command
            yield TerminalSignalKind.NOTIFICATION, _text(text)
        case b"777" if text.startswith(b"notify;"):
            yield TerminalSignalKind.NOTIFICATION, _text(text.removeprefix(b"notify;"))


def _text(data: bytes) -> str:
    return "".join(char for char in data.decode("utf-8", "replace")[:MOST_TEXT] if char.isprintable())
