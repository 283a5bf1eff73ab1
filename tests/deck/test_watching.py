"""The deck hears of lanes, files and config as they change, starts nothing to learn it, and records nothing."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from loop_orchestrator.deck import watching
from loop_orchestrator.deck.desk import Desk
from loop_orchestrator.deck.picture import Picture
from loop_orchestrator.deck.watching import NOT_ACCEPTED, pictures
from loop_orchestrator.errors import LoopError
from loop_orchestrator.hearing import dirty, listening
from loop_orchestrator.hearing.lanes import LaneWatch
from loop_orchestrator.hearing.listening import Listening
from loop_orchestrator.model.lane import Lane
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.boot import boot
from loop_orchestrator.operations.plan import plan_lanes
from loop_orchestrator.wiring import Project
from tests.deck.desks import ProjectDesk
from tests.support.projects import own_tmux, project_at, tmux

LANES = "lanes:\n  web: {harness: shell}\n  infra: {harness: shell}\n"
MORE = f"{LANES}  docs: {{harness: shell}}\n"
LIMIT_S = 20.0
"""Less than a sweep: what is seen within it was heard."""


class Shop:
    """A project with a tmux server of its own, and what a deck sees of it."""

    def __init__(self, root: Path, socket: str) -> None:
        self.root, self.socket = root, socket
        self.accepted = True
        self.panes: dict[str, str] = {}
        self.seen: list[Picture | LoopError] = []
        self.listening: Listening | None = None
        self.looked = False
        """at all lanes while it was told"""
        self._more = asyncio.Condition()

    def project(self, config: str | None = None) -> Project:
        environ = {"LOOP_TMUX_SOCKET": self.socket, "TMUX": "", "SHELL": "/bin/sh"}
        return project_at(self.root, config=config, environ=environ)

    def boot(self, config: str | None = LANES) -> None:
        """config: None: the one that is there."""
        project = self.project(config)
        plan = plan_lanes(project.config, project.root, project.harnesses, preset="", found=())
        boot(project.world, plan, project.surroundings)
        self.panes = {name: record.pane for name, record in project.world.lanes.records().items()}

    def desk(self) -> Desk:
        shop = self

        class Asked(ProjectDesk):
            def require_accepted(self) -> None:
                if not shop.accepted:
                    raise LoopError("it is not accepted")

        return Asked(self.project())

    def types(self, lane: str, *keys: str) -> None:
        tmux(self.socket, "send-keys", "-t", self.panes[lane], *keys)

    @asynccontextmanager
    async def deck(self) -> AsyncIterator[None]:
        """A deck watches meanwhile."""

        async def watch() -> None:
            async for found in pictures(self.desk):
                async with self._more:
                    self.seen.append(found)
                    self._more.notify_all()

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def until(self, met: Callable[[Picture], object]) -> Picture:
        """The newest picture, once it is so."""

        def last() -> Picture | None:
            newest = self.seen[-1] if self.seen else None
            return newest if isinstance(newest, Picture) and met(newest) else None

        async with self._more:
            try:
                await asyncio.wait_for(self._more.wait_for(lambda: last() is not None), LIMIT_S)
            except TimeoutError:
                newest = self.seen[-1] if self.seen else None
                raise AssertionError(
                    f"last seen: {states(newest) if isinstance(newest, Picture) else newest}"
                ) from None
        found = last()
        assert found is not None
        return found

    async def connected(self) -> None:
        """The deck is told by its terminal, has looked at all lanes since, and found them ready."""
        deadline = asyncio.get_running_loop().time() + LIMIT_S
        while not self.looked:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.02)
        await self.until(lambda one: set(states(one).values()) == {"ready"})


def states(picture: Picture) -> dict[str, str]:
    lanes = picture.status.lanes
    return {"": lanes.reason} if isinstance(lanes, Unknown) else {one.name: one.state.detail.value for one in lanes}


@pytest.fixture
def shop(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with own_tmux() as socket:
        made = Shop(project, socket)

        class Noted(Listening):
            def __init__(self, *given: Any, **named: Any) -> None:
                super().__init__(*given, **named)
                made.listening, made.looked = self, False

        class Counted(LaneWatch):
            def look(self, panes: Collection[str] | None, **named: Any) -> tuple[Lane, ...]:
                told = made.listening is not None and made.listening.connected
                lanes = super().look(panes, **named)
                made.looked |= told and panes is None
                return lanes

        monkeypatch.setattr(watching, "AGES_S", (LIMIT_S * 2,) * 2)
        monkeypatch.setattr(watching, "Listening", Noted)
        monkeypatch.setattr(watching, "LaneWatch", Counted)
        yield made


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands of tmux that this process starts."""
    found: list[str] = []
    begin: Callable[..., None] = subprocess.Popen.__init__

    def noted(self: object, args: list[str], *more: object, **named: object) -> None:
        found.append(" ".join(map(str, args)))
        begin(self, args, *more, **named)

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    return found


def run(steps: Awaitable[None]) -> None:
    async def main() -> None:
        await steps

    asyncio.run(main())


def test_what_a_lane_does_is_pushed_and_neither_started_for_nor_recorded(shop: Shop, started: list[str]) -> None:
    shop.boot()

    async def steps() -> None:
        log = shop.project().world.events
        before = [event.kind for event in log.since(0)]
        async with shop.deck():
            await shop.connected()
            started.clear()
            shop.types("web", "sleep 100", "Enter")
            await shop.until(lambda one: states(one) == {"web": "tool", "infra": "ready"})
            shop.types("web", "C-c")
            await shop.until(lambda one: states(one) == {"web": "ready", "infra": "ready"})
        assert [one for one in started if "send-keys" not in one] == []
        assert [event.kind for event in log.since(0)] == before

    run(steps())


def test_an_end_is_seen_whatever_the_terminal_says_of_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dirty, "QUIET_S", (LIMIT_S * 2,) * 4)
    monkeypatch.setattr(dirty, "SOON_S", LIMIT_S * 2)
    shop.boot()

    async def steps() -> None:
        async with shop.deck():
            await shop.connected()
            shop.types("web", "exit 3", "Enter")
            picture = await shop.until(lambda one: states(one)["web"] == "exited")
            lane = shop.project().world.lanes.run("web")
            assert lane is not None and picture.since["web"] == lane.ended_at

    run(steps())


def test_a_new_lane_is_seen(shop: Shop) -> None:
    shop.boot()

    async def steps() -> None:
        async with shop.deck():
            await shop.connected()
            shop.looked = False
            shop.project(MORE)
            await shop.connected()
            await asyncio.to_thread(shop.boot, None)
            await shop.until(lambda one: states(one).get("docs") == "ready")

    run(steps())


def test_a_message_is_seen_as_soon_as_it_is_there(shop: Shop) -> None:
    shop.boot()

    async def steps() -> None:
        async with shop.deck():
            await shop.connected()
            shop.project().world.mailbox.send("web", "coord", "a subject", "a body")
            await shop.until(lambda one: not isinstance(one.status.mail, Unknown) and one.status.mail)

    run(steps())


def test_a_tmux_that_is_gone_and_comes_back_is_seen(shop: Shop) -> None:
    shop.boot()

    async def steps() -> None:
        async with shop.deck():
            await shop.connected()
            shop.looked = False
            tmux(shop.socket, "kill-server")
            await shop.until(lambda one: set(states(one).values()) == {"missing"})
            await asyncio.to_thread(shop.boot, None)
            await shop.until(lambda one: set(states(one).values()) == {"ready"})
            await shop.connected()

    run(steps())


def test_a_session_that_is_not_there_yet_is_seen_once_it_is_booted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "RETRY_FIRST_S", LIMIT_S * 2)
    shop.project(LANES)

    async def steps() -> None:
        async with shop.deck():
            assert (await shop.until(lambda _: True)).status.lanes == ()
            await asyncio.to_thread(shop.boot, None)
            await shop.connected()

    run(steps())


def test_a_connection_that_is_cut_is_made_again(shop: Shop) -> None:
    shop.boot()

    async def steps() -> None:
        async with shop.deck():
            await shop.connected()
            shop.looked = False
            for client in tmux(shop.socket, "list-clients", "-F", "#{client_name}").text.split():
                tmux(shop.socket, "detach-client", "-t", client)
            await shop.connected()
            shop.types("infra", "sleep 100", "Enter")
            await shop.until(lambda one: states(one)["infra"] == "tool")

    run(steps())


def test_without_a_connection_lanes_are_looked_at_all_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOP_CONTROL", "off")
    monkeypatch.setattr(watching, "UNHEARD_S", 0.1)
    shop.boot()

    async def steps() -> None:
        async with shop.deck():
            await shop.until(lambda one: set(states(one).values()) == {"ready"})
            shop.types("web", "sleep 100", "Enter")
            await shop.until(lambda one: states(one)["web"] == "tool")

    run(steps())


def test_a_changed_config_is_taken_over_and_a_broken_one_said_while_the_old_one_holds(shop: Shop) -> None:
    shop.boot(f"{LANES}engine: {{approval: manual}}\n")
    config = shop.root / "lane-config.yaml"

    async def steps() -> None:
        async with shop.deck():
            await shop.connected()
            config.write_text(f"{LANES}engine: {{approval: manual, approval_expires_s: 600}}\n")
            await shop.until(lambda one: one.expires_s == 600 and states(one)["web"] == "ready")
            config.write_text("lanes: {web: {harness: shell\n")
            broken = await shop.until(lambda one: one.config_note)
            assert "lane-config.yaml" in broken.config_note and broken.expires_s == 600
            shop.types("web", "sleep 100", "Enter")
            await shop.until(lambda one: states(one)["web"] == "tool" and one.config_note)
            config.write_text(f"{LANES}engine: {{approval: manual, approval_expires_s: 60}}\n")
            await shop.until(lambda one: one.expires_s == 60 and not one.config_note)
        assert not any(isinstance(one, LoopError) for one in shop.seen)

    run(steps())


def test_a_config_that_is_broken_from_the_first_is_said_until_it_is_mended(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "AGAIN_S", 0.05)
    shop.project("lanes: {web: {harness: shell\n")

    async def steps() -> None:
        async with shop.deck():
            while not shop.seen:
                await asyncio.sleep(0.02)
            assert isinstance(shop.seen[0], LoopError) and "lane-config.yaml" in shop.seen[0].message
            shop.project(LANES)
            await shop.until(lambda one: one.status.lanes == ())

    run(steps())


def test_a_config_that_nobody_accepted_is_said_until_somebody_does(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "AGES_S", (0.1, 0.1))
    shop.project(LANES)
    shop.accepted = False

    async def steps() -> None:
        async with shop.deck():
            await shop.until(lambda one: one.config_note == NOT_ACCEPTED)
            shop.accepted = True
            await shop.until(lambda one: one.config_note == "")

    run(steps())


def test_what_nobody_announced_is_found_by_the_sweep(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "SWEEP_S", 0.2)
    shop.boot()

    async def steps() -> None:
        async with shop.deck():
            await shop.connected()
            tmux(shop.socket, "set-option", "-p", "-t", shop.panes["web"], "@loop_lane", "another")
            await shop.until(lambda one: states(one)["web"] == "conflicting")

    run(steps())
