"""The installed commands in a real terminal: mail as it comes, and a live digest that leaves the terminal whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loop_orchestrator.process import git
from tests.support.projects import own_tmux
from tests.support.waiting import eventually

LOOP = str(Path(sys.executable).with_name("loop"))


class Terminal:
    """A shell in tmux, 80x24."""

    def __init__(self, socket: str, project: Path) -> None:
        self._tmux = ["tmux", "-S", socket]
        start = ("new-session", "-d", "-x", "80", "-y", "24", "-s", "t", "-c", str(project), "PS1='$ ' sh")
        self.do("-f", "/dev/null", *start)

    def do(self, *words: str) -> str:
        done = subprocess.run([*self._tmux, *words], text=True, stdout=subprocess.PIPE, check=True)
        return done.stdout

    def type(self, text: str) -> None:
        self.do("send-keys", "-t", "t", "-l", text)
        self.do("send-keys", "-t", "t", "Enter")

    def screen(self) -> str:
        return self.do("capture-pane", "-p", "-t", "t")

    def shows(self, text: str) -> str:
        return eventually(lambda: screen if text in (screen := self.screen()) else "", limit_s=60, what=text)

    def modes(self) -> str:
        return self.do("display-message", "-p", "-t", "t", "#{cursor_flag} #{alternate_on}").strip()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "shop/.loop").mkdir(parents=True)
    git.init_repository(tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def terminal(place: Path) -> Iterator[Terminal]:
    with own_tmux() as socket:
        yield Terminal(socket, place)


def loop(place: Path, *words: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("LOOP_")}
    return subprocess.run([LOOP, *words], cwd=place, env=env, text=True, stdout=subprocess.PIPE, check=True).stdout


def test_a_live_digest_fits_follows_and_leaves_the_terminal_as_it_was(place: Path, terminal: Terminal) -> None:
    loops = {f"loop{number}": {"status": "plan", "name": "long " * 30} for number in range(30)}
    (place / ".loop/orchestrator-state.json").write_text(json.dumps({"schema_version": 2, "loops": loops}))
    terminal.type("echo before")
    terminal.shows("\nbefore\n")
    terminal.type(f"{LOOP} digest")
    drawn = terminal.shows("0 pending, 0 processed").splitlines()
    assert drawn[0].startswith("shop, session shop, ")
    assert "UNPUSHED" in "\n".join(drawn)
    assert terminal.modes() == "0 1"
    loop(place, "mail", "send", "--to", "web", "--subject", "A header", "--body", "x")
    terminal.shows("person to web: A header")
    terminal.do("resize-window", "-t", "t", "-x", "40", "-y", "12")
    eventually(lambda: "…" in terminal.screen() and "1 pending" in terminal.screen(), limit_s=60)
    assert "shop, session shop" in terminal.screen()
    terminal.do("send-keys", "-t", "t", "C-c")
    eventually(lambda: terminal.modes() == "1 0", limit_s=60, what="the terminal is as it was")
    terminal.type("stty -a | grep -c ' echo '; echo code $?")
    terminal.type("true")
    assert "\nbefore\n" in terminal.shows("code 0")
    assert "UNPUSHED" not in terminal.screen()


def test_mail_is_printed_as_it_comes_and_ctrl_c_ends_it_with_130(place: Path, terminal: Terminal) -> None:
    loop(place, "mail", "send", "--to", "web", "--subject", "Waits already", "--body", "x")
    terminal.type(f"{LOOP} mail watch --to web --all; echo code $?")
    terminal.shows("Waits already")
    loop(place, "mail", "send", "--to", "infra", "--subject", "Not for web", "--body", "x")
    (place / ".loop/messages/20260301-120000-ann-to-web.md").write_bytes(b"---\r\nsubject: By hand\r\n---\r\n")
    screen = terminal.shows("By hand")
    assert screen.count("Waits already") == 1
    assert "Not for web" not in screen
    terminal.do("send-keys", "-t", "t", "C-c")
    terminal.shows("code 130")


def test_a_watch_for_programs_prints_a_document_a_line(place: Path) -> None:
    command = [LOOP, "mail", "watch", "--json", "--all"]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        loop(place, "mail", "send", "--from", "ann", "--to", "web", "--subject", "One", "--body", "the body")
        document = json.loads(watch.stdout.readline())
        assert (document["contract_version"], document["subject"], document["body"]) == (1, "One", "the body")
        watch.send_signal(signal.SIGINT)
        assert watch.wait(60) == 130
