"""A file of the project that is named like a module is never imported by what the program starts there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.flows.conftest import Boot
from tests.support.listeners import listener
from tests.support.scratch import Scratch
from tests.support.waiting import eventually

NAMES = ("json", "argparse", "asyncio", "yaml", "libtmux", "psutil", "apprise")


def loop(scratch: Scratch, *words: str) -> None:
    """The installed command, which does not look into the directory that it is started in."""
    argv = [str(Path(sys.executable).with_name("loop")), *words]
    done = subprocess.run(
        argv,
        cwd=scratch.root,
        env=scratch.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (words, done.stdout, done.stderr)


def test_guard_engine_agents_and_services_import_nothing_of_the_project(boot: Boot) -> None:
    scratch = boot(lanes="{web: {harness: rehearsal}}", engine="approval: full, min_cycle_interval_s: 0.1")
    imported = scratch.root / "imported"
    with listener() as service:
        with (scratch.root / "lane-config.yaml").open("a") as config:
            config.write("notify: {every_s: 0, services: {hook: {url_env: HOOK_URL}}}\n")
        scratch.env["HOOK_URL"] = service.url
        code, said = scratch.person("trust", "--accept")
        assert code == 0, said
        code_of_it = f"import os\nopen({str(imported)!r}, 'a').write(f'{{__name__}} of {{os.getpid()}}\\n')\n"
        for name in NAMES:
            (scratch.root / f"{name}.py").write_text(code_of_it)
        package = scratch.root / "loop_orchestrator" / "__init__.py"
        package.parent.mkdir()
        package.write_text(code_of_it)
        guard_log = scratch.session_dir / "lane-guard.log"
        loop(scratch, "up", "--no-attach", "--auto-restart")
        try:
            eventually(lambda: guard_log.exists() and "guarding the lanes" in guard_log.read_text())
            loop(scratch, "restart", "--detach")
            loop(scratch, "notify", "test")
            assert len(service.got) == 1
            loop(scratch, "lane", "add", "more", "--harness", "rehearsal")
            loop(scratch, "mail", "send", "--from", "human", "--to", "more", "--subject", "a wish", "--body", "please")
            eventually(lambda: scratch.mail("more", "Re: a wish") == 1, limit_s=60)
        finally:
            loop(scratch, "engine", "stop")
            guard = json.loads((scratch.session_dir / "lane-guard.lock.holder").read_bytes())
            os.kill(guard["pid"], signal.SIGTERM)
    assert not imported.exists(), imported.read_text()
