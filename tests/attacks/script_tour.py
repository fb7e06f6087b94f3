"""The ways through the app on which stored script would meet a browser."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

from playwright.sync_api import Page, expect

from chat.web.markdown import render
from tests.attacks.payloads import ADDRESSES, PAYLOADS, Payload
from tests.attacks.script_stage import Plant, Victim
from tests.fix_hosts import OTHER_SITE, SAME_SITE
from tests.isolation.http_routes import ROUTES

LISTS: Final = (
    "/",
    "/history",
    "/history/new",
    "/history/archived",
    "/history/select",
    "/history/select?from=archived",
    "/history/delete-all",
    "/history/search?q=zq",
    "/demo",
    "/sign-out",
    "/livez",
    "/readyz",
    "/widget.js",
    "/static/css/tokens.css",
    "/chatkit/session",
    "/chatkit/search?q=zq",
)
SWAP: Final = """async (path) => {
  const place = document.createElement("div");
  document.querySelector("main").append(place);
  await htmx.ajax("GET", path, { target: place, swap: "innerHTML" });
}"""
FETCH: Final = """async (path) => {
  const answer = await fetch(path);
  return [answer.status, Object.fromEntries(answer.headers), await answer.text()];
}"""


def through_pages(victim: Victim, given: Sequence[Plant]) -> None:
    """Open every page with what is planted, and with what is given in addresses and forms."""
    for path in LISTS:
        victim.open(path)
    for plant in victim.plants:
        at = f"/history/{plant.thread_id}"
        assert victim.open(at) >= plant.marks
        assert victim.open(f"/history/{plant.archived_id}") >= plant.marks
        assert victim.open(f"{at}/rename") >= plant.marks
    _around_one(victim, victim.plants[0])
    # One text goes all ways; of many each takes one way, in turn.
    all_ways = len(given) == 1
    for plant in given:
        ways = _with_text_in_it(quote(plant.text, safe=""))
        for path in ways if all_ways else [ways[plant.number % len(ways)]]:
            victim.open(path)
    victim.page.context.clear_cookies()
    for plant in given:
        pages = _of_a_stranger(plant.text)
        for path, form in pages if all_ways else [pages[plant.number % len(pages)]]:
            victim.open(path)
            victim.send(form[0], **form[1])


def _around_one(victim: Victim, plant: Plant) -> None:
    """What is shown on the way of changing a thread: forms, questions, refusals, the way back."""
    at, item = f"/history/{plant.thread_id}", f"i{plant.number}_3"
    for wanted in ("at", "before", "after"):
        victim.open(f"{at}?{wanted}={item}")
    assert victim.send(f"{at}/rename", title="x" * 200 + plant.text) >= plant.marks
    assert victim.send(f"{at}/delete") >= plant.marks
    victim.send("/history/selected", id=plant.thread_id, action="delete")
    victim.send("/history/selected", id=plant.thread_id, action=plant.text)
    victim.send("/history/delete-all", word=plant.text)
    victim.send("/history/select", id=plant.text, after=plant.text)
    victim.send(f"{at}/delete", undo="yes")
    victim.send(victim.page.url.removeprefix(victim.stage.chat) + "/undo")
    assert victim.open(at) >= plant.marks


def _with_text_in_it(spelled: str) -> list[str]:
    return [
        f"/{spelled}",
        f"/history/{spelled}",
        f"/history?after={spelled}",
        f"/history/search?q={spelled}&from={spelled}",
        f"/history/deletions/{spelled}",
        f"/chatkit/turns/{spelled}",
        f"/chatkit/search?q={spelled}",
    ]


def _of_a_stranger(text: str) -> list[tuple[str, tuple[str, dict[str, str]]]]:
    """Return pages for who is not signed in, and a form that is sent from each."""
    way = quote(text, safe="")
    words = {"name": text, "email": text, "password": text, "next": text}
    return [
        (f"/sign-in?next={way}", ("/sign-in", words)),
        (f"/sign-up?next={way}", ("/sign-up", words)),
        ("/history", ("/history/messages", {"text": text})),
    ]


def through_fragments(victim: Victim, sought: Sequence[Payload]) -> int:
    """Let htmx put every part of a page into one, and return how many parts there were."""
    victim.open("/history/new")
    paths = ["/history", "/history/archived", "/history/select", "/history/search?q=zq"]
    paths += [f"/history/{plant.thread_id}" for plant in victim.plants]
    paths += [f"/history/search?q={quote(one.text, safe='')}" for one in sought]
    for path in paths:
        victim.page.evaluate(SWAP, path)
    assert victim.look() >= {one.mark for one in PAYLOADS}
    return len(paths)


def missing_routes(victim: Victim) -> set[str]:
    """Return the routes of GET at which this person has not been."""
    return {path for path, method in ROUTES if method == "GET"} - victim.routes()


def through_turns(victim: Victim, plants: Iterable[Plant]) -> None:
    """Say each plant, hear it from the model, see its title change, and load the page again."""
    page, model = victim.page, victim.stage.model
    for plant in plants:
        model.answer, model.title = plant.text, plant.payloads[0].text[:180]
        victim.open("/history/new")
        _say(page, plant.text, victim)
        assert victim.look() >= plant.marks
        page.reload()
        assert victim.look() >= plant.marks
    model.status = 400
    _say(page, plant.text, victim, answered=False)
    page.locator(".outcome-failed").last.wait_for()
    victim.look()
    model.status = 200


def _say(page: Page, text: str, victim: Victim, *, answered: bool = True) -> None:
    page.locator("threadkeeper-chat[data-ready]").wait_for(state="attached")
    page.get_by_role("textbox", name="Message").fill(text)
    page.keyboard.press("Enter")
    page.locator(".item-user").last.wait_for()
    victim.look()
    if answered:
        page.locator(".item-assistant:not(.item-writing)").last.wait_for()
    page.get_by_role("button", name="Send").wait_for()


def through_changes(victim: Victim) -> None:
    """Rename a thread where it stands, and be asked whether to delete it."""
    page, plant = victim.page, victim.plants[0]
    victim.open(f"/history/{plant.thread_id}")
    page.locator("#open-more").click()
    page.get_by_role("link", name="Rename", exact=True).locator("visible=true").click()
    field = page.get_by_role("textbox", name="New name")
    victim.look()
    field.fill("<img src=x onerror=tripped()> zq000")
    field.press("Enter")
    expect(page.locator(".stage-title")).to_have_text("<img src=x onerror=tripped()> zq000")
    victim.look()
    page.locator("#open-more").click()
    page.get_by_role("button", name="Delete", exact=True).locator("visible=true").click()
    expect(page.locator("#delete-dialog")).to_be_visible()
    assert victim.look() >= {"zq000"}
    page.get_by_role("button", name="Delete", exact=True).locator("visible=true").click()
    page.get_by_role("button", name="Undo").click()
    victim.look()


def through_widget(victim: Victim, host: str) -> None:
    """Read, search and ask in the widget on a page of that host, which has payloads of its own."""
    stage, page, first = victim.stage, victim.page, victim.plants[0]
    bearer = host == OTHER_SITE
    words = {name: html.escape(first.text) for name in ("title", "greeting", "placeholder")}
    tag = " ".join(f'data-{name}="{value}"' for name, value in words.items())
    script = f'<script src="{stage.chat}/widget.js" defer {tag}{" data-start=manual" * bearer}>'
    address = stage.hosts.page("/", head=f"{script}</script>", host=host)
    page.goto(address)
    if bearer:
        token = victim.person.bearer
        page.evaluate("token => Threadkeeper.init({ getToken: async () => token })", token)
    page.evaluate(CHOOSE, [first.text, ADDRESSES])
    page.get_by_role("button", name="Open chat").click()
    # A guest's chat has no list of conversations, and gives way to one that has.
    page.get_by_role("button", name="Conversations", exact=True).wait_for()
    assert victim.look() >= first.marks
    _read_in_widget(victim)
    _search_in_widget(victim)
    _ask_in_widget(victim, first)


CHOOSE: Final = """([text, addresses]) => {
  document.title = text;
  const odd = JSON.parse('{"__proto__": {"polluted": "zq"}}');
  for (const name of ["color", "theme", "language", "position", "zIndex", "signIn", "prompts"]) {
    Threadkeeper.init({ [name]: text });
  }
  for (const address of addresses) Threadkeeper.init({ signIn: address, color: address });
  Threadkeeper.init({ pageContext: true, quotes: true, prompts: [{ label: text, prompt: text }] });
  Threadkeeper.init(odd);
  Threadkeeper.setContext({ [text]: text, ...odd });
}"""
READ: Final = """(id) => {
  return Threadkeeper.element.shadowRoot.querySelector("threadkeeper-chat").setThreadId(id);
}"""


def _read_in_widget(victim: Victim) -> None:
    page = victim.page
    for plant in victim.plants:
        page.evaluate(READ, plant.thread_id)
        page.locator(f"[data-item=i{plant.number}_3]").wait_for()
        assert victim.look() >= plant.marks


def _search_in_widget(victim: Victim) -> None:
    page = victim.page
    page.get_by_role("button", name="Conversations", exact=True).click()
    page.locator(".past").first.wait_for()
    victim.look()
    for change in (0, 1):
        button = page.locator(".past").first.locator(".past-acts button").nth(change)
        button.evaluate("button => button.click()")
        expect(page.locator(".past").first.locator(".past-acts")).to_have_count(0)
        victim.look()
        page.keyboard.press("Escape")
    page.get_by_role("searchbox").fill("zq")
    page.locator(".past-hit").first.wait_for()
    victim.look()
    page.get_by_role("searchbox").fill("<img src=x onerror=tripped()> zq999")
    page.get_by_text("Nothing found for").locator("visible=true").first.wait_for()
    assert victim.look() >= {"zq999"}


def _ask_in_widget(victim: Victim, plant: Plant) -> None:
    page = victim.page
    victim.stage.model.answer = plant.text
    page.get_by_role("button", name="New conversation").first.click()
    page.evaluate("text => Threadkeeper.ask({ text, quote: text })", plant.text)
    page.locator(".item-assistant:not(.item-writing)").last.wait_for()
    page.get_by_role("button", name="Send").wait_for()
    assert victim.look() >= plant.marks


def through_exports(victim: Victim) -> int:
    """Take everything along, read it again, and return how many files there were."""
    victim.open("/history/new")
    stage = victim.stage
    whole = json.loads(_download(victim, "/history/export.json", "application/json"))
    found = {thread["id"]: thread for thread in whole["threads"]}
    for plant in victim.plants:
        thread = found[plant.thread_id]
        assert thread["title"] == plant.text
        assert found[plant.archived_id]["document"]["status"]["reason"] == plant.text
        kept = [item["document"] for item in thread["items"]]
        assert kept == [_as_stored(item) for item in stage.poison.items(plant)]
    everything = _download(victim, "/history/export.md", "text/markdown")
    assert all(mark in everything for plant in victim.plants for mark in plant.marks)
    for plant in victim.plants:
        at = f"/history/{plant.thread_id}/export"
        alone = json.loads(_download(victim, f"{at}.json", "application/json"))
        assert [one["id"] for one in alone["threads"]] == [plant.thread_id]
        text = _download(victim, f"{at}.md", "text/markdown")
        # A page without any policy: what renders again what we wrote is the only wall.
        victim.page.goto(stage.hosts.page("/export", head="", body=render(text)))
        assert victim.look() >= plant.marks
        victim.open("/history/new")
    return 2 + 2 * len(victim.plants)


def _as_stored(item: Any) -> Any:
    return json.loads(item.model_dump_json())


def _download(victim: Victim, path: str, kind: str) -> str:
    """Return a file, after a look at how it was served."""
    status, headers, text = victim.page.evaluate(FETCH, path)
    assert status == 200
    assert headers["content-type"].startswith(kind)
    assert headers["content-disposition"].startswith("attachment; ")
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    return str(text)


HOSTS: Final = {"the same site": SAME_SITE, "another site": OTHER_SITE}
