"""A widget as people read it: its words in their order. static/js/chat/widgets.js says the same.

Widgets are drawn by the official element from some thirty components. Here their words, rows and
pictures are shown; what one would press or fill in is named and does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal[
    "row", "stack", "title", "text", "quiet", "badge", "prose", "button", "field", "line", "image"
]

DEEPEST: Final = 40
WORDS: Final[dict[str, tuple[Kind, tuple[str, ...]]]] = {
    "Title": ("title", ("value",)),
    "Text": ("text", ("value",)),
    "Label": ("text", ("value",)),
    "Caption": ("quiet", ("value",)),
    "Badge": ("badge", ("label",)),
    "Markdown": ("prose", ("value",)),
    "Button": ("button", ("label",)),
    "Checkbox": ("field", ("label", "name")),
    "Input": ("field", ("placeholder", "name")),
    "Textarea": ("field", ("placeholder", "name")),
    "Select": ("field", ("placeholder", "name")),
    "DatePicker": ("field", ("placeholder", "name")),
}
"""Components that say something: as what it is shown, and where the words are."""
OTHER: Final = ("value", "label", "title", "text")
CONTROLS: Final = frozenset({"button", "field"})


@dataclass(frozen=True, slots=True)
class Part:
    """Something of a widget; `parts` are inside it, `source` is where a picture is."""

    kind: Kind
    words: str = ""
    parts: tuple[Part, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A widget's parts, and whether there are some that one would press or fill in."""

    parts: tuple[Part, ...]
    controls: bool


def widget_card(widget: Any) -> Card:
    """Return what is shown of a widget, which may be nothing."""
    tree = widget if isinstance(widget, dict) else widget.model_dump(mode="json")
    parts = tuple(_parts(tree, DEEPEST))
    return Card(parts, _has_controls(parts))


def _has_controls(parts: tuple[Part, ...]) -> bool:
    return any(part.kind in CONTROLS or _has_controls(part.parts) for part in parts)


def _parts(component: Any, depth: int) -> Iterator[Part]:
    if depth == 0:
        return
    if isinstance(component, list):
        for child in component:
            yield from _parts(child, depth - 1)
    elif isinstance(component, dict):
        yield from _leaf(component)
        yield from _inside(component, depth)


def _leaf(component: dict[str, Any]) -> Iterator[Part]:
    kind = component.get("type")
    if kind == "Divider":
        yield Part("line")
    elif kind == "Image":
        yield Part("image", _text(component, ("alt",)), source=_text(component, ("src",)))
    elif kind == "RadioGroup":
        words = " · ".join(_text(option, ("label",)) for option in _dicts(component, "options"))
        yield from _said("field", words)
    elif kind == "Chart":
        names = [_text(one, ("label", "dataKey")) for one in _dicts(component, "series")]
        yield Part("quiet", f"A chart of {', '.join(filter(None, names)) or 'numbers'}")
    elif kind in WORDS:
        name, fields = WORDS[kind]
        yield from _said(name, _text(component, fields))
    else:
        for field in OTHER:
            yield from _said("text", _text(component, (field,)))


def _inside(component: dict[str, Any], depth: int) -> Iterator[Part]:
    parts = tuple(_parts(component.get("children"), depth - 1))
    if parts:
        across = component.get("type") in {"Row", "ListViewItem"}
        across = across or component.get("direction") == "row"
        yield Part("row" if across else "stack", parts=parts)
    choices = [component.get(name) for name in ("confirm", "cancel")]
    buttons = tuple(
        Part("button", words)
        for choice in choices
        if isinstance(choice, dict) and (words := _text(choice, ("label",)))
    )
    if buttons:
        yield Part("row", parts=buttons)


def _said(kind: Kind, words: str) -> Iterator[Part]:
    if words:
        yield Part(kind, words)


def _text(component: dict[str, Any], fields: tuple[str, ...]) -> str:
    """Return the first of these fields that says something."""
    values = [component.get(field) for field in fields]
    return next((value for value in values if isinstance(value, str) and value.strip()), "")


def _dicts(component: dict[str, Any], field: str) -> list[dict[str, Any]]:
    given = component.get(field)
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
