"""A VPC of one's own: the functions run in it, in what was named of it, and may be put there."""

import json
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template
from aws_cdk.aws_ec2 import SecurityGroup, SubnetSelection, SubnetType, Vpc

from claude_context_bridge import BridgeProps, ContextBridge
from tests.infrastructure.conftest import NO_BUNDLING, Synthesized

FUNCTIONS = ["Connect", "Disconnect", "Message", "Answer", "Remember"]
# AWS's managed policy AWSLambdaENIManagementAccess.
NETWORK = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}


def _theirs(stack: Stack) -> Vpc:
    vpc: Vpc = Vpc.from_vpc_attributes(  # type: ignore[assignment]
        stack,
        "Theirs",
        vpc_id="vpc-1",
        availability_zones=["a", "b"],
        public_subnet_ids=["subnet-public-a", "subnet-public-b"],
        private_subnet_ids=["subnet-private-a", "subnet-private-b"],
        isolated_subnet_ids=["subnet-isolated-a", "subnet-isolated-b"],
    )
    return vpc


@pytest.fixture(scope="module")
def inside() -> Synthesized:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    ContextBridge(stack, "Bridge", BridgeProps(vpc=_theirs(stack)))
    return Synthesized(Template.from_stack(stack).to_json())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_runs_in_the_subnets_that_lead_out(name: str, inside: Synthesized) -> None:
    network = inside.function(name.lower())["VpcConfig"]
    assert network["SubnetIds"] == ["subnet-private-a", "subnet-private-b"]
    group = inside.id_of("EC2::SecurityGroup", "Functions")
    assert network["SecurityGroupIds"] == [{"Fn::GetAtt": [group, "GroupId"]}]


def test_one_group_lets_everything_out_and_nothing_in(inside: Synthesized) -> None:
    group = inside.one("EC2::SecurityGroup", "Functions")
    assert "SecurityGroupIngress" not in group
    assert [(it["CidrIp"], it["IpProtocol"]) for it in group["SecurityGroupEgress"]] == [("0.0.0.0/0", "-1")]
    assert inside.of_type("EC2::SecurityGroupIngress") == {}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lambda_may_put_a_function_there_by_its_role(name: str, inside: Synthesized) -> None:
    statements = inside.one("IAM::Policy", f"Functions/{name}")["PolicyDocument"]["Statement"]
    (network,) = [it for it in statements if it["Resource"] == "*"]
    assert set(network["Action"]) == NETWORK
    # Lambda tries it out when it makes the function.
    (function,) = [
        it for it in inside.under(f"Functions/{name}").values() if it["Type"] == "AWS::Lambda::Function"
    ]
    assert inside.id_of("IAM::Policy", f"Functions/{name}") in function["DependsOn"]
    assert "ManagedPolicyArns" not in inside.one("IAM::Role", f"Functions/{name}")


def test_subnets_and_groups_may_be_chosen() -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    group = SecurityGroup.from_security_group_id(stack, "Group", "sg-1")
    ContextBridge(
        stack,
        "Bridge",
        BridgeProps(
            vpc=_theirs(stack),
            vpc_subnets=SubnetSelection(subnet_type=SubnetType.PRIVATE_ISOLATED),
            security_groups=[group],
        ),
    )
    template = Synthesized(Template.from_stack(stack).to_json())
    for name in FUNCTIONS:
        network = template.function(name.lower())["VpcConfig"]
        assert network["SubnetIds"] == ["subnet-isolated-a", "subnet-isolated-b"]
        assert network["SecurityGroupIds"] == ["sg-1"]
    assert template.of_type("EC2::SecurityGroup") == {}


def test_by_default_there_is_no_network(prod: Synthesized) -> None:
    assert "VpcConfig" not in json.dumps(prod.of_type("Lambda::Function"))
    assert "ec2:" not in json.dumps(prod.of_type("IAM::Policy"))


@pytest.mark.parametrize("prop", ["vpc_subnets", "security_groups"])
def test_part_of_a_network_without_it_is_refused(prop: str) -> None:
    stack = Stack(App(), "Somebodys")
    value: dict[str, Any] = {
        "vpc_subnets": SubnetSelection(subnet_type=SubnetType.PRIVATE_ISOLATED),
        "security_groups": [SecurityGroup.from_security_group_id(stack, "Group", "sg-1")],
    }
    with pytest.raises(ValueError, match=f"^{prop} must be left out without vpc"):
        BridgeProps(**{prop: value[prop]})
