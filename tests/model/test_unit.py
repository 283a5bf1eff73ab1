"""The unit that systemd reads."""

from __future__ import annotations

import os
import plistlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.model.unit import EngineService, launchd_plist, systemd_unit
from loop_orchestrator.process.run import run

PLAIN = EngineService(
    root="/home/me/shop",
    session="shop",
    argv=("/usr/bin/env", "watch", "--project-root", "/home/me/shop", "--session", "shop", "--run-as", "service"),
    environ={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    secrets_file="/home/me/.loop-secrets/shop.env",
)


def test_a_unit_says_what_runs_where_and_when_it_is_started_again() -> None:
    lines = systemd_unit(PLAIN).splitlines()
    assert "ExecStart=/usr/bin/env watch --project-root /home/me/shop --session shop --run-as service" in lines
    assert "WorkingDirectory=/home/me/shop" in lines
    assert 'Environment="PATH=/usr/bin:/bin"' in lines
    assert "EnvironmentFile=-/home/me/.loop-secrets/shop.env" in lines
    assert {"Restart=on-failure", "KillMode=process", "RestartPreventExitStatus=2 4"} <= set(lines)


def test_what_systemd_would_expand_is_written_so_that_it_does_not() -> None:
    odd = replace(PLAIN, root='/home/me/a "b" $c %d\\e', argv=("/bin/x", '/home/me/a "b" $c %d\\e'))
    lines = systemd_unit(odd).splitlines()
    assert r'ExecStart=/bin/x "/home/me/a \"b\" $$c %%d\\e"' in lines
    assert 'WorkingDirectory=/home/me/a "b" $c %%d\\e' in lines


def test_a_path_with_a_newline_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot stand in a unit"):
        systemd_unit(replace(PLAIN, root="/home/me/a\nExecStartPre=/bin/evil"))


def test_the_name_is_the_same_for_one_project_and_session_and_another_for_any_other() -> None:
    names = {
        replace(PLAIN, root=root, session=session).name
        for root in ("/home/me/shop", "/srv/shop")
        for session in ("shop", "other")
    }
    assert len(names) == 4
    assert replace(PLAIN, argv=("/other",), environ={}).name == PLAIN.name == "loop-shop-4a68c726"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
@pytest.mark.parametrize("folder", ["plain", 'with "quotes", a $dollar and 100%'])
def test_systemd_itself_finds_no_fault_with_it(tmp_path: Path, folder: str) -> None:
    root = tmp_path / folder
    root.mkdir()
    service = replace(PLAIN, root=str(root), argv=("/usr/bin/env", "watch", "--project-root", str(root)))
    unit = tmp_path / f"{service.name}.service"
    unit.write_text(systemd_unit(service))
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = run(("systemd-analyze", "verify", "--user", str(unit)), env=env, timeout_s=60)
    assert (done.code, done.stderr.decode()) == (0, "")
    unit.write_text(systemd_unit(service).replace("[Service]", "[Service]\nNoSuchKey=1"))
    assert b"NoSuchKey" in run(("systemd-analyze", "verify", "--user", str(unit)), env=env, timeout_s=60).stderr


def test_launchd_gets_the_same_in_its_own_form() -> None:
    found = plistlib.loads(launchd_plist(PLAIN).encode())
    assert found["ProgramArguments"] == list(PLAIN.argv)
    assert found["Label"] == f"org.loop-orchestrator.{PLAIN.name}"
