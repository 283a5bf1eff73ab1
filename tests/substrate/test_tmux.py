"""The substrate on real tmux servers, each with a socket of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from libtmux.server import Server as LibtmuxServer

from loop_orchestrator.errors import SubstrateError, UsageError
from loop_orchestrator.model.lane import Split
from loop_orchestrator.process.pipes import HOLDER
from loop_orchestrator.substrate.cleaning import clean
from loop_orchestrator.substrate.port import PasteResult
from loop_orchestrator.substrate.tmux import TmuxSubstrate
from tests.substrate.servers import Server, start
from tests.support.waiting import eventually

# Sessions, windows, panes.


def test_without_a_server_there_is_no_session_and_no_pane(server: Server) -> None:
    short = server.substrate()
    assert not short.session_exists()
    assert short.panes() == () == short.read(["%0"])
    assert short.paste("%0", "x", pane_pid=1) is PasteResult.GONE
    short.end_session()
    short.end_pane("%0")
    assert not server.socket.exists()


def test_lanes_get_the_windows_and_splits_they_ask_for_and_no_empty_window(server: Server) -> None:
    short = server.substrate(width=80, height=24)
    starts = [
        start("coord"),
        start("validate-left", window="validate"),
        start("validate-right", window="validate", split=Split.RIGHT),
        start("ops-top", window="ops"),
        start("ops-bottom", window="ops", split=Split.BELOW),
    ]
    made = short.start_lanes(starts, cwd=server.folder)
    assert [(pane.lane, pane.window) for pane in made] == [(one.spec.name, one.spec.window) for one in starts]
    assert short.panes() == made
    size = {pane.lane: (pane.width, pane.height) for pane in made}
    assert size["coord"] == (80, 24)
    assert size["validate-left"] == (40, 24) and size["validate-right"] == (39, 24)
    assert size["ops-top"] == (80, 12) and size["ops-bottom"] == (80, 11)
    assert server.tmux("list-windows", "-F", "#{window_name}").split() == ["coord", "validate", "ops"]


def test_a_later_lane_joins_the_session_and_the_window_that_are_there(server: Server) -> None:
    short = server.substrate()
    first = short.start_lanes([start("ops-top", window="ops")], cwd=server.folder)
    later = short.start_lanes([start("ops-bottom", window="ops", split=Split.BELOW), start("web")], cwd=server.folder)
    assert [pane.pane for pane in short.panes()] == [first[0].pane, later[0].pane, later[1].pane]
    assert [pane.window for pane in short.panes()] == ["ops", "ops", "web"]


def test_names_that_begin_alike_are_kept_apart(server: Server) -> None:
    short, sho = server.substrate("short"), server.substrate("sho")
    short.start_lanes([start("web2"), start("web")], cwd=server.folder)
    assert not sho.session_exists() and sho.panes() == ()
    sho.start_lanes([start("web")], cwd=server.folder)
    assert {pane.session for pane in sho.panes()} == {"sho"}
    assert [pane.lane for pane in short.panes()] == ["web2", "web"]
    sho.end_session()
    assert not sho.session_exists() and short.session_exists()
    server.tmux("kill-window", "-t", "=short:=web")
    short.start_lanes([start("web")], cwd=server.folder)
    assert [(pane.window, pane.lane) for pane in short.panes()] == [("web2", "web2"), ("web", "web")]


def test_a_lane_has_its_own_environment_and_no_other_pane_has_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOP_LANE", "the-starter")
    short = server.substrate()
    made = short.start_lanes(
        [start("web", env=(("SECRET", "a b;"),)), start("infra", window="web"), start("docs")], cwd=server.folder
    )
    eventually(lambda: all(Path(f"/proc/{pane.pid}/cmdline").read_bytes() == b"cat\0-u\0" for pane in made))
    environments = [Path(f"/proc/{pane.pid}/environ").read_text(encoding="utf-8").split("\0") for pane in made]
    assert "SECRET=a b;" in environments[0]
    assert not any(entry.startswith("SECRET=") for entry in (*environments[1], *environments[2]))
    assert [f"LOOP_LANE={name}" in env for name, env in zip(("web", "infra", "docs"), environments, strict=True)]
    assert "LOOP_LANE" not in server.tmux("show-environment", "-g")
    assert "SECRET" not in server.tmux("show-environment", "-t", "=short:")


def test_a_directory_is_not_a_format_and_a_word_is_not_a_command_line(server: Server) -> None:
    odd = server.folder / "a#(touch owned) #{pane_id};"
    odd.mkdir()
    made = server.substrate().start_lanes([start("web"), start("x", "sh", "-c", "cat; :", ";")], cwd=odd)
    processes = [Path(f"/proc/{pane.pid}") for pane in made]
    eventually(lambda: processes[0].joinpath("cmdline").read_bytes() == b"cat\0-u\0")
    eventually(lambda: processes[1].joinpath("cmdline").read_bytes() == b"sh\0-c\0cat; :\0;\0")
    assert [process.joinpath("cwd").readlink() for process in processes] == [odd, odd]
    assert not list(server.folder.rglob("owned"))


def test_the_users_config_applies_but_cannot_end_or_starve_the_session(server: Server) -> None:
    Path(os.environ["HOME"], ".tmux.conf").write_text(
        "set -g status-left kept\nset -g window-size manual\nset -g destroy-unattached on\nset -s exit-unattached on\n"
        "set -g remain-on-exit on\nset -g base-index 7\nset -g pane-base-index 3\nset -g history-limit 5\n"
        "set -g automatic-rename on\nset -g default-command false\nset -g default-shell /bin/false\n",
        encoding="utf-8",
    )
    short = server.substrate()
    made = short.start_lanes([start("web"), start("infra"), start("docs", window="web")], cwd=server.folder)
    assert [pane.window for pane in made] == ["web", "infra", "web"]
    assert server.tmux("show-options", "-gv", "status-left") == "kept"
    assert server.tmux("list-panes", "-a", "-F", "#{history_limit}").split() == ["50000"] * 3
    short.end_pane(made[1].pane)
    assert [pane.lane for pane in short.panes()] == ["web", "docs"]


def test_a_config_that_tmux_cannot_read_does_not_keep_lanes_from_starting(server: Server) -> None:
    Path(os.environ["HOME"], ".tmux.conf").write_text("no-such-command\n", encoding="utf-8")
    short = server.substrate()
    made = short.start_lanes([server.recorder("web"), start("infra")], cwd=server.folder)
    server.recording(short, made[0])
    short.leave_mode(made[0].pane)  # tmux shows the mistake there
    assert short.paste(made[0].pane, "x", pane_pid=made[0].pid) is PasteResult.PASTED


def test_a_config_that_ends_the_server_is_named_as_the_reason(server: Server) -> None:
    Path(os.environ["HOME"], ".tmux.conf").write_text("kill-server\n", encoding="utf-8")
    with pytest.raises(SubstrateError) as raised:
        server.substrate().start_lanes([start("web")], cwd=server.folder)
    assert "tmux.conf" in raised.value.hint


@pytest.fixture
def users_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TmuxSubstrate]:
    """A session on what is the user's own server, of a directory of its own."""
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    yield TmuxSubstrate("default", "short", 120, 30)
    subprocess.run(["tmux", "kill-server"], capture_output=True, check=False)


def test_on_the_users_own_server_nothing_global_is_changed(users_server: TmuxSubstrate, tmp_path: Path) -> None:
    shown = ["tmux", "show-options", "-g"], ["tmux", "show-options", "-gw"], ["tmux", "show-options", "-s"]
    argv = ["tmux", "new-session", "-d", "-s", "mine", "cat"]
    subprocess.run(argv, check=True)
    before = [subprocess.run(argv, capture_output=True, check=True).stdout for argv in shown]
    made = users_server.start_lanes([start("web"), start("infra")], cwd=tmp_path)
    assert [pane.lane for pane in made] == ["web", "infra"]
    assert [subprocess.run(argv, capture_output=True, check=True).stdout for argv in shown] == before
    users_server.end_session()
    assert subprocess.run(["tmux", "has-session", "-t", "=mine"], check=False).returncode == 0


def test_a_setting_of_the_user_that_crashes_tmux_is_refused(users_server: TmuxSubstrate, tmp_path: Path) -> None:
    Path(os.environ["HOME"], ".tmux.conf").write_text("set -g window-size manual\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(SubstrateError, match="window-size"):
            users_server.start_lanes([start("web")], cwd=tmp_path)
    assert not users_server.session_exists()


def test_a_session_starts_while_an_old_server_is_still_going_away(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = server.substrate()
    real = short._server

    def after_the_end_of_the_old_one() -> LibtmuxServer:
        monkeypatch.setattr(short, "_server", real)
        server.tmux("kill-server")
        return real()

    for _ in range(5):
        server.tmux("new-session", "-d", "-s", "other", "cat")
        monkeypatch.setattr(short, "_server", after_the_end_of_the_old_one)
        short.start_lanes([start("web")], cwd=server.folder)
        short.end_session()


def test_the_end_of_a_session_waits_for_no_client_whose_holder_is_gone(server: Server) -> None:
    short = server.substrate()
    short.start_lanes([start("web")], cwd=server.folder)
    holder = subprocess.Popen(["true"])
    written = f"{holder.pid} 1.0"
    holder.wait()
    attach = ["tmux", "-u", "-S", str(server.socket), "-C", "attach-session", "-t", "=short"]
    left = subprocess.Popen(attach, env={**os.environ, HOLDER: written}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    eventually(lambda: str(left.pid) in server.tmux("list-clients", "-F", "#{client_pid}"))
    os.kill(left.pid, signal.SIGSTOP)  # it takes no word of the server's, its last neither
    try:
        short.end_session()
        assert left.wait(timeout=10) == -signal.SIGKILL
    finally:
        left.kill()
        left.communicate()


def test_a_lane_that_cannot_start_is_named(server: Server) -> None:
    with pytest.raises(SubstrateError):
        server.substrate().start_lanes([start("web", "/no/such/program", "x")], cwd=server.folder)


def scope_runner(folder: Path, text: str) -> tuple[str, ...]:
    """A stand-in for systemd-run, which notes how it was called."""
    program = folder / "systemd-run"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/called\n{text}\n', encoding="utf-8")
    program.chmod(0o755)
    return (str(program), "--user", "--scope", "--")


def test_a_server_is_started_under_what_lets_it_live_on_and_a_running_one_is_not(server: Server) -> None:
    under = scope_runner(server.folder, 'while [ "$1" != -- ]; do shift; done; shift; IN_SCOPE=1 exec "$@"')
    short = TmuxSubstrate(str(server.socket), "short", 120, 30, start_under=lambda: under)
    made = short.start_lanes([start("web")], cwd=server.folder)
    assert [pane.lane for pane in made] == ["web"]
    pid = short.server_pid()
    assert pid is not None
    assert "IN_SCOPE=1" in Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")
    other = TmuxSubstrate(str(server.socket), "other", 120, 30, start_under=lambda: under)
    other.start_lanes([start("web")], cwd=server.folder)
    assert other.server_pid() == pid
    assert len((server.folder / "called").read_text().splitlines()) == 1


def test_a_server_that_does_not_start_under_it_starts_without(server: Server) -> None:
    under = scope_runner(server.folder, "echo 'Failed to connect to bus' >&2; exit 1")
    short = TmuxSubstrate(str(server.socket), "short", 120, 30, start_under=lambda: under)
    assert [pane.lane for pane in short.start_lanes([start("web")], cwd=server.folder)] == ["web"]
    assert (server.folder / "called").exists()


def test_a_session_says_which_project_it_was_made_for(server: Server, tmp_path: Path) -> None:
    odd = tmp_path / "a b#{pane_id} ü"
    odd.mkdir()
    short = server.substrate()
    assert short.project() == "" and short.server_pid() is None
    short.start_lanes([start("web")], cwd=odd)
    assert short.project() == str(odd)
    server.tmux("new-session", "-d", "-s", "mine", "cat")
    assert server.substrate("mine").project() == ""


def test_a_first_pane_that_is_made_anew_goes_back_to_its_place(server: Server) -> None:
    short = server.substrate(width=80, height=24)
    starts = [
        start("validate-left", window="validate"),
        start("validate-right", window="validate", split=Split.RIGHT),
        start("ops-top", window="ops"),
        start("ops-bottom", window="ops", split=Split.BELOW),
    ]
    made = short.start_lanes(starts, cwd=server.folder)
    short.end_pane(made[0].pane)
    short.end_pane(made[2].pane)
    short.start_lanes([starts[0], replace(starts[2], stacked=True)], cwd=server.folder)
    shown = server.tmux(
        "list-panes", "-s", "-t", "=short:", "-F", "#{@loop_lane} #{pane_left} #{pane_top}"
    ).splitlines()
    assert shown == ["validate-left 0 0", "validate-right 41 0", "ops-top 0 0", "ops-bottom 0 13"]


def test_a_lane_is_shown_in_this_session_also_where_another_has_its_window(server: Server) -> None:
    short = server.substrate()
    web, docs = short.start_lanes([start("web"), start("docs")], cwd=server.folder)
    server.tmux("new-session", "-d", "-s", "mine", "cat")
    server.tmux("link-window", "-s", "=short:docs", "-t", "=mine:7")
    server.tmux("select-window", "-t", "=mine:0")
    for pane in (docs, web, docs):
        short.select(pane.pane)
        assert server.tmux("display-message", "-p", "-t", "=short:", "#{pane_id}") == pane.pane
        assert server.tmux("display-message", "-p", "-t", "=mine:", "#{window_index}") == "0"


def test_a_missing_tmux_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(server.folder))
    with pytest.raises(SubstrateError, match="tmux"):
        server.substrate().start_lanes([start("web")], cwd=server.folder)


@pytest.mark.parametrize("name", ["a.b", "a:b", "", "=x", "ä"])
def test_a_session_name_that_tmux_would_change_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        TmuxSubstrate("loop", name, 80, 24)


def test_the_way_to_look_names_session_and_server_exactly(server: Server) -> None:
    loop = TmuxSubstrate("loop", "short", 80, 24)
    assert loop.attach_argv(inside=False) == (
        "env",
        "-u",
        "TMUX",
        "tmux",
        "-u",
        "-L",
        "loop",
        "attach-session",
        "-t",
        "=short",
    )
    assert loop.attach_argv(inside=True) == ("tmux", "-u", "-L", "loop", "switch-client", "-t", "=short")
    assert loop.attach_hint() == "tmux -L loop attach -t '=short'"
    assert server.substrate().attach_hint() == f"tmux -S {server.socket} attach -t '=short'"


def test_selecting_a_pane_shows_it(server: Server) -> None:
    short = server.substrate()
    made = short.start_lanes([start("web"), start("infra"), start("x", window="web")], cwd=server.folder)
    short.select(made[1].pane)
    assert server.tmux("display-message", "-p", "-t", "=short:", "#{pane_id}") == made[1].pane
    short.select(made[0].pane)
    assert server.tmux("display-message", "-p", "-t", "=short:", "#{pane_id}") == made[0].pane


# Reading.


def test_reading_eight_lanes_is_one_tmux_process(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    short = server.substrate()
    made = short.start_lanes(
        [start(f"lane-{n}", "sh", "-c", f"echo screen {n}; cat") for n in range(8)], cwd=server.folder
    )
    ids = [pane.pane for pane in made]
    eventually(lambda: all(f"screen {n}" in reading.screen.text for n, reading in enumerate(short.read(ids))))
    real = shutil.which("tmux")
    calls = server.folder / "calls"
    bin = server.folder / "bin"
    bin.mkdir()
    wrapper = bin / "tmux"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {real} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin}:{os.environ['PATH']}")
    readings = short.read(ids)
    assert [reading.facts.lane for reading in readings] == [f"lane-{n}" for n in range(8)]
    assert [reading.screen.rows[0] for reading in readings] == [f"screen {n}" for n in range(8)]
    assert len(calls.read_text(encoding="utf-8").splitlines()) == 1


def test_who_has_the_terminal_is_read(server: Server) -> None:
    short = server.substrate()
    made = short.start_lanes([start("web", "bash", "--norc", "-i")], cwd=server.folder)
    assert eventually(lambda: short.panes()[0].foreground == made[0].pid)
    server.tmux("send-keys", "-t", made[0].pane, "bash -c 'sleep 60; :'", "Enter")
    eventually(lambda: short.panes()[0].foreground not in (0, made[0].pid))


# Writing.


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_a_text_arrives_byte_for_byte_between_one_pair_of_brackets(server: Server, size: int) -> None:
    short = server.substrate()
    pane = short.start_lanes([server.recorder("web")], cwd=server.folder)[0]
    server.recording(short, pane)
    line = "Zeile – 日本 'quoted' \"$HOME\" #{pane_id} %5 ; \\\t-x\n"
    text = (line * (size // len(line) + 1))[:size]
    assert short.paste(pane.pane, text, pane_pid=pane.pid) is PasteResult.PASTED
    expected = b"\x1b[200~" + text.encode() + b"\x1b[201~"
    eventually(lambda: len(server.received("web")) >= len(expected), what="the whole text arrives")
    assert server.received("web") == expected
    assert server.tmux("list-buffers") == ""


@pytest.mark.parametrize(
    "hostile",
    [
        "a\x1b[201~\rrm -rf x\r",
        "a\x9b201~\rb",
        "a\x00b",
        "a\x03b",
        "a\rb",
        "\x1b\x1b[A\x7f\x15",
        "a\x1b[200~b",
        "\x85\x84",
    ],
)
def test_no_payload_acts_as_a_key(server: Server, hostile: str) -> None:
    short = server.substrate()
    pane = short.start_lanes([server.recorder("web")], cwd=server.folder)[0]
    server.recording(short, pane)
    text, removed = clean(f"before {hostile} after")
    assert removed
    assert short.paste(pane.pane, text, pane_pid=pane.pid) is PasteResult.PASTED
    eventually(lambda: server.received("web").endswith(b"\x1b[201~"))
    inside = server.received("web").removeprefix(b"\x1b[200~").removesuffix(b"\x1b[201~").decode("utf-8")
    assert inside == text
    assert all(char in "\n\t" or char.isprintable() for char in inside)


def test_keys_are_pressed_by_name(server: Server) -> None:
    short = server.substrate()
    pane = short.start_lanes([server.recorder("web")], cwd=server.folder)[0]
    server.recording(short, pane)
    assert short.press(pane.pane, ["C-u", "Escape", "Enter"], pane_pid=pane.pid) is PasteResult.PASTED
    assert eventually(lambda: server.received("web").endswith(b"\r"))
    assert server.received("web") == b"\x15\x1b\r"
    with pytest.raises(SubstrateError):
        short.press(pane.pane, ["Enter; kill-server"], pane_pid=pane.pid)


def test_a_pane_in_copy_mode_takes_nothing_until_the_mode_is_left(server: Server) -> None:
    short = server.substrate()
    pane = short.start_lanes([server.recorder("web")], cwd=server.folder)[0]
    server.recording(short, pane)
    for mode in ("copy-mode", "choose-tree"):
        server.tmux(mode, "-t", pane.pane)
        assert short.panes()[0].in_mode
        assert short.paste(pane.pane, "one\ntwo", pane_pid=pane.pid) is PasteResult.IN_MODE
        assert short.press(pane.pane, ["Enter"], pane_pid=pane.pid) is PasteResult.IN_MODE
        short.leave_mode(pane.pane)
        assert not short.panes()[0].in_mode
    short.leave_mode(pane.pane)
    assert server.received("web") == b""
    assert short.paste(pane.pane, "x", pane_pid=pane.pid) is PasteResult.PASTED


def test_a_pane_with_input_off_takes_nothing(server: Server) -> None:
    short = server.substrate()
    pane = short.start_lanes([server.recorder("web")], cwd=server.folder)[0]
    server.recording(short, pane)
    server.tmux("select-pane", "-d", "-t", pane.pane)
    assert short.paste(pane.pane, "x", pane_pid=pane.pid) is PasteResult.INPUT_OFF
    assert short.press(pane.pane, ["Enter"], pane_pid=pane.pid) is PasteResult.INPUT_OFF
    assert server.received("web") == b"" and server.tmux("list-buffers") == ""


def test_a_paste_into_a_dead_pane_does_not_end_the_server(server: Server) -> None:
    short = server.substrate()
    web, infra = short.start_lanes([start("web"), start("infra")], cwd=server.folder)
    server.tmux("set-option", "-w", "-t", web.pane, "remain-on-exit", "on")
    os.kill(web.pid, 9)
    eventually(lambda: short.read([web.pane])[0].facts.dead)
    assert short.paste(web.pane, "x", pane_pid=web.pid) is PasteResult.DEAD
    assert short.press(web.pane, ["Enter"], pane_pid=web.pid) is PasteResult.DEAD
    assert [pane.lane for pane in short.panes()] == ["web", "infra"]
    assert short.panes()[1].pid == infra.pid


def test_a_pane_with_another_process_or_gone_takes_nothing(server: Server) -> None:
    short = server.substrate()
    web, infra = short.start_lanes([server.recorder("web"), server.recorder("infra")], cwd=server.folder)
    server.recording(short, web, infra)
    assert short.paste(web.pane, "x", pane_pid=infra.pid) is PasteResult.REPLACED
    short.end_pane(web.pane)
    assert short.paste(web.pane, "x", pane_pid=web.pid) is PasteResult.GONE
    assert short.press(web.pane, ["Enter"], pane_pid=infra.pid) is PasteResult.GONE
    short.end_pane(web.pane)
    assert server.received("infra") == server.received("web") == b""
    assert server.tmux("list-buffers") == ""


@pytest.mark.parametrize("pane", ["web", "%", "%1;kill-server", "=short:", "%1 "])
def test_only_ids_name_a_pane(server: Server, pane: str) -> None:
    short = server.substrate()
    for act in (
        lambda: short.read([pane]),
        lambda: short.paste(pane, "x", pane_pid=1),
        lambda: short.end_pane(pane),
        lambda: short.leave_mode(pane),
        lambda: short.select(pane),
    ):
        with pytest.raises(SubstrateError):
            act()
