"""From options and environment to the collaborators of one project. Nothing is read or imported before it is needed."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.errors import UsageError

if TYPE_CHECKING:
    from loop_orchestrator.config.load import LoadedConfig
    from loop_orchestrator.config.schema import Config
    from loop_orchestrator.harnesses.detect import Found
    from loop_orchestrator.model.delivery import DeliveryRequest, Receipt
    from loop_orchestrator.model.harness import HarnessSpec
    from loop_orchestrator.model.lane import Lane, LaneRecord, LaneSpec
    from loop_orchestrator.operations.boot import Surroundings
    from loop_orchestrator.operations.trust import Door
    from loop_orchestrator.stores.budget import Budget
    from loop_orchestrator.stores.control import Control
    from loop_orchestrator.stores.decisions import DecisionStore
    from loop_orchestrator.stores.eventlog import EventLog
    from loop_orchestrator.stores.layout import Layout
    from loop_orchestrator.stores.mailbox import Mailbox
    from loop_orchestrator.stores.statefile import StateStore
    from loop_orchestrator.stores.tasks import TaskStore
    from loop_orchestrator.substrate.port import Substrate
    from loop_orchestrator.world import Brain, World


@dataclass(frozen=True, kw_only=True)
class Options:
    """The common options as given; None: not given."""

    project_root: str | None = None
    session: str | None = None
    socket: str | None = None
    json: bool = False
    lane_config: str | None = None


class Project:
    """One project and one session: every collaborator, each made when it is first asked for."""

    def __init__(self, options: Options, environ: Mapping[str, str]) -> None:
        self.options = options
        self.environ = environ
        self.clock = SystemClock()

    def at(self, directory: Path) -> Project:
        """The same options for the project in another directory."""
        return Project(replace(self.options, project_root=str(directory)), self.environ)

    def of_session(self, session: str) -> Project:
        """The same options for another session."""
        return Project(replace(self.options, session=session), self.environ)

    @property
    def json(self) -> bool:
        """Results are to be printed as one JSON document."""
        return self.options.json

    @property
    def caller(self) -> str:
        """The lane this was called from, else ``person``: a claim, good enough for a name in a record."""
        return self.environ.get("LOOP_LANE") or "person"

    @property
    def source(self) -> str:
        """Who the events of this call come from."""
        return f"lane:{self.environ['LOOP_LANE']}" if self.environ.get("LOOP_LANE") else "cli"

    @cached_property
    def root(self) -> Path:
        """The project. Raises UsageError for one that was named and is not there."""
        named = self.options.project_root or self.environ.get("LOOP_PROJECT_ROOT")
        if not named:
            return find_root(Path.cwd())
        root = Path(named).absolute()
        if not root.is_dir():
            raise UsageError(f"the project {named} is no directory", hint="--project-root P")
        return root

    @cached_property
    def session(self) -> str:
        """The session: named, the one that the project has, or the project's own name."""
        from loop_orchestrator.stores.layout import Layout

        named = self.options.session or self.environ.get("LOOP_SESSION")
        if named:
            return named
        known = Layout.sessions(self.root)
        return known[0] if len(known) == 1 else session_name(self.root)

    @cached_property
    def socket(self) -> str:
        """The tmux server: a name, a path, or ``default``."""
        return self.options.socket or self.environ.get("LOOP_TMUX_SOCKET") or self.config.tmux.socket

    @cached_property
    def state_home(self) -> Path:
        return state_home(self.environ)

    @cached_property
    def layout(self) -> Layout:
        from loop_orchestrator.stores.layout import Layout

        return Layout(self.root, self.session)

    @cached_property
    def loaded(self) -> LoadedConfig:
        """The config; names of harnesses are checked where harnesses are used. Raises ConfigError."""
        from loop_orchestrator.config.load import load

        named = self.options.lane_config
        return load(self.root, lane_config=Path(named).absolute() if named else None)

    @property
    def config(self) -> Config:
        return self.loaded.config

    @cached_property
    def harnesses(self) -> dict[str, HarnessSpec]:
        """The harnesses there are; the config is checked against their names. Raises ConfigError."""
        from loop_orchestrator.config.load import load
        from loop_orchestrator.harnesses.registry import load_harnesses

        found = load_harnesses(self.layout.harness_dir)
        named = self.options.lane_config
        load(self.root, lane_config=Path(named).absolute() if named else None, harness_names=tuple(found))
        return found

    @cached_property
    def events(self) -> EventLog:
        from loop_orchestrator.stores.eventlog import EventLog

        return EventLog(self.layout.events, self.clock)

    @cached_property
    def mailbox(self) -> Mailbox:
        from loop_orchestrator.stores.mailbox import Mailbox

        return Mailbox(self.layout, self.clock, self.events)

    @cached_property
    def state(self) -> StateStore:
        from loop_orchestrator.stores.statefile import StateStore

        return StateStore(self.layout, self.clock)

    @cached_property
    def tasks(self) -> TaskStore:
        from loop_orchestrator.stores.tasks import TaskStore

        return TaskStore(self.layout, self.events)

    @cached_property
    def decisions(self) -> DecisionStore:
        from loop_orchestrator.actions.registry import ActionCodec
        from loop_orchestrator.stores.decisions import DecisionStore

        return DecisionStore(self.layout, ActionCodec())

    @cached_property
    def budget(self) -> Budget:
        from loop_orchestrator.stores.budget import Budget

        return Budget(self.layout, self.clock, self.max_calls)

    @property
    def max_calls(self) -> int:
        """Calls of the brain that the config allows in an hour; 0 without an engine."""
        return self.config.engine.brain.max_calls_per_hour if self.config.engine else 0

    @cached_property
    def control(self) -> Control:
        from loop_orchestrator.stores.control import Control

        return Control(self.layout, self.clock)

    @cached_property
    def substrate(self) -> Substrate:
        from loop_orchestrator.substrate.tmux import TmuxSubstrate

        tmux = self.config.tmux
        return TmuxSubstrate(socket=self.socket, session=self.session, width=tmux.width, height=tmux.height)

    @cached_property
    def door(self) -> Door:
        """What the config of this project runs on this machine."""
        from loop_orchestrator.operations.trust import door_of

        return door_of(self.root, self.loaded, self.harnesses, self.layout.harness_dir)

    @cached_property
    def surroundings(self) -> Surroundings:
        """What every lane of the session gets."""
        from loop_orchestrator.operations.boot import Surroundings

        env = {
            "LOOP_SESSION": self.session,
            "LOOP_PROJECT_ROOT": str(self.root),
            "LOOP_MAILBOX": str(self.layout.messages),
            "LOOP_TMUX_SOCKET": self.socket,
        }
        return Surroundings(python=sys.executable, shell=self.environ.get("SHELL", ""), env=env)

    def found_agents(self) -> tuple[Found, ...]:
        """The agent programs of this machine; starts none of them."""
        from loop_orchestrator.harnesses.detect import found_agents

        return found_agents(
            self.harnesses.values(),
            path=self.environ.get("PATH", ""),
            home=Path(self.environ.get("HOME", "/")),
            env=self.environ,
        )

    @cached_property
    def world(self) -> World:
        """Everything, for the operations that need more than a store or two."""
        from loop_orchestrator.process.cancel import Cancel
        from loop_orchestrator.prompts import load_prompts
        from loop_orchestrator.stores.deliveries import DeliveryStore
        from loop_orchestrator.stores.lanes import LaneStore
        from loop_orchestrator.stores.notes import KeyedNotes
        from loop_orchestrator.stores.transcripts import TranscriptStore
        from loop_orchestrator.world import World

        layout, clock, engine = self.layout, self.clock, self.config.engine
        prompts = load_prompts()
        return World(
            root=self.root,
            session=self.session,
            config=self.config,
            layout=layout,
            clock=clock,
            events=self.events,
            mailbox=self.mailbox,
            state=self.state,
            tasks=self.tasks,
            lanes=LaneStore(layout),
            deliveries=DeliveryStore(layout, clock, self.events),
            decisions=self.decisions,
            budget=self.budget,
            control=self.control,
            handed_mail=KeyedNotes(layout.handed_mail, clock),
            escalations=KeyedNotes(layout.escalations, clock),
            proofs=KeyedNotes(layout.proofs, clock),
            lanes_seen=KeyedNotes(layout.lanes_seen, clock),
            transcripts=TranscriptStore(layout.brain, keep=engine.keep_transcripts if engine else 1),
            substrate=self.substrate,
            harnesses=self.harnesses,
            brain=self._brain(prompts),
            deliver=self._deliver,
            observe_lanes=self._observe_lanes,
            start_lane=self._start_lane,
            end_lane=self._end_lane,
            prompts=prompts,
            cancel=Cancel(),
        )

    def _brain(self, prompts: Mapping[str, str]) -> Brain:
        from loop_orchestrator.config.schema import BrainConfig
        from loop_orchestrator.engine.brain import make_brain

        engine = self.config.engine
        return make_brain(engine.brain if engine else BrainConfig(), self.harnesses, prompts, self.root)

    def _deliver(self, request: DeliveryRequest) -> Receipt:
        from loop_orchestrator.operations.send import deliver_text

        return deliver_text(self.world, request)

    def _observe_lanes(self) -> tuple[Lane, ...]:
        from loop_orchestrator.operations.observe import observe_lanes

        return observe_lanes(self.world)

    def _start_lane(self, spec: LaneSpec) -> LaneRecord:
        from loop_orchestrator.operations.boot import start_lane

        return start_lane(self.world, spec, self.surroundings)

    def _end_lane(self, name: str) -> Path:
        from loop_orchestrator.operations.ending import end_lane

        return end_lane(self.world, name, by="engine")


def find_root(start: Path) -> Path:
    """The nearest directory from here up with a config or ``.loop/``, else the git top level, else this one."""
    places = (start.absolute(), *start.absolute().parents)
    for place in places:
        if (place / "lane-config.yaml").is_file() or (place / ".loop").is_dir():
            return place
    return next((place for place in places if (place / ".git").exists()), places[0])


def session_name(root: Path) -> str:
    """The name of a directory, as one that tmux and the layout take."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", root.name).strip("-_")[:80]
    return name or "loop"


def state_home(environ: Mapping[str, str]) -> Path:
    """The user's state directory of this program: ``$XDG_STATE_HOME/loop-orchestrator``."""
    named = environ.get("XDG_STATE_HOME", "")
    base = Path(named) if named.startswith("/") else Path(environ.get("HOME", "/")) / ".local" / "state"
    return base / "loop-orchestrator"
