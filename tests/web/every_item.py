"""One thread item of each type, with everything in it that is shown."""

from __future__ import annotations

from typing import Any

from chatkit.actions import ActionConfig
from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageItem,
    ClientToolCallItem,
    CustomTask,
    DurationSummary,
    EndOfTurnItem,
    FileSource,
    FileTask,
    GeneratedImage,
    GeneratedImageItem,
    HiddenContextItem,
    ImageTask,
    InferenceOptions,
    SDKHiddenContextItem,
    SearchTask,
    StructuredInputAnswer,
    StructuredInputFreeform,
    StructuredInputItem,
    StructuredInputMultipleChoice,
    StructuredInputMultipleChoiceOption,
    TaskItem,
    ThoughtTask,
    ThreadItem,
    URLSource,
    UserMessageItem,
    UserMessageTextContent,
    WidgetItem,
    Workflow,
    WorkflowItem,
)
from chatkit.widgets import (
    Badge,
    BarSeries,
    Button,
    Caption,
    Card,
    CardAction,
    Chart,
    Divider,
    Image,
    Markdown,
    RadioGroup,
    Row,
    Spacer,
    Text,
    Title,
)

from tests.fix_store import NOON

TABLE = """Measure **twice**:

| Length over 12 links | What it means | What to do about it |
|---|---|---|
| 304.8 mm | new | ride |
| 307.3 mm | worn out | replace chain and cassette |

```python
print("a line of code that is so long that it has to scroll on any telephone there is")
```

### Then

1. Cut
   - once
2. Check [the guide](https://example.com/guide)

> Never before.

- [x] done
"""


def every_item(thread_id: str) -> list[ThreadItem]:
    """Return an item of each of the eleven types; ids begin with the thread's."""

    def base(kind: str) -> dict[str, Any]:
        return {"id": f"{kind}_{thread_id}", "thread_id": thread_id, "created_at": NOON}

    web = URLSource(title="Chain wear explained", url="https://example.com/wear")
    return [
        UserMessageItem(
            **base("user"),
            content=[UserMessageTextContent(text="How worn\nis <it>?")],
            quoted_text="a quoted line",
            inference_options=InferenceOptions(),
        ),
        WorkflowItem(
            **base("workflow"),
            workflow=_workflow(web),
        ),
        ClientToolCallItem(
            **base("tool"),
            status="completed",
            call_id="call_1",
            name="look_up_bike",
            arguments={"model": "Trek 520"},
            output={"chain": "9-speed"},
        ),
        AssistantMessageItem(
            **base("assistant"),
            content=[AssistantMessageContent(text=TABLE, annotations=[Annotation(source=web)])],
        ),
        WidgetItem(
            **base("widget"),
            widget=_card(),
        ),
        WidgetItem(**base("wordless"), widget=Card(children=[Spacer()]), copy_text="Only this"),
        WidgetItem(
            **base("copied"),
            widget=Card(children=[Text(value="underneath")]),
            copy_text="Copy of it",
        ),
        GeneratedImageItem(
            **base("image"), image=GeneratedImage(id="g", url="https://example.com/chain.png")
        ),
        GeneratedImageItem(**base("no_image")),
        TaskItem(**base("task"), task=CustomTask(title="Saved to your list", content="Chain")),
        StructuredInputItem(
            **base("question"),
            inputs=_inputs(),
        ),
        HiddenContextItem(**base("hidden"), content="SECRET ONE"),
        SDKHiddenContextItem(**base("sdk"), content="SECRET TWO"),
        EndOfTurnItem(**base("end")),
    ]


def _workflow(web: URLSource) -> Workflow:
    return Workflow(
        type="reasoning",
        tasks=[
            ThoughtTask(title="Weighing it", content="A worn *chain*."),
            SearchTask(queries=["chain wear", "cassette"], sources=[web]),
            FileTask(sources=[FileSource(title="Manual", filename="manual.pdf")]),
            ImageTask(),
        ],
        summary=DurationSummary(duration=8),
    )


def _card() -> Card:
    return Card(
        children=[
            Title(value="Chain, 9-speed"),
            Row(children=[Badge(label="24 €"), Caption(value="in stock")]),
            Divider(),
            Markdown(value="Fits *most* bikes"),
            Image(src="https://example.com/chain.png", alt="A chain"),
            Chart(
                data=[{"d": 1, "km": 2}],
                series=[BarSeries(label="km", dataKey="km")],
                xAxis="d",
            ),
            RadioGroup(name="length", options=[{"label": "Long", "value": "l"}]),
            Button(label="Buy it"),
        ],
        confirm=CardAction(label="Yes", action=ActionConfig(type="confirm")),
    )


def _inputs() -> list[StructuredInputMultipleChoice | StructuredInputFreeform]:
    return [
        StructuredInputMultipleChoice(
            id="q1",
            question="Which one?",
            options=[StructuredInputMultipleChoiceOption(value="Chain only")],
        ),
        StructuredInputFreeform(
            id="q2",
            question="Where to?",
            answer=StructuredInputAnswer(values=["Leeds", "York"]),
        ),
    ]


SHOWN = [
    "How worn\nis <it>?",
    "a quoted line",
    "Thought for 8 s",
    "Searched the web",
    "chain wear · cassette",
    "Read files",
    "Manual",
    "Made an image",
    "look_up_bike",
    '"model": "Trek 520"',
    '"chain": "9-speed"',
    "worn out",
    "Chain wear explained",
    "Chain, 9-speed",
    "24 €",
    "Buy it",
    "A chart of km",
    "underneath",
    "Its buttons and fields can’t be used here.",
    "Only this",
    "Open the image that the assistant made",
    "The image is not there.",
    "Saved to your list",
    "Which one?",
    "Chain only",
    "Leeds, York",
]
NEVER_SHOWN = ["SECRET", "Copy of it"]
