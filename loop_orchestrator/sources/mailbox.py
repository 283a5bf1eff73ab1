"""Messages that arrived."""

from __future__ import annotations

from collections.abc import Iterator

from loop_orchestrator.model.route import Emission
from loop_orchestrator.sources.base import SourceKind
from loop_orchestrator.sources.look import Look


def _compare(before: Look, now: Look) -> Iterator[Emission]:
    for file in sorted(now.mail - before.mail):
        yield Emission("mailbox", "arrived", file, file, {"file": file})


MAILBOX = SourceKind("mailbox", {"arrived": "a message is in the mailbox"}, _compare)
