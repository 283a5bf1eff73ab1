"""Which files of a session were put elsewhere: written when it is booted, found by every later command."""

from __future__ import annotations

from pathlib import Path

from loop_orchestrator.errors import StoreError, UsageError
from loop_orchestrator.stores.atomic import read_json, write_json
from loop_orchestrator.stores.documents import Fields
from loop_orchestrator.stores.layout import Elsewhere, Layout

_KEYS = ("messages", "state_file", "session_dir")


def read_places(layout: Layout) -> Elsewhere | None:
    """What the session was booted with; None if nobody wrote that down. Raises StoreError."""
    try:
        value = read_json(layout.places)
    except FileNotFoundError:
        return None
    if not isinstance(value, dict):
        raise StoreError(f"{layout.places}: expected an object", hint="loop up writes it anew once it is removed")
    fields = Fields(value, str(layout.places))
    return Elsewhere(**{key: Path(text) if (text := fields.text(key, "")) else None for key in _KEYS})


def write_places(layout: Layout) -> None:
    """Write down where the files of this session stand, unless that stands there already; raises StoreError."""
    if read_places(layout) != layout.elsewhere:
        given = {key: getattr(layout.elsewhere, key) for key in _KEYS}
        write_json(layout.places, {key: str(path) if path else "" for key, path in given.items()})
    if layout.elsewhere.session_dir and not layout.owner.exists():
        write_json(layout.owner, {"root": str(layout.root), "session": layout.session})


def refuse_others_folder(layout: Layout) -> None:
    """Return if the session's folder is nobody else's. Raises UsageError, naming whose it is, and StoreError."""
    if layout.elsewhere.session_dir is None:
        return
    try:
        value = read_json(layout.owner)
    except FileNotFoundError:
        return
    fields = Fields(value if isinstance(value, dict) else {}, str(layout.owner))
    root, session = fields.text("root"), fields.text("session")
    if (root, session) != (str(layout.root), layout.session):
        raise UsageError(
            f"{layout.session_dir} holds the files of session {session} of {root}",
            hint="name another folder: --state-dir P, or LOOP_TMUX_STATE_DIR",
        )
