"""A turn's log: however it is cut into checkpoints, it tells what a client saw."""

from __future__ import annotations

import json
from typing import Any

from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    CustomTask,
    ErrorEvent,
    ProgressUpdateEvent,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemUpdate,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
    URLSource,
    Workflow,
    WorkflowItem,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)
from hypothesis import given
from hypothesis import strategies as st

from chat.turn_log import Fold, Journal, as_line, as_sse, events_in
from tests.fix_store import NOON, a_message, an_answer

MESSAGES = ("msg_a", "msg_b")
STEPS = "wf_a"
# Every sign that UTF-8 can spell, with those that could be taken for the end of a line.
TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]), st.sampled_from("\n\r\x0b\x85\u2028\u2029 é😀")
    ),
    max_size=8,
)


def added(item_id: str, *texts: str) -> ThreadItemAddedEvent:
    content = [AssistantMessageContent(text=text) for text in texts]
    item = AssistantMessageItem(id=item_id, thread_id="thr_1", created_at=NOON, content=content)
    return ThreadItemAddedEvent(item=item)


def update(item_id: str, change: ThreadItemUpdate) -> ThreadItemUpdatedEvent:
    return ThreadItemUpdatedEvent(item_id=item_id, update=change)


def delta(text: str, item_id: str = "msg_a", index: int = 0) -> ThreadItemUpdatedEvent:
    change = AssistantMessageContentPartTextDelta(content_index=index, delta=text)
    return update(item_id, change)


def steps_added() -> ThreadItemAddedEvent:
    workflow = Workflow(type="custom", tasks=[CustomTask(title="Begin")])
    item = WorkflowItem(id=STEPS, thread_id="thr_1", created_at=NOON, workflow=workflow)
    return ThreadItemAddedEvent(item=item)


def _events_of_a_message(item_id: str) -> st.SearchStrategy[ThreadStreamEvent]:
    index = st.integers(0, 2)
    source = Annotation(source=URLSource(url="https://example.com", title="Example"))
    return st.one_of(
        st.builds(lambda text, at: delta(text, item_id, at), TEXT, index),
        st.builds(lambda text: delta(text, item_id), TEXT),
        st.builds(lambda text: delta(text, item_id), TEXT),
        st.builds(
            lambda text, at: update(
                item_id,
                AssistantMessageContentPartAdded(
                    content_index=at, content=AssistantMessageContent(text=text)
                ),
            ),
            TEXT,
            index,
        ),
        st.builds(
            lambda text, at: update(
                item_id,
                AssistantMessageContentPartDone(
                    content_index=at, content=AssistantMessageContent(text=text)
                ),
            ),
            TEXT,
            index,
        ),
        st.builds(
            lambda at: update(
                item_id,
                AssistantMessageContentPartAnnotationAdded(
                    content_index=at, annotation_index=0, annotation=source
                ),
            ),
            index,
        ),
        st.builds(lambda text: added(item_id, text), TEXT),
        st.builds(lambda text: ThreadItemDoneEvent(item=an_answer(item_id, text)), TEXT),
        st.just(ThreadItemRemovedEvent(item_id=item_id)),
    )


EVENTS = st.lists(
    st.one_of(
        *map(_events_of_a_message, MESSAGES),
        st.builds(lambda text: ThreadItemDoneEvent(item=a_message("msg_u", text)), TEXT),
        st.builds(steps_added),
        st.builds(
            lambda text: update(
                STEPS, WorkflowTaskAdded(task_index=1, task=CustomTask(title=text))
            ),
            TEXT,
        ),
        st.builds(
            lambda text: update(
                STEPS, WorkflowTaskUpdated(task_index=0, task=CustomTask(title=text))
            ),
            TEXT,
        ),
        st.builds(lambda text: ProgressUpdateEvent(text=text), TEXT),
        st.builds(lambda text: ErrorEvent(message=text), TEXT),
    ),
    max_size=40,
)
CUTS = st.lists(st.booleans(), max_size=40)


def journaled(events: list[ThreadStreamEvent], cuts: list[bool]) -> list[str]:
    """Return the checkpoints of a turn that stored one after each event with a cut."""
    journal, checkpoints = Journal(), []
    for number, event in enumerate(events):
        journal.add(event, as_line(event))
        if number < len(cuts) and cuts[number]:
            checkpoints.append(journal.take())
    return [*checkpoints, journal.take()]


def shown(fold: Fold) -> dict[str, Any]:
    """Return what a fold knows, as plain values."""
    return {
        "done": {key: item.model_dump(mode="json") for key, item in fold.done.items()},
        "unfinished": {key: item.model_dump(mode="json") for key, item in fold.unfinished.items()},
        "error": fold.error and fold.error.message,
    }


def seen(events: list[ThreadStreamEvent]) -> dict[str, list[str]]:
    """Return the texts of all messages as a client has them that knows JSON and nothing else."""
    texts: dict[str, list[str]] = {}
    for event in events:
        words = json.loads(as_line(event))
        match words:
            case {"type": "thread.item.added" | "thread.item.done", "item": {"content": parts}}:
                texts[words["item"]["id"]] = [part["text"] for part in parts]
            case {"type": "thread.item.removed"}:
                texts.pop(words["item_id"], None)
            case {"type": "thread.item.updated", "item_id": name, "update": change}:
                _see(texts.get(name), change)
    return texts


def _see(parts: list[str] | None, change: dict[str, Any]) -> None:
    if parts is None or "content_index" not in change:
        return
    at = change["content_index"]
    parts += [""] * (at + 1 - len(parts))
    if "delta" in change:
        parts[at] += change["delta"]
    elif "content" in change:
        parts[at] = change["content"]["text"]


@given(EVENTS, CUTS)
def test_any_checkpoints_fold_to_the_same_items(
    events: list[ThreadStreamEvent], cuts: list[bool]
) -> None:
    direct, stored = Fold(), Fold()

    direct.take(event.model_copy(deep=True) for event in events)
    for lines in journaled(events, cuts):
        stored.take_lines(lines)

    assert shown(stored) == shown(direct)


@given(st.lists(_events_of_a_message("msg_a"), max_size=30), CUTS)
def test_the_text_that_is_folded_is_the_text_that_a_client_saw(
    events: list[ThreadStreamEvent], cuts: list[bool]
) -> None:
    # What comes after `done` belongs to nobody, so a client that is told so stops there.
    last = next((n for n, e in enumerate(events) if isinstance(e, ThreadItemDoneEvent)), None)
    events = [added("msg_a"), *events[: None if last is None else last + 1]]
    fold = Fold()

    for lines in journaled(events, cuts):
        fold.take_lines(lines)

    texts = {
        item.id: [part.text for part in item.content]
        for item in [*fold.done.values(), *fold.unfinished.values()]
        if isinstance(item, AssistantMessageItem)
    }
    assert texts == seen(events)


@given(EVENTS, CUTS)
def test_a_checkpoint_is_lines_of_one_event_each(
    events: list[ThreadStreamEvent], cuts: list[bool]
) -> None:
    for lines in journaled(events, cuts):
        assert [as_line(event) for event in events_in(lines)] == [x for x in lines.split("\n") if x]


def test_deltas_that_follow_each_other_become_one() -> None:
    journal = Journal()
    for event in (delta("a"), delta("b"), delta("c"), delta("d", index=1), delta("e", "msg_b")):
        journal.add(event, as_line(event))

    updates = [json.loads(line) for line in journal.take().split("\n")]

    assert [(u["item_id"], u["update"]["delta"]) for u in updates] == [
        ("msg_a", "abc"),
        ("msg_a", "d"),
        ("msg_b", "e"),
    ]


def test_joining_changes_no_event_of_the_caller() -> None:
    journal, first = Journal(), delta("a")
    journal.add(first, as_line(first))
    journal.add(delta("b"), as_line(delta("b")))
    journal.take()

    assert first == delta("a")


def test_what_the_caller_does_to_an_event_afterwards_is_not_stored() -> None:
    journal, begun, first = Journal(), added("msg_a", "One"), delta("two")
    for event in (begun, first, delta("!")):
        journal.add(event, as_line(event))
    assert isinstance(begun.item, AssistantMessageItem)
    assert isinstance(first.update, AssistantMessageContentPartTextDelta)

    begun.item.content[0].text = "changed"
    first.update.delta = "changed"

    expected = [as_line(added("msg_a", "One")), as_line(delta("two!"))]
    assert journal.take().split("\n") == expected


def test_a_journal_begins_anew_after_it_was_taken() -> None:
    journal = Journal()
    journal.add(delta("a"), as_line(delta("a")))

    first, second = journal.take(), journal.take()

    assert events_in(first) == [delta("a")]
    assert second == ""
    assert events_in("") == []


def test_following_an_item_does_not_change_the_event_that_began_it() -> None:
    event, fold = added("msg_a", "One "), Fold()

    fold.take([event, delta("two")])

    assert event == added("msg_a", "One ")
    assert fold.unfinished["msg_a"] == added("msg_a", "One two").item


def test_written_is_what_says_something_and_is_not_done() -> None:
    fold = Fold()
    fold.take(
        [
            added("msg_a", " \n"),
            added("msg_b", "", "words"),
            added("msg_c", "done"),
            ThreadItemDoneEvent(item=an_answer("msg_c", "done")),
            steps_added(),
        ]
    )

    assert [item.id for item in fold.written()] == ["msg_b"]


def test_an_update_of_something_unknown_is_passed_over() -> None:
    fold = Fold()

    fold.take(
        [
            delta("lost", "msg_unknown"),
            update(STEPS, WorkflowTaskAdded(task_index=0, task=CustomTask())),
        ]
    )

    assert shown(fold) == {"done": {}, "unfinished": {}, "error": None}


def test_a_server_sent_event_is_one_line_of_data() -> None:
    data = as_sse(as_line(delta("a\nb\r\u2028")))

    assert data.startswith(b"data: {")
    assert data.endswith(b"}\n\n")
    assert data.count(b"\n") == 2
    assert b"\r" not in data
