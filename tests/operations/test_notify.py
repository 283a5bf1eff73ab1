"""Telling a person: once for each thing and service, never lost, whatever a service does."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loop_orchestrator.errors import LoopError, NewerSchemaError, StoreError
from loop_orchestrator.model.event import EVENT_KINDS
from loop_orchestrator.model.outbox import RETRY_WAITS_S
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.operations import notify
from loop_orchestrator.operations.notify import Notifier, known_secrets, services_of, tell_test, without
from loop_orchestrator.stores.notices import Notices, NoticeStore
from loop_orchestrator.wiring import Project
from tests.support.clocks import SteppedClock
from tests.support.listeners import Listener, listener
from tests.support.projects import PLAIN, project_at

OWN = "notify: {services: {own: {command: [./tell]}}, every_s: 300, lane_waits_s: 60}\n"

Shop = Callable[..., Project]


@pytest.fixture
def shop(project: Path, socket: str, clock: SteppedClock) -> Shop:
    """The project with these ``notify`` keys. ./tell keeps what it gets in ``told``, and fails while ``fail`` is."""
    script = project / "tell"
    script.write_text("#!/bin/sh\n[ ! -e fail ] || { echo it is down >&2; exit 1; }\ncat >> told\nenv >> environ\n")
    script.chmod(0o755)

    def made(config: str = OWN) -> Project:
        return project_at(project, config=PLAIN + config, clock=clock)

    return made


@pytest.fixture
def service() -> Iterator[Listener]:
    with listener() as found:
        yield found


def happened(world: Project, kind: str, **payload: JsonValue) -> None:
    world.events.append(kind, "engine", {**dict.fromkeys(EVENT_KINDS[kind].fields), **payload})


def told(world: Project) -> list[list[str]]:
    """The keys of each message that ./tell got."""
    path = world.root / "told"
    lines = path.read_text().splitlines() if path.exists() else []
    return [[one["key"] for one in json.loads(line)["notices"]] for line in lines]


def test_each_thing_is_told_once_and_a_burst_in_one_message(shop: Shop, clock: SteppedClock) -> None:
    world = shop()
    notifier = Notifier(world)
    assert notifier.look() is None
    happened(world, "decision.filed", decision="d-1", waiting=[0])
    happened(world, "lane.gave-up", lane="web", reason="exit status 1")
    assert notifier.look() == pytest.approx(2.0, abs=0.1)
    clock.advance(5)
    notifier.look()
    assert told(world) == [["decision:d-1", "lane-gave-up:web"]]
    happened(world, "delivery.closed", op="o1", lane="web", status="unknown")
    assert notifier.look() == pytest.approx(300, abs=0.1)
    clock.advance(301)
    notifier.look()
    notifier.look()
    assert told(world) == [["decision:d-1", "lane-gave-up:web"], ["delivery:o1"]]
    assert [event.payload["service"] for event in world.events.since(0) if event.kind == "notice.sent"] == ["own"] * 2


def test_what_was_answered_before_it_was_told_is_not_told(shop: Shop, clock: SteppedClock) -> None:
    world = shop()
    notifier = Notifier(world)
    happened(world, "decision.filed", decision="d-1", waiting=[0])
    notifier.look()
    happened(world, "decision.approved", decision="d-1")
    clock.advance(5)
    assert notifier.look() is None
    assert told(world) == []


def test_another_process_goes_on_where_the_last_one_was(shop: Shop, clock: SteppedClock) -> None:
    world = shop()
    happened(world, "decision.filed", decision="d-0", waiting=[0])
    happened(world, "watch.started", pid=1, took_over="pid 0")
    first = Notifier(world)
    happened(world, "watch.started", pid=2, took_over="pid 1")
    clock.advance(5)
    first.look()
    assert told(world) == [["decision:d-0", "takeover:3"]]  # of the past only what is still open
    happened(world, "lane.gave-up", lane="web", reason="x")
    clock.advance(400)
    Notifier(shop()).look()
    assert told(world)[1:] == [["lane-gave-up:web"]]


def test_a_process_that_dies_before_it_wrote_that_it_told_tells_again(
    shop: Shop, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = shop()
    happened(world, "decision.filed", decision="d-1", waiting=[0])
    clock.advance(5)

    def die(point: str) -> None:
        raise SystemError(point)

    with monkeypatch.context() as patched:
        patched.setattr(notify, "crash_point", die)
        with pytest.raises(SystemError, match=r"notice\.sent"):
            Notifier(world).look()
    for _ in range(2):
        Notifier(world).look()
    assert told(world) == [["decision:d-1"], ["decision:d-1"]]


def test_a_service_that_is_down_is_told_when_it_is_back_and_holds_no_other_up(
    shop: Shop, clock: SteppedClock, service: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_URL", service.url)
    world = shop("notify: {services: {own: {command: [./tell]}, hook: {url_env: HOOK_URL}}}\n")
    (world.root / "fail").touch()
    notifier = Notifier(world)
    happened(world, "decision.filed", decision="d-1", waiting=[0])
    clock.advance(5)
    assert notifier.look() == pytest.approx(RETRY_WAITS_S[0], abs=1)
    assert [one["title"].partition(":")[0] for one in service.got] == ["project"]
    (own, hook) = services_of(world)
    assert (own.outbox.failures, own.outbox.reason, len(own.waiting)) == (1, "it is down", 1)
    assert (hook.outbox.failures, hook.waiting) == (0, ())
    (world.root / "fail").unlink()
    clock.advance(RETRY_WAITS_S[0] + 1)
    notifier.look()
    assert told(world) == [["decision:d-1"]] and len(service.got) == 1


def test_a_service_that_stays_down_is_given_up_with_an_event_and_told_of_new_things(
    shop: Shop, clock: SteppedClock
) -> None:
    world = shop()
    (world.root / "fail").touch()
    notifier = Notifier(world)
    happened(world, "decision.filed", decision="d-1", waiting=[0])
    clock.advance(5)
    while (wait_s := notifier.look()) is not None:
        clock.advance(wait_s + 1)
    (failed,) = [event for event in world.events.since(0) if event.kind == "notice.failed"]
    assert failed.payload == {"service": "own", "things": ["decision:d-1"], "reason": "it is down"}
    (world.root / "fail").unlink()
    happened(world, "decision.filed", decision="d-2", waiting=[0])
    clock.advance(400)
    notifier.look()
    assert told(world) == [["decision:d-2"]]


def test_a_service_that_hangs_is_ended_at_its_limit_and_counts_as_failed(
    shop: Shop, clock: SteppedClock, service: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_URL", service.url)
    service.hangs.set()
    world = shop("notify: {services: {own: {command: [./tell]}, hook: {url_env: HOOK_URL, timeout_s: 3}}}\n")
    happened(world, "decision.filed", decision="d-1", waiting=[0])
    clock.advance(5)
    Notifier(world).look()
    assert told(world) == [["decision:d-1"]]
    (_, hook) = services_of(world)
    assert hook.outbox.reason == "no answer within 3 s"


def test_told_to_stop_it_ends_at_once_and_nothing_is_held_against_the_service(
    shop: Shop, clock: SteppedClock, service: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_URL", service.url)
    service.hangs.set()
    world = shop("notify: {services: {hook: {url_env: HOOK_URL, timeout_s: 60}}}\n")
    happened(world, "decision.filed", decision="d-1", waiting=[0])
    clock.advance(5)
    notifier = Notifier(world)
    looking = threading.Thread(target=notifier.look)
    looking.start()
    world.cancel.set()
    looking.join(20)
    assert not looking.is_alive()
    (hook,) = services_of(world)
    assert (hook.outbox.failures, len(hook.waiting)) == (0, 1)


def test_a_missing_variable_is_said_once_and_told_by_the_next_process_that_has_it(
    shop: Shop, clock: SteppedClock, service: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = shop("notify: {services: {hook: {url_env: HOOK_URL}}}\n")
    notifier = Notifier(world)
    assert notifier.look() is None
    happened(world, "decision.filed", decision="d-1", waiting=[0])
    clock.advance(5)
    assert notifier.look() is None
    assert notifier.look() is None
    (failed,) = [event for event in world.events.since(0) if event.kind == "notice.failed"]
    assert failed.payload == {"service": "hook", "things": [], "reason": "the variable HOOK_URL is not set here"}
    (hook,) = services_of(world)
    assert len(hook.waiting) == 1
    monkeypatch.setenv("HOOK_URL", service.url)
    Notifier(world).look()
    assert len(service.got) == 1


def test_a_full_disk_is_told_though_nothing_can_be_written_and_once(
    shop: Shop, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = shop()
    notifier = Notifier(world)

    def full(self: NoticeStore, notices: Notices) -> None:
        raise StoreError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(NoticeStore, "save", full)
        patched.setattr(type(world.events), "append", lambda *_, **__: full(NoticeStore(world.layout), Notices()))
        for _ in range(3):
            notifier.disk_is_full("cannot write events.jsonl: No space left on device")
            clock.advance(5)
            notifier.look()
    (keys,) = told(world)
    assert len(keys) == 1 and keys[0].startswith("disk:")
    notifier.disk_is_fine()
    notifier.disk_is_full("again")
    clock.advance(400)
    notifier.look()
    assert len(told(world)) == 2


def test_a_failed_write_without_a_full_disk_sends_nothing(
    shop: Shop, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = shop()
    notifier = Notifier(world)
    happened(world, "decision.filed", decision="d-1", waiting=[0])
    clock.advance(5)

    def broken(self: NoticeStore, notices: Notices) -> None:
        raise StoreError("Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(NoticeStore, "save", broken)
        with pytest.raises(StoreError):
            notifier.look()
    assert told(world) == []
    notifier.look()
    assert told(world) == [["decision:d-1"]]


def test_no_secret_is_told_and_a_command_gets_none(
    shop: Shop, clock: SteppedClock, service: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_URL", f"json://user:hunter2hunter2@127.0.0.1:{service.port}/tokentokentoken")
    monkeypatch.setenv("MY_API_KEY", "sk-0123456789abcdef")
    monkeypatch.setenv("LOOP_LANE", "web")
    monkeypatch.setenv("GIVEN", "yes")
    world = shop(
        "notify: {services: {own: {command: [./tell], env: [GIVEN]}, hook: {url_env: HOOK_URL, timeout_s: 20}}}\n"
    )
    summary = "the key sk-0123456789abcdef and hunter2hunter2\n\x1b[31mare @everyone's <!channel>"
    happened(world, "decision.filed", decision="d-1", waiting=[0])
    happened(world, "escalated", decision="d-1", summary=summary)
    clock.advance(5)
    Notifier(world).look()
    said = (world.root / "told").read_text()
    what = json.loads(said)["notices"][0]["what"]
    assert what == "the engine asks for you: the key *** and *** (31mare ＠everyone's ‹!channel›"
    said += json.dumps(service.got)
    assert len(service.got) == 1
    assert "sk-0123456789abcdef" not in said and "hunter2hunter2" not in said
    environ = (world.root / "environ").read_text()
    assert "GIVEN=yes" in environ and f"LOOP_SESSION={world.session}" in environ
    assert not [name for name in ("MY_API_KEY", "HOOK_URL", "LOOP_LANE") if f"{name}=" in environ]
    on_disk = "".join(path.read_text() for path in (world.layout.notices, world.layout.events))
    assert "tokentokentoken" not in on_disk and "hunter2hunter2@" not in on_disk


def test_known_secrets_are_long_ones_and_the_longest_goes_first(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "abcdefgh")
    monkeypatch.setenv("B_TOKEN", "abcdefghijkl")
    monkeypatch.setenv("C_TOKEN", "short")
    secrets = known_secrets(shop())
    assert secrets.index("abcdefghijkl") < secrets.index("abcdefgh")
    assert without(secrets, "abcdefghijkl abcdefgh short") == "*** *** short"
    assert without(secrets, "the key is abcde…") == "the key is ***…"
    assert without(secrets, "the key is abc…") == "the key is abc…"
    assert without(["a@b`cdefg"], "it is a＠b'cdefg, or a＠b'c…") == "it is ***, or ***…"


def test_a_lane_that_waits_at_a_dialog_is_told_after_its_time(shop: Shop, clock: SteppedClock) -> None:
    world = shop()
    notifier = Notifier(world)
    happened(world, "lane.changed", lane="web", was="busy", now="approval")
    assert notifier.look() == pytest.approx(60, abs=0.1)
    clock.advance(61)
    wait_s = notifier.look()
    clock.advance((wait_s or 0) + 1)
    notifier.look()
    assert told(world) == [["lane-waits:web"]]


def test_a_desktop_is_told_by_the_program_that_is_there(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "notify-send"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/argv\n')
    world = shop("notify: {services: {desk: {desktop: true}}}\n")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}")
    monkeypatch.setattr("shutil.which", lambda name: None)
    (missing,) = tell_test(world, ()).values()
    assert not missing.ok and missing.lasting
    monkeypatch.undo()
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    (sent,) = tell_test(world, ()).values()
    assert sent.ok
    argv = (tmp_path / "argv").read_text().splitlines()
    assert argv[:3] == ["--app-name=loop-orchestrator", "--", "project: this is a test: loop can reach you here"]


def test_without_a_service_a_test_says_how_to_name_one(shop: Shop) -> None:
    with pytest.raises(LoopError, match="names no service"):
        tell_test(shop(""), ())


def test_notices_of_a_newer_release_are_left_alone_and_broken_ones_begun_anew(shop: Shop, clock: SteppedClock) -> None:
    world = shop()
    happened(world, "decision.filed", decision="d-1", waiting=[0])
    world.layout.notices.parent.mkdir(parents=True, exist_ok=True)
    world.layout.notices.write_text('{"schema": 99}')
    with pytest.raises(NewerSchemaError):
        Notifier(world)
    world.layout.notices.write_text("{broken")
    clock.advance(5)
    Notifier(world).look()
    assert told(world) == [["decision:d-1"]]


@pytest.mark.parametrize(
    ("how", "begins"),
    [("bell", b"\a"), ("osc9", b"\a\x1b]9;project: "), ("osc777", b"\a\x1b]777;notify;loop;project: ")],
)
def test_terminals_get_the_sign_that_they_understand(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, how: str, begins: bytes
) -> None:
    world = shop(f"notify: {{services: {{term: {{terminal: {how}}}}}}}\n")
    shown: list[tuple[str, bytes]] = []

    def sign(self: object, text: str, sequence: bytes) -> int:
        shown.append((text, sequence))
        return len(shown) - 1

    monkeypatch.setattr(type(world.substrate), "sign_terminals", sign)
    (nobody,) = tell_test(world, ()).values()
    (somebody,) = tell_test(world, ()).values()
    assert (nobody.ok, nobody.reason, somebody.ok) == (False, "no terminal shows the session", True)
    text, sequence = shown[0]
    assert text == "project: this is a test: loop can reach you here (loop status)"
    assert sequence.startswith(begins) and (how == "bell" or sequence.endswith(b"\x1b\\"))
