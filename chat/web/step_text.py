"""What an answer did besides speaking, as Markdown: tools, tasks, cards, pictures, questions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from chatkit.types import (
    ClientToolCallItem,
    EntitySource,
    FileSource,
    FileTask,
    GeneratedImageItem,
    SearchTask,
    StructuredInput,
    StructuredInputItem,
    StructuredInputMultipleChoice,
    Task,
    TaskItem,
    ThreadItem,
    URLSource,
    WidgetItem,
    WorkflowItem,
)

from chat.web.item_words import (
    NO_ANSWER,
    NO_IMAGE,
    NO_TEXT,
    QUESTIONS,
    task_title,
    tool_title,
    workflow_title,
)
from chat.web.markdown import safe_link
from chat.web.widgets import Part, widget_card

Source = URLSource | FileSource | EntitySource

_MARKS: Final = re.compile(r"([\\`*_\[\]<>~|&#])")
_TICKS: Final = re.compile(r"`+")


def step_text(item: ThreadItem) -> str:
    """Return an item that is no message as Markdown; nothing for those that nobody sees."""
    match item:
        case ClientToolCallItem():
            return "\n\n".join(_tool(item))
        case TaskItem():
            return "\n".join([f"**{plain(task_title(item.task))}**", *_inside(item.task)])
        case WorkflowItem():
            title = f"**{plain(workflow_title(item.workflow))}**\n"
            return "\n".join([title, *(_as_entry(task) for task in item.workflow.tasks)])
        case WidgetItem():
            return quoted("\n\n".join(_widget(item)))
        case GeneratedImageItem():
            return _image(item)
        case StructuredInputItem():
            title = f"**{QUESTIONS[item.status]}**\n"
            return "\n".join([title, *map(_question, item.inputs)])
    return ""


def plain(text: str) -> str:
    """Return the text so that Markdown shows each of its characters."""
    return _MARKS.sub(r"\\\1", text)


def quoted(text: str) -> str:
    """Return the text as a block quote."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def sources_text(sources: Iterable[Source]) -> Iterator[str]:
    """Yield the list of an answer's sources, if there are any."""
    entries = [f"- {_source(source)}" for source in sources]
    if entries:
        yield "\n".join(["Sources:", "", *entries])


def _source(source: Source) -> str:
    title = " ".join(source.title.split())
    if isinstance(source, URLSource):
        return _link(title or source.url, source.url)
    return plain(title or getattr(source, "filename", ""))


def _link(words: str, address: str) -> str:
    if safe_link(address) is None:
        return plain(words)
    target = re.sub(r"[\s<>]", lambda found: f"%{ord(found[0]):02X}", address)
    return f"[{plain(words)}](<{target}>)"


def _tool(item: ClientToolCallItem) -> Iterator[str]:
    yield f"**{plain(tool_title(item))}**"
    yield f"Input:\n\n{_code(item.arguments)}"
    if item.status == "completed":
        yield f"Output:\n\n{_code(item.output)}"


def _code(value: object) -> str:
    """Return a value as indented JSON in a block of code that nothing in it can end."""
    words = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(words)), default=0))
    return f"{fence}json\n{words}\n{fence}"


def _as_entry(task: Task) -> str:
    lines = "\n".join([plain(task_title(task)), *_inside(task)]).splitlines()
    return "\n".join([f"- {lines[0]}", *(f"  {line}".rstrip() for line in lines[1:])])


def _inside(task: Task) -> Iterator[str]:
    """Yield what a task tells besides its title, each as a paragraph."""
    content = getattr(task, "content", None)
    if content:
        yield f"\n{content}"
    if isinstance(task, SearchTask) and task.queries:
        yield f"\n{plain(' · '.join(task.queries))}"
    if isinstance(task, SearchTask | FileTask) and task.sources:
        yield "\n" + "\n".join(f"- {_source(source)}" for source in task.sources)


def _widget(item: WidgetItem) -> Iterator[str]:
    yield "**Card**"
    lines = list(_lines(widget_card(item.widget).parts))
    yield from lines or [plain(item.copy_text) if item.copy_text else NO_TEXT]


def _lines(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        if part.kind == "stack":
            yield from _lines(part.parts)
        elif part.kind == "row":
            # What stands side by side there is one line here.
            yield " · ".join(_lines(part.parts))
        elif part.kind != "line":
            yield _part(part)


def _part(part: Part) -> str:
    match part.kind:
        case "prose":
            return part.words
        case "image":
            return _link(part.words or "Open the image", part.source)
        case "title":
            return f"**{plain(part.words)}**"
        case "button" | "field":
            return f"\\[{plain(part.words)}\\]"
    return plain(part.words)


def _image(item: GeneratedImageItem) -> str:
    address = item.image.url if item.image else ""
    if safe_link(address):
        return _link("Open the image that the assistant made", address)
    # A picture that is all data would be a line of a megabyte.
    return "*Image made by the assistant*" if address else NO_IMAGE


def _question(asked: StructuredInput) -> str:
    if asked.answer and asked.answer.values:
        said = ", ".join(asked.answer.values)
    elif isinstance(asked, StructuredInputMultipleChoice) and not asked.answer:
        said = " · ".join(option.value for option in asked.options)
    else:
        said = NO_ANSWER
    return f"- {plain(asked.question)}  \n  {plain(said)}"
