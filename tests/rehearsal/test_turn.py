"""The state of the conversation: turns, the queue, failures, what is kept."""

from __future__ import annotations

from loop_orchestrator.rehearsal.turn import KEPT_CHARACTERS, KEPT_ENTRIES, Approval, Conversation, Entry, Mark


def test_queued_prompts_come_back_in_order_at_the_end_of_turns() -> None:
    conversation = Conversation()
    conversation.begin("first", 0.0)
    began = conversation.working
    conversation.queue("second")
    conversation.queue("third")
    assert [conversation.end(), conversation.end(), conversation.end()] == ["second", "third", ""]
    assert (began, conversation.working) == (True, False)


def test_a_failure_moves_into_the_conversation_when_the_next_turn_begins() -> None:
    conversation = Conversation()
    conversation.begin("one", 0.0)
    conversation.fail("API Error: overloaded")
    conversation.end()
    failures = [conversation.failure]
    conversation.begin("two", 1.0)
    assert [*failures, conversation.failure] == ["API Error: overloaded", ""]
    assert list(conversation.entries)[1:] == [
        Entry(Mark.ANSWER, "The turn before failed: API Error: overloaded"),
        Entry(Mark.PROMPT, "two"),
    ]


def test_an_open_question_ends_with_its_turn() -> None:
    conversation = Conversation()
    conversation.begin("one", 0.0)
    conversation.ask("rm x")
    conversation.choose(yes=False)
    asked = [conversation.approval]
    conversation.end()
    conversation.choose(yes=True)
    assert [*asked, conversation.approval] == [Approval("rm x", yes=False), None]


def test_what_is_kept_is_bounded() -> None:
    conversation = Conversation(("greeting",))
    for number in range(KEPT_ENTRIES):
        conversation.say(str(number))
    assert (len(conversation.entries), conversation.entries[0]) == (KEPT_ENTRIES, Entry(Mark.ANSWER, "0"))
    conversation.say("x" * (KEPT_CHARACTERS + 1))
    assert conversation.entries[-1].text == "x" * KEPT_CHARACTERS + "…"
    conversation.begin("line\n" * 100_000, 0.0)
    assert conversation.entries[-1] == Entry(Mark.PROMPT, "line…")
