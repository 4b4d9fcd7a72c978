"""The tables: what must never change, since it would replace or lose them."""

import pytest

from tests.infrastructure.conftest import Json, Synthesized, synthesize

SESSIONS, HASHES = "Storage/Sessions", "Storage/Hashes"
TABLE = "DynamoDB::GlobalTable"


def _keys(table: Json) -> dict[str, str]:
    return {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}


def _types(table: Json) -> dict[str, str]:
    return {it["AttributeName"]: it["AttributeType"] for it in table["AttributeDefinitions"]}


def test_a_session_is_found_by_its_id_and_read_in_order(prod: Synthesized) -> None:
    table = prod.one(TABLE, SESSIONS)
    assert _keys(table) == {"HASH": "session_id", "RANGE": "seq"}
    assert _types(table).items() >= {"session_id": "S", "seq": "N"}.items()


def test_a_request_is_found_by_its_hash(prod: Synthesized) -> None:
    table = prod.one(TABLE, HASHES)
    assert _keys(table) == {"HASH": "hash"}
    assert _types(table) == {"hash": "S"}


def test_an_owners_sessions_are_listed_by_index_with_what_they_cost(prod: Synthesized) -> None:
    (index,) = prod.one(TABLE, SESSIONS)["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "sessions-by-owner"
    assert _keys(index) == {"HASH": "owner", "RANGE": "last_updated"}
    assert index["Projection"] == {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": ["title", "turns", "ttl", "usage", "cost", "uncached_cost", "unpriced_turns"],
    }


@pytest.mark.parametrize("environment", ["dev", "staging", "prod", "local"])
def test_the_stream_holds_nothing_that_was_said(environment: str) -> None:
    stack = synthesize(environment)
    assert stack.one(TABLE, SESSIONS)["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    assert "StreamSpecification" not in stack.one(TABLE, HASHES)


@pytest.mark.parametrize("path", [SESSIONS, HASHES])
def test_items_expire_cost_nothing_unused_and_are_encrypted(prod: Synthesized, path: str) -> None:
    table = prod.one(TABLE, path)
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}


def test_a_price_list_and_a_cap_hold_for_both_tables() -> None:
    stack = synthesize("staging", table_class="infrequent_access", max_read_units="100", max_write_units="50")
    for path in (SESSIONS, HASHES):
        table = stack.one(TABLE, path)
        assert table["Replicas"][0]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["WriteOnDemandThroughputSettings"] == {"MaxWriteRequestUnits": 50}
        assert table["Replicas"][0]["ReadOnDemandThroughputSettings"] == {"MaxReadRequestUnits": 100}


@pytest.mark.parametrize("path", [SESSIONS, HASHES])
def test_by_default_nothing_caps_a_table(prod: Synthesized, path: str) -> None:
    table = prod.one(TABLE, path)
    assert "WriteOnDemandThroughputSettings" not in table
    assert not table["Replicas"][0].keys() & {"ReadOnDemandThroughputSettings", "TableClass"}


@pytest.mark.parametrize("environment", ["dev", "staging", "prod", "local"])
def test_tables_are_named_by_environment(environment: str) -> None:
    suffix = "" if environment == "prod" else f"-{environment}"
    stack = synthesize(environment)
    assert stack.one(TABLE, SESSIONS)["TableName"] == f"claude-context-sessions{suffix}"
    assert stack.one(TABLE, HASHES)["TableName"] == f"claude-context-hashes{suffix}"


def test_prod_keeps_and_protects_what_it_holds(prod: Synthesized) -> None:
    assert [it["DeletionPolicy"] for it in prod.of_type(TABLE).values()] == ["Retain"] * 2
    assert [it["UpdateReplacePolicy"] for it in prod.of_type(TABLE).values()] == ["Retain"] * 2
    assert [it["DeletionPolicy"] for it in prod.of_type("SecretsManager::Secret").values()] == ["Retain"] * 2
    for path in (SESSIONS, HASHES):
        assert prod.one(TABLE, path)["Replicas"][0]["DeletionProtectionEnabled"] is True
    recovery = prod.one(TABLE, SESSIONS)["Replicas"][0]["PointInTimeRecoverySpecification"]
    assert recovery == {"PointInTimeRecoveryEnabled": True}


def test_other_environments_go_with_their_stack() -> None:
    dev = synthesize("dev", secret_store="secrets_manager")
    for kind in (TABLE, "SecretsManager::Secret", "Logs::LogGroup"):
        assert {it["DeletionPolicy"] for it in dev.of_type(kind).values()} == {"Delete"}
    assert dev.one(TABLE, SESSIONS)["Replicas"][0]["DeletionProtectionEnabled"] is False
