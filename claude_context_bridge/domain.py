"""A name of one's own for the API."""

import re
from dataclasses import dataclass

from aws_cdk.aws_apigatewayv2 import (
    ApiMapping,
    DomainName,
    IpAddressType,
    IWebSocketApi,
    SecurityPolicy,
    WebSocketStage,
)
from aws_cdk.aws_certificatemanager import ICertificate
from aws_cdk.aws_route53 import AaaaRecord, ARecord, IHostedZone, RecordTarget
from aws_cdk.aws_route53_targets import ApiGatewayv2DomainProperties
from constructs import Construct

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+{_LABEL}")


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A domain name, its certificate in the stack's region, and where its DNS records are.

    With a `hosted_zone` of Route 53 the name is made to lead to the API; without, that is yours to do.
    Raises ValueError for what is no name or no certificate.
    """

    name: str
    certificate: ICertificate
    hosted_zone: IHostedZone | None = None

    def __post_init__(self) -> None:
        """Refuse what API Gateway would, minutes later."""
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(
                f"domain's name must be one such as bridge.example.com, in lower case, not {self.name!r}"
            )
        if not hasattr(self.certificate, "certificate_arn"):
            raise ValueError(
                "domain's certificate must be an ICertificate such as Certificate.from_certificate_arn "
                f"returns, not {self.certificate!r}"
            )
        if self.hosted_zone is not None and not hasattr(self.hosted_zone, "hosted_zone_id"):
            raise ValueError(
                "domain's hosted_zone must be an IHostedZone such as HostedZone.from_hosted_zone_attributes "
                f"returns, or None, not {self.hosted_zone!r}"
            )


def lead_to(api: IWebSocketApi, stage: WebSocketStage, domain: Domain, *, scope: Construct) -> None:
    """Let a name lead to a stage: `wss://{name}`, no path behind it."""
    name = DomainName(
        scope,
        "Name",
        domain_name=domain.name,
        certificate=domain.certificate,
        ip_address_type=IpAddressType.DUAL_STACK,
        security_policy=SecurityPolicy.TLS_1_2,
    )
    mapping = ApiMapping(scope, "Mapping", api=api, domain_name=name, stage=stage)
    mapping.node.add_dependency(stage)
    if domain.hosted_zone is None:
        return
    target = RecordTarget.from_alias(
        ApiGatewayv2DomainProperties(name.regional_domain_name, name.regional_hosted_zone_id)
    )
    for record, construct_id in ((ARecord, "A"), (AaaaRecord, "Aaaa")):
        # With a dot at its end it is a whole name: nobody asks for the zone's, which a zone by its id lacks.
        record(scope, construct_id, zone=domain.hosted_zone, record_name=f"{domain.name}.", target=target)
