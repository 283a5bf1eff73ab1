"""A service on this machine that takes messages, or refuses them, or never answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Listener:
    """What arrived, and how it answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.got: list[dict[str, str]] = []
        self.status = 200
        self.hangs = threading.Event()
        """set: requests are read and never answered"""
        self.over = threading.Event()

    @property
    def url(self) -> str:
        """As Apprise takes it."""
        return f"json://127.0.0.1:{self.port}/a-long-secret-path"


@contextmanager
def listener() -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            if found.hangs.is_set():
                found.over.wait(60)
                return
            if found.status == 200:
                found.got.append(json.loads(body))
            self.send_response(found.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Tests print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Listener(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
