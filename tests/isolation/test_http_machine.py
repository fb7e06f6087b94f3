"""I4, T015, T016: three people at every route of the app, who have heard of each other's ids."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import count
from typing import Any, ClassVar, Final, get_args
from uuid import uuid4

import pytest
from chatkit.types import NonStreamingReq, StreamingReq
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from werkzeug.test import TestResponse

from tests.fix_auth import PASSWORD, AuthServer
from tests.fix_figures import Figures
from tests.fix_site import Site, StartSite
from tests.isolation.http_people import Judge, Talk, Town, Visitor, events_in, message, neutral
from tests.isolation.http_routes import KINDS, KNOCKS, ROUTES, Builder, Ids
from tests.isolation.playing import play

PEOPLE: Final = 3
SHARED: Final = ("thr_of_all", "thr_of_some")
PAGES: Final = (
    "/",
    "/history/new",
    "/history/delete-all",
    "/chatkit/session",
    "/sign-in",
    "/sign-up",
    "/sign-out",
    "/livez",
    "/readyz",
    "/demo",
    "/widget.js",
    "/static/css/tokens.css",
    "/assets/0/css/tokens.css",
)
PART: Final = {"HX-Request": "true"}
_cases = count(1)

who = st.integers(0, PEOPLE - 1)
some = st.integers(0, 20)
maybe = st.booleans()


class HttpMachine(RuleBasedStateMachine):
    """What three people do in their browsers, one after another."""

    town: ClassVar[Town]

    def __init__(self) -> None:
        super().__init__()
        case = next(_cases)
        self.visitors = [self.town.visitor(case, number) for number in range(PEOPLE)]
        self.judge = Judge(self.town, self.visitors)
        self.numbers = count(1)

    @initialize()
    def move_in(self) -> None:
        """Let all have a thread of one id, and two of them one of another; each has their own."""
        for number, visitor in enumerate(self.visitors):
            self.town.give(visitor, SHARED[0], "msg_of_all")
            if number:
                self.town.give(visitor, SHARED[1], "msg_of_some")
            self.judge.before = self.judge.look()
            self.create(number, form=False, named=True)
            self.set_aside(number, some=0, many=False)

        if not self.town.swept:
            self.town.swept = True
            self.sweep()

    def sweep(self) -> None:
        """Do everything once, so that a short run leaves nothing out."""
        live = self.visitors[1].live()[0]
        foreign = next(
            talk
            for name, talk in self.visitors[1].talks.items()
            if name not in self.visitors[0].talks
        )
        for knock in KNOCKS:
            self.twice(
                self.visitors[0],
                knock,
                Ids(foreign.id, live.items[0], next(self.deletions_of(self.visitors[1]))),
            )
        for inside in range(len(KNOCKS_INSIDE)):
            self.knock_inside(0, 1, 0, 1, inside)
        for path in PAGES:
            self.look_around(0, path, hx=False)
        for act in ("pin", "unpin", "archive", "unarchive"):
            self.put(0, 0, act, hx=False)
        self.rename(0, 0, form=True, hx=False)
        self.create(0, form=True, named=True)
        self.say(0, 0, form=True, retry=False)
        self.say(0, 0, form=False, retry=True)
        self.bring_back(0)
        self.set_aside(0, 1, many=True)
        self.put_many(0, 0, "archive", hx=True)
        self.lists(0, hx=False)
        self.read(0, 0)
        self.search(0, 1)
        self.take_everything(0)
        self.long_answer(0, 1, 0)
        self.sign_in_again(0, 1)
        self.sign_in_again(0, 0)
        self.delete(0, 1, kind=False)
        self.delete_all(0, 0)

    def deletions_of(self, visitor: Visitor) -> Iterator[str]:
        return (talk.deletion for talk in visitor.talks.values() if talk.deletion)

    def get(self, visitor: Visitor, path: str, **headers: str) -> TestResponse:
        return self.judge.of(visitor, self.town.send(visitor, "GET", path, headers=headers))

    def post(
        self, visitor: Visitor, path: str, form: Any, *, hx: bool = False, sent: str = ""
    ) -> TestResponse:
        headers = PART if hx else {}
        answer = self.town.send(visitor, "POST", path, data=form, headers=headers)
        return self.judge.of(visitor, answer, sent)

    def ask(self, visitor: Visitor, kind: str, /, **params: Any) -> TestResponse:
        return self.judge.of(visitor, self.town.ask(visitor, kind, **params))

    def words(self, visitor: Visitor) -> str:
        return f"said {visitor.word} n{next(self.numbers)}"

    def talk(self, visitor: Visitor, number: int) -> Talk | None:
        live = visitor.live()
        return live[number % len(live)] if live else None

    # What people do with what is theirs

    @rule(number=who, form=maybe, named=maybe)
    def create(self, number: int, form: bool, named: bool) -> None:
        visitor, text = self.visitors[number], self.words(self.visitors[number])
        key = f"key-{number % 2}"
        named = named and key not in visitor.keys
        if form:
            sent = {"text": text, **({"key": key} if named else {})}
            answer = self.post(visitor, "/history/messages", sent)
            assert answer.status_code == 303, answer.get_data()
            thread_id = answer.headers["Location"].rsplit("/", 1)[-1]
        else:
            headers = {"Idempotency-Key": key} if named else {}
            meta = {"threadkeeper_context": {"title": visitor.word}}
            answer = self.judge.of(
                visitor,
                self.town.ask(
                    visitor,
                    "threads.create",
                    input=message(text, f"quoted {visitor.word}"),
                    headers=headers,
                    meta=meta,
                ),
            )
            thread_id = events_in(answer)[0]["thread"]["id"]
            visitor.keys |= {key} if named else set()
        talk = visitor.talks[thread_id] = Talk(thread_id, "", [], [])
        self.learn(visitor, talk)
        assert talk.said == [text, f"You said: {text}"]

    def learn(self, visitor: Visitor, talk: Talk) -> None:
        """Take over what the app names or numbers itself: a title, the ids of items."""
        found = self.ask(visitor, "threads.get_by_id", thread_id=talk.id).get_json()
        talk.title = found["title"]
        messages = [item for item in found["items"]["data"] if item["type"].endswith("message")]
        talk.said = ["".join(part["text"] for part in item["content"]) for item in messages]
        talk.items = [item["id"] for item in messages]

    @rule(number=who, some=some, form=maybe, retry=maybe)
    def say(self, number: int, some: int, form: bool, retry: bool) -> None:
        visitor = self.visitors[number]
        talk, text = self.talk(visitor, some), self.words(visitor)
        if talk is None or len(talk.said) > 6:
            return
        expected = [*talk.said, text, f"You said: {text}"]
        if retry:
            answer = self.ask(
                visitor, "threads.retry_after_item", thread_id=talk.id, item_id=talk.items[0]
            )
            expected = [talk.said[0], f"You said: {talk.said[0]}"]
        elif form:
            answer = self.post(visitor, f"/history/{talk.id}/messages", {"text": text})
            talk.archived = False
        else:
            answer = self.ask(
                visitor, "threads.add_user_message", thread_id=talk.id, input=message(text)
            )
            talk.archived = False
        assert answer.status_code in {200, 303}, answer.get_data()
        self.learn(visitor, talk)
        assert talk.said == expected

    @rule(number=who, some=some, form=maybe, hx=maybe)
    def rename(self, number: int, some: int, form: bool, hx: bool) -> None:
        visitor = self.visitors[number]
        talk, title = self.talk(visitor, some), f"named {visitor.word} n{next(self.numbers)}"
        if talk is None:
            return
        if form:
            assert visitor.word in self.get(visitor, f"/history/{talk.id}/rename").text
            self.post(visitor, f"/history/{talk.id}/rename", {"title": title}, hx=hx)
        else:
            self.ask(visitor, "threads.update", thread_id=talk.id, title=title)
        talk.title = title

    @rule(
        number=who,
        some=some,
        act=st.sampled_from(["pin", "unpin", "archive", "unarchive"]),
        hx=maybe,
    )
    def put(self, number: int, some: int, act: str, hx: bool) -> None:
        visitor = self.visitors[number]
        talk = self.talk(visitor, some)
        if talk is None:
            return
        answer = self.post(visitor, f"/history/{talk.id}/{act}", {}, hx=hx)
        assert answer.status_code == (204 if hx else 303)
        talk.pinned = act == "pin" or (talk.pinned and act == "unarchive")
        talk.archived = act == "archive" or (talk.archived and act == "unpin")

    @rule(number=who, some=some, kind=maybe)
    def delete(self, number: int, some: int, kind: bool) -> None:
        visitor = self.visitors[number]
        talk = self.talk(visitor, some)
        if talk is None or len(visitor.live()) < 2:
            return
        if kind:
            self.ask(visitor, "threads.delete", thread_id=talk.id)
        else:
            path = f"/history/{talk.id}/delete"
            assert self.post(visitor, path, {}).status_code == 200
            assert self.post(visitor, path, {"confirm": "yes"}).status_code == 303
        del visitor.talks[talk.id]

    @rule(number=who, some=some, many=maybe)
    def set_aside(self, number: int, some: int, many: bool) -> None:
        """Delete with an undo; a selection names threads of others as well."""
        visitor = self.visitors[number]
        talk = self.talk(visitor, some)
        if talk is None or len(visitor.live()) < 2:
            return
        deletion = uuid4().hex
        visitor.known.add(deletion)
        if many:
            ids = [talk.id, *self.heard_of(visitor)]
            form = {"id": ids, "action": "delete", "confirm": "yes", "deletion": deletion}
            answer = self.post(visitor, "/history/selected", form, sent=" ".join(ids))
        else:
            form = {"undo": "yes", "deletion": deletion}
            answer = self.post(visitor, f"/history/{talk.id}/delete", form)
        assert answer.status_code == 303, answer.get_data()
        assert self.get(visitor, f"/history/deletions/{deletion}").status_code == 200
        talk.deletion, talk.aside_at = deletion, time.monotonic()

    @rule(number=who)
    def bring_back(self, number: int) -> None:
        visitor = self.visitors[number]
        aside = [talk for talk in visitor.talks.values() if talk.deletion]
        self.judge.may_be_purged(visitor)
        if not aside or visitor.late:
            return
        deletion = aside[-1].deletion
        answer = self.post(visitor, f"/history/deletions/{deletion}/undo", {})
        assert answer.status_code == 303, answer.get_data()
        for talk in aside:
            if talk.deletion == deletion:
                talk.deletion = None

    @rule(number=who, rarely=st.integers(0, 4))
    def delete_all(self, number: int, rarely: int) -> None:
        visitor = self.visitors[number]
        assert self.post(visitor, "/history/delete-all", {"word": "no"}).status_code == 400
        if rarely:
            return
        deletion = uuid4().hex
        visitor.known.add(deletion)
        self.post(visitor, "/history/delete-all", {"word": "delete", "deletion": deletion})
        for talk in visitor.live():
            talk.deletion, talk.aside_at = deletion, time.monotonic()

    @rule(number=who, some=some, act=st.sampled_from(["archive", "unarchive"]), hx=maybe)
    def put_many(self, number: int, some: int, act: str, hx: bool) -> None:
        visitor = self.visitors[number]
        talk = self.talk(visitor, some)
        if talk is None:
            return
        ids = [*self.heard_of(visitor), talk.id]
        self.post(visitor, "/history/selected", {"id": ids, "action": act}, hx=hx)
        talk.archived = act == "archive"
        talk.pinned = talk.pinned and not talk.archived

    def heard_of(self, visitor: Visitor) -> list[str]:
        """Return ids of others' threads that this person has none of."""
        others = [each for each in self.visitors if each is not visitor]
        ids = {talk.id for other in others for talk in other.talks.values()}
        return sorted(ids - set(visitor.talks))

    # What people see

    @rule(number=who, hx=maybe)
    def lists(self, number: int, hx: bool) -> None:
        visitor = self.visitors[number]
        page = self.ask(visitor, "threads.list", limit=100).get_json()
        assert {row["id"]: row["title"] for row in page["data"]} == {
            talk.id: talk.title for talk in visitor.live() if not talk.archived
        }
        headers = PART if hx else {}
        text = self.get(visitor, "/history", **headers).text
        assert rows_in(text) == visitor.listed()
        text = self.get(visitor, "/history/archived", **headers).text
        assert rows_in(text) == {talk.id for talk in visitor.live() if talk.archived}
        heard = self.heard_of(visitor)[:2]
        for form in ({}, {"from": "archived"}):
            text = self.post(
                visitor, "/history/select", {**form, "id": heard}, sent=" ".join(heard)
            ).text
            assert rows_in(text) == {
                talk.id for talk in visitor.live() if talk.archived == bool(form)
            }

    @rule(number=who, some=some)
    def read(self, number: int, some: int) -> None:
        visitor = self.visitors[number]
        talk = self.talk(visitor, some)
        if talk is None:
            return
        page = self.ask(visitor, "items.list", thread_id=talk.id, order="asc").get_json()
        found = [item["id"] for item in page["data"] if item["type"].endswith("message")]
        assert found == talk.items
        shown = self.get(visitor, f"/history/{talk.id}")
        assert all(text in shown.text for text in talk.said)
        assert talk.title in self.get(visitor, f"/history/{talk.id}", **PART).text
        assert self.get(visitor, f"/chatkit/turns/{talk.id}").status_code == 204
        for form in ("md", "json"):
            taken = self.get(visitor, f"/history/{talk.id}/export.{form}").text
            assert all(text in taken for text in talk.said)
        kept = self.ask(
            visitor,
            "items.feedback",
            thread_id=talk.id,
            item_ids=talk.items[-1:],
            kind="positive",
        )
        assert kept.status_code == 200

    @rule(number=who)
    def take_everything(self, number: int) -> None:
        visitor = self.visitors[number]
        lines = self.get(visitor, "/history/export.json").text
        for talk in visitor.live():
            assert talk.id in lines
            assert all(text in lines for text in talk.said)
        for talk in visitor.talks.values():
            assert talk.deletion is None or talk.id not in lines
        self.get(visitor, "/history/export.md")

    @rule(number=who, other=who)
    def search(self, number: int, other: int) -> None:
        """Look for what all have said, and for a word that is somebody's own."""
        visitor, target = self.visitors[number], self.visitors[other]
        found = self.get(visitor, "/chatkit/search?q=said+given").get_json()
        assert {hit["thread"]["id"] for hit in found["data"]} <= set(visitor.talks)
        answer = self.town.send(visitor, "GET", f"/chatkit/search?q={target.word}")
        hits = self.judge.of(visitor, answer, target.word).get_json()["data"]
        assert bool(hits) == (other == number and bool(visitor.live()))
        answer = self.town.send(visitor, "GET", f"/history/search?q={target.word}")
        self.judge.of(visitor, answer, target.word)

    @rule(number=who, path=st.sampled_from(PAGES), hx=maybe)
    def look_around(self, number: int, path: str, hx: bool) -> None:
        self.get(self.visitors[number], path, **(PART if hx else {}))

    @rule(number=who, rarely=st.integers(0, 6))
    def sign_in_again(self, number: int, rarely: int) -> None:
        """Sign in in another browser, and out there: this one's session goes on."""
        visitor = self.visitors[number]
        if rarely:
            form = {"email": visitor.person.email, "password": "wrong", "name": visitor.word}
            for path in ("/sign-in", "/sign-up"):
                self.post(visitor, path, form)
            return
        form = {"email": visitor.person.email, "password": PASSWORD}
        answer = self.post(visitor, "/sign-in", form)
        cookies = answer.headers.getlist("Set-Cookie")
        assert answer.status_code == 303, answer.text
        headers = {"Cookie": "; ".join(cookie.split(";")[0] for cookie in cookies)}
        self.judge.of(visitor, self.town.send(visitor, "POST", "/sign-out", headers=headers))
        left = self.town.send(visitor, "GET", "/chatkit/session", headers=headers).get_json()
        assert left["user"] is None
        assert self.get(visitor, "/chatkit/session").get_json()["user"]["id"] == visitor.id

    @rule(number=who, other=who, rarely=st.integers(0, 6))
    def long_answer(self, number: int, other: int, rarely: int) -> None:
        """Knock at an answer that is being written; only its owner may join and stop it."""
        visitor, stranger = self.visitors[number], self.visitors[other]
        if rarely or other == number:
            return
        visitor.writing = True
        parts = ["Forever", f"said {visitor.word}"]
        content = [{"type": "input_text", "text": part} for part in parts]
        sent = self.town.ask(
            visitor,
            "threads.create",
            input={**message(""), "content": content},
            headers={"X-Threadkeeper-Turn": "keep"},
        )
        first = bytes(next(sent.iter_encoded()))
        thread_id = json.loads(first.removeprefix(b"data: "))["thread"]["id"]
        self.twice(stranger, KNOCKS_AT_TURNS[0], Ids(thread_id, "msg_x", "x"))
        self.twice(stranger, KNOCKS_AT_TURNS[1], Ids(thread_id, "msg_x", "x"))
        joined = self.town.send(visitor, "GET", f"/chatkit/turns/{thread_id}")
        stopped = self.town.send(visitor, "POST", f"/chatkit/turns/{thread_id}/stop")
        assert stopped.get_json() == {"stopping": True}
        self.judge.of(visitor, joined)
        self.judge.of(visitor, sent)
        # Nobody goes on in it: asked again, it would be answered for ever again.
        self.ask(visitor, "threads.delete", thread_id=thread_id)
        visitor.writing = False

    # What strangers try

    @rule(number=who, other=who, some=some, item=some, knock=st.sampled_from(KNOCKS))
    def knock(self, number: int, other: int, some: int, item: int, knock: Builder) -> None:
        """Ask for a thread, an item or a deletion of somebody else's: the same as for none."""
        stranger, owner = self.visitors[number], self.visitors[other]
        theirs = [talk for name, talk in owner.talks.items() if name not in stranger.talks]
        if not theirs:
            return
        talk = theirs[some % len(theirs)]
        deletions = [each.deletion for each in owner.talks.values() if each.deletion]
        item_id = talk.items[item % len(talk.items)] if talk.items else "msg_none"
        self.twice(stranger, knock, Ids(talk.id, item_id, (deletions or ["0" * 32])[-1]))

    @rule(number=who, other=who, some=some, of=some, knock=st.integers(0, 5))
    def knock_inside(self, number: int, other: int, some: int, of: int, knock: int) -> None:
        """Ask for somebody else's item in a thread of one's own."""
        stranger, owner = self.visitors[number], self.visitors[other]
        talk, theirs = self.talk(stranger, some), self.talk(owner, of)
        if talk is None or theirs is None or not theirs.items:
            return
        item_id = theirs.items[-1]
        if item_id not in talk.items:
            self.twice(stranger, KNOCKS_INSIDE[knock], Ids(talk.id, item_id, "0" * 32), inside=True)

    def twice(self, stranger: Visitor, knock: Builder, ids: Ids, *, inside: bool = False) -> None:
        """Ask once with somebody else's ids, once with some that nobody has."""
        made_up = Ids(ids.thread if inside else like(ids.thread), like(ids.item), uuid4().hex)
        before = self.judge.look()[stranger.id]
        answers = []
        for each in (ids, made_up):
            asked = knock(each)
            answer = self.town.send(stranger, asked.method, asked.path, **asked.named)
            sent = " ".join([str(asked), *vars(each).values()])
            answers.append(
                without(
                    neutral(self.judge.of(stranger, answer, sent), each.thread), each, asked.path
                )
            )
        self.town.twins += 1
        assert answers[0] == answers[1]
        if not self.judge.may_be_purged(stranger):
            assert self.judge.look()[stranger.id] == before, "a refused request changed something"


KNOCKS_AT_TURNS: Final = [
    *ROUTES[("/chatkit/turns/<thread_id>", "GET")],
    *ROUTES[("/chatkit/turns/<thread_id>/stop", "POST")],
]
KNOCKS_INSIDE: Final = [
    KINDS["items.list"],
    KINDS["items.feedback"],
    KINDS["threads.retry_after_item"],
    *ROUTES[("/history/<thread_id>", "GET")][1:],
]


def like(any_id: str) -> str:
    """Return an id of the same length that nobody has."""
    return f"{any_id[:4]}{(uuid4().hex + uuid4().hex)[: len(any_id) - 4]}"


def without(text: str, ids: Ids, path: str) -> str:
    """Return an answer without further ids that were asked for, and without cursors of them."""
    for name in (ids.item, ids.deletion):
        text = text.replace(name, "<id>")
    cursor = path.partition("after=")[2]
    return text.replace(cursor, "<cursor>") if cursor else text


def rows_in(text: str) -> set[str]:
    # The page has an empty row too, which scripts fill.
    return {row.split('"')[0] for row in text.split('data-thread="')[1:]} - {"ID"}


@pytest.fixture
def town(start_site: StartSite, site_auth: AuthServer, site_dsn: str) -> Iterator[Town]:
    site = start_site(
        assistant="tests.assistants.echo:assistant",
        demo_page=True,
        requests_per_minute=0,
        turns_per_minute=0,
    )
    town = Town(site, site_auth, site_dsn)
    yield town
    town.close()


def play_in(town: Town, *, cases: int, steps: int) -> None:
    class Machine(HttpMachine):
        pass

    Machine.town = town
    play(Machine, cases=cases, steps=steps)


def routes_of(site: Site) -> set[tuple[str, str]]:
    return {
        (str(found.rule), method)
        for found in site.app.url_map.iter_rules()
        for method in (found.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_and_request_has_a_rule_in_the_machine(town: Town) -> None:
    kinds = {
        get_args(kind.model_fields["type"].annotation)[0]
        for kind in (*get_args(StreamingReq), *get_args(NonStreamingReq))
    }

    assert routes_of(town.site) == set(ROUTES), "play the route in HttpMachine, see http_routes.py"
    assert kinds == set(KINDS), "play the request in HttpMachine, see http_routes.py"
    named = [found for found in (*ROUTES.values(), *KINDS.values()) if isinstance(found, str)]
    assert all(hasattr(HttpMachine, name) for name in named)


def check_and_tell(town: Town, figures: Figures, steps: int) -> None:
    played = {tuple(reversed(each.split(" ", 1))) for each in town.requests}
    assert played == routes_of(town.site), routes_of(town.site) - played
    assert sum(town.requests.values()) >= steps
    figures.tell(
        "I4 I1 I3",
        "Three people who know each other's ids meet nothing of the others at any route, and"
        " foreign and missing answer alike, byte for byte",
        {
            "requests": sum(town.requests.values()),
            "routes": len(town.requests),
            "foreign and missing compared": town.twins,
            "answers by status": {str(key): town.statuses[key] for key in sorted(town.statuses)},
            "foreign words or ids, foreign rows changed, different answers": 0,
        },
    )


def test_nobody_meets_anything_of_others_at_any_route(town: Town, figures: Figures) -> None:
    play_in(town, cases=10, steps=30)

    check_and_tell(town, figures, 500)


@pytest.mark.soak
def test_nobody_meets_anything_of_others_at_any_route_for_long(
    town: Town, figures: Figures
) -> None:
    play_in(town, cases=120, steps=60)

    check_and_tell(town, figures, 5_000)
