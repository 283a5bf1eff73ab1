"""The deck in a browser: textual-serve on 127.0.0.1, behind a token that every request has to show.

A request is answered if its Host is this server's, its Origin, where it names one, is too, and it has the token: in the
address of the first request, which is then sent on to the address without it, in a cookie after that. A websocket has
to name its Origin. Everything else gets one line with status 403, whatever it asks for.

The page and its texts are in ``browser/``, and load nothing from elsewhere. Each page has a deck of its own: a process
that ends with its page, and whose end closes the page.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from aiohttp import WSCloseCode, web
from aiohttp.web_runner import GracefulExit
from textual_serve.app_service import AppService
from textual_serve.server import Server, to_int

from loop_orchestrator.errors import LoopError

if TYPE_CHECKING:
    from aiohttp.typedefs import Middleware

HOST = "127.0.0.1"
PARAMETER = "token"
TOKEN_BYTES = 32
SHUTDOWN_S = 2.0
"""That requests have to end once the server is told to; pages are closed before. At half, a file on its way is cut; at
double, Ctrl-C seems to do nothing."""

END_S = 2.0
"""That the deck of a closed page has to end. At half, a busy machine kills decks that would have ended; at double,
Ctrl-C waits too long for one that hangs."""

HEARTBEAT_S = 15.0
"""Between two looks whether a page is still there. At half, a laptop wakes twice as often for nothing; at double, the
deck of a page that vanished runs for a minute."""

PAGE = Path(__file__).with_name("browser")

DRIVER = "loop_orchestrator.deck.pagedriver:PageDriver"
"""What a deck draws with in a page; it stands in its TEXTUAL_DRIVER."""

REFUSED = "403: open the address that loop deck --serve printed\n"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        " font-src 'self'; connect-src ws://{netloc}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer: the page loads nothing from elsewhere, stands in no frame, and its address is told to nobody. The
terminal writes its colours into the page as styles, so those may stand in it; scripts may not."""


class PageDeck(AppService):
    """The deck of one page."""

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        return {**super()._build_environment(width, height), "TEXTUAL_DRIVER": DRIVER}

    async def run(self) -> None:
        """Hand on what the deck paints; its end closes the page, which would show the last picture for ever."""
        with suppress(asyncio.CancelledError):  # of textual-serve's own reader of stderr, where the deck died at once
            await super().run()
        await self.remote_close()
        if self._process is not None and self._process.stdout is not None:
            # Where the page went first, the deck has to get rid of what it paints, or it is held up as it ends.
            while await self._process.stdout.read(65536):
                pass

    async def stop(self) -> None:
        """Tell the deck to end, and kill it if it does not."""
        too_late = asyncio.get_running_loop().call_later(END_S, self._kill)
        try:
            await super().stop()
            if self._process is not None:
                await self._process.wait()
        finally:
            too_late.cancel()

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()


class DeckServer(Server):
    """Starts one deck for each page that is open, and lets in only who has the token."""

    def __init__(
        self, command: Sequence[str], *, title: str, port: int, token: str, opened: Callable[[str], None]
    ) -> None:
        """command: starts a deck. title: of the pages. opened: gets the address to open, token included, once the
        server listens.
        """
        # The shell that textual-serve starts a command by is replaced by it; what the deck says as it dies may hold
        # text of agents, which textual-serve would write to this terminal as it is.
        super().__init__(
            f"exec {shlex.join(command)} 2>/dev/null", host=HOST, port=port, title=title, templates_path=PAGE
        )
        self._token = token
        self._opened = opened
        self._netloc = f"{HOST}:{port}"
        self._cookie = f"loop-deck-{port}"
        self._pages: WeakSet[web.WebSocketResponse] = WeakSet()

    @property
    def address(self) -> str:
        """To open once, token included."""
        return f"{self.public_url}/?{PARAMETER}={self._token}"

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.add_routes([web.get("/browser/{name}", self._file)])
        app.middlewares.insert(0, self._gate())
        app.on_response_prepare.append(self._add_headers)
        return app

    async def on_startup(self, app: web.Application) -> None:  # noqa: ARG002 - textual-serve's signature
        # As aiohttp has it for SIGINT: raised by the loop itself, not in the middle of whatever task is at work.
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup wants it to go on
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _end)
        self._opened(self.address)

    async def on_shutdown(self, app: web.Application) -> None:  # noqa: ARG002
        for page in tuple(self._pages):
            await page.close(code=WSCloseCode.GOING_AWAY)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """One of the two files of the page itself; no request chooses a path."""
        name = request.match_info["name"]
        if name not in ("deck.css", "deck.js"):
            raise web.HTTPNotFound
        return web.FileResponse(PAGE / name)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One page, from its deck's start to its end."""
        page = web.WebSocketResponse(heartbeat=HEARTBEAT_S)
        await page.prepare(request)
        self._pages.add(page)
        deck = PageDeck(
            self.command,
            write_bytes=page.send_bytes,
            write_str=page.send_str,
            close=page.close,  # type: ignore[arg-type]
            download_manager=self.download_manager,
        )
        try:
            await deck.start(to_int(request.query.get("width", ""), 80), to_int(request.query.get("height", ""), 24))
            await self._process_messages(page, deck)
        finally:
            await deck.stop()
        return page

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG002
        for name, value in HEADERS.items():
            response.headers[name] = value.format(netloc=self._netloc)

    def _gate(self) -> Middleware:
        @web.middleware
        async def gate(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            if request.method not in ("GET", "HEAD") or not self._is_from_here(request):
                return web.Response(status=403, text=REFUSED)
            if self._is_token(request.cookies.get(self._cookie, "")):
                return await handler(request)
            if request.path == "/" and self._is_token(request.query.get(PARAMETER, "")):
                first = web.Response(status=303, headers={"Location": "/"})
                first.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict", path="/")
                return first
            return web.Response(status=403, text=REFUSED)

        return gate

    def _is_from_here(self, request: web.Request) -> bool:
        """A page elsewhere that names this server by a name of its own, or reaches for it, is turned away."""
        if request.headers.getall("Host", []) != [self._netloc]:
            return False
        origins = request.headers.getall("Origin", [])
        if "Upgrade" in request.headers:
            return origins == [self.public_url]
        return origins in ([], [self.public_url])

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode("utf-8", "surrogatepass"), self._token.encode())


def listen(port: int) -> socket.socket:
    """Take connections to 127.0.0.1; port 0: one that is free. Raises LoopError where the port is taken."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen()
    except OSError as error:
        found.close()
        raise LoopError(f"cannot listen on {HOST}:{port}: {error.strerror}", hint="name another: --port N") from error
    return found


def serve(command: Sequence[str], *, title: str, port: int, opened: Callable[[str], None]) -> None:
    """Serve decks until SIGINT, SIGTERM, or the terminal is closed. Raises LoopError where the port is taken."""
    with listen(port) as sock:
        server = DeckServer(
            command,
            title=title,
            port=sock.getsockname()[1],
            token=secrets.token_urlsafe(TOKEN_BYTES),
            opened=opened,
        )
        # No log of requests: the first one has the token in it.
        web.run_app(server._make_app(), sock=sock, access_log=None, print=None, shutdown_timeout=SHUTDOWN_S)


def _end() -> None:
    raise GracefulExit
