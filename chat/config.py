"""The settings, read once from the environment; every wrong one is reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import Final, Literal, TypeVar
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from chat.errors import ConfigError

T = TypeVar("T")
LinkAuthUsers = Literal["on", "off", "leave"]
"""`leave` neither makes nor removes the link to the auth server's users."""

DEFAULT_MODEL: Final = "gpt-5-mini"
ON_WORDS: Final = frozenset({"1", "true", "yes", "on"})
OFF_WORDS: Final = frozenset({"0", "false", "no", "off"})
HOST: Final = re.compile(r"[0-9A-Za-z.-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
FEWEST_THREADS: Final = 51
"""One stream, and the threads that no stream may take: `chat.stream.SPARE_THREADS`."""
MOST_THREADS: Final = 1050
"""A stream for each of the turns that a worker has at most, and the threads that none may take."""
BETWEEN: Final = re.compile(r"[\s,]+")
LISTED_HOST: Final = re.compile(r"[0-9a-z_.-]+|[0-9a-f:]*:[0-9a-f:.]*")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an operator can set; the table in README.md explains each variable.

    `public_url` is our own origin as browsers see it, or None to take it from each request's Host.
    `allowed_origins` are those of other sites whose pages may talk to us for the person at them.
    `history_tokens` bounds what the model is shown of a thread; `pool_size` is a worker's number of
    database connections. With `row_level_security` PostgreSQL asks for the owner too: `chat.wall`.
    `requests_per_minute`, `turns_per_minute` and `turns_per_day` are for each person, on all
    workers together; 0 is no limit.
    """

    database_url: str = field(repr=False)
    auth_url: str
    public_url: str | None = None
    allowed_origins: frozenset[str] = frozenset()
    demo_page: bool = False
    trusted_proxies: int = 0
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = None
    chat_model: str = DEFAULT_MODEL
    assistant: str | None = None
    assistant_instructions: str | None = None
    history_tokens: int = 16_000
    sign_in_url: str | None = None
    link_auth_users: LinkAuthUsers = "on"
    pool_size: int = 10
    row_level_security: bool = False
    requests_per_minute: int = 600
    turns_per_minute: int = 60
    turns_per_day: int = 0

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings in `environ`; raise ConfigError that names every wrong one."""
        read = _Reader(environ)
        settings = cls(
            database_url=read.required("DATABASE_URL", _dsn, "postgresql://user:…@host/db"),
            auth_url=read.required("BETTER_AUTH_URL", _base_url, "https://auth.example.com"),
            public_url=read.optional("PUBLIC_URL", _origin, None),
            allowed_origins=read.each("ALLOWED_ORIGINS", _listed_origin),
            demo_page=read.optional("DEMO_PAGE", _switch, False),
            trusted_proxies=read.optional("TRUSTED_PROXIES", _whole(0, 10), 0),
            openai_api_key=read.optional("OPENAI_API_KEY", _secret, None),
            openai_base_url=read.optional("OPENAI_BASE_URL", _base_url, None),
            chat_model=read.optional("CHAT_MODEL", _line, DEFAULT_MODEL),
            assistant=read.optional("ASSISTANT", _module_and_name, None),
            assistant_instructions=read.optional("ASSISTANT_INSTRUCTIONS", str, None),
            history_tokens=read.optional("HISTORY_TOKENS", _whole(100, 10_000_000), 16_000),
            sign_in_url=read.optional("SIGN_IN_URL", _base_url, None),
            link_auth_users=read.optional("LINK_AUTH_USERS", _link, "on"),
            pool_size=read.optional("DATABASE_POOL_SIZE", _whole(1, 1000), 10),
            row_level_security=read.optional("ROW_LEVEL_SECURITY", _switch, False),
            requests_per_minute=read.optional("REQUESTS_PER_MINUTE", _whole(0, 1_000_000), 600),
            turns_per_minute=read.optional("TURNS_PER_MINUTE", _whole(0, 1_000_000), 60),
            turns_per_day=read.optional("TURNS_PER_DAY", _whole(0, 1_000_000), 0),
        )
        if read.problems:
            raise ConfigError(read.problems)
        return settings


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What the web server is told: where it listens, with how many processes and threads each."""

    host: str = "0.0.0.0"  # noqa: S104 - a container has to answer from outside.
    port: int = 8000
    workers: int = 2
    threads: int = 700

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> ServerSettings:
        """Return the settings in `environ`; raise ConfigError that names every wrong one."""
        read, usual = _Reader(environ), cls()
        threads = _whole(FEWEST_THREADS, MOST_THREADS)
        settings = cls(
            host=read.optional("HOST", _host, usual.host),
            port=read.optional("PORT", _whole(1, 65535), usual.port),
            workers=read.optional("WEB_CONCURRENCY", _whole(1, 256), usual.workers),
            threads=read.optional("WEB_THREADS", threads, usual.threads),
        )
        if read.problems:
            raise ConfigError(read.problems)
        return settings

    @property
    def address(self) -> str:
        """Host and port, as a web server wants them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class _Reader:
    """Reads variables one by one and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def required(self, name: str, parse: Callable[[str], str], example: str) -> str:
        """Return the variable; a missing one is a problem that names an example."""
        if not self._environ.get(name, "").strip():
            self.problems.append(f"{name} is not set: set it to something like {example}")
            return ""
        return self.optional(name, parse, "")

    def optional(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """Return the variable, or the default when it is unset, empty or wrong."""
        value = self._environ.get(name, "").strip()
        if not value:
            return default
        try:
            return parse(value)
        except ValueError as exc:
            self.problems.append(f"{name} {exc}")
            return default

    def each(self, name: str, parse: Callable[[str], T]) -> frozenset[T]:
        """Return the words of a list, by commas or spaces; every wrong one is its own problem."""
        found = set()
        for word in filter(None, BETWEEN.split(self._environ.get(name, ""))):
            try:
                found.add(parse(word))
            except ValueError as exc:
                self.problems.append(f"{name} {exc}")
        return frozenset(found)


def _dsn(value: str) -> str:
    remedy = "must be a PostgreSQL address like postgresql://user:password@host/database"
    try:
        parts = conninfo_to_dict(value)
    except ProgrammingError:
        raise ValueError(remedy) from None
    if not parts.get("host") and not parts.get("service") and "=" not in value:
        raise ValueError(remedy)
    return value


def _base_url(value: str) -> str:
    """Return the http(s) address as given, without a trailing slash."""
    remedy = f"is {value!r}: it must be an address like https://auth.example.com"
    try:
        parts = urlsplit(value)
        port = parts.port
        origin_of(value)
    except ValueError:
        raise ValueError(remedy) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError(remedy)
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError(f"{remedy}, with no name, password, query or fragment in it")
    return value.rstrip("/")


def _origin(value: str) -> str:
    """Return the origin, spelled as a browser spells it in its Origin header."""
    parts = urlsplit(_base_url(value))
    if parts.path:
        raise ValueError(f"is {value!r}: it must be an origin, without the path {parts.path!r}")
    return origin_of(value)


def _listed_origin(value: str) -> str:
    """Return an origin of a list; raise ValueError for what is none, or more than one."""
    if "*" in value:
        raise ValueError(f"has {value[:100]!r}: name each origin, since a * would let in any site")
    if value.lower() == "null":
        raise ValueError("has 'null': any site can make a page that calls itself that")
    try:
        origin = _origin(value)
        host = urlsplit(origin).hostname or ""
        if ":" in host:
            origin = origin.replace(host, IPv6Address(host).compressed)
    except ValueError as exc:
        raise ValueError(f"has an entry that {exc}") from None
    if not LISTED_HOST.fullmatch(host):
        raise ValueError(
            f"has {value[:100]!r}: write its host as browsers send it, xn--… if need be"
        )
    return origin


def origin_of(url: str) -> str:
    """Return `scheme://host[:port]` in lower case, default ports left out.

    Raises ValueError when the address does not parse or has no host.
    """
    parts = urlsplit(url)
    behind = parts.netloc.partition("]")[2]
    if not parts.scheme or not parts.hostname or behind[:1] not in {"", ":"}:
        raise ValueError(f"no origin in an address of {len(url)} characters")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _module_and_name(value: str) -> str:
    module, colon, name = value.partition(":")
    if not colon or not name.isidentifier():
        raise ValueError(f"is {value!r}: it must name something like package.module:name")
    if not all(part.isidentifier() for part in module.split(".")):
        raise ValueError(f"is {value!r}: {module!r} is not the name of a module")
    return value


def _line(value: str) -> str:
    if not value.isprintable() or len(value) > 200:
        raise ValueError("must be a single line of at most 200 characters")
    return value


def _secret(value: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be plain characters without spaces")
    return value


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise ValueError(f"is {value[:40]!r}: it must be a whole number from {low} to {high}")
        return int(value)

    return parse


def _switch(value: str) -> bool:
    word = value.lower()
    if word not in ON_WORDS | OFF_WORDS:
        raise ValueError(f"is {value[:40]!r}: it must be on or off")
    return word in ON_WORDS


def _link(value: str) -> LinkAuthUsers:
    word = value.lower()
    if word in ON_WORDS:
        return "on"
    if word in OFF_WORDS:
        return "off"
    if word == "leave":
        return "leave"
    raise ValueError(f"is {value[:40]!r}: it must be on, off or leave")


def _host(value: str) -> str:
    if not HOST.fullmatch(value):
        raise ValueError(f"is {value[:40]!r}: it must be an address or a name, without a port")
    return value
