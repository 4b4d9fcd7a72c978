"""What the environments of cdk.json are: dev costs nothing at rest, prod is kept, protected and watched."""

import json

import pytest

from tests.infrastructure.conftest import Synthesized, synthesize

# What costs nothing while nobody uses it, or is priced by use alone: by AWS's price lists.
FREE_AT_REST = {
    "ApiGatewayV2::Api",
    "ApiGatewayV2::Integration",
    "ApiGatewayV2::Route",
    "ApiGatewayV2::RouteResponse",
    "ApiGatewayV2::Stage",
    "CDK::Metadata",
    "DynamoDB::GlobalTable",  # on demand: what is stored costs, and 25 GB of an account are free
    "IAM::Policy",
    "IAM::Role",
    "Lambda::EventSourceMapping",
    "Lambda::Function",
    "Lambda::Permission",
    "Logs::LogGroup",
    "SQS::Queue",
    "SQS::QueuePolicy",
}


@pytest.fixture(scope="module")
def dev() -> Synthesized:
    return synthesize("dev")


def test_dev_costs_nothing_at_rest(dev: Synthesized) -> None:
    kinds = {it["Type"].removeprefix("AWS::") for it in dev.resources.values()}
    assert kinds <= FREE_AT_REST
    for table in dev.of_type("DynamoDB::GlobalTable").values():
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        # AWS's own key is free to have; point-in-time recovery is billed by what is stored.
        assert "KMSMasterKeyId" not in json.dumps(properties)
        assert '"PointInTimeRecoveryEnabled": true' not in json.dumps(properties)
    for function in dev.of_type("Lambda::Function").values():
        assert not function["Properties"].keys() & {"SnapStart", "VpcConfig", "EphemeralStorage"}
    assert "ProvisionedConcurren" not in json.dumps(dev.resources)


def test_prod_starts_from_snapshots_and_is_watched(prod: Synthesized) -> None:
    assert len(prod.of_type("Lambda::Alias")) == 3
    assert prod.of_type("CloudWatch::Alarm")
    assert len(prod.of_type("CloudWatch::Dashboard")) == 1
    assert len(prod.of_type("SecretsManager::Secret")) == 2


def test_staging_is_prod_but_for_what_is_kept_and_started() -> None:
    staging = synthesize("staging")
    assert staging.of_type("CloudWatch::Alarm")
    assert staging.of_type("SNS::Topic") == {}
    assert staging.of_type("Lambda::Alias") == {}
    assert {it["DeletionPolicy"] for it in staging.of_type("DynamoDB::GlobalTable").values()} == {"Delete"}


def test_local_has_what_the_emulator_knows() -> None:
    local = synthesize("local")
    unknown = {"CloudWatch::Dashboard", "CloudWatch::Alarm", "Lambda::Alias", "Lambda::Version"}
    assert not unknown & {it["Type"].removeprefix("AWS::") for it in local.resources.values()}
