"""New work begins with a fresh context where the program's data asks for one, confirmed, or it does not begin."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from loop_orchestrator.model.delivery import DeliverySettings, DeliveryStatus, DeliveryStep
from loop_orchestrator.model.lane import Detail
from tests.substrate.fleet import Fleet
from tests.substrate.recording import harnesses
from tests.support.waiting import eventually

ECHO = "boot_s: 0\nanswers: []\ndefault: {steps: [{say: 'heard: {prompt}'}]}\n"
REFUSING = f"enter_refused_ms: 60000\n{ECHO}"


@pytest.fixture
def fresh(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    harnesses(monkeypatch, tmp_path_factory.mktemp("data"))
    return fleet


def prompts(fleet: Fleet) -> list[str]:
    return [row for row in fleet.lane("web").screen if row.startswith("> ")]


def boot(fleet: Fleet, script: str = ECHO) -> None:
    fleet.start("web", "fresh", script=script)
    fleet.becomes("web", Detail.READY)


def test_new_work_finds_a_fresh_context_and_what_is_no_new_work_the_one_there_was(fresh: Fleet) -> None:
    boot(fresh)
    assert fresh.deliver("web", "the old work", ready_timeout_s=10).delivered
    steer = fresh.deliver("web", "go on", op="op-2", ready_timeout_s=10)
    assert (steer.delivered, steer.reset, prompts(fresh)) == (True, "", ["> the old work", "> go on"])
    work = fresh.deliver("web", "the new work", op="op-3", ready_timeout_s=10, fresh=True)
    assert (work.status, work.reset, work.enters) == (DeliveryStatus.STARTED, "done: /clear", 1)
    assert prompts(fresh) == ["> the new work"]
    assert list(work.times) == [step.value for step in DeliveryStep]


def test_a_program_whose_data_does_not_ask_for_it_keeps_its_context(fleet: Fleet) -> None:
    fleet.start("web", script=ECHO)
    assert fleet.deliver("web", "the old work", ready_timeout_s=10).delivered
    work = fleet.deliver("web", "the new work", op="op-2", ready_timeout_s=10, fresh=True)
    assert (work.delivered, work.reset, len(prompts(fleet))) == (True, "", 2)


@pytest.mark.parametrize("age_s", [None, 30.0, 3_600.0])
def test_the_context_stays_where_a_person_is_at_work(
    fresh: Fleet, monkeypatch: pytest.MonkeyPatch, age_s: float | None
) -> None:
    boot(fresh)
    monkeypatch.setattr(type(fresh.tmux), "key_age_s", lambda *_: age_s)
    receipt = fresh.deliver("web", "the new work", ready_timeout_s=10, fresh=True)
    assert receipt.delivered
    assert ("a person is at the lane" in receipt.reset) is (age_s == 30.0)


def test_it_can_be_switched_off(fresh: Fleet) -> None:
    boot(fresh)
    settings = DeliverySettings(resets=False)
    receipt = fresh.deliver("web", "the new work", ready_timeout_s=10, fresh=True, settings=settings)
    assert (receipt.delivered, receipt.reset) == (True, "not done: it is switched off")


def test_without_a_fresh_context_nothing_is_sent_and_the_next_delivery_says_what_stands_there(fresh: Fleet) -> None:
    boot(fresh, REFUSING)
    settings = DeliverySettings(reset_timeout_s=0.7)
    receipt = fresh.deliver("web", "the new work", ready_timeout_s=10, fresh=True, settings=settings)
    assert (receipt.status, receipt.step) == (DeliveryStatus.NOT_DELIVERED, DeliveryStep.RESET)
    assert "fresh context was not confirmed" in receipt.evidence and receipt.enters == 0
    fresh.becomes("web", Detail.DRAFT)
    refused = fresh.deliver("web", "more", op="op-2", ready_timeout_s=0.1)
    assert refused.status is DeliveryStatus.NOT_DELIVERED
    assert "a delivery that ended early may have left this command" in refused.evidence
    assert not any("new work" in row for row in fresh.lane("web").screen)


def test_what_a_person_types_beside_the_command_is_neither_submitted_nor_lost(
    fresh: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(fresh)

    def somebody_types(_: str) -> None:
        fresh.type("web", "abc")
        eventually(lambda: "❯ /clearabc" in fresh.lane("web").screen)

    monkeypatch.setattr("loop_orchestrator.substrate.reset.crash_point", somebody_types)
    receipt = fresh.deliver("web", "the new work", ready_timeout_s=10, fresh=True)
    assert receipt.status is DeliveryStatus.NOT_DELIVERED and "typed beside" in receipt.evidence
    assert "❯ /clearabc" in fresh.lane("web").screen
    assert prompts(fresh) == []


def test_a_death_while_the_command_stands_there_leaves_not_delivered_and_says_so(
    fresh: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(fresh)
    monkeypatch.setenv("LOOP_CRASH_AT", "delivery.reset-typed")
    pid = os.fork()
    if pid == 0:
        try:
            fresh.deliver("web", "the new work", ready_timeout_s=10, fresh=True)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    monkeypatch.delenv("LOOP_CRASH_AT")
    (settled,) = fresh.journal.settle_dead()
    assert settled.status is DeliveryStatus.NOT_DELIVERED
    assert "may hold /clear" in settled.evidence
    eventually(lambda: "❯ /clear" in fresh.lane("web").screen)
    assert "this command for a fresh context" in fresh.deliver("web", "x", op="op-2").evidence


def test_a_file_that_asks_for_a_command_it_does_not_name_is_refused(tmp_path: Path) -> None:
    from loop_orchestrator.errors import ConfigError
    from loop_orchestrator.harnesses.registry import load_harnesses

    text = "name: x\ntitle: X\nkind: agent\nlaunch: [x]\ncomposer: {line: '^> (?P<text>.*)$', reset_first: true}\n"
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="reset_first"):
        load_harnesses(tmp_path)


def test_a_person_is_at_the_lane_that_their_terminal_shows(fleet: Fleet) -> None:
    web, docs = fleet.start("web", script=ECHO).pane, fleet.start("docs", script=ECHO).pane
    fleet.tmux.select(web)
    assert fleet.tmux.key_age_s(web) is None
    fleet.tmux.feed().open()  # a connection of this program is no person
    outer = str(fleet.root / "outer")
    attach = f"env -u TMUX tmux -S {fleet.socket} attach -t =short"
    subprocess.run(["tmux", "-S", outer, "-f", os.devnull, "new-session", "-d", attach], check=True)
    try:
        eventually(lambda: fleet.tmux.key_age_s(web) is not None)
        age_s = fleet.tmux.key_age_s(web)
        assert age_s is not None and age_s < 60
        assert fleet.tmux.key_age_s(docs) is None
    finally:
        subprocess.run(["tmux", "-S", outer, "kill-server"], check=False)
        fleet.tmux.feed().close()
