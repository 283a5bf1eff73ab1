"""The parser of control mode: any cut of the stream gives the same, and nothing a pane prints ends a reply."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.substrate.framing import Exchange, Framer, Lines, OutOfStep, RepliedError

LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12), max_size=6)


def body_of(lines: Lines) -> Generator[Lines, bytes, bytes]:
    return (yield lines)


def reply(number: int, body: Sequence[bytes], *, error: bool = False, flags: int = 1) -> bytes:
    guard = b"%d %d %d\n" % (1_700_000_000, number, flags)
    return b"%begin " + guard + b"".join(line + b"\n" for line in body) + (b"%error " if error else b"%end ") + guard


def fed(data: bytes, cuts: Sequence[int], exchanges: Sequence[Exchange[bytes]]) -> list[bytes]:
    framer = Framer()
    for exchange in exchanges:
        framer.expect(exchange)
    said = []
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        said += framer.feed(data[start:end])
    assert not framer.awaiting
    return said


@given(
    bodies=st.lists(LINES.filter(bool), min_size=1, max_size=4),
    forged=st.integers(0, 5),
    cuts=st.lists(st.integers(0, 10_000), max_size=8),
    said=st.lists(st.sampled_from([b"%window-add @1", b"%extended-output %1 0 : %end 1 2 1"]), max_size=2),
)
def test_a_body_of_counted_lines_is_taken_whole_whatever_the_lines_say(
    bodies: list[list[str]], forged: int, cuts: list[int], said: list[bytes]
) -> None:
    """A pane that guesses time and number of its own reply, and of the next ones, gets nowhere."""
    guards = [f"%end 1700000000 {number} 1".encode() for number in range(len(bodies) + 1)]
    guards += [b"%error 1700000000 0 1", b"%begin 1700000000 1 1"]
    shown = [[line.encode() for line in body] for body in bodies]
    for number, body in enumerate(shown):
        body.insert(forged % (len(body) + 1), guards[(number + forged) % len(guards)])
    asked = [Exchange("capture", body_of(len(body))) for body in shown]
    data = b"".join(reply(number, body) for number, body in enumerate(shown))
    data = b"".join(line + b"\n" for line in said) + data
    assert fed(data, cuts, asked) == said
    assert [exchange.result() for exchange in asked] == [b"\n".join(body) for body in shown]


@given(cuts=st.lists(st.integers(0, 400), max_size=30))
def test_characters_are_not_torn_by_the_border_of_a_read(cuts: list[int]) -> None:
    body = ["⠙ é 日本 " * 3, "❯ 🙂"]
    asked = Exchange("capture", body_of(2))
    fed(reply(1, [line.encode() for line in body]), cuts, [asked])
    assert asked.result().decode() == "\n".join(body)


@pytest.mark.parametrize("height", [1, 2])
def test_a_reply_longer_or_shorter_than_it_must_be_is_out_of_step(height: int) -> None:
    for lines in (height - 1, height + 1):
        framer = Framer()
        framer.expect(Exchange("capture", body_of(lines)))
        framer.expect(Exchange("capture", body_of(height)))
        with pytest.raises(OutOfStep):
            framer.feed(reply(1, [b"row"] * height) + reply(2, [b"row"] * height) + reply(3, []))


@pytest.mark.parametrize("data", [b"text\n", b"%end 1 2 1\n", b"%begin 1 2 1\n"])
def test_what_nobody_asked_for_is_out_of_step(data: bytes) -> None:
    with pytest.raises(OutOfStep):
        Framer().feed(data)


def test_replies_to_others_are_passed_over() -> None:
    asked = Exchange("x", body_of(None))
    said = fed(reply(1, [b"of a hook"], flags=0) + b"%sessions-changed\n" + reply(2, [b"mine"]), [], [asked])
    assert said == [b"%sessions-changed"]
    assert asked.result() == b"mine"


def test_after_an_error_the_rest_of_the_line_is_not_waited_for() -> None:
    def two() -> Generator[Lines, bytes, bytes]:
        first = yield None
        second = yield None
        return first + second

    failing, fine = Exchange("a ; b", two()), Exchange("c", body_of(None))
    fed(reply(1, [b"can't find pane"], error=True) + reply(2, [b"mine"]), [], [failing, fine])
    with pytest.raises(RepliedError, match="can't find pane"):
        failing.result()
    assert fine.result() == b"mine"


def test_an_empty_line_is_never_sent() -> None:
    with pytest.raises(ValueError, match="detach"):
        Exchange(" ", body_of(None))
