"""What search and lists know of a text: its words, its first line, and where a match stands.

A leaf: nothing here knows of the database or of a request. See docs/decisions/0030.
"""

from __future__ import annotations

from chat.search_text.marks import without_marks
from chat.search_text.messages import preview_of, text_of
from chat.search_text.query import LONGEST_QUERY, MOST_WORDS, Query, Term, TooMuch, parse
from chat.search_text.snippets import Piece, marked, snippet
from chat.search_text.words import lexemes, owner_of, words_of

__all__ = [
    "LONGEST_QUERY",
    "MOST_WORDS",
    "Piece",
    "Query",
    "Term",
    "TooMuch",
    "lexemes",
    "marked",
    "owner_of",
    "parse",
    "preview_of",
    "snippet",
    "text_of",
    "without_marks",
    "words_of",
]
