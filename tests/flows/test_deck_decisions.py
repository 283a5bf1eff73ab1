"""A person answers decisions in the deck, in a terminal of 80 columns and 24 rows, by what the screen says."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.flows.conftest import Boot
from tests.support.scratch import Scratch, write_task
from tests.support.waiting import eventually

LANES = "{web: {harness: actor}, api: {harness: actor}}"
PANE = "=deck:0.0"


@contextmanager
def deck(scratch: Scratch) -> Iterator[None]:
    """`loop deck` in a pane that is no lane."""
    line = shlex.join([sys.executable, "-m", "loop_orchestrator", "deck"])
    scratch.tmux(
        *("new-session", "-d", "-s", "deck", "-x", "80", "-y", "24", "-c", str(scratch.root), line), socket="person"
    )
    try:
        yield
    finally:
        scratch.tmux("kill-session", "-t", "=deck", socket="person")


def shown(scratch: Scratch) -> str:
    return scratch.tmux("capture-pane", "-p", "-t", PANE, socket="person")


def see(scratch: Scratch, *texts: str) -> str:
    """The words of the screen, once all of these stand on it, in one line or folded."""

    def seen() -> str:
        screen = " ".join(shown(scratch).split())
        return screen if all(text in screen for text in texts) else ""

    try:
        return eventually(seen, limit_s=30)
    except AssertionError:
        raise AssertionError(f"{texts} is not on the screen:\n{shown(scratch)}") from None


def press(scratch: Scratch, *keys: str) -> None:
    scratch.tmux("send-keys", "-t", PANE, *keys, socket="person")


def type_text(scratch: Scratch, text: str) -> None:
    scratch.tmux("send-keys", "-t", PANE, "-l", text, socket="person")


def decided(scratch: Scratch, *tasks: str) -> str:
    """The decision of a cycle that hands out these tasks."""
    for task in tasks:
        write_task(scratch.root, task)
    before = len(scratch.events("decision.filed"))
    scratch.ok("engine", "once", codes=(3,))
    return str(scratch.events("decision.filed")[before].payload["decision"])


def test_a_person_approves_by_what_the_screen_says(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual, approval_expires_s: 7200")
    decision = decided(scratch, "T0001")
    with deck(scratch):
        see(scratch, "dispatch web: yes or no?", "no in 1h")
        press(scratch, "Enter")
        screen = see(scratch, decision, "y Approve", "N Reject", "e Edit", "y approves and N rejects action 0")
        assert "it is rejected" in screen and "critique" in screen
        press(scratch, "y")
        eventually(lambda: scratch.events("decision.approved"), limit_s=30, what="the approval")
        see(scratch, "Nothing needs you")
    (approved,) = scratch.events("decision.approved")
    assert approved.payload["decision"] == decision and "on pts/" in str(approved.payload["by"])
    eventually(lambda: scratch.mail("web", "T0001 review") == 1, limit_s=30)


def test_a_person_rejects_one_action_with_a_reason_and_the_other_goes_on_waiting(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    decision = decided(scratch, "T0001", "T0002")
    with deck(scratch):
        see(scratch, "yes or no?", "waits")
        press(scratch, "Enter")
        see(scratch, "y approves and N rejects all 2")
        press(scratch, "j")
        press(scratch, "Space")
        see(scratch, "[x] 1. dispatch", "only the marked (1)")
        press(scratch, "N")
        see(scratch, "Why?", "Ctrl-S sends")
        type_text(scratch, "not before the review")
        see(scratch, "not before the review")
        press(scratch, "C-s")
        (rejected,) = eventually(lambda: scratch.events("decision.rejected"), limit_s=30, what="the rejection")
        see(scratch, "1. dispatch", "rejected", "y approves and N rejects action 0")
    assert rejected.payload["decision"] == decision
    assert (rejected.payload["items"], rejected.payload["reason"]) == ([1], "not before the review")
    assert not scratch.events("item.started")


def test_a_person_edits_a_field_sees_how_it_is_judged_now_and_approves_once_more(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    decision = decided(scratch, "T0001")
    with deck(scratch):
        see(scratch, "yes or no?")
        press(scratch, "Enter")
        see(scratch, "e edits action 0")
        press(scratch, "e")
        see(scratch, "which field?", "payload")
        press(scratch, "Down", "Enter")
        see(scratch, "payload of action 0", "now:", "Ctrl-S sends")
        type_text(scratch, "git push --force origin main. ")
        see(scratch, "git push --force origin main.")
        press(scratch, "C-s")
        (edited,) = eventually(lambda: scratch.events("decision.edited"), limit_s=30, what="the edit")
        see(scratch, "(destructive, waiting)", "because")
        press(scratch, "y")
        see(scratch, "Run 1 action of", "y yes", "n no")
        assert not scratch.events("decision.approved")
        press(scratch, "y")
        (approved,) = eventually(lambda: scratch.events("decision.approved"), limit_s=30, what="the approval")
    assert edited.payload["decision"] == decision and edited.payload["fields"] == ["payload"]
    assert approved.payload["digest"] == edited.payload["digest"] != edited.payload["was"]


def test_a_decision_that_another_answers_while_it_is_open_says_so(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    decision = decided(scratch, "T0001")
    with deck(scratch):
        see(scratch, "yes or no?")
        press(scratch, "Enter")
        see(scratch, "y approves and N rejects action 0")
        code, said = scratch.person("reject", decision, "--reason", "later")
        assert code == 0, said
        see(scratch, "is closed", "later", "Esc goes back")
        press(scratch, "Escape")
        see(scratch, "Nothing needs you")


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen on this machine")
def test_a_key_with_a_passphrase_is_refused_with_the_command_that_can_ask(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    keys = {"locked": "secret-words", "plain": ""}
    for name, phrase in keys.items():
        key = scratch.root / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", str(key)], check=True)
    allowed = [f"{name}@example.org {(scratch.root / f'{name}.pub').read_text()}" for name in keys]
    (scratch.root / "allowed").write_text("".join(allowed), encoding="utf-8")
    config = f"lanes: {LANES}\nengine: {{approval: manual, signers: allowed}}\n"
    (scratch.root / "lane-config.yaml").write_text(config, encoding="utf-8")
    code, said = scratch.person("trust", "--accept")
    assert code == 0, said
    decision = decided(scratch, "T0001")
    scratch.env["LOOP_SIGNING_KEY"] = str(scratch.root / "locked")
    scratch.tmux("set-environment", "-g", "LOOP_SIGNING_KEY", str(scratch.root / "locked"), socket="person")
    with deck(scratch):
        see(scratch, "yes or no?")
        press(scratch, "Enter")
        see(scratch, "Approvals are signed here")
        press(scratch, "y")
        see(scratch, "cannot ask for a passphrase", f"loop approve {decision}", "ssh-add")
        assert not scratch.events("decision.approved")
    scratch.tmux("set-environment", "-g", "LOOP_SIGNING_KEY", str(scratch.root / "plain"), socket="person")
    with deck(scratch):
        see(scratch, "yes or no?")
        press(scratch, "Enter")
        see(scratch, "Approvals are signed here")
        press(scratch, "y")
        (approved,) = eventually(lambda: scratch.events("decision.approved"), limit_s=30, what="the approval")
    assert approved.payload["signed_by"] == "plain@example.org"
