"""A config that changed under a running engine is shown to a person once, and taken over by nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from loop_orchestrator.actions.escalate import Escalate
from loop_orchestrator.actions.registry import read_action
from loop_orchestrator.model.decision import ApprovalMode, ItemStatus
from loop_orchestrator.operations.changed_config import SHOWN, ConfigWatch
from loop_orchestrator.wiring import Project
from tests.support.projects import PLAIN, project_at


@pytest.fixture
def shop(project: Path) -> Project:
    (project / "signers").write_text("ann ssh-ed25519 AAAA\n")
    return project_at(project, config=PLAIN + "  signers: signers\n")


@pytest.fixture
def watch(shop: Project) -> ConfigWatch:
    assert shop.world.config.engine is not None
    return ConfigWatch(shop.door, shop.door_now)


def shown(shop: Project) -> list[str]:
    """What waits for a person, oldest first."""
    found = []
    for decision in shop.decisions.open_decisions():
        (item,) = decision.items
        assert isinstance(item.action, Escalate)
        assert item.status is ItemStatus.WAITING
        found.append(item.action.summary)
    return found


def config(shop: Project, text: str) -> None:
    (shop.root / "lane-config.yaml").write_text(text)


CHANGES: Mapping[str, tuple[Callable[[Project], object], str]] = {
    # how the files change, and what a person is shown
    "the approval mode": (lambda shop: config(shop, PLAIN.replace("manual", "full")), "+  approval: full"),
    "the signers": (lambda shop: (shop.root / "signers").write_text("eve ssh-ed25519 BBBB\n"), "+signers: "),
    "no signers": (lambda shop: config(shop, PLAIN), "-  signers: signers"),
    "a brain": (
        lambda shop: config(shop, PLAIN + "  brain: {use: command, command: [evil]}\n"),
        "+  use: command",
    ),
    "a policy": (lambda shop: config(shop, PLAIN + "  policy: {allow: [claude]}\n"), '+    allow: ["claude"]'),
    "a pattern": (lambda shop: config(shop, PLAIN + "  destructive: {payload_patterns: []}\n"), "payload_patterns: []"),
    "a lane's command": (lambda shop: config(shop, PLAIN.replace("sleep 1000", "evil")), "+    cmd: evil"),
    "a lane's role": (lambda shop: config(shop, PLAIN.replace("implementation", "ops")), "+    role: ops"),
    "trust": (lambda shop: config(shop, PLAIN + "  trust: [guest]\n"), "+    - guest"),
    "a folder in the place of a file": (
        lambda shop: (shop.layout.harness_dir / "mine.yaml").mkdir(parents=True),
        "they cannot be read",
    ),
    "no file that can be read": (lambda shop: config(shop, "engine: {approval: always}\n"), "they cannot be read"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_shown_once_and_taken_over_by_nobody(shop: Project, watch: ConfigWatch, change: str) -> None:
    edit, says = CHANGES[change]
    watch.look(shop.world)
    assert shown(shop) == []
    signers = shop.world.signers
    edit(shop)
    watch.look(shop.world)
    watch.look(shop.world)
    (summary,) = shown(shop)
    assert says in summary
    assert "loop trust" in summary
    engine = shop.world.config.engine
    assert engine is not None and engine.approval is ApprovalMode.MANUAL
    assert shop.world.signers == signers


def test_harness_data_of_the_project_is_a_change_too(shop: Project, watch: ConfigWatch) -> None:
    folder = shop.layout.harness_dir
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("name: mine\ntitle: Mine\nkind: agent\nlaunch: [mine]\n")
    watch.look(shop.world)
    (summary,) = shown(shop)
    assert "+harnesses/mine.yaml" in summary


def test_a_second_change_is_shown_too_and_one_that_is_taken_back_is_forgotten(
    shop: Project, watch: ConfigWatch
) -> None:
    before = (shop.root / "lane-config.yaml").read_text()
    for text, count in ((before.replace("manual", "full"), 1), (before.replace("manual", "auto"), 2), (before, 2)):
        config(shop, text)
        watch.look(shop.world)
        assert len(shown(shop)) == count
    config(shop, before.replace("manual", "full"))
    watch.look(shop.world)
    assert len(shown(shop)) == 3, "it is a new change"


def test_a_secret_in_the_environment_of_a_lane_is_not_shown(shop: Project, watch: ConfigWatch) -> None:
    secret = "env: {TOKEN: hunter2}, harness: shell, role: implementation"
    config(shop, PLAIN.replace("harness: shell, role: implementation", secret))
    watch.look(shop.world)
    (summary,) = shown(shop)
    assert "TOKEN (sha256 " in summary
    assert "hunter2" not in summary


def test_no_brain_can_say_that_a_person_was_told(shop: Project, watch: ConfigWatch) -> None:
    config(shop, PLAIN)
    watch.look(shop.world)
    (key,) = shop.world.escalations.items()
    action, problems = read_action({"kind": "escalate", "summary": "s", "about": key, "rationale": "r"})
    assert (action, "about" in str(problems)) == (None, True)


def test_what_only_places_things_is_no_change(shop: Project, watch: ConfigWatch) -> None:
    config(shop, (shop.root / "lane-config.yaml").read_text() + "tmux: {width: 120}\n# a remark\n")
    watch.look(shop.world)
    assert shown(shop) == []


def test_a_long_difference_is_cut(shop: Project, watch: ConfigWatch) -> None:
    config(
        shop,
        PLAIN + "".join(f"  # {n}\n" for n in range(9)) + f"  trust: [{', '.join(f'n{n}' for n in range(5000))}]\n",
    )
    watch.look(shop.world)
    (summary,) = shown(shop)
    assert "[cut; read the files]" in summary
    assert len(summary) < SHOWN + 1000
