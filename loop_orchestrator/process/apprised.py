"""A program that sends one message through Apprise: ``python -m loop_orchestrator.process.apprised``.

It reads a JSON object with ``url``, ``title`` and ``body`` on stdin and exits 0 if the service took the message, else 1
with the reason on stderr. The library takes half a second to import and 40 MB, and a service may hang: so it is a
process of its own, which can be ended.
"""

from __future__ import annotations

import json
import logging
import sys


def main() -> int:
    import apprise

    asked = json.load(sys.stdin)
    reasons: list[str] = []
    logger = logging.getLogger("apprise")
    logger.addHandler(_Reasons(reasons))
    logger.propagate = False
    asset = apprise.AppriseAsset(
        app_id="loop-orchestrator", app_desc="loop-orchestrator", plugin_paths=[], secure_logging=True
    )
    service = apprise.Apprise(asset=asset)
    if not service.add(asked["url"]):
        sys.stderr.write("it is no URL of a service that Apprise knows\n")
        return 1
    if service.notify(title=asked["title"], body=asked["body"], body_format=apprise.NotifyFormat.TEXT):
        return 0
    sys.stderr.write(f"{reasons[-1] if reasons else 'the service did not take it'}\n")
    return 1


class _Reasons(logging.Handler):
    """Keeps what the library complains about."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(" ".join(record.getMessage().split()))


if __name__ == "__main__":
    sys.exit(main())
