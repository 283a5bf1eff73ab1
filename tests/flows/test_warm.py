"""A command that a test forks says and does what the installed program does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.scratch import Scratch


@pytest.fixture
def scratch(project: Path, tmp_path: Path) -> Scratch:
    (project / "lane-config.yaml").write_text("lanes: {}\n", encoding="utf-8")
    return Scratch(project, tmp_path, env={"LOOP_SESSION": "scratch"})


def program(scratch: Scratch, *words: str, env: Mapping[str, str], stdin: str | None) -> tuple[int, str, str]:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("loop")), *words],
        cwd=scratch.root,
        env={**scratch.environ, **env},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )
    return done.returncode, done.stdout, done.stderr


MAIL = ("mail", "send", "--from", "a", "--to", "b", "--subject", "hé ✻", "--body")


@pytest.mark.parametrize(
    ("words", "env", "stdin"),
    [
        (("--version",), {}, None),
        (("help",), {}, None),
        (("engine", "stattus"), {}, None),
        (("mail", "send", "--from"), {}, None),
        ((*MAIL, "x"), {"LOOP_CRASH_AT": "mail.linked"}, None),
        (("trust", "--accept"), {}, None),
        (("engine", "status"), {"LOOP_PROJECT_ROOT": "/nowhere"}, None),
        (("lane-status", "--json", "--all"), {}, None),
    ],
)
def test_it_says_the_same_and_ends_the_same(
    scratch: Scratch, words: tuple[str, ...], env: dict[str, str], stdin: str | None
) -> None:
    forked = scratch.run(*words, env=env, stdin=stdin)
    assert (forked.returncode, forked.stdout, forked.stderr) == program(scratch, *words, env=env, stdin=stdin)


def test_it_reads_what_it_is_given(scratch: Scratch) -> None:
    assert scratch.run(*MAIL, "-", stdin="a body, ✻\n").returncode == 0
    (message,) = (scratch.root / ".loop" / "messages").glob("*.md")
    assert "a body, ✻\n" in message.read_text(encoding="utf-8")
