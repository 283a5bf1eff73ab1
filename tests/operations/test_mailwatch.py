"""Watching mail: every message is told of once, however it came and however soon it went."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.message import Message
from loop_orchestrator.operations.mail import find_message
from loop_orchestrator.operations.mailwatch import SetAside, watch_mail
from loop_orchestrator.stores.layout import ensure_dir
from loop_orchestrator.world import World

Told = list[Message | SetAside]


class Enough(Exception):
    """Ends a watch that would go on."""


def told(
    world: World,
    count: int,
    change: Callable[[], object],
    *,
    recipient: str | None = None,
    sender: str | None = None,
    waiting_too: bool = False,
) -> Told:
    """The first so many that a watch tells of, with what comes right after them; ``change`` is made meanwhile."""
    found: Told = []
    changing = threading.Thread(target=change)

    def end() -> None:
        changing.join()
        world.mailbox.send("the", "end", "END", "")

    def tell(one: Message | SetAside) -> None:
        found.append(one)
        if len(found) == count:
            threading.Thread(target=end).start()
        if isinstance(one, Message) and one.subject == "END":
            raise Enough

    late = threading.Timer(60, os._exit, (1,))
    late.start()
    try:
        with pytest.raises(Enough):
            watch_mail(
                world.mailbox,
                world.layout,
                world.clock,
                tell,
                recipient=recipient,
                sender=sender,
                waiting_too=waiting_too,
                begun=changing.start,
            )
    finally:
        late.cancel()
        changing.join()
    return found[:-1]


def watching(
    world: World,
    tell: Callable[[Message | SetAside], None],
    worker: threading.Thread,
    *,
    waiting_too: bool,
    recipient: str | None = None,
    sender: str | None = None,
) -> None:
    """A watch during which a worker works; a watch that tells of too little ends the process."""
    late = threading.Timer(60, os._exit, (1,))
    late.start()
    try:
        watch_mail(
            world.mailbox,
            world.layout,
            world.clock,
            tell,
            recipient=recipient,
            sender=sender,
            waiting_too=waiting_too,
            begun=worker.start,
        )
    finally:
        late.cancel()


def subjects(found: Told) -> list[str]:
    return [one.subject for one in found if isinstance(one, Message)]


def drop(world: World, name: str, text: str) -> Path:
    path = ensure_dir(world.layout.messages) / name
    path.write_text(text)
    return path


def test_what_comes_while_the_watch_is_set_up_is_told_of_once_and_nothing_is_missed(world: World) -> None:
    world.mailbox.send("ann", "web", "before", "")

    def send() -> None:
        for number in range(60):
            world.mailbox.send("ann", "web", str(number), "")

    assert subjects(told(world, 60, send)) == [str(number) for number in range(60)]


def test_those_that_wait_already_come_first_where_they_are_asked_for(world: World) -> None:
    world.mailbox.send("ann", "web", "before", "")
    found = told(world, 2, lambda: world.mailbox.send("ann", "web", "after", ""), waiting_too=True)
    assert subjects(found) == ["before", "after"]


def test_a_message_that_was_acknowledged_at_once_is_told_of(world: World) -> None:
    def send() -> None:
        for number in range(20):
            world.mailbox.ack(world.mailbox.send("ann", "web", str(number), "").file, "web")

    assert sorted(subjects(told(world, 20, send)), key=int) == [str(number) for number in range(20)]


def test_a_message_that_is_written_again_is_no_new_one_and_a_name_used_again_is(world: World) -> None:
    name = "20260301-120000-a-to-b.md"

    def work() -> None:
        path = drop(world, name, "---\nsubject: one\nid: m1\n---\n")
        seen.wait()
        path.with_name("aside").write_text("---\nsubject: one, mended\nid: m1\n---\n")
        path.with_name("aside").rename(path)
        world.mailbox.ack(name, "b")
        drop(world, name, "---\nsubject: two\nid: m2\n---\n")

    seen = threading.Event()
    found: list[str] = []

    def tell(one: Message | SetAside) -> None:
        assert isinstance(one, Message)
        found.append(one.subject)
        seen.set()
        if one.subject == "two":
            raise Enough

    worker = threading.Thread(target=work)
    with pytest.raises(Enough):
        watching(world, tell, worker, waiting_too=True)
    worker.join()
    assert found[0] == "one"
    assert found[-1] == "two"
    assert len(found) <= 3


def test_a_message_by_hand_that_is_acknowledged_before_it_has_rested_is_told_of(world: World) -> None:
    def work() -> None:
        for number in range(10):
            drop(world, f"20260301-12000{number}-a-to-b.md", f"---\nsubject: {number}\n---\n")
            pause.wait(0.03)
            world.mailbox.ack(f"20260301-12000{number}-a-to-b.md", "b")

    pause = threading.Event()
    assert sorted(subjects(told(world, 10, work))) == [str(number) for number in range(10)]


def test_a_name_used_again_by_hand_is_told_of_once_also_when_it_is_acknowledged(world: World) -> None:
    name = "20260301-120000-a-to-b.md"
    drop(world, name, "---\nsubject: old\n---\n")
    world.mailbox.ack(name, "b")

    def work() -> None:
        path = drop(world, name, "---\nsubject: new\n---\n")
        seen.wait()
        assert path.exists()
        assert world.mailbox.ack(name, "b").name == "20260301-120000-a-to-b.2.md"
        world.mailbox.send("a", "b", "last", "")

    seen = threading.Event()
    found: list[str] = []

    def tell(one: Message | SetAside) -> None:
        assert isinstance(one, Message)
        found.append(one.subject)
        seen.set()
        if one.subject == "last":
            raise Enough

    worker = threading.Thread(target=work)
    with pytest.raises(Enough):
        watching(world, tell, worker, waiting_too=False)
    worker.join()
    assert found == ["new", "last"]


def test_a_file_that_is_written_slowly_by_hand_is_told_of_when_it_is_whole(world: World) -> None:
    def write() -> None:
        with (ensure_dir(world.layout.messages) / "20260301-120000-a-to-b.md").open("w") as file:
            for part in ("---\nsub", "ject: slow\n---\n", "first half", " and the rest"):
                file.write(part)
                file.flush()
                pause.wait(0.05)

    pause = threading.Event()
    [found] = told(world, 1, write)
    assert isinstance(found, Message)
    assert found.body == "first half and the rest"


def test_only_mail_of_those_asked_for_and_what_is_no_message_is_told_of(world: World) -> None:
    def send() -> None:
        world.mailbox.send("ann", "infra", "not to web", "")
        world.mailbox.send("bob", "web", "not from ann", "")
        old = drop(world, "hello.md", "x")
        os.utime(old, (1, 1))
        world.mailbox.send("ann", "web", "yes", "")

    found: Told = []

    def tell(one: Message | SetAside) -> None:
        found.append(one)
        if len(found) == 2:
            raise Enough

    worker = threading.Thread(target=send)
    with suppress(Enough):
        watching(world, tell, worker, recipient="web", sender="ann", waiting_too=True)
    worker.join()
    assert subjects(found) == ["yes"]
    [aside] = [one for one in found if isinstance(one, tuple)]
    assert aside[0] == "hello.md"
    assert "a message is named" in aside[1]


@pytest.fixture
def three(world: World) -> list[Message]:
    return [world.mailbox.send("ann", to, f"subject {to}", "") for to in ("web", "web", "coord")]


def test_a_message_is_meant_by_any_unique_beginning(world: World, three: list[Message]) -> None:
    first, second, third = three
    for name in (third.file, third.file.removesuffix(".md"), third.id, third.file[:-5]):
        assert find_message(world.mailbox, name) == third.file
    assert find_message(world.mailbox, "last") == third.file
    assert find_message(world.mailbox, "last", lane="web") == second.file
    assert find_message(world.mailbox, first.file.removesuffix(".md")) == first.file
    world.mailbox.ack(third.file, "coord")
    assert find_message(world.mailbox, third.file[:-5]) == third.file
    assert find_message(world.mailbox, third.id) == third.file


def test_a_short_name_that_means_several_or_none_says_which(world: World, three: list[Message]) -> None:
    with pytest.raises(UsageError) as caught:
        find_message(world.mailbox, three[0].file[:8])
    assert "may mean 3 messages" in caught.value.message
    assert all(message.file in caught.value.message for message in three)
    assert "subject coord" in caught.value.message
    with pytest.raises(UsageError, match="did you mean"):
        find_message(world.mailbox, three[0].file.replace("web", "wbe"))
    for name in ("", "zzz", "../x"):
        with pytest.raises(UsageError, match="there is no message"):
            find_message(world.mailbox, name)
    with pytest.raises(UsageError, match="no message waits for infra"):
        find_message(world.mailbox, "last", lane="infra")
