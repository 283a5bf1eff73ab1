"""The deck in a browser and the table of sessions, as they are started from a shell."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType

from tests.flows.conftest import Boot
from tests.support.scratch import SESSION, Scratch
from tests.support.waiting import eventually

LANES = "{web: {harness: actor, role: implementation}}"
LIMIT_S = 60.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@contextmanager
def served(scratch: Scratch, *words: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address that ``loop deck --serve`` prints, and its process; it is ended as Ctrl-C would, if it still runs."""
    argv = [sys.executable, "-m", "loop_orchestrator", "deck", "--serve", *words]
    with subprocess.Popen(
        argv, cwd=scratch.root, env=scratch.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip(), server
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait(timeout=LIMIT_S) in (0, -signal.SIGKILL)


async def screen_with(page: ClientWebSocketResponse, text: str) -> None:
    """Read what the deck paints until this was painted."""
    seen = ""
    async with asyncio.timeout(LIMIT_S):
        while text not in seen:
            message = await page.receive()
            assert message.type in (WSMsgType.BINARY, WSMsgType.TEXT), (message.type, seen[-2000:])
            seen += _ESCAPES.sub("", message.data.decode()) if message.type is WSMsgType.BINARY else ""


def decks(scratch: Scratch) -> dict[int, str]:
    """Process ids and command lines of the read-only decks of this project that run."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = entry.read_bytes().decode(errors="replace").split("\0")
            if "--read-only" in words and str(scratch.root) in words:
                found[int(entry.parent.name)] = " ".join(words)
    return found


def test_a_browser_sees_the_session_and_changes_nothing(boot: Boot) -> None:
    scratch = boot(lanes=LANES)

    async def use(address: str) -> None:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
            async with client.get(address) as first:
                assert first.status == 200
            origin = address.partition("/?")[0]
            async with client.ws_connect(f"{origin}/ws?width=120&height=40", origin=origin) as page:
                await page.send_json(["resize", {"width": 120, "height": 40}])
                await screen_with(page, "read-only")
                await page.send_json(["stdin", "p"])
                await screen_with(page, "this deck only shows")
                await page.send_json(["stdin", "c"])
                await screen_with(page, "this deck only shows")

    before = len(scratch.events())
    with served(scratch) as (address, _):
        asyncio.run(use(address))
        eventually(lambda: not decks(scratch), limit_s=LIMIT_S, what="the deck of a closed page is ended")
    assert len(scratch.events()) == before


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_however_the_server_ends_the_decks_of_its_pages_end(ended_by: signal.Signals, boot: Boot) -> None:
    scratch = boot(lanes=LANES)

    async def use() -> None:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
            with served(scratch, "--all") as (address, server):
                async with client.get(address) as first:
                    assert first.status == 200
                origin = address.partition("/?")[0]
                page = await client.ws_connect(f"{origin}/ws?width=120&height=40", origin=origin)
                await screen_with(page, f"{scratch.root.name}/{SESSION}")
                assert decks(scratch)
                server.send_signal(ended_by)
                code = server.wait(timeout=LIMIT_S)
                assert server.stderr is not None
                assert code == (-ended_by if ended_by is signal.SIGKILL else 0), server.stderr.read()

    asyncio.run(use())
    eventually(lambda: not decks(scratch), limit_s=LIMIT_S)


def test_the_table_of_sessions_without_a_terminal(boot: Boot) -> None:
    scratch = boot(lanes=LANES)
    (scratch.root / "other" / ".loop" / "sessions" / "bad").mkdir(parents=True)
    (scratch.root / "other" / "lane-config.yaml").write_text("lanes: 7\n", encoding="utf-8")
    files = {path for path in scratch.root.rglob("*") if ".git" not in path.parts}
    told = scratch.ok("deck", "--all", "--roots", f".,{scratch.root / 'other'}")
    head, own, other = told.splitlines()
    assert head.split() == ["SESSION", "ENGINE", "DECIDE", "LANES", "SPENT", "OLDEST", "NEED"]
    assert own.startswith(f"{scratch.root.name}/{SESSION} ") and "1 " in own
    assert other.startswith("other/bad ") and "cannot be read" in other
    document = json.loads(scratch.ok("deck", "--all", "--roots", ".", "other", "--json"))
    first, second = document["sessions"]
    assert (first["engine"], first["decisions"], sum(first["lanes"].values())) == ("stopped", 0, 1)
    assert second["engine"] is None and "lanes" in second["unseen"]
    assert {path for path in scratch.root.rglob("*") if ".git" not in path.parts} == files


def test_a_person_opens_a_session_of_the_table_and_comes_back(boot: Boot) -> None:
    scratch = boot(lanes=LANES)
    words = f"{sys.executable} -m loop_orchestrator deck --all"
    size = ("-x", "100", "-y", "30", "-c", str(scratch.root))
    scratch.tmux("new-session", "-d", "-s", "table", *size, words, socket="person")

    def shows(text: str) -> bool:
        return text in scratch.tmux("capture-pane", "-p", "-t", "table", socket="person")

    name = f"{scratch.root.name}/{SESSION}"
    eventually(lambda: shows(name), limit_s=LIMIT_S, what="the table of sessions")
    scratch.tmux("send-keys", "-t", "table", "Enter", socket="person")
    eventually(lambda: shows("LANE") and shows("web"), limit_s=LIMIT_S, what="the deck of the session")
    scratch.tmux("send-keys", "-t", "table", "Escape", socket="person")
    eventually(lambda: shows(name), limit_s=LIMIT_S, what="the table again")


def test_what_does_not_fit_together_is_refused(boot: Boot) -> None:
    scratch = boot(lanes=LANES)
    for words in (
        ("--roots", "."),
        ("--port", "80"),
        ("--serve", "--port", "99999"),
        ("--json",),
        ("--all", "--session", "x"),
        ("--all", "--roots", "nowhere"),
        (),
    ):
        done = scratch.run("deck", *words)
        assert done.returncode == 2 and done.stderr.startswith("loop: error: "), (words, done)
