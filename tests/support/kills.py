"""A session whose lanes keep every byte, and processes of it that end with SIGKILL at a named point."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.clock import SystemClock
from loop_orchestrator.model.decision import Decision, DecisionStatus, Item, ItemStatus
from loop_orchestrator.model.delivery import DeliveryStatus
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.lane import LaneKind, LaneSpec
from loop_orchestrator.operations.boot import boot
from loop_orchestrator.operations.cycle import once
from loop_orchestrator.operations.decisions import approve
from loop_orchestrator.operations.ending import drop_lane
from loop_orchestrator.operations.plan import plan_lanes
from loop_orchestrator.operations.resolve import Outcome, resolve
from loop_orchestrator.operations.status import status
from loop_orchestrator.process.person import PersonCheck
from loop_orchestrator.stores.lock import Lock
from loop_orchestrator.wiring import Options, Project
from loop_orchestrator.world import World
from tests.support.projects import own_tmux
from tests.support.waiting import eventually

REPEATS = int(os.environ.get("LOOP_KILL_REPEATS", "1"))
"""LOOP_KILL_REPEATS=20 for the long run."""

REPOSITORY = Path(__file__).parents[2]
SESSION = "shop"
PERSON = PersonCheck(ok=True, who="ann", reason="a test")

_HARNESS = """
name: keeper
title: Keeper
kind: agent
launch: ["{{python}}", {agent}, "{folder}/{{lane}}.bytes", echo]
foreground: [python, python3]
idle_settle_s: 0.02
harmless: ['.']
composer:
  line: '^>(?: (?P<text>.*))?$'
  frame: last
  paste_marks: ['\\[got \\d+ bytes\\]']
  settle_s: 0
  clear: [C-u]
"""

_CONFIG = """
lanes:
  coord: {{cmd: sleep 100000}}
  web: {{harness: keeper}}
  api: {{harness: keeper}}
engine:
  approval: {mode}
  brain: {{use: command, command: [cat, {reply}], max_calls_per_hour: 3600}}
  destructive: {{max_lanes: 100, max_dispatches_per_cycle: 8}}
{more}"""

STOP = "actions:\n  - {kind: stop, rationale: nothing is left}\n"


@dataclass(frozen=True)
class AheadClock(SystemClock):
    """The machine's clock, so many seconds ahead."""

    by_s: float

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.by_s)


@dataclass
class Killable:
    """One session. Every process of it is a fork that makes its collaborators anew."""

    root: Path
    socket: str
    ahead_s: float = 0.0
    """how far the clock of its processes is ahead"""
    key: Path | None = None
    """what approvals are signed with"""

    def project(self) -> Project:
        environ = {**os.environ, "LOOP_TMUX_SOCKET": self.socket, "SHELL": "/bin/sh"}
        project = Project(Options(project_root=str(self.root), session=SESSION), environ)
        project.clock = AheadClock(self.ahead_s)
        return project

    @property
    def world(self) -> World:
        """As a process that begins now sees it."""
        return self.project().world

    def process(self, act: Callable[[World], object], *, crash_at: str = "") -> bool:
        """Do this in a process of its own; True: it ended with SIGKILL at the point. Any other failure is one here."""
        said = self.root / "failed"
        said.unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                if crash_at:
                    os.environ["LOOP_CRASH_AT"] = crash_at
                act(self.world)
                code = 0
            except BaseException:
                said.write_text(traceback.format_exc(), encoding="utf-8")
            finally:
                os._exit(code)
        ended = os.waitpid(pid, 0)[1]
        if os.WIFSIGNALED(ended):
            assert os.WTERMSIG(ended) == signal.SIGKILL, ended
            return True
        assert os.WEXITSTATUS(ended) == 0, said.read_text(encoding="utf-8")
        return False

    def decides(self, actions: str) -> None:
        """What the brain answers from now on: the YAML of ``actions:``."""
        text = f"```decision\nversion: 1\ncritique: as the test says\n{actions}```\n"
        (self.root / "reply.md").write_text(text, encoding="utf-8")

    def add_worker(self, name: str) -> None:
        """A lane of the kind that a decision may drop, ready."""
        spec = LaneSpec(
            name=name, window=name, role="implementation", harness="keeper", kind=LaneKind.WORKER, cwd=self.root
        )
        self.world.start_lane(spec)
        self.ready(name)

    def ready(self, *names: str) -> None:
        world = self.world

        def look() -> bool:
            return all(lane.state.ready for lane in world.observe_lanes() if lane.name in names)

        eventually(look, what=f"{names} are ready")

    def sent(self, lane: str, text: str) -> tuple[int, int]:
        """How often a text was pasted into a lane, and how often Enter followed it."""
        file = self.root / f"{lane}.bytes"
        data = file.read_bytes() if file.exists() else b""
        pasted = b"\x1b[200~" + text.encode() + b"\x1b[201~"
        return data.count(pasted), data.count(pasted + b"\r")

    def decisions(self) -> tuple[Decision, ...]:
        """Every decision there is, open and archived, oldest first."""
        store, layout = self.world.decisions, self.world.layout
        files = (*layout.decisions.glob("*.json"), *layout.decisions_archive.glob("*.json"))
        return tuple(store.get(name) for name in sorted({path.stem for path in files}))

    def events(self, kind: str, decision: str = "") -> list[Event]:
        found = (event for event in self.world.events.since(0) if event.kind == kind)
        return [event for event in found if not decision or event.payload.get("decision") == decision]

    def cycle(self, *, crash_at: str = "") -> bool:
        return self.process(lambda world: once(world, mode=None), crash_at=crash_at)

    def approve(self, decision: str, *, crash_at: str = "", indices: Sequence[int] = ()) -> bool:
        return self.process(
            lambda world: approve(world, decision, indices=indices, person=PERSON, key=self.key), crash_at=crash_at
        )

    def filed(self, actions: str) -> str:
        """The id of a decision of these actions, which waits; the brain has nothing more to decide."""
        self.decides(actions)
        self.cycle()
        self.decides(STOP)
        (decision,) = self.world.decisions.open_decisions()
        return decision.id

    def settle_unknown(self) -> None:
        """What a person does about what nobody knows, as ``loop status`` says it: look into the lane, and say it."""
        world = self.world
        said = "\n".join(f"{need.what}: {need.next_step}" for need in status(world).needs)
        for receipt in world.deliveries.unknown():
            assert f"loop resolve {receipt.op} " in said, said
            self.process(lambda world, op=receipt.op: self._resolve(world, op))  # type: ignore[misc]
        for decision in world.decisions.open_decisions():
            for item in decision.items:
                if item.status is ItemStatus.UNKNOWN and item.action.kind == "drop_lane":
                    assert f"loop engine show {decision.id}" in said, said
                    assert f"loop lane drop {item.action.target}" in item.note
                    self.process(lambda world, name=item.action.target: drop_lane(world, name, force=True, by="ann"))  # type: ignore[misc]

    def _resolve(self, world: World, op: str) -> None:
        receipt = world.deliveries.get(op)
        assert receipt is not None
        stands = op in status(world).standing
        arrived = self.sent(receipt.lane, self.text_of(op))[1] > 0
        outcome = Outcome.HAPPENED if arrived else Outcome.CLEAR if stands else Outcome.DID_NOT
        resolve(world, op, outcome, by="ann")

    def text_of(self, op: str) -> str:
        decision, _, idx = op.rpartition("-")
        return text_of(self.world.decisions.get(decision).items[int(idx)])

    def close_all(self, *, crash_at: str = "") -> bool:
        """Cycles, and a person who answers everything, until nothing is left; no more than a handful are needed.

        crash_at: the first process that gets there is killed; True: one was.
        """
        killed = False
        for _ in range(6):
            killed = self.cycle(crash_at="" if killed else crash_at) or killed
            if killed:
                self.cycle()
            self.settle_unknown()
            for decision in self.world.decisions.open_decisions():
                if ItemStatus.WAITING in [item.status for item in decision.items]:
                    killed = self.approve(decision.id, crash_at="" if killed else crash_at) or killed
            if not self.world.decisions.open_decisions():
                self.cycle()  # takes back what was to be handed over and did not arrive
                return killed
        raise AssertionError(f"wedged: {self.world.decisions.open_decisions()}")

    def check(self, decision: Decision) -> None:
        """Nothing of a closed decision happened twice, nothing is held, and the disk says what is."""
        world = self.world
        assert decision.status is DecisionStatus.CLOSED
        assert (world.layout.decisions_archive / f"{decision.id}.json").exists()
        for item in decision.items:
            self._check_item(decision, item)
        assert world.decisions.open_decisions() == ()
        assert (world.deliveries.open_ops(), world.deliveries.unknown()) == ((), ())
        panes = {pane.pane: pane.lane for pane in world.substrate.panes()}
        assert {record.pane: name for name, record in world.lanes.records().items()} == panes
        locks = [world.decisions.cycle_lock(), world.decisions.execution_lock(decision.id)]
        locks += [world.deliveries.lease(name) for name in world.lanes.records()]
        locks += [Lock(world.layout.approvals_lock, "approvals")]
        for lock in locks:
            with lock:
                pass
        for kind in ("decision.filed", "decision.archived"):
            assert len(self.events(kind, decision.id)) == 1, kind
        done = {f"{decision.id}-{item.idx}" for item in decision.items if item.status is ItemStatus.DONE}
        assigned = {one.op for one in world.tasks.assignments() if one.op.startswith(decision.id)}
        assert assigned == {op for op in done if op in assigned}
        for item in decision.items:
            if isinstance(item.action, Dispatch) and item.action.task:
                assert (f"{decision.id}-{item.idx}" in assigned) == (item.status is ItemStatus.DONE)

    def _check_item(self, decision: Decision, item: Item) -> None:
        kind, target, text = item.action.kind, item.action.target, text_of(item)
        about = f"{decision.id} {item}"
        closed = [
            one.payload["status"] for one in self.events("item.closed", decision.id) if one.payload["idx"] == item.idx
        ]
        assert len(closed) == len(set(closed)), about
        assert closed[-1:] == [item.status.value], about
        if kind in ("dispatch", "steer", "add_lane"):
            receipt = self.world.deliveries.get(f"{decision.id}-{item.idx}")
            arrived = self.sent(target, text)[1]
            assert arrived == (1 if item.status is ItemStatus.DONE else 0), about
            if receipt is not None:
                told = [one for kind in ("delivery.closed", "delivery.resolved") for one in self.events(kind)]
                assert [one for one in told if one.payload["op"] == receipt.op], about
                assert (receipt.status is not DeliveryStatus.NOT_DELIVERED) == (arrived == 1), about
        if kind == "escalate":
            assert item.status is ItemStatus.DONE, about
            assert len(self.events("escalated", decision.id)) == 1, about
        if kind == "drop_lane":
            gone = target not in self.world.lanes.records()
            assert (item.status is ItemStatus.DONE) == gone, about


def text_of(item: Item) -> str:
    assert isinstance(item.action, ActionKind)
    return item.action.text


@contextmanager
def killable(root: Path, *, mode: str, more: str = "") -> Iterator[Killable]:
    """A booted session. more: further lines of the ``engine:`` section."""
    (root / ".loop" / "harnesses").mkdir(parents=True, exist_ok=True)
    agent = REPOSITORY / "tests/support/recording_agent.py"
    (root / ".loop/harnesses/keeper.yaml").write_text(_HARNESS.format(agent=agent, folder=root), encoding="utf-8")
    config = _CONFIG.format(mode=mode, reply=root / "reply.md", more=more)
    (root / "lane-config.yaml").write_text(config, encoding="utf-8")
    with own_tmux() as socket:
        made = Killable(root, socket)
        made.decides(STOP)
        project = made.project()
        plan = plan_lanes(project.config, project.root, project.harnesses, preset="", found=())
        boot(project.world, plan, project.surroundings)
        made.ready("web", "api")
        yield made
