"""The JSON Schema and the key table say what the loader does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from loop_orchestrator.config.jsonschema import json_schema, key_table
from loop_orchestrator.config.reader import About, keys_of
from loop_orchestrator.config.schema import Config
from loop_orchestrator.model.state import JsonValue


def at(value: JsonValue, *path: str) -> JsonValue:
    for name in path:
        assert isinstance(value, dict)
        value = value[name]
    return value


def sections(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    """Every schema of a section with keys of its own."""
    if isinstance(value, dict):
        if isinstance(value.get("properties"), dict):
            yield value
        for child in value.values():
            yield from sections(child)


def test_the_schema_is_json_and_knows_every_section_and_no_other_key() -> None:
    schema = json_schema()
    json.dumps(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    found = list(sections(schema))
    assert len(found) == 17
    assert all(section["additionalProperties"] is False for section in found)


def test_bounds_choices_patterns_and_defaults_are_in_the_schema() -> None:
    schema: JsonValue = json_schema()
    engine = at(schema, "properties", "engine", "properties")
    assert at(engine, "approval", "enum") == ["manual", "auto", "full"]
    assert at(engine, "approval", "default") == "manual"
    timeout = at(engine, "brain", "properties", "timeout_s")
    assert isinstance(timeout, dict)
    assert {name: timeout[name] for name in ("type", "exclusiveMinimum", "maximum", "default", "description")} == {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 86_400,
        "default": 300.0,
        "description": "How long one call may take. In seconds.",
    }
    lanes = at(schema, "properties", "lanes")
    pattern = at(lanes, "propertyNames", "pattern")
    assert isinstance(pattern, str)
    assert re.search(pattern, "validate-left")
    assert not re.search(pattern, "1st")
    lane = at(lanes, "additionalProperties", "properties")
    assert isinstance(lane, dict)
    assert "name" not in lane
    assert at(lane, "auto_approve", "type") == "boolean"
    assert at(lane, "env", "additionalProperties") == {"type": "string"}


def test_the_key_table_has_every_key_once_with_a_sentence() -> None:
    table = key_table()
    keys = [key for key, _, _, _ in table]
    assert len(keys) == len(set(keys))
    assert {"lanes", "lanes.<name>.harness", "engine.brain.timeout_s", "tmux.socket"} <= set(keys)
    assert all(sentence.endswith(".") and kind and default for _, kind, default, sentence in table)
    assert ("engine.brain.timeout_s", "a number of seconds, above 0 and at most 86400", "300") in [
        row[:3] for row in table
    ]


def test_a_duration_has_seconds_in_its_name_and_its_unit() -> None:
    def walk(cls: type) -> Iterator[tuple[str, About]]:
        for key in keys_of(cls):
            yield key.name, key.about
            if key.shape.cls is not None and not key.shape.choices:
                yield from walk(key.shape.cls)

    assert [name for name, said in walk(Config) if name.endswith("_s") != (said.unit == "seconds")] == []
