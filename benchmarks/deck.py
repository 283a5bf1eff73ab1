"""``python -m benchmarks.deck [--rounds N]``: what the deck costs, beside a Textual application with one line.

Everything runs without a terminal, on pictures of a session that never was: 6, 50 and 200 lanes with 10,000 events and
50 decisions. First frame: a fresh process, until its screen is painted, importing included. Idle and one change a
second: CPU of the process, in ms for each second. A change: from a picture that is shown to the painted screen.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import resource
import statistics
import subprocess
import sys
import time
from datetime import timedelta

from docs.deckpictures import Still
from docs.deckscene import NOON, event, picture
from loop_orchestrator.deck.picture import Picture

LANES = (6, 50, 200)
EVENTS, DECISIONS = 10_000, 50
SIZE = (160, 50)
SECONDS = 5

BARE = """
import asyncio
from textual.app import App
from textual.widgets import Static
class Bare(App[None]):
    def compose(self):
        yield Static("one line")
async def main():
    async with Bare().run_test(size=(160, 50)) as pilot:
        await pilot.pause()
asyncio.run(main())
"""

DECK = """
import asyncio
from docs.deckpictures import Still
from docs.deckscene import picture
async def main():
    async with Still(picture(lanes={lanes}, events={events}, decisions={decisions})).run_test(size=(160, 50)) as pilot:
        await pilot.pause()
        await pilot.pause()
asyncio.run(main())
"""


def first_frames(rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU ms of fresh processes, in turns."""
    programs = {"one Static": BARE, "python -c pass": "pass"}
    for lanes in LANES:
        programs[f"{lanes} lanes"] = DECK.format(lanes=lanes, events=EVENTS, decisions=DECISIONS)
        programs[f"{lanes} lanes, 0 events"] = DECK.format(lanes=lanes, events=0, decisions=DECISIONS)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(rounds + 1):
        for name, program in programs.items():
            began, cpu = time.perf_counter(), _children_s()
            subprocess.run([sys.executable, "-c", program], check=True)
            found[name].append(((time.perf_counter() - began) * 1e3, (_children_s() - cpu) * 1e3))
    return {name: taken[1:] for name, taken in found.items()}


def changed(picture: Picture) -> Picture:
    """The same with one lane longer in its state, and one event more."""
    number = picture.events[-1].seq + 1
    fresh = dataclasses.replace(event(number, of=number), at=NOON)
    since = {**picture.since, "web": picture.since["web"] - timedelta(minutes=5)}
    return dataclasses.replace(picture, events=(*picture.events[1:], fresh), since=since)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def at_work(lanes: int, rounds: int) -> dict[str, float]:
    """Idle, one change a second, and how long a change takes, of one deck."""
    now = picture(lanes=lanes, events=EVENTS, decisions=DECISIONS)
    app = Still(now)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.show(now)
        await pilot.pause()

        async def cpu_ms(changes: bool) -> float:
            nonlocal now
            began = time.process_time()
            for _ in range(SECONDS):
                await asyncio.sleep(1.0)
                if changes:
                    now = changed(now)
                    app.show(now)
            return (time.process_time() - began) * 1e3 / SECONDS

        idle = await cpu_ms(False)
        at_1hz = await cpu_ms(True)
        took = []
        for _ in range(rounds * 3):
            now = changed(now)
            began = time.perf_counter()
            app.show(now)
            await pilot.pause()
            took.append((time.perf_counter() - began) * 1e3)
        cpu = time.process_time()
        for _ in range(100):
            now = changed(now)
            app.show(now)
        each = (time.process_time() - cpu) * 1e3 / 100
    return {"idle": idle, "1 Hz": at_1hz, "change": statistics.median(took), "most": max(took), "show": each}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    rounds = parser.parse_args().rounds
    frames = first_frames(rounds)
    bare = statistics.median(cpu for _, cpu in frames["one Static"])
    print(f"{'first frame':<24}{'wall ms':>10}{'CPU ms':>10}{'CPU x':>8}")
    for name, taken in frames.items():
        wall, cpu = (statistics.median(one[place] for one in taken) for place in (0, 1))
        print(f"{name:<24}{wall:>10.0f}{cpu:>10.0f}{cpu / bare:>8.2f}")
    print(f"\n{'':<12}{'idle ms/s':>12}{'1 Hz ms/s':>12}{'change ms':>12}{'most ms':>10}{'show() CPU ms':>16}")
    for lanes in LANES:
        row = asyncio.run(at_work(lanes, rounds))
        print(
            f"{f'{lanes} lanes':<12}{row['idle']:>12.2f}{row['1 Hz']:>12.2f}{row['change']:>12.1f}{row['most']:>10.1f}"
            f"{row['show']:>16.2f}"
        )


if __name__ == "__main__":
    main()
