"""What a page may do with the launcher, and what it must survive: calls, other bundles, files."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.launcher_page import NewWindow, Window
from tests.fix_hosts import TEXT

PHONE = {"viewport": {"width": 390, "height": 700}, "has_touch": True, "is_mobile": True}
DROP = """(one) => {
  const data = new DataTransfer();
  data.items.add(new File(["words"], "notes.txt", { type: "text/plain" }));
  return ["dragover", "drop"].map((type) => {
    const event = new DragEvent(type, { dataTransfer: data, bubbles: true, composed: true,
                                        cancelable: true });
    one.dispatchEvent(event);
    return event.defaultPrevented;
  });
}"""
KEPT = """() => [localStorage, sessionStorage].map((storage) =>
  Object.keys(storage).filter((key) => key !== "threadkeeper:out").sort())"""
KEEP = """() => {
  localStorage["threadkeeper:last:u1"] = "thr_1";
  localStorage["mine"] = "of the site";
  for (const key of ["draft:u1:new", "draft:guest:new", "thread:u1", "outbox:u1:new", "ended"])
    sessionStorage[`threadkeeper:${key}`] = "a secret";
}"""


def test_a_sign_out_forgets_without_the_panel(window: Window) -> None:
    page = window.visit()
    page.evaluate(KEEP)

    page.evaluate("Threadkeeper.signedOut()")

    assert page.evaluate(KEPT) == [["mine"], []]
    assert not any("panel.js" in one for one in window.site.seen)


def test_where_nothing_may_be_kept_a_sign_out_does_no_harm(window: Window) -> None:
    window.page.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage'])"
        "Object.defineProperty(window, name, { get() { throw new Error('forbidden'); } });"
    )
    page = window.visit()

    page.evaluate("Threadkeeper.signedOut()")

    assert window.lines == []


def test_another_function_among_the_options_is_noticed(window: Window) -> None:
    page = window.visit()
    page.evaluate("Threadkeeper.init({ getToken: () => 'one' })")
    window.launcher.click()
    window.message.wait_for()
    before = len(window.told("update"))

    page.evaluate("Threadkeeper.init({ getToken: () => 'two' })")

    assert len(window.told("update")) == before + 1
    assert page.evaluate("shell.options().getToken()") == "two"


def test_ready_is_when_the_button_is_there(window: Window) -> None:
    page = window.page
    page.goto(window.site.page(head=window.site.tag('defer data-start="manual"')))
    page.evaluate(
        """() => {
          window.heard = [];
          const note = (name) => () => heard.push([name, Boolean(Threadkeeper.element.shadowRoot
            .querySelector(".launcher"))]);
          Threadkeeper.on("ready", note("on"));
          document.addEventListener("threadkeeper.ready", note("document"));
        }"""
    )
    assert page.evaluate("heard") == []

    page.evaluate("Threadkeeper.init({})")

    assert page.evaluate("heard") == [["on", True], ["document", True]]
    page.evaluate("Threadkeeper.on('ready', (api) => heard.push([api === Threadkeeper]))")
    assert page.evaluate("heard").pop() == [True]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("zIndex", "NaN"),
        ("zIndex", "Infinity"),
        ("zIndex", "1.5"),
        ("apiUrl", "'http://['"),
        ("apiUrl", "'javascript:1'"),
        ("origin", "'data:,'"),
        ("title", "''"),
        ("title", "'  '"),
        ("prompts", "{}"),
    ],
)
def test_a_value_that_cannot_work_is_named_and_left_out(
    window: Window, name: str, wrong: str
) -> None:
    page = window.visit()
    page.evaluate(f"Threadkeeper.init({{ {name}: {wrong} }})")
    window.launcher.click()
    window.message.wait_for()

    warned = [line for line in window.lines if line.startswith("warning")]
    assert len(warned) == 1
    assert f'the option "{name}"' in warned[0]
    assert window.style(".launcher", "zIndex") == "2147483000"
    expect(page.get_by_role("dialog", name="Chat")).to_be_visible()


def test_an_address_of_the_pages_own_is_taken(window: Window) -> None:
    page = window.visit()
    page.evaluate("Threadkeeper.init({ apiUrl: '/assistant' })")
    window.launcher.click()
    window.message.wait_for()

    assert window.told("mount")[0]["apiUrl"] == "/assistant"
    assert window.lines == []


@pytest.mark.parametrize("how", ["attribute", "init", "beside"])
def test_in_a_bundle_of_the_site_it_finds_its_own_server(window: Window, how: str) -> None:
    site = window.site
    bundle = site.bundle("/all.js")
    origin = f'data-origin="{site.chat}" data-title="Here"' if how == "attribute" else ""
    beside = f'<script type="text/plain" src="{site.chat}/widget.js"></script>'
    page = window.visit(
        head=(beside if how == "beside" else "")
        + f'<script src="{bundle}" defer {origin}></script>'
    )
    if how == "init":
        page.evaluate("origin => Threadkeeper.init({ origin })", site.chat)

    window.launcher.click()

    window.message.wait_for()
    name = "Here" if how == "attribute" else "Chat"
    expect(page.get_by_role("dialog", name=name)).to_be_visible()


def test_sections_of_the_page_are_asked_about_like_all_else(window: Window) -> None:
    page = window.visit(
        head=window.site.tag("defer data-quotes"),
        body=f'<section tabindex="-1" id="part">{TEXT}</section>',
    )
    page.evaluate("part.focus(); getSelection().selectAllChildren(text)")

    expect(page.get_by_role("button", name="Ask about this")).to_be_visible()


def test_what_is_said_in_the_dialog_is_not_asked_about(window: Window) -> None:
    page = window.visit(head=window.site.tag("defer data-quotes"))
    page.evaluate("getSelection().selectAllChildren(text)")
    ask = page.locator("threadkeeper-widget .ask")
    expect(ask).to_be_visible()

    page.evaluate("Threadkeeper.open(); getSelection().selectAllChildren(text)")
    expect(window.message).to_be_focused()
    page.evaluate("document.dispatchEvent(new Event('selectionchange'))")

    expect(ask).to_be_hidden()


def test_trying_again_keeps_the_focus_in_the_dialog(window: Window) -> None:
    page = window.visit()
    window.site.lose_panel()
    window.launcher.click()
    again = page.get_by_role("button", name="Try again")
    again.wait_for()
    again.focus()
    page.route("**/panel.js*", lambda _route: None)

    page.keyboard.press("Enter")

    page.get_by_text("Opening the chat…").wait_for()
    assert window.focused() == "tk"
    page.keyboard.press("Escape")
    expect(window.dialog).to_be_hidden()


def test_files_that_are_dropped_while_it_loads_do_not_replace_the_page(window: Window) -> None:
    page = window.visit()
    page.route("**/panel.js", lambda _route: None)
    window.launcher.click()
    words = page.get_by_text("Opening the chat…")
    words.wait_for()

    assert words.evaluate(DROP) == [True, True]


def test_a_phone_that_loads_with_the_dialog_open_has_the_focus_in_it(
    new_window: NewWindow,
) -> None:
    window = new_window(**PHONE)
    window.visit()
    window.launcher.tap()
    window.message.wait_for()

    page = window.page
    page.reload()

    expect(window.dialog).to_have_attribute("aria-modal", "true")
    expect(window.dialog).to_be_focused()
    page.keyboard.press("Escape")
    expect(window.dialog).to_be_hidden()
    assert window.focused() == "tk launcher"


def shrink(page: Page, height: int, top: int = 0) -> None:
    """Have a keyboard that leaves this much of the window, as a phone's browser tells of it."""
    page.evaluate(
        """([height, offsetTop]) => {
          for (const [name, value] of Object.entries({ height, offsetTop })) {
            Object.defineProperty(visualViewport, name, { value, configurable: true });
          }
          visualViewport.dispatchEvent(new Event("resize"));
        }""",
        [height, top],
    )


def fills(window: Window, *, top: int, height: int) -> None:
    """Wait until the dialog is there and that high."""
    box = window.dialog.bounding_box()
    for _ in range(100):
        if box is not None and (box["y"], box["height"]) == (top, height):
            return
        window.page.wait_for_timeout(50)
        box = window.dialog.bounding_box()
    raise AssertionError(f"the dialog is at {box}")


def test_on_a_phone_the_dialog_makes_room_for_the_keyboard(new_window: NewWindow) -> None:
    window = new_window(**PHONE)
    page = window.visit()
    window.launcher.tap()
    window.message.wait_for()

    shrink(page, 400, top=30)

    fills(window, top=30, height=400)
    shrink(page, 700)
    fills(window, top=0, height=700)
