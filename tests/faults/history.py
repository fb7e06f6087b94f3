"""What clients sent and were told, written down, and what is found of it afterwards, compared.

The writers of a run note each try to send a message (`History`). Afterwards all that is stored is
read (`Found`), and `check` says what does not fit together. Nothing here knows a server or a clock:
the order within a conversation is that of its numbers, because a client sends the next message
only after it is done with the one before.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

PEOPLE: Final = "user_message"
ANSWERS: Final = "assistant_message"
ENDED_EARLY: Final = frozenset({"stopped", "interrupted", "failed"})
PROBLEMS: Final = (
    "messages lost",
    "messages doubled",
    "messages out of order",
    "messages in another thread",
    "messages that nobody sent",
    "items of somebody else",
    "messages refused and yet stored",
    "answers lost",
    "answers doubled",
    "answers to something else",
    "answers cut short without a word",
)


class Told(Enum):
    """What a client knows after one try to send a message."""

    ACKNOWLEDGED = "acknowledged"
    """The first event of the answer came back."""
    REFUSED = "refused"
    """The server said that it stored nothing, or there was nobody to take it."""
    UNCLEAR = "unclear"
    """Anything else: the connection broke, or the server could not say."""


@dataclass(eq=False)
class Sent:
    """A message of somebody: the number-th one of a conversation, and what its tries came to."""

    user_id: str
    conversation: str
    number: int
    tries: list[Told] = field(default_factory=list)
    thread_id: str | None = None
    """Where it is, if the client was told."""
    answered: bool = False
    """Whether the client was shown the end of the whole answer."""

    @property
    def text(self) -> str:
        """The words of it, which no other message has."""
        return f"{self.conversation}.{self.number}"

    @property
    def told(self) -> Told:
        """What its client knows after all tries."""
        if Told.ACKNOWLEDGED in self.tries:
            return Told.ACKNOWLEDGED
        # A try of which nothing is known may still be stored, whatever the next one was told.
        unclear = not self.tries or Told.UNCLEAR in self.tries
        return Told.UNCLEAR if unclear else Told.REFUSED


class History:
    """All messages that clients sent; safe to use from any thread."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._lock = threading.Lock()
        self._acknowledged = 0

    @property
    def acknowledged(self) -> int:
        """How many messages were acknowledged so far."""
        return self._acknowledged

    def sending(self, user_id: str, conversation: str, number: int) -> Sent:
        """Note that somebody is about to send a message."""
        sent = Sent(user_id, conversation, number)
        with self._lock:
            self.sent.append(sent)
        return sent

    def tried(self, sent: Sent, told: Told) -> None:
        """Note what one try came to."""
        with self._lock:
            first = told is Told.ACKNOWLEDGED and told not in sent.tries
            self._acknowledged += first
            sent.tries.append(told)


@dataclass(frozen=True)
class Found:
    """An item as it is stored; within a thread they come in their order."""

    user_id: str
    thread_id: str
    kind: str
    text: str
    outcome: str | None = None


def answer_to(text: str) -> str:
    """Return the answer that belongs to a message, and to no other."""
    return " ".join(f"{text}-{number}" for number in range(8))


@dataclass
class Findings:
    """What does not fit, by its kind and with the words of it; and what was counted beside."""

    wrong: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in PROBLEMS})
    counted: Counter[str] = field(default_factory=Counter)

    @property
    def problems(self) -> dict[str, list[str]]:
        """Only what there is, and of each kind the first ten."""
        return {name: found[:10] for name, found in self.wrong.items() if found}

    def figures(self) -> dict[str, int]:
        """Return how many there are of each kind of problem, zeros too."""
        return {name: len(found) for name, found in self.wrong.items()}


def check(history: Iterable[Sent], found: Iterable[Found]) -> Findings:
    """Compare what clients were told with all that is stored, and say what does not fit."""
    return _Check(list(history), list(found)).findings


class _Check:
    def __init__(self, history: list[Sent], found: list[Found]) -> None:
        self.findings = Findings()
        self._by_text = {sent.text: sent for sent in history}
        self._threads: dict[tuple[str, str], list[Found]] = defaultdict(list)
        self._places: dict[str, list[Found]] = defaultdict(list)
        self._answers: dict[str, list[Found]] = defaultdict(list)
        for item in found:
            self._threads[item.user_id, item.thread_id].append(item)
        for items in self._threads.values():
            self._read_thread(items)
        for sent in history:
            self._judge(sent)

    def _note(self, problem: str, what: str) -> None:
        self.findings.wrong[problem].append(what)

    def _read_thread(self, items: list[Found]) -> None:
        """Sort a thread's items: its messages, their order, and the answers between them."""
        asked: Sent | None = None
        messages: list[Sent] = []
        for item in items:
            if item.kind == PEOPLE:
                asked = self._sent(item)
                messages += [asked] if asked else []
            elif item.kind == ANSWERS:
                self._take_answer(item, asked)
        self._check_order(messages)

    def _sent(self, item: Found) -> Sent | None:
        sent = self._by_text.get(item.text)
        if sent is None:
            self._note("messages that nobody sent", item.text)
            return None
        if sent.user_id != item.user_id:
            self._note("items of somebody else", item.text)
            return None
        self._places[item.text].append(item)
        return sent

    def _take_answer(self, item: Found, asked: Sent | None) -> None:
        if asked is not None and answer_to(asked.text).startswith(item.text):
            self._answers[asked.text].append(item)
            return
        # Every word of an answer names the message that it belongs to.
        named = self._by_text.get(item.text.partition(" ")[0].rpartition("-")[0])
        foreign = named is not None and named.user_id != item.user_id
        self._note("items of somebody else" if foreign else "answers to something else", item.text)

    def _check_order(self, messages: list[Sent]) -> None:
        """Nobody's message may stand before one that was acknowledged before it was sent."""
        earliest: dict[str, int] = {}
        for sent in reversed(messages):
            if sent.number > earliest.get(sent.conversation, sent.number):
                self._note("messages out of order", sent.text)
            # Of one that is not acknowledged nobody knows when it got through.
            if sent.told is Told.ACKNOWLEDGED:
                least = earliest.get(sent.conversation, sent.number)
                earliest[sent.conversation] = min(least, sent.number)

    def _judge(self, sent: Sent) -> None:
        places = self._places[sent.text]
        known = sent.thread_id
        self.findings.counted[f"{sent.told.value}, {'stored' if places else 'not stored'}"] += 1
        if sent.told is Told.ACKNOWLEDGED and not places:
            self._note("messages lost", sent.text)
        if len(places) > 1:
            self._note("messages doubled", f"{sent.text}: {len(places)} times")
        if sent.told is Told.REFUSED and places:
            self._note("messages refused and yet stored", sent.text)
        if known is not None and any(place.thread_id != known for place in places):
            self._note("messages in another thread", sent.text)
        if places:
            self._judge_answer(sent, places[0], self._answers[sent.text])

    def _judge_answer(self, sent: Sent, place: Found, answers: list[Found]) -> None:
        if len(answers) > 1:
            self._note("answers doubled", f"{sent.text}: {len(answers)} times")
        if any(answer.text == answer_to(sent.text) for answer in answers):
            self.findings.counted["answers, whole"] += 1
            return
        if sent.answered:
            self._note("answers lost", f"{sent.text}: it was shown whole")
        # How it ended stands beside what was written of it, or else beside the message.
        ended = answers[0] if answers else place
        if ended.outcome in ENDED_EARLY:
            self.findings.counted[f"answers, {ended.outcome}"] += 1
        else:
            self._note("answers cut short without a word", sent.text)
