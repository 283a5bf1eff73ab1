"""No secret passes, whole or in pieces; what is none stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.config.schema import BrainConfig, Config, EngineConfig, LaneConfig
from loop_orchestrator.operations.secrets import secret_names
from loop_orchestrator.redaction import STREAM_BYTES, TOKEN_BYTES, Redactor, known_values
from tests.support.packaged import packaged_harnesses

GITHUB = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
ANTHROPIC = "sk-ant-api03-" + "x1Y2w3V4-u5T6_s7R8q9" * 4 + "p0O1n2M3l4K5jAA"
KNOWN = {"MY_SERVICE_KEY": "correct horse battery", "QUOTED": 'with "quotes"\nand a line'}
REDACTOR = Redactor(KNOWN)


@pytest.mark.parametrize(
    "secret",
    [
        GITHUB,
        ANTHROPIC,
        "AKIAZ7Q3XJ4W5N6M7P8R",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA1a2b3c4d\nabcd1234\n-----END RSA PRIVATE KEY-----",
        *KNOWN.values(),
        r"with \"quotes\"\nand a line",
    ],
)
def test_secrets_are_replaced_by_what_they_were(secret: str) -> None:
    said = REDACTOR.text(f"use {secret} for it")
    assert secret not in said
    assert said.startswith("use [redacted: ")
    assert said.endswith("] for it")


@pytest.mark.parametrize(
    "text",
    [
        "c-20261130T102030123-4f2a9c and e-20261130T102030123-00001f",
        "digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, commit 3f2a9c1e5b7d9f0a1c3e5f7a",
        "input_tokens: 4000, key: value, the password form; an API key is missing",
        "",
    ],
)
def test_what_events_are_full_of_is_no_secret(text: str) -> None:
    assert REDACTOR.text(text) == text


def test_a_text_with_half_a_surrogate_pair_is_searched_all_the_same() -> None:
    assert "ghp_" not in REDACTOR.text(f"\ud800 {GITHUB}")


def test_values_are_searched_and_keys_stay() -> None:
    assert REDACTOR.value({"note": [f"{GITHUB}"], "n": 1, "x": None}) == {
        "note": ["[redacted: github token]"],
        "n": 1,
        "x": None,
    }


@given(cuts=st.lists(st.integers(1, 40), max_size=60))
def test_a_stream_in_any_pieces_says_what_the_whole_text_says(cuts: list[int]) -> None:
    text = f"begin ü {GITHUB} then correct horse battery, and\n" * 2 + f"key {ANTHROPIC}\nthe end"
    data, stream, said, place = text.encode(), REDACTOR.stream(), b"", 0
    for cut in cuts:
        said += stream.add(data[place : place + cut])
        assert b"horse" not in said and b"ghp_" not in said
        place += cut
    said += stream.add(data[place:]) + stream.end()
    assert said.decode() == REDACTOR.text(text)


def test_a_stream_passes_on_what_cannot_be_the_beginning_of_a_secret() -> None:
    stream = Redactor({}).stream()
    assert stream.add(b"one line\n") == b"one line\n"


def test_a_stream_that_cannot_be_searched_ends_with_a_word_about_it() -> None:
    stream = REDACTOR.stream()
    said = stream.add(b"x" * (TOKEN_BYTES + 5_000)) + stream.add(GITHUB.encode()) + stream.end()
    assert b"the rest is left out here" in said
    assert b"ghp_" not in said


def test_a_stream_without_end_is_cut_and_what_came_before_is_passed_on_whole() -> None:
    stream = REDACTOR.stream()
    data = b"a line of prose that is no secret at all\n" * 1_000
    said, count = b"", 0
    while count <= STREAM_BYTES + 3 * len(data):
        said += stream.add(data)
        count += len(data)
    said += stream.end()
    whole, _, rest = said.partition(b"\n[the rest is left out here")
    assert len(whole) == STREAM_BYTES
    assert rest.count(b"\n") == 1


def test_a_short_value_is_no_secret() -> None:
    assert known_values(["A", "B", "C"], {"A": "main", "B": "longer than that"}) == {"B": "longer than that"}


def test_the_names_are_those_of_the_config_and_of_the_harnesses_in_use() -> None:
    config = Config(
        lanes=(LaneConfig(name="web", harness="codex"),),
        engine=EngineConfig(brain=BrainConfig(use="claude", env=("SERVICE_TOKEN",))),
    )
    names = secret_names(config, packaged_harnesses())
    assert {"SERVICE_TOKEN", "OPENAI_API_KEY"} <= set(names)
    assert "OPENAI_API_KEY" not in secret_names(Config(), packaged_harnesses())
