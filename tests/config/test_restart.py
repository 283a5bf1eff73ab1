"""When the config wants a lane started again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loop_orchestrator.config.load import load
from loop_orchestrator.errors import ConfigError
from loop_orchestrator.model.lane import LaneKind
from loop_orchestrator.model.restart import RestartPolicy
from tests.support.builders import a_lane

CONFIG = "lanes:\n  web: {harness: shell, restart: always}\n  docs: {harness: shell}\nrestart: {waits_s: [1, 2]}\n"


def test_a_standing_lane_comes_back_and_a_worker_does_not_unless_the_lane_says_so(project: Path) -> None:
    (project / "lane-config.yaml").write_text(CONFIG)
    config = load(project).config
    assert (config.restart.waits_s, config.restart.settle_s) == ((1.0, 2.0), 300.0)

    def policy(name: str, kind: LaneKind) -> RestartPolicy:
        return config.restart_policy(a_lane(name, kind=kind).record)

    assert policy("web", LaneKind.WORKER) is RestartPolicy.ALWAYS
    assert policy("docs", LaneKind.STANDING) is RestartPolicy.ON_FAILURE
    assert policy("docs", LaneKind.WORKER) is RestartPolicy.NEVER
    assert policy("added-by-hand", LaneKind.STANDING) is RestartPolicy.ON_FAILURE
    never = replace(config, lanes=(replace(config.lanes[1], restart=RestartPolicy.NEVER),))
    assert never.restart_policy(a_lane("docs").record) is RestartPolicy.NEVER


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("restart: {waits_s: [5, 1]}\n", ":1: restart: waits_s must not become shorter"),
        ("restart: {waits_s: []}\n", ":1: restart: waits_s needs 1 to 20 waits"),
        ("restart: {waits_s: [x]}\n", "restart.waits_s[0]: expected a number of seconds"),
        ("restart: {wait_s: [1]}\n", "no such key; did you mean waits_s?"),
        ("lanes: {web: {harness: shell, restart: on-fail}}\n", "did you mean on-failure?"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_key(project: Path, text: str, said: str) -> None:
    (project / "lane-config.yaml").write_text(text)
    with pytest.raises(ConfigError) as wrong:
        load(project)
    assert said in wrong.value.message
