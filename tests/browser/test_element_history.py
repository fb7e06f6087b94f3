"""The element's own header and list of conversations, as the widget shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from chat.connection import Connection
from tests.browser.keys import Keys
from tests.fix_browser import NewPerson, Reader, Talkative, assert_accessible
from tests.fix_model import Reply
from tests.fix_store import a_message, an_answer

# A page of ours with nothing on it but an element in a box of the widget's size.
BOXED: Final = """async ({ options, width, height }) => {
  const { define } = await import("/assets/now/js/chat/element.js");
  define();
  const element = document.createElement("threadkeeper-chat");
  const box = document.createElement("main");
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`#box { position: fixed; inset: 0 auto auto 0; background: var(--paper) }
    #box { width: ${width}px; height: ${height}px } #box threadkeeper-chat { height: 100% }`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  box.id = "box";
  const heading = Object.assign(document.createElement("h1"), { className: "unseen" });
  heading.textContent = "A site";
  box.append(heading, element);
  document.body.replaceChildren(box);
  window.chat = element;
  window.told = [];
  for (const type of ["chatkit.thread.change", "threadkeeper.thread.delete"]) {
    element.addEventListener(type, ({ detail }) => told.push([type, detail.threadId]));
  }
  const ready = new Promise((done) => element.addEventListener("chatkit.ready", done));
  element.setOptions({ api: { url: "/chatkit" }, ...options });
  await ready;
}"""


def boxed(
    alice: Reader, options: dict[str, Any] | None = None, *, width: int = 400, height: int = 640
) -> Page:
    """Open a page with nothing but an element on it, of the size of the widget."""
    page = alice.page
    page.goto(f"{alice.server.url}/nowhere")
    page.evaluate(BOXED, {"options": options or {}, "width": width, "height": height})
    return page


def owns(who: Reader, *titles: str, age: timedelta = timedelta()) -> list[str]:
    """Store threads with these titles, the first with the newest activity; return their ids."""
    ids = [f"thr_{uuid4().hex}" for _ in titles]
    made = datetime.now() - age
    for thread_id, title in zip(ids, titles, strict=True):
        question = a_message(text=f"What about {title.lower()}?", thread_id=thread_id)
        answer = an_answer(text=f"Much can be said of {title.lower()}.", thread_id=thread_id)
        who.owns(thread_id, title, question, answer)
    with Connection.connect(who.server.environ["DATABASE_URL"], autocommit=True) as conn:
        for number, thread_id in enumerate(ids):
            moment = made - timedelta(seconds=number)
            conn.execute(
                "UPDATE chatkit_thread SET last_message_at = now() - %s, document ="
                " jsonb_set(document::jsonb, '{created_at}', to_jsonb(%s::text)) WHERE id = %s",
                [age + timedelta(seconds=number), moment.isoformat(), thread_id],
            )
    return ids


def history_button(page: Page) -> Locator:
    return page.locator(".head").get_by_role("button", name="Conversations")


def list_of(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Conversations")


def show(page: Page) -> Locator:
    """Open the list, and wait for what it has."""
    history_button(page).click()
    expect(list_of(page).locator(".past-bars:visible")).to_have_count(0)
    return list_of(page)


def titles(page: Page) -> Locator:
    return page.locator(".past-pane:not([hidden]) .past-title")


def opens(page: Page, title: str) -> Locator:
    return list_of(page).get_by_role("button", name=title, exact=True)


def act(page: Page, what: str, title: str) -> None:
    """Press the button in a row that appears where the mouse is."""
    opens(page, title).hover()
    page.get_by_role("button", name=f"{what} “{title}”").click()


def said(page: Page, words: str | re.Pattern[str]) -> None:
    expect(list_of(page).get_by_role("status")).to_have_text(words)


def away(route: Route) -> None:
    route.fulfill(status=503, json={"error": {"code": "x", "message": "We can't reach it."}})


def only(kind: str, then: Any) -> Any:
    """Do that to requests of this kind, and let the others through."""

    def handle(route: Route) -> None:
        if f'"{kind}"' in (route.request.post_data or ""):
            then(route)
        else:
            route.continue_()

    return handle


# The header


def test_the_header_says_what_is_open_and_leads_to_the_list(alice_at_home: Reader) -> None:
    [knots, _] = owns(alice_at_home, "Knots", "Twine")
    page = boxed(alice_at_home, {"initialThread": knots})
    title = page.locator(".head").get_by_role("heading", level=2)

    expect(title).to_have_text("Knots")
    expect(history_button(page)).to_have_attribute("aria-expanded", "false")
    show(page)
    expect(history_button(page)).to_have_attribute("aria-expanded", "true")
    expect(title).to_have_text("Conversations")
    expect(page.get_by_role("textbox", name="Message")).to_have_count(0)
    history_button(page).click()
    expect(title).to_have_text("Knots")
    expect(list_of(page)).to_have_count(0)
    page.get_by_role("button", name="New conversation").click()
    expect(title).to_have_text("New conversation")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    assert page.evaluate("chat.threadId") is None


def test_a_site_puts_its_own_buttons_into_the_header(alice_at_home: Reader) -> None:
    page = boxed(alice_at_home)
    page.evaluate("""() => {
      const close = Object.assign(document.createElement("button"), { slot: "header-end" });
      close.textContent = "Close";
      chat.append(close);
      chat.setOptions({ api: { url: "/chatkit" }, header: {
        title: { text: "Ask us" },
        leftAction: { icon: "home", onClick: () => (window.pressed = "home") },
        rightAction: { icon: "settings-cog", label: "Your settings", onClick: () => {} },
      } });
    }""")

    expect(page.get_by_role("heading", level=2, name="Ask us")).to_be_visible()
    page.get_by_role("button", name="Home").click()
    assert page.evaluate("pressed") == "home"
    expect(page.get_by_role("button", name="Your settings")).to_be_visible()
    expect(page.get_by_role("button", name="Close")).to_be_visible()
    assert_accessible(page)


def test_header_and_history_are_there_only_when_they_are_wanted(alice_at_home: Reader) -> None:
    owns(alice_at_home, "Knots")
    page = boxed(alice_at_home, {"header": {"enabled": False}})
    expect(page.locator(".head")).to_be_hidden()
    page.evaluate("chat.showHistory()")
    page.get_by_role("button", name="Back to the conversation").click()
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()

    page = boxed(alice_at_home, {"history": {"enabled": False}})
    expect(page.locator(".head")).to_be_visible()
    expect(history_button(page)).to_have_count(0)
    page.evaluate("chat.showHistory()")
    expect(list_of(page)).to_have_count(0)

    may_not = {"history": {"showDelete": False, "showRename": False}}
    page = boxed(alice_at_home, may_not)
    show(page)
    expect(list_of(page).get_by_role("listitem").get_by_role("button")).to_have_count(1)
    opens(page, "Knots").focus()
    page.keyboard.press("Delete")
    expect(page.get_by_role("group")).to_have_count(0)


# The list


def test_every_conversation_comes_page_by_page_under_its_days(
    alice_at_home: Reader, new_person: NewPerson
) -> None:
    owns(new_person("Mallory"), "Not yours")
    owns(alice_at_home, *(f"No {at:02}" for at in range(41)))
    owns(alice_at_home, "Last week", age=timedelta(days=5))
    owns(alice_at_home, "Last month", age=timedelta(days=20))
    owns(alice_at_home, "Long ago", age=timedelta(days=800))
    owns(alice_at_home, "Longer ago", age=timedelta(days=830))
    page = boxed(alice_at_home)

    shown = show(page)
    expect(titles(page)).to_have_count(20)
    said(page, "Conversations shown: 20.")
    days = shown.get_by_role("heading", level=3)
    expect(days).to_have_text(["Today"])
    shown.get_by_role("button", name="Load more").focus()
    expect(opens(page, "No 20")).to_be_focused()
    page.locator(".past-pane").first.evaluate("(pane) => (pane.scrollTop = pane.scrollHeight)")
    expect(titles(page)).to_have_count(45)
    expect(shown.get_by_text("That is everything.")).to_be_visible()
    assert re.fullmatch(
        r"Today,(Yesterday,)?Previous 7 days,Previous 30 days,\w+ \d{4}(,\w+ \d{4})?",
        ",".join(days.all_inner_texts()),
    )
    found = titles(page).all_inner_texts()
    assert found == [f"No {at:02}" for at in range(41)] + [
        "Last week",
        "Last month",
        "Long ago",
        "Longer ago",
    ]


def test_a_conversation_is_opened_while_the_one_before_goes_on(
    alice_at_home: Reader, talkative: Talkative
) -> None:
    owns(alice_at_home, "Knots")
    page = boxed(alice_at_home)
    talkative.when_asked("Slow", Reply(["Well, ", "as you like. "] * 5, pause=0.3))
    alice_at_home.say("Slow")
    page.get_by_text("as you like").wait_for()

    show(page)
    assert page.evaluate("chat.busy")
    expect(page.locator("[aria-current]")).to_have_count(1)
    expect(titles(page)).to_have_count(2)
    history_button(page).click()
    alice_at_home.wait_for_answer()
    expect(page.locator(".item-assistant")).to_contain_text("Well, as you like. " * 5)
    show(page)
    opens(page, "Knots").click()
    expect(page.get_by_text("Much can be said of knots.")).to_be_visible()
    expect(page.get_by_role("heading", level=2, name="Knots")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    talkative.when_asked("Slow", None)


def test_a_list_that_is_shown_again_has_what_is_new(alice_at_home: Reader) -> None:
    owns(alice_at_home, *(f"No {at:02}" for at in range(25)))
    page = boxed(alice_at_home)
    show(page).get_by_role("button", name="Load more").dispatch_event("click")
    expect(titles(page)).to_have_count(25)
    history_button(page).click()
    owns(alice_at_home, "Quite new")

    show(page)
    expect(titles(page).first).to_have_text("Quite new")
    expect(titles(page)).to_have_count(26)


def test_nothing_is_there_yet(alice_at_home: Reader) -> None:
    page = boxed(alice_at_home)
    held: list[Route] = []
    page.route("**/chatkit", only("threads.list", held.append))
    history_button(page).click()
    expect(page.locator(".past-bars:visible")).to_have_count(1)
    assert_accessible(page)
    held[0].continue_()
    expect(list_of(page).get_by_text("No conversations yet.")).to_be_visible()
    assert_accessible(page)


def test_what_cannot_be_loaded_is_tried_again(alice_at_home: Reader) -> None:
    owns(alice_at_home, *(f"No {at:02}" for at in range(25)))
    page = boxed(alice_at_home)
    page.route("**/chatkit", only("threads.list", lambda route: route.abort()))
    history_button(page).click()
    shown = list_of(page)
    expect(shown.get_by_role("alert")).to_contain_text("can’t be reached")
    assert_accessible(page)
    page.unroute_all()
    shown.get_by_role("button", name="Try again").click()
    expect(titles(page)).to_have_count(20)
    page.route("**/chatkit", only("threads.list", away))
    shown.get_by_role("button", name="Load more").dispatch_event("click")
    expect(shown.get_by_role("alert")).to_have_text("We can't reach it.")
    page.unroute_all()
    shown.get_by_role("button", name="Try again").click()
    expect(titles(page)).to_have_count(25)
    expect(shown.get_by_role("alert")).to_have_count(0)


def test_the_list_itself_may_not_come(alice_at_home: Reader) -> None:
    page = boxed(alice_at_home)
    page.route("**/history/history.js*", lambda route: route.abort())
    history_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("couldn’t be opened")
    expect(history_button(page)).to_have_attribute("aria-expanded", "false")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(list_of(page)).to_be_visible()


def test_who_is_signed_out_is_led_to_sign_in(alice_at_home: Reader) -> None:
    page = boxed(alice_at_home, {"signInUrl": "/sign-in?next=/history/new"})
    alice_at_home.context.clear_cookies()
    history_button(page).click()
    sign_in = list_of(page).get_by_role("link", name="Sign in")
    expect(sign_in).to_have_attribute("href", "/sign-in?next=/history/new")


# Managing


def test_a_conversation_is_renamed_where_it_stands(alice_at_home: Reader) -> None:
    [knots, _] = owns(alice_at_home, "Knots", "Twine")
    page = boxed(alice_at_home, {"initialThread": knots})
    show(page)
    act(page, "Rename", "Knots")
    field = page.get_by_role("textbox", name="New name")
    expect(field).to_have_value("Knots")
    expect(field).to_be_focused()
    assert_accessible(page)
    field.fill("<b>Bends</b>")
    page.keyboard.press("Enter")

    expect(titles(page)).to_have_text(["<b>Bends</b>", "Twine"])
    said(page, "Renamed to “<b>Bends</b>”.")
    expect(page.get_by_role("button", name="Rename “<b>Bends</b>”")).to_be_focused()
    history_button(page).click()
    expect(page.get_by_role("heading", level=2, name="<b>Bends</b>")).to_be_visible()
    page = boxed(alice_at_home)
    show(page)
    expect(titles(page)).to_have_text(["<b>Bends</b>", "Twine"])


def test_a_name_is_given_up_or_given_back(alice_at_home: Reader) -> None:
    owns(alice_at_home, "Knots", "Twine")
    page = boxed(alice_at_home)
    show(page)
    field = page.get_by_role("textbox", name="New name")
    act(page, "Rename", "Knots")
    field.fill("Bends")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Rename “Knots”")).to_be_focused()
    act(page, "Rename", "Knots")
    field.fill("  ")
    page.keyboard.press("Enter")
    expect(titles(page)).to_have_text(["Knots", "Twine"])
    page.route("**/chatkit", only("threads.update", away))
    act(page, "Rename", "Knots")
    field.fill("Bends")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("We can't reach it.")
    expect(field).to_have_value("Bends")
    expect(field).to_be_focused()
    assert_accessible(page)
    page.unroute_all()
    page.keyboard.press("Enter")
    expect(titles(page)).to_have_text(["Bends", "Twine"])
    act(page, "Rename", "Twine")
    field.fill("Rope")
    page.get_by_role("searchbox").focus()
    expect(titles(page)).to_have_text(["Bends", "Rope"])


def test_a_conversation_is_deleted_once_that_was_confirmed(alice_at_home: Reader) -> None:
    [knots, *_] = owns(alice_at_home, "Knots", "Twine", "Rope")
    page = boxed(alice_at_home, {"initialThread": knots})
    show(page)
    act(page, "Delete", "Twine")
    question = page.get_by_role("group", name="Delete this conversation? Twine")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    assert_accessible(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Delete “Twine”")).to_be_focused()
    page.keyboard.press("Delete")
    page.route("**/chatkit", only("threads.delete", away))
    question.get_by_role("button", name="Delete").click()
    expect(question.get_by_role("alert")).to_have_text("We can't reach it.")
    assert_accessible(page)
    page.unroute_all()
    question.get_by_role("button", name="Delete").click()

    expect(titles(page)).to_have_text(["Knots", "Rope"])
    expect(opens(page, "Rope")).to_be_focused()
    said(page, "“Twine” is deleted.")
    assert page.evaluate("chat.threadId") == knots
    page = boxed(alice_at_home)
    show(page)
    expect(titles(page)).to_have_text(["Knots", "Rope"])


def test_the_open_conversation_deleted_leaves_a_new_one(alice_at_home: Reader) -> None:
    [knots] = owns(alice_at_home, "Knots")
    page = boxed(alice_at_home, {"initialThread": knots})
    show(page)
    act(page, "Delete", "Knots")
    page.get_by_role("group").get_by_role("button", name="Delete").click()
    expect(list_of(page).get_by_text("No conversations yet.")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()
    assert page.evaluate("told") == [
        ["threadkeeper.thread.delete", knots],
        ["chatkit.thread.change", None],
    ]
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", level=2, name="New conversation")).to_be_visible()
    expect(page.locator(".greeting")).to_be_visible()


# Search


def test_words_are_looked_for_in_all_that_was_said(
    alice_at_home: Reader, new_person: NewPerson
) -> None:
    owns(new_person("Mallory"), "Bowline of somebody else")
    owns(alice_at_home, "Twine", "Bowline")
    long = f"thr_{uuid4().hex}"
    many = [a_message(f"msg_{long}_{at}", f"No {at}. " * 9, long) for at in range(150)]
    many[3] = a_message(f"msg_{long}_3", "How is a bowline tied?", long)
    alice_at_home.owns(long, "A long one", *many)
    page = boxed(alice_at_home, {"search": True})
    show(page)
    field = page.get_by_role("searchbox", name="Search conversations")
    field.fill("bowline")

    expect(titles(page)).to_have_count(4)
    said(page, "Found: 4.")
    expect(titles(page).first).to_have_text("Bowline")
    expect(page.locator(".past-hit mark").first).to_have_text("Bowline")
    assert_accessible(page)
    page.get_by_role("button", name="How is a bowline tied?").click()
    message = page.locator(".item-found")
    expect(message).to_contain_text("How is a bowline tied?")
    expect(message).to_be_in_viewport()
    expect(message).to_be_focused()
    assert_accessible(page)

    show(page)
    expect(field).to_have_value("")
    field.fill("zebra")
    expect(page.locator(".past-note", has_text="Nothing found for “zebra”.")).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(titles(page)).to_have_text(["A long one", "Twine", "Bowline"])
    page.keyboard.press("Escape")
    expect(list_of(page)).to_have_count(0)


def test_many_results_come_page_by_page(alice_at_home: Reader) -> None:
    thread_id = f"thr_{uuid4().hex}"
    many = [a_message(text=f"A bowline, no {at}", thread_id=thread_id) for at in range(25)]
    alice_at_home.owns(thread_id, "Knots", *many)
    page = boxed(alice_at_home, {"search": True})
    show(page)
    page.get_by_role("searchbox").fill("bowline")
    said(page, "Found: 20, and there are more.")
    list_of(page).get_by_role("button", name="Load more").dispatch_event("click")
    expect(page.locator(".past-hit")).to_have_count(25)
    expect(list_of(page).get_by_text("That is everything.")).to_be_visible()


def test_only_the_newest_words_are_answered(alice_at_home: Reader) -> None:
    owns(alice_at_home, "Twine", "Bowline")
    page = boxed(alice_at_home, {"search": True})
    show(page)
    field = page.get_by_role("searchbox")
    held: list[Route] = []
    page.route("**/chatkit/search?*", lambda route: held.append(route))
    with page.expect_request("**/chatkit/search?*"):
        field.fill("twine")
    expect(page.locator(".past-pane[aria-busy=true]")).to_be_visible()
    page.unroute("**/chatkit/search?*")
    field.fill("bowline")
    expect(titles(page).first).to_have_text("Bowline")
    field.fill("x" * 300)
    expect(list_of(page).get_by_role("alert")).to_be_visible()
    assert_accessible(page)
    page.route("**/chatkit/search?*", lambda route: route.abort())
    field.fill("rope")
    expect(list_of(page).get_by_role("alert")).to_contain_text("can’t be reached")
    page.unroute_all()
    list_of(page).get_by_role("button", name="Try again").click()
    expect(page.locator(".past-note", has_text="Nothing found for “rope”.")).to_be_visible()


@pytest.mark.parametrize("search", [False, True], ids=["not wanted", "not there"])
def test_titles_are_filtered_where_a_server_does_not_search(
    alice_at_home: Reader, search: bool
) -> None:
    owns(alice_at_home, "Éclairs and tea", "Twine")
    owns(alice_at_home, *(f"No {at:02}" for at in range(25)), age=timedelta(hours=1))
    page = boxed(alice_at_home, {"search": search})
    page.route("**/chatkit/search?*", lambda route: route.fulfill(status=404))
    show(page)
    field = page.get_by_role("searchbox")
    field.fill("TEA ecl")
    expect(titles(page)).to_have_text(["Éclairs and tea"])
    said(page, "Found: 1.")
    expect(list_of(page).get_by_text("Only the conversations that are loaded")).to_be_visible()
    field.fill("No 24")
    expect(list_of(page).get_by_text("Nothing found for “No 24”.")).to_be_visible()
    list_of(page).get_by_role("button", name="Load more").dispatch_event("click")
    expect(titles(page)).to_have_text(["No 24"])
    assert_accessible(page)


# Keyboard, and small windows


def test_the_list_is_walked_with_a_keyboard(alice_at_home: Reader) -> None:
    owns(alice_at_home, "Knots", "Twine", "Rope")
    page = boxed(alice_at_home)
    keys = Keys(page)
    keys.go_to("Conversations")
    keys.press("Enter")
    keys.is_on(page.get_by_role("searchbox"))
    expect(titles(page)).to_have_count(3)
    for key, title in (
        ("ArrowDown", "Knots"),
        ("ArrowDown", "Twine"),
        ("ArrowUp", "Knots"),
        ("End", "Rope"),
        ("ArrowDown", "Rope"),
        ("Home", "Knots"),
    ):
        keys.press(key)
        keys.is_on(opens(page, title))
    keys.go_to("Rename “Knots”")
    keys.go_to("Delete “Knots”")
    keys.go_to("Twine")
    keys.press("Delete")
    keys.is_on(page.get_by_role("button", name="Cancel"))
    keys.press("Escape")
    keys.is_on(opens(page, "Twine"))
    keys.press("Escape")
    keys.is_on(history_button(page))
    expect(list_of(page)).to_have_count(0)


@pytest.fixture
def on_a_phone(new_person: NewPerson) -> Iterator[Reader]:
    yield new_person(
        viewport={"width": 320, "height": 568}, has_touch=True, is_mobile=True, locale="ar"
    )


def test_a_finger_finds_every_button(on_a_phone: Reader) -> None:
    owns(on_a_phone, "A name that is much too long for a phone " * 3, "خيط طويل")
    page = boxed(on_a_phone, width=320, height=568)
    page.evaluate("document.documentElement.dir = 'rtl'")
    show(page)
    expect(titles(page)).to_have_count(2)
    expect(page.get_by_role("searchbox")).not_to_be_focused()
    sizes = page.locator(".head button:visible, .past-all button:visible").evaluate_all(
        "(all) => all.map((one) => [one.getBoundingClientRect(), one.textContent])"
        ".map(([box, name]) => [box.width, box.height, name])"
    )
    assert len(sizes) == 8
    assert all(width >= 40 and height >= 40 for width, height, _ in sizes), sizes
    assert page.locator(".past-pane").first.evaluate("(one) => one.scrollWidth <= one.clientWidth")
    assert_accessible(page)
