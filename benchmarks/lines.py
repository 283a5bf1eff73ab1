"""``python -m benchmarks.lines [--lanes N]``: one text to one lane and to N, at once and through the daemon's lines.

The lanes run the scripted agent, which answers at once; its own work, N processes that draw, is part of every figure.
The first two figures are with the waits that a delivery to a real program has, the others without any.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks.daemon import watching
from benchmarks.scene import Scene, scene
from loop_orchestrator.model.delivery import DeliveryRequest, Receipt
from loop_orchestrator.operations.queue import enqueue
from loop_orchestrator.operations.together import send_to_lanes

ROUNDS = 5
LIMIT_S = 300.0
IN_ONE_LINE = 50

_numbers = itertools.count()


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line a figure; 0 whatever they are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lines", description=__doc__)
    parser.add_argument("--lanes", type=int, default=20, metavar="N", help="default: 20")
    args = parser.parse_args(argv)
    lanes = [f"lane{number}" for number in range(args.lanes)]
    with scene({"coord": "shell", **dict.fromkeys(lanes, "steady")}) as made:
        _say("one lane with the waits of a real program", _rounds(made, lanes[:1], _at_once))
        _say(f"{len(lanes)} such lanes at once, in one process", _rounds(made, lanes, _at_once))
    with scene({"coord": "shell", **dict.fromkeys(lanes, "actor")}) as made:
        _say("one lane, in one process", _rounds(made, lanes[:1], _at_once))
        _say(f"{len(lanes)} lanes, one after the other", _rounds(made, lanes, _one_by_one))
        _say(f"{len(lanes)} lanes at once, in one process", _rounds(made, lanes, _at_once))
        with watching(made):
            _say("one lane, by the daemon", _rounds(made, lanes[:1], _in_line))
            _say(f"{len(lanes)} lanes, by the daemon", _rounds(made, lanes, _in_line))
            _say(f"{IN_ONE_LINE} texts in line for one lane, each", [one / IN_ONE_LINE for one in _long_line(made)])
    return 0


def _rounds(made: Scene, lanes: Sequence[str], send: Callable[[Scene, Sequence[DeliveryRequest]], None]) -> list[float]:
    """Seconds from the request to the last receipt."""
    spent = []
    for _ in range(ROUNDS):
        made.await_ready(lanes)
        requests = [_request(lane) for lane in lanes]
        began = time.monotonic()
        send(made, requests)
        spent.append(time.monotonic() - began)
    return spent


def _request(lane: str) -> DeliveryRequest:
    """A text of its own: the proof that one more of many like it was submitted takes a second longer."""
    number = next(_numbers)
    return DeliveryRequest(
        op=f"bench-{number}", lane=lane, text=f"Say heard {number}.", sender="person", ready_timeout_s=20.0
    )


def _one_by_one(made: Scene, requests: Sequence[DeliveryRequest]) -> None:
    for request in requests:
        _check(made.project.world.deliver(request))


def _at_once(made: Scene, requests: Sequence[DeliveryRequest]) -> None:
    for outcome in send_to_lanes(made.project.world, requests, queue=False):
        _check(outcome)


def _in_line(made: Scene, requests: Sequence[DeliveryRequest]) -> None:
    world = made.project.world
    for request in requests:
        enqueue(world, request)
    deadline = time.monotonic() + LIMIT_S
    while any((found := world.queue.get(request.op)) is None or not found.delivered for request in requests):
        if time.monotonic() > deadline:
            raise TimeoutError("the lines were not drained")
        time.sleep(0.005)


def _long_line(made: Scene) -> list[float]:
    made.await_ready(["lane0"])
    began = time.monotonic()
    _in_line(made, [_request("lane0") for _ in range(IN_ONE_LINE)])
    return [time.monotonic() - began]


def _check(outcome: object) -> None:
    if not isinstance(outcome, Receipt) or not outcome.delivered:
        raise RuntimeError(f"not delivered: {outcome}")


def _say(what: str, spent: Sequence[float]) -> None:
    most = "" if len(spent) == 1 else f" (most {max(spent) * 1e3:.0f})"
    print(f"{what:<60}{statistics.median(spent) * 1e3:.0f} ms{most}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
