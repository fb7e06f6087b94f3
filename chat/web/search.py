"""The page on which people find what was said: with JavaScript as they type, without as a form."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, render_template, request

from chat.errors import ChatError, InvalidRequest, NotSignedIn
from chat.web import errors, parts
from chat.web.asked import Asked, asked_for
from chat.web.found import Results, results_for
from chat.web.guard import current_user
from chat.web.thread_list import time_zone

blueprint = Blueprint("search", __name__)
blueprint.after_request(parts.vary)

RESULTS: Final = "history/_search_results.html"
MORE: Final = "history/_search_more.html"


@blueprint.get("/history/search")
def page() -> Response:
    """Show what the words in the address find; a part of the page to who asks for one.

    What cannot be looked for is shown with a sentence and the words still in their field. For a
    part that is an answer as any other: the person is still typing.
    """
    user = current_user()
    asked = asked_for(request.args)
    try:
        results = None if asked.empty else results_for(user, asked, time_zone())
    except NotSignedIn:
        raise
    except ChatError as exc:
        if parts.wanted() and not isinstance(exc, InvalidRequest):
            raise
        errors.log(exc)
        return _shown(asked, None, exc)
    return _shown(asked, results, None)


def _shown(asked: Asked, results: Results | None, problem: ChatError | None) -> Response:
    values = {"asked": asked, "results": results, "problem": problem}
    if parts.wanted():
        more = asked.after is not None and problem is None
        return Response(render_template(MORE if more else RESULTS, **values))
    html = render_template("history/search.html", user=current_user(), **values)
    answer = Response(html, status=200 if problem is None else problem.status)
    if problem is not None and problem.retry_after is not None:
        answer.headers["Retry-After"] = str(problem.retry_after)
    return answer
