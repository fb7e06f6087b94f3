"""Signing in, up and out: plain forms, relayed to the auth server, whose cookies are passed on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from chat.better_auth import Answer, one_address
from chat.errors import AuthUnavailable, NotSignedIn
from chat.web import guard, headers, refusals
from chat.web.return_path import other_origin, return_path
from chat.web.services import services

logger = logging.getLogger(__name__)

blueprint = Blueprint("sign_in", __name__)

HOME: Final = "/history"


@dataclass(frozen=True, slots=True)
class Form:
    """A page with a form, and the path of the auth server that its fields go to."""

    template: str
    path: str
    fields: tuple[str, ...]


SIGN_IN: Final = Form("auth/sign_in.html", "sign-in/email", ("email", "password"))
SIGN_UP: Final = Form("auth/sign_up.html", "sign-up/email", ("name", "email", "password"))


@blueprint.before_request
def guard_forms() -> None:
    """Refuse a form that no page of ours sent, also when nobody is signed in."""
    if request.method not in guard.SAFE_METHODS:
        guard.require_same_origin()


@blueprint.after_request
def keep_out_of_caches(response: Response) -> Response:
    """Let no cache keep a page with somebody's address or cookies on it."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/sign-in")
def sign_in() -> Response:
    """Show the form, or lead on whoever is signed in already."""
    return _show(SIGN_IN)


@blueprint.get("/sign-up")
def sign_up() -> Response:
    """Show the form for a new account, or lead on whoever is signed in already."""
    return _show(SIGN_UP)


@blueprint.post("/sign-in")
def send_sign_in() -> Response:
    """Sign in and go on to `next`, or show the form again with a sentence."""
    return _send(SIGN_IN)


@blueprint.post("/sign-up")
def send_sign_up() -> Response:
    """Make an account, sign in and go on to `next`, or show the form again with a sentence."""
    return _send(SIGN_UP)


@blueprint.get("/sign-out")
def leave_sign_out() -> Response:
    """Sign nobody out: any page can hold an image with this address."""
    return redirect(HOME)


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """End the session at the auth server and pass on the cookies that clear it.

    Raises AuthUnavailable, with the cookies left alone, when the auth server did not confirm it:
    a browser that only forgot the cookie would look signed out while the session lives on.
    """
    known = guard.credentials()
    if not known:
        return redirect("/sign-in", 303)
    services().sessions.forget(known)
    answer = _relay("sign-out", {}, known.headers())
    # A call for another tab may have asked just before the session ended.
    services().sessions.forget(known)
    if answer.status != 200:
        raise AuthUnavailable(f"auth server answered {answer.status} to sign-out")
    return _with_cookies(redirect("/sign-in", 303), answer)


def _show(form: Form) -> Response:
    wanted = _wanted(request.args.get("next"))
    if guard.credentials() and _signed_in():
        return redirect(wanted)
    return _elsewhere(wanted) or _page(form, wanted)


def _wanted(value: str | None) -> str:
    """Return where to go on to: on our own origin, or back to a listed one with the widget."""
    origins = services().settings.allowed_origins | {guard.own_origin()}
    return return_path(value, HOME, origins)


def _signed_in() -> bool:
    try:
        guard.current_user()
    except NotSignedIn:
        return False
    return True


def _elsewhere(wanted: str) -> Response | None:
    """Return the way to the site's own sign-in page, if it has one, and from there back to us."""
    page = services().settings.sign_in_url
    if not page:
        return None
    back = wanted if other_origin(wanted) else guard.own_origin() + wanted
    return redirect(f"{page}?{urlencode({'next': back})}", 303)


def _send(form: Form) -> Response:
    wanted = _wanted(request.form.get("next"))
    elsewhere = _elsewhere(wanted)
    if elsewhere:
        return elsewhere
    words = {field: request.form.get(field, "") for field in form.fields}
    # White space is part of a password, and never of a name or an address.
    words |= {field: words[field].strip() for field in words if field != "password"}
    refusal = refusals.of_words(words)
    if refusal:
        return _page(form, wanted, refusal)
    try:
        answer = _relay(form.path, words, {})
        if _has_session(answer):
            return _with_cookies(redirect(wanted, 303), answer)
    except AuthUnavailable as exc:
        logger.warning("%s failed: %s", form.path, exc)
        return _page(form, wanted, refusals.UNAVAILABLE)
    return _page(form, wanted, refusals.of_answer(answer))


def _has_session(answer: Answer) -> bool:
    """Return whether this made a session; without one, a second step is left to do."""
    if answer.status != 200:
        return False
    body = answer.json()
    return isinstance(body, dict) and bool(body.get("token")) and bool(answer.set_cookies)


def _relay(path: str, words: dict[str, str], credential: dict[str, str]) -> Answer:
    """Send words to the auth server, for the visitor's address, and return its answer.

    Its check of the origin keeps other sites from sending this by somebody's browser, which our
    guard has seen to. So where it does not trust our origin it is told its own: that is safe, as
    it did nothing yet. No cookies go along but a credential that is meant.
    """
    client = services().sessions.auth
    headers = {**credential, **one_address(request.remote_addr)}
    answer = client.post(path, words, {**headers, "Origin": guard.own_origin()})
    if refusals.is_about_origin(answer):
        logger.warning(
            "the auth server does not trust us: add %s to its trustedOrigins", guard.own_origin()
        )
        answer = client.post(path, words, {**headers, "Origin": client.origin})
    if answer.status != 200:
        logger.info("%s answered %d %s", path, answer.status, refusals.code_of(answer))
    return answer


def _with_cookies(response: Response, answer: Answer) -> Response:
    for cookie in answer.set_cookies:
        response.headers.add("Set-Cookie", cookie)
    return response


def _page(form: Form, wanted: str, refusal: refusals.Refusal | None = None) -> Response:
    """Render the form with what was typed, but never with the password."""
    leads_to = other_origin(wanted)
    if leads_to in services().settings.allowed_origins:
        headers.let_forms_lead_to(leads_to)
    body = render_template(
        form.template,
        next=wanted,
        error=refusal.sentence if refusal else None,
        name=request.form.get("name", "")[: refusals.LONGEST],
        email=request.form.get("email", "")[: refusals.LONGEST],
    )
    response = make_response(body, refusal.status if refusal else 200)
    if refusal and refusal.retry_after:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response
