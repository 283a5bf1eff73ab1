"""What the deck is given of the program around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from loop_orchestrator.operations.boot import Surroundings
    from loop_orchestrator.world import World


class Desk(Protocol):
    """A session, as its files and its config say now."""

    @property
    def world(self) -> World:
        """Raises LoopError where the config cannot be read."""

    @property
    def config_places(self) -> tuple[Path, ...]:
        """The files that the config is read from, and the folders of the project's harness data; there or not."""

    @property
    def caller(self) -> str:
        """who sits here, for records"""

    @property
    def surroundings(self) -> Surroundings:
        """what every lane of the session gets"""

    @property
    def environ(self) -> Mapping[str, str]: ...

    @property
    def socket(self) -> str:
        """of the tmux server of the session: a name or a path"""

    def require_accepted(self) -> None:
        """Raises LoopError where no person accepted what the config runs on this machine."""

    def signing_key(self) -> Path | None:
        """The key that signs approvals; None: nobody named one."""


MakeDesk = Callable[[], Desk]
"""A fresh one. Raises LoopError."""
