"""The driver of a deck that a page of a browser shows: that of Textual, but it ends with the server that started it."""

from __future__ import annotations

from textual.drivers.web_driver import WebDriver


class PageDriver(WebDriver):
    """Textual's goes on without anybody who reads or writes: a server that was killed would leave its decks behind."""

    def run_input_thread(self) -> None:
        super().run_input_thread()
        if not self.exit_event.is_set():  # the input ended, and nobody told the deck to end
            self._app.call_from_thread(self._app.exit)
