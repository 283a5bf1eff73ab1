"""Telling a person what needs one: reads the event log, keeps what is open on disk, and sends what is due.

What is to be told is on disk before it is sent, and that it was sent right after: a process that dies in between sends
it again. One process does this for a session: the daemon, or the lane guard while none watches.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator.config.notify import TerminalSign
from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LoopError, NewerSchemaError, StoreError, SubstrateError
from loop_orchestrator.model.needs import fold
from loop_orchestrator.model.notice import Ledger, Notice, NoticeKind, lasting, next_overdue, overdue, quoted
from loop_orchestrator.model.outbox import Letter, Outbox, Place, due, letter, pruned, untold
from loop_orchestrator.process.telling import Told, tell_by_command, tell_by_url, tell_desktop, usual_environment
from loop_orchestrator.stores.notices import Notices, NoticeStore

if TYPE_CHECKING:
    from loop_orchestrator.config.notify import ServiceConfig
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import World

EXAMPLE = "notify: {services: {phone: {url_env: NTFY_URL}}}"
"""For who has no service yet; NTFY_URL is ntfy://ntfy.sh/a-topic in the environment."""

PAST_EVENTS = 2_000
"""How far back the log is read where nothing is on disk yet: what still needs a person is mostly newer. At half, an old
question is told by nobody; at double, the first start takes twice 10 ms."""

_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|(?:^|_)KEY$")
_LEAST_SECRET = 8
"""Characters; a shorter value is more often a word than a secret."""
_LEAST_CUT = 4
"""Characters of the beginning of a secret before the end of a shortened text; fewer tell nothing of it."""
_LEAST_PART = 12
"""Characters of a part of a URL, which may be the name of a channel."""


class Notifier:
    """What a session tells. Its methods may be called from any thread."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._config = world.config.notify
        self._store = NoticeStore(world.layout)
        self._mutex = threading.Lock()
        self._kept = True
        """what stands in memory is on disk too"""
        self._notices = self._begin()
        self._blocked: set[str] = set()
        """services that cannot work while this process lives"""
        self._disk_told = False
        self._checked = False

    def look(self) -> float | None:
        """Read what happened and send what is due; blocks while services answer, at most for their timeout.

        Returns the seconds until something is due again; None: nothing is before something happens.
        Raises StoreError where what happened cannot be read, or kept before it is told.
        """
        self._check()
        with self._mutex:
            self._read()
            now = self._world.clock.now()
            sending, times = self._due(now)
        self._send_all(sending)
        with self._mutex:
            again = self._world.clock.now()
            more, times = self._due(again) if sending else ([], times)
        if more:
            return 0.0
        return max(0.0, (min(times) - again).total_seconds()) if times else None

    def disk_is_full(self, reason: str) -> None:
        """Tell it, though no event of it can be written; once until ``disk_is_fine``."""
        with self._mutex:
            if self._disk_told:
                return
            self._disk_told = True
            now = self._world.clock.now()
            notice = Notice(
                kind=NoticeKind.DISK,
                key=f"disk:{now:%Y%m%dT%H%M%S}",
                what=f"a disk is full, and the engine waits for space: {quoted(reason)}",
                answer="df -h",
                at=now,
                passing=True,
            )
            self._notices = replace(self._notices, ledger=self._notices.ledger.noted(notice))

    def disk_is_fine(self) -> None:
        self._disk_told = False

    def _check(self) -> None:
        """Say at once, and once, which services cannot work while this process lives."""
        if self._checked:
            return
        self._checked = True
        for service in self._config.services:
            if reason := _missing(service):
                self._blocked.add(service.name)
                self._note(service, (), Told(ok=False, reason=reason), given_up=True)

    def _begin(self) -> Notices:
        """As it was left; where nothing is, or nothing readable, what the log says is still open."""
        try:
            if (found := self._store.load()) is not None:
                return found
        except NewerSchemaError:
            raise
        except StoreError:
            pass  # what is open is in the log as well; what was told of it is told again
        self._kept = False
        newest = self._newest()
        ledger = Ledger(seq=max(0, newest - PAST_EVENTS))
        for event in self._world.events.since(ledger.seq):
            ledger = fold(ledger, event)
        return Notices(ledger=lasting(ledger))

    def _newest(self) -> int:
        newest = self._world.events.tail(1)
        return newest[0].seq if newest else 0

    def _read(self) -> None:
        """Fold in what happened; on disk on return, unless it says nothing new or the disk takes nothing."""
        ledger = self._notices.ledger
        if ledger.seq > self._newest():
            ledger = replace(ledger, seq=0)  # the log was begun anew
        for event in self._world.events.since(ledger.seq):
            ledger = fold(ledger, event)
        ledger = overdue(ledger, self._world.clock.now(), self._config.lane_waits_s)
        if ledger != self._notices.ledger or not self._kept:
            self._notices = replace(self._notices, ledger=ledger)
            self._save()

    def _save(self) -> None:
        """Keep it; on a full disk it stays in memory, and what is told meanwhile may be told again."""
        ids = {one.id for one in self._notices.ledger.open.values()}
        kept = {name: replace(one, told=one.told & ids) for name, one in self._notices.outboxes.items()}
        self._notices = replace(self._notices, outboxes=kept)
        self._kept = False
        try:
            self._store.save(self._notices)
            self._kept = True
        except StoreError:
            if not self._disk_told:
                raise

    def _due(self, now: datetime) -> tuple[list[tuple[ServiceConfig, tuple[Notice, ...]]], list[datetime]]:
        sending, times = [], []
        for service in self._config.services:
            if service.name in self._blocked:
                continue
            step = due(self._notices.ledger, self._outbox(service.name), service.kinds, self._config.to_pace(), now)
            if step.notices:
                sending.append((service, step.notices))
            elif step.at is not None:
                times.append(step.at)
        waits = next_overdue(self._notices.ledger, self._config.lane_waits_s)
        return sending, [*times, *([waits] if waits else [])]

    def _outbox(self, service: str) -> Outbox:
        return self._notices.outboxes.get(service, Outbox())

    def _send_all(self, sending: Iterable[tuple[ServiceConfig, tuple[Notice, ...]]]) -> None:
        """Each service in a thread of its own: one that hangs holds no other back."""
        failed: list[Exception] = []

        def send(service: ServiceConfig, notices: tuple[Notice, ...]) -> None:
            try:
                self._send(service, notices)
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=send, args=one, daemon=True, name=f"tell-{one[0].name}") for one in sending]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]

    def _send(self, service: ServiceConfig, notices: tuple[Notice, ...]) -> None:
        told = tell(self._world, service, notices)
        if told.stopped:
            return
        crash_point("notice.sent")
        with self._mutex:
            now, outbox = self._world.clock.now(), self._outbox(service.name)
            given_up = False
            if told.ok:
                outbox = outbox.sent(notices, now)
            elif told.lasting:
                self._blocked.add(service.name)
                outbox, given_up = replace(outbox, reason=told.reason), True
            else:
                outbox, given_up = outbox.failed(notices, now, told.reason)
            boxes = {**self._notices.outboxes, service.name: outbox}
            wants = {one.name: (boxes.get(one.name, Outbox()), one.kinds) for one in self._config.services}
            self._notices = Notices(ledger=pruned(self._notices.ledger, wants), outboxes=boxes)
            self._save()
        self._note(service, notices, told, given_up=given_up)

    def _note(self, service: ServiceConfig, notices: Collection[Notice], told: Told, *, given_up: bool) -> None:
        things: list[JsonValue] = [one.key for one in notices]
        payload: dict[str, JsonValue] = {"service": service.name, "things": things}
        with suppress(StoreError):
            if told.ok:
                self._world.events.append("notice.sent", "watch", payload)
            elif given_up:
                self._world.events.append("notice.failed", "watch", {**payload, "reason": told.reason})


def tell(world: World, service: ServiceConfig, notices: tuple[Notice, ...]) -> Told:
    """Send one message about these over one service; blocks up to its timeout. Known secrets are left out."""
    secrets = known_secrets(world)
    written = letter(notices, place_of(world), world.clock.now())
    told = _tell(world, service, _redacted(written, secrets))
    return replace(told, reason=quoted(without(secrets, told.reason)))


def _tell(world: World, service: ServiceConfig, written: Letter) -> Told:
    limit_s, cancel = service.timeout_s, world.cancel
    if service.url_env:
        url = os.environ.get(service.url_env, "")
        if not url:
            return Told(ok=False, reason=_missing(service), lasting=True)
        return tell_by_url(url, written.title, written.body, timeout_s=limit_s, cancel=cancel)
    if service.desktop:
        return tell_desktop(written.title, written.body, timeout_s=limit_s, cancel=cancel)
    if service.terminal is not None:
        return _sign(world, service.terminal, written)
    first = service.command[0]
    argv = (f"{world.root}/{first.removeprefix('./')}" if is_own(first) else first, *service.command[1:])
    env = {
        **usual_environment(*service.env),
        "LOOP_PROJECT_ROOT": str(world.root),
        "LOOP_SESSION": world.session,
    }
    return tell_by_command(argv, written.document, env=env, cwd=world.root, timeout_s=limit_s, cancel=cancel)


def _missing(service: ServiceConfig) -> str:
    """What this process lacks for a service, as far as its environment says; empty: nothing."""
    unset = service.url_env and not os.environ.get(service.url_env)
    return f"the variable {service.url_env} is not set here" if unset else ""


def is_own(program: str) -> bool:
    """Whether the first word of a command is a script of the project, as ``config.schema.command_from`` has it."""
    return program.startswith(("./", "scripts/"))


def _sign(world: World, how: TerminalSign, written: Letter) -> Told:
    text = written.title.replace(";", ",").encode()
    sequence = {
        TerminalSign.BELL: b"\a",
        TerminalSign.OSC9: b"\a\x1b]9;" + text + b"\x1b\\",
        TerminalSign.OSC777: b"\a\x1b]777;notify;loop;" + text + b"\x1b\\",
    }[how]
    try:
        shown = world.substrate.sign_terminals(f"{written.title} (loop status)", sequence)
    except SubstrateError as error:
        return Told(ok=False, reason=error.message)
    return Told(ok=True) if shown else Told(ok=False, reason="no terminal shows the session")


def place_of(world: World) -> Place:
    return Place(root=str(world.root), session=world.session, host=socket.gethostname())


def known_secrets(world: World) -> tuple[str, ...]:
    """Values of this process's environment that must not be told: URLs of services with their parts, keys, tokens."""
    urls = [os.environ.get(one.url_env, "") for one in world.config.notify.services if one.url_env]
    parts = [part for url in urls for part in re.split(r"[/@:?&=,]+", url.partition("://")[2])]
    named = [value for name, value in os.environ.items() if _SECRET_NAME.search(name.upper())]
    found = {one for one in (*urls, *named) if len(one) >= _LEAST_SECRET}
    found |= {one for one in parts if len(one) >= _LEAST_PART}
    return tuple(sorted(found, key=len, reverse=True))


def without(secrets: Iterable[str], text: str) -> str:
    """The text with *** for each of these, also as a notice quotes it, and where the end of one was cut off."""
    for secret in secrets:
        for form in dict.fromkeys((secret, quoted(secret, len(secret)))):
            text = text.replace(form, "***")
            if "…" in text:
                for length in range(len(form) - 1, _LEAST_CUT - 1, -1):
                    text = text.replace(f"{form[:length]}…", "***…")
    return text


def _redacted(written: Letter, secrets: Collection[str]) -> Letter:
    return Letter(
        title=without(secrets, written.title),
        body=without(secrets, written.body),
        document={key: _clean(value, secrets) for key, value in written.document.items()},
    )


def _clean(value: JsonValue, secrets: Collection[str]) -> JsonValue:
    match value:
        case str():
            return without(secrets, value)
        case list():
            return [_clean(one, secrets) for one in value]
        case dict():
            return {key: _clean(one, secrets) for key, one in value.items()}
    return value


@dataclass(frozen=True, kw_only=True)
class ServiceView:
    """One service as ``loop notify list`` shows it."""

    service: ServiceConfig
    missing: str
    """what is missing for it to work from here; empty: nothing that can be seen"""
    outbox: Outbox
    waiting: tuple[Notice, ...]
    """open and untold, as of the daemon's last look"""


def services_of(world: World) -> tuple[ServiceView, ...]:
    """The services of the config and how they stand; writes nothing. Raises StoreError."""
    found = NoticeStore(world.layout).load() or Notices()
    views = []
    for service in world.config.notify.services:
        outbox = found.outboxes.get(service.name, Outbox())
        views.append(
            ServiceView(
                service=service,
                missing=_missing(service),
                outbox=outbox,
                waiting=untold(found.ledger, outbox, service.kinds),
            )
        )
    return tuple(views)


def a_trial(world: World) -> Notice:
    """What ``loop notify test`` sends."""
    return Notice(
        kind=NoticeKind.TEST,
        key="test",
        what="this is a test: loop can reach you here",
        answer="loop status",
        at=world.clock.now(),
    )


def tell_test(world: World, names: Collection[str]) -> Mapping[str, Told]:
    """Send a test to these services now, one after the other, whatever the hour; what became of each.

    Raises LoopError where no service is configured.
    """
    services = world.config.notify.services
    if not services:
        raise LoopError(
            "the config names no service to tell a person by",
            hint=f"in lane-config.yaml: {EXAMPLE}",
        )
    return {one.name: tell(world, one, (a_trial(world),)) for one in services if not names or one.name in names}
