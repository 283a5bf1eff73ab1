"""A lane's launcher, in a real pane: the program is the foreground job, its end is known exactly, a shell follows."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from loop_orchestrator.clock import format_time, parse_time
from loop_orchestrator.process.identity import from_pid
from loop_orchestrator.process.launch import launch_argv, login_shell
from tests.process.terminals import Pane, Tmux, python
from tests.support.waiting import eventually

Record = dict[str, object]
Launch = Callable[..., tuple[Pane, Path]]

ODD_WORDS = ["two words", "it's", '"', "new\nline", "back\\\\slash", "$HOME `id` !x", "", "größe", "-n", "*"]
TELL = "import sys, os, json; open('told', 'w').write(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"


@pytest.fixture
def launch(tmux: Tmux, tmp_path: Path) -> Launch:
    """Start a lane called web; gives its pane and its run file."""

    def start(argv: Sequence[str], *, env: dict[str, str] | None = None, shell: str = "/bin/bash") -> tuple[Pane, Path]:
        file, run_file = tmp_path / "launch.json", tmp_path / "run.json"
        plan = {
            "lane": "web",
            "argv": list(argv),
            "cwd": str(tmp_path),
            "env": {"LOOP_LANE": "web", **(env or {})},
            "shell": shell,
            "run_file": str(run_file),
        }
        file.write_text(json.dumps(plan))
        return tmux.pane(*launch_argv(file)), run_file

    return start


def record(run_file: Path) -> Record:
    loaded = json.loads(run_file.read_text()) if run_file.exists() else {}
    assert isinstance(loaded, dict)
    return loaded


def ended(run_file: Path) -> Record:
    eventually(lambda: record(run_file).get("ended_at"), what="the end on record")
    return record(run_file)


def number(value: object) -> int:
    assert isinstance(value, int)
    return value


def test_the_program_is_the_foreground_job_and_on_record_before_it_runs(launch: Launch) -> None:
    pane, run_file = launch(["sleep", "60"])
    pane.runs("sleep")
    seen = record(run_file)
    assert seen["ended_at"] is None and seen["exit_status"] is None and seen["suspended"] is False
    started = str(seen["started_at"])
    assert format_time(parse_time(started)) == started
    program = number(seen["pid"])
    assert Path(f"/proc/{program}/cmdline").read_bytes() == b"sleep\x0060\x00"
    assert program != int(pane.get("pane_pid"))
    assert run_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("taken", [True, False])
def test_what_becomes_of_a_program_is_written_only_where_its_start_still_stands(launch: Launch, taken: bool) -> None:
    """A session is booted again while the old one still comes to its end: the file is there for the new program."""
    pane, run_file = launch(["sleep", "60"])
    pane.runs("sleep")
    old = record(run_file)
    later = {**old, "pid": number(old["pid"]) + 1}
    if taken:
        run_file.write_text(json.dumps(later))
    else:
        run_file.unlink()
    os.kill(number(old["pid"]), signal.SIGTERM)
    pane.shows("its lane is not ready")
    assert record(run_file) == (later if taken else {})


@pytest.mark.parametrize(
    ("script", "status", "says"),
    [
        ("exit 0", 0, "lane web: sh ended with status 0; this is a shell, its lane is not ready"),
        ("exit 3", 3, "ended with status 3;"),
        ("exit 255", 255, "ended with status 255;"),
        ("kill -KILL $$", -9, "was ended by SIGKILL;"),
        ("kill -TERM $$", -15, "was ended by SIGTERM;"),
    ],
)
def test_the_exit_status_is_exact_and_said(launch: Launch, script: str, status: int, says: str) -> None:
    pane, run_file = launch(["sh", "-c", script])
    seen = ended(run_file)
    assert seen["exit_status"] == status
    assert parse_time(str(seen["ended_at"])) >= parse_time(str(seen["started_at"]))
    pane.shows(says)


def test_a_usable_login_shell_follows_that_still_carries_the_lane(launch: Launch) -> None:
    pane, run_file = launch(["true"])
    ended(run_file)
    pane.runs("bash")
    pane.type("shopt -q login_shell && echo a login shell of $LOOP_LANE in $PWD")
    pane.shows(f"a login shell of web in {run_file.parent}")
    pane.type("sleep 61")
    pane.runs("sleep")
    pane.press("C-z")  # job control works
    pane.shows("Stopped")
    pane.type("fg")
    pane.runs("sleep")
    pane.press("C-c")  # and so do signals from the keyboard
    pane.runs("bash")


def test_a_killed_program_leaves_no_modes_and_keeps_what_it_said(launch: Launch) -> None:
    dirty = "stty raw -echo; printf '\\033[?1049h\\033[?1003h\\033[?2004h\\033[?25l'; kill -9 $$"
    pane, run_file = launch(["sh", "-c", f"echo last words; {dirty}"])
    ended(run_file)
    pane.shows("last words\n\nlane web: sh was ended by SIGKILL")
    pane.type("echo $((40 + 2)) is seen")
    screen = pane.shows("\n42 is seen")
    assert "echo $((40 + 2)) is seen" in screen
    flags = [pane.get(name) for name in ("alternate_on", "mouse_any_flag", "cursor_flag")]
    assert flags == ["0", "0", "1"]


def test_lines_printed_after_an_alternate_screen_are_not_overwritten(launch: Launch) -> None:
    pane, run_file = launch(["sh", "-c", "printf '\\033[?1049hfull\\033[?1049l'; echo error 1; echo error 2"])
    ended(run_file)
    pane.shows("error 1\nerror 2\n\nlane web: sh ended")


def test_control_z_suspends_and_enter_continues(launch: Launch) -> None:
    pane, run_file = launch(["sh", "-c", "stty -echo; exec cat"])
    pane.runs("cat")
    program = record(run_file)["pid"]
    pane.press("C-z")
    pane.shows("lane web: sh is suspended; press Enter to continue it")
    assert record(run_file)["suspended"] is True and record(run_file)["ended_at"] is None
    pane.press("C-c")  # ends neither the program nor the launcher
    pane.press("C-z")
    pane.press("C-d")
    pane.press("Enter")
    eventually(lambda: record(run_file)["suspended"] is False)
    pane.runs("cat")
    pane.type("once only")
    pane.shows("once only")
    assert pane.screen().count("once only") == 1, "the program's own terminal modes are back: no echo"
    pane.press("C-z")
    eventually(lambda: record(run_file)["suspended"])
    pane.press("Enter")
    pane.runs("cat")
    pane.press("C-d")
    seen = ended(run_file)
    assert (seen["pid"], seen["exit_status"], seen["suspended"]) == (program, 0, False)


def test_a_suspended_program_that_somebody_else_continues_gets_its_terminal_back(launch: Launch) -> None:
    pane, run_file = launch(["cat"])
    pane.runs("cat")
    pane.press("C-z")
    eventually(lambda: record(run_file).get("suspended"))
    os.kill(number(record(run_file)["pid"]), signal.SIGCONT)
    eventually(lambda: record(run_file)["suspended"] is False)
    pane.runs("cat")
    pane.type("still here")
    eventually(lambda: pane.screen().count("still here") == 2)


def test_a_program_killed_while_suspended_is_on_record_at_once(launch: Launch) -> None:
    pane, run_file = launch(["cat"])
    pane.runs("cat")
    pane.press("C-z")
    eventually(lambda: record(run_file).get("suspended"))
    os.kill(number(record(run_file)["pid"]), signal.SIGKILL)
    assert ended(run_file)["exit_status"] == -9
    pane.shows("was ended by SIGKILL")


@pytest.mark.parametrize("suspended", [False, True])
@pytest.mark.parametrize(("traps", "status"), [("trap '' HUP", -9), (":", -1)])
def test_a_killed_pane_ends_the_program(launch: Launch, tmux: Tmux, traps: str, status: int, suspended: bool) -> None:
    tmux.pane()  # keeps the server
    pane, run_file = launch(["sh", "-c", f"{traps}; exec sleep 60"])
    pane.runs("sleep")
    if suspended:
        pane.press("C-z")
        eventually(lambda: record(run_file)["suspended"])
    launcher = from_pid(int(pane.get("pane_pid")))
    pane.kill()
    seen = ended(run_file)
    assert seen["exit_status"] == status and seen["suspended"] is False
    assert from_pid(number(seen["pid"])) is None
    eventually(lambda: launcher and from_pid(launcher.pid) is None)


def test_arguments_environment_and_directory_arrive_intact(launch: Launch) -> None:
    home = Path(os.environ["HOME"])
    (home / ".bash_profile").write_text("export KEY=of-the-profile FROM_PROFILE=yes; cd /")
    _, run_file = launch([*python(TELL), *ODD_WORDS], env={"KEY": "it's\nof the lane", "LOOP_SESSION": "s"})
    ended(run_file)
    words, env, cwd = json.loads((run_file.parent / "told").read_text())
    assert words == ODD_WORDS
    assert (env["KEY"], env["LOOP_LANE"], env["LOOP_SESSION"]) == ("it's\nof the lane", "web", "s")
    assert env["FROM_PROFILE"] == "yes"
    assert cwd == str(run_file.parent)


def test_signals_that_the_launcher_ignores_are_not_ignored_by_the_program(launch: Launch) -> None:
    pane, run_file = launch(["grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"])
    ended(run_file)
    screen = pane.shows("SigBlk:\t0000000000000000".expandtabs(8))
    (ignored,) = re.findall(r"SigIgn: +([0-9a-f]+)", screen)
    # Signals 32 and 33 belong to the C library; make hands them on ignored, and no program can change that.
    assert int(ignored, 16) & 0x7FFFFFFF == 0


@pytest.mark.parametrize(("shell", "profile"), [("/bin/bash", ".bash_profile"), ("/bin/sh", ".profile")])
def test_a_path_set_in_the_users_profile_finds_the_program(launch: Launch, shell: str, profile: str) -> None:
    home = Path(os.environ["HOME"])
    tools = home / "my tools"
    tools.mkdir()
    (tools / "agent").write_text('#!/bin/sh\necho "agent at work"; exec sleep 62\n')
    (tools / "agent").chmod(0o755)
    (home / profile).write_text(f'PATH="{tools}:$PATH"; export PATH\n')
    pane, _ = launch(["agent"], shell=shell)
    pane.shows("agent at work")


def test_without_a_program_the_login_shell_is_the_program(launch: Launch) -> None:
    pane, run_file = launch([])
    pane.runs("bash")
    shell = number(record(run_file)["pid"])
    assert shell != int(pane.get("pane_pid"))
    pane.type("echo pid $$ lane $LOOP_LANE")
    pane.shows(f"pid {shell} lane web")
    pane.type("exit 4")
    assert ended(run_file)["exit_status"] == 4
    pane.shows("lane web: bash ended with status 4")


@pytest.mark.parametrize(
    ("argv", "status", "says"),
    [
        (["no-such-agent"], 127, "no-such-agent cannot be started: there is no such program on the PATH"),
        (["/etc/passwd"], 126, "passwd cannot be started: [Errno 13] Permission denied"),
    ],
)
def test_a_program_that_cannot_be_started_says_so(launch: Launch, argv: list[str], status: int, says: str) -> None:
    pane, run_file = launch(argv)
    assert ended(run_file)["exit_status"] == status
    pane.shows(says)


def test_a_missing_directory_is_not_replaced_by_another(launch: Launch, tmux: Tmux, tmp_path: Path) -> None:
    file, run_file = tmp_path / "l.json", tmp_path / "r.json"
    plan = {
        "lane": "web",
        "argv": ["touch", "made"],
        "cwd": "/nowhere",
        "env": {},
        "shell": "",
        "run_file": str(run_file),
    }
    file.write_text(json.dumps(plan))
    pane = tmux.pane(*launch_argv(file))
    pane.shows("touch cannot be started")
    pane.shows("/nowhere")
    assert ended(run_file)["exit_status"] == 126


def test_an_unreadable_launch_file_leaves_a_shell_and_says_why(tmux: Tmux, tmp_path: Path) -> None:
    (tmp_path / "l.json").write_text('{"lane": "web"}')
    pane = tmux.pane(*launch_argv(tmp_path / "l.json"))
    pane.shows("cannot be read ('argv'); no program was started, this is a shell")
    pane.type("echo $((40 + 2))")
    pane.shows("\n42")


def test_a_record_that_cannot_be_written_does_not_end_the_lane(launch: Launch, tmux: Tmux, tmp_path: Path) -> None:
    file = tmp_path / "l.json"
    plan = {"lane": "web", "argv": ["echo", "ran"], "cwd": "/", "env": {}, "shell": "", "run_file": "/nowhere/r.json"}
    file.write_text(json.dumps(plan))
    pane = tmux.pane(*launch_argv(file))
    pane.shows("/nowhere/r.json cannot be written: No such file or directory")
    pane.shows("\nran\n")


def test_the_projects_own_files_cannot_stand_in_for_the_launchers(launch: Launch, tmp_path: Path) -> None:
    for name in ("json.py", "select.py", "sitecustomize.py", "loop_orchestrator.py"):
        (tmp_path / name).write_text("raise SystemExit('hijacked')")
    (Path(os.environ["HOME"]) / ".bash_profile").write_text(f"export PYTHONPATH={tmp_path} PYTHONHOME=/nowhere\n")
    pane, run_file = launch(["echo", "ran"])
    assert ended(run_file)["exit_status"] == 0
    assert "hijacked" not in pane.shows("\nlane web: echo ended")


def test_loop_is_found_after_everything_on_the_users_path(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "python").symlink_to(sys.executable)
    (installed / "loop").write_text("#!/bin/sh\n")
    (installed / "loop").chmod(0o755)
    argv = python(TELL)
    monkeypatch.setattr(sys, "executable", str(installed / "python"))
    _, run_file = launch(argv)
    ended(run_file)
    path = json.loads((tmp_path / "told").read_text())[1]["PATH"].split(":")
    assert path[-1] == str(installed) and path.count(str(installed)) == 1


def test_it_stays_small() -> None:
    """What stays in memory beside every lane imports none of the large modules."""
    *python, launcher, _ = launch_argv("f")
    code = (
        f"import runpy, sys; before = {{*sys.modules}}; runpy.run_path({launcher!r}); print(*{{*sys.modules}} - before)"
    )
    argv = [*python, "-c", code]
    modules = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert not {"dataclasses", "inspect", "pathlib", "subprocess", "psutil", "datetime", "shutil"} & set(modules)
    assert not [name for name in modules if re.match("loop_orchestrator", name)]


def test_the_login_shell_is_the_first_that_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/dash")
    assert login_shell("/bin/bash") == "/bin/bash"
    assert login_shell("") == "/bin/dash"
    assert login_shell("/nowhere/zsh") == "/bin/dash"
    monkeypatch.setenv("SHELL", "/usr/sbin/nologin")
    assert login_shell("") not in ("/usr/sbin/nologin", "")
