"""Ways of doing one thing, run in turns: shuffled round by round, so that a slow moment meets them all."""

from __future__ import annotations

import random
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way of doing the thing that is measured."""

    name: str
    run: Callable[[], object]
    repeat: int = 1
    """calls in one sample: a call of microseconds is measured as the mean of many"""
    prepare: Callable[[], object] | None = None
    """runs before each sample, unmeasured"""
    against: tuple[str, ...] = ()
    """names of the ways that are its limit; several together: their sum. Empty: it is a limit itself"""
    goal: float | None = None
    """the ratio to the limit that is to be reached; None: it has none"""
    waits: bool = False
    """for the disk or for another program: its ratio is one of wall time, else of CPU time, which is steadier"""
    server: int = 0
    """pid of a server whose CPU time counts as well; 0: none"""
    goal_ms: float | None = None
    """the wall time that is to be reached; None: it has none"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Medians of one way, in ms for one call. CPU is this process, the children it waited for, and the server."""

    name: str
    wall_ms: float
    cpu_ms: float
    wall_ratio: float | None
    cpu_ratio: float | None
    goal: str
    """what is to be reached, in words; empty: it has no goal"""
    reached: bool | None
    """None without a goal"""


def measure(ways: Sequence[Way], rounds: int) -> tuple[Row, ...]:
    """Every way once to warm up, then once in each round, in an order of its own."""
    order = random.Random(1)
    samples: dict[str, list[tuple[float, float]]] = {way.name: [] for way in ways}
    for way in ways:
        _sample(way)
    for _ in range(rounds):
        for way in order.sample(ways, len(ways)):
            samples[way.name].append(_sample(way))
    medians = {
        name: (statistics.median(wall for wall, _ in taken), statistics.median(cpu for _, cpu in taken))
        for name, taken in samples.items()
    }
    return tuple(_row(way, medians) for way in ways)


def _sample(way: Way) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    if way.prepare is not None:
        way.prepare()
    cpu, wall = _cpu_s(way.server), time.perf_counter()
    for _ in range(way.repeat):
        way.run()
    return (time.perf_counter() - wall) / way.repeat, (_cpu_s(way.server) - cpu) / way.repeat


def _cpu_s(server: int) -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime + (cpu_of_s(server) if server else 0.0)


def cpu_of_s(pid: int) -> float:
    """CPU seconds of a running process with all its threads, in ns where the kernel counts them."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9


def _row(way: Way, medians: dict[str, tuple[float, float]]) -> Row:
    wall, cpu = medians[way.name]
    limits = [medians[name] for name in way.against]
    wall_ratio, cpu_ratio = _ratio(wall, sum(limit for limit, _ in limits)), _ratio(cpu, sum(cpu for _, cpu in limits))
    goals: list[tuple[str, bool]] = []
    ratio = wall_ratio if way.waits else cpu_ratio
    if way.goal is not None and ratio is not None:
        goals.append((f"{way.goal:g}x {'wall' if way.waits else 'CPU'}", ratio <= way.goal))
    if way.goal_ms is not None:
        goals.append((f"{way.goal_ms:g} ms", wall * 1e3 <= way.goal_ms))
    return Row(
        name=way.name,
        wall_ms=wall * 1e3,
        cpu_ms=cpu * 1e3,
        wall_ratio=wall_ratio,
        cpu_ratio=cpu_ratio,
        goal=", ".join(said for said, _ in goals),
        reached=all(reached for _, reached in goals) if goals else None,
    )


def _ratio(value: float, limit: float) -> float | None:
    return value / limit if limit > 0 else None
