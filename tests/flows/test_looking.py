"""`loop attach` and `loop jump` from real terminals: inside another server, inside this one, and in a lane's pane."""

from __future__ import annotations

import shlex
import sys

from tests.flows.conftest import Boot
from tests.support.scratch import SESSION, Scratch
from tests.support.waiting import eventually

LANES = "{web: {harness: shell}, web2: {harness: shell}, docs: {harness: shell, window: web, split: below}}"


def loop_line(*words: str) -> str:
    return shlex.join([sys.executable, "-m", "loop_orchestrator", *words])


def clients(scratch: Scratch) -> list[str]:
    """What each client of the session shows: session and lane."""
    shown = scratch.tmux("list-clients", "-F", "#{client_session} #{@loop_lane}")
    return sorted(shown.splitlines())


def terminal(scratch: Scratch, *words: str, width: int = 80, height: int = 24, socket: str = "person") -> str:
    """A pane of another tmux server, which runs ``loop WORDS`` in a shell that stays; its id."""
    line = f"{loop_line(*words)}; exec cat"
    size = ("-x", str(width), "-y", str(height))
    made = ("new-session", "-d", *size, "-P", "-F", "#{pane_id}", "-c", str(scratch.root), line)
    return scratch.tmux(*made, socket=socket).strip()


def test_attach_and_jump_show_the_lane_in_every_terminal(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=None)
    out = scratch.root / "lonely.txt"
    line = f"{loop_line('attach')} 2>{out}.part; mv {out}.part {out}"
    scratch.tmux("send-keys", "-t", f"={SESSION}:web2", line, "Enter")
    eventually(out.exists)
    assert "this is a pane that no terminal shows" in out.read_text()
    terminal(scratch, "attach", "web")
    eventually(lambda: clients(scratch) == [f"{SESSION} web"])
    terminal(scratch, "attach", width=200, height=200)
    eventually(lambda: clients(scratch) == [f"{SESSION} web"] * 2)
    scratch.ok("jump", "web2")
    assert clients(scratch) == [f"{SESSION} web2"] * 2
    scratch.ok("attach", "docs", codes=(2,))
    assert clients(scratch) == [f"{SESSION} docs"] * 2, "without a terminal it is selected, and the command is said"
    assert scratch.lane_state("web") == "idle", "also at 200 rows"


def test_attach_from_a_pane_of_the_same_server_switches_its_client(boot: Boot) -> None:
    scratch = boot(lanes=LANES, engine=None)
    scratch.tmux("new-session", "-d", "-s", "mine", "-c", str(scratch.root), "sh")
    line = f"env -u TMUX tmux -u -L {scratch.socket} attach -t =mine"
    scratch.tmux("new-session", "-d", "-x", "100", "-y", "30", line, socket="person")
    eventually(lambda: clients(scratch) == ["mine "])
    named = ("--session", SESSION, "--socket", scratch.socket)
    scratch.tmux("send-keys", "-t", "=mine:", loop_line("attach", "web2", *named), "Enter")
    eventually(lambda: clients(scratch) == [f"{SESSION} web2"])
    # From a lane's own pane: the client shows this session already.
    scratch.tmux("send-keys", "-t", f"={SESSION}:web2", loop_line("attach", "web"), "Enter")
    eventually(lambda: clients(scratch) == [f"{SESSION} web"])


def test_a_session_is_the_same_without_a_locale(boot: Boot) -> None:
    scratch = boot(lanes='{web: {harness: actor, window: "fenêtre ✻"}}', engine=None)
    env = {"LC_ALL": "C", "LANG": "", "LC_CTYPE": ""}
    assert "fenêtre ✻" in scratch.tmux("list-windows", "-a", "-F", "#{window_name}")
    done = scratch.run("send", "--wait-ready", "--json", "web", "hé ✻ 日本", env=env)
    assert done.returncode == 0, done.stderr
    assert scratch.person("up", "--no-attach", env=env)[0] == 0
    assert scratch.tmux("list-windows", "-a", "-F", "#{window_name}").split("\n")[0] == "fenêtre ✻"
    assert "hé ✻ 日本" in scratch.tmux("capture-pane", "-p", "-t", f"={SESSION}:")
