"""The settings of an agent program with this program's hooks in them, or without. Pure: text in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from loop_orchestrator.harnesses.jsonedit import JsonProblem, Span, read, with_member, without_member

if TYPE_CHECKING:
    from loop_orchestrator.model.hooks import HookSpec
    from loop_orchestrator.model.state import JsonValue

EMPTY = "{\n}\n"
"""What a settings file that is not there is taken for."""


class Installed(StrEnum):
    """Whether the hooks stand in a file."""

    YES = "yes"
    NO = "no"
    OTHER = "other"
    """some are missing, or they are not as this release writes them"""


def command_of(spec: HookSpec) -> str:
    """What a hook runs. Outside a lane it starts nothing, and it never fails; the lane says where the program is."""
    return f'[ -z "$LOOP_LANE" ] || "${{LOOP_BIN:-loop}}" lane-signal --from-hook {spec.name} || :'


def with_hooks(text: str, spec: HookSpec) -> str:
    """The settings with every hook in them, once; other hooks and keys stay as they are.

    Raises JsonProblem where the text is no JSON, or holds something else in the place of hooks.
    """
    if installed(text, spec) is Installed.YES:
        return text
    text = without_hooks(text, spec)
    group = _group(spec)
    for event in spec.events:
        root = read(text)
        hooks = root.get("hooks")
        groups = hooks.get(event.event) if hooks else None
        if hooks is None:
            text = with_member(text, root, {event.event: [group]}, key="hooks")
        elif groups is None:
            text = with_member(text, hooks, [group], key=event.event)
        else:
            text = with_member(text, groups, group)
    return text


def without_hooks(text: str, spec: HookSpec) -> str:
    """The settings without any of these hooks, and without what then stands there empty. Raises JsonProblem."""
    text = _or_empty(text)
    while (path := next(_own(text, spec), None)) is not None:
        container, index = next((at for at in reversed(path) if len(at[0].members) > 1), path[0])
        text = without_member(text, container, index)
    return text


def installed(text: str, spec: HookSpec) -> Installed:
    """Whether the hooks stand in these settings. Raises JsonProblem."""
    own = [_named(path) for path in _own(_or_empty(text), spec)]
    if not own:
        return Installed.NO
    wanted = [(event.event, _group(spec)) for event in spec.events]
    same = len(own) == len(wanted) and all(own.count(one) == 1 for one in wanted)
    return Installed.YES if same else Installed.OTHER


def _group(spec: HookSpec) -> dict[str, JsonValue]:
    hook: dict[str, JsonValue] = {"type": "command", "command": command_of(spec)}
    if spec.label:
        hook = {"name": spec.label, **hook}
    if spec.timeout:
        hook["timeout"] = spec.timeout
    return {"hooks": [hook]}


_Path = tuple[tuple[Span, int], ...]
"""The containers that lead to one hook, the outermost first, with its place in each: the settings, their hooks, the
groups of an event, the hooks of a group."""


def _named(path: _Path) -> tuple[str, JsonValue]:
    """The event that the hook stands under, and its group."""
    (_, _), (hooks, event), (groups, group), (_, _) = path
    return hooks.members[event].key, groups.members[group].value.plain


def _own(text: str, spec: HookSpec) -> Iterator[_Path]:
    """Each hook of this program's. Raises JsonProblem."""
    mine = re.compile(rf"\blane-signal\s+--from-hook\s+{re.escape(spec.name)}(?![\w-])")
    root = _expected(read(text), dict, "the settings", text)
    for at_top, top in enumerate(root.members):
        if top.key != "hooks":
            continue
        events = _expected(top.value, dict, "hooks", text)
        for at_event, event in enumerate(events.members):
            if spec.event(event.key) is not None:
                _expected(event.value, list, f"hooks.{event.key}", text)
            for at_group, group in enumerate(event.value.members):
                hooks = group.value.get("hooks")
                for at_hook, hook in enumerate(hooks.members if hooks else ()):
                    command = hook.value.get("command")
                    if hooks and command and isinstance(command.plain, str) and mine.search(command.plain):
                        yield (root, at_top), (events, at_event), (event.value, at_group), (hooks, at_hook)


def _expected(value: Span, kind: type[list[object] | dict[str, object]], what: str, text: str) -> Span:
    if isinstance(value.plain, kind):
        return value
    raise JsonProblem(f"{what}: expected {'a list' if kind is list else 'an object'}", text, value.start)


def _or_empty(text: str) -> str:
    return text if text.strip() else EMPTY
