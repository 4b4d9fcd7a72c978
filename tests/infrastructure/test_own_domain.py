"""A name of one's own for the API: clients use it, the functions go on using the stage's."""

import json
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template
from aws_cdk.aws_certificatemanager import Certificate
from aws_cdk.aws_iam import User
from aws_cdk.aws_route53 import HostedZone

from claude_context_bridge import BridgeProps, ContextBridge, Domain
from tests.infrastructure.conftest import NO_BUNDLING, Synthesized

NAME = "bridge.example.com"
CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"


def _named(zone: str | None = None, **props: Any) -> tuple[ContextBridge, Synthesized]:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    domain = Domain(
        name=NAME,
        certificate=Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE),
        hosted_zone=HostedZone.from_hosted_zone_id(stack, "Zone", zone) if zone else None,
    )
    bridge = ContextBridge(stack, "Bridge", BridgeProps(domain=domain, **props))
    return bridge, Synthesized(Template.from_stack(stack).to_json())


def test_the_name_leads_to_the_stage_without_a_path() -> None:
    bridge, stack = _named()
    assert bridge.url == f"wss://{NAME}"
    (name_id,) = stack.of_type("ApiGatewayV2::DomainName")
    name = stack.resources[name_id]["Properties"]
    assert name["DomainName"] == NAME
    (configuration,) = name["DomainNameConfigurations"]
    assert configuration["CertificateArn"] == CERTIFICATE
    assert configuration["EndpointType"] == "REGIONAL"
    assert configuration["SecurityPolicy"] == "TLS_1_2"
    (mapping,) = stack.of_type("ApiGatewayV2::ApiMapping").values()
    (stage_id,) = stack.of_type("ApiGatewayV2::Stage")
    (api_id,) = stack.of_type("ApiGatewayV2::Api")
    assert mapping["Properties"]["DomainName"] == {"Ref": name_id}
    assert mapping["Properties"]["ApiId"] == {"Ref": api_id}
    assert "ApiMappingKey" not in mapping["Properties"]
    assert {"Ref": stage_id} == mapping["Properties"]["Stage"] or stage_id in mapping["DependsOn"]
    assert stack.of_type("Route53::RecordSet") == {}


def test_the_functions_post_to_the_stages_own_address() -> None:
    bridge, stack = _named()
    for function in ("answer", "message"):
        url = json.dumps(stack.function(function)["Environment"]["Variables"]["CALLBACK_URL"])
        assert ".execute-api." in url
        assert NAME not in url
    assert NAME not in bridge.callback_url


def test_in_a_zone_of_route_53_the_name_is_known() -> None:
    _, stack = _named("Z0123456789")
    records = [it["Properties"] for it in stack.of_type("Route53::RecordSet").values()]
    assert {it["Type"] for it in records} == {"A", "AAAA"}
    (name_id,) = stack.of_type("ApiGatewayV2::DomainName")
    for record in records:
        assert (record["Name"], record["HostedZoneId"]) == (f"{NAME}.", "Z0123456789")
        assert record["AliasTarget"] == {
            "DNSName": {"Fn::GetAtt": [name_id, "RegionalDomainName"]},
            "HostedZoneId": {"Fn::GetAtt": [name_id, "RegionalHostedZoneId"]},
        }
    # An AAAA record that leads to a name without IPv6 would be an empty promise.
    (configuration,) = stack.resources[name_id]["Properties"]["DomainNameConfigurations"]
    assert configuration["IpAddressType"] == "dualstack"


def test_who_may_connect_may_under_either_name() -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    certificate = Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE)
    domain = Domain(name=NAME, certificate=certificate)
    bridge = ContextBridge(stack, "Bridge", BridgeProps(auth="iam", domain=domain))
    bridge.grant_connect(User(stack, "Ada"))
    template = Template.from_stack(stack)
    (api_id,) = template.find_resources("AWS::ApiGatewayV2::Api")
    policies = template.find_resources("AWS::IAM::Policy").values()
    (policy,) = [it["Properties"] for it in policies if "Users" in it["Properties"]]
    (statement,) = policy["PolicyDocument"]["Statement"]
    # IAM knows an API by its id, whatever name it was called by.
    assert statement["Resource"]["Fn::Join"][1][-2:] == [{"Ref": api_id}, "/live/$connect"]


@pytest.mark.parametrize("name", ["", "localhost", "Bridge.example.com", "https://a.b", "a..b", "-a.b", 5])
def test_what_is_no_name_is_refused(name: Any) -> None:
    certificate = Certificate.from_certificate_arn(Stack(App(), "Somebodys"), "Certificate", CERTIFICATE)
    with pytest.raises(ValueError, match=r"^domain's name must be one such as bridge\.example\.com"):
        Domain(name=name, certificate=certificate)


def test_what_is_no_certificate_or_zone_is_refused() -> None:
    certificate = Certificate.from_certificate_arn(Stack(App(), "Somebodys"), "Certificate", CERTIFICATE)
    wrong: Any = CERTIFICATE
    with pytest.raises(ValueError, match=r"^domain's certificate must be an ICertificate"):
        Domain(name=NAME, certificate=wrong)
    with pytest.raises(ValueError, match=r"^domain's hosted_zone must be an IHostedZone"):
        Domain(name=NAME, certificate=certificate, hosted_zone=wrong)


def test_by_default_there_is_no_name(prod: Synthesized) -> None:
    assert prod.of_type("ApiGatewayV2::DomainName") == {}
