"""Reading replies: exactly one whole block, strictly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.actions.registry import KINDS, ActionCodec
from loop_orchestrator.engine.approval import digest_of
from loop_orchestrator.engine.gate import judge
from loop_orchestrator.engine.reply import PROBLEM_LIMIT, ReplyProblem, read_reply
from tests.engine.attacks import reply
from tests.engine.innocent import ODD_BUT_FINE
from tests.engine.test_attacks import FACTS

GOOD = "version: 1\ncritique: fine\nactions:\n- {kind: stop, rationale: done}\n"


def block(body: str = GOOD, fence: str = "```") -> str:
    return f"Thoughts first.\n\n{fence}decision\n{body}{fence}\n"


def test_one_block_is_read() -> None:
    proposal = read_reply(block())
    assert proposal.critique == "fine"
    assert [action.kind for action in proposal.actions] == ["stop"]


def test_windows_line_ends_and_a_longer_fence_are_fine() -> None:
    assert read_reply(block().replace("\n", "\r\n")).critique == "fine"
    assert read_reply(block(fence="~~~~~")).critique == "fine"


def test_a_fence_inside_a_payload_does_not_end_a_longer_block() -> None:
    body = (
        "version: 1\ncritique: c\nactions:\n- kind: dispatch\n  lane: web\n  rationale: r\n"
        "  payload: |\n    run this:\n    ```sh\n    make\n    ```\n    and tell me\n"
    )
    (action,) = read_reply(block(body, fence="````")).actions
    assert "```sh\nmake\n```\nand tell me" in action.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no fenced block"),
        ("```yaml\nversion: 1\n```", "no fenced block"),
        (block() + block(), "2 blocks"),
        ("```decision\n" + GOOD, "not closed"),
        (block("- 1\n"), "must be a YAML mapping"),
        (block(""), "must be a YAML mapping"),
        (block("version: 2\ncritique: c\nactions: []\n"), "version must be 1"),
        (block("version: true\ncritique: c\nactions: []\n"), "version must be 1"),
        (block("version: 1\nactions: []\n"), "critique"),
        (block("version: 1\ncritique: c\nactions: {}\n"), "actions must be a list"),
        (block("version: 1\ncritique: c\nactions: []\nextra: 1\n"), "unknown key 'extra'"),
        (block("version: 1\nversion: 1\ncritique: c\nactions: []\n"), "version"),
        (block("version: 1\ncritique: &a c\nactions: []\n"), "anchor"),
        (block("version: 1\ncritique: c\nactions: [1]\n"), "action 0: expected a mapping"),
        (block("version: 1\ncritique: c\nactions: [{kind: fly, rationale: r}]\n"), "action 0: unknown kind 'fly'"),
        (block("version: 1\ncritique: c\nactions:\n" + "- {kind: stop, rationale: r}\n" * 9), "9 actions; at most 8"),
        (block("version: 1\ncritique: !!python/object:os.system x\nactions: []\n"), "tag"),
        (block('version: 1\ncritique: "a\\x1bb"\nactions: []\n'), "control character"),
        (block("a: [" * 2000 + "\n"), "line"),
    ],
)
def test_a_reply_that_breaks_the_contract_says_how(text: str, problem: str) -> None:
    with pytest.raises(ReplyProblem, match=problem.replace("[", r"\[")):
        read_reply(text)


@given(st.text(max_size=300))
def test_any_text_is_either_read_or_a_problem(text: str) -> None:
    for said in (text, block(text + "\n")):
        is_read_or_a_problem(said)


EXAMPLES = [reply({**kind.example, "kind": name}) for name, kind in KINDS.items()]
NASTY = (
    *("```", "````", "~~~", "decision", "\ufeff", "\0", "\x1b", "\r", "\u2028", "\u202e", "\ud800"),
    *("&a ", "*a", "!!str ", "<<: ", "? ", "- ", ": ", "\t", "[", "{", "|", ">", "'", '"', "#", "%", "@"),
    *("---\n", "...\n", "1e999", "null"),
)


@st.composite
def a_damaged_reply(draw: st.DrawFn) -> str:
    """A valid reply after a few accidents: bytes flipped, fences cut, lines doubled, lost, or put elsewhere."""
    text = draw(st.sampled_from([*EXAMPLES, *ODD_BUT_FINE.values(), block()]))
    for _ in range(draw(st.integers(1, 4))):
        text = text or "`"
        at = draw(st.integers(0, max(0, len(text) - 1)))
        match draw(st.sampled_from(["flip", "cut", "double", "lose", "move", "put"])):
            case "flip":
                data = bytearray(text.encode("utf-8", "surrogatepass"))
                data[at] ^= 1 << draw(st.integers(0, 7))
                text = data.decode("utf-8", "replace")
            case "cut":
                text = text[:at]
            case "put":
                text = text[:at] + draw(st.sampled_from(NASTY)) + text[at:]
            case how:
                lines = text.split("\n")
                line = lines[at % len(lines)]
                if how != "double":
                    lines.remove(line)
                if how != "lose":
                    lines.insert(draw(st.integers(0, len(lines))), line)
                text = "\n".join(lines)
    return text


@given(a_damaged_reply())
def test_a_damaged_reply_is_either_read_or_a_problem(text: str) -> None:
    is_read_or_a_problem(text)


def is_read_or_a_problem(text: str) -> None:
    """What is read survives the store and can be judged, signed for and shown; the rest says what is wrong with it."""
    try:
        proposal = read_reply(text)
    except ReplyProblem as problem:
        assert str(problem).strip()
        return
    for action in proposal.actions:
        stored = json.dumps(ActionCodec().to_fields(action), ensure_ascii=False).encode("utf-8")
        assert ActionCodec().from_fields(action.kind, json.loads(stored)) == action
    assert digest_of("d-1", "s", proposal.actions)
    assert len(judge(proposal.actions, FACTS)) == len(proposal.actions)


@pytest.mark.parametrize("before", ["\ufeff", "a\u2028b\x0cc\x85d\n\n", "a\rb\r\nc\n\n"])
def test_what_stands_before_the_block_does_not_hide_its_end(before: str) -> None:
    text = "```decision\n" + GOOD + "```\n"
    assert read_reply(before + text).critique == "fine"
    with pytest.raises(ReplyProblem, match="not closed"):
        read_reply(before + text.removesuffix("```\n"))


def test_the_prose_around_the_block_is_not_read_for_emphasis_and_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("markdown_it.parser_inline.ParserInline.parse", lambda *_: pytest.fail("it was read"))
    assert read_reply("[*a **b `` c\n\n" + block()).critique == "fine"


def test_a_problem_that_is_quoted_back_stays_short() -> None:
    keys = "".join(f"key{number}: 1\n" for number in range(5000))
    with pytest.raises(ReplyProblem) as problem:
        read_reply(block(GOOD + keys))
    assert "unknown key 'key0'" in str(problem.value)
    assert len(str(problem.value)) <= PROBLEM_LIMIT


def test_a_reply_that_no_reader_could_mean_is_not_taken_apart() -> None:
    with pytest.raises(ReplyProblem, match="at most 1000000 are read"):
        read_reply("word *x*\n" * 200_000 + block())
