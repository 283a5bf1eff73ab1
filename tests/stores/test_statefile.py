"""The state file: no update is lost, no foreign key is dropped, and a file broken by hand is left alone."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loop_orchestrator.errors import ChangedElsewhereError, NewerSchemaError, StoreError, UsageError
from loop_orchestrator.model.state import JsonValue, LoopRecord, LoopState
from loop_orchestrator.stores import atomic
from loop_orchestrator.stores.atomic import swap
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.lock import brief_lock
from loop_orchestrator.stores.statefile import StateStore
from tests.stores.builders import NOON, layout_of
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.clocks import SteppedClock

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
LOOPS = st.dictionaries(
    st.text(),
    st.dictionaries(st.sampled_from(["name", "status", "branch", "updated_at", "updated_by", "x", "é"]), JSON),
    max_size=3,
)
DOCUMENTS = st.tuples(
    st.dictionaries(st.text(), JSON, max_size=3).filter(
        lambda extra: not {"schema_version", "objective", "loops"} & set(extra)
    ),
    st.fixed_dictionaries(
        {}, optional={"schema_version": st.sampled_from([1, 2]), "objective": st.text(), "loops": LOOPS}
    ),
).map(lambda parts: {**parts[0], **parts[1]})

BY_HAND = """{
  "session": "s1",
  "schema_version": 2,
  "loops": {
    "L2": {"zeta": [1, {"a": null}], "status": "plan", "name": "Zwei", "updated_at": "gestern"},
    "L1": {"name": null, "branch": "b"}
  },
  "updated_at": "2026-02-01T00:00:00Z",
  "open_conflicts": []
}
"""


@pytest.fixture
def layout(project: Path) -> Layout:
    return layout_of(project)


@pytest.fixture
def store(layout: Layout, clock: SteppedClock) -> StateStore:
    return StateStore(layout, clock)


def document(layout: Layout) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = json.loads(layout.state_file.read_text())
    return found


def test_no_file_is_an_empty_ledger(store: StateStore, layout: Layout) -> None:
    assert store.read() == LoopState(updated_at=None)
    assert not layout.state_file.exists()


def test_a_loop_is_set_and_stamped(store: StateStore, layout: Layout) -> None:
    state = store.set_loop("L1", {"name": "One", "status": "plan", "canary_target": "eu"}, by="coord")
    expected = LoopRecord(
        id="L1",
        name="One",
        status="plan",
        updated_at="2026-03-01T12:00:00.000Z",
        updated_by="coord",
        extra={"canary_target": "eu"},
    )
    assert state == store.read() == LoopState(updated_at=NOON, loops=(expected,))
    assert document(layout)["schema_version"] == 2


@pytest.mark.parametrize("key", ["id", "updated_at", "updated_by"])
def test_stamps_are_not_set_by_hand(store: StateStore, key: str) -> None:
    with pytest.raises(UsageError, match=key):
        store.set_loop("L1", {key: "x"}, by="coord")
    with pytest.raises(UsageError):
        store.set_loop(" ", {"name": "x"}, by="coord")


def test_a_change_keeps_every_foreign_key_and_the_order_of_all(store: StateStore, layout: Layout) -> None:
    layout.state_file.write_text(BY_HAND)
    store.set_loop("L2", {"status": "verify"}, by="web")
    before, after = json.loads(BY_HAND), document(layout)
    assert list(after) == list(before)
    loops = after["loops"]
    assert isinstance(loops, dict)
    assert list(loops) == ["L2", "L1"]
    assert loops["L1"] == before["loops"]["L1"]
    assert loops["L2"] == before["loops"]["L2"] | {
        "status": "verify",
        "updated_at": "2026-03-01T12:00:00.000Z",
        "updated_by": "web",
    }


def test_a_loop_can_be_removed_and_a_text_emptied(store: StateStore, layout: Layout) -> None:
    layout.state_file.write_text(BY_HAND)
    store.update(lambda state: replace(state, loops=(replace(state.loops[0], name=""),)), by="x")
    loops = document(layout)["loops"]
    assert isinstance(loops, dict)
    assert list(loops) == ["L2"]
    assert store.read().loops[0].name == ""
    assert loops["L2"] == json.loads(BY_HAND)["loops"]["L2"] | {
        "name": "",
        "updated_at": "2026-03-01T12:00:00.000Z",
        "updated_by": "x",
    }


@given(raw=DOCUMENTS)
@example(raw={"loops": {"L1": {"name": "", "branch": None}}})
def test_any_file_keeps_what_a_change_does_not_speak_of(
    tmp_path_factory: pytest.TempPathFactory, raw: dict[str, JsonValue]
) -> None:
    layout = layout_of(tmp_path_factory.mktemp("state"))
    layout.loop_dir.mkdir()
    layout.state_file.write_text(json.dumps(raw))
    store = StateStore(layout, SteppedClock())
    before = store.read()
    after = store.update(lambda state: replace(state, objective=state.objective + "!"), by="x")
    assert after.loops == before.loops
    assert {**document(layout), "objective": "", "updated_at": "", "schema_version": 2, "loops": {}} == {
        **raw,
        "objective": "",
        "updated_at": "",
        "schema_version": 2,
        "loops": {},
    }
    assert document(layout)["loops"] == raw.get("loops", {})
    assert store.read() == after


def test_a_change_that_changes_nothing_writes_nothing(store: StateStore, layout: Layout) -> None:
    layout.state_file.write_text(BY_HAND)
    store.update(lambda state: state, by="x")
    store.set_loop("L2", {"status": "plan"}, by="x")
    assert layout.state_file.read_text() == BY_HAND


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"loops": {},\n  oops}', ":2:3: "),
        ("[]", ":1:1: an object was expected"),
        ('{"loops": []}', "loops: an object was expected"),
        ('{"loops": {"L1": 5}}', "loops: L1: an object was expected"),
        ('{"schema_version": "2"}', "schema_version: a whole number was expected"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
    ],
)
def test_a_file_broken_by_hand_is_reported_and_left_alone(
    store: StateStore, layout: Layout, text: str, problem: str
) -> None:
    layout.state_file.write_text(text)
    for use in (store.read, lambda: store.set_loop("L1", {"name": "x"}, by="x")):
        with pytest.raises(StoreError) as caught:
            use()
        assert problem in caught.value.message
        assert str(layout.state_file) in caught.value.message
    assert layout.state_file.read_text() == text


def test_a_file_of_a_newer_release_is_refused_by_name(store: StateStore, layout: Layout) -> None:
    layout.state_file.write_text('{"schema_version": 3}')
    with pytest.raises(NewerSchemaError, match=r"orchestrator-state\.json has schema 3; .* up to schema 2"):
        store.set_loop("L1", {"name": "x"}, by="x")
    assert layout.state_file.read_text() == '{"schema_version": 3}'


def test_sixteen_processes_update_one_file_and_no_update_is_lost(store: StateStore) -> None:
    def count(number: int) -> None:
        for turn in range(25):
            store.update(lambda state: replace(state, objective=str(int(state.objective or 0) + 1)), by="x")
            store.set_loop(f"L{number}", {"turn": str(turn)}, by="x")

    in_processes(16, count)
    state = store.read()
    assert state.objective == "400"
    assert {loop.id: loop.extra["turn"] for loop in state.loops} == {f"L{number}": "24" for number in range(16)}


@pytest.mark.parametrize(("writers", "turns"), [(4, 15), pytest.param(8, 200, marks=pytest.mark.flow)])
def test_writers_and_an_editor_that_takes_no_lock_lose_nothing(
    store: StateStore, layout: Layout, writers: int, turns: int
) -> None:
    """The editor puts a whole file in the place of the one that is there, as editors do. It looks at what it replaced
    and puts back what it had not seen; this program never replaces what it has not seen. It saves again only when a
    change that was under way is done: none takes two saves of one editor.
    """
    store.change_keys(lambda keys: {**keys, "done": [], "by_hand": []})

    def edit(tokens: list[str]) -> None:
        while True:
            read = layout.state_file.read_bytes()
            value = json.loads(read)
            value["by_hand"] += [token for token in tokens if token.startswith("h") and token not in value["by_hand"]]
            value["done"] += [token for token in tokens if token.startswith("w") and token not in value["done"]]
            mine = layout.state_file.with_name("4913")
            mine.write_text(json.dumps(value))
            swap(mine, layout.state_file)
            replaced = mine.read_bytes()
            with brief_lock(layout.state_lock):
                pass
            if replaced == read:
                return
            missed = json.loads(replaced)
            tokens = [*missed["done"], *missed["by_hand"], *tokens]

    def write(number: int) -> None:
        for turn in range(turns):
            if number == 0:
                edit([f"h{turn}"])
                continue
            while True:
                try:
                    store.change_keys(lambda keys: {**keys, "done": [*texts_of(keys["done"]), f"w{number}-{turn}"]})  # noqa: B023 - called at once
                    break
                except ChangedElsewhereError:
                    continue

    in_processes(writers, write)
    found = document(layout)
    assert sorted(texts_of(found["by_hand"])) == sorted(f"h{turn}" for turn in range(turns))
    expected = [f"w{number}-{turn}" for number in range(1, writers) for turn in range(turns)]
    assert sorted(texts_of(found["done"])) == sorted(expected)


def texts_of(value: JsonValue) -> list[str]:
    assert isinstance(value, list)
    return [str(one) for one in value]


def test_a_change_by_hand_right_before_the_replacing_is_not_overwritten(
    store: StateStore, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.set_loop("L1", {"name": "x"}, by="x")
    real = atomic.swap
    turns: list[int] = []

    def late(temp: Path, path: Path) -> None:
        if not turns:
            layout.state_file.write_text(BY_HAND)
        turns.append(1)
        real(temp, path)

    monkeypatch.setattr(atomic, "swap", late)
    store.update(lambda state: replace(state, objective="new"), by="x")
    assert len(turns) == 3
    assert [loop.id for loop in store.read().loops] == ["L2", "L1"]
    assert store.read().objective == "new"


def test_where_files_cannot_trade_places_the_file_is_replaced(
    store: StateStore, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.set_loop("L1", {"name": "x"}, by="x")

    def cannot(temp: Path, path: Path) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(atomic, "swap", cannot)
    store.set_loop("L1", {"name": "y"}, by="x")
    assert store.read().loops[0].name == "y"
    assert [path.name for path in layout.loop_dir.iterdir() if path.is_file()] == [layout.state_file.name]


def test_a_change_by_hand_during_an_update_is_not_overwritten(store: StateStore, layout: Layout) -> None:
    store.set_loop("L1", {"name": "x"}, by="x")
    turns: list[int] = []

    def change(state: LoopState) -> LoopState:
        if not turns:
            layout.state_file.write_text(BY_HAND)
        turns.append(1)
        return replace(state, objective="new")

    store.update(change, by="x")
    assert len(turns) == 2
    assert [loop.id for loop in store.read().loops] == ["L2", "L1"]
    assert store.read().objective == "new"


def test_a_file_that_does_not_come_to_rest_is_reported(store: StateStore, layout: Layout) -> None:
    layout.state_file.write_text(BY_HAND)
    by_hand: list[str] = []

    def change(state: LoopState) -> LoopState:
        by_hand.append(json.dumps({"n": len(by_hand)}))
        layout.state_file.write_text(by_hand[-1])
        return replace(state, objective="new")

    with pytest.raises(ChangedElsewhereError):
        store.update(change, by="x")
    assert layout.state_file.read_text() == by_hand[-1]


def test_a_writer_killed_at_any_write_leaves_the_old_ledger_or_the_new_one(store: StateStore, layout: Layout) -> None:
    layout.state_file.write_text(BY_HAND)

    def check() -> None:
        assert store.read().objective in ("", "new")
        layout.state_file.write_text(BY_HAND)

    work = lambda: store.update(lambda state: replace(state, objective="new"), by="x")  # noqa: E731
    assert killed_at_every_write(work, check) >= 4
