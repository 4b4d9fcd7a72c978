"""Settings that name what is there already: what they become, and what is refused."""

from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Annotations, Match

from stacks.bridge_stack import BridgeStack
from stacks.settings import SettingsError, read
from tests.infrastructure.conftest import CONTEXT, NO_BUNDLING, Synthesized, synthesize

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:oncall"
EMAIL = "oncall@example.com"


@pytest.fixture(scope="module")
def everything() -> Synthesized:
    """A staging that brings all that can be brought."""
    return synthesize(
        "staging",
        kms_key_arn=KEY,
        vpc_id="vpc-0123abcd",
        subnet_ids="subnet-0123abcd, subnet-4567abcd",
        security_group_ids="sg-0123abcd",
        domain_name="bridge.example.com",
        certificate_arn=CERTIFICATE,
        hosted_zone_id="Z0123456789",
        alarm_topic_arn=TOPIC,
    )


def test_a_key_encrypts_the_tables(everything: Synthesized) -> None:
    for table in everything.of_type("DynamoDB::GlobalTable").values():
        (replica,) = table["Properties"]["Replicas"]
        assert replica["SSESpecification"] == {"KMSMasterKeyId": KEY}


def test_the_functions_run_in_the_subnets_that_are_named(everything: Synthesized) -> None:
    for function in everything.of_type("Lambda::Function").values():
        assert function["Properties"]["VpcConfig"] == {
            "SubnetIds": ["subnet-0123abcd", "subnet-4567abcd"],
            "SecurityGroupIds": ["sg-0123abcd"],
        }


def test_without_groups_one_is_made() -> None:
    stack = synthesize("staging", vpc_id="vpc-0123abcd", subnet_ids="subnet-0123abcd")
    (group,) = stack.of_type("EC2::SecurityGroup").values()
    assert group["Properties"]["VpcId"] == "vpc-0123abcd"


def test_a_name_leads_to_it_and_is_told(everything: Synthesized) -> None:
    assert everything.template["Outputs"]["Url"]["Value"] == "wss://bridge.example.com"
    records = [it["Properties"] for it in everything.of_type("Route53::RecordSet").values()]
    assert {(it["Type"], it["Name"], it["HostedZoneId"]) for it in records} == {
        ("A", "bridge.example.com.", "Z0123456789"),
        ("AAAA", "bridge.example.com.", "Z0123456789"),
    }


@pytest.mark.parametrize(
    "brought",
    [
        {"env": "prod", "alarm_email": EMAIL},
        {
            "env": "staging",
            "vpc_id": "vpc-0123abcd",
            "subnet_ids": "subnet-0123abcd",
            "alarm_topic_arn": TOPIC,
        },
    ],
)
def test_what_is_right_warns_of_nothing(brought: dict[str, str]) -> None:
    """`cdk deploy --strict` takes a warning for an error; and who sees three each time reads no fourth."""
    app = App(context={**CONTEXT, **NO_BUNDLING, **brought})
    stack = BridgeStack(app, read(app.node.get_all_context()))
    warned = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    assert [(it.id, it.entry.data) for it in warned] == []


@pytest.mark.parametrize(
    ("partition", "region"),
    [("aws-us-gov", "us-gov-west-1"), ("aws-eusc", "eusc-de-east-1"), ("aws-cn", "cn-northwest-1")],
)
def test_other_partitions_arns_are_arns(partition: str, region: str) -> None:
    topic = f"arn:{partition}:sns:{region}:111122223333:oncall"
    assert read({**CONTEXT, "env": "prod", "alarm_topic_arn": topic}).imports.alarm_topic_arn == topic


def test_a_topic_is_told(everything: Synthesized) -> None:
    alarms = everything.of_type("CloudWatch::Alarm").values()
    assert alarms
    assert all(it["Properties"]["AlarmActions"] == [TOPIC] for it in alarms)
    assert everything.of_type("SNS::Topic") == {}


def test_an_address_is_told_by_a_topic_that_alarms_may_tell(prod: Synthesized) -> None:
    (topic_id,) = prod.of_type("SNS::Topic")
    (subscription,) = prod.of_type("SNS::Subscription").values()
    assert subscription["Properties"] == {
        "Protocol": "email",
        "Endpoint": EMAIL,
        "TopicArn": {"Ref": topic_id},
    }
    for alarm in prod.of_type("CloudWatch::Alarm").values():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": topic_id}]
    (policy,) = prod.of_type("SNS::TopicPolicy").values()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    (allowed,) = [it for it in statements if it["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Action"] == "sns:Publish"
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"subnet_ids": "subnet-0123abcd"}, "subnet_ids needs vpc_id"),
        ({"security_group_ids": "sg-0123abcd"}, "security_group_ids needs vpc_id"),
        ({"vpc_id": "vpc-0123abcd"}, "vpc_id needs subnet_ids"),
        ({"certificate_arn": CERTIFICATE}, "certificate_arn needs domain_name"),
        ({"hosted_zone_id": "Z0123456789"}, "hosted_zone_id needs domain_name"),
        ({"domain_name": "bridge.example.com"}, "domain_name needs certificate_arn"),
        (
            {"domain_name": "bridge.example.com", "hosted_zone_id": "Z0123456789"},
            "domain_name needs certificate_arn",
        ),
        (
            {"alarm_email": EMAIL, "alarm_topic_arn": TOPIC},
            "alarm_email must be left out with alarm_topic_arn",
        ),
        ({"alarm_email": EMAIL, "alarms": "false"}, "alarm_email must be left out with alarms=false"),
        ({"alarm_topic_arn": TOPIC, "alarms": "false"}, "alarm_topic_arn must be left out with alarms=false"),
        (
            {"kms_key_arn": KEY, "secret_store": "parameter_store"},
            "kms_key_arn needs secret_store=secrets_manager",
        ),
    ],
)
def test_what_is_good_by_itself_and_wrong_together_is_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=f"^environments.staging: {says}"):
        read({**CONTEXT, "env": "staging", **given})


@pytest.mark.parametrize("given", [{}, {"alarms": "false"}])
def test_prod_is_nothing_without_somebody_whom_its_alarms_tell(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refused:
        read({**CONTEXT, "env": "prod", **given})
    assert "-c alarm_email=you@example.com" in str(refused.value)
    assert "alarm_topic_arn" in str(refused.value)


@pytest.mark.parametrize("given", [{"alarm_email": EMAIL}, {"alarm_topic_arn": TOPIC}])
def test_with_one_setting_prod_is_whole(given: dict[str, str]) -> None:
    assert read({**CONTEXT, "env": "prod", **given}).props.alarms is True


def test_it_is_the_setting_that_requires_it_and_not_the_name() -> None:
    assert read({"environments": {"prod": {}}, "env": "prod"}).props.alarms is True
    with pytest.raises(SettingsError, match=r"alarm_email=you@example\.com"):
        read({"environments": {"dev": {"alarm_recipient_required": True}}})
    assert read({**CONTEXT, "env": "staging"}).imports.alarm_email is None
