"""Every event comes to every actor that a route names for it: once, again after a failure, or to a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.route import EMITTED, DeadLetter, Outcome, OutcomeWord
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.routing.board import CLAIMED, DEAD, REPLAYED, STOPPED, Board
from loop_orchestrator.routing.pump import SAVE_EVENTS, read_board
from loop_orchestrator.routing.retry import next_wait_s
from loop_orchestrator.stores import eventlog
from loop_orchestrator.stores.eventlines import decode as read_line
from tests.routing.builders import ALL, MAIL, RETRY, Scene, scene_in

HELD = Outcome(OutcomeWord.HELD, reason="asleep")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return scene_in(tmp_path)


def failing(events: Sequence[Event]) -> Outcome:
    raise RuntimeError(f"cannot take {len(events)}")


def test_an_event_goes_to_every_route_that_takes_it_and_to_each_once(scene: Scene) -> None:
    pump = scene.pump()
    scene.emit("a", "b")
    scene.emit("web", source="lanes", event="finished")
    scene.emit("cat", source="lanes", event="waiting")
    assert (pump.wait_s("mail"), pump.wait_s("all")) == (0.0, 0.0)
    for _ in range(2):
        pump.run("mail")
        pump.run("all")
    assert scene.writer.given == [["a", "b"]]
    assert scene.reader.given == [["a", "b", "web"]]
    assert (pump.wait_s("mail"), pump.wait_s("all")) == (None, None)
    assert not scene.pump().pending("all"), "a daemon that begins anew knows it too"


def test_what_a_source_says_twice_is_one_event(scene: Scene) -> None:
    pump = scene.pump()
    scene.emit("a", "a")
    scene.emit("a")
    pump.run("mail")
    scene.emit("a")
    pump.run("mail")
    assert scene.writer.given == [["a"]]
    assert len(scene.told(EMITTED)) == 1


def test_the_claim_is_on_record_before_the_actor_acts_and_the_outcome_names_what_led_to_it(scene: Scene) -> None:
    pump = scene.pump()
    seen: list[list[str]] = []

    def look(events: Sequence[Event]) -> Outcome:
        seen.append([event.kind for event in scene.log.tail(9)])
        return Outcome(OutcomeWord.DONE)

    scene.writer.answer = look
    scene.emit("a")
    pump.run("mail")
    assert seen == [[EMITTED, CLAIMED]]
    (emitted,), (claimed,), (stopped,) = scene.told(EMITTED), scene.told(CLAIMED), scene.told(STOPPED)
    assert claimed.payload == {"route": "mail", "actor": "writer", "attempt": 1, "events": [emitted.seq]}
    assert (stopped.payload["outcome"], stopped.payload["events"]) == ("done", [emitted.seq])
    assert claimed.trace == stopped.trace == emitted.trace != ""
    assert (claimed.caused_by, stopped.caused_by) == (emitted.id, emitted.id)


def test_a_failure_is_tried_again_later_each_time_and_then_it_is_a_dead_letter(scene: Scene) -> None:
    pump = scene.pump()
    scene.writer.answer = failing
    scene.emit("a")
    waits = []
    for _ in range(3):
        pump.run("mail")
        waits.append(pump.wait_s("mail"))
        scene.clock.advance(9)
        pump.run("mail")
        scene.clock.advance(6)
    assert waits == [10.0, 15.0, None]
    assert scene.writer.given == [["a"]] * 3
    (letter,) = scene.store.dead()
    assert (letter.id, letter.attempts, letter.reason) == ("1-mail", 3, "RuntimeError: cannot take 1")
    assert [event.payload["letter"] for event in scene.told(DEAD)] == ["1-mail"]
    assert not scene.pump().pending("mail")
    assert scene.pump().pending("all"), "another route of the same event goes on"


def test_a_wait_survives_a_restart_and_a_clock_that_is_put_back_ends_it(scene: Scene) -> None:
    scene.writer.answer = failing
    scene.emit("a")
    scene.pump().run("mail")
    scene.clock.advance(4)
    assert scene.pump().wait_s("mail") == 6.0
    scene.clock.advance(-3600)
    assert scene.pump().wait_s("mail") == 0.0


def test_what_an_actor_holds_is_no_failure_however_often_that_was(scene: Scene) -> None:
    pump = scene.pump()
    scene.writer.answer = lambda events: HELD
    scene.emit("a")
    for _ in range(9):
        pump.run("mail")
    assert not scene.store.dead()
    scene.emit("b")
    scene.writer.answer = lambda events: Outcome(OutcomeWord.DONE)
    pump.run("mail")
    assert scene.writer.given[-1] == ["a", "b"]


def test_an_actor_that_takes_nothing_now_is_waited_for(scene: Scene) -> None:
    pump = scene.pump()
    scene.emit("a")
    scene.writer.rest_s = 30.0
    assert pump.wait_s("mail") == 30.0
    scene.writer.rest_s = None
    assert pump.wait_s("mail") is None
    assert pump.wait_s("all") == 0.0


def test_what_came_meanwhile_and_the_actor_knew_of_needs_nothing_more(scene: Scene) -> None:
    pump = scene.pump()

    def knows_b(events: Sequence[Event]) -> Outcome:
        scene.emit("b", "c")
        return Outcome(OutcomeWord.DONE, knew=lambda event: event.payload["key"] == "b")

    scene.writer.answer = knows_b
    scene.emit("a")
    pump.run("mail")
    assert [event.payload["key"] for event in pump.pending("mail")] == ["c"]
    assert [event.payload["key"] for event in scene.pump().pending("mail")] == ["c"]


def test_a_process_that_ends_over_its_actor_leaves_the_events_to_the_next(scene: Scene) -> None:
    def killed(events: Sequence[Event]) -> Outcome:
        raise KeyboardInterrupt

    pump = scene.pump()
    scene.writer.answer = killed
    scene.emit("a")
    with pytest.raises(KeyboardInterrupt):
        pump.run("mail")
    again = scene.pump()
    assert again.wait_s("mail") is None, "it is not known to have ended"
    again.settle()
    assert again.wait_s("mail") == 0.0
    assert [event.payload["outcome"] for event in scene.told(STOPPED)] == ["interrupted"]
    scene.writer.answer = lambda events: Outcome(OutcomeWord.DONE)
    again.run("mail")
    assert scene.writer.given == [["a"], ["a"]]


@pytest.mark.parametrize("point", ["route.claimed", "actor.acted", "route.buried"])
def test_a_process_killed_at_any_step_loses_nothing_and_gives_no_event_up_too_early(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    def kill(at: str) -> None:
        if at == point:
            raise KeyboardInterrupt

    scene.writer.answer = failing
    scene.emit("a")
    for tries in range(9):
        pump = scene.pump()
        pump.settle()
        if tries >= 2:  # the last one that the route allows
            monkeypatch.setattr("loop_orchestrator.routing.pump.crash_point", kill)
        with suppress(KeyboardInterrupt):
            pump.run("mail")
        scene.clock.advance(20)
    monkeypatch.undo()
    last = scene.pump()
    last.settle()
    last.run("mail")
    (letter,) = scene.store.dead()
    assert letter.attempts >= 3
    assert [event.payload["event"] for event in scene.told(DEAD)] == [1]
    assert not scene.pump().pending("mail")


def test_a_claim_that_cannot_be_written_lets_nothing_begin(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    pump = scene.pump()
    scene.emit("a")
    with monkeypatch.context() as patch:
        patch.setattr("loop_orchestrator.stores.eventlog.EventLog.append", no_space(scene, CLAIMED))
        with pytest.raises(StoreError):
            pump.run("mail")
    assert scene.writer.given == []
    pump.run("mail")
    assert scene.writer.given == [["a"]]


def test_an_outcome_that_cannot_be_written_is_written_later_and_nothing_is_done_twice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump = scene.pump()
    scene.emit("a")
    with monkeypatch.context() as patch:
        patch.setattr("loop_orchestrator.stores.eventlog.EventLog.append", no_space(scene, STOPPED))
        with pytest.raises(StoreError):
            pump.run("mail")
        with pytest.raises(StoreError):
            pump.run("mail")
    for _ in range(2):
        pump.run("mail")
    assert scene.writer.given == [["a"]]
    assert [event.payload["outcome"] for event in scene.told(STOPPED)] == ["done"]
    assert not scene.pump().pending("mail")


def no_space(scene: Scene, kind: str) -> Callable[..., Event]:
    """An append that has no space for this kind."""
    append = type(scene.log).append

    def refuse(log: object, given: str, *args: object, **options: object) -> Event:
        if given == kind:
            raise StoreError("cannot write the log: No space left on device")
        return append(log, given, *args, **options)  # type: ignore[arg-type]

    return refuse


def test_a_dead_letter_that_a_person_has_tried_again_begins_as_if_for_the_first_time(scene: Scene) -> None:
    pump = scene.pump()
    scene.writer.answer = failing
    scene.emit("a", "b")
    for _ in range(3):
        pump.run("mail")
        scene.clock.advance(20)
    (first, second) = scene.store.dead()
    payload: dict[str, JsonValue] = {"route": "mail", "event": first.event.seq, "letter": first.id, "by": "anna"}
    scene.log.append(REPLAYED, "cli", payload)
    scene.store.bury(replace(first, tried_again=True))
    pump.run("mail")
    assert scene.writer.given[-1] == ["a"]
    assert pump.wait_s("mail") == 10.0, "its failures are counted anew"
    assert scene.pump().wait_s("mail") == 10.0
    scene.clock.advance(10)
    scene.writer.answer = lambda events: Outcome(OutcomeWord.DONE)
    pump.run("mail")
    assert scene.store.dead() == (second,)


def test_a_dead_letter_is_named_by_nothing_but_its_number_and_route(scene: Scene) -> None:
    scene.emit("a")
    (event,) = scene.told(EMITTED)
    letter = DeadLetter(event=event, route="mail", attempts=3, reason="no", at=event.at)
    scene.store.bury(letter)
    assert scene.store.letter("1-mail") == letter
    (scene.layout.dead_letters.parent / "1-x.json").write_text("{}")
    for other in ("", "../1-x", "1-other", "1-mail.json", "/etc/passwd"):
        assert scene.store.letter(other) is None
    (scene.layout.dead_letters / "2-mail.json").write_text('{"schema": 1}')
    assert scene.store.dead() == (letter,)
    assert len(scene.store.unreadable()) == 1


def test_a_log_that_begins_anew_is_read_from_its_beginning(scene: Scene) -> None:
    pump = scene.pump()
    scene.emit("a", "b", "c")
    pump.run("mail")
    pump.save()
    scene.layout.events.unlink()
    scene.emit("d")
    assert [event.payload["key"] for event in pump.pending("mail")] == ["d"]
    assert [event.payload["key"] for event in scene.pump().pending("mail")] == ["d"]


def test_the_board_is_saved_now_and_then_and_a_broken_one_costs_only_time(scene: Scene) -> None:
    pump = scene.pump()
    scene.emit("old")
    for number in range(SAVE_EVENTS):
        scene.log.append("mail.acked", "person", {"file": str(number), "by": "anna"})
    pump.catch_up()
    saved = scene.store.board()
    assert saved is not None
    assert saved[0] == SAVE_EVENTS + 1
    assert [(entry.route, entry.event.payload["key"]) for entry in saved[1]] == [("mail", "old"), ("all", "old")]
    scene.emit("new")
    for broken in (None, "", "{", '{"schema": 1, "seq": 3, "entries": [{}]}', '{"schema": 9}'):
        if broken is not None:
            scene.layout.routing_board.write_text(broken)
        assert [event.payload["key"] for event in scene.pump().pending("mail")] == ["old", "new"]


def test_events_that_were_written_while_a_pump_was_made_are_taken_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.emit("a")
    end = type(scene.log).end

    def slow(log: object) -> int:
        found = end(log)  # type: ignore[arg-type]
        scene.emit("b")
        return found

    with monkeypatch.context() as patch:
        patch.setattr("loop_orchestrator.stores.eventlog.EventLog.end", slow)
        pump = scene.pump()
    for _ in range(2):
        pump.run("mail")
    assert scene.writer.given == [["a", "b"]]


STEPS = st.lists(st.sampled_from(["emit", "run", "fail", "hold", "wait", "anew", "save"]), max_size=25)


@given(steps=STEPS)
def test_whatever_happens_every_event_is_done_once_or_is_dead(steps: list[str], tmp_path_factory: object) -> None:
    scene = scene_in(tmp_path_factory.mktemp("pump"))  # type: ignore[attr-defined]
    done: list[str] = []

    def doing(events: Sequence[Event]) -> Outcome:
        done.extend(str(event.payload["key"]) for event in events)
        return Outcome(OutcomeWord.DONE)

    answers = {"run": doing, "fail": failing, "hold": lambda events: HELD}
    pump, emitted = scene.pump(), 0
    for step in steps:
        match step:
            case "emit":
                scene.emit(str(emitted))
                emitted += 1
            case "wait":
                scene.clock.advance(7)
            case "anew":
                pump = scene.pump()
            case "save":
                pump.save()
            case _:
                scene.writer.answer = answers[step]
                pump.run("mail")
    waiting = [str(event.payload["key"]) for event in scene.pump().pending("mail")]
    dead = [str(letter.event.payload["key"]) for letter in scene.store.dead()]
    assert sorted(done + waiting + dead) == sorted(map(str, range(emitted)))


def test_a_board_read_from_the_log_is_the_one_that_was_saved_and_read_on(scene: Scene) -> None:
    pump = scene.pump()
    scene.emit("a", "b")
    scene.writer.answer = failing
    pump.run("mail")
    pump.save()
    scene.emit("c")
    read = read_board(scene.log, scene.store, (MAIL, ALL))
    scene.layout.routing_board.unlink()
    anew = read_board(scene.log, scene.store, (MAIL, ALL))
    assert read.entries() == anew.entries()
    assert read.seq == anew.seq


def test_what_changes_no_board_is_not_read_for_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.emit("a")
    for _ in range(500):
        last = scene.log.append("engine.paused", "person", {"by": "ann"})
    decoded: list[bytes] = []

    def counted(line: bytes) -> tuple[Event, ...]:
        decoded.append(line)
        return read_line(line)

    monkeypatch.setattr(eventlog, "decode", counted)
    board = read_board(scene.log, scene.store, (MAIL, ALL))
    assert len(board.of("mail")) == 1
    assert board.seq == last.seq
    assert len(decoded) < 50


def test_lines_of_the_log_that_nobody_here_wrote_break_no_board(scene: Scene) -> None:
    scene.emit("a")
    (event,) = scene.told(EMITTED)
    board = Board((MAIL, ALL))
    board.take(event)
    hostile: tuple[tuple[str, dict[str, JsonValue]], ...] = (
        (CLAIMED, {}),
        (CLAIMED, {"route": 3, "events": "x"}),
        (CLAIMED, {"route": "mail", "events": ["1", None, {}]}),
        (STOPPED, {"route": "mail", "events": [1], "outcome": "done?"}),
        (STOPPED, {"route": "mail", "events": [1], "outcome": "failed", "again_at": "soon"}),
        (STOPPED, {"route": "none", "events": [1], "outcome": "done"}),
        (DEAD, {"route": "mail", "event": "1"}),
        (EMITTED, {}),
    )
    for number, (kind, payload) in enumerate(hostile, start=2):
        board.take(replace(event, seq=number, kind=kind, payload=payload, source="nobody"))
    (entry,) = board.of("mail")
    assert (entry.event, entry.due_at) == (event, None)


def test_waits_double_up_to_the_most_and_end_with_the_last_try() -> None:
    assert [next_wait_s(RETRY, tries) for tries in (1, 2, 3, 4)] == [10.0, 15.0, None, None]
