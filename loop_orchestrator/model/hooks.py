"""Hooks: which file makes an agent program say what it does, and what each of its events means. As data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from loop_orchestrator.model.lane import Detail


class HookScope(StrEnum):
    """Whose settings a hook is written to."""

    USER = "user"
    """the user's own: every lane in which the program runs"""
    PROJECT = "project"
    """this project's, for this machine: lanes that start in the project's directory"""


@dataclass(frozen=True, kw_only=True)
class HookEvent:
    """One event of the program and what it says about its lane."""

    event: str
    """the program's name for it"""
    detail: Detail | None = None
    """what it means; None: nothing, unless ``values`` says so"""
    by: str = ""
    """a field of the report that may change the meaning"""
    values: tuple[tuple[str, str], ...] = ()
    """value of that field -> the detail it means"""


@dataclass(frozen=True, kw_only=True)
class HookSpec:
    """The hooks of one program: a JSON settings file with ``hooks: {EVENT: [{hooks: [{type, command}]}]}``."""

    name: str
    """the harness"""
    user: str
    """settings file of the user, under the home directory"""
    variable: str = ""
    """environment variable that names another folder for the user's file; empty: there is none"""
    project: str
    """settings file of a project, under its directory"""
    timeout: int = 0
    """how long the program waits for the hook, as the program counts; 0: its own default"""
    label: str = ""
    """what the program shows as the hook's name; empty: it has no such key"""
    event_field: str = "hook_event_name"
    """field of the report that names the event"""
    conversation_field: str = "session_id"
    """field of the report with the program's own id of its conversation"""
    note: str = ""
    """what a person should know before the hooks work"""
    events: tuple[HookEvent, ...]
    origin: str = ""
    """the file it was read from"""

    def detail_of(self, name: str, field_value: str) -> Detail | None:
        """What an event means; None: nothing. ``field_value``: that of the event's ``by``."""
        event = self.event(name)
        if event is None:
            return None
        special = dict(event.values).get(field_value)
        return event.detail if special is None else Detail(special)

    def event(self, name: str) -> HookEvent | None:
        """The event of this name; None if it is not one of those that mean something."""
        return next((one for one in self.events if one.event == name), None)
