"""From options and environment to the collaborators of one project. Nothing is read or imported before it is needed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import Clock, SystemClock
from loop_orchestrator.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from loop_orchestrator.config.load import LoadedConfig
    from loop_orchestrator.config.schema import Config
    from loop_orchestrator.harnesses.detect import Found
    from loop_orchestrator.harnesses.hookdata import HookFiles
    from loop_orchestrator.harnesses.registry import Harnesses
    from loop_orchestrator.model.action import Action
    from loop_orchestrator.model.budget import Limits
    from loop_orchestrator.model.delivery import DeliveryRequest, DeliverySettings, Receipt
    from loop_orchestrator.model.lane import Lane, LaneRecord, LaneSpec
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.operations.boot import Surroundings
    from loop_orchestrator.operations.trust import Door
    from loop_orchestrator.process.cancel import Cancel
    from loop_orchestrator.redaction import Redactor
    from loop_orchestrator.stores.adr import AdrStore
    from loop_orchestrator.stores.asks import AskStore
    from loop_orchestrator.stores.brains import BrainRests
    from loop_orchestrator.stores.budget import Budget
    from loop_orchestrator.stores.control import Control
    from loop_orchestrator.stores.decisions import DecisionStore
    from loop_orchestrator.stores.deliveries import DeliveryStore
    from loop_orchestrator.stores.eventlog import EventLog
    from loop_orchestrator.stores.ingest import IngestStore
    from loop_orchestrator.stores.lanes import LaneStore
    from loop_orchestrator.stores.layout import Layout
    from loop_orchestrator.stores.mailbox import Mailbox
    from loop_orchestrator.stores.notes import KeyedNotes
    from loop_orchestrator.stores.queue import DeliveryQueue
    from loop_orchestrator.stores.restarts import RestartLog
    from loop_orchestrator.stores.routing import RoutingStore
    from loop_orchestrator.stores.segments import Keep
    from loop_orchestrator.stores.signals import SignalStore
    from loop_orchestrator.stores.statefile import StateStore
    from loop_orchestrator.stores.tasks import TaskStore
    from loop_orchestrator.stores.transcripts import TranscriptStore
    from loop_orchestrator.stores.wiki import Wiki
    from loop_orchestrator.substrate.port import Feed, Substrate
    from loop_orchestrator.world import Brain, Ears, World


@dataclass(frozen=True, kw_only=True)
class Options:
    """The common options as given; None: not given."""

    project_root: str | None = None
    session: str | None = None
    socket: str | None = None
    json: bool = False
    lane_config: str | None = None
    project: str | None = None
    """a name; it names the session where nothing else does"""
    mailbox_dir: str | None = None
    state_file: str | None = None
    state_dir: str | None = None
    adr_dir: str | None = None
    touch_nothing: bool = False
    """not even compiled copies of what was read are written"""


class Project:
    """One project and one session: the World of the operations, each collaborator made when it is first asked for."""

    def __init__(self, options: Options, environ: Mapping[str, str]) -> None:
        self.options = options
        self.environ = environ
        self.clock = _clock_of(environ)
        self.ears: Ears | None = None

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
            return find_root(current_dir())
        root = Path(named).absolute()
        if not root.is_dir():
            raise UsageError(f"the project {named} is no directory", hint="--project-root P")
        return root

    @cached_property
    def session(self) -> str:
        """The session: named, the one that the project has, or the project's own name."""
        from loop_orchestrator.stores.layout import Layout

        if self.options.session:
            return self.options.session
        if self.options.project:
            return session_name(self.options.project)
        named = self.environ.get("LOOP_SESSION")
        if named:
            return named
        if project := self.environ.get("LOOP_PROJECT"):
            return session_name(project)
        known = Layout.sessions(self.root)
        return known[0] if len(known) == 1 else session_name(self.root.name)

    @cached_property
    def socket(self) -> str:
        """The tmux server: a name, a path, or ``default``."""
        return self.options.socket or self.environ.get("LOOP_TMUX_SOCKET") or self.config.tmux.socket

    @cached_property
    def state_home(self) -> Path:
        return state_home(self.environ)

    @cached_property
    def layout(self) -> Layout:
        """Every path. Raises UsageError for places that are not those which the running session was booted with."""
        from loop_orchestrator.stores.layout import Elsewhere, Layout
        from loop_orchestrator.stores.places import read_places, refuse_others_folder

        plain = Layout(self.root, self.session)
        booted = read_places(plain)
        found: dict[str, Path | None] = {}
        for place in _PLACES:
            given = getattr(self.options, place.option) or self.environ.get(place.variable)
            known = getattr(booted, place.field) if booted else None
            asked = within(self.root, given) if given else known
            found[place.field] = None if asked == getattr(plain, place.field) else asked
            if booted is not None and found[place.field] != known and self.substrate.session_exists():
                here = known or getattr(plain, place.field)
                raise UsageError(
                    f"session {self.session} runs with its {place.what} in {here}, not in {asked}",
                    hint=f"leave {place.variable} out, or end the session first: loop down",
                )
        layout = Layout(self.root, self.session, Elsewhere(**found))
        refuse_others_folder(layout)
        return layout

    @cached_property
    def loaded(self) -> LoadedConfig:
        """The config; names of harnesses are checked where harnesses are used. Raises ConfigError."""
        from loop_orchestrator.config.load import load

        named = self.options.lane_config
        keep = not self.options.touch_nothing
        return load(self.root, lane_config=Path(named).absolute() if named else None, keep_copy=keep)

    @property
    def config(self) -> Config:
        return self.loaded.config

    @property
    def config_places(self) -> tuple[Path, ...]:
        """The files that the config is read from, and the folders of the project's harness data; there or not."""
        from loop_orchestrator.config.compiled import config_places

        named = self.options.lane_config
        files = config_places(self.root, lane_config=Path(named).absolute() if named else None)
        return (*files, self.layout.harness_dir, self.layout.harness_dir / "hooks")

    @cached_property
    def harnesses(self) -> Harnesses:
        """The harnesses there are; the config is checked against their names. Raises ConfigError."""
        from loop_orchestrator.config.load import load
        from loop_orchestrator.harnesses.registry import IDLE_HOME, Harnesses

        keep = not self.options.touch_nothing
        idle_home = self.environ.get(IDLE_HOME, "")
        found = Harnesses(self.layout.harness_dir, cache_dir=self.layout.cache if keep else None, idle_home=idle_home)
        named = self.options.lane_config
        load(
            self.root,
            lane_config=Path(named).absolute() if named else None,
            harness_names=tuple(found),
            keep_copy=keep,
        )
        return found

    @cached_property
    def hooks(self) -> HookFiles:
        """What is known of the hooks of agent programs."""
        from loop_orchestrator.harnesses.hookdata import HookFiles

        return HookFiles(self.layout.harness_dir / "hooks", cache_dir=self.layout.cache)

    @cached_property
    def events(self) -> EventLog:
        from loop_orchestrator.stores.eventlog import EventLog

        return EventLog(self.layout.events, self.clock, keep=self._kept_events)

    def _kept_events(self) -> Keep:
        """What of the event log is kept: what the config says, and what the daemon or an open decision still needs."""
        from loop_orchestrator.stores.segments import Keep

        board, waiting = self.routing.board(), self.decisions.open_decisions()
        # A decision that cannot be read is no reason to remove what says how it was filed.
        unread = bool(self.decisions.unreadable())
        return Keep(
            segments=self.config.log.keep_segments,
            days=self.config.log.keep_days,
            served=0 if unread else board[0] if board is not None else None,
            needed_since=min((one.created_at for one in waiting), default=None),
        )

    @cached_property
    def redactor(self) -> Redactor:
        """Takes out secrets: those the scanner finds, and the values of the variables that the config names.

        Where the config cannot be read, of those whose names say that they hold one.
        """
        from loop_orchestrator.operations.secrets import likely_names, secret_names
        from loop_orchestrator.redaction import Redactor, known_values

        try:
            names = secret_names(self.config, self.harnesses)
        except ConfigError:
            names = likely_names(self.environ)
        return Redactor(known_values(names, self.environ))

    @cached_property
    def routing(self) -> RoutingStore:
        from loop_orchestrator.stores.routing import RoutingStore

        return RoutingStore(self.layout)

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
    def wiki(self) -> Wiki:
        from loop_orchestrator.stores.wiki import Wiki

        return Wiki(self.layout, self.clock)

    @cached_property
    def adrs(self) -> AdrStore:
        """The folder as an option names it, from here; as LOOP_ADR_DIR does, from the project; else docs/adr."""
        from loop_orchestrator.stores.adr import AdrStore

        named = self.options.adr_dir
        known = self.environ.get("LOOP_ADR_DIR")
        folder = within(current_dir(), named) if named else within(self.root, known) if known else self.layout.adr_dir
        return AdrStore(folder, self.clock, self.events)

    @cached_property
    def decisions(self) -> DecisionStore:
        from loop_orchestrator.stores.decisions import DecisionStore

        return DecisionStore(self.layout, _Actions(), keep=self._kept_decisions)

    def _kept_decisions(self) -> int:
        from loop_orchestrator.config.schema import EngineConfig

        return (self.config.engine or EngineConfig()).keep_decisions

    @cached_property
    def budget(self) -> Budget:
        from loop_orchestrator.stores.budget import Budget

        return Budget(self.layout, self.clock, self._limits)

    @property
    def _limits(self) -> Limits:
        """What the config allows the brains."""
        from loop_orchestrator.config.compiled import compiled_limits

        named = self.options.lane_config
        known = compiled_limits(self.root, lane_config=Path(named).absolute() if named else None)
        return self.config.limits if known is None else known

    @cached_property
    def signers(self) -> bytes | None:
        """Raises ConfigError where the file that the config names cannot be read."""
        named = self.config.engine.signers if self.config.engine else ""
        if not named:
            return None
        path = self.root / named
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError((f"engine.signers: {path} cannot be read: {error.strerror}",)) from error

    @cached_property
    def brain_rests(self) -> BrainRests:
        from loop_orchestrator.stores.brains import BrainRests

        return BrainRests(self.layout, self.clock)

    @cached_property
    def control(self) -> Control:
        from loop_orchestrator.stores.control import Control

        return Control(self.layout, self.clock)

    @cached_property
    def substrate(self) -> Substrate:
        from loop_orchestrator.process.survival import read_facts, start_prefix
        from loop_orchestrator.substrate.tmux import TmuxSubstrate

        tmux = self.config.tmux
        return TmuxSubstrate(
            socket=self.socket,
            session=self.session,
            width=tmux.width,
            height=tmux.height,
            start_under=lambda: start_prefix(read_facts(self.environ)),
        )

    @property
    def feed(self) -> Feed | None:
        """Raises UsageError where LOOP_CONTROL says what it cannot mean."""
        wanted = self.environ.get("LOOP_CONTROL") or "on"
        if wanted not in ("on", "off"):
            raise UsageError(f"LOOP_CONTROL is on or off, not {wanted}")
        return self.substrate.feed() if wanted == "on" else None

    @cached_property
    def delivery_settings(self) -> DeliverySettings:
        from loop_orchestrator.operations.delivery_settings import delivery_settings

        return delivery_settings(self.environ)

    @cached_property
    def door(self) -> Door:
        """What the config of this project runs on this machine."""
        from loop_orchestrator.operations.trust import door_of

        return door_of(self.root, self.loaded, self.harnesses, self.layout.harness_dir)

    def door_now(self) -> Door:
        """The same, as the project's files say it by now; nothing here goes by it. Raises ConfigError."""
        return Project(replace(self.options, touch_nothing=True), self.environ).door

    @cached_property
    def surroundings(self) -> Surroundings:
        """What every lane of the session gets."""
        from loop_orchestrator.operations.boot import Surroundings

        env = {
            "LOOP_SESSION": self.session,
            "LOOP_PROJECT_ROOT": str(self.root),
            "LOOP_MAILBOX": str(self.layout.messages),
            "LOOP_TMUX_SOCKET": self.socket,
            "LOOP_BIN": str(Path(sys.executable).with_name("loop")),
        }
        if self.layout.elsewhere.state_file:
            env["LOOP_STATE_FILE"] = str(self.layout.state_file)
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
    def lanes(self) -> LaneStore:
        from loop_orchestrator.stores.lanes import LaneStore

        return LaneStore(self.layout)

    @cached_property
    def restarts(self) -> RestartLog:
        from loop_orchestrator.stores.restarts import RestartLog

        return RestartLog(self.layout.restarts)

    @cached_property
    def signals(self) -> SignalStore:
        from loop_orchestrator.stores.signals import SignalStore

        return SignalStore(self.layout)

    @cached_property
    def deliveries(self) -> DeliveryStore:
        from loop_orchestrator.stores.deliveries import DeliveryStore

        return DeliveryStore(self.layout, self.clock, self.events)

    @cached_property
    def queue(self) -> DeliveryQueue:
        from loop_orchestrator.stores.queue import DeliveryQueue

        return DeliveryQueue(self.layout, self.clock, self.events)

    @cached_property
    def asks(self) -> AskStore:
        from loop_orchestrator.stores.asks import AskStore

        return AskStore(self.layout, self.clock, self.events)

    @cached_property
    def handed_mail(self) -> KeyedNotes:
        return self._notes(self.layout.handed_mail)

    @cached_property
    def escalations(self) -> KeyedNotes:
        return self._notes(self.layout.escalations)

    @cached_property
    def proofs(self) -> KeyedNotes:
        return self._notes(self.layout.proofs)

    @cached_property
    def lanes_seen(self) -> KeyedNotes:
        return self._notes(self.layout.lanes_seen)

    @cached_property
    def saved_places(self) -> KeyedNotes:
        return self._notes(self.layout.saved_places)

    @cached_property
    def versions(self) -> KeyedNotes:
        return self._notes(self.layout.versions)

    @cached_property
    def idle_cycles(self) -> KeyedNotes:
        return self._notes(self.layout.idle_cycles)

    @cached_property
    def prompt_fits(self) -> KeyedNotes:
        return self._notes(self.layout.prompt_fits)

    @cached_property
    def drifts(self) -> KeyedNotes:
        return self._notes(self.layout.drifts)

    @cached_property
    def filing(self) -> KeyedNotes:
        return self._notes(self.layout.filing)

    @cached_property
    def lint(self) -> KeyedNotes:
        return self._notes(self.layout.lint)

    @cached_property
    def ingest(self) -> IngestStore:
        from loop_orchestrator.stores.ingest import IngestStore

        return IngestStore(self.layout, self.clock)

    def _notes(self, path: Path) -> KeyedNotes:
        from loop_orchestrator.stores.notes import KeyedNotes

        return KeyedNotes(path, self.clock)

    @cached_property
    def transcripts(self) -> TranscriptStore:
        from loop_orchestrator.stores.transcripts import TranscriptStore

        engine = self.config.engine
        keep = engine.keep_transcripts if engine else 1
        return TranscriptStore(self.layout.brain, keep=keep, redactor=self.redactor)

    @cached_property
    def prompts(self) -> Mapping[str, str]:
        from loop_orchestrator.prompts import load_prompts

        texts = load_prompts()
        if self.layout.elsewhere.messages is None:
            return texts
        return {name: text.replace(".loop/messages/", f"{self.layout.messages}/") for name, text in texts.items()}

    @cached_property
    def cancel(self) -> Cancel:
        from loop_orchestrator.process.cancel import Cancel

        return Cancel()

    @cached_property
    def brains(self) -> tuple[Brain, ...]:
        """The brains that the config names, in order. Raises ConfigError for a harness that cannot be asked once."""
        from loop_orchestrator.config.schema import BrainConfig
        from loop_orchestrator.engine.brain import make_brains

        engine = self.config.engine
        return make_brains(engine.brain if engine else BrainConfig(), self.harnesses, self.prompts, self.root)

    def deliver(self, request: DeliveryRequest) -> Receipt:
        from loop_orchestrator.operations.send import deliver_text

        return deliver_text(self, request)

    def observe_lanes(self) -> tuple[Lane, ...]:
        from loop_orchestrator.operations.observe import observe_lanes

        return observe_lanes(self)

    def start_lane(self, spec: LaneSpec) -> LaneRecord:
        from loop_orchestrator.operations.boot import start_lane

        return start_lane(self, spec, self.surroundings)

    def end_lane(self, name: str, *, even_at_work: bool) -> Path:
        from loop_orchestrator.operations.ending import end_lane

        return end_lane(self, name, by="engine", even_at_work=even_at_work).handoff

    def left_worktree(self, name: str) -> Path | None:
        from loop_orchestrator.operations.worktrees import left_worktree

        return left_worktree(self, name)

    @cached_property
    def world(self) -> World:
        """This project for the operations that act: the config and the project's harness data are read from their files
        before anything is done. What only looks is given the project itself. Raises ConfigError for a mistake in them.
        """
        from loop_orchestrator.config.schema import BRAIN_RULES
        from loop_orchestrator.model.ingest import IngestMode

        self.harnesses.use_files()
        _ = self.delivery_settings
        engine = self.config.engine
        if engine is not None and engine.brain.chain != (BRAIN_RULES,):
            _ = self.brains
        if engine is not None and engine.ingest.mode is IngestMode.HEADLESS:
            from loop_orchestrator.engine.ingestbrain import ingest_brain

            _ = ingest_brain(self, engine)
        _ = self.signers
        return self


@dataclass(frozen=True)
class _Place:
    """A place that an option and a variable may name."""

    field: str
    option: str
    variable: str
    what: str


_PLACES = (
    _Place("messages", "mailbox_dir", "LOOP_MAILBOX_DIR", "mailbox"),
    _Place("state_file", "state_file", "LOOP_STATE_FILE", "state file"),
    _Place("session_dir", "state_dir", "LOOP_TMUX_STATE_DIR", "files"),
)


class _Actions:
    """Writes and reads actions; their kinds are imported with the first of them."""

    def to_fields(self, action: Action) -> dict[str, JsonValue]:
        from loop_orchestrator.actions.registry import ActionCodec

        return ActionCodec().to_fields(action)

    def from_fields(self, kind: str, fields: Mapping[str, JsonValue]) -> Action:
        from loop_orchestrator.actions.registry import ActionCodec

        return ActionCodec().from_fields(kind, fields)


def _clock_of(environ: Mapping[str, str]) -> Clock:
    """The machine's clock, outside of tests. Raises UsageError for a clock that is not to be had."""
    if "LOOP_CLOCK" not in environ:
        return SystemClock()
    from loop_orchestrator.directedclock import clock_of

    return clock_of(environ)


def current_dir() -> Path:
    """The directory that this was started in. Raises UsageError where it is gone."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the directory that this was started in is gone", hint="cd, or --project-root P") from None


def find_root(start: Path) -> Path:
    """The nearest directory from here up with a config or ``.loop/``, else the git top level, else this one.

    Inside a lane's worktree, which may hold a copy of the config, it is the project that the worktree belongs to.
    """
    start = start.absolute()
    own = [place.parents[3] for place in (start, *start.parents) if place.parts[-4:-2] == (".loop", "worktrees")]
    places = (*own, start, *start.parents)
    for place in places:
        if (place / "lane-config.yaml").is_file() or (place / ".loop").is_dir():
            return place
    return next((place for place in places if (place / ".git").exists()), places[0])


def session_name(project: str) -> str:
    """The name of a project or a directory, as one that tmux and the layout take."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", project).strip("-_")[:80]
    return name or "loop"


def within(root: Path, given: str) -> Path:
    """The path, one that is relative taken from the project: whoever names it is somewhere else each time."""
    return Path(os.path.normpath(root / os.path.expanduser(given)))  # noqa: PTH111 - raises for an unknown user


def state_home(environ: Mapping[str, str]) -> Path:
    """The user's state directory of this program: ``$XDG_STATE_HOME/loop-orchestrator``."""
    named = environ.get("XDG_STATE_HOME", "")
    base = Path(named) if named.startswith("/") else Path(environ.get("HOME", "/")) / ".local" / "state"
    return base / "loop-orchestrator"
