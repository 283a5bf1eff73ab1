"""What the daemon remembers over a restart."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.model.lane import Detail
from loop_orchestrator.sources.look import Look
from loop_orchestrator.watch.memory import load_look, load_pace, save_look, save_pace
from loop_orchestrator.watch.pace import Pace
from tests.support.builders import NOW

NAMES = st.frozensets(st.text(max_size=8), max_size=4)


@given(
    look=st.builds(
        Look,
        number=st.integers(0, 10**9),
        mail=NAMES,
        tasks=NAMES,
        asks=NAMES,
        lanes=st.none() | st.dictionaries(st.text(max_size=5), st.sampled_from([one.value for one in Detail])),
        decisions=NAMES,
        settling=NAMES,
        overdue=NAMES,
        state_version=st.text(max_size=5),
    )
)
def test_the_last_look_survives_a_restart(look: Look, tmp_path_factory: object) -> None:
    path = Path(tmp_path_factory.mktemp("look")) / "look.json"  # type: ignore[attr-defined]
    save_look(path, look)
    assert load_look(path) == look


@given(failures=st.integers(0, 20), wait_s=st.floats(0, 10**6), held=st.booleans())
def test_the_pace_survives_a_restart(failures: int, wait_s: float, held: bool, tmp_path_factory: object) -> None:
    path = Path(tmp_path_factory.mktemp("pace")) / "pace.json"  # type: ignore[attr-defined]
    pace = Pace(failures=failures, last_start=NOW, retry_at=NOW if held else None, retry_wait_s=wait_s, for_brain=held)
    save_pace(path, pace)
    assert load_pace(path) == pace


def test_a_broken_file_is_a_fresh_start(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    assert (load_pace(path), load_look(path)) == (Pace(), Look())
    broken = '{"schema": 1, "number": 3, "lanes": {"web": "levitating"}}'
    for text in ("", "{", "[]", '{"schema": 1}', '{"schema": 99}', broken):
        path.write_text(text)
        assert (load_pace(path), load_look(path)) == (Pace(), Look())


def test_a_lane_in_a_state_that_this_release_does_not_know_makes_the_look_a_fresh_start(tmp_path: Path) -> None:
    path = tmp_path / "look.json"
    save_look(path, Look(number=3, lanes={"web": "busy"}))
    path.write_text(path.read_text().replace("busy", "levitating"))
    assert load_look(path) == Look()
