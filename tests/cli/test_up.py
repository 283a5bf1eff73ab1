"""`loop up`, lanes and texts to them, in a real tmux."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from loop_orchestrator.operations.attach import is_inside
from tests.cli.conftest import Loop, loop_outside
from tests.support.projects import tmux
from tests.support.waiting import eventually

pytestmark = pytest.mark.flow


@pytest.fixture
def up(loop: Loop, shop: Path) -> Path:
    """A booted project."""
    ran = loop_outside("up", "--no-attach", "--accept", "--boot-check", "20")
    assert ran.code == 0, ran.err
    return shop


def test_a_plan_touches_nothing_and_needs_no_acceptance(loop: Loop, shop: Path) -> None:
    (shop / ".loop").rmdir()
    before = sorted(shop.rglob("*"))
    for option in ("--plan", "--print-cmds"):
        ran = loop("up", option)
        assert ran.code == 0
        assert "sleep 1000" in ran.out
    lanes = loop("up", "--plan", "--json").document["lanes"]
    assert isinstance(lanes, list)
    assert [lane["lane"] for lane in lanes] == ["coord", "web", "ops-top"]  # type: ignore[index,call-overload]
    (shop / ".loop").mkdir()
    loop("up", "--plan")
    assert sorted(shop.rglob("*")) == sorted((*before, shop / ".loop")), "no compiled copy either"


def test_the_old_name_of_the_plan_prints_the_default_lanes_for_scripts(
    loop: Loop, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "tree").mkdir()
    monkeypatch.setenv("LOOP_LOG_STREAM_CMD", "tail -F a.log")
    monkeypatch.setenv("LOOP_WORKTREE_WEB", "tree")
    words = ("--print-cmds", "--preset", "all-claude", "--validate-cmd", "make 'a b'", "--docs-cmd", "mkdocs serve")
    ran = loop("up", *words)
    assert ran.code == 0
    values = dict(line.split("=", 1) for line in ran.out.splitlines() if re.match("[A-Z_]+=", line))
    assert values == {
        "SESSION_NAME": "shop",
        "WEB_ROOT": str(shop / "tree"),
        "INFRA_CD_ROOT": str(shop),
        "AUTO_COORD_CMD": "sleep 1000",
        "AUTO_WEB_CMD": "",
        "AUTO_INFRA_CMD": "claude",
        "AUTO_VALIDATE_LEFT_CMD": "make 'a b'",
        "AUTO_VALIDATE_RIGHT_CMD": "",
        "AUTO_OPS_TOP_CMD": "",
        "AUTO_OPS_BOTTOM_CMD": "tail -F a.log",
        "AUTO_DOCS_CMD": "mkdocs serve",
    }
    assert loop("up", *words, "--json").document["variables"] == values
    assert "AUTO_" not in loop("up", "--plan").out


def test_the_session_has_the_name_of_the_project_where_none_is_named(
    loop: Loop, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def named(*words: str) -> object:
        return loop("up", "--plan", "--json", *words).document["session"]

    assert named("--project", "my.app") == "my-app"
    assert named("--project", "x", "night") == "night"
    assert named("--project", "x", "--session", "night") == "night"
    monkeypatch.delenv("LOOP_SESSION")
    monkeypatch.setenv("LOOP_PROJECT", "env app")
    assert named() == "env-app"


@pytest.mark.flow
def test_a_program_that_will_not_be_found_is_named_before_its_lane_starts(shop: Path) -> None:
    (shop / "lane-config.yaml").write_text(
        "lanes:\n  a: {cmd: A=1 nosuch-a --x}\n  b: {cmd: 'while sleep 9; do date; done'}\n  c: {cmd: ./nosuch-c}\n"
    )
    ran = loop_outside("up", "--no-attach", "--accept", "--json")
    assert ran.code == 0, ran.err
    notes = ran.document["notes"]
    assert isinstance(notes, list) and len(notes) == 1
    assert str(notes[0]).startswith("lane a: nosuch-a is not on the PATH of your login shell (")
    assert str(notes[0]).endswith("to PATH in your profile; then: loop lane restart a")
    assert "lane a: nosuch-a is not on the PATH" in ran.err
    assert "nosuch" not in loop_outside("up", "--no-attach").err, "it runs, or has ended, by now"


@pytest.mark.flow
def test_files_that_were_put_elsewhere_are_found_without_being_named_again(
    loop: Loop, shop: Path, tmp_path: Path, socket: str
) -> None:
    mail, state, own = tmp_path / "mail", tmp_path / "s.json", tmp_path / "own"
    places = ("--mailbox-dir", str(mail), "--state-file", str(state), "--state-dir", str(own))
    ran = loop_outside("up", "--no-attach", "--accept", *places)
    assert ran.code == 0, ran.err
    loop("mail", "send", "--from", "person", "--to", "web", "--subject", "s", "--body", "b")
    loop("state", "loop", "x", "--set", "status=implement")
    assert len(list(mail.glob("*.md"))) == 1
    assert "implement" in state.read_text()
    assert (own / "lanes.json").exists()
    assert sorted(path.name for path in (shop / ".loop/sessions/shop").iterdir()) == ["places.json"]
    assert not (shop / ".loop/messages").exists()
    target = loop("lane-status", "--print-target", "shop", "web").out.strip()
    tmux(
        socket, "send-keys", "-t", target, f"env > {tmp_path}/env.part; mv {tmp_path}/env.part {tmp_path}/env", "Enter"
    )
    eventually((tmp_path / "env").exists)
    env = (tmp_path / "env").read_text().splitlines()
    assert f"LOOP_MAILBOX={mail}" in env and f"LOOP_STATE_FILE={state}" in env


@pytest.mark.flow
def test_places_of_another_boot_are_refused_while_the_session_runs(
    up: Path, loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loop("mail", "list").code == 0
    monkeypatch.setenv("LOOP_MAILBOX_DIR", str(up / ".loop/messages"))
    assert loop("mail", "list").code == 0, "named, and the same"
    monkeypatch.setenv("LOOP_MAILBOX_DIR", str(tmp_path / "mail"))
    ran = loop("mail", "list")
    assert ran.code == 2
    assert f"session shop runs with its mailbox in {up / '.loop/messages'}, not in {tmp_path / 'mail'}" in ran.err
    assert loop_outside("down", env={"LOOP_MAILBOX_DIR": ""}).code == 0
    assert loop_outside("up", "--no-attach").code == 0
    assert loop("mail", "list").code == 0


@pytest.mark.flow
def test_a_session_of_another_project_with_the_same_name_is_left_alone(
    up: Path, loop: Loop, tmp_path: Path, socket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "lane-config.yaml").write_text("lanes:\n  extra: {harness: shell}\n")
    monkeypatch.chdir(other)
    for words in (("up", "--no-attach"), ("attach",), ("down",), ("down", "--force")):
        ran = loop_outside(*words)
        assert ran.code == 2, words
        assert f"a tmux session shop runs already and is of the project {up}" in ran.err
    assert tmux(socket, "list-panes", "-s", "-t", "=shop:", "-F", "#{@loop_lane}").text.split() == [
        "coord",
        "web",
        "ops-top",
    ]


def test_a_lane_whose_pane_somebody_else_has_by_now_is_not_shown(up: Path, loop: Loop, socket: str) -> None:
    pane = loop("lane-status", "--print-target", "shop", "web").out.strip()
    tmux(socket, "respawn-pane", "-k", "-t", pane, "sleep 1000")
    ran = loop("jump", "web")
    assert ran.code == 5
    assert "lane web has no pane any more" in ran.err


def test_up_says_whether_the_lanes_outlive_the_login(up: Path) -> None:
    document = loop_outside("up", "--json").document
    assert document["survives_logout"] in ("yes", "no", "unknown")
    assert document["survives_logout_reason"]
    assert (document["waiting"], document["answered"]) == ([], [])


def test_up_without_flags_means_the_lanes_that_run(shop: Path, loop: Loop) -> None:
    (shop / "lane-config.yaml").unlink()
    first = loop_outside("up", "--no-attach", "--preset", "monitor", "--json").document
    again = loop_outside("up", "--no-attach", "--json").document
    assert again["adopted"] == first["added"]
    assert (again["added"], again["notes"]) == ([], [])


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
    assert "loop resolve op-1 submit|clear" in loop("status").out
    assert loop_outside("resolve", "op-1", "clear").out.startswith("op-1: not-delivered: ")


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
    eventually(done.exists)
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
    ("server", "socket_name", "expected"),
    [
        ("", "loop", False),
        ("/tmp/tmux-{uid}/loop", "loop", True),
        ("/tmp/tmux-{uid}/default", "loop", False),
        ("/tmp/tmux-{uid}/default", "default", True),
        ("/elsewhere/tmux-{uid}/loop", "loop", False),
        ("/run/x/sock", "/run/x/sock", True),
    ],
)
def test_whether_this_is_inside_of_the_same_server(server: str, socket_name: str, expected: bool) -> None:
    variable = f"{server.format(uid=os.getuid())},12,3" if server else ""
    assert is_inside({"TMUX": variable}, socket_name) is expected


def test_servers_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    here = f"{tmp_path}/tmux-{os.getuid()}/loop,12,3"
    assert is_inside({"TMUX": here, "TMUX_TMPDIR": str(link)}, "loop")
    assert not is_inside({"TMUX": here}, "loop")
    assert not is_inside({"TMUX": here, "TMUX_TMPDIR": str(tmp_path / "gone")}, "loop")


def test_a_harness_of_the_project_is_added_only_once_a_person_accepted_it(loop: Loop, up: Path) -> None:
    own = up / ".loop" / "harnesses"
    own.mkdir()
    (own / "mine.yaml").write_text("{name: mine, title: Mine, kind: agent, launch: [touch, ran]}\n", encoding="utf-8")
    ran = loop_outside("lane", "add", "extra", "--harness", "mine")
    assert ran.code == 1 and "is not accepted" in ran.err and "touch ran" in ran.err
    assert "extra" not in loop("lane", "list").out
    assert loop_outside("trust", "--accept").code == 0
    assert loop_outside("lane", "add", "extra", "--harness", "mine").code == 0
    eventually((up / "ran").exists)


def test_no_dialog_is_answered_by_a_config_that_nobody_accepted(loop: Loop, up: Path) -> None:
    config = up / "lane-config.yaml"
    answers = "  new: {harness: claude, answer_dialogs: [trust]}\nengine:"
    config.write_text(config.read_text().replace("engine:", answers))
    for words in (("lane", "restart", "ops-top"), ("lane", "guard")):
        ran = loop_outside(*words)
        assert (ran.code, "new: lane new says yes to these start-up dialogs" in ran.err) == (1, True), ran.err
