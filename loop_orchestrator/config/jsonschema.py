"""The JSON Schema for editors and the key table for the guide, both generated from the schema's classes."""

from __future__ import annotations

import re

from loop_orchestrator.config.reader import About, Key, Kind, Shape, expectation, keys_of
from loop_orchestrator.config.schema import Config
from loop_orchestrator.model.state import JsonValue


def json_schema() -> dict[str, JsonValue]:
    """JSON Schema, draft 2020-12, of one config file. Rules between keys are the loader's alone."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lane-config.yaml",
        **_section(Config),
    }


def key_table() -> list[tuple[str, str, str, str]]:
    """Key (dotted, ``<name>`` for any name), type with bounds, default, sentence; in order of declaration."""
    return _rows(Config, "")


def _section(cls: type, without: str = "") -> dict[str, JsonValue]:
    keys = [key for key in keys_of(cls) if key.name != without]
    section: dict[str, JsonValue] = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {key.name: _property(key) for key in keys},
    }
    required: list[JsonValue] = [key.name for key in keys if key.default is None]
    return {**section, "required": required} if required else section


def _property(key: Key) -> dict[str, JsonValue]:
    unit = f" In {key.about.unit}." if key.about.unit else ""
    described: dict[str, JsonValue] = {**_value(key.shape, key.about), "description": key.about.sentence + unit}
    if key.default and not key.about.default_says and key.shape.kind is not Kind.SECTION:
        described["default"] = _plain_default(key.default(), key.shape)
    return described


def _value(shape: Shape, said: About) -> dict[str, JsonValue]:
    if shape.cls is not None and shape.kind is Kind.SECTION:
        return _section(shape.cls)
    if shape.cls is not None and shape.kind is Kind.NAMED:
        return {**_names(said), "additionalProperties": _section(shape.cls, without=said.keyed_by)}
    if shape.kind is Kind.MAP:
        return {**_names(said), "additionalProperties": {"type": "string"}}
    if shape.kind is Kind.LISTS:
        texts: JsonValue = {"type": "array", "items": {"type": "string"}}
        return {**_names(said), "additionalProperties": texts}
    if shape.item is not None:
        return {"type": "array", "items": _value(shape.item, said)}
    if shape.kind is Kind.CHOICE:
        return {"type": "string", "enum": list(shape.choices)}
    if shape.kind is Kind.REGEX:
        return {"type": "string", "format": "regex"}
    if shape.kind is Kind.TEXT:
        return {"type": "string", "pattern": f"^(?:{said.pattern})$"} if said.pattern else {"type": "string"}
    if shape.kind is Kind.BOOL:
        return {"type": "boolean"}
    bounds = {"exclusiveMinimum": said.above, "minimum": said.at_least, "maximum": said.at_most}
    number = "integer" if shape.kind is Kind.INT else "number"
    return {"type": number, **{word: bound for word, bound in bounds.items() if bound is not None}}


def _names(said: About) -> dict[str, JsonValue]:
    names: dict[str, JsonValue] = {"propertyNames": {"pattern": f"^(?:{said.keys})$"}} if said.keys else {}
    return {"type": ["object", "null"], **names}


def _plain_default(default: object, shape: Shape) -> JsonValue:
    match default:
        case bool() | int() | float() | str():
            return default
        case tuple() as items if shape.kind is Kind.LIST:
            return [item.pattern if isinstance(item, re.Pattern) else item for item in items]
        case _:
            assert default == (), default
            return {}


def _rows(cls: type, path: str, without: str = "") -> list[tuple[str, str, str, str]]:
    rows = []
    for key in keys_of(cls):
        if key.name == without:
            continue
        name = path + key.name
        rows.append((name, _type_words(key.shape, key.about), _default_words(key), key.about.sentence))
        if key.shape.cls is not None and key.shape.kind is Kind.SECTION:
            rows += _rows(key.shape.cls, f"{name}.")
        if key.shape.cls is not None and key.shape.kind is Kind.NAMED:
            rows += _rows(key.shape.cls, f"{name}.<name>.", key.about.keyed_by)
    return rows


def _type_words(shape: Shape, said: About) -> str:
    if shape.item is not None:
        return f"list, each {expectation(shape.item, said)}"
    if shape.kind in (Kind.SECTION, Kind.NAMED, Kind.MAP, Kind.LISTS):
        return str(shape.kind)
    return expectation(shape, said)


def _default_words(key: Key) -> str:
    if key.about.default_says:
        return key.about.default_says
    if key.default is None:
        return "needed"
    match key.default():
        case bool(value):
            return "true" if value else "false"
        case int(value) | float(value):
            return f"{value:g}"
        case "" | ():
            return "none"
        case str(value):
            return str(value)
        case tuple(items):
            return ", ".join(item.pattern if isinstance(item, re.Pattern) else str(item) for item in items)
        case _:
            return "its own defaults"
