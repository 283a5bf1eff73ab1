"""`loop notify list|test` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Loop, loop_outside
from tests.support.projects import PLAIN

NOTIFY = """\
notify:
  services:
    own: {command: [./tell], kinds: [decision]}
    hook: {url_env: HOOK_URL}
"""


@pytest.fixture
def told(shop: Path) -> Path:
    """The file that ./tell writes; the config names it and a service whose variable is not set, and is accepted."""
    (shop / "lane-config.yaml").write_text(PLAIN + NOTIFY)
    (shop / "tell").write_text("#!/bin/sh\ncat > told\n")
    (shop / "tell").chmod(0o755)
    return shop / "told"


def test_a_test_goes_to_each_service_and_says_what_became_of_it(loop: Loop, told: Path) -> None:
    assert loop("trust", "--accept").code == 0
    ran = loop("notify", "test")
    assert (ran.code, ran.out.splitlines()) == (
        1,
        ["own: sent", "hook: not sent: the variable HOOK_URL is not set here"],
    )
    document = json.loads(told.read_text())
    assert (document["contract_version"], document["session"], document["count"]) == (1, "shop", 1)
    assert [one["kind"] for one in document["notices"]] == ["test"]
    only = loop("notify", "test", "--to", "own", "--json")
    assert (only.code, only.document["services"]) == (0, [{"service": "own", "sent": True, "reason": None}])


def test_a_misspelt_service_is_wrong_usage_with_what_was_meant(loop: Loop, told: Path) -> None:
    wrong = loop("notify", "test", "--to", "hok")
    assert wrong.code == 2 and "did you mean hook?" in wrong.err


def test_nothing_runs_that_was_not_accepted_and_nothing_for_an_agent(loop: Loop, told: Path) -> None:
    refused = loop("notify", "test")
    assert refused.code == 1 and "notices run: ./tell (own)" in refused.err
    loop("trust", "--accept")
    by_agent = loop_outside("notify", "test", env={"LOOP_LANE": "docs"})
    assert by_agent.code == 1 and "an agent may not tell people" in by_agent.err
    assert not told.exists()


def test_the_services_are_listed_with_what_they_tell_and_what_is_missing(loop: Loop, told: Path) -> None:
    listed = loop("notify")
    assert listed.code == 0
    rows = [line.split() for line in listed.out.splitlines()[1:]]
    assert rows[0] == ["own", "runs", "./tell", "decision", "0", "nothing", "sent", "yet"]
    assert "HOOK_URL is not set here" in listed.out
    services = loop("notify", "list", "--json").document["services"]
    assert isinstance(services, list)
    assert [one["missing"] for one in services if isinstance(one, dict)] == [
        None,
        "the variable HOOK_URL is not set here",
    ]


def test_without_services_it_says_so(loop: Loop, shop: Path) -> None:
    assert "nobody is told" in loop("notify").out
    loop("trust", "--accept")
    failed = loop("notify", "test")
    assert failed.code == 1 and "names no service" in failed.err
