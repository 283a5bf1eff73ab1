"""``python -m benchmarks.deck [--rounds N] [--lanes N]``: what the deck costs, beside a bare Textual application.

Everything runs without a terminal. Most of it is on pictures of a session that never was: 6, 50 and 200 lanes with
10,000 events and 50 decisions. First frame: a fresh process, until its screen is painted, importing included. Idle and
one change a second: CPU of the process, in ms for each second. A change: from a picture that is shown to the painted
screen. Then the same of a real session (--lanes, 0 for none): shell lanes in tmux, without an engine, watched by the
deck as a person would have it; CPU with everything that the deck does, processes that it started, and how soon a
command that is typed into a lane is on the screen as another state of that lane, that of the tmux that types included.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from benchmarks.scene import Scene, scene, shell_lanes
from docs.deckpictures import Still
from docs.deckscene import NOON, event, picture
from loop_orchestrator.cli.deck import _Desk
from loop_orchestrator.deck.app import Deck
from loop_orchestrator.deck.picture import Picture
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.wiring import Project

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


class Timed(Deck):
    """Tells of each picture once it is painted."""

    def __init__(self, project: Project) -> None:
        options, environ = project.options, project.environ
        super().__init__(lambda: _Desk(Project(options, environ)))
        self.painted = asyncio.Condition()
        self.details: dict[str, str] = {}
        """lane -> its state, as it stands on the screen"""

    def show(self, picture: Picture) -> None:
        super().show(picture)
        lanes = () if isinstance(picture.status.lanes, Unknown) else picture.status.lanes
        self.call_after_refresh(self._painted, {lane.name: lane.state.detail.value for lane in lanes})

    async def _painted(self, details: dict[str, str]) -> None:
        async with self.painted:
            self.details = details
            self.painted.notify_all()

    async def until(self, met: Callable[[], bool]) -> None:
        async with self.painted:
            await asyncio.wait_for(self.painted.wait_for(met), 30)


async def of_a_session(made: Scene, seconds: float, trials: int) -> None:
    app, panes, chance, starts = Timed(made.project), made.panes, random.Random(1), Starts()
    async with app.run_test(size=SIZE):
        await app.until(lambda: len(app.details) == len(panes))
        await asyncio.sleep(8)  # what only time settles about a lane is over

        async def cost(what: str) -> None:
            started, cpu = starts.count, time.process_time()
            await asyncio.sleep(seconds)
            spent, count = (time.process_time() - cpu) * 1e3 / seconds, starts.count - started
            print(f"{what:<60}{spent:>8.2f} ms/s, {count} processes started")

        await cost(f"{len(panes)} lanes at rest, {seconds:g} s")
        with _typing(made, panes[-1]):
            await asyncio.sleep(3)
            await cost(f"{len(panes)} lanes, one of them printing a line each second")
        took, lanes = [], min(20, len(panes) - 1)
        for number in range(trials):
            lane = number % lanes
            await asyncio.sleep(chance.uniform(0.5, 1.5))
            wanted, keys = ("tool", ["sleep 100", "Enter"]) if number // lanes % 2 == 0 else ("ready", ["C-c"])
            began = time.perf_counter()
            await asyncio.to_thread(_press, made, panes[lane], *keys)
            await app.until(lambda name=f"lane{lane}", now=wanted: app.details.get(name) == now)  # type: ignore[misc]
            took.append((time.perf_counter() - began) * 1e3)
    ranked = sorted(took)
    print(
        f"{'key pressed in a lane -> its state painted':<60}{statistics.median(ranked):>8.0f} ms, p95 "
        f"{ranked[round(0.95 * (len(ranked) - 1))]:.0f}, most {ranked[-1]:.0f} of {trials}"
    )


def _press(made: Scene, pane: str, *keys: str) -> None:
    subprocess.run(["tmux", "-S", made.socket, "send-keys", "-t", pane, *keys], check=True)


@contextmanager
def _typing(made: Scene, pane: str) -> Iterator[None]:
    """A lane that prints a line each second, by itself."""
    _press(made, pane, "while sleep 1; do date; done", "Enter")
    try:
        yield
    finally:
        _press(made, pane, "C-c")


class Starts:
    """Counts the processes that this one starts, as Python's audit events tell it."""

    def __init__(self) -> None:
        self.count = 0
        sys.addaudithook(self._heard)

    def _heard(self, event: str, _: object) -> None:
        if event in ("subprocess.Popen", "os.fork", "os.posix_spawn"):
            self.count += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--lanes", type=int, default=200, metavar="N", help="of the real session; 0: none")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="of each measurement of its CPU")
    parser.add_argument("--only-session", action="store_true", help="leave out what needs no tmux")
    args = parser.parse_args()
    if not args.only_session:
        of_pictures(args.rounds)
    if args.lanes:
        with scene(shell_lanes(args.lanes)) as made:
            asyncio.run(of_a_session(made, args.seconds, trials=30))


def of_pictures(rounds: int) -> None:
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
