"""How long a prompt may be for which brain, and when it is told that one is long, cut, or without its checkpoint."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loop_orchestrator.engine.asking import ceiling_for, prompt_for
from loop_orchestrator.engine.brain import make_brain
from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.engine.observe import observe
from loop_orchestrator.model.decision import ApprovalMode
from loop_orchestrator.model.harness import PromptBy
from loop_orchestrator.model.wiki import MARKER
from loop_orchestrator.process.oneshot import MAX_ARGUMENT_BYTES
from loop_orchestrator.world import World
from tests.support.projects import project_at

REPLY = "```decision\\nversion: 1\\ncritique: x\\nactions: []\\n```\\n"


def world_at(project: Path, *words: str, more: str = "") -> World:
    command = ", ".join(map(repr, words))
    config = f"engine: {{brain: {{use: command, command: [{command}], max_calls_per_hour: 60}}{more}}}\n"
    return project_at(project, config=config).world


def page(project: Path, *, above: int = 10, decisions: int = 0) -> None:
    """Write a checkpoint of so many kB."""
    entries = "".join(f"### decision {n}\n\n{'d' * 980}\n\n" for n in range(decisions))
    (project / "ops-wiki").mkdir(exist_ok=True)
    (project / "ops-wiki/checkpoint.md").write_text(f"# C\n\n{'c' * 1_000 * above}\n\n{MARKER}\n\n{entries}")


def told(world: World) -> list[str]:
    return [event.kind for event in world.events.since(0) if event.kind.startswith("prompt.")]


def test_a_change_of_how_it_fits_is_told_once(project: Path) -> None:
    world = world_at(project, sys.executable, "-c", f"import sys; sys.stdin.read(); print('{REPLY}')")
    expected: list[str] = []
    for above, decisions, said in (
        (10, 0, []),
        (10, 100, ["prompt.long"]),
        (20, 100, []),
        (10, 200, ["prompt.cut"]),
        (120, 200, ["prompt.overflow"]),
        (10, 300, ["prompt.cut"]),
        (10, 0, []),
        (10, 100, ["prompt.long"]),
    ):
        page(project, above=above, decisions=decisions)
        for _ in range(2):
            run_cycle(world, ("test",))
        expected += said
        assert told(world) == expected, (above, decisions)
    cut = next(event for event in world.events.since(0) if event.kind == "prompt.cut")
    assert cut.payload["token_ceiling"] == 48_000 and cut.payload["brain"] == "command"
    assert "older entries are left out" in str(cut.payload["cut"])


def test_the_config_sets_the_ceiling_and_the_brain_gets_no_more(project: Path, tmp_path: Path) -> None:
    code = (
        f"import sys, pathlib; pathlib.Path({str(tmp_path / 'got')!r}).write_text(sys.stdin.read()); print('{REPLY}')"
    )
    world = world_at(project, sys.executable, "-c", code, more=", prompt_token_ceiling: 8000")
    page(project, decisions=200)
    run_cycle(world, ("test",))
    got = (tmp_path / "got").read_text()
    assert 30_000 < len(got) <= 32_000
    assert "### decision 199" in got and "### decision 0\n" not in got
    (kept,) = world.layout.brain.glob("*.first.prompt.md")
    assert kept.read_text() == got


@pytest.mark.parametrize("around", ["{prompt}", "--prompt={prompt}"])
def test_a_program_that_takes_its_prompt_as_an_argument_gets_one_that_fits(project: Path, around: str) -> None:
    code = f"import sys; assert 100_000 < len(sys.argv[1]), len(sys.argv[1]); print('{REPLY}')"
    world = world_at(project, sys.executable, "-c", code, around)
    page(project, decisions=300)
    result = run_cycle(world, ("test",))
    assert (result.outcome, result.problem) == ("done", "")
    assert ceiling_for(world, world.brains[0]) < MAX_ARGUMENT_BYTES // 4 - 2_000  # a correction fits, too


def test_only_programs_that_take_an_argument_have_a_lower_ceiling(project: Path) -> None:
    world = world_at(project, sys.executable)
    assert world.config.engine is not None
    for spec in world.harnesses.values():
        if spec.oneshot is not None:
            brain = make_brain(spec.name, world.config.engine.brain, world.harnesses, project)
            by_argument = spec.oneshot.prompt is PromptBy.ARGUMENT
            assert (ceiling_for(world, brain) < 48_000) is by_argument, spec.name


def test_looking_at_the_prompt_tells_nothing(project: Path) -> None:
    world = world_at(project, sys.executable)
    page(project, decisions=300)
    snapshot = observe(world, cycle="c", why=(), mode=ApprovalMode.MANUAL, record=False)
    assert prompt_for(world, snapshot, world.brains[0]).cuts
    assert told(world) == []
