"""Real lanes in a private tmux server: the launcher, the stores, and the substrate together, as in use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from loop_orchestrator.clock import SystemClock
from loop_orchestrator.harnesses.launch import lane_argv
from loop_orchestrator.model.delivery import PLAIN, DeliveryMode, DeliveryRequest, DeliverySettings, Receipt
from loop_orchestrator.model.harness import HarnessSpec
from loop_orchestrator.model.lane import Detail, Lane, LaneRecord, LaneSpec, Split
from loop_orchestrator.process.cancel import Cancel
from loop_orchestrator.process.launch import launch_argv
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.deliveries import DeliveryStore
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.lanes import LaneStore
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.substrate.deliver import deliver
from loop_orchestrator.substrate.port import PaneStart
from loop_orchestrator.substrate.readiness import lane_of
from loop_orchestrator.substrate.tmux import TmuxSubstrate
from loop_orchestrator.substrate.typist import Typist
from tests.support.packaged import packaged_harnesses
from tests.support.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
HARNESSES = packaged_harnesses()


class Fleet:
    """One session of lanes in a folder; its server ends with ``close``."""

    def __init__(self, root: Path, *, session: str = "short", width: int = 120, height: int = 30) -> None:
        self.root = root
        self.socket = root / "tmux"
        self.clock = SystemClock()
        self.cancel = Cancel()
        self.tmux = TmuxSubstrate(str(self.socket), session, width, height)
        layout = Layout(root=root, session=session)
        self.lanes = LaneStore(layout)
        self.journal = DeliveryStore(layout, self.clock, EventLog(layout.events, self.clock))
        self.records: dict[str, LaneRecord] = {}

    def start(
        self,
        name: str,
        harness: str = "rehearsal",
        *options: str,
        window: str = "",
        split: Split = Split.FIRST,
        script: str = "",
    ) -> LaneRecord:
        """Boot one lane through the launcher. script: text of the rehearsal's script."""
        spec = LaneSpec(
            name=name, window=window or name, split=split, role="implementation", harness=harness, cwd=self.root
        )
        if script:
            (self.root / f"{name}.yaml").write_text(script, encoding="utf-8")
            options = (*options, "--script", str(self.root / f"{name}.yaml"))
        argv = (*lane_argv(spec, HARNESSES[harness], python=sys.executable), *options)
        env = {"LOOP_LANE": name, "PYTHONPATH": str(REPOSITORY), "PS1": "$ ", "LC_ALL": "C"}
        launch = self.root / f"{name}.launch.json"
        run_file = self.lanes.run_path(name)
        run_file.parent.mkdir(parents=True, exist_ok=True)
        write_json(
            launch,
            {
                "lane": name,
                "argv": list(argv),
                "shell": "/bin/bash",
                "cwd": str(self.root),
                "env": dict(env),
                "run_file": str(run_file),
            },
        )
        start = PaneStart(spec=spec, argv=launch_argv(launch), env=tuple(env.items()))
        facts = self.tmux.start_lanes([start], cwd=self.root)[0]
        agent = HARNESSES[harness].is_agent
        record = LaneRecord(
            spec=spec,
            pane=facts.pane,
            pane_pid=facts.pid,
            pane_tty=facts.tty,
            agent=agent,
            argv=argv,
            booted_at=self.clock.now(),
        )
        self.records[name] = record
        return record

    def lane(self, name: str) -> Lane:
        record = self.records[name]
        readings = self.tmux.read([record.pane])
        reading = readings[0] if readings else None
        return lane_of(record, reading, self.lanes.run(name), self.spec(name), self.clock.now())

    def spec(self, name: str) -> HarnessSpec:
        return HARNESSES[self.records[name].spec.harness]

    def becomes(self, name: str, *details: Detail) -> Lane:
        """Wait until the lane is in one of these states."""
        seen: list[Lane] = []

        def look() -> bool:
            seen[:] = [self.lane(name)]
            return seen[0].state.detail in details

        try:
            eventually(look, what=f"lane {name} becomes {details}")
        except AssertionError:
            raise AssertionError(f"lane {name} is {seen[0].state}\n" + "\n".join(seen[0].screen)) from None
        return seen[0]

    def deliver(
        self,
        name: str,
        text: str,
        *,
        op: str = "op-1",
        mode: DeliveryMode = DeliveryMode.TEXT,
        sender: str = "engine",
        ready_timeout_s: float = 0.0,
        interrupt: bool = False,
        press_enter: bool = True,
        fresh: bool = False,
        settings: DeliverySettings = PLAIN,
    ) -> Receipt:
        request = DeliveryRequest(
            op=op,
            lane=name,
            text=text,
            mode=mode,
            sender=sender,
            ready_timeout_s=ready_timeout_s,
            interrupt=interrupt,
            press_enter=press_enter,
            fresh=fresh,
        )
        return deliver(
            request,
            substrate=self.tmux,
            record=self.records[name],
            spec=self.spec(name),
            journal=self.journal,
            state_of=lambda: self.lane(name),
            clock=self.clock,
            cancel=self.cancel,
            settings=settings,
        )

    def typist(self, name: str) -> Typist:
        return Typist(
            substrate=self.tmux,
            record=self.records[name],
            spec=self.spec(name),
            state_of=lambda: self.lane(name),
            clock=self.clock,
            cancel=self.cancel,
            pause=self.clock.sleep,
        )

    def command(self, *words: str, stdin: str = "") -> str:
        """tmux as a person would use it."""
        argv = ["tmux", "-u", "-S", str(self.socket), *words]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, encoding="utf-8", check=True).stdout

    def type(self, name: str, *keys: str) -> None:
        self.command("send-keys", "-t", self.records[name].pane, *keys)

    def close(self) -> None:
        subprocess.run(["tmux", "-S", str(self.socket), "kill-server"], capture_output=True, check=False)
