"""The widget in other languages than English, from its first word on, and from right to left."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.widget_site import NewVisitor, Sites, Visitor
from tests.fix_browser import Reader, assert_accessible, came
from tests.fix_model import Reply, pieces_of

CODE = "Here:\n\n```python\nprint(1)\n```\n\nHat geholfen."
DIRECTION = "(one) => getComputedStyle(one).direction"


@pytest.fixture
def speaking(sites: Sites) -> Iterator[Sites]:
    """The hosts, whose pages are as they were when the test is over."""
    yield sites
    sites.put()


def signed_in(visitor: Visitor, language: str) -> Visitor:
    visitor.sites.put(f'defer data-language="{language}" data-quotes')
    visitor.sign_in(visitor.sites.auth.sign_up("Alice"))
    return visitor


def opened(visitor: Visitor, name: str) -> Page:
    page = visitor.visit()
    page.get_by_role("button", name=name).click()
    page.locator("threadkeeper-chat[data-ready]").wait_for()
    return page


def picture(page: Page, name: str) -> None:
    """Keep a picture of it, with LOOKS=folder in the environment."""
    if folder := os.environ.get("LOOKS"):
        for scheme in ("light", "dark"):
            page.evaluate(f"Threadkeeper.init({{ theme: '{scheme}' }})")
            page.screenshot(path=Path(folder) / f"{name}-{scheme}.png")
        page.evaluate("Threadkeeper.init({ theme: 'light' })")


@pytest.mark.usefixtures("speaking")
def test_german_from_the_welcome_to_the_list_and_an_error(visitor: Visitor) -> None:
    signed_in(visitor, "de-AT")
    page = opened(visitor, "Chat öffnen")
    expect(page.get_by_text("Worüber möchten Sie sprechen?")).to_be_visible()
    box = page.get_by_role("textbox", name="Nachricht")
    expect(box).to_have_attribute("placeholder", "Nachricht schreiben")
    assert_accessible(page)

    box.fill("Hallo")
    box.press("Enter")
    expect(page.get_by_role("button", name="Diese Antwort kopieren")).to_be_visible()
    expect(page.locator(".item-user .unseen").first).to_have_text("Sie haben gesagt:")
    expect(page.locator(".day h3")).to_have_text("Heute")
    expect(page.locator(".item-time").first).to_have_text(re.compile(r"^\d\d:\d\d$"))
    expect(page.locator(".whole")).to_have_attribute("lang", "de")

    page.get_by_role("button", name="Unterhaltungen").click()
    expect(page.get_by_role("searchbox", name="Unterhaltungen durchsuchen")).to_be_visible()
    page.locator(".past").hover()
    page.get_by_role("button", name=re.compile("löschen$")).click()
    expect(page.get_by_text("Diese Unterhaltung löschen?")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Abbrechen").click()
    page.keyboard.press("Escape")

    page.locator("threadkeeper-chat").evaluate("(one) => one.setThreadId('thr_gone')")
    gone = "Diese Unterhaltung konnten wir nicht finden."
    expect(page.locator(".fault").filter(has_text=gone)).to_be_visible()
    page.get_by_role("button", name="Chat schließen").first.click()
    expect(page.get_by_role("button", name="Chat öffnen")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(320, 568), (768, 900), (1280, 800)])
def test_arabic_runs_from_right_to_left_in_every_state(
    speaking: Sites, new_visitor: NewVisitor, width: int, height: int
) -> None:
    visitor = new_visitor(viewport={"width": width, "height": height}, reduced_motion="reduce")
    speaking.put('defer data-language="ar" data-quotes')
    page = visitor.visit()
    picture(page, f"ar-button-{width}")
    page = opened(visitor, "فتح الدردشة")
    expect(page.get_by_role("heading", name="سجّل الدخول للدردشة")).to_be_visible()
    assert_accessible(page)
    picture(page, f"ar-guest-{width}")

    signed_in(visitor, "ar")
    page.reload()
    expect(page.get_by_text("عمّ تودّ أن تتحدث؟")).to_be_visible()
    picture(page, f"ar-welcome-{width}")
    for selector in (".launcher", "#panel", "threadkeeper-chat .whole", ".composer"):
        assert page.locator(selector).evaluate(DIRECTION) == "rtl", selector

    talk_in_arabic(speaking, page, width)
    manage_in_arabic(page, width)


def talk_in_arabic(speaking: Sites, page: Page, width: int) -> None:
    """Quote, ask and be answered: words run as their language does, code as code does."""
    page.evaluate("Threadkeeper.ask({ quote: 'The lamp takes at most six watts.' })")
    expect(page.locator(".quote-words")).to_be_visible()
    speaking.model.when_asked("كم واط؟", Reply(pieces_of(CODE)))
    box = page.get_by_role("textbox", name="رسالة")
    assert box.evaluate(DIRECTION) == "rtl"
    box.fill("كم واط؟")
    picture(page, f"ar-quote-{width}")
    box.press("Enter")
    expect(page.get_by_role("button", name="نسخ هذه الإجابة")).to_be_visible()
    assert page.locator(".prose pre").evaluate(DIRECTION) == "ltr"
    assert page.locator(".bubble").evaluate(DIRECTION) == "rtl"
    assert page.locator(".item-assistant .prose").evaluate(DIRECTION) == "ltr"
    assert_accessible(page)
    picture(page, f"ar-conversation-{width}")


def manage_in_arabic(page: Page, width: int) -> None:
    """Look at the list, at renaming and at deleting."""
    page.get_by_role("button", name="المحادثات").click()
    expect(page.locator(".past-title")).to_have_count(1)
    assert_accessible(page)
    picture(page, f"ar-list-{width}")
    page.locator(".past").hover()
    page.get_by_role("button", name=re.compile("^إعادة تسمية")).click()
    expect(page.get_by_role("textbox", name="اسم جديد")).to_be_visible()
    picture(page, f"ar-rename-{width}")
    page.keyboard.press("Escape")
    page.locator(".past").hover()
    page.get_by_role("button", name=re.compile("^حذف")).click()
    expect(page.get_by_text("هل تريد حذف هذه المحادثة؟")).to_be_visible()
    assert_accessible(page)
    picture(page, f"ar-delete-{width}")


def test_a_language_that_we_do_not_speak_is_english(speaking: Sites, visitor: Visitor) -> None:
    asked: list[str] = []
    visitor.page.on("request", lambda one: asked.append(one.url))
    signed_in(visitor, "ja-JP")

    page = opened(visitor, "Open chat")

    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
    expect(page.locator(".whole")).to_have_attribute("lang", "en")
    assert not [url for url in asked if re.search(r"/(ar|de|es|fr)\.js", url)]


def test_words_that_do_not_come_leave_a_chat_in_english(speaking: Sites, visitor: Visitor) -> None:
    signed_in(visitor, "de")
    visitor.page.route("**/widget/de.js*", lambda route: route.abort())

    page = opened(visitor, "Chat öffnen")
    page.get_by_role("textbox", name="Message").fill("Hello")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_role("button", name="Copy this answer")).to_be_visible()
    warned = [one for one in visitor.problems if 'the language "de" could not be loaded' in one]
    assert warned
    visitor.problems.clear()


def test_words_that_come_late_leave_what_is_being_written(
    speaking: Sites, visitor: Visitor
) -> None:
    asked: list[Route] = []

    def refuse_first(route: Route) -> None:
        asked.append(route)
        if len(asked) == 1:
            route.abort()

    signed_in(visitor, "de")
    visitor.page.route("**/widget/de.js*", refuse_first)
    # The panel does without the words, and the conversation in it asks once more and does not wait.
    page = opened(visitor, "Chat öffnen")
    came(page, asked, 2, "the German words")
    page.get_by_role("textbox", name="Message").fill("Hallo")

    for late in asked[1:]:
        late.continue_()

    expect(page.get_by_role("textbox", name="Nachricht")).to_have_value("Hallo")
    expect(page.get_by_text("Worüber möchten Sie sprechen?")).to_be_visible()
    page.get_by_role("button", name="Senden").click()
    expect(page.get_by_role("button", name="Diese Antwort kopieren")).to_be_visible()
    visitor.problems.clear()


def test_words_that_came_after_all_are_waited_for_again(alice_at_home: Reader) -> None:
    page = alice_at_home.open("/history/new")
    learn = """async () => {
        const { areMissed, speak } = await import("/assets/now/js/chat/words.js");
        return { came: await speak("de"), missed: areMissed("de") };
    }"""
    page.route("**/words/de.js", lambda route: route.abort())
    assert page.evaluate(learn) == {"came": False, "missed": True}
    page.unroute_all()

    assert page.evaluate(learn) == {"came": True, "missed": False}
    alice_at_home.problems.clear()


def test_nothing_is_shown_in_english_first(speaking: Sites, visitor: Visitor) -> None:
    held: list[Route] = []
    signed_in(visitor, "de")
    visitor.page.route("**/widget/de.js*", lambda route: held.append(route))
    page = visitor.visit()
    with page.expect_request("**/widget/de.js*"):
        page.get_by_role("button", name="Chat öffnen").click()
    expect(page.locator("threadkeeper-chat")).to_have_count(0)

    held[0].continue_()

    expect(page.get_by_text("Worüber möchten Sie sprechen?")).to_be_visible()


def test_a_site_can_change_the_language_of_an_open_conversation(
    speaking: Sites, visitor: Visitor
) -> None:
    signed_in(visitor, "en")
    page = opened(visitor, "Open chat")
    box = page.get_by_role("textbox", name="Message")
    box.fill("Hello")
    box.press("Enter")
    expect(page.get_by_role("button", name="Copy this answer")).to_be_visible()
    page.get_by_role("textbox", name="Message").fill("Not sent yet")

    page.evaluate("Threadkeeper.init({ language: 'fr' })")

    expect(page.get_by_role("button", name="Copier cette réponse")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Not sent yet")
    expect(page.get_by_role("button", name="Fermer le chat").first).to_be_visible()
