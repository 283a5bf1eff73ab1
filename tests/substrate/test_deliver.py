"""Text reaches a lane at most once, and the receipt says what became of it. Real tmux, real programs."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loop_orchestrator.errors import StoreError, SubstrateError
from loop_orchestrator.harnesses.registry import Harnesses
from loop_orchestrator.model.delivery import DeliveryMode, DeliveryProof, DeliveryStatus, DeliveryStep, Receipt
from loop_orchestrator.model.lane import Detail, Lane, LaneState, Signal, SignalSource
from loop_orchestrator.substrate.port import PasteResult
from loop_orchestrator.substrate.proof import proof_of
from loop_orchestrator.substrate.trace import Trace
from tests.substrate.fleet import REPOSITORY, Fleet
from tests.support.waiting import eventually

COMMAND = DeliveryMode.COMMAND
ECHO = "boot_s: 0\nanswers: []\ndefault: {steps: [{say: 'heard: {prompt}'}]}\n"
FENCED = """
name: fenced
title: Fenced
kind: agent
launch: ["{python}"]
foreground: [python, python3]
composer: {line: '^(?:What now\\?|Send with Esc, then Enter)(?P<text>)$', frame: fenced, submit: [Escape, Enter]}
"""
STUBBORN = """
name: stubborn
title: Stubborn
kind: agent
launch: ["{python}"]
foreground: [python, python3]
composer:
  line: '^❯ ?(?P<text>.*)$'
  frame: lines
  clear: [C-u]
  interrupt: [Escape, Escape]
  puts_back: '^> '
rules:
  - {name: working, detail: busy, region: above, all: ['(?m)^Working, ']}
"""
SLOW = "boot_s: 0\nanswers: []\ndefault: {steps: [{work_s: 30}, {say: done}]}\n"


def prompts(fleet: Fleet, name: str = "web") -> list[str]:
    """The prompts in the conversation that the screen shows."""
    return [row for row in fleet.lane(name).screen if row.startswith("> ")]


def timeless(receipt: Receipt | None) -> Receipt:
    """Without its times, which the disk holds to the millisecond."""
    assert receipt is not None
    return replace(receipt, times={})


# Delivered.


def test_a_prompt_starts_a_turn_and_the_receipt_says_how_that_is_known(fleet: Fleet) -> None:
    fleet.start("web", script=SLOW)
    fleet.becomes("web", Detail.READY)
    receipt = fleet.deliver("web", "please do this")
    assert (receipt.status, receipt.step) == (DeliveryStatus.STARTED, DeliveryStep.RECEIPT)
    assert "working" in receipt.evidence
    assert receipt.pane == fleet.records["web"].pane
    assert receipt.bytes == len("please do this")
    assert list(receipt.times) == [step.value for step in DeliveryStep]
    assert timeless(fleet.journal.get("op-1")) == timeless(receipt)
    assert prompts(fleet) == ["> please do this"]


def test_a_turn_that_ends_at_once_is_proved_by_the_conversation(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    receipt = fleet.deliver("web", "first line of it\nsecond line\n\nlast line")
    assert receipt.status is DeliveryStatus.STARTED
    assert prompts(fleet) == ["> first line of it…"]
    fleet.becomes("web", Detail.READY)
    assert fleet.deliver("web", "first line of it\nsecond line\n\nlast line", op="op-2").delivered
    assert len(prompts(fleet)) == 2


@pytest.mark.parametrize(("width", "height"), [(80, 24), (220, 50)])
def test_long_texts_are_seen_in_the_composer_at_any_size(project: Path, width: int, height: int) -> None:
    fleet = Fleet(project, width=width, height=height)
    try:
        fleet.start("web", script=ECHO)
        texts = ["wide " * 190, "\n".join(f"line {n} of ten" for n in range(10)), "日本語 " * 60, "x" * 999, "—" * 40]
        for number, text in enumerate(texts):
            receipt = fleet.deliver("web", text, op=f"op-{number}", ready_timeout_s=10)
            assert receipt.status is DeliveryStatus.STARTED, (receipt, fleet.lane("web").screen)
    finally:
        fleet.close()


@pytest.mark.parametrize("size", [1_001, 100_000])
def test_a_large_paste_is_known_by_its_mark_and_arrives_whole(fleet: Fleet, size: int) -> None:
    script = "boot_s: 0\nanswers: [{when: '(?s)(?P<end>.{20})$', steps: [{say: 'ends {end}'}]}]\n"
    fleet.start("web", script=script)
    text = ("a line of no special kind\n" * (size // 20))[: size - 20] + "the end of the text!"
    receipt = fleet.deliver("web", text, ready_timeout_s=10)
    assert (receipt.status, receipt.bytes) == (DeliveryStatus.STARTED, size)
    eventually(lambda: any("ends the end of the text!" in row for row in fleet.lane("web").screen))
    assert len(prompts(fleet)) == 1


def test_hostile_text_is_cleaned_and_the_receipt_says_so(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    receipt = fleet.deliver("web", "a\x1b[201~\r/exit\r\x03\x03 b\x9b201~", ready_timeout_s=10)
    assert receipt.status is DeliveryStatus.STARTED
    assert receipt.removed == {"ESC": 1, "CR": 2, "ETX": 2, "U+009B": 1}
    eventually(lambda: any("heard: a[201~ /exit" in row for row in fleet.lane("web").screen))
    assert len(prompts(fleet)) == 1


def test_enter_is_pressed_again_while_the_composer_refuses_it_and_the_text_is_sent_once(fleet: Fleet) -> None:
    fleet.start("web", script=f"enter_refused_ms: 500\n{ECHO}")
    receipt = fleet.deliver("web", "only once", ready_timeout_s=10)
    assert receipt.status is DeliveryStatus.STARTED
    assert [row.rstrip("…") for row in prompts(fleet)] == ["> only once"]


def test_a_composer_says_which_keys_submit(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fenced.yaml").write_text(FENCED, encoding="utf-8")
    monkeypatch.setattr("tests.substrate.fleet.HARNESSES", Harnesses(tmp_path))
    fleet.start("web", "fenced", str(REPOSITORY / "tests/support/fenced_agent.py"))
    receipt = fleet.deliver("web", "first line\n\nlast line", ready_timeout_s=10)
    assert receipt.status is DeliveryStatus.STARTED, (receipt, fleet.lane("web").screen)
    screen = [row for row in fleet.lane("web").screen if row]
    assert screen == ["heard: 'first line\\n\\nlast line'", "What now?", "Send with Esc, then Enter"]


def test_a_lane_that_boots_is_waited_for(fleet: Fleet) -> None:
    fleet.start("web", "rehearsal", "--boot-s", "0.5", script=ECHO.replace("boot_s: 0\n", ""))
    assert fleet.deliver("web", "hello", ready_timeout_s=10).status is DeliveryStatus.STARTED


def test_copy_mode_is_left(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    fleet.command("copy-mode", "-t", fleet.records["web"].pane)
    assert fleet.deliver("web", "one\ntwo").status is DeliveryStatus.STARTED
    assert len(prompts(fleet)) == 1


def test_a_running_turn_is_interrupted_if_that_is_asked_for(fleet: Fleet) -> None:
    fleet.start("web", script=SLOW)
    assert fleet.deliver("web", "the first", ready_timeout_s=10).delivered
    assert fleet.deliver("web", "the second", op="op-2").status is DeliveryStatus.NOT_DELIVERED
    receipt = fleet.deliver("web", "the third", op="op-3", interrupt=True)
    assert receipt.status is DeliveryStatus.STARTED
    assert prompts(fleet) == ["> the first", "> the third"]


def test_keys_that_interrupt_are_pressed_apart_and_a_prompt_put_back_is_no_draft(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stubborn.yaml").write_text(STUBBORN, encoding="utf-8")
    monkeypatch.setattr("tests.substrate.fleet.HARNESSES", Harnesses(tmp_path))
    fleet.start("web", "stubborn", str(REPOSITORY / "tests/support/stubborn_agent.py"))
    assert fleet.deliver("web", "the first", ready_timeout_s=10).status is DeliveryStatus.STARTED
    receipt = fleet.deliver("web", "the second", op="op-2", interrupt=True)
    assert receipt.status is DeliveryStatus.STARTED, (receipt, fleet.lane("web").screen)
    assert prompts(fleet) == ["> the first", "> the second"]


def test_without_enter_the_text_stands_in_the_composer(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    receipt = fleet.deliver("web", "a draft", ready_timeout_s=10, press_enter=False)
    assert receipt.delivered and "Enter was not asked for" in receipt.evidence
    assert fleet.lane("web").state.detail is Detail.DRAFT
    assert prompts(fleet) == []


def test_a_turn_that_fails_at_once_was_started(fleet: Fleet) -> None:
    fleet.start("web", script="boot_s: 0\nanswers: []\ndefault: {steps: [{error: '500 internal'}]}\n")
    assert fleet.deliver("web", "try", ready_timeout_s=10).status is DeliveryStatus.STARTED
    fleet.becomes("web", Detail.API_ERROR)
    refused = fleet.deliver("web", "again", op="op-2")
    assert refused.status is DeliveryStatus.NOT_DELIVERED and "api-error" in refused.evidence
    assert fleet.deliver("web", "again", op="op-3", sender="person").status is DeliveryStatus.STARTED


# The same operation.


def test_an_operation_is_carried_out_once(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    first = fleet.deliver("web", "hello", ready_timeout_s=10)
    fleet.becomes("web", Detail.READY)
    assert timeless(fleet.deliver("web", "hello")) == timeless(first)
    assert len(prompts(fleet)) == 1
    with pytest.raises(StoreError):
        fleet.deliver("web", "another text")


# Not delivered: nothing reaches the pane.


@pytest.mark.parametrize("text", ["", "\n\n", "\x1b\x00"])
def test_a_text_of_which_nothing_is_left_is_not_delivered(fleet: Fleet, text: str) -> None:
    fleet.start("web", script=ECHO)
    assert fleet.deliver("web", text, ready_timeout_s=10).status is DeliveryStatus.NOT_DELIVERED


def test_a_draft_of_a_person_is_left_alone(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    fleet.type("web", "half a thought")
    fleet.becomes("web", Detail.DRAFT)
    receipt = fleet.deliver("web", "text", ready_timeout_s=0.2)
    assert (receipt.status, receipt.step) == (DeliveryStatus.NOT_DELIVERED, DeliveryStep.CHECK)
    assert "draft" in receipt.evidence and "half a thought" in receipt.evidence
    assert "❯ half a thought" in fleet.lane("web").screen


def test_nothing_is_typed_into_a_dialog(fleet: Fleet) -> None:
    fleet.start("web", script="boot_s: 0\nanswers: []\ndefault: {steps: [{ask: rm -r build}, {say: answered}]}\n")
    receipt = fleet.deliver("web", "go", ready_timeout_s=10)
    assert receipt.status is DeliveryStatus.STARTED
    fleet.becomes("web", Detail.APPROVAL)
    refused = fleet.deliver("web", "1", op="op-2")
    assert refused.status is DeliveryStatus.NOT_DELIVERED and "approval" in refused.evidence
    assert fleet.lane("web").state.detail is Detail.APPROVAL


def test_a_program_that_ended_gets_nothing_and_the_shell_in_its_place_neither(fleet: Fleet) -> None:
    fleet.start("web", script="boot_s: 0\nanswers: []\ndefault: {steps: [{exit: 3}]}\n")
    assert fleet.deliver("web", "end", ready_timeout_s=10).status in (DeliveryStatus.STARTED, DeliveryStatus.UNKNOWN)
    fleet.becomes("web", Detail.EXITED)
    receipt = fleet.deliver("web", "touch owned", op="op-2", ready_timeout_s=5)
    assert receipt.status is DeliveryStatus.NOT_DELIVERED and "status 3" in receipt.evidence
    assert not (fleet.root / "owned").exists()


def test_a_pane_that_is_not_the_recorded_one_gets_nothing(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    fleet.command("set-option", "-p", "-t", fleet.records["web"].pane, "@loop_lane", "web2")
    receipt = fleet.deliver("web", "text", ready_timeout_s=5)
    assert receipt.status is DeliveryStatus.NOT_DELIVERED and "conflicting" in receipt.evidence


def test_a_pane_that_is_gone_gets_nothing(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    fleet.start("docs", script=ECHO)
    fleet.tmux.end_pane(fleet.records["web"].pane)
    receipt = fleet.deliver("web", "text", ready_timeout_s=5)
    assert receipt.status is DeliveryStatus.NOT_DELIVERED and "gone" in receipt.evidence


def test_a_pane_with_input_off_gets_nothing(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    fleet.command("select-pane", "-d", "-t", fleet.records["web"].pane)
    receipt = fleet.deliver("web", "text")
    assert receipt.status is DeliveryStatus.NOT_DELIVERED and "switched off" in receipt.evidence


def test_a_lane_that_another_delivery_types_into_is_not_shared(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    with fleet.journal.lease("web"):
        receipt = fleet.deliver("web", "text")
    assert (receipt.status, receipt.step) == (DeliveryStatus.NOT_DELIVERED, DeliveryStep.ACCEPT)
    assert "lane web" in receipt.evidence


def test_two_deliveries_at_once_never_mix(fleet: Fleet) -> None:
    fleet.start("web", script="boot_s: 0\nanswers: []\ndefault: {steps: [{work_s: 0.3}, {say: 'heard: {prompt}'}]}\n")
    fleet.becomes("web", Detail.READY)
    threads = [
        threading.Thread(target=fleet.deliver, args=("web", f"{name} " * 5), kwargs={"op": name, "ready_timeout_s": 20})
        for name in ("alpha", "beta", "gamma")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receipts = [fleet.journal.get(name) for name in ("alpha", "beta", "gamma")]
    assert all(receipt and receipt.status is DeliveryStatus.STARTED for receipt in receipts)
    assert sorted(prompts(fleet)) == [f"> {name}" + f" {name}" * 4 for name in ("alpha", "beta", "gamma")]


def test_a_lane_that_cannot_be_seen_gets_nothing(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.start("web", script=ECHO)

    def blind(name: str) -> None:
        raise SubstrateError("tmux does not answer")

    monkeypatch.setattr(fleet, "lane", blind)
    receipt = fleet.deliver("web", "text")
    assert receipt.status is DeliveryStatus.NOT_DELIVERED and "does not answer" in receipt.evidence


def test_an_idle_screen_that_keeps_changing_is_not_typed_into(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some programs show nothing of a turn but the text that grows."""
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    still, looks = fleet.lane, itertools.count()

    def moving(name: str) -> Lane:
        lane = still(name)
        return replace(lane, screen=(f"word {next(looks)}", *lane.screen[1:]))

    monkeypatch.setattr(fleet, "lane", moving)
    receipt = fleet.deliver("web", "text")
    assert receipt.status is DeliveryStatus.NOT_DELIVERED and "hold still" in receipt.evidence


def test_a_program_told_to_stop_sends_nothing(fleet: Fleet) -> None:
    fleet.start("web", script=SLOW)
    assert fleet.deliver("web", "work", ready_timeout_s=10).delivered
    fleet.cancel.set()
    receipt = fleet.deliver("web", "text", op="op-2", ready_timeout_s=60)
    assert receipt.status is DeliveryStatus.NOT_DELIVERED and "stop" in receipt.evidence


def test_only_a_person_may_send_what_an_agent_would_run_as_a_shell_command(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    assert fleet.deliver("web", "!rm -r x").status is DeliveryStatus.NOT_DELIVERED
    assert fleet.deliver("web", "!ls", op="op-2", sender="person").status is DeliveryStatus.STARTED


# Unknown: a person must look.


def test_a_paste_that_the_composer_does_not_show_is_unknown_and_never_submitted(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loop_orchestrator.substrate.deliver.SHOWN_S", 0.3)
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    monkeypatch.setattr(type(fleet.tmux), "paste", lambda *_, **__: PasteResult.PASTED)
    pressed: list[object] = []
    monkeypatch.setattr(type(fleet.tmux), "press", lambda *words, **__: pressed.append(words))
    receipt = fleet.deliver("web", "text")
    assert (receipt.status, receipt.step) == (DeliveryStatus.UNKNOWN, DeliveryStep.PASTE)
    assert pressed == []
    assert [one.op for one in fleet.journal.unknown()] == ["op-1"]


def test_a_text_that_is_never_taken_is_unknown_and_stands_there_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loop_orchestrator.substrate.proof.HELD_S", 1.0)
    fleet.start("web", script=f"enter_refused_ms: 60000\n{ECHO}")
    receipt = fleet.deliver("web", "never taken", ready_timeout_s=10)
    assert (receipt.status, receipt.step) == (DeliveryStatus.UNKNOWN, DeliveryStep.SUBMIT)
    assert "still stands in the composer" in receipt.evidence
    assert sum("never taken" in row for row in fleet.lane("web").screen) == 1


@pytest.mark.parametrize("keys", [["Home", "x"], ["End", "x"]])
def test_what_a_person_types_beside_the_text_is_not_submitted_with_it(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, keys: list[str]
) -> None:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    paste = type(fleet.tmux).paste

    def and_somebody_types(*words: Any, pane_pid: int, **more: Any) -> PasteResult:
        result = paste(*words, pane_pid=pane_pid, **more)
        fleet.tmux.press(words[1], keys, pane_pid=pane_pid)
        eventually(lambda: {"❯ xthe text", "❯ the textx"} & set(fleet.lane("web").screen), what="both are drawn")
        return result

    monkeypatch.setattr(type(fleet.tmux), "paste", and_somebody_types)
    receipt = fleet.deliver("web", "the text")
    assert (receipt.status, receipt.step) == (DeliveryStatus.UNKNOWN, DeliveryStep.PASTE)
    assert "somebody typed" in receipt.evidence
    assert prompts(fleet) == []


def test_a_program_told_to_stop_after_enter_still_looks_for_proof(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.start("web", script=f"enter_refused_ms: 150\n{ECHO}")
    fleet.becomes("web", Detail.READY)
    press = type(fleet.tmux).press

    def and_told_to_stop(*words: Any, pane_pid: int, **more: Any) -> PasteResult:
        fleet.cancel.set()
        return press(*words, pane_pid=pane_pid, **more)

    monkeypatch.setattr(type(fleet.tmux), "press", and_told_to_stop)
    assert fleet.deliver("web", "text").status in (DeliveryStatus.STARTED, DeliveryStatus.SUBMITTED)


@pytest.mark.parametrize("act", ["paste", "press"])
def test_when_tmux_does_not_say_what_became_of_it_nobody_knows(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)

    def broken(*_: object, **__: object) -> None:
        raise SubstrateError("tmux: no answer within 10 s")

    monkeypatch.setattr(type(fleet.tmux), act, broken)
    receipt = fleet.deliver("web", "text")
    assert receipt.status is DeliveryStatus.UNKNOWN and "no answer" in receipt.evidence


def test_a_spinner_proves_nothing_while_the_text_still_stands_in_the_composer(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something else began a turn between the paste and Enter."""
    monkeypatch.setattr("loop_orchestrator.substrate.proof.PROOF_S", 0.5)
    monkeypatch.setattr("loop_orchestrator.substrate.proof.HELD_S", 0.5)
    fleet.start("web", script=SLOW)
    fleet.becomes("web", Detail.READY)
    press = fleet.tmux.press
    presses: list[Detail] = []

    def press_and_type_again(pane: str, keys: Sequence[str], *, pane_pid: int, **more: Any) -> PasteResult:
        result = press(pane, keys, pane_pid=pane_pid, **more)
        fleet.becomes("web", Detail.BUSY)
        fleet.type("web", "-l", "the text")
        eventually(lambda: "❯ the text" in fleet.lane("web").screen)
        presses.append(fleet.lane("web").state.detail)
        return result

    monkeypatch.setattr(fleet.tmux, "press", press_and_type_again)
    receipt = fleet.deliver("web", "the text")
    assert receipt.status is DeliveryStatus.UNKNOWN and "still stands" in receipt.evidence
    assert presses == [Detail.BUSY]


# Shells.


def test_a_command_runs_in_a_shell_lane(fleet: Fleet) -> None:
    fleet.start("ops", "shell")
    receipt = fleet.deliver("ops", "sleep 30\n", mode=COMMAND, ready_timeout_s=10)
    # A command that was forked and not yet executed has the shell's name.
    assert receipt.status is DeliveryStatus.STARTED and "the lane is working" in receipt.evidence
    busy = fleet.deliver("ops", "true", op="op-2", mode=COMMAND)
    assert busy.status is DeliveryStatus.NOT_DELIVERED and "tool" in busy.evidence


@pytest.mark.parametrize("command", ["true", "echo $((6 * 7))", "echo " + "long " * 60, "printf '\\n\\n'"])
def test_a_command_that_ends_at_once_was_started(fleet: Fleet, command: str) -> None:
    fleet.start("ops", "shell")
    assert fleet.deliver("ops", command, mode=COMMAND, ready_timeout_s=10).status is DeliveryStatus.STARTED


def test_a_command_that_wipes_the_screen_was_at_least_submitted(fleet: Fleet) -> None:
    fleet.start("ops", "shell")
    assert fleet.deliver("ops", "clear; echo new > made", mode=COMMAND, ready_timeout_s=10).delivered
    assert (fleet.root / "made").exists()


def test_a_shell_takes_one_command_line_and_no_prompt(fleet: Fleet) -> None:
    fleet.start("ops", "shell")
    fleet.becomes("ops", Detail.READY)
    prompt = fleet.deliver("ops", "please look", ready_timeout_s=10)
    lines = fleet.deliver("ops", "true\ntouch owned", op="op-2", mode=COMMAND, ready_timeout_s=10)
    assert prompt.status is lines.status is DeliveryStatus.NOT_DELIVERED
    assert "shell" in prompt.evidence and "2 lines" in lines.evidence
    assert not (fleet.root / "owned").exists()


def test_an_agent_takes_no_command_line(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    receipt = fleet.deliver("web", "ls", mode=COMMAND, ready_timeout_s=10)
    assert receipt.status is DeliveryStatus.NOT_DELIVERED and "shell" in receipt.evidence


def test_a_half_typed_command_is_left_alone(fleet: Fleet) -> None:
    fleet.start("ops", "shell")
    fleet.becomes("ops", Detail.READY)
    fleet.type("ops", "rm -r ", "bui")
    fleet.becomes("ops", Detail.DRAFT)
    assert fleet.deliver("ops", "true", mode=COMMAND).status is DeliveryStatus.NOT_DELIVERED


# A process that dies on the way.

BEFORE = ("delivery.accepted", "delivery.leased")
PASTING = ("delivery.pasting", "delivery.pasted", "delivery.submitting", "delivery.submitted")


def killed(work: Callable[[], object]) -> None:
    """Run it in a process that must die by SIGKILL."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(1)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("point", [*BEFORE, *PASTING, "delivery.closed"])
def test_after_a_death_on_the_way_the_record_tells_how_far_it_may_have_gone(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    monkeypatch.setenv("LOOP_CRASH_AT", point)
    killed(lambda: fleet.deliver("web", "only once"))
    monkeypatch.delenv("LOOP_CRASH_AT")
    fleet.journal.settle_dead()
    receipt = fleet.deliver("web", "only once")
    reached = (
        eventually(lambda: [row for row in fleet.lane("web").screen if "only once" in row], limit_s=1.0)
        if (point not in (*BEFORE, "delivery.pasting"))
        else []
    )
    if point in BEFORE:
        assert receipt.status is DeliveryStatus.NOT_DELIVERED
    elif point in PASTING:
        assert receipt.status is DeliveryStatus.UNKNOWN
    else:
        assert receipt.status is DeliveryStatus.STARTED
    assert bool(reached) is (point not in (*BEFORE, "delivery.pasting"))
    assert len(prompts(fleet)) <= 1


# What the program says itself.


def said(lane: Lane, detail: Detail, *, decides: bool, source: SignalSource = SignalSource.HARNESS) -> Lane:
    """The lane, of which something was said beside what it shows."""
    word = Signal(source=source, detail=detail, rule="hook:x", seen=f"it said {detail}", at=lane.record.booted_at)
    if not decides:
        return replace(lane, state=replace(lane.state, evidence=(*lane.state.evidence, word), why=()))
    return replace(lane, state=LaneState(detail=detail, confidence=0.3, rule=word.rule, evidence=(word,)))


@pytest.mark.parametrize("source", [SignalSource.HARNESS, SignalSource.PROCESS])
def test_only_signs_that_contradict_each_other_for_a_moment_are_waited_out(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, source: SignalSource
) -> None:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    looks = itertools.count()
    real = fleet.lane

    def contradicted_at_first(name: str) -> Lane:
        lane = real(name)
        return said(lane, Detail.CONFLICTING, decides=True, source=source) if next(looks) < 3 else lane

    monkeypatch.setattr(fleet, "lane", contradicted_at_first)
    receipt = fleet.deliver("web", "hello", ready_timeout_s=20)
    assert receipt.delivered is (source is SignalSource.HARNESS)


def test_the_programs_own_word_proves_that_a_turn_began(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    before = fleet.becomes("web", Detail.READY)
    typist, trace = fleet.typist("web"), Trace("hello", fleet.spec("web"))
    assert proof_of(typist, trace, before, before, held=False) is None
    begun = said(before, Detail.BUSY, decides=False)
    told = ("the program says that it is busy: it said busy", DeliveryProof.SAID)
    assert proof_of(typist, trace, before, begun, held=False) == told
    assert proof_of(typist, trace, before, begun, held=True) is None
    assert proof_of(typist, trace, begun, begun, held=False) is None
    assert proof_of(typist, trace, before, said(before, Detail.READY, decides=False), held=False) is None
