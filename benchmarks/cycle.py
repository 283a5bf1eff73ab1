"""``python -m benchmarks.cycle [--rounds N] [--profile]``: what a cycle costs beside its brain, in a large project.

50 lanes, 1,000 messages that nobody acknowledged, 100 tasks; the brain is a stand-in that says stop at once. The same
cycles run with a short event log and with one of 100,000 events, in turns.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bare import SESSION, BareControl, run
from benchmarks.measure import Way, measure
from benchmarks.scene import Scene, scene, shell_lanes, write_mail, write_tasks
from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.hearing.heard import Heard
from loop_orchestrator.ids import sha256_text
from loop_orchestrator.model.brain import BrainReply, Usage
from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus
from loop_orchestrator.model.task import Assignment
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.model.snapshot import Snapshot
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.process.cancel import Cancel
    from loop_orchestrator.stores.transcripts import Transcript
    from loop_orchestrator.world import World

LANES, MESSAGES, TASKS = 50, 1_000, 100
HANDED = 200
"""Messages whose text was handed to their lane, and that nobody acknowledged yet."""
HISTORY = 100_000
GOAL_MS = 150.0
ROUNDS = 15

BRAIN = "use: command, command: [sh, -c, 'cat >/dev/null; cat ../stop']"
"""The stand-in of a process of its own: two programs that read the prompt and print the decision."""

STOP = """```decision
version: 1
critique: Nothing is left.
actions:
  - kind: stop
    rationale: Nothing is left.
```
"""
"""A decision that files, executes and archives, and reaches no lane."""


@dataclass(frozen=True)
class StandIn:
    """A brain that takes no time."""

    name: str = "command"
    most_prompt_bytes: int | None = None

    def ask(self, prompt: str, snapshot: Snapshot, *, transcript: Transcript, cancel: Cancel) -> BrainReply:  # noqa: ARG002
        usage = Usage(input_tokens=len(prompt) // 4, output_tokens=len(STOP) // 4, cost_usd=0.0)
        return BrainReply(text=STOP, brain=self.name, usage=usage, transcript=None, duration_s=0.0)


@contextmanager
def large_cycle() -> Iterator[tuple[Way, ...]]:
    """The ways of a cycle: in a process that holds the connection as the daemon does, and in a new one."""
    with scene({"coord": "shell", **shell_lanes(LANES - 1)}, brain=BRAIN) as made, ExitStack() as held:
        made.project.root.with_name("stop").write_text(STOP, encoding="utf-8")
        write_mail(made.project, MESSAGES)
        write_tasks(made.project, TASKS)
        _hand_over(made.project)
        time.sleep(0.1)  # what was written this moment may change within one stamp, and is read each time
        bare = held.enter_context(BareControl(made.socket, SESSION))
        yield (
            Way(name="tmux batch, and reading the files", run=lambda: _read_all(made)),
            Way(name="bare control mode, and a stat of the files", run=lambda: _stat_all(made, bare)),
            *_ways(made, held, "a short log", 0),
            *_ways(made, held, f"{HISTORY:,} events", HISTORY),
            Way(name="python -c pass", run=lambda: run([sys.executable, "-c", "pass"])),
            Way(
                name="loop engine once",
                run=lambda: made.loop("engine", "once"),
                against=("python -c pass", "tmux batch, and reading the files"),
            ),
        )


def _ways(made: Scene, held: ExitStack, history: str, events: int) -> Iterator[Way]:
    warm = _project(made, events)
    feed = warm.substrate.feed()
    feed.open()
    held.callback(feed.close)
    heard = Heard()
    heard.begin(datetime.now(UTC))
    warm.ears = heard
    yield Way(
        name=f"cycle in a daemon, {history}",
        run=lambda: run_cycle(warm, ("a benchmark",)),
        against=("bare control mode, and a stat of the files",),
        goal_ms=GOAL_MS,
    )
    yield Way(
        name=f"first cycle of a process, {history}",
        run=lambda: run_cycle(_project(made, events, fill=False), ("a benchmark",)),
        against=("tmux batch, and reading the files",),
    )


def _project(made: Scene, events: int, *, fill: bool = True) -> Project:
    """The project as a process of its own would make it, with an event log of this length."""
    project = Project(made.project.options, made.project.environ)
    if events:
        path = project.layout.session_dir / f"events-{events}.jsonl"
        project.events = EventLog(path, project.clock)
        if fill:
            _fill(project.events, events)
    project.brains = (StandIn(),)
    _ = project.world
    return project


def _fill(log: EventLog, events: int) -> None:
    """A history as cycles leave it."""
    for number in range(events // 2):
        log.append("lane.changed", "engine", {"lane": f"lane{number % LANES}", "was": "busy", "now": "ready"})
        said: dict[str, JsonValue] = {
            "event": "finished",
            "key": str(number),
            "detail": f"lane{number % LANES} is ready",
            "data": {},
        }
        log.append("source.emitted", "lanes", said)


def _hand_over(project: Project) -> None:
    """Every other lane has a task, and the first messages were handed to coord, each by a delivery with a receipt."""
    world = project.world
    messages = [message.file for message in world.mailbox.pending()[:HANDED]]
    for number in range(LANES // 2):
        op = _delivered(world, f"task-{number}", f"lane{number}")
        assignment = Assignment(
            task=f"T{number + 1:04d}", lane=f"lane{number}", op=op, at=world.clock.now(), purpose="work"
        )
        world.tasks.assign(assignment)
    world.handed_mail.update({file: _delivered(world, f"mail-{n}", "coord") for n, file in enumerate(messages)})


def _delivered(world: World, op: str, lane: str) -> str:
    request = DeliveryRequest(op=op, lane=lane, text="You have mail.", sender="engine")
    receipt, _ = world.deliveries.accept(request, sha256_text(request.text), len(request.text))
    world.deliveries.close(replace(receipt, status=DeliveryStatus.SUBMITTED, evidence="a benchmark said so"))
    return op


def _paths(made: Scene) -> Iterator[Path]:
    for place in (made.project.layout.messages, made.project.layout.tasks_dir):
        yield from place.glob("*.md")


def _read_all(made: Scene) -> None:
    made.bare_batch()
    for path in _paths(made):
        path.read_bytes()


def _stat_all(made: Scene, bare: BareControl) -> None:
    bare.snapshot(made.panes)
    for path in _paths(made):
        path.lstat()


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; 0 whatever they are."""
    from benchmarks.__main__ import print_rows

    parser = argparse.ArgumentParser(prog="python -m benchmarks.cycle", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"default: {ROUNDS}")
    parser.add_argument("--profile", action="store_true", help="where the CPU time of the cycles goes")
    args = parser.parse_args(argv)
    with large_cycle() as ways:
        if not args.profile:
            print_rows("cycle-50", measure(ways, args.rounds))
            return 0
        for way in ways:
            if "cycle" in way.name:
                _profile(way, args.rounds)
    return 0


def _profile(way: Way, rounds: int) -> None:
    way.run()
    profile = cProfile.Profile(time.process_time)
    for _ in range(rounds):
        profile.runcall(way.run)
    print(f"\n{way.name}, {rounds} times")
    pstats.Stats(profile).sort_stats("cumulative").print_stats(60)


if __name__ == "__main__":
    sys.exit(main())
