"""One answer and its title in a program of its own, for tests of what leaves the machine."""

from __future__ import annotations

import asyncio
import sys
import warnings
from typing import Literal, cast

warnings.filterwarnings("ignore", message="Direct usage of named widget classes")

from agents import Agent, RunConfig, Runner, flush_traces, set_tracing_disabled  # noqa: E402

from chat.context import RequestContext  # noqa: E402
from chat.db import Database  # noqa: E402
from chat.model import ModelSource, better_title  # noqa: E402
from chat.neon_store import NeonStore  # noqa: E402
from tests.fix_store import a_message  # noqa: E402
from tests.model.turns import a_turn  # noqa: E402

BASE_URL = "http://model.example/v1"


async def an_answer(source: ModelSource, dsn: str) -> None:
    """Print what a turn through our own code says."""
    database = Database(dsn, pool_size=1)
    alice = RequestContext(user_id="user_alice")
    turn = await a_turn(NeonStore(database), alice, source, a_message(text="canary"))
    print(turn.error or turn.texts)  # noqa: T201 - the test reads it
    await better_title(source, "canary", "canary")
    await source.aclose()
    database.close()


async def a_trace(source: ModelSource) -> None:
    """Run an agent as the SDK does by default, which sends what was said to OpenAI."""
    set_tracing_disabled(False)
    run_config = RunConfig(model_provider=source)
    await Runner.run(Agent(name="Traced"), "canary", run_config=run_config)
    await source.aclose()


if __name__ == "__main__":
    what, kind, dsn = sys.argv[1:]
    kind = cast(Literal["openai", "compatible"], kind)
    source = ModelSource(kind, api_key="sk-test", base_url=BASE_URL)
    asyncio.run(an_answer(source, dsn) if what == "answer" else a_trace(source))
    flush_traces()
