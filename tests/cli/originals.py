"""The original's contexts as hypothesis draws them, whatever they look like, and tables that hold them."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from hypothesis import strategies as st

_tables = (f"original-{number}" for number in count())
_serializer = TypeSerializer()

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", " ", "yes", "\n"]
)
roles = st.sampled_from(["user", "assistant", "assistant", "user", "system", "", "User"])
blocks = st.lists(
    texts.map(lambda text: {"type": "text", "text": text})
    | st.just({"type": "image", "source": {"data": "AAAA"}}),
    max_size=3,
)
whole_messages = st.fixed_dictionaries({"role": roles, "content": texts})
"""Messages as the original wrote them."""

odd_messages = (
    st.fixed_dictionaries({"role": roles, "content": blocks})
    | st.fixed_dictionaries(
        {"role": roles}, optional={"content": st.none() | st.integers(0, 9), "text": texts}
    )
    | st.fixed_dictionaries({"content": texts, "timestamp": texts})
    | texts
)
contexts = st.lists(whole_messages | odd_messages, max_size=9)


def item(name: str, context: Any, **more: Any) -> dict[str, Any]:
    """Return an item of the original's table, typed as DynamoDB has it."""
    plain = {"session_id": name, "context": context} | more
    return {key: _serializer.serialize(value) for key, value in plain.items()}


def conversation(*said: str) -> list[dict[str, str]]:
    """Return a context in which the user and Claude take turns."""
    roles = ("user", "assistant")
    return [{"role": roles[number % 2], "content": text} for number, text in enumerate(said)]


def table(dynamodb: Any, *items: dict[str, Any], key: str = "session_id", name: str = "") -> str:
    """Make a table as the original's is, with these items, and return its name."""
    name = name or next(_tables)
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
    )
    for each in items:
        dynamodb.put_item(TableName=name, Item=each)
    return name


def readable(message: Any) -> list[str]:
    """Return all that there is to read in a message, in its order, however the original wrote it."""
    if isinstance(message, str):
        return [message]
    if "content" not in message and "text" in message:
        return [message["text"]]
    content = message.get("content")
    if isinstance(content, list):
        return [each.get("text", "AAAA") for each in content]
    return [] if content is None else [str(content)]


def holds(text: str, these: list[str]) -> bool:
    """Tell whether a text holds others in their order."""
    at = 0
    for each in these:
        at = text.find(each, at)
        if at < 0:
            return False
        at += len(each)
    return True


def written(context: list[Any]) -> str:
    """Return a context as a string of JSON."""
    return json.dumps(context)
