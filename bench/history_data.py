"""Makes the conversations of thousands of people, for `bench.history`.

One person has a twentieth of all threads, another one thread with a hundredth of all messages, and
the rest is spread evenly. Everything comes from one seed: two runs make the same data.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageItem,
    InferenceOptions,
    ThreadMetadata,
    UserMessageItem,
    UserMessageTextContent,
)

from chat.search_text import owner_of, preview_of, text_of, words_of

WORDS: Final = 20_000
"""Words that people know; the n-th is used a 1/n-th as often as the first, as words are."""
BODIES: Final = 5_000
"""Different messages; the same one is said by many people."""
WORDS_OF_A_MESSAGE: Final = 16
LAST: Final = datetime(2026, 10, 1, tzinfo=UTC)
FIRST: Final = LAST - timedelta(days=730)
BATCH: Final = 5_000
"""Threads between two lines of progress."""

THREADS: Final = """
    COPY chatkit_thread (user_id, id, title, title_words, title_source, document, last_position,
                         created_at, last_message_at)
    FROM STDIN
"""
ITEMS: Final = """
    COPY chatkit_thread_item (user_id, thread_id, position, id, kind, document, preview, words,
                              created_at)
    FROM STDIN
"""
INDEXES: Final = """
    SELECT index.indexrelid::regclass::text, pg_get_indexdef(index.indexrelid)
      FROM pg_index AS index
     WHERE index.indrelid IN ('chatkit_thread'::regclass, 'chatkit_thread_item'::regclass)
       AND NOT index.indisunique
"""


@dataclass(frozen=True)
class Size:
    """How much there is of everything; `scaled` keeps the proportions."""

    users: int = 10_000
    threads: int = 1_000_000
    messages: int = 10_000_000

    def scaled(self, share: float) -> Size:
        """Return the same with a share of it."""
        return Size(int(self.users * share), int(self.threads * share), int(self.messages * share))

    @property
    def of_the_busiest(self) -> int:
        """Threads of the person who has most."""
        return self.threads // 20

    @property
    def longest(self) -> int:
        """Messages in the longest thread."""
        return self.messages // 100


@dataclass(frozen=True)
class Body:
    """A message that somebody wrote, ready to be somebody's."""

    kind: str
    document: tuple[str, str, str]
    preview: str
    words: list[str]


@dataclass(frozen=True)
class People:
    """The ids of those whose pages are measured; everybody else is made up."""

    busiest: str
    patient: str
    """Who has the longest thread."""
    usual: str


LONGEST_THREAD: Final = "thr_longest"


def fill(dsn: str, size: Size, people: People) -> None:
    """Fill a migrated, empty database; indexes are built at the end, which is faster."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        # Keys point where they should, because they are made so: nobody has to look.
        conn.execute("SET session_replication_role = replica")
        conn.execute("SET maintenance_work_mem = '1GB'")
        indexes = conn.execute(INDEXES).fetchall()
        for name, _ in indexes:
            conn.execute(f"DROP INDEX {name}")
        _copy(dsn, conn, size, people)
        for name, definition in indexes:
            began = time.monotonic()
            conn.execute(definition)
            _tell(f"  index {name} in {time.monotonic() - began:.0f} s")
        began = time.monotonic()
        conn.execute("VACUUM (ANALYZE) chatkit_thread, chatkit_thread_item")
        _tell(f"  vacuumed in {time.monotonic() - began:.0f} s")


def common_word(share: float) -> str:
    """Return the word that is nearest to being in this share of all messages."""
    uses = Counter(word for body in _bodies() for word in body.words)
    return min(uses, key=lambda word: (abs(uses[word] / BODIES - share), word))


def _copy(dsn: str, conn: psycopg.Connection[Any], size: Size, people: People) -> None:
    bodies, dice = _bodies(), random.Random(7)  # noqa: S311
    began, done = time.monotonic(), 0
    threads, items = list[str](), list[str]()
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute("SET session_replication_role = replica")
        for owner, thread_id, count, moment in _threads(size, people, dice):
            head, said = _conversation(owner, thread_id, count, moment, bodies, dice)
            threads.append(head)
            items += said
            done += 1
            if len(threads) == BATCH or len(items) > BATCH * 20 or done == size.threads:
                _write(conn, THREADS, threads)
                _write(other, ITEMS, items)
                threads, items = [], []
                pace = done / (time.monotonic() - began)
                _tell(f"  {done:>9,} of {size.threads:,} threads, {pace:,.0f} a second")


def _threads(
    size: Size, people: People, dice: random.Random
) -> Iterator[tuple[str, str, int, datetime]]:
    """Yield an owner, an id, how many messages, and when the last was, thread by thread."""
    others = [people.usual, *(f"user_{number:08d}" for number in range(size.users - 3))]
    usual = round((size.messages - size.longest) / (size.threads - 1))
    span = (LAST - FIRST) / size.threads
    for number in range(size.threads):
        moment = FIRST + span * (number + 1)
        if number == size.threads // 2:
            yield people.patient, LONGEST_THREAD, size.longest, moment
            continue
        busy = number % 20 == 0
        owner = people.busiest if busy else others[dice.randrange(len(others))]
        yield owner, f"thr_{number:012x}{dice.getrandbits(64):016x}", usual, moment


def _conversation(
    owner: str,
    thread_id: str,
    count: int,
    moment: datetime,
    bodies: list[Body],
    dice: random.Random,
) -> tuple[str, list[str]]:
    """Return the line of a thread and the lines of its messages, as COPY takes them."""
    mark, began = owner_of(owner), moment - timedelta(seconds=20 * count)
    chosen = [bodies[dice.randrange(BODIES)] for _ in range(count)]
    lines = []
    for position, body in enumerate(chosen, start=1):
        said_at = began + timedelta(seconds=20 * position)
        item_id = f"msg_{thread_id[4:]}{position:06x}"
        document = f"{body.document[0]}{item_id}{body.document[1]}{thread_id}{body.document[2]}"
        words = " ".join([f"'{mark}{word}'" for word in body.words])
        lines.append(
            f"{owner}\t{thread_id}\t{position}\t{item_id}\t{body.kind}\t{document}\t"
            f"{body.preview}\t{words}\t{said_at.isoformat()}\n"
        )
    title = chosen[0].preview[:50].strip()
    title_words = " ".join([f"'{mark}{word}'" for word in words_of(title)])
    metadata = ThreadMetadata.model_construct(id=thread_id, created_at=began)
    head = (
        f"{owner}\t{thread_id}\t{title}\t{title_words}\tmessage\t"
        f"{_document_of(metadata)}\t{count}\t{began.isoformat()}\t{moment.isoformat()}\n"
    )
    return head, lines


def _document_of(thread: ThreadMetadata) -> str:
    return (
        f'{{"id":"{thread.id}","created_at":"{thread.created_at.isoformat()}",'
        '"status":{"type":"active"},"metadata":{}}'
    )


def _bodies() -> list[Body]:
    """Return the messages that people choose from, each a question or an answer."""
    dice = random.Random(3)  # noqa: S311
    known = _vocabulary(dice)
    weights = [1 / rank for rank in range(1, WORDS + 1)]
    bodies = []
    for number in range(BODIES):
        length = dice.randint(WORDS_OF_A_MESSAGE // 2, WORDS_OF_A_MESSAGE * 3 // 2)
        text = " ".join(dice.choices(known, weights, k=length)).capitalize() + "."
        bodies.append(_body(text, asked=number % 2 == 0))
    return bodies


def _body(text: str, *, asked: bool) -> Body:
    item: UserMessageItem | AssistantMessageItem
    common: dict[str, Any] = {"id": "ITEM", "thread_id": "THREAD", "created_at": LAST}
    if asked:
        item = UserMessageItem(
            **common,
            content=[UserMessageTextContent(text=text)],
            inference_options=InferenceOptions(),
        )
    else:
        item = AssistantMessageItem(**common, content=[AssistantMessageContent(text=text)])
    before, _, rest = item.model_dump_json().partition("ITEM")
    between, _, after = rest.partition("THREAD")
    words = words_of(text_of(item) or "")
    return Body(item.type, (before, between, after), preview_of(item) or "", words)


def _vocabulary(dice: random.Random) -> list[str]:
    """Return made-up words that can be said: consonants and vowels in turns."""
    sounds = [first + second for first in "bdfghklmnprstvz" for second in "aeiou"]
    words = set[str]()
    while len(words) < WORDS:
        words.add("".join(dice.choices(sounds, k=dice.randint(2, 4))))
    return sorted(words, key=lambda word: (len(word), word[::-1]))


def _write(conn: psycopg.Connection[Any], statement: str, lines: list[str]) -> None:
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write("".join(lines))


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
