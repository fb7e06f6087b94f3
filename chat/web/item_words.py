"""What the steps of an answer are called, in words.

templates/history/_items.html and static/js/chat/items.js say the same.
"""

from __future__ import annotations

from typing import Final

from chatkit.types import ClientToolCallItem, CustomSummary, Task, Workflow

OUTCOMES: Final = {
    "stopped": "You stopped this answer.",
    "interrupted": "This answer was interrupted.",
    "failed": "This answer failed.",
}
THUMBS: Final = {
    "positive": "You found this helpful.",
    "negative": "You did not find this helpful.",
}
QUESTIONS: Final = {"pending": "Question", "answered": "Answered", "skipped": "Skipped"}
TASKS: Final = {
    "web_search": "Searched the web",
    "thought": "Thought",
    "file": "Read files",
    "image": "Made an image",
}
NO_TEXT: Final = "This card has no text."
NO_IMAGE: Final = "The image is not there."
NO_ANSWER: Final = "No answer"


def task_title(task: Task) -> str:
    """Return what a task is called."""
    return task.title or TASKS.get(task.type, "Step")


def workflow_title(workflow: Workflow) -> str:
    """Return what several tasks are called together."""
    summary, reasoning = workflow.summary, workflow.type == "reasoning"
    if isinstance(summary, CustomSummary):
        return summary.title
    if summary is not None:
        return f"{'Thought' if reasoning else 'Worked'} for {summary.duration} s"
    return "Thinking" if reasoning else "Steps"


def tool_title(item: ClientToolCallItem) -> str:
    """Return what a call of a tool is called, with the tool's name."""
    return f"{'Used' if item.status == 'completed' else 'Waiting for'} {item.name}"
