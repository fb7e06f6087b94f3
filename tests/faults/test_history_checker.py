"""The checker finds what is planted, and nothing where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.history import ANSWERS, PEOPLE, Found, History, Sent, Told, answer_to, check

ACKNOWLEDGED, REFUSED, UNCLEAR = Told.ACKNOWLEDGED, Told.REFUSED, Told.UNCLEAR


def a_history(*tries: list[Told], user_id: str = "alice", conversation: str = "a1") -> list[Sent]:
    """Return a conversation whose messages came to this, one after the other."""
    history = History()
    for number, told in enumerate(tries):
        sent = history.sending(user_id, conversation, number)
        for each in told:
            history.tried(sent, each)
    return history.sent


def stored(sent: Sent, thread_id: str = "thr_1") -> list[Found]:
    """Return a message and its whole answer as they are found."""
    return [
        Found(sent.user_id, thread_id, PEOPLE, sent.text),
        Found(sent.user_id, thread_id, ANSWERS, answer_to(sent.text)),
    ]


def three() -> tuple[list[Sent], list[Found]]:
    """Return three acknowledged messages, and the thread as it should be."""
    history = a_history([ACKNOWLEDGED], [UNCLEAR, ACKNOWLEDGED], [REFUSED, ACKNOWLEDGED])
    return history, [item for sent in history for item in stored(sent)]


def only(problem: str, history: list[Sent], found: list[Found]) -> bool:
    return set(check(history, found).problems) == {problem}


def test_a_thread_as_it_should_be_has_no_problems() -> None:
    history, found = three()

    findings = check(history, found)

    assert findings.problems == {}
    assert set(findings.figures().values()) == {0}
    assert findings.counted == {"acknowledged, stored": 3, "answers, whole": 3}


def test_a_message_that_is_not_there_is_lost() -> None:
    history, found = three()

    assert check(history, found[:-2]).problems == {"messages lost": ["a1.2"]}


def test_a_message_that_is_there_twice_is_doubled() -> None:
    history, found = three()

    assert only("messages doubled", history, [*found, found[-2]])
    # One that may not be there at all may not be there twice either.
    [unclear] = a_history([UNCLEAR], conversation="a2")
    twice = [*stored(unclear, "thr_2"), *stored(unclear, "thr_3")]
    assert "messages doubled" in check([unclear], twice).problems


def test_messages_that_changed_places_are_out_of_order() -> None:
    history, found = three()

    changed = found[2:4] + found[0:2] + found[4:]

    assert check(history, changed).problems == {"messages out of order": ["a1.1"]}


def test_what_is_unclear_may_come_late_but_not_before_what_was_acknowledged_before_it() -> None:
    history = a_history([ACKNOWLEDGED], [UNCLEAR], [ACKNOWLEDGED])
    first, unclear, last = [stored(sent) for sent in history]

    assert check(history, first + unclear + last).problems == {}
    assert check(history, first + last + unclear).problems == {}
    assert check(history, first + last).problems == {}
    assert only("messages out of order", history, unclear + first + last)


def test_a_message_that_nobody_sent_is_found() -> None:
    history, found = three()

    phantom = replace(found[0], text="a1.77")

    assert check(history, [*found, phantom]).problems == {"messages that nobody sent": ["a1.77"]}


@pytest.mark.parametrize("place", [0, 1])
def test_a_message_or_an_answer_of_somebody_else_is_found(place: int) -> None:
    history, found = three()
    others = a_history([ACKNOWLEDGED], user_id="mallory", conversation="m1")

    theirs = stored(others[0], "thr_9")
    strayed = replace(theirs[place], user_id="alice", thread_id="thr_1")

    assert only("items of somebody else", history + others, found + theirs + [strayed])


def test_a_message_in_another_thread_than_was_told_is_found() -> None:
    history, found = three()
    history[2].thread_id = "thr_1"

    assert check(history, found).problems == {}
    moved = [replace(item, thread_id="thr_2") for item in found[-2:]]
    assert only("messages in another thread", history, found[:-2] + moved)


def test_a_refused_message_is_not_there_and_an_unclear_one_may_be() -> None:
    for tries, problem in (([REFUSED, REFUSED], True), ([UNCLEAR, REFUSED], False)):
        history = a_history(tries)

        assert check(history, []).problems == {}
        problems = check(history, stored(history[0])).problems
        assert list(problems) == ["messages refused and yet stored"] * problem
    assert check(history, []).counted == {"unclear, not stored": 1}


def test_an_answer_that_was_cut_short_has_to_say_so() -> None:
    history, found = three()
    *rest, answer = found
    some = replace(answer, text=answer.text[:9])

    assert only("answers cut short without a word", history, [*rest, some])
    assert only("answers cut short without a word", history, rest)
    findings = check(history, [*rest, replace(some, outcome="interrupted")])
    assert findings.problems == {}
    assert findings.counted["answers, interrupted"] == 1
    beside_the_message = replace(rest[-1], outcome="failed")
    assert check(history, [*rest[:-1], beside_the_message]).problems == {}


def test_an_answer_that_was_shown_whole_has_to_be_there() -> None:
    history, found = three()
    *rest, answer = found
    history[2].answered = True

    short = replace(answer, text=answer.text[:9], outcome="interrupted")

    assert check(history, found).problems == {}
    assert only("answers lost", history, [*rest, short])


def test_an_answer_is_there_once_and_belongs_to_its_message() -> None:
    history, found = three()

    assert only("answers doubled", history, [*found, found[-1]])
    changed = [*found[:4], found[4], found[1]]
    assert set(check(history, changed).problems) == {
        "answers to something else",
        "answers cut short without a word",
    }
