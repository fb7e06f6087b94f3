"""Who asks, and whether their own browser page asked: the guard of every request that changes.

The order of refusal, for a request that is not GET, HEAD or OPTIONS:

1. an Origin or a Sec-Fetch-Site that names another site is 403, whatever else it carries;
2. no credential is 401, at the first `current_user()`;
3. a session cookie without an own Origin or Sec-Fetch-Site is 403;
4. a bearer token needs neither: no browser sends one by itself.

An Origin of ALLOWED_ORIGINS counts as our own at the chat's addresses, whatever Sec-Fetch-Site says
beside it, and nowhere else: a form, an export, a sign-out from there is another site's. The browser
alone writes that header, so it speaks for the page, and the operator who listed it for the site.

Forms need no token field for this. Those that are sent before anybody is signed in call
`require_same_origin` themselves, so that nobody can be signed in to a stranger's account.
"""

from __future__ import annotations

import logging
from typing import Final

from flask import Flask, g, request

from chat import logs
from chat.config import origin_of
from chat.context import RequestContext, User
from chat.errors import AnotherPerson, CrossSiteRequest, NotFound
from chat.sessions import Credentials, SessionWatch, credentials_of
from chat.web import body, cors
from chat.web.services import services

logger = logging.getLogger(__name__)

SHOWN_USER: Final = "X-Threadkeeper-User"
"""The id of the person whose conversations a page shows; it proves nothing, and can only refuse."""
EMBEDDED: Final = frozenset({"launcher.script", "pages.asset_file", "static"})
"""Endpoints of what pages are made of: pictures, scripts, style sheets."""
LOADED_AS: Final = frozenset({"", "document", "empty"})
"""What the browser loads pages and answers as: a document, or what a script asks for."""
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LONG_FORMS: Final = frozenset(
    {
        "manage.rename",
        "messages.send",
        "messages.start",
        "selection.select",
        "selection.selected",
    }
)
"""Endpoints whose forms may be as long as LARGEST_SELECTION."""


def install(app: Flask) -> None:
    """Make the app refuse what other sites make a browser send, before any view runs."""
    app.before_request(refuse_cross_site)
    app.before_request(_refuse_embedding)
    app.before_request(_take_form)


def refuse_cross_site() -> None:
    """Raise CrossSiteRequest for a changing request that another site may have caused."""
    if request.method in SAFE_METHODS:
        return
    if not _vouched() and credentials().cookie:
        raise CrossSiteRequest("a session cookie without Origin and Sec-Fetch-Site")


def _refuse_embedding() -> None:
    """Raise NotFound where a page is loaded as a picture or the like.

    An answer may show pictures of our own, and a model may be made to name any address: forty
    exports behind forty pictures.
    """
    dest = request.headers.get("Sec-Fetch-Dest", "")
    if dest not in LOADED_AS and request.endpoint not in EMBEDDED:
        raise NotFound(f"a page of ours as {dest[:20]!a}")


def _take_form() -> None:
    """Bound every body but that of POST /chatkit, which is read with bounds of its own."""
    unread = request.endpoint in {None, "chatkit.chatkit"}
    if request.method not in SAFE_METHODS and not unread:
        long = request.endpoint in LONG_FORMS
        body.take_form(request, body.LARGEST_SELECTION if long else body.LARGEST_FORM)


def require_same_origin() -> None:
    """Raise CrossSiteRequest unless the browser says that a page of ours sent this.

    At the chat's addresses one of a listed origin does as well.
    """
    if not _vouched():
        raise CrossSiteRequest("neither Origin nor Sec-Fetch-Site")


def current_user() -> User:
    """Return who is signed in.

    Raises NotSignedIn, AuthUnavailable, AnotherPerson and RateLimited.

    The auth server is asked at most once a request, and only by those who call this; each such
    request counts as one of that person. A page may say whose conversations it shows: what one
    person wrote is not stored for the next.
    """
    if "user" not in g:
        found = services().sessions.user(credentials(), address=request.remote_addr)
        logs.user_id.set(found.id)
        if request.headers.get(SHOWN_USER, found.id) != found.id:
            raise AnotherPerson("the page shows the conversations of somebody else")
        services().requests.count(found.id)
        g.user = found
    user: User = g.user
    return user


def credentials() -> Credentials:
    """Return what this request shows of a session, which may be nothing."""
    if "credentials" not in g:
        g.credentials = credentials_of(
            cookie=request.headers.get("Cookie"),
            authorization=request.headers.get("Authorization"),
        )
    found: Credentials = g.credentials
    return found


def watch_session() -> SessionWatch:
    """Return what tells a stream, after this request too, whether its reader is signed in."""
    user_id = current_user().id
    return services().sessions.watch(credentials(), user_id, address=request.remote_addr)


def request_context() -> RequestContext:
    """Return what ChatKit passes on to the store; raise like `current_user`."""
    return RequestContext(user_id=current_user().id, request_id=logs.request_id.get())


def own_origin() -> str:
    """Return the origin that our pages have in a browser, or "" when the Host is nonsense."""
    public_url = services().settings.public_url
    if public_url:
        return public_url
    try:
        return origin_of(f"{request.scheme}://{request.host}")
    except ValueError:
        return ""


def _vouched() -> bool:
    """Return whether the browser names us as the sender; raise if it names somebody else."""
    if cors.is_chat() and cors.listed_origin():
        return True
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site")
    # As bytes of the header: a parsed `https://evil@ours` would have our host.
    if origin is not None and origin != own_origin():
        logger.warning(
            "refused origin=%a own=%a: if both are this site, set PUBLIC_URL to the first",
            origin[: cors.LONGEST_ORIGIN],
            own_origin()[: cors.LONGEST_ORIGIN],
        )
        raise CrossSiteRequest(f"origin {origin[:100]!a} is not {own_origin()!a}")
    if site is not None and site not in {"same-origin", "none"}:
        raise CrossSiteRequest(f"Sec-Fetch-Site is {site[:20]!a}")
    return origin is not None or site is not None
