"""``python -m benchmarks [--rounds N] [--only NAME] [--json]``: measures and prints; judges nothing."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.cases import CASES
from benchmarks.measure import Row, measure

ROUNDS = 15


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for; 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"default: {ROUNDS}")
    parser.add_argument("--only", action="append", choices=list(CASES), metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    args = parser.parse_args(argv)
    machine = _machine()
    if not args.json:
        print(", ".join(f"{name} {value}" for name, value in machine.items()) + f", {args.rounds} rounds, medians")
    results: dict[str, tuple[Row, ...]] = {}
    for name in args.only or CASES:
        with CASES[name]() as ways:
            results[name] = measure(ways, args.rounds)
        if not args.json:
            print_rows(name, results[name])
    if args.json:
        rows = {name: [dataclasses.asdict(row) for row in rows] for name, rows in results.items()}
        print(json.dumps({"machine": machine, "rounds": args.rounds, "results": rows}, indent=2))
    return 0


def print_rows(name: str, rows: Sequence[Row]) -> None:
    print(f"\n{name:<42}{'wall ms':>10}{'CPU ms':>10}{'wall x':>9}{'CPU x':>9}  {'goal':<11} reached")
    for row in rows:
        reached = {None: "", True: "yes", False: "no"}[row.reached]
        print(
            f"{row.name:<42}{row.wall_ms:>10.3f}{row.cpu_ms:>10.3f}{_shown(row.wall_ratio):>9}{_shown(row.cpu_ratio):>9}"
            f"  {row.goal:<11} {reached}".rstrip()
        )


def _shown(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def _machine() -> dict[str, str]:
    """What the figures depend on, and nothing that names the machine."""
    tmux = subprocess.run(["tmux", "-V"], capture_output=True, text=True, check=False).stdout.split()
    return {
        "cores": str(os.cpu_count()),
        "OS": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "tmux": tmux[-1] if tmux else "none",
    }


if __name__ == "__main__":
    sys.exit(main())
