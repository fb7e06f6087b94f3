"""Much answer at once, or in very many pieces: what a frame has to do is counted, never timed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page, expect

from dev.scripted_chatkit import (
    ANSWER,
    THREAD,
    ScriptedChatKit,
    added,
    answer,
    done,
    event,
    item,
    question,
    turn,
)
from tests.browser.bare_page import chatkit, open_page, page

__all__ = ["chatkit", "page"]

MEGABYTE = 1_000_000
# Twice what is shown at a time: the timer of hidden tabs stands in for a frame that is late.
MOST_IN_A_FRAME = 2 * (16_000 + 2_000)

# Counts, between one frame and the next, the changes that the answer's text saw, the letters that
# it grew by, and how often the place of the conversation was read or set: each may be a layout.
COUNT = """() => {
    const root = document.querySelector("threadkeeper-chat").shadowRoot;
    const list = root.querySelector(".messages");
    const seen = (window.counted = { letters: 0, batches: 0, reads: 0, frames: 0, length: 0 });
    let now = { batches: 0, reads: 0 };
    new MutationObserver(() => (now.batches += 1)).observe(list, {
        childList: true, characterData: true, subtree: true });
    for (const name of ["scrollTop", "scrollHeight"]) {
        const { get, set } = Object.getOwnPropertyDescriptor(Element.prototype, name);
        Object.defineProperty(Element.prototype, name, {
            configurable: true,
            get() { now.reads += 1; return get.call(this); },
            set: set && function (value) { now.reads += 1; set.call(this, value); },
        });
    }
    const frame = () => {
        const length = root.querySelector(".item-assistant .prose")?.textContent.length ?? 0;
        seen.letters = Math.max(seen.letters, length - seen.length);
        seen.length = length;
        seen.batches = Math.max(seen.batches, now.batches);
        seen.reads = Math.max(seen.reads, now.reads);
        seen.frames += 1;
        now = { batches: 0, reads: 0 };
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    window.over = new Promise((over) =>
        document.addEventListener("chatkit.response.end", over, { once: true }));
}"""
OVER = "() => window.over.then(() => new Promise(requestAnimationFrame)).then(() => window.counted)"


def ask(page: Page) -> dict[str, Any]:
    """Ask, wait for the whole answer, and return what was counted."""
    page.evaluate(COUNT)
    page.get_by_role("textbox", name="Message").fill("Go on")
    page.keyboard.press("Enter")
    counted: dict[str, Any] = page.evaluate(OVER)
    return counted


def in_pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def test_a_megabyte_in_one_chunk_is_spread_over_many_frames(
    page: Page, chatkit: ScriptedChatKit
) -> None:
    text = ("Some **bold** words.\n\n" * MEGABYTE)[:MEGABYTE]
    chatkit.script = lambda: map(event, turn([text]))

    counted = ask(page)

    assert 0 < counted["letters"] <= MOST_IN_A_FRAME
    assert counted["frames"] > MEGABYTE / MOST_IN_A_FRAME
    shown = page.locator(".item-assistant .prose").evaluate("one => one.textContent")
    assert shown.endswith(text[-900_000:])


def test_very_many_chunks_change_the_page_once_a_frame(
    page: Page, chatkit: ScriptedChatKit
) -> None:
    text = "word " * 20_000
    stream = b"".join(map(event, turn(in_pieces(text, 5))))
    chatkit.script = lambda: in_bytes(stream)

    counted = ask(page)

    assert counted["length"] == len(text)
    # One for what is shown, one for the end of the turn; without batching there are thousands.
    assert counted["batches"] <= 4
    assert counted["reads"] <= 16
    assert counted["letters"] <= MOST_IN_A_FRAME


def in_bytes(stream: bytes) -> Iterator[bytes]:
    for start in range(0, len(stream), 1_000):
        yield stream[start : start + 1_000]


def test_a_card_that_grows_is_drawn_once_a_frame(page: Page, chatkit: ScriptedChatKit) -> None:
    words = [f"word{number} " for number in range(2_000)]
    card = {"type": "Card", "children": [{"type": "Text", "id": "t", "value": ""}]}
    whole = {"type": "Card", "children": [{"type": "Text", "id": "t", "value": "".join(words)}]}
    grow = {"type": "widget.streaming_text.value_delta", "component_id": "t", "done": False}
    chatkit.script = lambda: map(
        event,
        [
            {"type": "thread.created", "thread": THREAD},
            done(question()),
            added(item("widget", ANSWER, widget=card)),
            *(
                {
                    "type": "thread.item.updated",
                    "item_id": ANSWER,
                    "update": {**grow, "delta": word},
                }
                for word in words
            ),
            done(item("widget", ANSWER, widget=whole)),
        ],
    )

    counted = ask(page)

    assert counted["batches"] <= 4
    expect(page.locator(".item-widget")).to_have_count(1)
    expect(page.locator(".item-widget .widget-text")).to_have_text("".join(words).strip())


def test_a_page_without_frames_shows_the_answer_all_the_same(
    page: Page, chatkit: ScriptedChatKit
) -> None:
    text = "words " * 20_000
    page.add_init_script(
        "window.requestAnimationFrame = () => 0;"
        "Object.defineProperty(document, 'hidden', { get: () => true })"
    )
    open_page(page, chatkit.url)
    chatkit.script = lambda: map(event, turn(in_pieces(text, 1_000)))

    page.get_by_role("textbox", name="Message").fill("Go on")
    page.keyboard.press("Enter")

    expect(page.locator(".item-assistant:not(.item-writing) .prose")).to_have_text(text.strip())


def test_only_what_is_near_the_window_of_a_long_answer_is_laid_out(
    page: Page, chatkit: ScriptedChatKit
) -> None:
    chatkit.script = lambda: map(event, turn(["word " * (MEGABYTE // 5)]))

    ask(page)

    # What lies in a part that is passed over has no visible element, so each gets one.
    parts, laid_out = page.locator(".item-assistant .prose").evaluate(
        """(prose) => {
            const parts = [...prose.querySelectorAll(".plain")];
            const inside = parts.map((part) => part.appendChild(document.createElement("i")));
            const auto = { contentVisibilityAuto: true };
            const seen = inside.filter((one) => one.checkVisibility(auto));
            return [parts.length, seen.length];
        }"""
    )
    assert parts > 150
    assert 0 < laid_out < 10


def test_a_reader_in_the_middle_of_a_long_answer_keeps_the_place(
    page: Page, chatkit: ScriptedChatKit
) -> None:
    before = "".join(f"Paragraph {number} of them.\n\n" for number in range(300))
    after = [f"Much later, {number}.\n\n" for number in range(300)]
    ends = answer(before)
    chatkit.items = [question(), ends]
    page.evaluate("document.querySelector('threadkeeper-chat').setThreadId('thr_1')")
    place = page.get_by_text("Paragraph 200 of them.")
    place.evaluate("one => one.scrollIntoView({ block: 'center' })")
    page.wait_for_timeout(300)
    was = place.bounding_box()
    later = item("assistant_message", "msg_later", content=[])
    chatkit.script = lambda: map(event, [*turn_of(later, after)])

    page.evaluate(COUNT)
    # By hand, as sending leads to the end.
    page.evaluate("document.querySelector('threadkeeper-chat').sendUserMessage({ text: 'On' })")
    place.evaluate("one => one.scrollIntoView({ block: 'center' })")
    page.evaluate(OVER)
    page.wait_for_timeout(300)
    chatkit.items = []
    box = place.bounding_box()

    assert was and box
    assert abs(box["y"] - was["y"]) < 40


def turn_of(said: dict[str, Any], pieces: list[str]) -> Iterator[dict[str, Any]]:
    content = {"type": "output_text", "text": "", "annotations": []}
    whole = {**content, "text": "".join(pieces)}
    yield done({**question("On"), "id": "msg_on"})
    yield added({**said, "content": [content]})
    for piece in pieces:
        update = {
            "type": "assistant_message.content_part.text_delta",
            "content_index": 0,
            "delta": piece,
        }
        yield {"type": "thread.item.updated", "item_id": said["id"], "update": update}
    yield done({**said, "content": [whole]})
