"""The wiki on disk: no entry is lost, nothing outside is read, and nobody writes what is not theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loop_orchestrator.errors import ChangedElsewhereError, NotAllowedError, StoreError, UsageError
from loop_orchestrator.model.wiki import PERSON, Writer
from loop_orchestrator.stores.atomic import replace_if
from loop_orchestrator.stores.wiki import TRIES, Wiki
from tests.stores.builders import layout_of
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.clocks import SteppedClock

DOCS = Writer("docs", "docs")


@pytest.fixture
def wiki(project: Path) -> Wiki:
    (project / "ops-wiki" / "lanes").mkdir(parents=True)
    return wiki_at(project)


def wiki_at(project: Path) -> Wiki:
    return Wiki(layout_of(project), SteppedClock())


def test_entries_of_the_log_are_added_in_order(wiki: Wiki) -> None:
    wiki.append_log("init", "laid out", by=PERSON)
    wiki.append_log("task", "T0001\n done", "- because\n", by=DOCS)
    assert wiki.read("log.md") == (
        "# Log\n\n## [2026-03-01] init | laid out\n\n## [2026-03-01] task | T0001 done\n\n- because\n"
    )
    assert [one.title for one in wiki.last_log(1)] == ["T0001 done"]
    for wrong in (("Big", "t"), ("t", " "), ("two words", "t")):
        with pytest.raises(UsageError, match="not a log entry"):
            wiki.append_log(*wrong, by=PERSON)


def test_the_last_entries_of_a_log_of_years_are_found(wiki: Wiki) -> None:
    rows = "".join(f"## [2026-01-01] task | number {number}\n\n{'x' * 500}\n\n" for number in range(2000))
    (wiki.root / "log.md").write_text(f"# Log\n\n{rows}")
    assert [one.title for one in wiki.last_log(2)] == ["number 1998", "number 1999"]


def test_of_many_writers_at_once_every_entry_is_in_the_log(wiki: Wiki, project: Path) -> None:
    def work(number: int) -> None:
        mine = wiki_at(project)
        for count in range(10):
            mine.append_log("task", f"writer {number} entry {count}", by=PERSON)

    in_processes(6, work)
    assert len({one.title for one in wiki.last_log(1000)}) == 60


def test_a_writer_that_is_killed_leaves_the_page_as_it_was_or_as_it_is_to_be(wiki: Wiki, project: Path) -> None:
    page = wiki.root / "log.md"
    old, new = "# Log\n", "# Log\n\n## [2026-03-01] task | t\n"
    page.write_text(old)

    def check() -> None:
        assert page.read_text() in (old, new)
        page.write_text(old)

    assert killed_at_every_write(lambda: wiki_at(project).append_log("task", "t", by=PERSON), check) > 3


def test_what_somebody_wrote_by_hand_meanwhile_is_kept(wiki: Wiki) -> None:
    page = wiki.root / "index.md"
    page.write_text("a\n")
    seen: list[str] = []

    def change(old: str) -> str:
        seen.append(old)
        if len(seen) == 1:
            page.write_text("by hand\n")
        return old + "mine\n"

    assert wiki.update("index.md", change, by=PERSON) == "by hand\nmine\n"
    assert seen == ["a\n", "by hand\n"]

    def never_at_rest(old: str) -> str:
        page.write_text(old + "x")
        return old + "y"

    with pytest.raises(ChangedElsewhereError):
        wiki.update("index.md", never_at_rest, by=PERSON)
    assert page.read_text() == "by hand\nmine\n" + "x" * TRIES


def test_what_somebody_wrote_between_the_last_look_and_the_replacing_is_kept(
    wiki: Wiki, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, real = wiki.root / "index.md", replace_if
    page.write_text("a\n")
    wrote: list[Path] = []

    def late(temp: Path, path: Path, expected: bytes | None) -> bool:
        if not wrote:
            wrote.append(path)
            path.write_text("by hand\n")
        return real(temp, path, expected)

    monkeypatch.setattr("loop_orchestrator.stores.wiki.replace_if", late)
    assert wiki.update("index.md", lambda old: old + "mine\n", by=PERSON) == "by hand\nmine\n"
    assert page.read_text() == "by hand\nmine\n"


def test_what_is_not_the_writers_is_not_written(wiki: Wiki) -> None:
    with pytest.raises(NotAllowedError, match=r"lane web \(implementation\) may not write log.md"):
        wiki.append_log("task", "t", by=Writer("web", "implementation"))
    assert not (wiki.root / "log.md").exists()
    wiki.append("lanes/web.md", "a note", by=Writer("web", "implementation"))
    wiki.append("lanes/web.md", "another", by=Writer("web", "implementation"))
    assert wiki.read("lanes/web.md") == "a note\n\nanother\n"


def test_a_page_keeps_its_mode_and_its_bytes(wiki: Wiki) -> None:
    page = wiki.root / "index.md"
    page.write_bytes(b"\xef\xbb\xbfa\r\nb\x0c\r\n")
    page.chmod(0o640)
    wiki.append("index.md", "c", by=PERSON)
    assert page.read_bytes() == b"\xef\xbb\xbfa\r\nb\x0c\r\n\nc\n"
    assert page.stat().st_mode & 0o777 == 0o640


def test_nothing_outside_of_the_wiki_is_read_or_written(wiki: Wiki, project: Path) -> None:
    (project / "secret.md").write_text("secret")
    (project / "other").mkdir()
    (project / "other" / "a.md").write_text("secret")
    (wiki.root / "out.md").symlink_to(project / "secret.md")
    (wiki.root / "folder").symlink_to(project / "other")
    (wiki.root / "in.md").symlink_to("index.md")
    (wiki.root / "index.md").write_text("i\n")
    os.mkfifo(wiki.root / "pipe.md")
    (wiki.root / "to-pipe.md").symlink_to("pipe.md")
    assert wiki.pages() == ("in.md", "index.md", "out.md", "to-pipe.md")
    assert wiki.read("in.md") == "i\n"
    for page in (
        "pipe.md",
        "to-pipe.md",
        "out.md",
        "folder/a.md",
        "../secret.md",
        str(project / "secret.md"),
        "index.txt",
    ):
        with pytest.raises(StoreError):
            wiki.read(page)
        with pytest.raises(StoreError):
            wiki.append(page, "x", by=PERSON)
    for page in ("in.md", ".hidden.md", ".git/x.md"):
        with pytest.raises(StoreError):
            wiki.append(page, "x", by=PERSON)
    assert (project / "secret.md").read_text() == "secret"


def test_what_cannot_be_read_is_said_with_its_place(wiki: Wiki, project: Path) -> None:
    (wiki.root / "index.md").write_bytes(b"a\xff")
    with pytest.raises(StoreError, match=r"index.md: byte 2 is no UTF-8"):
        wiki.read("index.md")
    with pytest.raises(StoreError, match="there is no page") as missing:
        wiki.read("checkpoint.md")
    assert missing.value.hint == "loop init lays out what is missing"
    with pytest.raises(StoreError, match="there is no wiki"):
        Wiki(layout_of(project / "elsewhere"), SteppedClock()).pages()
    (wiki.root / "lanes" / "file.md").mkdir()
    with pytest.raises(StoreError):
        wiki.append("lanes/file.md", "x", by=PERSON)
    (wiki.root / "plain").write_text("")
    with pytest.raises(StoreError):
        wiki.append("plain/x.md", "x", by=PERSON)
