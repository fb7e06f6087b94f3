"""Requests that nobody planned for: valid, nearly valid, and nonsense, from the types themselves.

Every text may carry a canary, as do cookies, tokens and the arguments of tools, which no log may
ever show. Ids carry none: the log names them.
"""

from __future__ import annotations

import base64
import json
import math
import types
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin
from urllib.parse import quote, urlencode

from chatkit.types import NonStreamingReq, StreamingReq
from hypothesis import strategies as st
from pydantic import BaseModel
from werkzeug.routing import Rule

from tests.fix_auth import Person
from tests.isolation.canaries import canary

SECRET: Final = canary(0, 0)
OWN: Final = "http://localhost"
ODD: Final = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\u202e\u2066",
    "\x7f\x1b[31m",
    "e\u0301" * 40,
    "'; DROP TABLE chatkit_thread; --",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "%s%n%(user_id)s",
    "../../etc/passwd",
    "\r\nSet-Cookie: a=b",
    "\U0001f9f6" * 30,
    "x" * 5_000,
    "\\",
    "NaN",
    "null",
    "-1",
    "9" * 400,
)
NUMBERS: Final = (0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**40, 1e308, -0.0, math.nan, math.inf)
MOMENTS: Final = (
    "2026-03-01T12:00:00+00:00",
    "2026-03-01T12:00:00+23:59",
    "2026-03-01T12:00:00-23:59",
    "0002-01-01T00:00:00+00:00",
    "0001-01-01T00:00:00+14:00",
    "9998-12-31T23:59:59.999999-14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-03-01T12:00:00",
    "2026-03-01T12:00:00+00:00:30.5",
    "20260301",
    "infinity",
    "",
)
METHODS: Final = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "get", "X")
TYPES: Final = (
    "application/json",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "text/plain",
    'application/JSON;a="',
    "",
    "\xff",
)
NAMES: Final = (
    "id", "action", "confirm", "undo", "deletion", "word", "text", "key", "title", "after", "from",
    "to", "q", "at", "before", "next", "email", "password", "name",
)  # fmt: skip
PUBLIC: Final = frozenset({"id", "action", "after", "at", "before", "from", "to", "deletion"})
"""Fields whose values are ids and choices: the log may quote them."""
IDS: Final = frozenset({"thread_id", "item_id", "item_ids", "attachment_id", "after"})


@dataclass(frozen=True)
class Sent:
    """One request, as it goes over the wire."""

    method: str
    target: bytes
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def raw(self) -> bytes:
        """Return its bytes for a socket."""
        lines = [b"%s %s HTTP/1.1" % (self.method.encode(), self.target), b"Host: localhost"]
        lines += [f"{name}: {value}".encode("latin-1", "replace") for name, value in self.headers]
        names = {name.lower() for name, _ in self.headers}
        if "content-length" not in names and "transfer-encoding" not in names:
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join([*lines, b"Connection: close", b"", self.body])


class Fuzz:
    """The strategies, for somebody who is signed in and has threads of these ids.

    `other` is a further session of theirs, which may end.
    """

    def __init__(self, person: Person, other: Person, ids: list[str], rules: list[Rule]) -> None:
        self.cookie, self.bearer, self.rules = person.cookie, person.bearer, rules
        self.other = other
        self.ids = st.sampled_from([*ids, *ids, "thr_none", "msg_none", "x" * 300, *ODD[:8]])
        plain = st.just(f"{SECRET} said")
        self.texts = st.one_of(
            plain,
            plain,
            plain,
            st.sampled_from(ODD).map(lambda odd: f"{SECRET}{odd}"),
            st.sampled_from(ODD),
            st.text(max_size=20).map(lambda text: f"{SECRET} {text}"),
        )
        leaves = st.one_of(
            self.texts, st.sampled_from(NUMBERS), st.none(), st.booleans(), st.integers()
        )
        self.anything = st.recursive(
            leaves,
            lambda part: st.one_of(
                st.lists(part, max_size=3), st.dictionaries(self.texts, part, max_size=3)
            ),
            max_leaves=6,
        )
        self.kinds = [*get_args(StreamingReq), *get_args(NonStreamingReq)]

    def requests(self) -> st.SearchStrategy[Sent]:
        """Return whatever may be sent to us, half of it to the ChatKit endpoint."""
        return st.one_of(self.chatkit(), self.routes())

    @st.composite
    @staticmethod
    def _chatkit(draw: st.DrawFn, fuzz: Fuzz) -> Sent:
        kind = draw(st.sampled_from(fuzz.kinds))
        value = draw(fuzz.of(kind))
        how = draw(st.sampled_from(["valid", "valid", "damaged", "damaged", "damaged", "bytes"]))
        if how == "damaged":
            value = draw(fuzz.damaged(value))
        body = json.dumps(value).encode()
        if how == "bytes":
            body = draw(fuzz.broken(body))
        headers = [("Content-Type", "application/json"), *draw(fuzz.credentials())]
        if draw(st.integers(0, 4)) == 0:
            keys = st.one_of(st.sampled_from(["k1", "k2", " ", "\xff", "x" * 300]))
            headers.append(("Idempotency-Key", draw(keys)))
        if draw(st.booleans()):
            headers.append(("X-Threadkeeper-Turn", draw(st.sampled_from(["keep", "", "lose"]))))
        return Sent("POST", b"/chatkit", tuple(headers), body)

    def chatkit(self) -> st.SearchStrategy[Sent]:
        """Return requests of the ChatKit union, and what looks like them."""
        return Fuzz._chatkit(self)

    @st.composite
    @staticmethod
    def _routes(draw: st.DrawFn, fuzz: Fuzz) -> Sent:
        rule = draw(st.sampled_from(fuzz.rules))
        usual = sorted((rule.methods or {"GET"}) - {"HEAD", "OPTIONS"})
        method = draw(st.sampled_from([*usual, *usual, *usual, *METHODS]))
        path = draw(fuzz.path(rule))
        pairs = draw(st.lists(fuzz.pair(), max_size=3))
        target = path + (b"?" + _encoded(pairs) if pairs else b"")
        headers = list(draw(fuzz.credentials()))
        if rule.endpoint == "sign_in.sign_out":
            # The other session of the same person: this one is needed for the rest.
            headers = [("Cookie", fuzz.other.cookie), ("Origin", OWN)]
        body = b""
        if method not in {"GET", "HEAD"}:
            body = _encoded(draw(st.lists(fuzz.pair(), max_size=4)))
            kind = draw(st.sampled_from(TYPES))
            if draw(st.booleans()):
                kind = TYPES[2]
            if kind.startswith("multipart"):
                body = draw(fuzz.multipart())
            headers.append(("Content-Type", kind))
        if draw(st.booleans()):
            headers.append(("HX-Request", "true"))
        headers += draw(st.lists(fuzz.odd_header(), max_size=2))
        return Sent(method, target, tuple(headers), body)

    def routes(self) -> st.SearchStrategy[Sent]:
        """Return requests to every route, with methods, words and bodies of all sorts."""
        return Fuzz._routes(self)

    def path(self, rule: Rule) -> st.SearchStrategy[bytes]:
        """Return addresses that the rule matches, and some that it nearly does."""

        def fill(values: tuple[str, ...]) -> bytes:
            path = str(rule.rule)
            for name, value in zip(sorted(rule.arguments), values, strict=True):
                for spelled in (f"<{name}>", f"<path:{name}>"):
                    path = path.replace(spelled, quote(value, safe="", errors="surrogatepass"))
            return path.encode()

        filled = st.tuples(*[self.ids for _ in rule.arguments]).map(fill)
        ends = st.sampled_from([b"", b"", b"", b"", b"/", b"//", b"%00", b"%ff", b"/..", b"%2e"])
        return st.builds(lambda path, end: path + end, filled, ends)

    def pair(self) -> st.SearchStrategy[tuple[str, str]]:
        """Return a field of a form or of an address with a value that it may have, or not."""
        cursors = st.builds(
            lambda moment, rest: (
                base64.urlsafe_b64encode(f"{moment} {rest}".encode()).decode().rstrip("=")
            ),
            st.sampled_from(MOMENTS),
            st.sampled_from(["thr_none", "1 thr_none", f"{2**63} x", "-1 x", "\u0663 x", "0 \0"]),
        )
        days = st.sampled_from(["2026-03-01", "0001-01-01", "9999-12-31", "2026-02-30", "\u0663"])
        words = st.sampled_from(
            ["yes", "delete", "archive", "unarchive", "export.md", "export.json", "newest"]
        )
        public = st.one_of(self.ids, cursors, days, words, st.sampled_from(ODD))

        def value(name: str) -> st.SearchStrategy[tuple[str, str]]:
            found = public if name in PUBLIC else st.one_of(self.texts, words)
            return st.tuples(st.just(name), found)

        return st.sampled_from(NAMES).flatmap(value)

    def multipart(self) -> st.SearchStrategy[bytes]:
        """Return bodies of several parts, some of them files, some broken off."""
        head = b'--b\r\nContent-Disposition: form-data; name="text"'
        end = b"\r\n--b--\r\n"
        secret = SECRET.encode()
        return st.sampled_from(
            [
                head + b"\r\n\r\n" + secret + end,
                head + b'; filename="' + secret + b'"\r\n\r\n' + secret + end,
                head + b"\r\n\r\n" + secret,
                head + b"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+AAA-" + end,
                b"--b\r\n\r\n" * 300,
                head * 50,
                b"",
            ]
        )

    def credentials(self) -> st.SearchStrategy[list[tuple[str, str]]]:
        """Return who says to be asking: mostly somebody real, from a page of ours."""
        real = [("Cookie", self.cookie), ("Origin", OWN)]
        return st.sampled_from(
            [
                real,
                real,
                real,
                real,
                real,
                [("Authorization", f"Bearer {self.bearer}")],
                [("Cookie", f"better-auth.session_token={SECRET}.x"), ("Origin", OWN)],
                [("Cookie", f"{self.cookie}; timezone={SECRET}"), ("Origin", OWN)],
                [("Cookie", f"{self.cookie}; timezone=..%2f\xff; =;;"), ("Origin", OWN)],
                [("Authorization", f"Bearer {SECRET}")],
                [("Authorization", f"Basic {SECRET}")],
                [("Cookie", self.cookie)],
                [("Cookie", self.cookie), ("Origin", "null")],
                [],
            ]
        )

    def odd_header(self) -> st.SearchStrategy[tuple[str, str]]:
        """Return a header that somebody may send beside the usual ones."""
        return st.sampled_from(
            [
                ("X-Request-Id", "x" * 100),
                ("X-Request-Id", "abcdefgh-1"),
                ("HX-Target", "stage-top"),
                ("Sec-Fetch-Site", "cross-site"),
                ("Sec-Fetch-Dest", "image"),
                ("Sec-Fetch-Dest", "\xff"),
                ("Referer", f"{OWN}/history/archived?q={SECRET}"),
                ("Referer", "http://localhost/\\evil"),
                ("Accept-Encoding", "gzip;q=nan, *"),
                ("Content-Encoding", "gzip"),
                ("If-None-Match", "\xff"),
                ("If-Modified-Since", "Sun, 99 Abc 99999 99:99:99 GMT"),
                ("Range", "bytes=-1-,5"),
                ("Access-Control-Request-Method", "\xff"),
                ("X-Forwarded-For", SECRET),
                ("X-Forwarded-Host", "evil.example"),
                ("Content-Length", "abc"),
                ("Cookie", "a" * 9_000),
            ]
        )

    def damaged(self, value: Any) -> st.SearchStrategy[Any]:
        """Return the value with one thing in it replaced, taken away, or doubled."""

        @st.composite
        def damage(draw: st.DrawFn) -> Any:
            whole = json.loads(json.dumps(value))
            place, key = _a_place(draw, whole)
            if place is None:
                return draw(self.anything)
            match draw(st.sampled_from(["odd", "odd", "odd", "without", "nested", "extra"])):
                case "odd":
                    place[key] = draw(self.anything)
                case "without" if isinstance(place, dict):
                    del place[key]
                case "nested":
                    place[key] = _nested(draw(st.sampled_from([3, 60, 300])))
                case _ if isinstance(place, dict):
                    place[f"{SECRET}_more"] = draw(self.anything)
            return whole

        return damage()

    def broken(self, body: bytes) -> st.SearchStrategy[bytes]:
        """Return what is not the JSON that it was."""
        return st.sampled_from(
            [
                body[: len(body) // 2],
                body + body,
                b"\xef\xbb\xbf" + body,
                body.decode("utf-8").encode("utf-16"),
                body.replace(b"a", b"\xff"),
                b"[" * 5_000,
                b'{"a":' * 3_000,
                b"",
                body.replace(b'"type"', b'"type":"threads.list","type"', 1),
            ]
        )

    def of(self, kind: Any, name: str = "") -> st.SearchStrategy[Any]:
        """Return values of a type as JSON has them."""
        if name in IDS and kind in (str, str | None, list[str]):
            return st.lists(self.ids, max_size=3) if kind == list[str] else self.ids
        return self._of(kind)

    @cache  # noqa: B019 - one object for a run, and building a type's strategy is slow.
    def _of(self, kind: Any) -> st.SearchStrategy[Any]:
        origin = get_origin(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return self._model(kind)
        if origin is Literal:
            return st.sampled_from(get_args(kind))
        if origin in (Union, types.UnionType):
            return st.one_of([self._of(each) for each in get_args(kind)])
        if origin is list:
            return st.lists(self._of(get_args(kind)[0]), max_size=3)
        if origin is dict:
            return st.dictionaries(self.texts, self._of(get_args(kind)[1]), max_size=3)
        if origin is not None and hasattr(kind, "__metadata__"):
            return self._of(get_args(kind)[0])
        simple: dict[Any, st.SearchStrategy[Any]] = {
            str: self.texts,
            int: st.one_of(st.integers(1, 50), st.sampled_from(NUMBERS)),
            float: st.sampled_from(NUMBERS),
            bool: st.booleans(),
            type(None): st.none(),
        }
        return simple.get(kind, self.anything)

    def _model(self, model: type[BaseModel]) -> st.SearchStrategy[Any]:
        needed: dict[str, st.SearchStrategy[Any]] = {}
        more: dict[str, st.SearchStrategy[Any]] = {}
        for name, field in model.model_fields.items():
            made = self.of(field.annotation, name)
            if name == "metadata":
                made = st.one_of(made, st.fixed_dictionaries({"threadkeeper_context": self.page()}))
            if name in {"attachments", "inference_options"}:
                # Anything in them is refused before what else there is is looked at.
                made = st.one_of(st.just([] if name == "attachments" else {}), made)
            (needed if field.is_required() or name == "type" else more)[name] = made
        return st.fixed_dictionaries(needed, optional=more)

    def page(self) -> st.SearchStrategy[Any]:
        """Return what a page may tell about itself, and what it may not."""
        right = {"url": st.just(f"https://example.com/{SECRET}"), "title": self.texts}
        return st.one_of(
            st.fixed_dictionaries(right, optional={"data": self.anything}), self.anything
        )


def _encoded(pairs: list[tuple[str, str]]) -> bytes:
    return urlencode(pairs, errors="surrogatepass").encode()


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": [value]}
    return value


def _a_place(draw: st.DrawFn, whole: Any) -> tuple[Any, Any]:
    """Return some dict or list in a value, and a key in it."""
    place: Any = None
    key: Any = None
    value = whole
    while isinstance(value, dict | list) and value:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        place, key = value, draw(st.sampled_from(keys))
        value = value[key]
        if draw(st.integers(0, 3)) == 0:
            break
    return place, key
