"""`loop up`, lanes and texts to them, in a real tmux."""

from __future__ import annotations

from pathlib import Path

import pytest

from loop_orchestrator.cli.attach import is_inside
from tests.cli.conftest import Loop, loop_outside
from tests.support.projects import tmux
from tests.support.waiting import eventually


@pytest.fixture
def up(loop: Loop, shop: Path) -> Path:
    """A booted project."""
    ran = loop_outside("up", "--no-attach", "--accept", "--boot-check", "20")
    assert ran.code == 0, ran.err
    return shop


def test_a_plan_touches_nothing_and_needs_no_acceptance(loop: Loop, shop: Path) -> None:
    before = sorted(shop.rglob("*"))
    for option in ("--plan", "--print-cmds"):
        ran = loop("up", option)
        assert ran.code == 0
        assert "sleep 1000" in ran.out
    lanes = loop("up", "--plan", "--json").document["lanes"]
    assert isinstance(lanes, list)
    assert [lane["lane"] for lane in lanes] == ["coord", "web", "ops-top"]  # type: ignore[index,call-overload]
    assert [path for path in sorted(shop.rglob("*")) if "cache" not in str(path)] == before


def test_a_config_that_was_not_accepted_starts_nothing(shop: Path, socket: str) -> None:
    ran = loop_outside("up", "--no-attach")
    assert ran.code == 1
    assert "new: lane coord runs: sleep 1000" in ran.err
    assert tmux(socket, "list-sessions").code != 0


def test_an_agent_can_neither_accept_a_config_nor_say_that_a_task_is_done(shop: Path) -> None:
    (shop / "tasks").mkdir()
    (shop / "tasks/T0001-x.md").write_text("---\ntitle: x\nstatus: review\n---\n")
    for words in (("up", "--accept"), ("trust", "--accept"), ("task", "done", "T0001"), ("down",)):
        ran = loop_outside(*words, env={"LOOP_LANE": "web", "LOOP_SESSION": "shop"})
        assert ran.code == 1, words
        assert "an agent may not" in ran.err
    assert loop_outside("task", "done", "T0001").code == 0


def test_up_says_how_to_look_and_adopts_the_second_time(up: Path, loop: Loop, socket: str) -> None:
    ran = loop("up", "--no-attach")
    assert ran.code == 0
    assert "kept coord, web, ops-top" in ran.out
    assert f"look: loop attach, or: tmux -S {socket} attach -t '=shop'" in ran.out


def test_a_lane_that_does_not_come_up_fails_the_boot_check(shop: Path) -> None:
    (shop / "lane-config.yaml").write_text("lanes:\n  log: {cmd: 'echo out of luck; exit 4'}\n")
    ran = loop_outside("up", "--no-attach", "--accept", "--boot-check")
    assert ran.code == 1
    assert "lane log is not ready: errored (exited): ended with status 4" in ran.err
    assert "out of luck" in ran.err


def test_lanes_are_listed_with_the_keys_that_others_rely_on(up: Path, loop: Loop) -> None:
    document = loop("lane", "list", "--json").document
    lanes = document["lanes"]
    assert isinstance(lanes, list)
    assert set(document) == {"contract_version", "session", "generated_at", "lanes"}
    keys = {"lane", "window", "pane", "harness", "model", "role", "cmd", "base", "kind", "cwd", "branch"}
    keys |= {"status", "detail", "ready", "worktree", "restarts"}
    assert all(set(lane) == keys for lane in lanes if isinstance(lane, dict))


def test_the_state_of_a_lane_is_one_word_or_a_document(up: Path, loop: Loop) -> None:
    assert loop("lane-status", "shop", "web").out == "idle\n"
    assert loop("lane-status", "web").out == "idle\n"
    assert loop("lane-status", "--all", "shop").out.splitlines() == ["coord working", "web idle", "ops-top idle"]
    document = loop("lane-status", "--json", "--all", "shop").document
    lanes = document["lanes"]
    assert isinstance(lanes, dict)
    assert list(lanes) == ["coord", "web", "ops-top"]
    web = loop("lane-status", "--json", "shop", "web").document["lanes"]["web"]  # type: ignore[index,call-overload]
    keys = {"status", "detail", "ready", "confidence", "target", "kind", "evidence"}
    assert set(web) >= keys  # type: ignore[arg-type]
    assert loop("lane-status", "--print-target", "shop", "web").out.startswith("%")


def test_an_unknown_lane_and_a_session_that_does_not_run_have_codes_of_their_own(up: Path, loop: Loop) -> None:
    assert loop("lane-status", "shop", "wbe").code == 2
    assert loop("lane-status", "night", "web").code == 5
    assert loop("lane-status").code == 2


def test_a_capture_on_stdin_is_classified(shop: Path) -> None:
    ran = loop_outside("lane-status", "--classify-stdin", "claude", "--json", stdin="nothing known\n")
    assert ran.code == 0
    assert ran.document["lanes"]["stdin"]["status"] == "unknown"  # type: ignore[index,call-overload]
    assert loop_outside("lane-status", "--classify-stdin", "cluade").code == 2


def test_the_evidence_is_told_in_sentences(up: Path, loop: Loop) -> None:
    assert loop("why", "web").out.startswith("web is idle (ready): text may be typed into it.\n")


def test_a_command_reaches_its_lane_once(up: Path, loop: Loop) -> None:
    ran = loop("send", "--op", "op-1", "--wait-ready", "--json", "web", "echo", "hello", ">>", "out.txt")
    assert ran.code == 0, ran.err
    keys = {"contract_version", "op", "lane", "status", "step", "sha256", "bytes", "removed", "times", "evidence"}
    assert set(ran.document) >= keys
    again = loop("send", "--op", "op-1", "web", "echo", "hello", ">>", "out.txt")
    assert again.code == 0
    eventually((up / "out.txt").exists)
    assert (up / "out.txt").read_text() == "hello\n"
    assert loop("send", "--op", "op-1", "web", "other").code == 1


def test_texts_for_lanes_that_cannot_take_them_have_codes_of_their_own(up: Path, loop: Loop, socket: str) -> None:
    assert loop("send", "coord", "x").code == 2, "it runs a fixed command"
    assert loop("send", "nobody", "x").code == 2
    assert loop("send", "web", " ").code == 2
    assert loop("send", "web", "--wait-ready", "sleep 1000").code == 0
    eventually(lambda: loop("lane-status", "shop", "web").out == "working\n")
    assert loop("send", "web", "echo x").code == 4
    target = loop("lane-status", "--print-target", "shop", "web").out.strip()
    tmux(socket, "kill-pane", "-t", target)
    assert loop("send", "web", "echo x").code == 5


def test_a_text_whose_sender_died_is_never_sent_again(up: Path, loop: Loop) -> None:
    died = loop_outside(
        "send", "--wait-ready", "--op", "op-1", "web", "touch x", env={"LOOP_CRASH_AT": "delivery.pasted"}
    )
    assert died.code == -9
    again = loop("send", "--op", "op-1", "web", "touch x", "--json")
    assert again.code == 1
    assert again.document["status"] == "unknown"
    assert "loop resolve op-1 happened|did-not|drop" in loop("status").out
    assert loop_outside("resolve", "op-1", "did-not").out == "op-1: not-delivered\n"


def test_a_lane_is_added_and_dropped(up: Path, loop: Loop) -> None:
    ran = loop("lane", "add", "probe", "--harness", "shell", "--window", "ops", "--wait-ready")
    assert ran.code == 0, ran.err
    assert "probe" in loop("lane", "list").out
    assert loop("lane", "add", "probe", "--harness", "shell").code == 2
    assert loop("lane", "add", "x", "--harness", "shell", "--cmd", "true").code == 2
    assert loop("lane", "drop", "probe").code == 0
    refused = loop("lane", "drop", "web")
    assert refused.code == 1
    assert "loop lane drop web --force" in refused.err


def test_a_person_in_a_pane_of_the_session_approves(up: Path, loop: Loop, socket: str) -> None:
    loop("mail", "send", "--from", "ann", "--to", "coord", "--subject", "Which colour?", "--body", "text")
    assert loop("engine", "once").code == 3
    import os
    import sys

    command = f"PYTHONPATH={Path(__file__).parents[2]} {sys.executable} -m loop_orchestrator approve d-"
    done = up / "approve.txt"
    shell = f"cd {up}; {command} > {done}.part 2>&1; echo code $? >> {done}.part; mv {done}.part {done}"
    env = [word for name in ("XDG_STATE_HOME", "HOME") for word in ("-e", f"{name}={os.environ[name]}")]
    tmux(socket, "new-window", "-d", "-t", "=shop:", *env, shell)
    eventually(done.exists, limit_s=30)
    assert done.read_text().endswith("0. escalate: done: a person has seen it\ncode 0\n")
    event = loop("engine", "status", "--json").document["last_events"]
    assert any(one["kind"] == "decision.archived" for one in event)  # type: ignore[union-attr,index,call-overload]


def test_down_ends_the_session(up: Path, loop: Loop, socket: str) -> None:
    ran = loop_outside("down", "--json")
    assert ran.code == 0, ran.err
    assert len(ran.document["handoffs"]) == 3  # type: ignore[arg-type]
    assert tmux(socket, "has-session", "-t", "=shop").code != 0
    assert loop("attach").code == 5


def test_attach_needs_a_terminal_and_says_the_command(up: Path, loop: Loop) -> None:
    ran = loop("attach", "web")
    assert ran.code == 2
    assert "attach -t '=shop'" in ran.err


@pytest.mark.parametrize(
    ("tmux_variable", "socket_name", "expected"),
    [
        ("", "loop", False),
        ("/tmp/tmux-0/loop,12,3", "loop", True),
        ("/tmp/tmux-0/default,12,3", "loop", False),
        ("/tmp/tmux-0/default,12,3", "default", True),
        ("/run/x/sock,12,3", "/run/x/sock", True),
    ],
)
def test_whether_this_is_inside_of_the_same_server(tmux_variable: str, socket_name: str, expected: bool) -> None:
    assert is_inside({"TMUX": tmux_variable}, socket_name) is expected
