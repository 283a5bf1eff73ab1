"""The family of actions: every kind reads its own example, and what is wrong is named."""

from __future__ import annotations

import json

import pytest

from loop_orchestrator.actions.registry import KINDS, ActionCodec, contract_schema, help_text, read_action
from loop_orchestrator.errors import LoopError


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_reads_its_own_example_and_survives_the_store(kind: str) -> None:
    action, problems = read_action({**KINDS[kind].example, "kind": kind})
    assert problems == ()
    assert action is not None
    stored = json.loads(json.dumps(ActionCodec().to_fields(action)))
    assert ActionCodec().from_fields(kind, stored) == action


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "kind is missing"),
        ({"kind": "dispach"}, "did you mean 'dispatch'"),
        (
            {"kind": "steer", "lane": "web", "payload": "x", "rationale": "y", "interupt": True},
            "did you mean 'interrupt'",
        ),
        ({"kind": "dispatch", "payload": "x", "rationale": "y"}, "lane is missing"),
        (
            {"kind": "dispatch", "lane": "web; rm", "payload": "x", "rationale": "y"},
            "lane: expected the name of a lane",
        ),
        ({"kind": "dispatch", "lane": "web\n", "payload": "x", "rationale": "y"}, "lane: expected the name of a lane"),
        ({"kind": "dispatch", "lane": "web", "payload": "x\x1b[201~", "rationale": "y"}, "control character U+001B"),
        ({"kind": "dispatch", "lane": "web", "payload": "x\x9b201~", "rationale": "y"}, "control character U+009B"),
        ({"kind": "dispatch", "lane": "web", "payload": "x" * 16_385, "rationale": "y"}, "at most 16384 characters"),
        ({"kind": "dispatch", "lane": "web", "payload": " \n ", "rationale": "y"}, "expected text, got nothing"),
        ({"kind": "dispatch", "lane": "web", "payload": "x", "rationale": "y", "wait_ready": "yes"}, "true or false"),
        ({"kind": "dispatch", "lane": "web", "payload": "x", "rationale": "y", "mode": "raw"}, "text or command"),
        (
            {"kind": "add_lane", "window": "w", "brief": "b", "model": "-x", "rationale": "y"},
            "model: expected a model id",
        ),
        (
            {"kind": "add_lane", "window": "w", "brief": "b", "model": "m\n", "rationale": "y"},
            "model: expected a model id",
        ),
        (
            {"kind": "add_lane", "window": "w", "brief": "b", "role": "a\x1fb", "rationale": "y"},
            "role: expected a role",
        ),
        (
            {"kind": "add_lane", "window": "w", "brief": "b", "cmd": "a\nb", "rationale": "y"},
            "cmd: expected a single line",
        ),
        ({"kind": "escalate", "rationale": "y"}, "summary is missing"),
        *(
            (
                {"kind": "steer", "lane": "w", "payload": "b", "rationale": "y", "reply_timeout_s": wrong},
                f"reply_timeout_s: expected whole seconds, 1 to 604800, got {said}",
            )
            for wrong, said in [(0, "0"), (604_801, "604801"), (-5, "-5"), (1.5, "1.5"), ("60", "'60'"), (True, "true")]
        ),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, object], problem: str) -> None:
    action, problems = read_action(values)  # type: ignore[arg-type]
    assert action is None
    assert problem in "; ".join(problems)


def test_the_help_names_every_field_of_every_kind_that_is_offered_and_the_schema_of_all() -> None:
    text, schema = help_text(), json.dumps(contract_schema())
    assert not all(kind.offered for kind in KINDS.values())
    for kind in KINDS.values():
        assert (f"`{kind.kind}`" in text) is kind.offered
        assert f'"{kind.kind}"' in schema
        for name in kind.example:
            assert f"`{name}`" in text or not kind.offered
            assert f'"{name}"' in schema


def test_a_kind_that_is_not_offered_is_read_and_never_begun() -> None:
    for kind in (kind for kind in KINDS.values() if not kind.offered):
        action, _ = read_action({**kind.example, "kind": kind.kind})
        assert action is not None
        with pytest.raises(LoopError, match=f"nothing here carries out a {kind.kind} yet"):
            action.perform(None)  # type: ignore[arg-type]  # it needs no hands to refuse
    _, problems = read_action({"kind": "buil", "rationale": "r"})
    assert "build" not in str(problems)
