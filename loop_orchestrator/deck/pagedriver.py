"""The driver of a deck that a page of a browser shows: that of Textual, but it ends with the server that started it."""

from __future__ import annotations

from textual import events
from textual.drivers.web_driver import WebDriver


class PageDriver(WebDriver):
    """Textual's goes on without anybody who reads or writes: a server that was killed would leave its decks behind."""

    _has_keyboard = False

    def start_application_mode(self) -> None:
        """Its last step tells the deck that it has not the keyboard; the page may have said before that it has."""
        super().start_application_mode()
        self._app.call_later(self._tell_of_keyboard)

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        if packet_type in ("focus", "blur"):
            self._has_keyboard = packet_type == "focus"
        super().on_meta(packet_type, payload)

    def _tell_of_keyboard(self) -> None:
        if self._has_keyboard:
            self._app.post_message(events.AppFocus())

    def run_input_thread(self) -> None:
        super().run_input_thread()
        if not self.exit_event.is_set():  # the input ended, and nobody told the deck to end
            self._app.call_from_thread(self._app.exit)
