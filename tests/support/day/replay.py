"""Plays a recorded day: does what each line says, lets the time between the lines pass, and waits until what a line
calls for has happened before the day goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

from loop_orchestrator.model.event import Event
from loop_orchestrator.operations.control import pause, resume
from loop_orchestrator.wiring import Options, Project
from tests.support.day.history import ASK_S, EXPIRES_S, LANES, Line
from tests.support.day.triggers import Ledger
from tests.support.directing import Director
from tests.support.scratch import SESSION, Scratch, write_task
from tests.support.waiting import eventually

MIDNIGHT = datetime(2031, 5, 4, tzinfo=UTC)
"""When the day begins: after every file that the machine made of itself."""

RATE = 10.0
"""How fast the day runs while something is awaited. At half, every debounce costs twice the time; at double, a lane
that begins its work slowly is taken for a silent one."""

GOOD_S = 600
"""After so long a program that was started again is good."""

LIMIT_S = 30.0
"""Seconds of the machine that anything may take."""

SCRIPT = r"""
boot_s: 0.05
answers:
  - when: '(?m)^Task (?P<task>T\d{4}): unfinished'
    steps:
      - mail: {to: coord, subject: "{task} in-progress", body: begun}
      - work_s: 1.5
      - mail: {to: coord, subject: "{task} review", body: finished}
  - when: '(?m)^Task (?P<task>T\d{4}):'
    steps:
      - mail: {to: coord, subject: "{task} in-progress", body: begun}
      - mail: {to: coord, subject: "{task} review", body: finished}
  - when: '(?m)^Prove task (?P<task>T\d{4}): unproved'
    steps:
      - mail: {to: coord, subject: "{task} not-proved", body: it is not there}
  - when: '(?m)^Prove task (?P<task>T\d{4}):'
    steps:
      - mail: {to: coord, subject: "{task} proved", body: seen}
  - when: '(?m)^You have mail from .*Re: [^$]*\.loop/messages/(?P<file>[^\s/]+\.md)'
    steps:
      - ack: "{file}"
  - when: '(?m)^You have mail from [^$]*\.loop/messages/(?P<file>[^\s/]+\.md)'
    steps:
      - reply: {file: "{file}", body: answered}
      - ack: "{file}"
  - when: '(?m)^Which port[^$]*\(ask (?P<ask>d-[\w-]+)\):'
    steps:
      - reply: {file: "{ask}", body: "on port 8080"}
default:
  steps:
    - say: heard
"""
"""What the agents of the day do."""

HERE = Path(__file__).parent
LANE_CONFIG = (
    "{web: {harness: actor}, api: {harness: actor, role: implementation}, validate-left: {harness: actor}, "
    + ("docs: {harness: actor}}")
)
CALLS_PER_HOUR = 60
INTERVAL_S = 3.0
USD_PER_MILLION = (3, 15)
"""Of tokens in and out."""

ENGINE = (
    f"approval: auto, min_cycle_interval_s: {INTERVAL_S}, approval_expires_s: {EXPIRES_S}, sweep_interval_s: 300, "
    f"brain: {{use: command, command: [{sys.executable}, -S, -E, {HERE / 'brain.py'}], fallback: [rules], "
    f"max_calls_per_hour: {CALLS_PER_HOUR}, "
    f"prices: {{command: {{input: {USD_PER_MILLION[0]}, output: {USD_PER_MILLION[1]}}}}}}}"
)


@dataclass
class Day:
    """One session on the way through its day."""

    scratch: Scratch
    director: Director
    events: list[Event] = field(default_factory=list)
    """all of the log so far"""
    ledger: Ledger = field(default_factory=Ledger)
    daemon: subprocess.Popen[bytes] | None = None
    asked: dict[str, str] = field(default_factory=dict)
    """what a decision is about -> its id, of the newest"""
    paused: bool = False
    crashes: int = 0
    """how often the daemon was killed while a cycle was to begin"""
    called_for: list[tuple[str, int]] = field(default_factory=list)
    """what a cycle must know, as a trigger names it, and the last event before it happened"""
    _jumps: list[tuple[int, int]] = field(default_factory=list)
    """after which event the clock was put forward, and by how many seconds"""
    _offset: int = 0
    _awaited: list[tuple[str, Callable[[], object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        options = Options(project_root=str(self.scratch.root), session=SESSION)
        self.project = Project(options, self.scratch.environ)
        self.log = self.project.events

    def play(self, lines: Iterable[Line]) -> None:
        """Do all of it, in order; when this returns nothing is under way."""
        self.start_daemon()
        self._await_now("all lanes are ready", lambda: {self._state_of(lane) for lane in LANES} == {"ready"})
        for at, group in groupby(lines, key=lambda line: str(line["at"])):
            self._let_it_become(at)
            for line in group:
                self._do(line)
            self._await_all(at)
        self._await_all("the end of the day")

    # Time.

    def _let_it_become(self, at: str) -> None:
        hours, minutes = map(int, at.split(":"))
        is_ = self.director.shows - MIDNIGHT
        self.director.let_pass(max(0.0, (timedelta(hours=hours, minutes=minutes) - is_).total_seconds()))

    def _await(self, what: str, probe: Callable[[], object]) -> None:
        self._awaited.append((what, probe))

    def _await_all(self, at: str) -> None:
        """Until what the lines called for has happened and every trigger is served; later, while nobody can see it."""
        if self.daemon is None or self.paused:
            return
        for what, probe in self._awaited:
            eventually(lambda probe=probe: self._caught_up(probe), limit_s=LIMIT_S, what=f"{at}: {what}")  # type: ignore[misc]
        self._awaited.clear()
        eventually(lambda: self._caught_up(self._is_quiet), limit_s=LIMIT_S, what=f"{at}: every trigger is served")

    def _calls_for_a_cycle(self, words: str) -> None:
        """This is happening: a trigger names it, or a cycle that begins after it sees it without one."""
        seq = self.events[-1].seq if self.count() else 0
        self.called_for.append((words, seq))
        self._await(words, lambda: self.ledger.knows(words, seq))

    def _caught_up(self, probe: Callable[[], object]) -> object:
        found, self._offset = self.log.read_from(self._offset)
        self.events += found
        for event in found:
            self.ledger.take(event)
        return probe()

    def _is_quiet(self) -> bool:
        return not self.ledger.pending and not self.ledger.under_way

    def of(self, *kinds: str, **fields: object) -> list[Event]:
        """Events so far of these kinds and with these fields."""
        return [
            event
            for event in self.events
            if event.kind in kinds and all(event.payload.get(name) == value for name, value in fields.items())
        ]

    def count(self, *kinds: str, **fields: object) -> int:
        """How many there are by now; without a kind, all."""
        self._caught_up(lambda: None)
        return len(self.of(*kinds, **fields)) if kinds else len(self.events)

    # What happens.

    def _do(self, line: Line) -> None:
        given = {name: value for name, value in line.items() if name not in ("at", "what")}
        getattr(self, "_" + str(line["what"]).replace("-", "_"))(**given)

    def _task(
        self, id: str, after: str = "", risky: int = 0, unproved: int = 0, unfinished: int = 0, role: str = ""
    ) -> None:
        title = (
            "clean up with rm -rf build" if risky else "unproved" if unproved else "unfinished" if unfinished else ""
        )
        self._calls_for_a_cycle(f"tasks: {id} is ready")
        write_task(
            self.scratch.root, id, role=role or "implementation", depends_on=[after] if after else [], title=title
        )
        if risky:
            self._await_decision(id, f"{id}:")
        elif unfinished:
            self._await_now(f"{id} is in work", lambda: self.of("task.moved", task=id, now="in-progress"))
            self._await(f"{id} is proved", lambda: self.of("task.proved", task=id))
        elif unproved:
            self._await_decision(f"unproved {id}", f"{id} was not proved")
        elif not role:
            self._await(f"{id} is proved", lambda: self.of("task.proved", task=id))

    def _await_now(self, what: str, probe: Callable[[], object]) -> None:
        eventually(lambda: self._caught_up(probe), limit_s=LIMIT_S, what=what)

    def _task_done(self, id: str) -> None:
        self._person("task", "done", id)

    def _task_drop(self, id: str) -> None:
        self._person("task", "drop", id)

    def _wish(self, lane: str, subject: str) -> None:
        self._mail("human", lane, subject)
        self._await(f"{lane} answers {subject}", lambda: self._sent(lane, f"Re: {subject}"))

    def _read(self, lane: str, subject: str) -> None:
        (answer,) = self._sent(lane, f"Re: {subject}")
        self.project.mailbox.ack(str(answer.payload["file"]), "human")

    def _note(self, sender: str, lane: str, subject: str) -> None:
        file = self._mail(sender, lane, subject, calls=lane == "coord")
        if lane != "coord":
            self.project.mailbox.ack(file, lane)

    def _tidy(self) -> None:
        for message in self.project.mailbox.peek("coord"):
            if message.subject.startswith(("note", "re:")):
                self.project.mailbox.ack(message.file, "human")

    def _letter(self, sender: str, lane: str, subject: str) -> None:
        self._mail(sender, lane, subject)

        def put_away() -> bool:
            answers = self._sent(lane, f"Re: {subject}")
            return bool(answers) and bool(self.of("mail.acked", file=answers[0].payload["file"]))

        self._await(f"{sender} puts the answer to {subject} away", put_away)

    def _question(self, subject: str) -> None:
        self._mail("human", "coord", subject)
        self._await_decision(subject, f"asks: {subject}")

    def _mail(self, sender: str, to: str, subject: str, *, calls: bool = True) -> str:
        """calls: it stays for long enough to call for a cycle."""
        file = self.project.mailbox.send(sender, to, subject, "said").file
        if calls:
            self._calls_for_a_cycle(f"mailbox: {file}")
        return file

    def _sent(self, sender: str, subject: str) -> list[Event]:
        return [event for event in self.of("mail.sent", subject=subject) if event.payload["from"] == sender]

    def _state(self, objective: str) -> None:
        self._calls_for_a_cycle("state: the state file changed")
        self.project.state.change_keys(lambda was: {**was, "current_objective": objective})

    def _pause(self) -> None:
        assert pause(self.project.control, self.log, by="person")
        self.paused = True

    def _resume(self) -> None:
        assert resume(self.project.control, self.log, by="person")
        self.paused = False

    # Decisions.

    def _await_decision(self, of: str, words: str) -> None:
        """Until one waits whose action says these words and that was not asked about before."""
        known = set(self.asked.values())

        def asked() -> bool:
            for decision in self.project.decisions.open_decisions():
                texts = [str(getattr(item.action, "text", "")) for item in decision.items]
                if decision.id not in known and any(words in text for text in texts):
                    self.asked[of] = decision.id
                    return True
            return False

        self._await(f"a person is asked about {of}", asked)

    def _approve(self, of: str) -> None:
        self._person("approve", self.asked[of])
        if of.startswith("T"):
            self._await(f"{of} is proved", lambda: self.of("task.proved", task=of))

    def _reject(self, of: str) -> None:
        self._person("reject", self.asked[of], "--reason", "not now")

    def _expire(self, of: str) -> None:
        """Nobody answers; then the brain asks again, for nothing else has changed."""
        self._await_all(f"{of} waits")
        old = self.asked[of]
        self.director.let_pass(EXPIRES_S - 300)
        assert not self.count("decision.expired", decision=old)
        self.director.let_pass(600)
        self._await(f"{of} expires", lambda: self.of("decision.expired", decision=old))
        self.asked[f"old {of}"] = old
        self._await_decision(of, f"{of}:")

    def _too_late(self, of: str) -> None:
        self._person("approve", self.asked[f"old {of}"], code=1)

    # Asks.

    def _ask(self, lane: str, question: str, answer: str) -> None:
        action = {
            "kind": "steer",
            "lane": lane,
            "payload": question,
            "wait_for_idle": True,
            "expects_reply": True,
            "reply_timeout_s": ASK_S,
            "rationale": "it is to be known",
        }
        plan = self.scratch.root / "plan"
        plan.mkdir(exist_ok=True)
        (plan / f"{lane}.json").write_text(json.dumps(action), encoding="utf-8")
        self._state(f"to know: {question}")
        self._await(f"{lane} is asked: {question}", lambda: self._ask_of(question))
        if answer != "none":
            self._await(f"{lane} answers: {question}", lambda: self.of("ask.replied", ask=self._ask_of(question)))

    def _ask_of(self, question: str) -> str:
        found = [ask.id for ask in self.project.asks.all() if question in ask.question]
        return found[0] if found else ""

    def _no_answer(self, question: str) -> None:
        self._await(f"time is over for: {question}", lambda: self.of("ask.timed-out", ask=self._ask_of(question)))

    def _late_answer(self, lane: str, question: str) -> None:
        self._mail(lane, "coord", f"re:{self._ask_of(question)}")
        self._await(f"a late answer to: {question}", lambda: self.of("ask.replied", ask=self._ask_of(question)))

    # Programs.

    def _exit(self, lane: str, status: int) -> None:
        before = self.count("lane.exited", lane=lane)
        self.scratch.ok("send", lane, f"REHEARSE: [{{work_s: 0.3}}, {{exit: {status}}}]")
        self._calls_for_a_cycle(f"lanes: {lane} is exited")
        self._await_now(f"{lane} ends", lambda: len(self.of("lane.exited", lane=lane)) > before)
        if status == 127:
            self._await(f"{lane} is given up", lambda: self.of("lane.gave-up", lane=lane))
            self._await_decision(f"exit {lane}", f"Lane {lane} is exited")
        else:
            self._await(f"{lane} is started again", lambda: self.of("lane.restarted", lane=lane))
            seq = self.events[-1].seq
            self._await(f"{lane} is ready again", lambda: self.ledger.named.get(f"lanes: {lane} is ready", 0) > seq)

    def _recovered(self, lane: str) -> None:
        self.director.let_pass(GOOD_S)
        self._await(f"{lane} is good again", lambda: self.of("lane.recovered", lane=lane))

    def _restart(self, lane: str) -> None:
        self._person("lane", "restart", lane, "--wait-ready")

    def _limit(self, lane: str) -> None:
        self.scratch.ok("send", lane, "REHEARSE: [{rate_limit: noon}]")
        self._calls_for_a_cycle(f"lanes: {lane} is rate-limited")
        self._await_decision(f"limit {lane}", f"Lane {lane} is rate-limited")

    def _limit_over(self, lane: str) -> None:
        self.scratch.ok("send", lane, "go on")
        self._await(f"{lane} is ready", lambda: self._state_of(lane) == "ready")

    def _state_of(self, lane: str) -> str:
        changes = self.of("lane.changed", lane=lane)
        return str(changes[-1].payload["now"]) if changes else ""

    def _kill_daemon(self) -> None:
        """Between two cycles; LOOP_CRASH_AT is for the others."""
        assert self.daemon is not None
        if not self.paused:
            self._await_now("no cycle is under way", self._is_quiet)
        self.daemon.kill()
        self.daemon.wait()
        self.daemon = None

    def _dies(self) -> None:
        """By itself, where it was told to."""
        assert self.daemon is not None
        assert self.daemon.wait(LIMIT_S) == -signal.SIGKILL
        self.crashes += 1
        self.daemon = None

    def _start_daemon(self, crash_at: str = "") -> None:
        self.start_daemon(crash_at)

    def start_daemon(self, crash_at: str = "") -> None:
        """crash_at: the recorded step at which it is killed."""
        before = self.count("watch.started")
        self.daemon = subprocess.Popen(
            [sys.executable, "-m", "loop_orchestrator", "engine", "watch"],
            cwd=self.scratch.root,
            env=self.scratch.environ | ({"LOOP_CRASH_AT": crash_at} if crash_at else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._await_now("the daemon watches", lambda: len(self.of("watch.started")) > before)

    def stop_daemon(self) -> int:
        """The exit code after SIGTERM, between two cycles."""
        assert self.daemon is not None
        self._await_now("no cycle is under way", self._is_quiet)
        self.daemon.terminate()
        code = self.daemon.wait(LIMIT_S)
        self.daemon = None
        self._caught_up(lambda: None)
        return code

    def _kill_server(self) -> None:
        self.scratch.tmux("kill-server")
        for lane in LANES:
            self._calls_for_a_cycle(f"lanes: {lane} is missing")
        self._await_decision("missing", "Lane web is missing")

    def _up(self) -> None:
        self._person("up", "--accept", "--no-attach", "--boot-check", "30")
        self._await("all lanes are ready", lambda: {self._state_of(lane) for lane in LANES} == {"ready"})

    def _clock(self, by_s: int) -> None:
        self.count()
        self._jumps.append((self.events[-1].seq, by_s))
        self.director.put_forward(by_s)

    def passed_at(self, event: Event) -> float:
        """Seconds of the day that had passed when it happened, wherever the clock was put."""
        put_s = sum(by_s for seq, by_s in self._jumps if seq < event.seq)
        return (event.at - MIDNIGHT).total_seconds() - put_s

    def _break_config(self) -> None:
        config = self.scratch.root / "lane-config.yaml"
        self._config = config.read_text(encoding="utf-8")
        config.write_text("lanes: [\n", encoding="utf-8")
        self.director.let_pass(300)
        self._await_decision("config", "have changed")

    def _mend_config(self) -> None:
        (self.scratch.root / "lane-config.yaml").write_text(self._config, encoding="utf-8")

    def _brain_limit(self, minutes: int) -> None:
        said = f"usage limit reached, try again in {minutes} minutes"
        (self.scratch.root / "brain-limit").write_text(said, encoding="utf-8")
        self._state("to meet the limit")
        self._await("the brain meets its limit", lambda: self.of("brain.failed", failure="quota"))

    def _brain_limit_over(self) -> None:
        (self.scratch.root / "brain-limit").unlink()
        before = self.count("brain.replied", brain="command")
        self._state("to be asked again")
        self._await("the brain answers again", lambda: len(self.of("brain.replied", brain="command")) > before)

    def _person(self, *argv: str, code: int = 0) -> None:
        found, said = self.scratch.person(*argv)
        assert found == code, (argv, found, said)


def end(day: Day) -> None:
    """However the day went, no daemon is left."""
    if day.daemon is not None:
        day.daemon.kill()
        day.daemon.wait()
