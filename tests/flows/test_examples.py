"""Every command of every page under examples/, run as it stands by a person; what it prints is what the page shows."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.scratch import Scratch
from tests.support.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted((REPOSITORY / "examples").glob("*/README.md"))


@dataclass(frozen=True)
class Typed:
    """One command of a page."""

    command: str
    shown: str
    """what the page shows below it; ``…`` stands for any text of a line, and alone in a line for any lines"""


def commands_of(page: str) -> Iterator[Typed]:
    """The commands of the ``console`` blocks: ``$ `` begins one, ``> `` carries it on."""
    for _, block in re.findall(r"^(`{3,})console\n(.*?)^\1$", page, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            first, *rest = part.splitlines()
            more = [line[2:] for line in rest if line.startswith("> ")]
            yield Typed("\n".join([first, *more]), "\n".join(rest[len(more) :]))


def pattern_of(shown: str) -> re.Pattern[str]:
    rows = [
        r"(?:.*\n)*" if row.strip() == "…" else re.escape(row).replace("…", ".*") + r"\s*\n"
        for row in shown.splitlines()
    ]
    return re.compile("".join(rows))


@pytest.fixture
def person(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """Somebody at a terminal in this repository, with `loop` on PATH and a tmux server of their own."""
    own = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
        **{f"GIT_{who}_{what}": "ann@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    scratch = Scratch(REPOSITORY, tmp_path_factory.mktemp("t", numbered=True), env=own)
    scratch.tmux_dir.chmod(0o700)
    try:
        yield scratch
    finally:
        scratch.end()


def type_all(person: Scratch, commands: list[Typed], out: Path) -> list[tuple[str, int]]:
    """Run the commands in one shell, in a plain tmux pane; what each printed, and its exit code."""
    out.mkdir()
    lines = [
        f"{{ {one.command}\n}} >{out}/{number}.out 2>&1 </dev/tty\necho $? >{out}/{number}.code"
        for number, one in enumerate(commands)
    ]
    script = out / "page.sh"
    script.write_text("\n".join([*lines, f"touch {out}/end", ""]), encoding="utf-8")
    person.tmux("new-session", "-d", "-c", str(person.root), f"exec bash {script}", socket="person")
    try:
        eventually((out / "end").exists, limit_s=120)
    except AssertionError:
        said = [path.read_text(encoding="utf-8") for path in sorted(out.glob("*.out"), key=lambda one: int(one.stem))]
        pytest.fail(f"$ {commands[len(said) - 1].command}\ndid not end; before it:\n" + "\n".join(said))
    return [
        ((out / f"{number}.out").read_text(encoding="utf-8"), int((out / f"{number}.code").read_text()))
        for number in range(len(commands))
    ]


def test_there_are_pages() -> None:
    assert [page.parent.name for page in PAGES] == ["any-brain", "mail-without-engine", "tasks-overnight"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_command_of_the_page_prints_what_the_page_shows(page: Path, person: Scratch, tmp_path: Path) -> None:
    commands = list(commands_of(page.read_text(encoding="utf-8")))
    ran = type_all(person, commands, tmp_path / "out")
    for typed, (printed, code) in zip(commands, ran, strict=True):
        printed = printed.replace(f"tmux -L {person.socket} ", "tmux -L loop ")
        assert pattern_of(typed.shown).fullmatch(printed), f"$ {typed.command}\n(exit code {code})\n{printed}"
