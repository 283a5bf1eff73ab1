"""What programs say to their terminals beside what they draw."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.model.terminal import TerminalSignalKind as Kind
from loop_orchestrator.substrate.stream import PaneStream, unescaped
from tests.support.builders import NOW


def escaped(data: bytes) -> bytes:
    """As tmux writes it to a control client."""
    return b"".join(b"\\%03o" % byte if byte < 0x20 or byte == 0x5C else bytes((byte,)) for byte in data)


def heard(*pieces: bytes) -> list[tuple[Kind, str]]:
    stream = PaneStream("%1")
    return [(one.kind, one.text) for piece in pieces for one in stream.signals(escaped(piece), NOW)]


@given(st.binary())
def test_the_escaped_form_is_undone(data: bytes) -> None:
    assert unescaped(escaped(data)) == data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x1b]7501;state=working:app=codex\x1b\\", (Kind.STATUS, "state=working:app=codex")),
        (b"\x1b]9;Approval requested: ls\x07", (Kind.NOTIFICATION, "Approval requested: ls")),
        (b"\x1b]777;notify;Title;text\x07", (Kind.NOTIFICATION, "Title;text")),
        (b"\x1b]0;\xe2\xa0\x99 web\x07", (Kind.TITLE, "⠙ web")),
        (b"\x1b]2;two\x1b\\", (Kind.TITLE, "two")),
        (b"\x07", (Kind.BELL, "")),
        (b"\x1b[?2004h", (Kind.PASTE, "on")),
        (b"\x1b[?1004;2004l", (Kind.PASTE, "off")),
        (b"\x1bPtmux;\x1b\x1b]9;passed on\x07\x1b\\", (Kind.NOTIFICATION, "passed on")),
        (b"\x1b]0;a\x01b\x07", (Kind.TITLE, "ab")),
    ],
)
def test_each_kind_is_found_between_what_is_drawn_and_in_any_two_pieces(data: bytes, said: tuple[Kind, str]) -> None:
    around = b"\x1b[2mtext\x1b[0m" + data + b"\x1b[31mmore\x1b[1;1H"
    for cut in range(len(around)):
        assert heard(around[:cut], around[cut:]) == [said], cut


@pytest.mark.parametrize(
    "data",
    [
        b"plain \\ text",
        b"\x1b]7501;?\x1b\\",  # a question to the terminal
        b"\x1b]9;4;1;50\x07",  # progress
        b"\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\",
        b"\x1b[2004m",
        b"\\033]0;no\\007",  # printed as text
    ],
)
def test_other_sequences_say_nothing(data: bytes) -> None:
    assert heard(data) == []


def test_a_sequence_without_an_end_is_given_up() -> None:
    assert heard(b"\x1b]0;", *[b"x" * 1000] * 20, b"\x1b]2;fine\x07") == [(Kind.TITLE, "fine")]


def test_after_a_gap_a_begun_sequence_is_forgotten() -> None:
    stream = PaneStream("%1")
    stream.signals(escaped(b"\x1b]0;half"), NOW)
    stream.lose()
    assert stream.signals(escaped(b" of it\x1b]2;whole\x07"), NOW)[0].text == "whole"
