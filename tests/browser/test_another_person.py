"""Two people at one browser: nothing that one of them wrote is stored for the other."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.test_widget_sign_in import box, card
from tests.browser.widget_site import Sites, Visitor
from tests.fix_browser import NewPerson


def test_words_in_a_widget_that_shows_alice_are_not_sent_for_bob(
    sites: Sites, visitor: Visitor
) -> None:
    alice, bob = sites.auth.sign_up("Alice"), sites.auth.sign_up("Bob")
    visitor.sign_in(alice)
    page = visitor.open()
    box(page).fill("Alice's words")

    visitor.sign_in(bob)
    box(page).press("Enter")

    # The widget looks who is there, finds Bob, and begins anew with nothing of Alice's.
    expect(box(page)).to_have_value("")
    expect(card(page)).to_have_count(0)
    expect(page.locator("threadkeeper-widget")).not_to_contain_text("Alice's words")
    page.get_by_role("button", name="Conversations").click()
    expect(page.get_by_text("No conversations yet")).to_be_visible()


def test_words_on_a_page_that_shows_alice_are_not_sent_for_bob(new_person: NewPerson) -> None:
    alice, bob = new_person("Alice"), new_person("Bob")
    page = alice.open("/history/new")
    alice.context.clear_cookies()
    name, _, value = bob.person.cookie.partition("=")
    alice.context.add_cookies([{"name": name, "value": value, "url": alice.server.url}])

    alice.say("Alice's words")

    expect(page.get_by_text("Somebody else is signed in here now.")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Alice's words")
    expect(bob.open("/history").get_by_text("Alice's words")).to_have_count(0)
