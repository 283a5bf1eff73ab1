"""`loop checkpoint`, `loop wiki-pending` and `loop wiki-lint`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from loop_orchestrator.model.wiki import MARKER
from loop_orchestrator.operations.demo import make_scratch
from tests.cli.conftest import Loop, loop_outside

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def wiki(loop: Loop, shop: Path) -> Path:
    assert loop("init").code == 0
    return shop / "ops-wiki"


def test_a_new_wiki_is_whole_and_in_order(loop: Loop, wiki: Path) -> None:
    for page in ("index.md", "log.md", "checkpoint.md", "decisions-archive.md", "lanes", "loops", "decisions"):
        assert (wiki / page).exists()
    assert (wiki / "checkpoint.md").read_text().count(f"\n{MARKER}\n") == 1
    assert "/.lint-scratchpad.md" in (wiki / ".gitignore").read_text()
    ran = loop("wiki-lint")
    assert (ran.code, ran.out, ran.err) == (0, "", "4 pages, nothing wrong\n")


def test_the_wikis_of_this_repository_of_the_examples_and_of_the_demo_are_in_order(loop: Loop, tmp_path: Path) -> None:
    places = [REPOSITORY, make_scratch(tmp_path / "demo", session="demo-1", approval="manual").root]
    for example in REPOSITORY.glob("examples/*/lane-config.yaml"):
        place = tmp_path / example.parent.name
        shutil.copytree(example.parent, place)
        assert loop("init", str(place)).code == 0
        places.append(place)
    assert len(places) > 3
    for place in places:
        ran = loop("wiki-lint", "--project-root", str(place))
        assert (ran.code, ran.out) == (0, ""), place


def test_the_checkpoint_is_printed_and_its_size_is_said(loop: Loop, wiki: Path) -> None:
    loop("mail", "send", "--from", "web", "--to", "coord", "--subject", "Hello", "--body", "b")
    ran = loop("checkpoint", "--print")
    assert ran.code == 0
    assert ran.out.startswith("You are the coordinator of session shop")
    titles = [line.lstrip("- ") for line in ran.out.splitlines() if line.startswith("--------")]
    assert titles == ["ops-wiki/checkpoint.md", "ops-wiki/index.md", "pending mail (1)"]
    assert 'to coord: "Hello"' in ran.out
    size = len(ran.out.encode())
    assert f"{size} bytes, about {-(-size // 4)} tokens" in ran.err
    assert ".loop/orchestrator-state.json is absent or says nothing" in ran.err
    loop("state", "loop", "header", "--set", "status=plan")
    assert "- header: status plan" in loop("checkpoint", "--print").out
    (wiki.parent / ".loop/orchestrator-state.json").write_text("{\n broken")
    ran = loop("checkpoint", "--print")
    assert "orchestrator-state.json:2:2" in ran.err and (wiki / "checkpoint.md").read_text().strip() in ran.out


def test_the_header_may_be_a_file(loop: Loop, wiki: Path, tmp_path: Path) -> None:
    header = tmp_path / "header.md"
    header.write_text("Mine: $x\n")
    assert loop("checkpoint", "--print", "--header-file", str(header)).out.startswith("Mine: $x\n\n----")
    header.write_bytes(b"\xff")
    for wrong in (header, tmp_path / "gone.md", tmp_path):
        ran = loop("checkpoint", "--print", "--header-file", str(wrong))
        assert ran.code == 2 and "--header-file" in ran.err


def test_above_the_ceiling_nothing_is_printed_and_what_takes_the_room_is_named(
    loop: Loop, wiki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = (wiki / "index.md").read_text()
    (wiki / "index.md").write_text(index + "x" * 100_000)
    ran = loop("checkpoint", "--print")
    assert ran.code == 0 and "long, above 24000 tokens; what takes the room: index.md 25" in ran.err
    (wiki / "index.md").write_text(index + "x" * 200_000)
    ran = loop("checkpoint", "--print")
    assert (ran.code, ran.out) == (3, "")
    assert "above the ceiling of 48000 tokens; what takes the room: index.md 50" in ran.err
    document = loop("checkpoint", "--print", "--json").document
    assert (document["refused"], document["text"], document["token_ceiling"]) == (True, None, 48000)
    assert loop("checkpoint", "--print", "--token-ceiling", "60000").code == 0
    monkeypatch.setenv("LOOP_CHECKPOINT_TOKEN_CEILING", "60000")
    assert loop("checkpoint", "--print").code == 0
    assert loop("checkpoint", "--print", "--token-ceiling", "1").code == 3
    for wrong in ("0", "-1", "many"):
        monkeypatch.setenv("LOOP_CHECKPOINT_TOKEN_CEILING", wrong)
        ran = loop("checkpoint", "--print")
        assert ran.code == 2 and f"LOOP_CHECKPOINT_TOKEN_CEILING={wrong}" in ran.err
    assert loop("checkpoint", "--print", "--token-ceiling", "0").code == 2


@pytest.mark.parametrize("page", ["checkpoint.md", "index.md"])
def test_without_its_pages_there_is_no_checkpoint(loop: Loop, wiki: Path, page: str) -> None:
    (wiki / page).unlink()
    ran = loop("checkpoint", "--print")
    assert (ran.code, ran.out) == (1, "")
    assert page in ran.err and "loop init" in ran.err


def test_exactly_one_thing_is_asked_for(loop: Loop, wiki: Path) -> None:
    assert loop("checkpoint").code == 2
    assert loop("checkpoint", "--print", "--dispatch").code == 2
    assert loop("checkpoint", "--print", "--ready-timeout", "1").code == 2
    assert loop("wiki-lint", "--fix", "--print").code == 2
    assert loop("wiki-lint", "--lane", "docs").code == 2
    assert loop("wiki-lint", "--print", "--ready-timeout", "1").code == 2
    ran = loop_outside("checkpoint", "--dispatch", "nobody")
    assert (ran.code, ran.out) == (2, "") and "nobody" in ran.err


def test_what_waits_is_counted_oldest_first(loop: Loop, wiki: Path) -> None:
    files = [
        str(
            loop(
                "mail", "send", "--from", "web", "--to", "docs", "--subject", f"s{n}", "--body", "b", "--json"
            ).document["file"]
        )
        for n in range(3)
    ]
    loop("mail", "ack", files[0])
    (wiki / "log.md").write_text("# Log\n" + "".join(f"\n## [2026-01-0{n}] task | t{n}\n" for n in range(1, 8)))
    assert loop("wiki-pending", "--quiet").out == "2\n"
    document = loop("wiki-pending", "--json").document
    assert (document["pending_count"], document["processed_count"]) == (2, 1)
    assert [one["file"] for one in document["pending"]] == files[1:]  # type: ignore[index,union-attr,call-overload]
    assert document["last_log"][0] == {"date": "2026-01-03", "type": "task", "title": "t3"}  # type: ignore[index]
    out = loop("wiki-pending").out
    assert out.startswith("2 pending, 1 processed\n")
    assert out.endswith("  [2026-01-06] task | t6\n  [2026-01-07] task | t7\n")


def test_findings_are_lines_or_a_document_and_the_index_is_mended(loop: Loop, wiki: Path) -> None:
    (wiki / "loops" / "header.md").write_text("# Header\n\n[x](gone.md)\n")
    ran = loop("wiki-lint")
    assert ran.code == 1
    assert ran.out.splitlines()[1].startswith(
        "ops-wiki/loops/header.md:3: broken-link: the link gone.md leads nowhere; "
    )
    assert ran.err == "5 pages, 2 findings; loop wiki-lint --fix mends 1\n"
    assert loop("wiki-lint", "--json").document["findings"][0] == {  # type: ignore[index]
        "file": "ops-wiki/loops/header.md",
        "line": 1,
        "kind": "orphan",
        "finding": "no page that is reached from index.md leads to it",
        "mend": "loop wiki-lint --fix adds a line to index.md",
        "fixable": True,
    }
    fixed = loop_outside("wiki-lint", "--fix", "--json")
    assert (fixed.code, fixed.document["fixed"]) == (1, ["loops/header.md"])
    assert "- [loops/header.md](loops/header.md): loop header\n" in (wiki / "index.md").read_text()
    assert "lint | 1 page entered in the index\n\n- `loops/header.md`\n" in (wiki / "log.md").read_text()
    (wiki / "loops" / "header.md").write_text("# Header\n")
    before = (wiki / "index.md").read_text(), (wiki / "log.md").read_text()
    assert loop_outside("wiki-lint", "--fix").code == 0
    assert ((wiki / "index.md").read_text(), (wiki / "log.md").read_text()) == before


def test_a_lane_mends_only_what_is_its_own(loop: Loop, wiki: Path) -> None:
    (wiki / "loops" / "header.md").write_text("# Header\n")
    before = (wiki / "index.md").read_text()
    lane = {"LOOP_LANE": "stranger", "LOOP_SESSION": "shop", "LOOP_PROJECT_ROOT": str(wiki.parent)}
    ran = loop_outside("wiki-lint", "--fix", env=lane)
    assert ran.code == 1 and "lane stranger (of no known role) may not write index.md" in ran.err
    assert (wiki / "index.md").read_text() == before


def test_the_prompt_of_a_review_names_every_page_once_in_batches_of_five(loop: Loop, wiki: Path) -> None:
    for number in range(9):
        (wiki / "loops" / f"{number}.md").write_text("")
    (wiki / ".lint-scratchpad.md").write_text("```\nan old note\n")
    document = loop("wiki-lint", "--print", "--json").document
    text = str(document["text"])
    assert (document["lane"], document["page_count"], document["batches"]) == ("docs", 13, 3)
    batches = [line for line in text.splitlines() if line[:2] in ("1.", "2.", "3.")]
    assert [batch.count("`ops-wiki/") for batch in batches] == [5, 5, 3]
    assert all(text.count(f"`ops-wiki/loops/{number}.md`") == 1 for number in range(9))
    for heading in ("CONTRADICTION", "STALE", "ORPHAN", "MISSING-LINK", "SUSPECT-INSTRUCTION", "Lint review queue"):
        assert heading in text
    assert "````untrusted\n```\nan old note\n````" in text
    ran = loop("wiki-lint", "--print", "--lane", "web")
    assert "mend nothing" in ran.out and "--from web" in ran.out and "bytes" in ran.err


def test_hostile_pages_are_findings_and_end_nothing(loop: Loop, wiki: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("the secret\n")
    (wiki / "out.md").symlink_to(tmp_path / "secret.md")
    (wiki / "gone.md").symlink_to("nowhere.md")
    (wiki / "bytes.md").write_bytes(b"# a\n\xff\xfe\n")
    (wiki / "large.md").write_text("[a](b.md)\n" * 500_000)
    (wiki / "a b.md").write_text("[x\x1b[2J](<y\x1b[2J.md>)\n")
    ran = loop("wiki-lint", "--json")
    assert ran.code == 1
    found = {(one["file"], one["kind"]) for one in ran.document["findings"]}  # type: ignore[index,union-attr,call-overload]
    assert found >= {
        ("ops-wiki/out.md", "leads-out"),
        ("ops-wiki/gone.md", "unreadable"),
        ("ops-wiki/bytes.md", "unreadable"),
        ("ops-wiki/large.md", "too-large"),
        ("ops-wiki/a b.md", "orphan"),
        ("ops-wiki/a b.md", "broken-link"),
    }
    said = loop("wiki-lint")
    assert "\x1b" not in said.out and "the secret" not in json.dumps(ran.document)


def test_two_hundred_pages_are_entered_at_once(loop: Loop, wiki: Path) -> None:
    for number in range(200):
        (wiki / "loops" / f"loop {number}.md").write_text(f"# {number}\n\n[next](<loop {(number + 1) % 200}.md>)\n")
    assert loop_outside("wiki-lint", "--fix").code == 0
    assert (wiki / "index.md").read_text().count("\n- [loops/loop ") == 200
