"""`key=text` and its relatives: what they change, what they refuse, and what they say then."""

from __future__ import annotations

import pytest

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.state import LOOP_STATUSES, JsonValue
from loop_orchestrator.operations.settings import LOOP_KEYS, TOP_KEYS, changed, parse_settings

Values = dict[str, JsonValue]


def loop(values: Values, *words: str, unset: tuple[str, ...] = ()) -> Values:
    return changed(values, parse_settings(words), unset, LOOP_KEYS)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("name=A name", {"name": "A name"}),
        ("name=a=b:c", {"name": "a=b:c"}),
        ("name=", {"name": ""}),
        ("mine:=5", {"mine": 5}),
        ("mine:=null", {"mine": None}),
        ('mine:={"a": [1, "=", {}]}', {"mine": {"a": [1, "=", {}]}}),
        ("mine=5", {"mine": "5"}),
        ("commits+=abc", {"commits": ["abc"]}),
        ("mine+:=[1]", {"mine": [[1]]}),
        ("artifacts.spec=a.md", {"artifacts": {"spec": "a.md"}}),
        ('status:="half done"', {"status": "half done"}),
        ("reconciliation_stance=out-of-scope", {"reconciliation_stance": "out-of-scope"}),
        *((f"status={word}", {"status": word}) for word in LOOP_STATUSES),
    ],
)
def test_a_key_becomes_what_was_typed(word: str, expected: Values) -> None:
    assert loop({}, word) == expected


def test_what_is_not_spoken_of_stays_and_changes_come_in_order() -> None:
    was: Values = {"x": 1, "commits": ["a"], "artifacts": {"plan": "p"}, "a.b": 1}
    now = loop(was, "commits+=b", "commits+=c", "artifacts.spec=s", "a.b:=2", unset=("x", "artifacts.plan"))
    assert now == {"commits": ["a", "b", "c"], "artifacts": {"spec": "s"}, "a.b": 2}
    assert was == {"x": 1, "commits": ["a"], "artifacts": {"plan": "p"}, "a.b": 1}


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("status", "'status' changes nothing: key=text was expected", "key:=json"),
        ("=x", "changes nothing", ""),
        ("status=implment", "did you mean implement?", "status=implement"),
        ("status=zzz", "'zzz' is none of spec, plan", """'status:="zzz"'"""),
        ("status:=5", "status: a text was expected, found a number", "status=text"),
        ("commits=abc", "commits: a list of texts was expected, found a text", "commits+=text"),
        ("commits:=[1]", "commits: a list of texts was expected, found a list with something", ""),
        ("commits+:=1", "commits: a list of texts was expected", ""),
        ("name+=x", "name takes a text, no list", "name=text"),
        ("name:=[]", "name: a text was expected, found a list", ""),
        ("mine:={", "mine:=:1:2: ", "a text is mine={"),
        ("mine:=NaN", "NaN is no JSON", ""),
        ('mine:={"a": 1, "a": 2}', "'a' stands twice", ""),
        ("artifacts=x", "an object of texts was expected", "artifacts.spec=path"),
        ("artifacts.spec:=1", "artifacts: an object of texts was expected", ""),
        ("reconciliation_stance=latr", "did you mean later?", ""),
        ("reconciliation_stance:=5", "'5' is none of now, later", ""),
        ("old.x=1", "old is a text, no object", ""),
        ("old+=1", "old is a text, no list", ""),
        ("updated_at=x", "updated_at cannot be set by hand", ""),
        ("id=x", "a loop keeps its id", ""),
        ("a..b=x", "a key is empty", ""),
    ],
)
def test_what_is_refused_says_what_was_expected(word: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        loop({"old": "text"}, word)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_key_that_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(UsageError, match=r"--unset brnch: there is no such key; did you mean branch\?"):
        loop({"branch": "x"}, unset=("brnch",))
    with pytest.raises(UsageError, match="there is no such key"):
        loop({"branch": "x"}, unset=("branch.x",))


def test_a_wrong_value_that_was_there_before_does_not_hinder_other_keys() -> None:
    assert loop({"commits": "by hand"}, "name=x") == {"commits": "by hand", "name": "x"}


@pytest.mark.parametrize("word", ["loops:={}", "schema_version:=3", "objective:=5", "open_conflicts=x", "lanes=x"])
def test_the_top_of_the_file_has_its_own_kinds(word: str) -> None:
    with pytest.raises(UsageError):
        changed({}, parse_settings([word]), (), TOP_KEYS)
