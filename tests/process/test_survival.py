"""Whether a server outlives the login: decided from facts, and facts read from a machine's files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.process.survival import (
    LINGER_HINT,
    Facts,
    Survives,
    cgroup_of,
    read_facts,
    start_prefix,
    survival_of,
)

PLAIN = Facts(linux=True, systemd=False, runner="", manager=False, linger=False, kills=None)
LINGERS = Facts(linux=True, systemd=True, runner="/usr/bin/systemd-run", manager=True, linger=True, kills=True)
LOGIN = "/user.slice/user-1000.slice/session-3.scope"
SCOPE = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope"


@pytest.mark.parametrize(
    ("facts", "cgroup", "survives", "hint"),
    [
        (PLAIN, "", Survives.YES, ""),
        (replace(PLAIN, linux=False), "", Survives.UNKNOWN, ""),
        (LINGERS, SCOPE, Survives.YES, ""),
        (replace(LINGERS, linger=False), SCOPE, Survives.NO, LINGER_HINT),
        (replace(LINGERS, linger=False), LOGIN, Survives.NO, LINGER_HINT),
        (replace(LINGERS, linger=False, kills=False), LOGIN, Survives.YES, ""),
        (replace(LINGERS, linger=False, kills=False), SCOPE, Survives.NO, LINGER_HINT),
        (replace(LINGERS, linger=False, kills=None), LOGIN, Survives.UNKNOWN, LINGER_HINT),
        (LINGERS, "/system.slice/cron.service", Survives.YES, ""),
        (LINGERS, "", Survives.UNKNOWN, ""),
    ],
)
def test_where_the_server_lives_and_what_the_machine_ends_decide(
    facts: Facts, cgroup: str, survives: Survives, hint: str
) -> None:
    found = survival_of(facts, cgroup)
    assert (found.survives, found.hint) == (survives, hint)
    assert found.reason


def test_a_scope_that_was_to_be_and_is_not_is_said() -> None:
    found = survival_of(LINGERS, LOGIN)
    assert found.survives is Survives.NO
    assert "systemd-run did not start it" in found.reason


def test_a_server_starts_in_a_scope_only_where_that_helps() -> None:
    assert start_prefix(LINGERS)[:3] == ("/usr/bin/systemd-run", "--user", "--scope")
    for change in ({"linger": False}, {"manager": False}, {"runner": ""}, {"systemd": False}):
        assert start_prefix(replace(LINGERS, **change)) == (), change


def test_the_facts_of_a_machine(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    env = {"PATH": str(programs), "XDG_RUNTIME_DIR": str(tmp_path / "run/user/1")}
    assert read_facts(env, root=tmp_path) == replace(PLAIN, linux=os.uname().sysname == "Linux")
    if os.uname().sysname != "Linux":
        return
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert read_facts(env, root=tmp_path) == replace(PLAIN, systemd=True)
    for name, text in (("systemd-run", "exit 1"), ("loginctl", "echo KillUserProcesses=no")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "run/user/1/systemd").mkdir(parents=True)
    (tmp_path / "run/user/1/systemd/private").touch()
    import pwd

    linger = tmp_path / "var/lib/systemd/linger" / pwd.getpwuid(os.getuid()).pw_name
    linger.parent.mkdir(parents=True)
    linger.touch()
    found = read_facts(env, root=tmp_path)
    assert found == replace(LINGERS, runner=str(programs / "systemd-run"), kills=False)
    (programs / "loginctl").write_text("#!/bin/sh\nexit 1\n")
    assert read_facts(env, root=tmp_path).kills is None


@pytest.mark.parametrize(
    ("lines", "group"),
    [
        ("0::/user.slice/x.scope\n", "/user.slice/x.scope"),
        ("4:memory:/m\n1:name=systemd:/user.slice/a:b\n0::/\n", "/user.slice/a:b"),
        ("", ""),
    ],
)
def test_the_control_group_of_a_process_in_both_hierarchies(tmp_path: Path, lines: str, group: str) -> None:
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/cgroup").write_text(lines)
    assert cgroup_of(7, root=tmp_path) == group
    assert cgroup_of(8, root=tmp_path) == ""
