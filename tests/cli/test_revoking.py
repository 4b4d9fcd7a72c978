"""`bridge token revoke`, against moto: what stands in the table, and that it never goes back."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.adapters.revocations import DynamoRevocations
from bridge.ports.speaking import Connection, Revoked
from bridge_cli import tokens
from bridge_cli.errors import UsageError
from bridge_cli.revoking import KEPT
from tests.aws import SESSIONS_TABLE
from tests.cli.conftest import Run
from tests.cli.fake_aws import SIGNING, STACK, FakeAws

OWNER = "arn:aws:sts::123456789012:assumed-role/team/ada"


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Sleep not, but note for how long it would have been."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def item(dynamodb: Any, owner: str = "ada") -> dict[str, Any]:
    key = {"session_id": {"S": f"revoked#{owner}"}, "seq": {"N": "-1"}}
    return dict(dynamodb.get_item(TableName=SESSIONS_TABLE, Key=key).get("Item", {}))


def revoke(run: Run, *arguments: str, owner: str = "ada") -> str:
    told = run("token", "revoke", "--owner", owner, *arguments)
    assert told.exit_code == 0, told.stderr
    assert told.stdout == ""
    return told.stderr


def test_single_tokens_are_added_to_a_set(dynamodb: Any, run: Run) -> None:
    revoke(run, "--id", "one", "--id", "two", owner=OWNER)
    revoke(run, "--id", "two", "--id", "three", owner=OWNER)
    found = item(dynamodb, OWNER)
    assert set(found) == {"session_id", "seq", "tokens", "ttl"}
    assert set(found["tokens"]["SS"]) == {"one", "two", "three"}
    assert abs(int(found["ttl"]["N"]) - time.time() - KEPT) < 60


def test_all_tokens_up_to_now_those_of_this_second_too(dynamodb: Any, run: Run, naps: list[float]) -> None:
    began = int(time.time())
    token = tokens.mint(SIGNING, "ada")
    revoke(run)
    before = int(item(dynamodb)["before"]["N"])
    assert began < before <= time.time() + 1
    issued = json.loads(_payload(token))["iat"]
    assert issued < before
    [nap] = naps
    assert 0 <= nap <= 1  # whoever makes a token afterwards makes a good one


def _payload(token: str) -> bytes:
    import base64

    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_moment_never_goes_back(dynamodb: Any, run: Run) -> None:
    later, earlier = "2021-11-01T12:00:00Z", "2021-10-01"
    revoke(run, "--before", later)
    said = revoke(run, "--before", earlier)
    assert "2021-11-01 12:00:00 UTC were void already" in said
    assert item(dynamodb)["before"]["N"] == str(tokens.moment_of(later))
    revoke(run, "--id", "one")
    assert item(dynamodb)["before"]["N"] == str(tokens.moment_of(later))
    revoke(run, "--before", "2021-11-02")
    assert item(dynamodb)["before"]["N"] == str(tokens.moment_of("2021-11-02"))
    assert item(dynamodb)["tokens"]["SS"] == ["one"]


def test_the_functions_take_it_as_it_was_meant(dynamodb: Any, run: Run, naps: list[float]) -> None:
    issued = int(time.time())
    one, other = (Connection("c", "ada", None, token_id, issued) for token_id in ("one", "other"))

    def revoked(owner: str = "ada") -> Revoked:
        return DynamoRevocations(dynamodb, SESSIONS_TABLE, lambda: datetime.now(UTC)).of(owner)

    revoke(run, "--id", "one")
    assert revoked().covers(one)
    assert not revoked().covers(other)
    revoke(run)
    assert revoked().covers(other)
    assert not revoked().covers(replace(other, issued=int(item(dynamodb)["before"]["N"])))
    assert revoked("bob") == Revoked()


def test_what_was_revoked_is_told(dynamodb: Any, run: Run) -> None:
    told = run("token", "revoked", "--owner", "ada")
    assert told.stdout == ""
    assert "No token" in told.stderr
    revoke(run, "--before", "2021-11-01T12:00:00Z")
    revoke(run, "--id", "b", "--id", "a")
    assert run("token", "revoked", "-o", "ada").stdout == "issued before 2021-11-01 12:00:00 UTC\na\nb\n"
    assert json.loads(run("token", "revoked", "-o", "ada", "--json").stdout) == {
        "owner": "ada",
        "before": tokens.moment_of("2021-11-01T12:00:00Z"),
        "tokens": ["a", "b"],
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["--owner", "a#b"],
        ["--owner", "ada", "--id", ""],
        ["--owner", "ada", "--id", "a\nb"],
        ["--owner", "ada", "--id", "one", "--before", "2021-11-01"],
        ["--owner", "ada", "--before", "yesterday"],
        ["--owner", "ada", "--before", "2999-01-01"],
        ["--owner", "ada", "--before", "99999999999"],
        ["--id", "one"],
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    dynamodb: Any, run: Run, arguments: list[str]
) -> None:
    assert run("token", "revoke", *arguments).exit_code == 2
    assert item(dynamodb) == {}


def test_a_token_in_the_place_of_its_id_is_refused_and_not_repeated(dynamodb: Any, run: Run) -> None:
    token = tokens.mint(SIGNING, "ada")
    told = run("token", "revoke", "--owner", "ada", "--id", token)
    assert told.exit_code == 2
    assert token not in told.output


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700000000", 1_700_000_000),
        ("2021-01-01", 1_609_459_200),
        ("2021-01-01T01:00:00+01:00", 1_609_459_200),
        ("2021-01-01T00:00:00.001Z", 1_609_459_201),
    ],
)
def test_moments(text: str, seconds: int) -> None:
    assert tokens.moment_of(text) == seconds
    with pytest.raises(UsageError):
        tokens.moment_of("-1")


def test_the_table_may_be_named_and_has_to_be_known(
    dynamodb: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_STACK")
    told = run("token", "revoke", "--owner", "ada", "--id", "one")
    assert told.exit_code == 3
    assert "--table" in told.stderr
    revoke(run, "--id", "one", "--table", SESSIONS_TABLE)
    assert item(dynamodb)["tokens"]["SS"] == ["one"]
    told = run("token", "revoke", "--owner", "ada", "--id", "one", "--table", "other")
    assert told.exit_code == 3
    assert "other" in told.stderr


def test_where_no_tokens_are_taken_that_is_said(dynamodb: Any, aws: FakeAws, run: Run) -> None:
    aws.stacks[STACK]["Auth"] = "iam"
    assert "takes no tokens" in revoke(run, "--id", "one")
