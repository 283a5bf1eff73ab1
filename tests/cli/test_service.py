"""`loop service`, with a systemctl that records what it is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Loop

FAKE = """\
#!/bin/sh
echo "$*" >> "$SYSTEMCTL_LOG"
case "$*" in
  *show-environment*) [ ! -e "$SYSTEMCTL_LOG.down" ] || { echo "Failed to connect to bus" >&2; exit 1; } ;;
  *is-active*) cat "$SYSTEMCTL_LOG.state" 2>/dev/null || { echo inactive; exit 3; } ;;
  *" start "*|*" restart "*) echo active > "$SYSTEMCTL_LOG.state" ;;
  *" stop "*|*disable*) rm -f "$SYSTEMCTL_LOG.state" ;;
esac
"""


class Systemctl:
    """What it was told, and how it is."""

    def __init__(self, log: Path) -> None:
        self._log = log

    @property
    def told(self) -> list[str]:
        """Without the questions, and without --user."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        asks = ("show-environment", "is-active")
        return [line.removeprefix("--user ") for line in lines if not any(ask in line for ask in asks)]

    def breaks(self) -> None:
        Path(f"{self._log}.down").touch()


@pytest.fixture
def systemctl(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    """Comes first in PATH."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(FAKE)
    program.chmod(0o755)
    log = tmp_path / "systemctl.log"
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SYSTEMCTL_LOG", str(log))
    return Systemctl(log)


def unit(systemctl: Systemctl) -> Path:
    """The one unit there is."""
    (found,) = (Path(os.environ["HOME"]) / ".config" / "systemd" / "user").glob("*.service")
    return found


def test_a_service_is_installed_started_stopped_and_removed(loop: Loop, systemctl: Systemctl) -> None:
    assert loop("trust", "--accept").code == 0
    first = loop("service", "install")
    assert first.code == 0, first.err
    file = unit(systemctl)
    text = file.read_text()
    assert f"--project-root {Path.cwd()} --session shop" in text and "--run-as service" in text
    exec_start = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert Path(exec_start.removeprefix("ExecStart=").split()[0]).is_file()
    assert "starts with your login" in first.out and "enable-linger" in first.err
    assert systemctl.told == ["daemon-reload", f"enable {file.name}"]
    again = loop("service", "install", "--json")
    assert (again.document["changed"], again.document["started"]) == (False, False)
    assert systemctl.told[2:] == [f"enable {file.name}"]
    assert "started" in loop("service", "start").out
    assert "runs already" in loop("service", "start").out
    assert loop("service", "status", "--json").document["state"] == "active"
    assert "stopped" in loop("service", "stop").out
    assert "did not run" in loop("service", "stop").out
    assert "removed" in loop("service", "uninstall").out
    assert not file.exists()
    assert "was not installed" in loop("service", "uninstall").out
    assert systemctl.told[3:] == [
        f"reset-failed {file.name}",
        f"start {file.name}",
        f"stop {file.name}",
        f"stop {file.name}",
        f"disable --now {file.name}",
        "daemon-reload",
    ]


def test_a_unit_is_printed_and_nothing_is_touched(loop: Loop, systemctl: Systemctl) -> None:
    printed = loop("service", "install", "--print")
    assert printed.code == 0 and "\nExecStart=" in printed.out
    assert "<plist" in loop("service", "install", "--print=launchd").out
    assert systemctl.told == []
    assert not (Path(os.environ["HOME"]) / ".config").exists()


def test_where_systemd_does_not_answer_it_says_so_and_what_to_do(loop: Loop, systemctl: Systemctl) -> None:
    loop("trust", "--accept")
    systemctl.breaks()
    failed = loop("service", "install")
    assert failed.code == 5
    assert "Failed to connect to bus" in failed.err and "loop restart --detach" in failed.err
    assert not (Path(os.environ["HOME"]) / ".config").exists()


@pytest.mark.parametrize("word", ["install", "start", "stop", "uninstall"])
def test_an_agent_changes_no_service(
    loop: Loop, systemctl: Systemctl, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    loop("trust", "--accept")
    from tests.cli.conftest import loop_outside

    refused = loop_outside("service", word, env={"LOOP_LANE": "web"})
    assert refused.code == 1 and "an agent may not change what runs as a service" in refused.err
    assert systemctl.told == []


def test_a_config_that_nobody_accepted_and_a_project_without_engine_are_no_service(
    loop: Loop, systemctl: Systemctl, shop: Path
) -> None:
    refused = loop("service", "install")
    assert refused.code == 1 and "not accepted" in refused.err
    (shop / "lane-config.yaml").write_text("lanes: {web: {harness: shell}}\n")
    without = loop("service", "install")
    assert without.code == 1 and "no engine" in without.err
    assert systemctl.told == []


@pytest.mark.parametrize("word", ["start", "stop", "logs"])
def test_what_is_not_installed_is_named_with_the_next_step(loop: Loop, systemctl: Systemctl, word: str) -> None:
    loop("trust", "--accept")
    failed = loop("service", word)
    assert failed.code == 1 and "no service" in failed.err
    assert "not installed; loop service install" in loop("service").out
