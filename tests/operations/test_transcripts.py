"""What brains say is found by cycle and followed as it comes, to the end of the cycle or of its engine."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.operations.transcripts import Said, follow, meant_cycle, state_of, text_of
from loop_orchestrator.world import World
from tests.support.waiting import eventually

CYCLE = "c-20261121T010000000-aaaaaa"
LATER = "c-20261121T020000000-bbbbbb"


ENDED: dict[str, JsonValue] = {"cycle": CYCLE, "outcome": "brain-failed", "decision": "", "duration_s": 1.0}


class _Enough(Exception):
    pass


class Following:
    """A follower in a thread of its own."""

    def __init__(self, world: World, cycle: str) -> None:
        self.said: list[Said] = []
        self.enough = False
        self._thread = threading.Thread(target=self._follow, args=(world, cycle))
        self._late = threading.Timer(60, os._exit, (1,))
        self._late.start()
        self._thread.start()

    def _follow(self, world: World, cycle: str) -> None:
        def tell(said: Said) -> None:
            self.said.append(said)
            if self.enough:
                raise _Enough

        with suppress(_Enough):
            follow(world.transcripts, world.layout, world.decisions, world.events, tell, cycle=cycle)

    @property
    def text(self) -> str:
        return "".join(said.text for said in self.said)

    def end(self) -> None:
        self._thread.join()
        self._late.cancel()


@contextmanager
def running_cycle(world: World) -> Iterator[None]:
    with world.decisions.cycle_lock():
        yield


def test_a_cycle_is_followed_as_it_comes_until_it_ends(world: World) -> None:
    with running_cycle(world):
        call = world.transcripts.begin(CYCLE, "first", "asked")
        following = Following(world, CYCLE)
        eventually(lambda: following.said and following.said[0].begins, what="the call is told of")
        with call.stream.open("wb", buffering=0) as stream:
            stream.write("grö".encode()[:-1])
            eventually(lambda: following.text == "gr", what="half a letter is not told")
            stream.write("grö".encode()[-1:])
            eventually(lambda: following.text == "grö", what="the rest of the letter")
        world.transcripts.end(call, "grö")
        again = world.transcripts.begin(CYCLE, "corrected", "asked again")
        world.transcripts.fail(again, "timeout: it took too long")
        eventually(lambda: following.said[-1].failed, what="the failure is told")
        world.events.append("cycle.ended", "engine", ENDED, trace=CYCLE)
    following.end()
    assert [said.call.call for said in following.said if said.begins] == ["first", "corrected"]
    assert [said.failed for said in following.said if said.failed] == ["timeout: it took too long"]


def test_a_cycle_whose_engine_is_gone_is_told_and_that_is_all(world: World) -> None:
    call = world.transcripts.begin(CYCLE, "first", "asked")
    call.stream.write_text("half")
    following = Following(world, CYCLE)
    following.end()
    assert following.text == "half"
    assert state_of(call) == "open"


def test_without_a_cycle_the_last_and_all_later_ones_are_followed(world: World) -> None:
    for cycle in ("c-20261120T010000000-000000", CYCLE):
        world.transcripts.end(world.transcripts.begin(cycle, "first", "asked"), f"reply of {cycle}\n")
    following = Following(world, "")
    eventually(lambda: following.said, what="the last cycle is told")
    assert following.text == f"reply of {CYCLE}\n"
    following.enough = True
    world.transcripts.end(world.transcripts.begin(LATER, "first", "asked"), "news")
    following.end()
    assert following.said[-1].call.cycle == LATER


def test_a_replay_is_followed_until_its_call_is_over(world: World) -> None:
    call = world.transcripts.begin("r-20261121T010000000-cccccc", "replay", "asked")
    following = Following(world, "r-20261121T010000000-cccccc")
    eventually(lambda: following.said, what="the call is told of")
    call.stream.write_text("all of it")
    world.transcripts.end(call, "all of it")
    following.end()
    assert following.text == "all of it"


def test_what_was_said_is_the_stream_where_there_is_more_to_read_than_the_reply(world: World) -> None:
    call = world.transcripts.begin(CYCLE, "first", "asked")
    assert text_of(call) == ""
    call.stream.write_text("thought\nreply")
    assert text_of(call) == "thought\nreply"
    world.transcripts.end(call, "reply")
    assert text_of(call) == "reply"
    call.raw.write_text("{}")
    assert text_of(call) == "thought\nreply"


def test_a_cycle_is_meant_by_the_beginning_of_its_id(world: World) -> None:
    with pytest.raises(UsageError, match="no brain was called yet"):
        meant_cycle(world.transcripts, world.decisions, "")
    for cycle in (CYCLE, LATER):
        world.transcripts.begin(cycle, "first", "asked")
    assert meant_cycle(world.transcripts, world.decisions, "") == LATER
    assert meant_cycle(world.transcripts, world.decisions, "c-20261121T01") == CYCLE
    with pytest.raises(UsageError, match="beginning of several cycles"):
        meant_cycle(world.transcripts, world.decisions, "c-2026")
    with pytest.raises(UsageError, match="no cycle whose transcript is kept"):
        meant_cycle(world.transcripts, world.decisions, "x")
