"""Files that are the same for everybody, packed for whoever takes gzip, and in parts for others.

Never for an answer with something private in it: its length would tell of it to whoever can put
words of their own beside it.
"""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from typing import Final

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

KINDS: Final = frozenset(
    {
        "application/javascript",
        "application/json",
        "image/svg+xml",
        "text/css",
        "text/javascript",
    }
)
"""Media types of what is text: pictures and fonts are packed already."""
PART: Final = re.compile(r"bytes=(?:\d+-\d*|-\d+)")
"""The requests for a part that are answered with one; any other may be ignored, and is."""
KEPT: Final = 256
"""Packed files that a process remembers; the widget and all pages have about a hundred."""


def conditional(response: Response) -> Response:
    """Return the shared file of this answer as the request wants it: packed, in part, or not again.

    The answer has an ETag and its whole content. Packed it has another ETag, since it is another
    row of bytes. A request for a part gets that part of the plain file: so a client that holds a
    beginning of one never glues an end of the other to it.
    """
    part = PART.fullmatch(request.headers.get("Range", "")) is not None
    if response.mimetype in KINDS:
        response.vary.add("Accept-Encoding")
        if _takes_gzip() and not part:
            _pack(response)
    try:
        response.make_conditional(
            request.environ, accept_ranges=part, complete_length=response.content_length
        )
    except RequestedRangeNotSatisfiable:
        response.close()
        raise
    return response


def _takes_gzip() -> bool:
    wanted = request.accept_encodings
    return wanted.quality("gzip") > 0 and wanted.quality("gzip") >= wanted.quality("identity")


def _pack(response: Response) -> None:
    """Put the packed content in, if that makes the answer smaller."""
    response.direct_passthrough = False
    content = response.get_data()
    smaller = _packed(content)
    if len(smaller) >= len(content):
        return
    response.set_data(smaller)
    response.headers["Content-Encoding"] = "gzip"
    etag, _ = response.get_etag()
    response.set_etag(f"{etag}-gzip")


@lru_cache(maxsize=KEPT)
def _packed(content: bytes) -> bytes:
    # By content, so that a file that changed is packed anew; without a date, so that all workers
    # send the same bytes under the same ETag.
    return gzip.compress(content, compresslevel=9, mtime=0)
