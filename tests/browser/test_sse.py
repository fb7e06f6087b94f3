"""Streams that are cut anywhere, read by the element in a browser."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import pytest
from playwright.sync_api import Page, expect

from dev.scripted_chatkit import ScriptedChatKit, added, answer, delta, done, event, question, turn
from tests.browser.bare_page import chatkit, page

__all__ = ["chatkit", "page"]

WORDS = "é € 😀 ﷽ end"
FIRST = [
    {"type": "thread.created", "thread": {"id": "thr_1", "created_at": "2026-01-01T00:00:00Z"}}
]

READ = """async ({ pieces }) => {
    const { eventData } = await import("/static/js/chat/sse.js");
    const found = [];
    const body = new ReadableStream({
        start(controller) {
            for (const piece of pieces) controller.enqueue(new Uint8Array(piece));
            controller.close();
        },
    });
    for await (const data of eventData(body)) found.push(data);
    return found;
}"""


def read(page: Page, pieces: Iterable[bytes]) -> list[str]:
    """Return the data of the events that the reader finds in these pieces."""
    found: list[str] = page.evaluate(READ, {"pieces": [list(piece) for piece in pieces]})
    return found


def ask(page: Page) -> None:
    page.get_by_role("textbox", name="Message").fill("Go on")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_a_stream_may_be_cut_at_any_byte(page: Page, end: str) -> None:
    stream = f": hello{end}{end}data: {WORDS}{end}data:two{end}{end}data{end}{end}data: 3{end}{end}"
    whole = stream.encode()
    expected = [f"{WORDS}\ntwo", "", "3"]

    assert read(page, [whole]) == expected
    assert read(page, [bytes([byte]) for byte in whole]) == expected
    for cut in range(len(whole) + 1):
        assert read(page, [whole[:cut], b"", whole[cut:]]) == expected, cut


def test_line_ends_may_be_of_every_kind_in_one_stream(page: Page) -> None:
    whole = b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\rdata: 4\r\n\r\n"

    for pieces in ([whole], [bytes([byte]) for byte in whole]):
        assert read(page, pieces) == ["1", "2", "3", "4"]


def test_what_is_no_event_is_passed_over(page: Page) -> None:
    whole = (
        b"\xef\xbb\xbfdata: first\n\n"
        b"retry: 10\n\n: a comment\n\nid: 7\nevent: other\ndata: second\n\n\n\n"
        b"unknown: x\ndatum: y\n\ndata:  two spaces\n\ndata: not finished\n"
    )

    for pieces in ([whole], [bytes([byte]) for byte in whole]):
        assert read(page, pieces) == ["first", "second", " two spaces"]


def test_bytes_that_are_no_utf_8_become_a_mark_and_break_nothing(page: Page) -> None:
    assert read(page, [b"data: a\xff\xf0\x9f", b"b\n\ndata: c\n\n"]) == ["a\ufffd\ufffdb", "c"]


@pytest.mark.parametrize("end", ["\r\n", "\r"], ids=["CRLF", "CR"])
def test_an_answer_that_comes_byte_by_byte_is_whole(
    page: Page, chatkit: ScriptedChatKit, end: str
) -> None:
    stream = b"".join(event(one, end=end) for one in turn([WORDS, " 你好"]))

    def slowly() -> Iterator[bytes]:
        for number, byte in enumerate(stream):
            yield bytes([byte])
            if number % 20 == 0:
                time.sleep(0.001)

    chatkit.script = slowly
    ask(page)

    expect(page.locator(".item-assistant .prose")).to_have_text(f"{WORDS} 你好")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.locator(".notice")).to_have_count(0)


def test_a_stream_that_ends_inside_a_character_says_that_it_broke_off(
    page: Page, chatkit: ScriptedChatKit
) -> None:
    begun = [*FIRST, done(question()), added(answer("")), delta("Half a ")]
    chatkit.script = lambda: [*map(event, begun), event(delta("😀"))[:-6]]
    # Joining again takes for ever, so that the state between stays to be seen.
    page.route("**/turns/*", lambda _route: None)

    ask(page)

    expect(page.locator(".item-assistant .prose")).to_have_text("Half a")
    expect(page.get_by_text("Coming back to the answer")).to_be_visible()


def test_who_is_signed_out_while_reading_is_told_so_beside_what_was_written(
    page: Page, chatkit: ScriptedChatKit
) -> None:
    ended = {"type": "error", "code": "custom", "message": "x", "error_code": "session_ended"}
    begun = [*FIRST, done(question()), added(answer("")), delta("Half a word")]
    chatkit.script = lambda: map(event, [*begun, ended])
    nobody = {"code": "not_signed_in", "message": "Please sign in to continue."}
    page.route("**/turns/*", lambda route: route.fulfill(status=401, json={"error": nobody}))

    ask(page)

    expect(page.get_by_role("alert")).to_contain_text("Please sign in to continue.")
    expect(page.locator(".item-assistant .prose")).to_have_text("Half a word")
    expect(page.get_by_role("button", name="Send")).to_be_visible()


@pytest.mark.parametrize("junk", [b"data: {\n\n", b"data: <html>\n\n", b"data: \n\n"])
def test_what_is_not_understood_is_said(page: Page, chatkit: ScriptedChatKit, junk: bytes) -> None:
    chatkit.script = lambda: [junk]

    ask(page)

    expect(page.get_by_text("does not understand")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Go on")
