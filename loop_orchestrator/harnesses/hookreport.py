"""What a program's hook reports on its standard input, and what that says about the lane. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.model.hooks import HookSpec
    from loop_orchestrator.model.lane import Detail

_BLANKS = " \t\r\n"


@dataclass(frozen=True, kw_only=True)
class Report:
    """One report of a hook."""

    event: str
    detail: Detail | None
    """what it says about the lane; None: nothing"""
    value: str
    """what the field that may change its meaning holds; empty where there is none"""
    conversation: str
    """the program's own id of its conversation; empty where it gave none"""


def read_report(spec: HookSpec, text: str, *, cut: bool = False) -> Report:
    """Raises ValueError, in a sentence, for what is no report. cut: the end of the text is missing."""
    fields = _leading_fields(text) if cut else _all_fields(text)
    event = fields.get(spec.event_field)
    if not isinstance(event, str):
        raise ValueError(f"the report names no event: it has no text under {spec.event_field!r}")
    known = spec.event(event)
    value = _text(fields.get(known.by)) if known and known.by else ""
    conversation = _text(fields.get(spec.conversation_field))
    return Report(event=event, detail=spec.detail_of(event, value), value=value, conversation=conversation)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _all_fields(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"the report is no JSON: {error}") from None
    except RecursionError:
        raise ValueError("the report is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("the report is no JSON object")
    return value


def _leading_fields(text: str) -> dict[str, object]:
    """The fields of an object up to the one that is not whole."""
    decode = json.JSONDecoder().raw_decode
    found: dict[str, object] = {}
    at = len(text) - len(text.lstrip(_BLANKS))
    if text[at : at + 1] != "{":
        raise ValueError("the report is no JSON object")
    try:
        while at < len(text) and text[at] in "{,":
            key, at = decode(text, _after_blanks(text, at + 1))
            at = _after_blanks(text, at)
            if not isinstance(key, str) or text[at : at + 1] != ":":
                break
            found[key], at = decode(text, _after_blanks(text, at + 1))
            at = _after_blanks(text, at)
    except (ValueError, RecursionError):
        pass  # what is not whole is not read
    return found


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at
