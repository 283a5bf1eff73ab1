"""YAML text: what is read, what is refused and where, and that everything written is read back."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.yamltext import (
    MAX_DEPTH,
    Mapping,
    Mark,
    Scalar,
    Sequence,
    YamlProblem,
    dump,
    from_plain,
    parse,
    to_plain,
)

NAMES = st.text() | st.sampled_from(
    ["null", "true", "no", "1", "a: b", "- a", "#", "? x", "-", "0x1", "<<", "é\n", "k" * 1200]
)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | NAMES
    | st.text(alphabet="ab \n\t#:-|>'\"\\\r\u2028\x85\ufeff\x00"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def shape_of(value: JsonValue) -> object:
    """The value with its types, so that 1, 1.0 and True differ."""
    if isinstance(value, list):
        return [shape_of(item) for item in value]
    if isinstance(value, dict):
        return [(key, shape_of(item)) for key, item in value.items()]
    return type(value), value


@given(VALUES)
@example("a\n")
@example(" a\nb")
@example("\ta\nb")
@example("\n a\n")
@example({"a": {"b": "x\n\n  y\n\n\n"}, "c": ["p\nq", []]})
@example({"a": [[1, {"b": {}}], "x\n"]})
def test_everything_written_is_read_back_with_types_and_order(value: JsonValue) -> None:
    assert shape_of(to_plain(parse(dump(value), strict=True))) == shape_of(value)


@given(st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`?, \n\t"))
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    try:
        parse(text)
    except YamlProblem as problem:
        assert 1 <= problem.line <= len(text.splitlines()) + 1
        assert problem.column >= 1
        assert problem.message


def test_what_is_written_is_block_style_with_literal_text() -> None:
    value: JsonValue = {
        "name": "web lane",
        "no": "no",
        "zip": "0012",
        "count": "12",
        "none": None,
        "empty": [],
        "text": "first\n  second\n",
        "list": ["a", {"b": 1, "c": True}],
    }
    assert dump(value) == (
        'name: web lane\nno: no\nzip: "0012"\ncount: "12"\nnone: null\nempty: []\n'
        "text: |\n  first\n    second\nlist:\n  - a\n  - b: 1\n    c: true\n"
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"\udfff": 1}, "a\n\ud800"])
def test_what_no_file_can_hold_is_not_written(value: JsonValue) -> None:
    with pytest.raises(ValueError):
        dump(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("NO", "NO"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ("0012", "0012"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-11-21", "2026-11-21"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("'12'", "12"),
        ('"true"', "true"),
    ],
)
def test_a_plain_scalar_is_a_number_or_a_boolean_only_if_it_looks_like_one_everywhere(
    text: str, value: JsonValue
) -> None:
    read = to_plain(parse(f"k: {text}"))
    assert shape_of(read) == shape_of({"k": value})
    assert not isinstance(read, datetime.date)


def test_every_node_and_key_knows_its_line_and_column() -> None:
    tree = parse("# comment\nlanes:\n  web: {harness: pi}\n  list:\n    - 1\n", file="f.yaml")
    assert isinstance(tree, Mapping)
    name, mark, lanes = tree.entries[0]
    assert (name, mark) == ("lanes", Mark(2, 1, "f.yaml"))
    assert isinstance(lanes, Mapping)
    web, numbers = lanes.get("web"), lanes.get("list")
    assert isinstance(web, Mapping)
    assert web.get("harness") == Scalar("pi", Mark(3, 18, "f.yaml"), style_plain=True)
    assert isinstance(numbers, Sequence)
    assert numbers.items[0].mark == Mark(5, 7, "f.yaml")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "\ufeff", "null\n"])
def test_an_empty_document_is_none(text: str) -> None:
    assert parse(text) is None


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    assert to_plain(parse("\ufeffa: 1\r\nb: x\r\n")) == {"a": 1, "b": "x"}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands here again, first on line 1"),
        ("x:\n  - {a: 1, a: 2}\n", 2, "'a' stands here again"),
        ("1: x\n", 1, "the key 1 is no text"),
        ("true: x\n", 1, "the key true is no text"),
        ("~: x\n", 1, "the key null is no text"),
        ("[a]: x\n", 1, "a key must be plain text"),
        ("a: &k b\n*k : x\n", 2, "a key must be plain text"),
        ("a: !!python/object/apply:os.system [true]\n", 1, "the tag tag:yaml.org,2002:python"),
        ("a: !!str 5\n", 1, "the tag"),
        ("a: !mine {}\n", 1, "the tag !mine"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("a: 1\nb: x\x1b[0m\n", 2, "control character U+001B"),
        ("a: 1\nb: \x00\n", 2, "control character U+0000"),
        ("a: 1\n\tb: 2\n", 2, "found a tab character"),
        ("a: [1\nb: 2\n", 2, "did not find expected"),
        ("a: 'x\n", 2, "unexpected end of stream"),
        ("a: *nowhere\n", 1, "no finished anchor"),
        ("a: &x [*x]\n", 1, "no finished anchor"),
        ("a: " + "9" * 5000, 1, "too many digits"),
        ("[" * (MAX_DEPTH + 1), 1, "nested more than"),
        ("- " * (MAX_DEPTH + 1) + "a", 1, "nested more than"),
    ],
)
def test_what_is_not_read_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(YamlProblem) as caught:
        parse(text)
    assert says in caught.value.message
    assert caught.value.line == line


def test_aliases_stand_for_their_value() -> None:
    assert to_plain(parse("a: &x [1, 2]\nb: *x\n")) == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize("text", ["a: &x 1\n", "a: &x 1\nb: *x\n"])
def test_strict_refuses_anchors_and_aliases(text: str) -> None:
    with pytest.raises(YamlProblem, match="not allowed here"):
        parse(text, strict=True)


def test_a_yaml_bomb_is_refused_and_not_expanded() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
    )
    with pytest.raises(YamlProblem, match="aliases expand to more than"):
        parse(bomb)


def test_values_from_elsewhere_become_a_tree_at_one_place() -> None:
    value: JsonValue = {"a": [1, {"b": None}], "c": "x"}
    tree = from_plain(value, Mark(7, 1, "cache"))
    assert to_plain(tree) == value
    assert isinstance(tree, Mapping)
    assert {mark for _, mark, _ in tree.entries} == {Mark(7, 1, "cache")}
