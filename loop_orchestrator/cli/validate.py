"""`loop validate`: whether the config can be used, and the JSON Schema by which an editor checks it."""

from __future__ import annotations

import argparse
from collections import Counter

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of lane-config.yaml")


def _run(args: argparse.Namespace, project: Project) -> int:
    if args.schema:
        _print_schema()
        return ExitCode.DONE
    harnesses = project.harnesses  # reads the config; every problem of it is an error, as of the harness data
    harnesses.check()
    loaded = project.loaded
    config = loaded.config
    files = [str(path) for path in loaded.files]
    if project.json:
        lanes = [lane.name for lane in config.lanes]
        output.document({"files": [*files], "lanes": [*lanes], "engine": config.engine is not None})
        return ExitCode.DONE
    output.line(f"fine: {', '.join(files) or 'no config, all defaults'}")
    kinds = Counter(lane.harness or "cmd" for lane in config.lanes)
    output.line("lanes: " + (", ".join(f"{count} {name}" for name, count in kinds.items()) or "none declared"))
    engine = config.engine
    output.line(f"engine: approval {engine.approval.value}, brain {engine.brain.use}" if engine else "engine: none")
    output.line(f"harnesses: {', '.join(sorted(harnesses))}")
    return ExitCode.DONE


def _print_schema() -> None:
    import json

    from loop_orchestrator.config.jsonschema import json_schema

    output.raw(json.dumps(json_schema(), indent=2) + "\n")


COMMANDS = {
    "validate": Command(
        run=_run,
        arguments=_arguments,
        examples=("loop validate", "loop validate --schema > lane-config.schema.json"),
    )
}
