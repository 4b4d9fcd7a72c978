"""What the deployed template allows each function, in the words of the recorder: actions on names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.e2e.deployed import Deployed
from tests.recorder.calls import Access

Json = dict[str, Any]

FUNCTIONS = ("connect", "disconnect", "message", "answer", "remember")


@dataclass(frozen=True, order=True)
class Grant:
    """An action that a function may do, on what: a resource's name as in `Access`, `*` at its end for posts.

    `part` is that resource as the construct calls it.
    """

    function: str
    action: str
    part: str
    resource: str

    def covers(self, access: Access) -> bool:
        """Tell whether IAM would let the call through."""
        return self.action == access.action and fnmatchcase(access.resource, self.resource)


def granted(bridge: Deployed) -> set[Grant]:
    """Return every grant of the template that was deployed."""
    (path,) = bridge.local.places.cdk_out.glob("*.template.json")
    resources: dict[str, Json] = json.loads(path.read_text())["Resources"]
    names = bridge.physical_names()
    found = set()
    for logical_id, resource in resources.items():
        if resource["Type"] != "AWS::IAM::Policy":
            continue
        (function,) = (name for name in FUNCTIONS if f"Functions{name.capitalize()}Role" in logical_id)
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in _listed(statement["Action"]):
                for on in _listed(statement["Resource"]):
                    found.add(Grant(function, action, *_named(on, names)))
    return found


def posts_access(bridge: Deployed, connection_id: str) -> Access:
    """Return what a post to a client needs."""
    api_id, stage = bridge.status.url.rstrip("/").rsplit("/", 2)[1:]
    return Access("execute-api:ManageConnections", f"{api_id}/{stage}/POST/@connections/{connection_id}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _named(resource: Any, names: Mapping[str, str]) -> tuple[str, str]:
    """Return a policy's resource as the construct calls it, and as the recorder does."""
    match resource:
        case {"Fn::GetAtt": [logical_id, "Arn"]} | {"Ref": logical_id}:
            # What CloudFormation calls a queue is its URL; a table's name and a secret's ARN have no slash.
            return logical_id[: -len("480177C4")], names[logical_id].rpartition("/")[2]
        case {"Fn::GetAtt": [logical_id, attribute]}:
            part, name = _named({"Ref": logical_id}, names)
            return f"{part}.{attribute}", f"{name}.{attribute}"
        case {"Fn::Join": ["", pieces]} if ":execute-api:" in pieces:
            at = pieces.index(":execute-api:")
            api = next(piece for piece in pieces[at + 4 :] if isinstance(piece, dict))
            part, name = _named(api, names)
            return f"{part}{pieces[-1]}", f"{name}{pieces[-1]}"
        case {"Fn::Join": ["", [base, str(rest)]]}:
            part, name = _named(base, names)
            return part + rest, name + rest
    raise AssertionError(f"a resource that is not named one by one: {resource}")
