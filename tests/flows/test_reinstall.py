"""A restart that installs the program first, and one whose secrets stand in a file."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import loop_orchestrator
from tests.flows.conftest import Boot
from tests.support.daemons import daemon
from tests.support.listeners import listener
from tests.support.scratch import Scratch, write_task
from tests.support.waiting import eventually

SHELL = "{web: {harness: shell}}"
ENGINE = "approval: full, min_cycle_interval_s: 0.1"


def engine_of(scratch: Scratch) -> dict[str, object]:
    found = scratch.json("engine", "status")["engine"]
    assert isinstance(found, dict)
    return found


@pytest.fixture
def installed(boot: Boot, tmp_path: Path) -> Iterator[tuple[Scratch, Path]]:
    """A session whose programs run from a copy of the package, and the copy."""
    scratch = boot(lanes=SHELL, engine=ENGINE)
    package = tmp_path / "installed" / "loop_orchestrator"
    shutil.copytree(Path(loop_orchestrator.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    scratch.env["PYTHONPATH"] = str(package.parent)
    yield scratch, package
    scratch.run("engine", "stop")


def test_the_engine_that_comes_after_an_installation_runs_what_was_installed(installed: tuple[Scratch, Path]) -> None:
    scratch, package = installed
    scratch.env["LOOP_ORCH_ROOT"] = str(package)
    scratch.env["LOOP_RESTART_INSTALL_CMD"] = "pwd; echo 'x = 1' > cli/new.py; ls cli/new.py >&2"
    with daemon(scratch, program=True) as old:
        done = scratch.run("restart", "--detach", "--json")
        assert done.returncode == 0, done.stderr
        assert old.process.wait(60) == 0
        assert f"| {package}\n" in done.stderr and "| cli/new.py\n" in done.stderr
        said = json.loads(done.stdout)
        assert (said["was"], said["code"], said["how"]) == (old.pid, "current", "detached")
        assert engine_of(scratch)["pid"] == said["pid"]
        assert engine_of(scratch)["code"] == "current"
        (package / "cli" / "new.py").unlink()
        done = scratch.run("restart", "--detach", "--install", "")
        assert done.returncode == 0, done.stderr
        assert not (package / "cli" / "new.py").exists()


def test_in_the_foreground_it_is_the_installed_program_that_goes_on(installed: tuple[Scratch, Path]) -> None:
    scratch, package = installed
    scratch.env["LOOP_ORCH_ROOT"] = str(package)
    install = "sed -i 's/watching session/as installed anew, watching session/' cli/watch.py"
    argv = [sys.executable, "-m", "loop_orchestrator", "restart", "--foreground", "--install", install]
    with daemon(scratch, program=True) as old:
        new = subprocess.Popen(
            argv, cwd=scratch.root, env=scratch.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert old.process.wait(30) == 0
            eventually(lambda: engine_of(scratch)["pid"] == new.pid)
            assert engine_of(scratch)["code"] == "current"
            new.send_signal(signal.SIGTERM)
            assert new.wait(60) == 0
        finally:
            new.kill()
            said, _ = new.communicate()
    assert "as installed anew, watching session" in said


@pytest.mark.parametrize(
    ("install", "said"),
    [
        ("echo no good; exit 3", "the installation failed (exit status 3); nothing was restarted"),
        ("sleep 600 & echo begun; wait", "the installation did not end within 2 s; nothing was restarted"),
        ("rm -r engine; echo gone", "loop_orchestrator.engine"),
    ],
)
def test_an_installation_that_fails_leaves_the_engine_that_runs(
    installed: tuple[Scratch, Path], install: str, said: str
) -> None:
    scratch, package = installed
    scratch.env["LOOP_ORCH_ROOT"] = str(package)
    with daemon(scratch, program=True) as old:
        timeout_s = "2" if "sleep" in install else "60"
        done = scratch.run("restart", "--detach", "--install", install, "--timeout", timeout_s)
        assert done.returncode == 1 and said in done.stderr, done.stderr
        assert old.ended() is None
    assert len(scratch.events("watch.started")) == 1


def secrets_of(scratch: Scratch, tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir(exist_ok=True)
    file = folder / "scratch.env"
    file.write_text(text)
    file.chmod(mode)
    scratch.env["LOOP_SECRETS_DIR"] = str(folder)
    return file


@pytest.mark.parametrize("flag", ["--detach", "--foreground"])
def test_an_engine_that_is_restarted_has_its_secrets_from_a_file_that_only_its_owner_may_read(
    boot: Boot, tmp_path: Path, flag: str
) -> None:
    scratch = boot(lanes="{web: {harness: actor}}", engine="approval: manual, min_cycle_interval_s: 0.1")
    with listener() as service:
        with (scratch.root / "lane-config.yaml").open("a") as config:
            config.write("notify: {every_s: 0, services: {hook: {url_env: HOOK_URL}}}\n")
        code, said = scratch.person("trust", "--accept")
        assert code == 0, said
        file = secrets_of(scratch, tmp_path, f"HOOK_URL={service.url}\n", 0o644)
        refused = scratch.run("restart", flag)
        assert refused.returncode == 1 and f"{file} may be read or written by others (mode 0644)" in refused.stderr
        assert service.url not in refused.stderr
        assert not scratch.events("watch.started")
        file.chmod(0o600)
        argv = [sys.executable, "-m", "loop_orchestrator", "restart", flag]
        null = subprocess.DEVNULL
        restart = subprocess.Popen(argv, cwd=scratch.root, env=scratch.environ, stdin=null, stdout=null, stderr=null)
        try:
            write_task(scratch.root, "T0001")
            eventually(lambda: scratch.events("notice.sent"), limit_s=60)
            assert len(service.got) == 1
        finally:
            scratch.run("engine", "stop")
            restart.wait(60)


def test_a_variable_that_the_config_names_and_nobody_sets_is_said(boot: Boot, tmp_path: Path) -> None:
    scratch = boot(lanes=SHELL, engine=ENGINE)
    with (scratch.root / "lane-config.yaml").open("a") as config:
        config.write("notify: {services: {hook: {url_env: HOOK_URL}}}\n")
    code, said = scratch.person("trust", "--accept")
    assert code == 0, said
    file = secrets_of(scratch, tmp_path, "OTHER=1\n")
    try:
        done = scratch.run("restart", "--detach")
        assert done.returncode == 0, done.stderr
        assert f"HOOK_URL, which lane-config.yaml names, is neither in the environment nor in {file}" in done.stderr
    finally:
        scratch.run("engine", "stop")
