"""The mailbox: no message is lost, torn, named twice, or refused because a person or an agent wrote it by hand."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.errors import StoreError, UsageError
from loop_orchestrator.stores import listing
from loop_orchestrator.stores import mailbox as mailbox_module
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout, ensure_dir
from loop_orchestrator.stores.mailbox import Mailbox
from tests.stores.builders import NOON, layout_of, log_of
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.clocks import SteppedClock

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ADDRESSES = st.sampled_from(["a", "web", "validate-left", "a-to-b", "x_1", "to"])


@pytest.fixture
def layout(project: Path) -> Layout:
    return layout_of(project)


@pytest.fixture
def events(project: Path) -> EventLog:
    return log_of(project)


@pytest.fixture
def mailbox(layout: Layout, clock: SteppedClock, events: EventLog) -> Mailbox:
    return Mailbox(layout, clock, events)


def drop(layout: Layout, name: str, text: str | bytes) -> Path:
    """A file as an agent writes it by hand."""
    path = ensure_dir(layout.messages) / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def mail(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_a_sent_message_is_pending_with_everything_it_was_given(mailbox: Mailbox, events: EventLog) -> None:
    sent = mailbox.send("web", "coord", "T0001: review", "done\n", in_reply_to="m-1", trace="c-1", source="lane:web")
    assert sent.file == "20260301-120000-web-to-coord.md"
    assert (sent.sent_at, sent.in_reply_to, sent.trace) == (NOON, "m-1", "c-1")
    assert mailbox.pending() == mailbox.peek() == (sent,)
    assert mailbox.read(sent.file) == sent
    [event] = events.tail(9)
    assert (event.kind, event.source, event.trace) == ("mail.sent", "lane:web", "c-1")
    assert dict(event.payload) == {"file": sent.file, "from": "web", "to": "coord", "subject": "T0001: review"}


@given(sender=ADDRESSES, recipient=ADDRESSES, subject=TEXT.filter(str.strip), body=TEXT)
def test_any_message_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, sender: str, recipient: str, subject: str, body: str
) -> None:
    root = tmp_path_factory.mktemp("mail")
    box = Mailbox(layout_of(root), SteppedClock(), log_of(root))
    sent = box.send(sender, recipient, subject, body)
    assert box.pending() == (sent,)
    assert (sent.sender, sent.recipient, sent.subject, sent.body) == (sender, recipient, subject, body)


def test_messages_of_one_second_have_names_of_their_own_and_keep_their_order(mailbox: Mailbox) -> None:
    sent = [mailbox.send("web", "coord", str(number), "") for number in range(12)]
    assert sent[1].file == "20260301-120000-web-to-coord.2.md"
    assert list(mailbox.pending()) == sent


def test_pending_comes_oldest_first_and_can_be_that_of_one_recipient(mailbox: Mailbox, clock: SteppedClock) -> None:
    late = mailbox.send("a", "web", "late", "")
    clock.advance(-60)
    early = mailbox.send("z", "coord", "early", "")
    assert mailbox.pending() == (early, late)
    assert mailbox.pending("web") == mailbox.peek("web") == (late,)


@pytest.mark.parametrize(
    ("sender", "recipient", "subject"),
    [("", "b", "s"), ("a/b", "c", "s"), ("a", "1b", "s"), ("a", "b", " \n"), ("a", "b", "\ud800")],
)
def test_what_is_no_message_is_not_sent(
    mailbox: Mailbox, layout: Layout, sender: str, recipient: str, subject: str
) -> None:
    with pytest.raises(UsageError, match="was not sent"):
        mailbox.send(sender, recipient, subject, "")
    assert mailbox.pending() == ()


@pytest.mark.parametrize(
    ("text", "subject", "body"),
    [
        ("---\nsubject: hello\n---\nbody", "hello", "body"),
        ("\ufeff---\r\nsubject: hello\r\n---\r\n\r\nbody\r\n", "hello", "\r\nbody\r\n"),
        ("---\nsubject: Re: T0001: done [ok]\nfrom: web\n---\n", "Re: T0001: done [ok]", ""),
        ("---\nsubject: 42\n---\n", "42", ""),
        ("---\nsubject: true\nextra: [1, 2]\n---\n", "true", ""),
        ("---\nsubject: |\n  two\n  lines\n---\n", "two\nlines\n", ""),
    ],
)
def test_a_file_dropped_by_hand_needs_only_a_subject(
    mailbox: Mailbox, layout: Layout, text: str, subject: str, body: str
) -> None:
    drop(layout, "20260301-115900-web-to-coord.md", text)
    [found] = mailbox.pending()
    assert (found.sender, found.recipient, found.subject, found.body) == ("web", "coord", subject, body)
    assert found.id == "20260301-115900-web-to-coord"
    assert found.sent_at == NOON - timedelta(minutes=1)


def test_the_front_matter_says_who_sent_it_only_where_the_file_name_agrees(mailbox: Mailbox, layout: Layout) -> None:
    drop(layout, "20260301-120000-a-to-b-to-c.2.md", "---\nsubject: s\nfrom: a-to-b\nto: c\n---\n")
    drop(layout, "20260301-120001-web-to-coord.md", "---\nsubject: s\nfrom: boss\nto: coord\n---\n")
    assert [(found.sender, found.recipient) for found in mailbox.pending()] == [("a-to-b", "c"), ("web", "coord")]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("20260301-120000-web-to-coord.md", "no front matter", "line 1: no front matter"),
        ("20260301-120000-web-to-coord.md", "---\nto: x\n---\n", "the front matter has no subject"),
        ("20260301-120000-web-to-coord.md", "---\nsubject: [a]\n---\n", "the front matter has no subject"),
        ("20260301-120000-web-to-coord.md", b"\xff", "byte 1 is no UTF-8"),
        ("hello.md", "---\nsubject: x\n---\n", "a message is named YYYYMMDD-HHMMSS"),
        ("20261399-120000-web-to-coord.md", "---\nsubject: x\n---\n", "a message is named YYYYMMDD-HHMMSS"),
    ],
)
def test_a_malformed_file_is_set_aside_with_its_reason(
    mailbox: Mailbox, layout: Layout, events: EventLog, name: str, text: str | bytes, reason: str
) -> None:
    content = drop(layout, name, text).read_bytes()
    assert mailbox.peek() == ()
    assert (layout.messages / name).exists()
    assert mailbox.pending() == ()
    assert (layout.failed / name).read_bytes() == content
    assert reason in (layout.failed / f"{name}.reason.txt").read_text()
    [event] = events.tail(9)
    assert (event.kind, event.payload["file"]) == ("mail.failed", name)
    with pytest.raises(StoreError, match="is no message; the reason stands in"):
        mailbox.ack(name, "coord")
    with pytest.raises(StoreError):
        mailbox.read(name)


def test_two_malformed_files_of_one_name_are_both_kept(mailbox: Mailbox, layout: Layout) -> None:
    for text in ("one", "two"):
        drop(layout, "hello.md", text)
        mailbox.pending()
    assert mail(layout.failed) == ["hello.2.md", "hello.2.md.reason.txt", "hello.md", "hello.md.reason.txt"]
    assert {(layout.failed / name).read_text() for name in ("hello.md", "hello.2.md")} == {"one", "two"}


def test_a_file_that_may_still_be_in_the_writing_is_left_alone(
    mailbox: Mailbox, layout: Layout, clock: SteppedClock
) -> None:
    path = drop(layout, "20260301-120000-web-to-coord.md", "---\nsub")
    os.utime(path, (NOON.timestamp(), NOON.timestamp()))
    clock.advance(mailbox_module.YOUNG_S / 2)
    assert mailbox.pending() == ()
    path.write_text("---\nsubject: whole\n---\n")
    assert [found.subject for found in mailbox.pending()] == ["whole"]


@pytest.mark.parametrize("name", ["README.md", "README-mail.md", ".hidden.md", "notes.txt", "x.md~"])
def test_files_that_are_not_meant_as_messages_stay(mailbox: Mailbox, layout: Layout, name: str) -> None:
    drop(layout, name, "x")
    assert mailbox.pending() == ()
    assert mail(layout.messages) == [name]


def test_a_message_that_changes_is_read_again(mailbox: Mailbox, layout: Layout) -> None:
    path = drop(layout, "20260301-120000-web-to-coord.md", "---\nsubject: one\n---\n")
    for subject in ("one", "two", "3", "4"):  # faster than the clock of the file system ticks
        path.write_text(f"---\nsubject: {subject}\n---\n")
        assert mailbox.peek()[0].subject == subject


def test_a_message_is_read_once_as_long_as_it_stays_as_it_is(
    mailbox: Mailbox, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(layout, "20260301-120000-web-to-coord.md", "---\nsubject: one\n---\n")
    monkeypatch.setattr(listing, "SETTLED_NS", 0)
    first = mailbox.peek()
    monkeypatch.setattr(mailbox_module, "parse", None)
    assert mailbox.peek() == first
    os.utime(path, (NOON.timestamp(), NOON.timestamp() + 1))
    with pytest.raises(TypeError):
        mailbox.peek()


def test_an_acknowledged_message_is_processed_and_nothing_else(
    mailbox: Mailbox, layout: Layout, events: EventLog
) -> None:
    sent = mailbox.send("web", "coord", "s", "")
    assert mailbox.processed_count() == 0
    assert mailbox.ack(sent.file, "coord") == layout.processed / sent.file
    assert mailbox.pending() == ()
    assert mailbox.processed_count() == 1
    assert mailbox.read(sent.file) == sent
    assert (events.tail(1)[0].kind, events.tail(1)[0].source) == ("mail.acked", "lane:coord")
    with pytest.raises(StoreError, match=f"{sent.file} is processed already"):
        mailbox.ack(sent.file, "coord")


def test_a_name_is_not_used_again_after_it_was_processed(mailbox: Mailbox) -> None:
    first = mailbox.send("web", "coord", "one", "")
    mailbox.ack(first.file, "coord")
    second = mailbox.send("web", "coord", "two", "")
    assert second.file != first.file
    mailbox.ack(second.file, "coord")
    assert [mailbox.read(one.file).subject for one in (first, second)] == ["one", "two"]


def test_a_name_reused_by_hand_replaces_no_processed_message(mailbox: Mailbox, layout: Layout) -> None:
    first = mailbox.send("web", "coord", "one", "")
    mailbox.ack(first.file, "coord")
    drop(layout, first.file, "---\nsubject: two\n---\n")
    mailbox.ack(first.file, "coord")
    assert mailbox.processed_count() == 2
    assert mailbox.read(first.file).subject == "one"


@pytest.mark.parametrize("file", ["missing.md", "../orchestrator-state.json", "/etc/passwd", "", ".x.md", "a/b.md"])
def test_a_name_that_is_no_message_is_refused(mailbox: Mailbox, file: str) -> None:
    for use in (mailbox.read, lambda name: mailbox.ack(name, "coord"), lambda name: mailbox.reply(name, "a", "b")):
        with pytest.raises(StoreError, match="there is no message"):
            use(file)


def test_a_reply_goes_to_the_sender_and_names_what_it_answers(mailbox: Mailbox) -> None:
    asked = mailbox.send("web", "coord", "may I?", "", trace="c-1")
    mailbox.ack(asked.file, "coord")
    answer = mailbox.reply(asked.file, "coord", "yes")
    assert (answer.sender, answer.recipient, answer.subject) == ("coord", "web", "Re: may I?")
    assert (answer.in_reply_to, answer.trace, answer.body) == (asked.id, "c-1", "yes")
    again = mailbox.reply(answer.file, "web", "thanks")
    assert (again.recipient, again.subject) == ("coord", "Re: may I?")
    assert mailbox.reply(asked.file, "coord", "", "other").subject == "other"


@pytest.mark.parametrize(("senders", "turns"), [(8, 40), pytest.param(16, 200, marks=pytest.mark.flow)])
def test_processes_that_send_at_once_lose_no_message_and_use_no_name_twice(
    mailbox: Mailbox, layout: Layout, events: EventLog, senders: int, turns: int
) -> None:
    body = "line of the body\n" * 50

    def send(number: int) -> None:
        for turn in range(turns):
            sent = mailbox.send("web", "coord", f"{number} {turn}", body)
            if turn % 4 == 0:
                mailbox.ack(sent.file, "coord")

    in_processes(senders, send)
    files = [path for folder in (layout.messages, layout.processed) for path in folder.glob("*.md")]
    assert len({path.name for path in files}) == len(files) == senders * turns
    messages = [mailbox.read(path.name) for path in files]
    assert {message.subject for message in messages} == {f"{a} {b}" for a in range(senders) for b in range(turns)}
    assert {message.body for message in messages} == {body}
    assert mailbox.processed_count() == senders * turns // 4
    sent_events = [event.payload["file"] for event in events.since(0) if event.kind == "mail.sent"]
    assert sorted(map(str, sent_events)) == sorted(path.name for path in files)


def test_a_process_killed_at_any_write_lost_no_message(mailbox: Mailbox, layout: Layout) -> None:
    mailbox.send("web", "coord", "old", "")
    old = mailbox.pending()[0]

    def work() -> None:
        mailbox.send("web", "coord", "new", "whole body\n")
        mailbox.ack(old.file, "coord")

    def check() -> None:
        assert mailbox.read(old.file) == old
        assert (layout.messages / old.file).exists() != (layout.processed / old.file).exists()
        for message in mailbox.pending():
            assert message == old or (message.subject, message.body) == ("new", "whole body\n")
            if message != old:
                (layout.messages / message.file).unlink()
        if not (layout.messages / old.file).exists():
            (layout.processed / old.file).rename(layout.messages / old.file)
        assert not layout.failed.exists()

    assert killed_at_every_write(work, check) >= 10


def test_a_process_killed_while_it_sets_a_file_aside_loses_neither_file_nor_reason(
    mailbox: Mailbox, layout: Layout
) -> None:
    drop(layout, "hello.md", "malformed")

    def check() -> None:
        Mailbox(layout, SteppedClock(), log_of(layout.root)).pending()
        assert (layout.failed / "hello.md").read_text() == "malformed"
        assert "is named" in (layout.failed / "hello.md.reason.txt").read_text()
        for path in layout.failed.iterdir():
            path.unlink()
        drop(layout, "hello.md", "malformed")

    assert killed_at_every_write(mailbox.pending, check) >= 6


def test_a_process_killed_right_after_linking_has_sent_the_message(
    mailbox: Mailbox, layout: Layout, events: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOP_CRASH_AT", "mail.linked")
    pid = os.fork()
    if pid == 0:
        mailbox.send("web", "coord", "s", "b")
        os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    assert [message.subject for message in mailbox.pending()] == ["s"]
    assert events.tail(9) == ()
