"""Brains that failed and are left out for a while, on disk: a restart forgets no wait."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator.clock import Clock, format_time
from loop_orchestrator.model.brain import BrainRest, FailureKind, wait_s
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.lock import brief_lock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loop_orchestrator.model.state import JsonValue

SCHEMA = 1


class BrainRests:
    """Which brains of a session rest, why and until when."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._path = layout.brain_rests
        self._clock = clock

    def resting(self) -> Mapping[str, BrainRest]:
        """Brain -> its rest, of those that are to be left out now. Raises StoreError."""
        now = self._clock.now()
        return {brain: rest for brain, rest in self._read().items() if not rest.is_over(now)}

    def failed(self, brain: str, kind: FailureKind, reason: str, until: datetime | None) -> BrainRest:
        """Leave a brain out until it is to be asked again; None: for as long as this kind of failure asks for."""
        from datetime import timedelta

        with brief_lock(self._path.with_name(self._path.name + ".lock")):
            rests, now = self._read(), self._clock.now()
            before = rests.get(brain)
            failures = before.failures + 1 if before is not None else 1
            rest = BrainRest(
                brain=brain,
                failure=kind,
                reason=reason,
                since=now,
                until=until or now + timedelta(seconds=wait_s(kind, failures)),
                failures=failures,
            )
            self._write({**rests, brain: rest})
        return rest

    def answered(self, brain: str) -> None:
        """It works again: its failures are forgotten."""
        self._drop(brain)

    def forget(self) -> tuple[str, ...]:
        """Ask every brain again at the next occasion, as a person wants it who mended something; those that rested."""
        rested = tuple(self.resting())
        self._drop(*self._read())
        return rested

    def _drop(self, *brains: str) -> None:
        rests = self._read()
        if not any(brain in rests for brain in brains):
            return
        with brief_lock(self._path.with_name(self._path.name + ".lock")):
            self._write({brain: rest for brain, rest in self._read().items() if brain not in brains})

    def _read(self) -> dict[str, BrainRest]:
        try:
            document = read_document(self._path, SCHEMA)
        except FileNotFoundError:
            return {}
        return {rest.brain: rest for rest in map(_rest, document.objects("rests"))}

    def _write(self, rests: Mapping[str, BrainRest]) -> None:
        listed: list[JsonValue] = [
            {
                "brain": rest.brain,
                "failure": rest.failure.value,
                "reason": rest.reason,
                "since": format_time(rest.since),
                "until": format_time(rest.until),
                "failures": rest.failures,
            }
            for rest in rests.values()
        ]
        write_json(self._path, {"schema": SCHEMA, "rests": listed})


def _rest(fields: Fields) -> BrainRest:
    return BrainRest(
        brain=fields.text("brain"),
        failure=fields.word("failure", FailureKind),
        reason=fields.text("reason"),
        since=fields.time("since"),
        until=fields.time("until"),
        failures=fields.integer("failures"),
    )
