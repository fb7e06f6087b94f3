"""A shop's assistant: an agent that looks up orders of the person who asks."""

from agents import Agent, RunContextWrapper, function_tool

from chat.model import TurnContext

ORDERS = {"user_alice": {"1042": "It left on Monday and arrives on Friday."}}


@function_tool
def order_status(turn: RunContextWrapper[TurnContext], number: str) -> str:
    """Say where an order is.

    Args:
        turn: Who asks, and in which thread; the model neither sees nor chooses this.
        number: The order's number.
    """
    owner = turn.context.request_context.user_id
    return ORDERS.get(owner, {}).get(number, "There is no such order.")


assistant = Agent[TurnContext](
    name="Shop",
    instructions="You answer questions about orders of our shop. Look them up; never guess.",
    tools=[order_status],
)
