"""The deck in a browser: textual-serve on 127.0.0.1, behind a token that every request has to show.

A request is answered if its Host is this server's, its Origin, where it names one, is too, and it has the token: in the
address of the first request, which is then sent on to the address without it, in a cookie after that. A websocket has
to name its Origin. Everything else gets one line with status 403, whatever it asks for.
"""

from __future__ import annotations

import secrets
import shlex
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from aiohttp import web
from textual_serve.server import Server

from loop_orchestrator.errors import LoopError

if TYPE_CHECKING:
    from aiohttp.typedefs import Middleware

HOST = "127.0.0.1"
PARAMETER = "token"
TOKEN_BYTES = 32
SHUTDOWN_S = 2.0
"""That open pages have to end once the server is told to. At half, a busy machine kills decks that would have ended; at
double, Ctrl-C seems to do nothing."""

REFUSED = "403: open the address that loop deck --serve printed\n"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws://{netloc}; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer: the page loads nothing from elsewhere, stands in no frame, and its address is told to nobody."""


class DeckServer(Server):
    """Starts one deck for each page that is open, and lets in only who has the token."""

    def __init__(self, command: Sequence[str], *, port: int, token: str, opened: Callable[[str], None]) -> None:
        """command: starts a deck. opened: gets the address to open, token included, once the server listens."""
        # The shell that textual-serve starts a command by is replaced by it; what the deck says as it dies may hold
        # text of agents, which textual-serve would write to this terminal as it is.
        super().__init__(f"exec {shlex.join(command)} 2>/dev/null", host=HOST, port=port, title="loop deck, read-only")
        self._token = token
        self._opened = opened
        self._netloc = f"{HOST}:{port}"
        self._cookie = f"loop-deck-{port}"

    @property
    def address(self) -> str:
        """To open once, token included."""
        return f"{self.public_url}/?{PARAMETER}={self._token}"

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.insert(0, self._gate())
        app.on_response_prepare.append(self._add_headers)
        return app

    async def on_startup(self, app: web.Application) -> None:  # noqa: ARG002 - textual-serve's signature
        self._opened(self.address)

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


def serve(command: Sequence[str], *, port: int, opened: Callable[[str], None]) -> None:
    """Serve decks until SIGINT or SIGTERM. Raises LoopError where the port is taken."""
    with listen(port) as sock:
        server = DeckServer(
            command, port=sock.getsockname()[1], token=secrets.token_urlsafe(TOKEN_BYTES), opened=opened
        )
        # No log of requests: the first one has the token in it.
        web.run_app(server._make_app(), sock=sock, access_log=None, print=None, shutdown_timeout=SHUTDOWN_S)
