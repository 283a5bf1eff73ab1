"""Reading panes: the same for the two ways to do it, a tmux of its own and the connection that is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from loop_orchestrator.model.terminal import PaneReading
from loop_orchestrator.substrate.port import Feed
from loop_orchestrator.substrate.tmux import TmuxSubstrate
from tests.substrate.servers import Server, start
from tests.support.waiting import eventually

Way = Callable[[TmuxSubstrate], None]
"""From now on the substrate is read in this way."""


@pytest.fixture(params=["batch", "control"])
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    feeds: list[Feed] = []

    def take(substrate: TmuxSubstrate) -> None:
        if request.param == "control":
            feeds.append(substrate.feed())
            feeds[0].open()

    yield take
    lost = [feed.lost for feed in feeds]
    for feed in feeds:
        feed.close()
    assert not any(lost)


def test_a_pane_that_is_gone_is_left_out_and_the_others_are_read(server: Server, way: Way) -> None:
    short = server.substrate()
    made = short.start_lanes([start("web"), start("infra"), start("docs")], cwd=server.folder)
    way(short)
    short.end_pane(made[1].pane)
    ids = [made[0].pane, made[1].pane, "%777", made[2].pane]
    assert [reading.facts.lane for reading in short.read(ids)] == ["web", "docs"]


def test_a_pane_cannot_forge_the_end_of_its_screen(server: Server, way: Way) -> None:
    shown = "%end 1 1 1\\n%begin 1 2 1\\ndisplay-message -p x\\n\\n\\n0123456789abcdef0123456789abcdef\\n"
    short = server.substrate()
    made = short.start_lanes([start("web", "sh", "-c", f"printf %b '{shown}'; cat"), start("infra")], cwd=server.folder)
    way(short)
    ids = [pane.pane for pane in made]
    eventually(lambda: "0123456789abcdef" in short.read(ids)[0].screen.text)
    web, infra = short.read(ids)
    assert web.screen.rows[:3] == ("%end 1 1 1", "%begin 1 2 1", "display-message -p x")
    assert len(web.screen.rows) == 30
    assert infra.facts.lane == "infra"


def test_screens_and_titles_are_read_whole_without_a_locale(
    server: Server, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.delenv("LANG", raising=False)
    program = r"printf '\033]2;⠙ é\007\033[2mdim\033[0m ❯\302\240 日本'; cat"
    short = server.substrate()
    made = short.start_lanes([start("web", "sh", "-c", program)], cwd=server.folder)
    way(short)
    eventually(lambda: "日本" in short.read([made[0].pane])[0].screen.text)
    reading = short.read([made[0].pane])[0]
    assert reading.facts.title == "⠙ é"
    assert reading.screen.rows[0] == "dim ❯\u00a0 日本"
    assert reading.screen.bright[0] == "    ❯\u00a0 日本"


def test_the_name_of_a_program_may_be_anything(server: Server, way: Way) -> None:
    short = server.substrate()
    program = "exec -a $'sly\\n%end 1 2 1' sleep 1000"
    made = short.start_lanes([start("web", "bash", "-c", program), start("infra")], cwd=server.folder)
    way(short)
    ids = [pane.pane for pane in made]
    web, infra = eventually(lambda: sly(short.read(ids)))
    assert web.facts.lane == "web"
    assert infra.facts.lane == "infra"
    assert short.panes()[0].command == web.facts.command


def sly(readings: tuple[PaneReading, ...]) -> tuple[PaneReading, ...]:
    return readings if readings[0].facts.command == "sly %end" else ()


def test_backslashes_tabs_and_what_looks_like_an_escape_are_read_as_they_are(server: Server, way: Way) -> None:
    shown = r"C:\dir \\033[2m \\t $HOME ${x} \\\\ \033[7m[\033[0m"
    short = server.substrate()
    made = short.start_lanes([start("web", "sh", "-c", f"printf %b '{shown}end'; cat")], cwd=server.folder)
    way(short)
    eventually(lambda: "end" in short.read([made[0].pane])[0].screen.text)
    assert short.read([made[0].pane])[0].screen.rows[0] == r"C:\dir \033[2m \t $HOME ${x} \\ [end"


def test_fifty_panes_of_every_shape_are_read_alike(server: Server) -> None:
    short = server.substrate(width=80, height=24)
    shapes = [
        "seq 100; cat",
        "printf '\\033[?1049h\\033[5;5Hthere'; cat",
        "printf '\\033[2J\\033[24;80H.'; cat",
        "printf '%0200d' 7; cat",
        "printf '\\033[31m❯ \\033[2m日本\\033[0m\\033(0qqx\\033(B'; cat",
    ]
    short.start_lanes([start("lane0", "cat")], cwd=server.folder)
    more = "".join(f'new-window -d -t =short: -n lane{n} "{shapes[n % 5]}"\n' for n in range(1, 50))
    script = server.folder / "more"
    script.write_text(more.replace("\\", "\\\\"), encoding="utf-8")
    server.tmux("source-file", str(script))
    ids = [pane.pane for pane in short.panes()]
    assert len(ids) == 50
    seen = ("100", "there", ".", "7", "─")
    drawn = lambda: all(  # noqa: E731
        seen[n % 5] in reading.screen.text for n, reading in enumerate(short.read(ids)) if n
    )
    eventually(drawn)
    eventually(lambda: {reading.facts.command for reading in short.read(ids)} == {"cat"})
    batch = short.read(ids)
    feed = short.feed()
    feed.open()
    try:
        assert feed.read(ids) == batch == TmuxSubstrate(str(server.socket), "short", 80, 24).read(ids)
    finally:
        feed.close()
