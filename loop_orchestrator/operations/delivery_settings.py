"""How deliveries are to be done, from the environment."""

from __future__ import annotations

import math
from collections.abc import Mapping

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.delivery import PLAIN, DeliverySettings

NO_CLEAR = "LOOP_DISPATCH_NO_CLEAR"
CLEAR_TIMEOUT = "LOOP_DISPATCH_CLEAR_TIMEOUT"
PASTE_DELAY = ("LOOP_DISPATCH_PASTE_DELAY", "TMUX_DISPATCH_PASTE_DELAY")
"""The name, and the older one that counts where the name is not set."""
READY_TIMEOUT = "LOOP_DISPATCH_READY_TIMEOUT"

MOST_S = 3600.0
"""As much as any wait of a delivery may be."""

_SAYS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def delivery_settings(environ: Mapping[str, str]) -> DeliverySettings:
    """Raises UsageError for a variable that says what it cannot mean; one that is empty says nothing."""
    delay = next((name for name in PASTE_DELAY if environ.get(name)), PASTE_DELAY[0])
    return DeliverySettings(
        resets=not _flag(environ, NO_CLEAR),
        reset_timeout_s=seconds_in(environ, CLEAR_TIMEOUT, PLAIN.reset_timeout_s),
        paste_delay_s=seconds_in(environ, delay, PLAIN.paste_delay_s),
    )


def seconds_in(environ: Mapping[str, str], name: str, default_s: float) -> float:
    """The seconds that a variable says. Raises UsageError."""
    text = environ.get(name, "")
    return seconds_of(text, name) if text else default_s


def seconds_of(text: str, what: str) -> float:
    """Raises UsageError for what is no number of seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MOST_S:
        raise UsageError(f"{what} is a number of seconds, at least 0 and at most {MOST_S:g}, not {text}")
    return seconds


def _flag(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "")
    if text and text.lower() not in _SAYS:
        raise UsageError(f"{name} is 1 or 0, not {text}")
    return _SAYS.get(text.lower(), False)
