"""`loop validate`: every mistake with its place, and a schema that editors can use."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from loop_orchestrator.yamltext import parse, to_plain
from tests.cli.conftest import Loop


def test_a_config_that_can_be_used_is_summed_up(loop: Loop, shop: Path) -> None:
    (shop / "lane-config.yaml").write_text("lanes: {web: {harness: rehearsal}, ops: {harness: shell}}\n")
    done = loop("validate")
    assert done.code == 0
    assert "lanes: 1 rehearsal, 1 shell" in done.out
    assert "engine: none" in done.out
    assert loop("validate", "--json").document["lanes"] == ["web", "ops"]


def test_every_mistake_is_named_with_its_line_and_the_nearest_spelling(loop: Loop, shop: Path) -> None:
    (shop / "lane-config.yaml").write_text("lanes:\n  web: {harnes: rehearsal}\nengine:\n  approval: ful\n")
    done = loop("validate")
    assert done.code == 2
    assert "lane-config.yaml:2:" in done.err and "did you mean harness" in done.err
    assert "lane-config.yaml:4:" in done.err and "did you mean full" in done.err


def test_the_schema_accepts_what_can_be_used_and_refuses_what_cannot(loop: Loop, shop: Path) -> None:
    schema = json.loads(loop("validate", "--schema").out)
    jsonschema.validate(to_plain(parse("engine: {approval: auto}\ntmux: {socket: mine}\n")), schema)
    for wrong in ("engine: {approval: ful}", "lanes: {web: {harnes: x}}", "engin: {}"):
        try:
            jsonschema.validate(to_plain(parse(wrong)), schema)
        except jsonschema.ValidationError:
            continue
        raise AssertionError(f"the schema accepts {wrong}")
