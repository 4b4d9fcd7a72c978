"""Migrating in a test, and what of it is in the table."""

from __future__ import annotations

import time
from typing import Any

from bridge_cli import migrating_exchanges as exchanges
from bridge_cli.archive_table import SessionsTable
from bridge_cli.archive_values import Item
from bridge_cli.migrating import Choices, Migration
from bridge_cli.migrating_lifetimes import DAY, HOUR, Lifetimes
from bridge_cli.migrating_messages import Message
from bridge_cli.migrating_report import Report
from bridge_cli.migrating_source import of_table, originals
from tests.aws import SESSIONS_TABLE
from tests.cli.originals import conversation
from tests.cli.test_archive import held

KEPT = Lifetimes(90 * DAY, 24 * HOUR)
ADA = Choices("ada", KEPT)
PLANS = conversation("The code word is marmalade.", "Noted.", "Where were we?", "At breakfast.")
NOTHING_DONE = Report().sessions
HOW_LONG = ("--memory-ttl-days", "90", "--session-ttl-hours", "24")


def migrate(dynamodb: Any, source: str, table: str = SESSIONS_TABLE, choices: Choices = ADA) -> Report:
    found = originals(of_table(dynamodb, source), time.time())
    return Migration(SessionsTable(dynamodb, table), choices).run(found)


def turns(dynamodb: Any, name: str, table: str = SESSIONS_TABLE, owner: str = "ada") -> list[Item]:
    return [
        one
        for one in held(dynamodb, table)
        if one["session_id"]["S"] == f"{owner}/{name}" and one["seq"]["N"] > "0"
    ]


def said(dynamodb: Any, name: str, table: str = SESSIONS_TABLE) -> list[Message]:
    """Return the original's messages as the bridge's session of a name holds them."""
    own = (entry for entry in SessionsTable(dynamodb, table).entries(f"ada/{name}") if entry.is_exchange)
    return [message for entry in own for message in exchanges.messages(entry)]


def head_of(dynamodb: Any, name: str) -> Item:
    [found] = [
        one for one in held(dynamodb) if one["session_id"]["S"] == f"ada/{name}" and one["seq"]["N"] == "0"
    ]
    return found


def adds_up(report: Report) -> bool:
    messages = dict(report.messages)
    return messages.pop("source") == sum(messages.values())
