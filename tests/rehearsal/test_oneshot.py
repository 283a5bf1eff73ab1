"""One prompt in, one reply out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loop_orchestrator.engine.reply import read_reply
from loop_orchestrator.prompts import load_prompts
from tests.rehearsal.terminal import REPOSITORY


def ask(prompt: str, *options: str, script: str = "", folder: Path | None = None) -> tuple[int, str, str]:
    if folder is not None:
        (folder / "script.yaml").write_text(script, encoding="utf-8")
        options = (*options, "--script", str(folder / "script.yaml"))
    argv = [sys.executable, "-m", "loop_orchestrator.rehearsal", "--once", *options]
    done = subprocess.run(
        argv, input=prompt, capture_output=True, text=True, encoding="utf-8", cwd=REPOSITORY, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_a_brains_prompt_gets_a_decision_to_stop() -> None:
    code, reply, complaint = ask(load_prompts()["brain"])
    assert (code, complaint) == (0, "")
    assert [action.kind for action in read_reply(reply).actions] == ["stop"]


def test_any_other_prompt_gets_its_beginning_back() -> None:
    assert ask("hello\nčaj") == (0, "Done: hello čaj\n", "")


@pytest.mark.parametrize(
    ("steps", "result"),
    [
        ('[{say: "a"}, {say: "b"}]', (0, "a\nb\n", "")),
        ('[{say: "a"}, {error: "Quota exceeded"}, {say: "b"}]', (1, "a\n", "Quota exceeded\n")),
        ("[{exit: 7}, {say: never}]", (7, "", "")),
        ('[{say: "{1} by {model}"}]', (0, "it by m1\n", "")),
    ],
)
def test_a_script_says_what_comes_back(tmp_path: Path, steps: str, result: tuple[int, str, str]) -> None:
    script = f"oneshot: {{answers: [{{when: 'do (it)', steps: {steps}}}]}}"
    assert ask("do it", "--model", "m1", script=script, folder=tmp_path) == result


def test_without_a_prompt_it_says_so() -> None:
    code, reply, complaint = ask(" \n")
    assert (code, reply) == (2, "") and complaint.startswith("rehearsal: there is no prompt on standard input")


def test_without_a_terminal_the_interactive_program_says_so() -> None:
    argv = [sys.executable, "-m", "loop_orchestrator.rehearsal"]
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=REPOSITORY, check=False)
    assert done.returncode == 2 and "must be a terminal" in done.stderr


def test_asked_once_it_loads_no_terminal_library() -> None:
    code = (
        "import sys, io; sys.stdin = io.TextIOWrapper(io.BytesIO(b'hello'));"
        "from loop_orchestrator.rehearsal.__main__ import main; main(['--once']);"
        "sys.exit(bool({'prompt_toolkit', 'asyncio'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False, capture_output=True).returncode == 0
    )
