"""The benchmarks run. What they measure is no matter of tests: a machine that is busy fails nothing."""

from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import main


def test_a_round_gives_every_way_its_figures_beside_the_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rounds", "1", "--only", "append", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in said["results"]["append"]}
    assert list(said["results"]) == ["append"]
    assert all(row["wall_ms"] > 0 for row in rows.values())
    assert rows["append"]["wall_ratio"] == pytest.approx(rows["append"]["wall_ms"] / rows["os.write"]["wall_ms"])
    assert rows["os.write"]["wall_ratio"] is None


def test_the_table_names_the_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rounds", "1", "--only", "append"]) == 0
    said = capsys.readouterr().out
    assert "write_json" in said
    assert "fsync" in said
