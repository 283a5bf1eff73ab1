"""Real agent programs as the brain: asked once, read, paid for, followed and refused."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from loop_orchestrator.model.event import Event
from tests.real.programs import BRAINS, Missing, Program, search_path
from tests.real.site import Site
from tests.support.model_server import TOKENS_IN, TOKENS_OUT, ModelServer, Refusal
from tests.support.scratch import SESSION
from tests.support.waiting import eventually

TIMEOUT_S = 45
"""Of a call: more than the slowest of them takes to start on a busy machine."""
SILENT = ("qwen",)
"""Those that try again for ever after a refusal and say it nowhere: their time is up, and that is all that is known."""


@contextmanager
def brain_site(root: Path, tmux_dir: Path, program: Program) -> Iterator[Site]:
    """A booted session with a rehearsal agent in lane web, and the program as its brain. Raises Missing."""
    path = search_path(program)
    project, home = root / "project", root / "home"
    for folder in (project, home):
        folder.mkdir(parents=True)
    tmux_dir.mkdir(mode=0o700, exist_ok=True)
    model = ModelServer()
    model.start()
    env = {"LOOP_SESSION": SESSION, **program.env(model.url)}
    made = Site(project, tmux_dir, env=env, home=home, path=path, model=model)
    try:
        for name, text in program.files(model.url, project).items():
            file = home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        brain = {"use": program.name, "timeout_s": TIMEOUT_S}
        config = {"lanes": {"web": {"harness": "rehearsal"}}, "engine": {"approval": "full", "brain": brain}}
        (project / "lane-config.yaml").write_text(json.dumps(config), encoding="utf-8")
        subprocess.run(["git", "init", "-q", str(project)], check=True)
        made.tmux("new-session", "-d", "-c", str(project), "sleep 36000", socket="person")
        code, said = made.person("up", "--accept", "--no-attach", "--boot-check", "30")
        assert code == 0, said
        yield made
    finally:
        made.end()
        model.close()


@pytest.fixture(params=sorted(BRAINS))
def program(request: pytest.FixtureRequest) -> Program:
    return BRAINS[request.param]


class Boot:
    """Boots a session for a program, or skips the test where the program cannot be had."""

    def __init__(self, root: Path, factory: pytest.TempPathFactory, ends: ExitStack) -> None:
        self._root, self._factory, self._ends = root, factory, ends

    def __call__(self, program: Program) -> Site:
        try:
            return self._ends.enter_context(brain_site(self._root, self._factory.mktemp("t"), program))
        except Missing as missing:
            pytest.skip(str(missing))


@pytest.fixture
def boot(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boot]:
    with ExitStack() as ends:
        yield Boot(tmp_path, tmp_path_factory, ends)


def decision(payload: str) -> str:
    action = {"kind": "dispatch", "lane": "web", "payload": payload, "rationale": "as the test wants it"}
    block = json.dumps({"version": 1, "critique": "größer 世界", "actions": [action]}, ensure_ascii=False)
    return f"I have looked at it.\n\n```decision\n{block}\n```\n"


def only(made: Site, kind: str) -> Event:
    (event,) = made.events(kind)
    return event


def heard_whole(made: Site, prompt: str) -> bool:
    return any(prompt.strip() in text for asked in made.model.requests() for text in asked.prompts)


def test_a_cycle_is_decided_by_it_and_carried_out(boot: Boot, program: Program) -> None:
    made = boot(program)
    payload = f"say hello to {uuid.uuid4().hex[:12]}"
    made.model.answer = decision(payload)
    done = made.run("engine", "once", timeout_s=240)
    assert done.returncode == 0, (done.stdout, done.stderr)
    eventually(lambda: payload in made.screen("web").replace("\n", ""), what="the lane got the text")
    replied = only(made, "brain.replied")
    usage, cycle = replied.payload["usage"], str(replied.payload["cycle"])
    assert isinstance(usage, dict)
    counted, usd = usage["input_tokens"], usage["cost_usd"]
    assert isinstance(counted, int)
    asked = counted // TOKENS_IN
    assert 1 <= asked <= len(made.model.requests())  # some ask more than once for one answer
    assert (counted, usage["output_tokens"]) == (asked * TOKENS_IN, asked * TOKENS_OUT)
    assert usage["cost_source"] == ("unpriced" if usd is None else "provider")
    assert usd is None or (isinstance(usd, float) and usd > 0)
    assert f"{asked * TOKENS_IN} tokens in, {asked * TOKENS_OUT} out, " in done.stderr
    assert payload in made.ok("engine", "transcript", cycle)
    prompt = made.ok("engine", "transcript", cycle, "--prompt")
    assert "## Lanes" in prompt and heard_whole(made, prompt)
    files = list((made.session_dir / "engine" / "brain").iterdir())
    assert files and all(file.stat().st_mode & 0o777 == 0o600 for file in files)


def test_a_prompt_of_200_kilobytes_arrives_whole(boot: Boot, program: Program) -> None:
    made = boot(program)
    made.model.answer = decision("say hello")
    made.ok("engine", "once")
    event = only(made, "decision.filed")
    (first,) = (made.session_dir / "engine" / "brain").glob("*.first.prompt.md")
    rows = "\n".join(f"row {number:05d}: größe 世界 of {uuid.uuid4().hex}" for number in range(3_600))
    prompt = f"Decide about this:\n{rows}\nThat was the last row."
    assert len(prompt.encode()) > 200_000
    first.write_text(prompt, encoding="utf-8")
    again = made.run("engine", "replay", str(event.payload["decision"]), "--brain", program.name, timeout_s=240)
    assert again.stdout == f"{program.name} decides the same\n", again.stderr
    assert heard_whole(made, prompt)


def test_a_used_up_quota_is_waited_for_until_the_time_that_it_names(boot: Boot, program: Program) -> None:
    made = boot(program)
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2, minutes=5)
    # A service says it in the message or beside it; programs pass on what they know.
    made.model.refuse = Refusal(
        429,
        f"You have hit your usage limit, try again at {ends:%Y-%m-%dT%H:%M:%SZ}.",
        "usage_limit_reached",
        fields=(("plan_type", "plus"), ("resets_at", int(ends.timestamp()))),
    )
    done = made.run("engine", "once", timeout_s=240)
    assert done.returncode == 1
    failed = only(made, "brain.failed").payload
    if program.name in SILENT:
        assert failed["failure"] == "timeout"
        return
    assert failed["failure"] == "quota", failed
    until = datetime.fromisoformat(str(failed["until"]))
    assert ends - timedelta(minutes=1) < until <= ends, (failed, ends)
    assert f"it is asked again from {failed['until']} on" in done.stderr
    before = len(made.model.requests())
    assert made.run("engine", "once").returncode == 1
    assert len(made.model.requests()) == before  # waiting calls nothing


def test_a_brain_that_says_nothing_is_ended_with_all_that_it_started(boot: Boot, program: Program) -> None:
    made = boot(program)
    made.model.mute = True
    done = made.run("engine", "once", timeout_s=240)
    assert (done.returncode, only(made, "brain.failed").payload["failure"]) == (1, "timeout"), done.stderr
    assert made.model.requests(), "it asked"
    assert not [process for process in psutil.process_iter() if _belongs(process, made, program)]


def _belongs(process: psutil.Process, made: Site, program: Program) -> bool:
    """It runs the program for this session; those of the lane do not."""
    with suppress(psutil.Error):
        return process.environ().get("HOME") == str(made.home) and program.name in " ".join(process.cmdline())
    return False
