"""Whatever is dropped into the mailbox: a message is taken, all else is set aside with its reason, nothing waits."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from loop_orchestrator.errors import StoreError, UsageError
from loop_orchestrator.stores import mailbox as mailbox_module
from loop_orchestrator.stores import messagefile
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout, ensure_dir
from loop_orchestrator.stores.mailbox import Mailbox
from tests.stores.builders import layout_of, log_of
from tests.support.clocks import SteppedClock

NAME = "20260301-115900-web-to-coord.md"
WHOLE = "---\nsubject: hello\n---\nbody\n"


@pytest.fixture
def layout(project: Path) -> Layout:
    return layout_of(project)


@pytest.fixture
def events(project: Path) -> EventLog:
    return log_of(project)


@pytest.fixture
def mailbox(layout: Layout, clock: SteppedClock, events: EventLog) -> Mailbox:
    ensure_dir(layout.messages)
    return Mailbox(layout, clock, events)


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"---\nsubject: hello\n---\nbody", "body"),
        (b"---\nsubject: hello\n---", ""),
        (b"---\r\nsubject: hello\r\n---\r\nbody\r\n", "body\r\n"),
        (b"\xef\xbb\xbf---\nsubject: hello\n---\nbody", "body"),
        (b"\xef\xbb\xbf---\r\nsubject: hello\r\n---", ""),
        (b"---\nsubject: hello\n---\n\x00\x1b[2J\n", "\x00\x1b[2J\n"),
        ("---\nsubject: hello\nmore: \u202e\u00e9\n---\n\u2028".encode(), "\u2028"),
        (b"---  \nsubject:   hello  \n---\t\nbody", "body"),
    ],
)
def test_every_editors_way_of_writing_is_taken(mailbox: Mailbox, layout: Layout, data: bytes, body: str) -> None:
    (layout.messages / NAME).write_bytes(data)
    [found] = mailbox.pending()
    assert (found.subject, found.body) == ("hello", body)


def test_an_editor_that_renames_its_file_into_place_leaves_one_message(mailbox: Mailbox, layout: Layout) -> None:
    path = layout.messages / NAME
    (layout.messages / f"{NAME}~").write_text("an old copy")
    (layout.messages / f".{NAME}.swp").write_text("x")
    (layout.messages / f".#{NAME}").symlink_to("ann@host.1")
    path.with_suffix(".tmp").write_text(WHOLE)
    path.with_suffix(".tmp").rename(path)
    assert [found.subject for found in mailbox.pending()] == ["hello"]
    assert not layout.failed.exists()


def _directory(path: Path) -> None:
    path.mkdir()
    (path / "inside.txt").write_text("kept")


def _link(path: Path) -> None:
    path.with_name("real.txt").write_text(WHOLE)
    path.symlink_to("real.txt")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket is short
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_directory, "it is a directory; a message is a file of its own"),
        (os.mkfifo, "it is a pipe"),
        (_link, "it is a link to real.txt"),
        (lambda path: path.symlink_to("/nowhere/at/all"), "it is a link to /nowhere/at/all"),
        (lambda path: path.symlink_to(path.name), "it is a link to"),
        (_socket, "it is a socket"),
    ],
)
def test_what_is_no_file_is_set_aside_unopened(mailbox: Mailbox, layout: Layout, make: object, reason: str) -> None:
    assert callable(make)
    make(layout.messages / NAME)
    assert mailbox.peek() == ()
    [(name, why)] = mailbox.problems()
    assert (name, reason in why) == (NAME, True), why
    with pytest.raises(StoreError, match="it is a"):
        mailbox.ack(NAME, "coord")
    os.utime(layout.messages / NAME, (1, 1), follow_symlinks=False)
    assert mailbox.pending() == ()
    assert not os.path.lexists(layout.messages / NAME)
    assert os.path.lexists(layout.failed / NAME)
    assert mailbox.set_aside() == ((NAME, why),)
    with pytest.raises(StoreError, match="the reason stands in"):
        mailbox.read(NAME)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("20260301-115900-wéb-to-coord.md", "a message is named"),
        ("20260301-115900-web-to-coord\u0301.md", "a message is named"),
        ("٢٠٢٦٠٣٠١-١١٥٩٠٠-web-to-coord.md", "a message is named"),
        ("20260301-115900-web\n-to-coord.md", r"web\n-to-coord.md: a message is named"),
        ("20260301-115900-web-to-\x1b[2J.md", r"\x1b[2J.md: a message is named"),
        ("20260301-115900-web-to-\udcff.md", r"\udcff.md: a message is named"),
        ("20260231-115900-web-to-coord.md", "20260231-115900 is no time"),
        ("é" * 120 + ".md", "a message is named"),
        ("x" * 252 + ".md", "a message is named"),
    ],
)
def test_an_odd_name_is_set_aside_and_shown_so_that_it_does_nothing(
    mailbox: Mailbox, layout: Layout, events: EventLog, name: str, reason: str
) -> None:
    (layout.messages / name).write_text(WHOLE)
    os.utime(layout.messages / name, (1, 1))
    assert mailbox.pending() == ()
    [(aside, why)] = mailbox.set_aside()
    assert reason in why
    assert aside.isprintable()
    assert why.isprintable()
    [kept] = [path for path in layout.failed.iterdir() if path.suffix == ".md"]
    assert kept.read_text() == WHOLE
    assert [event.kind for event in events.tail(9)] == ["mail.failed"]


def test_a_file_that_is_too_large_is_refused_unread(
    mailbox: Mailbox, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (layout.messages / NAME).open("wb") as file:
        file.write(WHOLE.encode())
        file.truncate(50_000_000)
    os.utime(layout.messages / NAME, (1, 1))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdopen", None)
        assert mailbox.pending() == ()
    [(_, why)] = mailbox.set_aside()
    assert f"it has 50000000 bytes, at most {messagefile.MAX_BYTES} are read" in why
    assert (layout.failed / NAME).stat().st_size == 50_000_000
    with pytest.raises(UsageError, match="a message has at most"):
        mailbox.send("a", "b", "s", "x" * messagefile.MAX_BYTES)


def test_a_file_of_the_largest_size_is_a_message(mailbox: Mailbox, layout: Layout) -> None:
    (layout.messages / NAME).write_text(WHOLE + "x" * (messagefile.MAX_BYTES - len(WHOLE)))
    assert len(mailbox.pending()) == 1


def test_a_name_that_would_be_too_long_is_not_sent(mailbox: Mailbox) -> None:
    with pytest.raises(UsageError, match="too long for a file name"):
        mailbox.send("a" * 120, "b" * 120, "s", "")


def failing(code: int, path: Path) -> OSError:
    return OSError(code, os.strerror(code), str(path))


def test_a_file_that_cannot_be_opened_for_now_stays_and_the_others_are_read(
    mailbox: Mailbox, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    (layout.messages / NAME).write_text(WHOLE)
    other = layout.messages / "20260301-115901-web-to-coord.md"
    other.write_text(WHOLE)
    os.utime(layout.messages / NAME, (1, 1))
    real, code = os.open, errno.EMFILE

    def opened(path: str | Path, *more: int, **named: int) -> int:
        if path == layout.messages / NAME:
            raise failing(code, layout.messages / NAME)
        return real(path, *more, **named)

    monkeypatch.setattr(os, "open", opened)
    assert [found.file for found in mailbox.pending()] == [other.name]
    assert "Too many open files" in mailbox.problems()[0][1]
    assert not layout.failed.exists()
    code = errno.EACCES
    assert [found.file for found in mailbox.pending()] == [other.name]
    assert "Permission denied" in mailbox.set_aside()[0][1]


def test_a_mailbox_that_cannot_be_written_is_read_all_the_same(
    mailbox: Mailbox, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    (layout.messages / NAME).write_text(WHOLE)
    (layout.messages / "hello.md").write_text("malformed")
    os.utime(layout.messages / "hello.md", (1, 1))

    def refused(*_: object, **__: object) -> None:
        raise StoreError("cannot write: Read-only file system")

    monkeypatch.setattr(mailbox_module, "write_text", refused)
    assert [found.subject for found in mailbox.pending()] == ["hello"]
    assert [name for name, _ in mailbox.problems()] == ["hello.md"]
    assert (layout.messages / "hello.md").read_text() == "malformed"


def test_a_message_whose_event_cannot_be_written_says_that_it_was_sent(
    mailbox: Mailbox, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreError("cannot write events.jsonl: No space left on device")

    monkeypatch.setattr(events, "append", full)
    with pytest.raises(StoreError, match="is in the mailbox, but the event of it could not be written") as caught:
        mailbox.send("a", "b", "s", "")
    assert caught.value.hint == "do not send it again"
    [sent] = mailbox.pending()
    with pytest.raises(StoreError, match="is processed, but"):
        mailbox.ack(sent.file, "b")
    assert mailbox.processed_count() == 1
