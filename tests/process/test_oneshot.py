"""A one-shot program gets its prompt whole, and its reply can be followed while it comes."""

from __future__ import annotations

import resource
import sys
import threading
from pathlib import Path

import psutil
import pytest

from loop_orchestrator.errors import ProcessError
from loop_orchestrator.model.harness import PromptBy
from loop_orchestrator.process.cancel import Cancel
from loop_orchestrator.process.oneshot import MAX_ARGUMENT_BYTES, MAX_OUTPUT_BYTES, Follow, OneShotResult, one_shot
from tests.support.waiting import eventually


def ask(
    argv: list[str],
    transcript: Path,
    *,
    prompt: str = "hello",
    prompt_by: PromptBy = PromptBy.STDIN,
    env: dict[str, str] | None = None,
    timeout_s: float = 20,
    cancel: Cancel | None = None,
) -> OneShotResult:
    return one_shot(
        argv,
        prompt=prompt,
        prompt_by=prompt_by,
        env=env,
        cwd=None,
        timeout_s=timeout_s,
        follow=Follow(transcript=transcript),
        cancel=cancel,
    )


def test_a_large_prompt_goes_in_and_comes_back_whole(tmp_path: Path) -> None:
    prompt = "größe 世界 \U0001f300\n" * 12_000
    answer = ask(["cat"], tmp_path / "t", prompt=prompt)
    assert len(prompt.encode()) > 200_000
    assert answer.stdout == prompt and (tmp_path / "t").read_bytes() == prompt.encode()
    assert (answer.code, answer.stderr, answer.truncated) == (0, "", False)


def test_a_prompt_as_argument_stands_in_its_place_and_stdin_is_empty(tmp_path: Path) -> None:
    answer = ask(
        ["sh", "-c", 'printf "%s|" "$@"; cat', "sh", "--prompt={prompt}", "{prompt}"],
        tmp_path / "t",
        prompt="it's\n$HOME",
        prompt_by=PromptBy.ARGUMENT,
    )
    assert answer.stdout == "--prompt=it's\n$HOME|it's\n$HOME|"


def test_a_prompt_too_long_for_an_argument_is_refused_with_both_sizes(tmp_path: Path) -> None:
    at_limit = ask(["echo", "{prompt}"], tmp_path / "t", prompt="x" * MAX_ARGUMENT_BYTES, prompt_by=PromptBy.ARGUMENT)
    assert len(at_limit.stdout) == MAX_ARGUMENT_BYTES + 1
    with pytest.raises(ProcessError, match="131072 bytes, one argument holds 131071"):
        ask(["echo", "{prompt}"], tmp_path / "t", prompt="x" * 131_072, prompt_by=PromptBy.ARGUMENT)


@pytest.mark.parametrize("prompt_by", list(PromptBy))
def test_what_is_not_unicode_is_replaced_both_ways(prompt_by: PromptBy, tmp_path: Path) -> None:
    argv = ["sh", "-c", r'printf "%s" "$1"; cat; printf "\377"', "sh", "{prompt}"]
    answer = ask(argv, tmp_path / "t", prompt="a\ud800b", prompt_by=prompt_by)
    assert answer.stdout.endswith("a?b\ufffd")


def test_the_transcript_is_private_new_and_followed_while_the_program_runs(tmp_path: Path) -> None:
    transcript, cancel = tmp_path / "t", Cancel()
    transcript.write_text("older and longer than the reply")
    transcript.chmod(0o644)
    answers: list[OneShotResult] = []
    thread = threading.Thread(
        target=lambda: answers.append(ask(["sh", "-c", "echo first; sleep 60"], transcript, cancel=cancel))
    )
    thread.start()
    eventually(lambda: transcript.exists() and transcript.read_bytes() == b"first\n")
    assert transcript.stat().st_mode & 0o777 == 0o600
    assert not answers
    cancel.set()
    thread.join(timeout=5)
    assert answers[0].cancelled and answers[0].stdout == "first\n"


def test_what_is_read_what_came_and_what_was_complained_of_have_files_of_their_own(tmp_path: Path) -> None:
    follow = Follow(
        transcript=tmp_path / "t",
        readable=lambda data: data.upper() or b"END",
        raw=tmp_path / "r",
        errors=tmp_path / "e",
    )
    told = {"prompt": "", "prompt_by": PromptBy.STDIN, "env": None, "cwd": None, "timeout_s": 20, "cancel": None}
    answer = one_shot(["sh", "-c", "echo said; echo why >&2"], follow=follow, **told)  # type: ignore[arg-type]
    assert (answer.stdout, answer.stderr) == ("said\n", "why\n")
    assert [(tmp_path / name).read_text() for name in "tre"] == ["SAID\nEND", "said\n", "why\n"]
    assert all((tmp_path / name).stat().st_mode & 0o777 == 0o600 for name in "tre")
    (tmp_path / "e").unlink()
    one_shot(["sh", "-c", "echo said"], follow=follow, **told)  # type: ignore[arg-type]
    assert not (tmp_path / "e").exists()


def test_a_program_that_takes_too_long_is_ended_and_what_it_said_is_kept(tmp_path: Path) -> None:
    answer = ask(["sh", "-c", "echo half; echo why >&2; sleep 60"], tmp_path / "t", timeout_s=0.5)
    assert answer.timed_out and (answer.stdout, answer.stderr) == ("half\n", "why\n")
    assert answer.duration_s < 2


def test_output_without_end_fills_neither_memory_nor_disk(tmp_path: Path) -> None:
    answer = ask(["sh", "-c", "yes | head -c 12000000"], tmp_path / "t")
    assert answer.truncated and len(answer.stdout) == MAX_OUTPUT_BYTES
    assert (tmp_path / "t").stat().st_size == MAX_OUTPUT_BYTES


def test_the_environment_is_the_one_given(tmp_path: Path) -> None:
    code = "import os; print(sorted(k for k in os.environ if k != 'LC_CTYPE'))"
    answer = ask([sys.executable, "-I", "-S", "-c", code], tmp_path / "t", env={"ONLY": "this"})
    assert answer.stdout == "['ONLY']\n"


def test_a_transcript_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match=r"transcript .*/nowhere/t cannot be written: No such file"):
        ask(["cat"], tmp_path / "nowhere" / "t")


def test_a_transcript_that_cannot_grow_ends_the_program(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(ProcessError, match=r"transcript .*/t cannot be written: File too large"):
            ask(["sh", "-c", "echo 0123456789; sleep 60"], tmp_path / "t", timeout_s=60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not psutil.Process().children()
