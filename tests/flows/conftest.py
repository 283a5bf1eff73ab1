"""Every test of this folder drives the programs in real tmux."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.scratch import FAST_SCRIPT, Scratch, scratch_project


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.flow)


class Boot(Protocol):
    """Boots a session; a fixture, so that it is ended with the test."""

    def __call__(self, *, lanes: str, engine: str | None = "approval: full", script: str = FAST_SCRIPT) -> Scratch: ...


@pytest.fixture
def boot(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boot]:
    with ExitStack() as ends:

        def booted(*, lanes: str, engine: str | None = "approval: full", script: str = FAST_SCRIPT) -> Scratch:
            sockets = tmp_path_factory.mktemp("t")
            made = scratch_project(tmp_path / "project", sockets, lanes=lanes, engine=engine, script=script)
            return ends.enter_context(made)

        yield booted
