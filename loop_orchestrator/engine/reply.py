"""Step 5, read: a brain's reply -> critique and actions, or a problem that is quoted back to it once. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loop_orchestrator import yamltext
from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.fields import TEXT
from loop_orchestrator.actions.registry import read_action
from loop_orchestrator.model.decision import MAX_ACTIONS
from loop_orchestrator.model.state import JsonValue

if TYPE_CHECKING:
    from markdown_it.token import Token

INFO = "decision"
"""Info-string of the block that a reply must hold exactly once."""

REPLY_LIMIT = 1_000_000
"""Characters of a reply: four times what eight actions can fill. A longer one costs seconds to take apart."""

PROBLEM_LIMIT = 2_000
"""Characters of a problem that are quoted back: enough for a dozen mistakes, and no reply can make a prompt of its own
size out of it."""

_LINE_END = re.compile(r"\r\n|\r|\n")
"""What ends a line in Markdown; form feeds and U+2028 do not."""


class ReplyProblem(ValueError):
    """The reply breaks the contract; the text is meant to be sent back to the brain."""


@dataclass(frozen=True)
class Proposal:
    """What a brain proposes."""

    critique: str
    actions: tuple[ActionKind, ...]


def read_reply(text: str) -> Proposal:
    """The one decision block of a reply. Raises ReplyProblem naming everything that is wrong with it."""
    values = block_of(text, INFO)
    if values is None:
        raise ReplyProblem("the decision block must be a YAML mapping with version, critique and actions")
    return _read_block(values)


def listed(problems: list[str]) -> ReplyProblem:
    """Everything that is wrong with a reply, in one problem."""
    said = "; ".join(problems)
    return ReplyProblem(said if len(said) <= PROBLEM_LIMIT else said[: PROBLEM_LIMIT - 1] + "…")


def block_of(text: str, info: str) -> dict[str, JsonValue] | None:
    """The mapping in the one block of a reply that has this info-string; None for another value.

    Raises ReplyProblem where there is no such block, more than one, one that is not closed, or no YAML in it.
    """
    if len(text) > REPLY_LIMIT:
        raise ReplyProblem(f"the reply has {len(text)} characters; at most {REPLY_LIMIT} are read")
    if "\0" in text:  # a reader of Markdown puts another character in its place
        raise ReplyProblem("the reply holds the control character U+0000")
    block = _the_block(text.removeprefix("\ufeff"), info)
    try:
        node = yamltext.parse(block, strict=True)
    except yamltext.YamlProblem as problem:
        raise ReplyProblem(f"the {info} block, line {problem.line}: {problem.message}") from problem
    values = yamltext.to_plain(node) if node is not None else None
    return values if isinstance(values, dict) else None


def _the_block(text: str, info: str) -> str:
    from markdown_it import MarkdownIt

    lines = _LINE_END.split(text)
    blocks = [
        token
        for token in MarkdownIt("commonmark").disable("inline").parse(text)  # emphasis and links cost seconds per MB
        if token.type == "fence" and token.info.split()[:1] == [info]
    ]
    if not blocks:
        raise ReplyProblem(f"there is no fenced block with the info-string `{info}`")
    if len(blocks) > 1:
        raise ReplyProblem(f"there are {len(blocks)} blocks with the info-string `{info}`; exactly one may stand there")
    if not _is_closed(blocks[0], lines):
        raise ReplyProblem(f"the {info} block is not closed; the reply seems to be cut off")
    return blocks[0].content


def _is_closed(token: Token, lines: list[str]) -> bool:
    """CommonMark lets an open fence run to the end of the document; a cut reply must not pass for a whole one."""
    assert token.map is not None
    end = token.map[1] - 1
    return end > token.map[0] and end < len(lines) and lines[end].strip().startswith(token.markup)


def _read_block(values: dict[str, JsonValue]) -> Proposal:
    problems = [f"unknown key {name!r}" for name in values if name not in ("version", "critique", "actions")]
    if type(values.get("version")) is not int or values["version"] != 1:
        problems.append("version must be 1")
    critique = values.get("critique")
    try:
        critique = TEXT.read(critique)
    except ValueError as problem:
        problems.append(f"critique: {problem}")
    raw = values.get("actions")
    actions: list[ActionKind] = []
    if not isinstance(raw, list):
        problems.append("actions must be a list; it may be empty")
        raw = []
    if len(raw) > MAX_ACTIONS:
        problems.append(f"there are {len(raw)} actions; at most {MAX_ACTIONS} are allowed")
    for idx, values_of_one in enumerate(raw[:MAX_ACTIONS]):
        if not isinstance(values_of_one, dict):
            problems.append(f"action {idx}: expected a mapping with kind and its fields")
            continue
        action, found = read_action(values_of_one)
        problems += [f"action {idx}: {one}" for one in found]
        if action is not None:
            actions.append(action)
    if problems:
        raise listed(problems)
    assert isinstance(critique, str)
    return Proposal(critique, tuple(actions))
