"""A name of one's own for the API."""

import re
from dataclasses import dataclass

from aws_cdk.aws_certificatemanager import ICertificate
from aws_cdk.aws_route53 import IHostedZone

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
