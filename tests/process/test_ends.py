"""Ends of processes, told as they happen."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from loop_orchestrator.process import ends
from loop_orchestrator.process.ends import Ends


@contextmanager
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "1000"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("way", ["descriptor", "poll"])
def test_an_end_is_told_once_and_only_of_what_is_followed(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "poll":
        monkeypatch.delattr(os, "pidfd_open")
        monkeypatch.setattr(ends, "POLL_S", 0.01)

    async def follow() -> list[int]:
        told: list[int] = []
        ended = asyncio.Event()

        def on_end(pid: int) -> None:
            told.append(pid)
            ended.set()

        watch = Ends(on_end)
        with sleeper() as first, sleeper() as second, sleeper() as third:
            watch.follow([first.pid, second.pid, third.pid])
            watch.follow([second.pid, third.pid])
            first.kill()
            second.kill()
            await asyncio.wait_for(ended.wait(), 10)
            assert told == [second.pid]
            second.wait()
            watch.follow([second.pid, third.pid])
            assert told == [second.pid], "a record may go on naming it"
        watch.close()
        return told

    assert len(asyncio.run(follow())) == 1


def test_one_that_has_ended_before_is_told_at_once() -> None:
    async def follow() -> None:
        told: list[int] = []
        with sleeper() as gone:
            pass
        watch = Ends(told.append)
        watch.follow([gone.pid])
        watch.follow([gone.pid])
        watch.close()
        assert told == [gone.pid]

    asyncio.run(follow())
