"""Who gets to see the deck in a browser: only who has the token, from a page of this server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import ClientSession, ClientTimeout, CookieJar, WSMsgType, WSServerHandshakeError, web
from yarl import URL

from loop_orchestrator.deck.serving import HOST, REFUSED, DeckServer, listen
from loop_orchestrator.errors import LoopError

TOKEN = "t0ken-of-this-test"
COMMAND = ("/bin/sh", "-c", "printf '__GANGLION__\\n'; exec cat >/dev/null")
"""In place of a deck: says that it is one, and takes what it is sent."""

Use = Callable[[ClientSession, str], Awaitable[None]]


def served(use: Use, command: Sequence[str] = COMMAND) -> list[str]:
    """Run a server, and what uses it with a client and the address without a token; what was told once it listened."""
    told: list[str] = []

    async def main() -> None:
        with listen(0) as sock:
            port = sock.getsockname()[1]
            runner = web.AppRunner(
                await DeckServer(command, title="shop/<b>", port=port, token=TOKEN, opened=told.append)._make_app()
            )
            await runner.setup()
            await web.SockSite(runner, sock).start()
            try:
                jar = CookieJar(unsafe=True)  # cookies of a number are kept by browsers too
                async with ClientSession(cookie_jar=jar, timeout=ClientTimeout(total=20)) as client:
                    await use(client, f"http://{HOST}:{port}")
            finally:
                await runner.cleanup()

    asyncio.run(main())
    return told


async def got(client: ClientSession, url: str | URL, **more: Any) -> tuple[int, str]:
    async with client.get(url, allow_redirects=False, **more) as answer:
        return answer.status, await answer.text()


PATHS = (
    "/",
    "/ws",
    "/browser/deck.js",
    "/static/",
    "/static/js/textual.js",
    "/download/x",
    "/nothing",
    "/?token=",
    "/?token=another",
)


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_every_address_says_one_line(path: str) -> None:
    async def use(client: ClientSession, address: str) -> None:
        assert await got(client, address + path) == (403, REFUSED)

    served(use)
    assert REFUSED.count("\n") == 1


def test_the_token_is_asked_for_once_and_leaves_the_address() -> None:
    async def use(client: ClientSession, address: str) -> None:
        async with client.get(f"{address}/?token={TOKEN}", allow_redirects=False) as first:
            assert (first.status, first.headers["Location"]) == (303, "/")
            cookie = first.headers["Set-Cookie"]
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        status, page = await got(client, f"{address}/")
        assert status == 200 and TOKEN not in page
        assert (await got(client, f"{address}/static/js/textual.js"))[0] == 200

    told = served(use)
    assert len(told) == 1 and told[0].endswith(f"/?token={TOKEN}")


def test_the_token_in_the_address_opens_no_other_address() -> None:
    async def use(client: ClientSession, address: str) -> None:
        for path in ("/static/js/textual.js", "/ws"):
            assert await got(client, f"{address}{path}?token={TOKEN}") == (403, REFUSED)

    served(use)


@pytest.mark.parametrize("cookie", ["", "another", TOKEN[:-1], TOKEN + "x", "tökén"])
def test_another_cookie_is_refused(cookie: str) -> None:
    async def use(client: ClientSession, address: str) -> None:
        name = f"loop-deck-{address.rpartition(':')[2]}"
        assert await got(client, f"{address}/", headers={"Cookie": f"{name}={cookie}"}) == (403, REFUSED)

    served(use)


async def enter(client: ClientSession, address: str) -> None:
    assert (await got(client, f"{address}/?token={TOKEN}"))[0] == 303
    assert (await got(client, f"{address}/"))[0] == 200


@pytest.mark.parametrize("host", ["deck.example", "localhost", "127.0.0.1", "127.0.0.1:1"])
def test_another_name_of_the_server_is_refused(host: str) -> None:
    """A name of an attacker's that is made to lead here would make this server one of the attacker's pages."""

    async def use(client: ClientSession, address: str) -> None:
        await enter(client, address)
        assert await got(client, f"{address}/", headers={"Host": host}) == (403, REFUSED)

    served(use)


@pytest.mark.parametrize("origin", ["http://deck.example", "null", "http://127.0.0.1:1", "https://{netloc}"])
def test_a_request_of_another_page_is_refused(origin: str) -> None:
    async def use(client: ClientSession, address: str) -> None:
        await enter(client, address)
        given = origin.format(netloc=address.removeprefix("http://"))
        assert await got(client, f"{address}/", headers={"Origin": given}) == (403, REFUSED)
        assert (await got(client, f"{address}/", headers={"Origin": address}))[0] == 200

    served(use)


def test_a_websocket_needs_the_cookie_and_its_own_origin() -> None:
    async def use(client: ClientSession, address: str) -> None:
        with pytest.raises(WSServerHandshakeError) as refused:
            await client.ws_connect(f"{address}/ws", origin=address)
        assert refused.value.status == 403
        await enter(client, address)
        for origin in (None, "http://deck.example"):
            with pytest.raises(WSServerHandshakeError) as refused:
                await client.ws_connect(f"{address}/ws", origin=origin)
            assert refused.value.status == 403
        async with client.ws_connect(f"{address}/ws", origin=address) as page:
            await page.send_json(["ping", 7])
            assert await page.receive_json() == ["pong", 7]

    served(use)


def test_only_reading_is_answered() -> None:
    async def use(client: ClientSession, address: str) -> None:
        await enter(client, address)
        async with client.post(f"{address}/", data="x") as answer:
            assert (answer.status, await answer.text()) == (403, REFUSED)

    served(use)


def test_the_page_loads_nothing_from_elsewhere_and_stands_in_no_frame() -> None:
    async def use(client: ClientSession, address: str) -> None:
        await enter(client, address)
        for path in ("/", "/static/js/textual.js"):
            async with client.get(address + path) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
                assert f"ws://{address.removeprefix('http://')};" in policy and "http:" not in policy
                assert answer.headers["Referrer-Policy"] == "no-referrer"

    served(use)


def test_the_page_holds_no_script_of_its_own_and_names_no_other_server() -> None:
    async def use(client: ClientSession, address: str) -> None:
        await enter(client, address)
        _, page = await got(client, f"{address}/")
        assert "<title>shop/&lt;b&gt;</title>" in page
        assert not re.search(r"<script(?![^>]* src=)|\son[a-z]+=|javascript:", page)
        named = re.findall(r"[a-z]+://[^/\"']*", page)
        assert set(named) == {address, address.replace("http:", "ws:")}
        for name, kind in (("deck.css", "text/css"), ("deck.js", "javascript")):
            async with client.get(f"{address}/browser/{name}") as answer:
                assert answer.status == 200 and kind in answer.content_type
                assert "://" not in await answer.text()
        for name in ("app_index.html", "..%2fserving.py", "%2fetc%2fpasswd", ""):
            assert (await got(client, URL(f"{address}/browser/{name}", encoded=True)))[0] == 404

    served(use)


def test_a_page_whose_deck_ended_is_closed() -> None:
    async def use(client: ClientSession, address: str) -> None:
        await enter(client, address)
        async with client.ws_connect(f"{address}/ws", origin=address) as page:
            assert (await page.receive()).type is WSMsgType.CLOSE

    served(use, ("/bin/sh", "-c", "printf '__GANGLION__\\n'; exit 1"))


@pytest.mark.parametrize("held_up", ["sleep 600", "cat /dev/zero", "cat >/dev/null"])
def test_a_deck_that_does_not_end_with_its_page_is_killed(held_up: str, tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    async def use(client: ClientSession, address: str) -> None:
        await enter(client, address)
        async with client.ws_connect(f"{address}/ws", origin=address):
            await met(pid.exists)
        await met(lambda: not psutil.pid_exists(int(pid.read_text())))

    starts = f"printf '__GANGLION__\\n'; echo $$ >{pid}.new; mv {pid}.new {pid}; printf 'D\\0\\0\\1\\0'; exec {held_up}"
    served(use, ("/bin/sh", "-c", starts))


async def met(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not so():
            await asyncio.sleep(0.01)


def test_it_listens_on_this_machine_alone() -> None:
    with listen(0) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_said() -> None:
    with listen(0) as first:
        port = first.getsockname()[1]
        with pytest.raises(LoopError, match=f"cannot listen on 127.0.0.1:{port}") as told:
            listen(port)
    assert "--port" in told.value.hint
