"""``key=text``, ``key:=json``, ``key+=text`` and ``--unset key``: changes of the state file as a person types them.

Pure: from words to changes, and from values to changed values. What the keys of schema 2 take stands in two tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from loop_orchestrator.errors import StoreError, UsageError
from loop_orchestrator.model.state import LOOP_STATUSES, JsonValue

HINT = "key=text, key:=json, key+=text puts one more into a list, --unset key"

_STANCES = ("now", "later", "out-of-scope")
_ARTIFACTS = ("spec", "plan", "verify_record", "canary_record", "retro", "decision_record")


class Kind(StrEnum):
    """What a key takes, in the words of the error."""

    TEXT = "a text"
    STATUS = "a status"
    STANCE = "a stance"
    TEXTS = "a list of texts"
    LIST = "a list"
    OBJECT = "an object"
    PATHS = "an object of texts"
    ANY = "anything"


LOOP_KEYS: Mapping[str, Kind] = {
    "name": Kind.TEXT,
    "status": Kind.STATUS,
    "branch": Kind.TEXT,
    "deployed_to": Kind.TEXTS,
    "canary_target": Kind.TEXT,
    "blast_radius": Kind.TEXT,
    "reconciliation_stance": Kind.STANCE,
    "artifacts": Kind.PATHS,
    "commits": Kind.TEXTS,
    "verified_tip": Kind.TEXT,
}
"""Of one loop; other keys are the user's and take anything."""

TOP_KEYS: Mapping[str, Kind] = {
    "objective": Kind.TEXT,
    "session": Kind.TEXT,
    "open_conflicts": Kind.LIST,
    "lanes": Kind.OBJECT,
}
"""Of the whole file; other keys are the user's and take anything."""

_STAMPS: Mapping[str, str] = {
    "id": "a loop keeps its id",
    "schema_version": "it says how the file is written",
    "updated_at": "it is set with every change",
    "updated_by": "it is set with every change",
    "loops": "change one loop: loop state loop ID --set key=text",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One change."""

    key: str
    """dots lead into objects: ``artifacts.spec``"""
    value: JsonValue
    append: bool = False
    """put one more into the list"""
    exact: bool = False
    """given as JSON: a status then may be a word of the user's own"""


def parse_settings(words: Sequence[str]) -> tuple[Setting, ...]:
    """``key=text``, ``key:=json``, ``key+=text`` and ``key+:=json``. Raises UsageError."""
    return tuple(map(_setting, words))


def _setting(word: str) -> Setting:
    key, sign, text = word.partition("=")
    exact = key.endswith(":")
    key = key.removesuffix(":")
    append = key.endswith("+")
    key = key.removesuffix("+").strip()
    if not sign or not key:
        raise UsageError(f"{word!r} changes nothing: key=text was expected", hint=HINT)
    return Setting(key=key, value=_json(key, text) if exact else text, append=append, exact=exact)


def _json(key: str, text: str) -> JsonValue:
    from loop_orchestrator.stores.atomic import parse_json

    try:
        return parse_json(text, f"{key}:=")
    except StoreError as error:
        raise UsageError(f"{error.message}: {text}", hint=f"JSON was expected; a text is {key}={text}") from error


def changed(
    values: Mapping[str, JsonValue], settings: Sequence[Setting], unset: Sequence[str], keys: Mapping[str, Kind]
) -> dict[str, JsonValue]:
    """The values with these changes made in order, then the keys removed. Raises UsageError."""
    new = dict(values)
    for setting in settings:
        _refuse_stamp(setting.key)
        new = _with(new, _place(new, setting.key), setting, keys)
    for key in unset:
        _refuse_stamp(key)
        new = _without(new, _place(new, key), key)
    for key in {setting.key.partition(".")[0] for setting in settings} & set(keys):
        if key in new:
            _check(key, new[key], keys[key])
    return new


def _refuse_stamp(key: str) -> None:
    if key in _STAMPS:
        raise UsageError(f"{key} cannot be set by hand: {_STAMPS[key]}")


def _place(values: Mapping[str, JsonValue], key: str) -> tuple[str, ...]:
    """The keys that lead to it; a key that is there with its dots is that key."""
    return (key,) if key in values else tuple(key.split("."))


def _with(
    values: dict[str, JsonValue], place: tuple[str, ...], setting: Setting, keys: Mapping[str, Kind]
) -> dict[str, JsonValue]:
    first, rest = place[0], place[1:]
    if not first:
        raise UsageError(f"{setting.key}: a key is empty", hint=HINT)
    if rest:
        inner = values.get(first, {})
        if not isinstance(inner, dict):
            raise UsageError(f"{first} is {_found(inner)}, no object: nothing can be set in it")
        return {**values, first: _with(inner, rest, setting, {})}
    return {**values, first: _new_value(values.get(first), setting, keys.get(first, Kind.ANY))}


def _new_value(old: JsonValue, setting: Setting, kind: Kind) -> JsonValue:
    if setting.append:
        if old is not None and not isinstance(old, list):
            raise UsageError(f"{setting.key} is {_found(old)}, no list: nothing can be put into it", hint=HINT)
        if kind not in (Kind.LIST, Kind.TEXTS, Kind.ANY):
            raise UsageError(f"{setting.key} takes {kind}, no list", hint=f"{setting.key}=text")
        return [*(old or []), setting.value]
    if kind is Kind.STATUS and not setting.exact:
        _known_word(setting.key, str(setting.value), LOOP_STATUSES)
    if kind is Kind.STANCE:
        _known_word(setting.key, str(setting.value), _STANCES)
    return setting.value


def _known_word(key: str, word: str, known: Sequence[str]) -> None:
    if word in known:
        return
    near = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    meant = f"; did you mean {near[0]}?" if near else ""
    own = f"""; a word of your own: '{key}:="{word}"'""" if known is LOOP_STATUSES else ""
    raise UsageError(
        f"{key}: {word!r} is none of {', '.join(known)}{meant}", hint=f"{key}={near[0] if near else known[0]}{own}"
    )


def _check(key: str, value: JsonValue, kind: Kind) -> None:
    match kind, value:
        case ((Kind.TEXT | Kind.STATUS | Kind.STANCE), str()):
            return
        case Kind.TEXTS, list() if all(isinstance(one, str) for one in value):
            return
        case Kind.LIST, list():
            return
        case Kind.OBJECT, dict():
            return
        case Kind.PATHS, dict() if all(isinstance(one, str) for one in value.values()):
            return
    wanted = kind.replace("a status", "a text").replace("a stance", "a text")
    hints = {
        Kind.TEXTS: f"""{key}+=text puts one more into it; '{key}:=["a", "b"]' sets it whole""",
        Kind.LIST: f"""{key}+=text puts one more into it; '{key}:=["a", "b"]' sets it whole""",
        Kind.OBJECT: f"{key}.name=text sets one key of it",
        Kind.PATHS: f"{key}.{_ARTIFACTS[0]}=path sets one of it: {', '.join(_ARTIFACTS)}",
    }
    raise UsageError(f"{key}: {wanted} was expected, found {_found(value)}", hint=hints.get(kind, f"{key}=text"))


def _without(values: dict[str, JsonValue], place: tuple[str, ...], key: str) -> dict[str, JsonValue]:
    first, rest = place[0], place[1:]
    inner = values.get(first)
    if first not in values or (rest and not isinstance(inner, dict)):
        near = get_close_matches(first, list(values), n=1, cutoff=0.6)
        raise UsageError(f"--unset {key}: there is no such key" + (f"; did you mean {near[0]}?" if near else ""))
    if rest and isinstance(inner, dict):
        return {**values, first: _without(inner, rest, key)}
    return {name: value for name, value in values.items() if name != first}


def _found(value: JsonValue) -> str:
    match value:
        case str():
            return "a text"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case list():
            return "a list" if all(isinstance(one, str) for one in value) else "a list with something that is no text"
        case dict():
            return "an object"
        case _:
            return "null"
