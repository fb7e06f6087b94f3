"""Signing in from the widget on somebody else's page, and what is left of a session that ended."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.widget_site import UNLISTED, NewVisitor, Sites, Visitor
from tests.fix_auth import PASSWORD, Person
from tests.fix_hosts import OTHER_SITE, SAME_SITE


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def card(page: Page) -> Locator:
    return page.get_by_role("heading", name="Sign in to chat")


def signed_out(page: Page) -> Locator:
    return page.get_by_role("heading", name="You are signed out")


def say(page: Page, text: str) -> None:
    """Say it, and wait for the answer."""
    answers = page.locator(".item-assistant:not(.item-writing)")
    before = answers.count()
    box(page).fill(text)
    box(page).press("Enter")
    expect(answers).to_have_count(before + 1)
    expect(page.get_by_role("button", name="Send")).to_be_visible()


def come_back(page: Page) -> None:
    """Look at the tab again, which headless tabs cannot do by themselves."""
    page.wait_for_timeout(1100)
    page.evaluate("window.dispatchEvent(new Event('focus'))")


def sign_in_at_the_form(page: Page, person: Person) -> None:
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def kept(page: Page) -> str:
    """Everything that the page keeps, and everything that it shows."""
    return json.dumps(
        page.evaluate(
            """() => {
                const text = (node) => [node.textContent, node.value ?? "",
                    ...(node.shadowRoot ? [text(node.shadowRoot)] : []),
                    ...[...node.querySelectorAll("*")].flatMap((one) =>
                        [one.value ?? "", one.shadowRoot ? text(one.shadowRoot) : ""])].join(" ");
                return [{ ...localStorage }, { ...sessionStorage },
                        text(Threadkeeper.element.shadowRoot)];
            }"""
        )
    )


def with_token(visitor: Visitor, token: str | None) -> Page:
    """Open the chat on the other site, whose own session has this token."""
    page = visitor.visit(OTHER_SITE)
    if token:
        page.evaluate("token => localStorage.setItem('token', token)", token)
    page.get_by_role("button", name="Open chat").click()
    box(page).wait_for()
    return page


def test_sign_in_on_the_same_site_leads_back_with_the_words(visitor: Visitor) -> None:
    alice = visitor.sites.auth.sign_up("Alice")
    page = visitor.open(path="/other?size=2")
    expect(card(page)).to_be_visible()
    box(page).fill("How many watts?")
    box(page).press("Enter")
    expect(page.get_by_role("link", name="Sign in")).to_be_focused()
    expect(page.locator(".panel-status")).to_have_text("Please sign in first. Your words are kept.")
    expect(box(page)).to_have_value("How many watts?")

    page.get_by_role("link", name="Sign in").click()
    sign_in_at_the_form(page, alice)

    page.wait_for_url(visitor.sites.hosts.origin(SAME_SITE) + "/other?size=2")
    expect(box(page)).to_have_value("How many watts?")
    expect(card(page)).to_be_hidden()
    say(page, "How many watts?")
    expect(box(page)).to_have_value("")


def test_a_token_signs_in_on_another_site_and_no_cookie_does(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    alice = visitor.sites.auth.sign_up("Alice")
    visitor.sign_in(alice)
    sent: list[str] = []
    visitor.page.on(
        "request",
        lambda one: sent.append(one.headers.get("cookie", "")) if "/chatkit" in one.url else None,
    )

    page = with_token(visitor, None)
    expect(card(page)).to_be_visible()
    box(page).fill("From the shop")
    page.evaluate("token => { window.nextToken = token }", alice.bearer)
    page.get_by_role("button", name="Sign in").click()

    expect(card(page)).to_be_hidden()
    expect(box(page)).to_have_value("From the shop")
    say(page, "From the shop")
    assert page.evaluate("window.returnTo") == page.url
    assert not any(sent)


def test_a_cookie_alone_is_nobody_on_another_site(visitor: Visitor) -> None:
    visitor.sign_in(visitor.sites.auth.sign_up("Alice"))
    page = visitor.visit(OTHER_SITE)
    page.evaluate("Threadkeeper.init({ getToken: null, signIn: null })")
    page.get_by_role("button", name="Open chat").click()

    expect(card(page)).to_be_visible()
    way = re.escape(f"{visitor.sites.chat}/sign-in?next=http%3A%2F%2Fshop.other.test")
    expect(page.get_by_role("link", name="Sign in")).to_have_attribute("href", re.compile(way))


def test_an_origin_that_is_not_listed_gets_nothing(visitor: Visitor) -> None:
    visitor.sign_in(visitor.sites.auth.sign_up("Alice"))
    page = visitor.visit(UNLISTED)
    page.get_by_role("button", name="Open chat").click()

    expect(page.get_by_text("The chat could not be loaded.")).to_be_visible()
    told = [line for line in visitor.problems if "ALLOWED_ORIGINS" in line]
    assert told
    visitor.problems.clear()


def test_a_token_that_runs_out_is_renewed_and_nothing_is_said_twice(visitor: Visitor) -> None:
    alice = visitor.sites.auth.sign_up("Alice")
    page = with_token(visitor, alice.bearer)
    say(page, "First")
    page.evaluate(
        "token => { localStorage.setItem('token', 'run-out.nonsense');"
        "localStorage.setItem('fresh-token', token); window.asked.length = 0; }",
        alice.bearer,
    )

    say(page, "Second")

    assert "again" in page.evaluate("window.asked")
    expect(page.locator(".item-user")).to_have_count(2)
    expect(card(page)).to_be_hidden()


def test_a_token_that_cannot_be_got_is_a_fault_that_passes(visitor: Visitor) -> None:
    alice = visitor.sites.auth.sign_up("Alice")
    page = visitor.visit(OTHER_SITE)
    page.evaluate(
        "token => { localStorage.setItem('token', token); window.broken = true }", alice.bearer
    )
    page.get_by_role("button", name="Open chat").click()
    expect(page.get_by_text("We could not find out who you are.").first).to_be_visible()
    box(page).fill("Still here")

    page.evaluate("window.broken = false")
    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    expect(page.get_by_role("button", name="Conversations")).to_be_visible()
    expect(box(page)).to_have_value("Still here")
    assert [line for line in visitor.problems if "no token today" in line]
    visitor.problems.clear()


def test_words_stay_when_the_session_ends_while_they_are_written(visitor: Visitor) -> None:
    alice = visitor.sites.auth.sign_up("Alice")
    visitor.sign_in(alice)
    page = visitor.open()
    say(page, "Before")
    box(page).fill("Half a sent")
    visitor.sites.auth.sign_out(alice)
    page.evaluate("Threadkeeper.refresh()")

    expect(signed_out(page)).to_be_visible(timeout=60_000)
    expect(box(page)).to_have_value("Half a sent")
    expect(page.locator(".bubble")).to_have_count(0)
    page.get_by_role("link", name="Sign in").click()
    sign_in_at_the_form(page, alice)

    expect(box(page)).to_have_value("Half a sent")
    expect(page.locator(".bubble")).to_have_text(["Before"])


def test_a_message_that_is_refused_asks_to_sign_in_and_is_kept(visitor: Visitor) -> None:
    alice = visitor.sites.auth.sign_up("Alice")
    page = with_token(visitor, alice.bearer)
    say(page, "First")
    page.evaluate("localStorage.setItem('token', 'run-out.nonsense')")
    box(page).fill("Second")
    box(page).press("Enter")
    expect(signed_out(page)).to_be_visible()
    expect(box(page)).to_have_value("Second")

    page.evaluate("token => { window.nextToken = token }", alice.bearer)
    page.get_by_role("button", name="Sign in").click()

    expect(box(page)).to_have_value("Second")
    expect(page.locator(".bubble")).to_have_text(["First"])
    say(page, "Second")
    expect(page.locator(".bubble")).to_have_text(["First", "Second"])


def test_nothing_of_the_first_is_left_for_the_second(visitor: Visitor, sites: Sites) -> None:
    alice, bob = sites.auth.sign_up("Alice"), sites.auth.sign_up("Bob")
    visitor.sign_in(alice)
    page = visitor.open()
    say(page, "A secret of the first")
    box(page).fill("A half secret")
    page.evaluate("Threadkeeper.ask({ quote: 'A quoted secret' })")
    expect(page.locator(".quote-words")).to_have_text("A quoted secret")
    visitor.context.clear_cookies()
    page.evaluate("Threadkeeper.refresh()")
    expect(signed_out(page)).to_be_visible()

    visitor.sign_in(bob)
    page.evaluate("Threadkeeper.refresh()")

    expect(page.get_by_role("button", name="Conversations")).to_be_visible()
    expect(signed_out(page)).to_be_hidden()
    left = kept(page)
    assert "secret" not in left
    assert alice.id not in left


def test_one_person_after_another_without_a_pause(visitor: Visitor, sites: Sites) -> None:
    alice, bob = sites.auth.sign_up("Alice"), sites.auth.sign_up("Bob")
    visitor.sign_in(alice)
    page = visitor.open()
    say(page, "A secret of the first")
    box(page).fill("A half secret")
    people = page.evaluate_handle(
        """() => {
            const all = [];
            Threadkeeper.on("person", ({ user }) => all.push(user?.name));
            return all;
        }"""
    )
    visitor.context.clear_cookies()
    visitor.sign_in(bob)
    come_back(page)

    expect(page.locator(".item")).to_have_count(0)
    page.wait_for_function("all => all.includes('Bob')", arg=people)
    left = kept(page)
    assert "secret" not in left
    assert alice.id not in left


def test_a_sign_out_empties_every_tab_of_the_site(visitor: Visitor, sites: Sites) -> None:
    alice = sites.auth.sign_up("Alice")
    visitor.sign_in(alice)
    first = visitor.open()
    say(first, "A secret")
    box(first).fill("A half secret")
    second = visitor.another_tab().open()
    expect(second.locator(".bubble")).to_have_text(["A secret"])

    second.evaluate("Threadkeeper.signedOut()")

    for page in (first, second):
        expect(card(page)).to_be_visible()
        expect(box(page)).to_have_value("")
        left = kept(page)
        assert "secret" not in left
        assert alice.id not in left


def test_a_sign_out_on_our_own_pages_is_noticed_on_coming_back(
    visitor: Visitor, sites: Sites
) -> None:
    alice = sites.auth.sign_up("Alice")
    visitor.sign_in(alice)
    page = visitor.open()
    say(page, "A secret")
    box(page).fill("A half secret")
    visitor.context.clear_cookies()
    come_back(page)

    expect(card(page)).to_be_visible()
    expect(box(page)).to_have_value("")
    expect(page.locator(".bubble")).to_have_count(0)

    visitor.sign_in(sites.auth.sign_in(alice))
    come_back(page)
    expect(page.locator(".bubble")).to_have_text(["A secret"])
    expect(box(page)).to_have_value("A half secret")
