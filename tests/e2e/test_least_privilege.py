"""What the functions called during the whole run, held against what they may call."""

from __future__ import annotations

import pytest

from tests.e2e.deployed import Deployed
from tests.e2e.permissions import FUNCTIONS, Grant, granted, posts_access
from tests.recorder.calls import Access

UNUSED: dict[tuple[str, str], str] = {
    **{
        (function, f"logs:{action}"): "Lambda itself writes the log, with the function's role"
        for function in FUNCTIONS
        for action in ("CreateLogStream", "PutLogEvents")
    },
    **{
        ("answer", f"sqs:{action}"): "Lambda's poller calls it, with the function's role"
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
    },
    **{
        ("remember", f"dynamodb:{action}"): "Lambda's poller of the stream calls it, with the function's role"
        for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
    },
}
"""What a function may and no test makes it do, by function and action, and why it may all the same."""

SELDOM = {
    ("remember", "dynamodb:Query", "index/sessions-by-owner"): "who forgets everything may be interrupted",
    ("remember", "dynamodb:BatchWriteItem", "Hashes"): "who forgets may be interrupted",
}
"""What only happens where something is finished that was broken off, by function, action and end of resource:
whether it does in a run of these tests depends on who comes first."""


def seldom(grant: Grant) -> bool:
    """Tell whether a grant is for what only happens seldom."""
    did = (grant.function, grant.action)
    return any(did == which[:2] and grant.part.endswith(which[2]) for which in SELDOM)


def used(bridge: Deployed) -> dict[str, set[Access]]:
    """Return what each function needed to be allowed so far, by its short name."""
    short = {bridge.function(name): name for name in FUNCTIONS}
    found: dict[str, set[Access]] = {name: set() for name in FUNCTIONS}
    for call in bridge.recorder.calls:
        found[short[call.function]] |= call.accesses
    for post in bridge.gateway.posts:
        found[short[post.function]].add(posts_access(bridge, post.connection_id))
    return found


def test_every_call_names_its_function_and_is_understood(bridge: Deployed) -> None:
    known = {bridge.function(name) for name in FUNCTIONS}
    assert {call.function for call in bridge.recorder.calls} <= known
    assert {post.function for post in bridge.gateway.posts} <= known
    assert not [call.operation for call in bridge.recorder.calls if call.service == "unknown"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_all_that_it_does(bridge: Deployed, function: str) -> None:
    grants = [grant for grant in granted(bridge) if grant.function == function]
    forbidden = {
        access for access in used(bridge)[function] if not any(grant.covers(access) for grant in grants)
    }
    assert not forbidden, "AWS would refuse this, the emulator does not"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_nothing_else(bridge: Deployed, whole_run: bool, function: str) -> None:
    if not whole_run:
        pytest.skip("only the whole of the end-to-end tests shows what is never used")
    did = used(bridge)[function]
    unused: list[Grant] = [
        grant
        for grant in sorted(granted(bridge))
        if grant.function == function
        and (function, grant.action) not in UNUSED
        and not seldom(grant)
        and not any(grant.covers(access) for access in did)
    ]
    assert not unused


def test_nothing_is_granted_on_whatever_there_is(bridge: Deployed) -> None:
    open_ended = {grant for grant in granted(bridge) if "*" in grant.action or "*" in grant.resource}
    assert {grant.action for grant in open_ended} <= {"execute-api:ManageConnections"}
    assert all(grant.part.endswith("/POST/@connections/*") for grant in open_ended)
