"""`loop send` and `loop resolve` as a person types them: a fresh context, a window, a paste that stands unsubmitted."""

from __future__ import annotations

import json
import signal

import pytest

from tests.flows.conftest import Boot
from tests.flows.test_bad_night import fill, small_disk
from tests.support.scratch import Scratch, scratch_project
from tests.support.waiting import eventually

LANES = "{web: {harness: actor}, docs: {harness: actor}}"


def screen(scratch: Scratch, lane: str) -> str:
    return scratch.tmux("capture-pane", "-p", "-t", f"=scratch:{lane}")


def left_standing(scratch: Scratch) -> None:
    killed = scratch.run("send", "--op", "op-1", "web", "a thing to do", env={"LOOP_CRASH_AT": "delivery.submitting"})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    eventually(lambda: "❯ a thing to do" in screen(scratch, "web"))
    scratch.ok("send", "docs", "hello")  # settles what the dead left


def test_a_paste_that_stands_unsubmitted_is_named_and_submitted(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=None)
    left_standing(scratch)
    said = scratch.ok("status")
    assert "its text stands in the composer, not submitted" in said
    assert "loop resolve op-1 submit|clear" in said
    code, out = scratch.person("resolve", "op-1", "submit")
    assert code == 0, out
    assert "had it submitted" in out
    eventually(lambda: "> a thing to do" in screen(scratch, "web"))
    receipt = json.loads((scratch.session_dir / "deliveries/closed/op-1.json").read_text())
    assert (receipt["status"], receipt["enters"]) in (("started", 1), ("submitted", 1))
    assert "resolve" in receipt["times"]
    code, out = scratch.person("resolve", "op-1", "submit")
    assert (code, "only an unknown one" in out) == (1, True)


def test_it_is_taken_out_again_only_while_nothing_stands_beside_it(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=None)
    left_standing(scratch)
    scratch.tmux("send-keys", "-t", "=scratch:web", "-l", "!")
    eventually(lambda: "a thing to do!" in screen(scratch, "web"))
    code, out = scratch.person("resolve", "op-1", "clear")
    assert (code, "nothing was pressed" in out, "a thing to do!" in out) == (1, True, True)
    assert "happened|did-not|drop" in scratch.ok("status")
    scratch.tmux("send-keys", "-t", "=scratch:web", "BSpace")
    eventually(lambda: "a thing to do!" not in screen(scratch, "web"))
    code, out = scratch.person("resolve", "op-1", "clear")
    assert (code, "op-1: not-delivered" in out) == (0, True), out
    assert "a thing to do" not in screen(scratch, "web")


def test_an_agent_may_not_submit_it(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=None)
    left_standing(scratch)
    refused = scratch.run("resolve", "op-1", "submit", env={"LOOP_LANE": "docs"})
    assert refused.returncode != 0
    assert "❯ a thing to do" in screen(scratch, "web")


@pytest.mark.parametrize("point", ["resolve.recorded", "resolve.pressed"])
def test_a_death_while_it_is_submitted_presses_enter_at_most_once(boot: Boot, point: str) -> None:
    scratch = boot(lanes=LANES, engine=None)
    left_standing(scratch)
    code, _ = scratch.person("resolve", "op-1", "submit", env={"LOOP_CRASH_AT": point})
    assert code != 0
    assert "op-1" in scratch.ok("status")
    if point == "resolve.pressed":
        eventually(lambda: "> a thing to do" in screen(scratch, "web"))
        code, out = scratch.person("resolve", "op-1", "submit")
        assert (code, "nothing was pressed" in out) == (1, True)
        code, out = scratch.person("resolve", "op-1", "happened")
    else:
        code, out = scratch.person("resolve", "op-1", "submit")
    assert code == 0, out
    eventually(lambda: screen(scratch, "web").count("> a thing to do") == 1)


def test_a_lane_is_addressed_by_its_window_or_pane(boot: Boot) -> None:
    scratch = boot(
        lanes="{web: {harness: actor}, left: {harness: actor, window: two}, "
        "right: {harness: actor, window: two, split: right}}",
        engine=None,
    )
    window = scratch.tmux("display-message", "-p", "-t", "=scratch:web", "#{window_id}").strip()
    pane = scratch.tmux("display-message", "-p", "-t", "=scratch:two.1", "#{pane_id}").strip()
    assert "started" in scratch.ok("send", "--wait-ready", "--window", window, "to", "the", "window")
    assert "> to the window" in screen(scratch, "web")
    assert scratch.json("send", "--wait-ready", "--window", pane, "to the pane")["lane"] == "right"
    for target, said in (("two", "left"), ("tw", "did you mean two?"), ("%999", "no window or pane %999")):
        refused = scratch.run("send", "--window", target, "x")
        assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        (("--fresh", "--interrupt", "web", "x"), {}, "not allowed with"),
        (("--fresh", "--no-clear", "web", "x"), {}, "not allowed with"),
        (("--ready-timeout", "soon", "web", "x"), {}, "--ready-timeout is a number of seconds"),
        (("--wait-ready", "web", "x"), {"LOOP_DISPATCH_READY_TIMEOUT": "-1"}, "LOOP_DISPATCH_READY_TIMEOUT is"),
        (("web", "x"), {"LOOP_DISPATCH_CLEAR_TIMEOUT": "x"}, "LOOP_DISPATCH_CLEAR_TIMEOUT is"),
        (("web", "x"), {"TMUX_DISPATCH_PASTE_DELAY": "x"}, "TMUX_DISPATCH_PASTE_DELAY is"),
        (("web", "x"), {"LOOP_DISPATCH_NO_CLEAR": "maybe"}, "LOOP_DISPATCH_NO_CLEAR is 1 or 0"),
        (("web",), {}, "there is no text to send"),
    ],
)
def test_a_mistake_is_named_before_anything_is_done(
    project_of_mistakes: Scratch, words: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    refused = project_of_mistakes.run("send", *words, env=env)
    assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
    assert not list(project_of_mistakes.session_dir.glob("deliveries/*.json"))


@pytest.fixture
def project_of_mistakes(boot: Boot) -> Scratch:
    return boot(lanes=LANES, engine=None)


def test_a_paste_delay_is_kept_between_paste_and_enter(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=None)
    scratch.ok("send", "--op", "op-1", "--wait-ready", "web", "x", env={"LOOP_DISPATCH_PASTE_DELAY": "0.6"})
    times = json.loads((scratch.session_dir / "deliveries/closed/op-1.json").read_text())["times"]
    assert times["submit"] > times["paste"]
    from loop_orchestrator.clock import parse_time

    assert (parse_time(times["submit"]) - parse_time(times["paste"])).total_seconds() >= 0.6


def test_a_full_disk_ends_a_delivery_without_a_traceback(tmp_path, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    with (
        small_disk(tmp_path / "project" / ".loop") as disk,
        scratch_project(tmp_path / "project", tmp_path_factory.mktemp("t"), lanes=LANES, engine=None) as scratch,
    ):
        eventually(lambda: scratch.lane_state("web") == "idle")
        filler = fill(disk)
        full = scratch.run("send", "--op", "op-1", "web", "a thing to do")
        assert full.returncode == 1 and "No space left" in full.stderr, full.stderr
        assert "Traceback" not in full.stderr
        assert "a thing to do" not in screen(scratch, "web")
        filler.unlink()
        assert "started" in scratch.ok("send", "--op", "op-1", "--wait-ready", "web", "a thing to do")
