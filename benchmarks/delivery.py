"""``python -m benchmarks.delivery [--rounds N]``: how long each step of a delivery takes, by its own receipt.

Four ways in turns, into one rehearsal agent that has held still for two seconds: a process that runs, `loop send` from
a shell, one tmux that pastes and presses Enter and looks at nothing, and paste, a fixed pause, Enter.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bare import SESSION
from benchmarks.scene import Scene, scene
from loop_orchestrator.clock import parse_time
from loop_orchestrator.model.delivery import DeliveryRequest

HELD_STILL_S = 2.0
"""By then tmux's clock of the window, which counts whole seconds, shows that nothing was drawn."""
FIXED_PAUSE_S = 2.0

_STEPS = ("accept", "lease", "check", "clean", "reset", "paste", "submit", "receipt")


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delivery")
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    with scene({"coord": "shell", "agent": "actor"}) as made:
        pane = made.project.world.lanes.records()["agent"].pane
        ways: dict[str, Callable[[int], dict[str, float]]] = {
            "deliver, in a process that runs": lambda number: _deliver(made, number),
            "loop send, from a shell": lambda number: _send(made, number),
            "tmux: paste and Enter": lambda _: _tmux(made, pane, 0.0),
            f"tmux: paste, {FIXED_PAUSE_S:g} s, Enter": lambda _: _tmux(made, pane, FIXED_PAUSE_S),
        }
        took: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
        order = random.Random(1)
        for number in range(rounds + 1):
            for name in order.sample(list(ways), len(ways)):
                made.await_ready(["agent"])
                time.sleep(HELD_STILL_S)
                found = ways[name](number)
                if number:  # the first round warms up
                    took[name].append(found)
    print(
        f"medians of {rounds}, ms; steps counted from accept; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    columns = ("whole call", *_STEPS[1:])
    print(f"{'':34}" + "".join(f"{name:>11}" for name in columns))
    for name, samples in took.items():
        cells = (
            statistics.median(one[column] for one in samples) if column in samples[0] else None for column in columns
        )
        print(f"{name:34}" + "".join(f"{'' if cell is None else format(cell, '.1f'):>11}" for cell in cells))


def _deliver(made: Scene, number: int) -> dict[str, float]:
    request = DeliveryRequest(op=f"bench-{number}", lane="agent", text=f"Say heard {number}.", sender="person")
    began = time.perf_counter()
    receipt = made.project.world.deliver(request)
    took_ms = (time.perf_counter() - began) * 1000
    if not receipt.delivered:
        raise RuntimeError(receipt.evidence)
    accepted = receipt.times["accept"]
    return {
        "whole call": took_ms,
        **{step: (at - accepted).total_seconds() * 1000 for step, at in receipt.times.items()},
    }


def _send(made: Scene, number: int) -> dict[str, float]:
    root = str(made.project.root)
    words = ("send", "--json", "agent", f"Say heard {number}.", "--from", "bench")
    options = ("--project-root", root, "--session", SESSION, "--socket", made.socket)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOOP_")}
    began = time.perf_counter()
    loop = str(Path(sys.executable).with_name("loop"))
    done = subprocess.run([loop, *words, *options], capture_output=True, text=True, env=environ, check=True)
    took_ms = (time.perf_counter() - began) * 1000
    times = {step: parse_time(at) for step, at in json.loads(done.stdout)["times"].items()}
    return {
        "whole call": took_ms,
        **{step: (at - times["accept"]).total_seconds() * 1000 for step, at in times.items()},
    }


def _tmux(made: Scene, pane: str, pause_s: float) -> dict[str, float]:
    """Nothing of what becomes of it is looked at."""
    began = time.perf_counter()
    paste = ("set-buffer", "-b", "bare", "Say heard.", ";", "paste-buffer", "-d", "-p", "-b", "bare", "-t", pane)
    enter = ("send-keys", "-t", pane, "Enter")
    if pause_s:
        subprocess.run(["tmux", "-S", made.socket, *paste], check=True)
        time.sleep(pause_s)
        subprocess.run(["tmux", "-S", made.socket, *enter], check=True)
    else:
        subprocess.run(["tmux", "-S", made.socket, *paste, ";", *enter], check=True)
    return {"whole call": (time.perf_counter() - began) * 1000}


if __name__ == "__main__":
    main()
