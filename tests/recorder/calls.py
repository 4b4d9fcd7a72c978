"""A call of a function's to AWS, read from its HTTP request: which function, what it does, to what."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.gateway.posts import function_of

_SERVICES = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager"}
_TRANSACTED = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


@dataclass(frozen=True, order=True)
class Access:
    """What IAM is asked: an action (``dynamodb:GetItem``) on a resource.

    A resource is a table's name, one of its indexes (``NAME/index/NAME``), a queue's name or a secret's ARN.
    """

    action: str
    resource: str


@dataclass(eq=False)
class Call:
    """One call; ``status`` is what it was answered, 0 where it was not.

    ``effect`` is what AWS answered to a call of SQS, whatever the function was told.
    """

    function: str
    service: str
    operation: str
    request: dict[str, Any]
    peer_port: int
    status: int = 0
    effect: dict[str, Any] = field(default_factory=dict)

    @property
    def accesses(self) -> frozenset[Access]:
        """What the call needs to be allowed."""
        if self.service == "dynamodb":
            return frozenset(Access(f"dynamodb:{does}", to) for does, to in self._tables())
        to = {"sqs": str(self.request.get("QueueUrl", "")).rpartition("/")[2]}.get(self.service)
        resource = str(self.request.get("SecretId", "")) if to is None else to
        action = self.operation.removesuffix("Batch")  # which IAM does not know apart
        return frozenset({Access(f"{self.service}:{action}", resource)})

    def touches(self, key: str) -> bool:
        """Tell whether the call names ``key``: a session, a request, whatever stands in it as text."""
        return key in json.dumps(self.request, ensure_ascii=False)

    def _tables(self) -> list[tuple[str, str]]:
        if items := self.request.get("TransactItems"):
            return [(_TRANSACTED[kind], each["TableName"]) for item in items for kind, each in item.items()]
        if batches := self.request.get("RequestItems"):
            return [(self.operation, table) for table in batches]
        table = self.request.get("TableName", "")
        index = self.request.get("IndexName")
        return [(self.operation, f"{table}/index/{index}" if index else table)]


def parse(head: bytes, body: bytes, peer_port: int) -> Call:
    """Read a request on one of AWS's JSON protocols; what is none is a call of the service ``unknown``."""
    target = re.search(rb"(?im)^x-amz-target: *(\S+)", head)
    prefix, _, operation = target[1].decode().partition(".") if target else ("", "", "")
    service = _SERVICES.get(prefix, "unknown")
    if service == "unknown":
        operation = head.split(b"\r\n", 1)[0].decode(errors="replace")
    request = json.loads(body) if service != "unknown" and body else {}
    return Call(function_of(head), service, operation, request, peer_port)
