"""The deck in a real browser: what a person reads there, and what nobody else gets to see.

Skipped where there is no Playwright (pip install 'loop-orchestrator[browser]') or no Chromium; ``make test-browser``.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from loop_orchestrator.deck.serving import REFUSED
from tests.flows.conftest import Boot
from tests.flows.test_deck_decisions import decided
from tests.flows.test_deck_serve import LIMIT_S, decks, served
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NO_DRIVER = "no Playwright: pip install 'loop-orchestrator[browser]'"
playwright = pytest.importorskip("playwright.sync_api", reason=NO_DRIVER)

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None
)
if CHROMIUM is None:
    pytest.skip("no Chromium: install it, or name it in CHROMIUM", allow_module_level=True)

LANES = "{web: {harness: actor, role: implementation}, api: {harness: actor}}"

ELSEWHERE = "deck.example"
"""A name of somebody else's that leads to this machine, as far as the browser knows."""

COPIED = """() => {
    const data = new DataTransfer();
    const copy = new ClipboardEvent("copy", {clipboardData: data, bubbles: true, cancelable: true});
    document.querySelector(".xterm").dispatchEvent(copy);
    return data.getData("text/plain");
}"""
"""What a person gets who copies what is selected: the terminal itself is drawn, not written."""

REACHED = """address => new Promise(done => {
    const socket = new WebSocket(address);
    socket.onopen = () => done("opened");
    socket.onmessage = () => done("read");
    socket.onerror = () => done("refused");
})"""

FRAMED = """address => {
    const frame = document.createElement("iframe");
    frame.src = address;
    document.body.append(frame);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as started:
        rules = f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"
        running = started.chromium.launch(executable_path=CHROMIUM, args=[rules])
        yield running
        running.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of somebody who was never here: no cookie of another test."""
    with closing(browser.new_context(viewport={"width": 1200, "height": 700})) as context:
        yield context


class Tab:
    """A page with the deck in it, used by keys; what it asked for and complained of."""

    def __init__(self, window: BrowserContext) -> None:
        self.page: Page = window.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.on("websocket", lambda one: self.asked.append(one.url))
        self.page.on("console", lambda one: self.complaints.append(one.text) if one.type == "error" else None)
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))

    def open(self, address: str) -> None:
        """The deck of this address, once it has the keyboard; nobody clicked."""
        self.page.goto(address)
        self.has_keyboard(".xterm-helper-textarea")

    def has_keyboard(self, what: str) -> None:
        """Return once this element of the page gets what is typed."""
        self.page.wait_for_selector(f"{what}:focus", state="attached", timeout=LIMIT_S * 1000)

    def screen(self) -> str:
        """The terminal, a line a row: selected with the mouse, and copied."""
        place = self.page.locator(".xterm-screen").bounding_box()
        assert place is not None
        mouse, keyboard = self.page.mouse, self.page.keyboard
        keyboard.down("Shift")  # the deck gets no clicks then
        mouse.move(place["x"] + 1, place["y"] + 3)
        mouse.down()
        mouse.move(place["x"] + place["width"] - 1, place["y"] + place["height"] - 3)
        mouse.up()
        keyboard.up("Shift")
        return str(self.page.evaluate(COPIED))

    def sees(self, *texts: str) -> str:
        """The words of the screen, once all of these stand there, in one line or folded."""

        def there() -> str:
            words = " ".join(self.screen().split())
            return words if all(text in words for text in texts) else ""

        try:
            return eventually(there, limit_s=LIMIT_S)
        except AssertionError:
            raise AssertionError(f"{texts} is not on the page:\n{self.screen()}") from None

    def goes_back(self) -> None:
        """To the main screen; a key right behind Esc would be another key."""
        self.press("Escape")
        self.sees("UNANSWERED", "dispatch web: yes or no?")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


def on_disk(root: Path) -> dict[str, str]:
    """Every file of the project with the digest of what it holds."""
    files = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in files}


def test_fleet_and_decision_are_read_and_no_key_changes_anything(boot: Boot, window: BrowserContext) -> None:
    scratch = boot(lanes=LANES, engine="approval: manual")
    decision = decided(scratch, "T0001")
    with served(scratch) as (address, _):
        origin, _, token = address.partition("/?token=")
        tab = Tab(window)
        tab.open(address)
        seen = tab.sees("read-only · 1 needs you", "dispatch web: yes or no?", "api ○ ready", "⏎ Open q Quit ? Help")
        assert "Steer" not in seen
        before, panes = on_disk(scratch.root), scratch.tmux("list-panes", "-a")
        for key in "sdnxRgcp":
            tab.press(key)
            tab.sees("nothing was done", "this deck only shows")
        tab.press("Enter")
        seen = tab.sees(decision, "0. dispatch web", "Read tasks/T0001-thing.md", f"loop approve {decision}")
        assert "Approve" not in seen and "j Next k Prev esc Back" in seen
        for key in ("y", "N", "e", "Space", "u"):
            tab.press(key)
            tab.sees("nothing was done", decision)
        tab.goes_back()
        tab.press("Tab", "Enter")
        tab.sees("▸ screen 2 evidence", "esc Back q Quit ? Help")
        tab.press("2")
        tab.sees("web is idle (ready): text may be typed into it.")
        tab.goes_back()
        tab.press("w")
        tab.sees("WAITS FOR YOU NOW", decision)
        tab.goes_back()
        tab.press("?")
        tab.sees("here are the keys that change nothing")
        tab.page.set_viewport_size({"width": 640, "height": 480})
        tab.sees("keys that change nothing", "esc Back q Quit ? Help")
        assert (on_disk(scratch.root), scratch.tmux("list-panes", "-a")) == (before, panes)
        assert token and token not in tab.page.content() and tab.page.url == f"{origin}/"
        assert tab.page.title() == f"loop deck, read-only: {scratch.root.name}/scratch"
        assert all(one.startswith((origin, origin.replace("http:", "ws:"))) for one in tab.asked), tab.asked
        assert tab.complaints == []


@pytest.mark.parametrize("token", ["", "?token=", "?token=another"])
def test_without_the_token_nothing_is_shown(token: str, boot: Boot, window: BrowserContext) -> None:
    scratch = boot(lanes=LANES)
    with served(scratch) as (address, _):
        origin = address.partition("/?")[0]
        tab = Tab(window)
        for path in ("/", "/static/js/textual.js", "/browser/deck.js", "/ws"):
            answer = tab.page.goto(f"{origin}{path}{token}")
            assert answer is not None and answer.status == 403
            assert tab.page.inner_text("body").strip() == REFUSED.strip()
        assert not window.cookies() and not decks(scratch)


def test_a_page_of_another_server_reads_nothing_although_the_browser_has_the_cookie(
    boot: Boot, window: BrowserContext
) -> None:
    scratch = boot(lanes=LANES)
    with served(scratch) as (address, _), another_server() as elsewhere:
        origin = address.partition("/?")[0]
        deck, tab = Tab(window), Tab(window)
        deck.open(address)
        deck.sees("read-only", "web")
        assert len(decks(scratch)) == 1
        tab.page.goto(elsewhere)
        assert tab.page.evaluate(REACHED, f"{origin.replace('http:', 'ws:')}/ws?width=80&height=24") == "refused"
        with tab.page.expect_console_message(lambda one: "frame-ancestors" in one.text, timeout=LIMIT_S * 1000):
            tab.page.evaluate(FRAMED, origin)
        answer = tab.page.goto(f"{origin.replace('127.0.0.1', ELSEWHERE)}/")
        assert answer is not None and answer.status == 403
        assert tab.page.inner_text("body").strip() == REFUSED.strip()
        assert len(decks(scratch)) == 1


def test_each_tab_has_a_deck_that_ends_with_it_and_a_dead_deck_is_opened_again(
    boot: Boot, window: BrowserContext
) -> None:
    scratch = boot(lanes=LANES)
    with served(scratch) as (address, server):
        first, second = Tab(window), Tab(window)
        first.open(address)
        first.sees("read-only", "web")
        (of_first,) = decks(scratch)
        second.open(address.partition("?")[0])
        second.sees("read-only", "web")
        assert len(decks(scratch)) == 2
        second.page.close()
        eventually(lambda: list(decks(scratch)) == [of_first], limit_s=LIMIT_S, what="the deck of a closed tab ends")
        os.kill(of_first, signal.SIGKILL)
        first.page.wait_for_selector("text=not up to date any more", timeout=LIMIT_S * 1000)
        first.has_keyboard("#again")
        first.press("Enter")
        first.has_keyboard(".xterm-helper-textarea")
        first.sees("read-only", "web")
        server.kill()
        first.page.wait_for_selector("text=not up to date any more", timeout=LIMIT_S * 1000)
        eventually(lambda: not decks(scratch), limit_s=LIMIT_S, what="no deck is left of a server that was killed")


class _Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>elsewhere</title><body></body>")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def another_server() -> Iterator[str]:
    """The address of a page that somebody else serves on this machine."""
    server = HTTPServer(("127.0.0.1", 0), _Empty)
    serving: Callable[[], None] = partial(server.serve_forever, poll_interval=0.05)
    thread = Thread(target=serving, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
