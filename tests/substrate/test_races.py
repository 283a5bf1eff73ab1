"""A person's keys at every moment of a delivery, a pane that cannot take it, a tmux that goes away."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from loop_orchestrator.errors import SubstrateError
from loop_orchestrator.model.delivery import DeliveryStatus, DeliveryStep
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.substrate.port import PasteResult
from tests.substrate.fleet import Fleet
from tests.support.waiting import eventually

ECHO = "boot_s: 0\nanswers: []\ndefault: {steps: [{say: 'heard: {prompt}'}]}\n"


@pytest.fixture
def ready(fleet: Fleet) -> Fleet:
    fleet.start("web", script=ECHO)
    fleet.becomes("web", Detail.READY)
    return fleet


def at(monkeypatch: pytest.MonkeyPatch, point: str, act: Callable[[], object]) -> None:
    """Do this when a delivery comes to a recorded step."""
    monkeypatch.setattr(
        "loop_orchestrator.substrate.deliver.crash_point", lambda name: act() if name == point else None
    )


def prompts(fleet: Fleet) -> list[str]:
    return [row for row in fleet.lane("web").screen if row.startswith("> ")]


def typed(fleet: Fleet, keys: str, shown: str) -> None:
    fleet.type("web", "-l", keys)
    eventually(lambda: shown in fleet.lane("web").screen, what=f"{shown!r} is drawn")


@pytest.mark.parametrize("point", ["delivery.leased", "delivery.checked", "delivery.cleaned", "delivery.pasting"])
def test_what_a_person_types_before_the_paste_defers_it(
    ready: Fleet, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    at(monkeypatch, point, lambda: typed(ready, "half a thought", "❯ half a thought"))
    receipt = ready.deliver("web", "the text", ready_timeout_s=0.3)
    assert receipt.status is DeliveryStatus.NOT_DELIVERED and "half a thought" in receipt.evidence
    assert "❯ half a thought" in ready.lane("web").screen and prompts(ready) == []


@pytest.mark.parametrize("held", [True, False])
def test_a_key_between_the_last_look_and_the_paste_is_seen_by_tmux(
    ready: Fleet, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    paste = type(ready.tmux).paste

    def typed_first(*words: Any, **more: Any) -> PasteResult:
        if "❯ me" not in ready.lane("web").screen:
            typed(ready, "me", "❯ me")
        return paste(*words, **more)

    monkeypatch.setattr(type(ready.tmux), "paste", typed_first)
    if held:
        ready.tmux.feed().open()
    receipt = ready.deliver("web", "the text", ready_timeout_s=0.3)
    ready.tmux.feed().close()
    assert receipt.status is DeliveryStatus.NOT_DELIVERED
    assert "❯ me" in ready.lane("web").screen and prompts(ready) == []


@pytest.mark.parametrize("text", ["the text", "a large text " * 100])
@pytest.mark.parametrize("keys", ["?", "and more"])
def test_what_a_person_types_between_paste_and_enter_is_not_submitted(
    ready: Fleet, monkeypatch: pytest.MonkeyPatch, text: str, keys: str
) -> None:
    def someone_types() -> None:
        ready.type("web", "-l", keys)
        eventually(lambda: any(row.endswith(keys) for row in ready.lane("web").screen if row.startswith("❯")))

    at(monkeypatch, "delivery.submitting", someone_types)
    receipt = ready.deliver("web", text)
    assert (receipt.status, receipt.enters) == (DeliveryStatus.UNKNOWN, 0)
    assert "somebody typed" in receipt.evidence
    assert prompts(ready) == [] and any(row.endswith(keys) for row in ready.lane("web").screen)


def test_a_mode_that_cannot_be_left_gets_nothing(ready: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    pane = ready.records["web"].pane

    def broken(*_: object) -> None:
        raise SubstrateError("tmux copy-mode: no")

    monkeypatch.setattr(type(ready.tmux), "leave_mode", broken)
    ready.command("copy-mode", "-t", pane)
    receipt = ready.deliver("web", "the text")
    assert receipt.status is DeliveryStatus.NOT_DELIVERED and "could not be left" in receipt.evidence
    ready.command("copy-mode", "-q", "-t", pane)
    assert "❯ the text" not in ready.lane("web").screen and prompts(ready) == []


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize(
    ("point", "status"),
    [
        ("delivery.leased", DeliveryStatus.NOT_DELIVERED),
        ("delivery.cleaned", DeliveryStatus.NOT_DELIVERED),
        ("delivery.pasting", DeliveryStatus.NOT_DELIVERED),
        ("delivery.pasted", DeliveryStatus.UNKNOWN),
        ("delivery.submitting", DeliveryStatus.UNKNOWN),
        ("delivery.submitted", DeliveryStatus.UNKNOWN),
    ],
)
def test_a_tmux_that_is_killed_on_the_way_ends_the_delivery_with_a_receipt(
    ready: Fleet, monkeypatch: pytest.MonkeyPatch, point: str, status: DeliveryStatus, held: bool
) -> None:
    def kill() -> None:
        subprocess.run(["tmux", "-S", str(ready.socket), "kill-server"], check=False)

    at(monkeypatch, point, kill)
    if held:
        ready.tmux.feed().open()
    receipt = ready.deliver("web", "the text")
    ready.tmux.feed().close()
    assert receipt.status is status, receipt
    assert ready.journal.get("op-1") is not None


def test_of_two_processes_with_one_operation_one_delivers(ready: Fleet) -> None:
    pids = []
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            try:
                ready.deliver("web", "only once", ready_timeout_s=10)
                os._exit(0)
            finally:
                os._exit(1)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0]
    receipt = ready.journal.get("op-1")
    assert receipt is not None and receipt.status is DeliveryStatus.STARTED
    assert prompts(ready) == ["> only once"]


def test_a_lease_is_held_across_processes(ready: Fleet) -> None:
    begin, ready_to_go = os.pipe()
    pid = os.fork()
    if pid == 0:
        with ready.journal.lease("web"):
            os.write(ready_to_go, b"x")
            signal.pause()
    os.read(begin, 1)
    try:
        receipt = ready.deliver("web", "the text")
        assert (receipt.status, receipt.step) == (DeliveryStatus.NOT_DELIVERED, DeliveryStep.ACCEPT)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert ready.deliver("web", "the text", op="op-2", ready_timeout_s=10).delivered
