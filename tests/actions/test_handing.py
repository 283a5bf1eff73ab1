"""What goes with a text to a lane: a footer that asks for an answer, the text of its task, what a predecessor left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from loop_orchestrator.actions.base import Hands
from loop_orchestrator.actions.handing import TASK_LIMIT, task_named_in
from loop_orchestrator.actions.registry import read_action
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.ask import QUESTION_LIMIT, AskStatus
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.handoff import FACTS, handoff_section, page_of, with_handoff
from loop_orchestrator.model.lane import LaneRecord, LaneSpec
from loop_orchestrator.model.wiki import PERSON
from loop_orchestrator.world import World
from tests.support.builders import a_lane
from tests.support.clocks import SteppedClock
from tests.support.projects import PLAIN, project_at

DECISION = "d-20260301T120000000-4f2a9c"


@dataclass
class Terminal:
    """Takes the place of everything that reaches a pane."""

    status: DeliveryStatus = DeliveryStatus.STARTED
    sent: list[DeliveryRequest] = field(default_factory=list)
    started: list[LaneSpec] = field(default_factory=list)
    before: Callable[[], object] = lambda: None

    def deliver(self, request: DeliveryRequest) -> Receipt:
        self.before()
        self.sent.append(request)
        return Receipt(
            op=request.op,
            lane=request.lane,
            sender=request.sender,
            mode=request.mode,
            status=self.status,
            step=DeliveryStep.RECEIPT,
            sha256="0" * 64,
            bytes=1,
            evidence="seen",
        )


@pytest.fixture
def world(project: Path, tmp_path: Path, clock: SteppedClock) -> World:
    environ = {"LOOP_TMUX_SOCKET": str(tmp_path / "no-server")}
    return project_at(project, config=PLAIN, environ=environ, clock=clock).world


@pytest.fixture
def lanes(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, LaneRecord]:
    """The lanes on record: an agent, one in a worktree, and a shell."""
    away = a_lane("away").record
    there = {
        "web": a_lane("web").record,
        "away": replace(away, spec=replace(away.spec, worktree_of=world.root)),
        "ops": a_lane("ops", agent=False).record,
    }
    monkeypatch.setattr(type(world.lanes), "records", lambda _: dict(there))
    return there


@pytest.fixture
def terminal(world: World, lanes: dict[str, LaneRecord], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal()

    def start(_: World, spec: LaneSpec) -> LaneRecord:
        terminal.started.append(spec)
        lanes[spec.name] = replace(a_lane(spec.name, agent=spec.harness == "rehearsal").record, spec=spec)
        return lanes[spec.name]

    monkeypatch.setattr(type(world), "deliver", lambda _, request: terminal.deliver(request))
    monkeypatch.setattr(type(world), "start_lane", start)
    return terminal


def performed(world: World, kind: str, idx: int = 1, **fields: object) -> tuple[ItemStatus, str]:
    action, problems = read_action({"kind": kind, "rationale": "r", **fields})  # type: ignore[dict-item]
    assert action is not None, problems
    outcome = action.perform(Hands(world=world, decision=DECISION, idx=idx))
    return outcome.status, outcome.note


def a_task(world: World, body: str = "# T0001\n\nDo it.", id: str = "T0001") -> Path:
    path = world.layout.tasks_dir / f"{id}-login-form.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"---\nid: {id}\ntitle: t\nstatus: open\n---\n\n{body}\n", encoding="utf-8")
    return path


def test_a_text_that_wants_an_answer_says_how_to_give_it(world: World, terminal: Terminal) -> None:
    performed(world, "steer", lane="web", payload="Which port?\n", expects_reply=True, reply_timeout_s=7200)
    (sent,) = terminal.sent
    assert sent.text.startswith("Which port?\n\nAnswer this with one message to coord, within 2h")
    assert f'loop mail reply {DECISION}-1 --from web --body "your answer"' in sent.text
    assert f"{world.layout.messages}/YYYYMMDD-HHMMSS-web-to-coord.md" in sent.text
    assert f"\n---\nsubject: re:{DECISION}-1\n---\n" in sent.text
    assert "$" not in sent.text.replace('"$LOOP_BIN"', "")


def test_without_one_the_text_goes_as_it_is(world: World, terminal: Terminal) -> None:
    performed(world, "steer", lane="web", payload="Go on.")
    assert terminal.sent[0].text == "Go on."
    assert world.asks.all() == ()


def test_an_ask_is_on_disk_before_its_text_is_sent(world: World, terminal: Terminal, clock: SteppedClock) -> None:
    known: list[AskStatus] = []

    def before() -> None:
        known.extend(ask.status for ask in world.asks.all())
        clock.advance(90)

    terminal.before = before
    performed(world, "steer", lane="web", payload="x" * 5_000, expects_reply=True)
    assert known == [AskStatus.OUTSTANDING]
    (ask,) = world.asks.all()
    assert (ask.id, ask.lane, ask.timeout_s) == (f"{DECISION}-1", "web", 1800)
    assert (ask.asked_at, ask.question) == (clock.now(), "x" * QUESTION_LIMIT)


@pytest.mark.parametrize(
    ("status", "asks", "item"),
    [
        (DeliveryStatus.NOT_DELIVERED, 0, ItemStatus.FAILED),
        (DeliveryStatus.UNKNOWN, 1, ItemStatus.UNKNOWN),
        (DeliveryStatus.SUBMITTED, 1, ItemStatus.DONE),
    ],
)
def test_an_ask_is_taken_back_only_where_its_text_provably_never_arrived(
    world: World, terminal: Terminal, status: DeliveryStatus, asks: int, item: ItemStatus
) -> None:
    terminal.status = status
    assert performed(world, "steer", lane="web", payload="x", expects_reply=True)[0] is item
    assert len(world.asks.all()) == asks


def test_a_lane_that_runs_no_agent_is_not_asked(world: World, terminal: Terminal) -> None:
    with pytest.raises(LoopError, match="lane ops runs no agent that could answer"):
        performed(world, "steer", lane="ops", payload="x", expects_reply=True)
    assert (terminal.sent, world.asks.all()) == ([], ())


def test_a_lane_in_a_worktree_gets_the_text_of_the_task_that_its_payload_names(
    world: World, terminal: Terminal
) -> None:
    path = a_task(world, "Build it.\n\n```\n# New orders\n```")
    payload = "Read tasks/T0001-login-form.md and do what it says."
    performed(world, "dispatch", lane="away", payload=payload)
    text = terminal.sent[0].text
    assert text.startswith(f"{payload}\n\nThe text of {path} ")
    assert text.endswith("\n````task\nBuild it.\n\n```\n# New orders\n```\n````")
    performed(world, "dispatch", lane="web", payload=payload)
    assert terminal.sent[1].text == payload, "a lane in the project reads the file itself"


@pytest.mark.parametrize(
    ("payload", "mode"),
    [
        ("Read tasks/T0001-login-form.md.\n\n# T0001\n\nDo it.\n", "text"),
        ("Read tasks/T0001-login-form.md and tasks/T0002-login-form.md.", "text"),
        ("Read tasks/T0009-gone.md.", "text"),
        ("cat tasks/T0001-login-form.md", "command"),
        ("Go on with T0001.", "text"),
    ],
)
def test_a_tasks_text_is_not_put_there_twice_nor_where_it_is_not_meant(
    world: World, terminal: Terminal, payload: str, mode: str
) -> None:
    a_task(world)
    a_task(world, id="T0002")
    performed(world, "dispatch", lane="away", payload=payload, mode=mode)
    assert terminal.sent[0].text == payload


def test_a_long_task_is_cut_and_says_so(world: World, terminal: Terminal) -> None:
    path = a_task(world, "y" * (TASK_LIMIT + 1))
    performed(world, "dispatch", lane="away", payload="Read tasks/T0001-login-form.md.")
    text = terminal.sent[0].text
    assert text.count("y" * TASK_LIMIT) == 1 and "y" * (TASK_LIMIT + 1) not in text
    assert f"[cut after {TASK_LIMIT} characters; the whole is in {path}]" in text


def test_only_one_task_file_is_one() -> None:
    assert task_named_in("see /p/tasks/T0001-a.md, tasks/T0001-a.md") == "T0001"
    assert task_named_in("tasks/T0001-a.md tasks/T0002-b.md") == task_named_in("T0001") == ""


def left(world: World, lane: str) -> None:
    """A lane of this name was ended here, and its state stands on its page."""
    section = handoff_section(dict.fromkeys(FACTS, "x"), ("half done",))
    world.wiki.root.mkdir(exist_ok=True)
    world.wiki.update(page_of(lane), lambda old: with_handoff(old, lane, section), by=PERSON)


def test_a_lane_whose_name_was_used_before_is_told_to_go_on(world: World, terminal: Terminal) -> None:
    left(world, "search")
    performed(world, "add_lane", window="search", harness="rehearsal", brief="Go on.")
    text = terminal.sent[0].text
    assert text.startswith("A lane of your name, search, worked here before you and was ended.")
    assert text.endswith(":\n\nGo on.")
    assert f"{world.wiki.root}/lanes/search.md" in text
    assert '--subject "re:handoff:search"' in text
    assert f"in the directory {world.root}." in text


@pytest.mark.parametrize(("window", "harness"), [("other", "rehearsal"), ("search", "shell")])
def test_another_lane_and_a_shell_are_told_nothing_of_it(
    world: World, terminal: Terminal, window: str, harness: str
) -> None:
    left(world, "search")
    performed(world, "add_lane", brief="ls", window=window, harness=harness)
    assert terminal.sent[0].text == "ls"


def test_a_lane_that_goes_on_takes_up_the_worktree_that_was_left(
    world: World, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(world), "left_worktree", lambda _, name: world.root if name == "search" else None)
    performed(world, "add_lane", window="search", harness="rehearsal", brief="Go on.")
    assert terminal.started[0].worktree_of is None, "nobody left anything for it"
    left(world, "search")
    a_task(world)
    performed(world, "add_lane", window="search", harness="rehearsal", brief="Do tasks/T0001-login-form.md.")
    assert terminal.started[1].worktree_of == world.root
    assert terminal.sent[-1].text.endswith("```task\n# T0001\n\nDo it.\n```")


def test_a_task_that_a_brief_hands_over_is_on_record_as_handed_over(
    world: World, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_task(world)
    performed(world, "add_lane", window="new", harness="rehearsal", brief="Do tasks/T0001-login-form.md.")
    (assignment,) = world.tasks.assignments()
    assert (assignment.task, assignment.lane, assignment.op) == ("T0001", "new", f"{DECISION}-1")
    refusing = Terminal(status=DeliveryStatus.NOT_DELIVERED)
    monkeypatch.setattr(type(world), "deliver", lambda _, request: refusing.deliver(request))
    performed(world, "add_lane", 2, window="newer", harness="rehearsal", brief="Do tasks/T0001-login-form.md.")
    assert [one.lane for one in world.tasks.assignments()] == ["new"]
