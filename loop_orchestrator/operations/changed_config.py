"""A config that changed under a running engine: that goes on by what was accepted, and a person is shown the change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loop_orchestrator.actions.escalate import Escalate
from loop_orchestrator.engine.cycle import file_escalate
from loop_orchestrator.errors import LoopError
from loop_orchestrator.ids import sha256_text
from loop_orchestrator.operations.trust import difference

if TYPE_CHECKING:
    from loop_orchestrator.operations.trust import Door
    from loop_orchestrator.world import World

SHOWN = 8_000
"""Characters of the difference that a decision shows: half of what a text may have. The files have the rest."""

_KEY = "config/"
"""A key that no action's ``about`` can have, so that no brain can say that a person was told already."""


@dataclass(frozen=True)
class ConfigWatch:
    """What an engine runs by, and how to see what the project's files say now."""

    accepted: Door
    read: Callable[[], Door]
    """Raises LoopError where the files cannot be read."""

    def look(self, world: World) -> None:
        """File one decision for each thing that the files have come to say; it asks a person, and changes nothing.

        What says again what the engine runs by is no difference, and what comes after it is told anew.
        """
        digest, shown = self._now()
        known = [key for key in world.escalations.items() if key.startswith(_KEY)]
        key = f"{_KEY}{digest[:16]}"
        if digest == self.accepted.digest:
            for old in known:
                world.escalations.discard(old)
        elif key not in known:
            filed = file_escalate(world, _escalate(shown), critique="The config of this project is not what it was.")
            world.escalations.add(key, filed.id)

    def _now(self) -> tuple[str, str]:
        """The digest of what the files say, and how that differs; empty where it does not."""
        try:
            now = self.read()
        except (LoopError, OSError) as error:
            said = error.message if isinstance(error, LoopError) else str(error)
            return sha256_text(said), f"they cannot be read: {said}"
        same = now.digest == self.accepted.digest
        return now.digest, "" if same else "\n".join(difference(self.accepted, now))


def _escalate(shown: str) -> Escalate:
    cut = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}\n[cut; read the files]"
    summary = (
        "The files that say what this project runs on this machine, and what runs without a person, have changed. "
        "The engine goes on with what it began with. To take the change over: loop trust, then loop "
        f"restart. Approving this says: seen.\n\n{cut}"
    )
    return Escalate(summary=summary, rationale="No running engine takes over what nobody accepted.")
