"""What docs/how-to/ci-deploy.md has people copy: CDK's roles by their names, a workflow that may ask."""

import re
from typing import Any

import pytest
import yaml
from aws_cdk import DefaultStackSynthesizer

from tests.docs.blocks import ROOT, blocks

PAGE = ROOT / "docs" / "how-to" / "ci-deploy.md"
SYNTHESIZER = DefaultStackSynthesizer
LOOKUP, PUBLISH, DEPLOY = (
    SYNTHESIZER.DEFAULT_LOOKUP_ROLE_ARN,
    SYNTHESIZER.DEFAULT_FILE_ASSET_PUBLISHING_ROLE_ARN,
    SYNTHESIZER.DEFAULT_DEPLOY_ROLE_ARN,
)


def _yaml(number: int) -> dict[Any, Any]:
    found = [block.content for block in blocks(PAGE.relative_to(ROOT)) if block.language == "yaml"]
    loaded: dict[Any, Any] = yaml.safe_load(found[number])
    return loaded


def _allowed(role: dict[str, Any]) -> set[str]:
    (policy,) = role["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    resources = statement["Resource"]
    return {it["Fn::Sub"] for it in (resources if isinstance(resources, list) else [resources])}


def _as_cdk_names_it(arn: str) -> str:
    return arn.replace("${Qualifier}", str(SYNTHESIZER.DEFAULT_QUALIFIER))


def test_github_gets_cdks_roles_and_nothing_else() -> None:
    resources = _yaml(0)["Resources"]
    assert _allowed(resources["DiffRole"]) == {_as_cdk_names_it(LOOKUP)}
    assert _allowed(resources["DeployRole"]) == {_as_cdk_names_it(arn) for arn in (LOOKUP, PUBLISH, DEPLOY)}


def test_nobody_elses_repository_gets_a_role() -> None:
    resources = _yaml(0)["Resources"]
    for name, who in (("DiffRole", "pull_request"), ("DeployRole", "environment:${Environment}")):
        (trust,) = resources[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert trust["Condition"] == {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": {"Fn::Sub": "repo:${Repository}:" + who},
            }
        }


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("you@1234567/bridge@89012345", True),  # as tokens of repositories made since the summer of 2026 say
        ("Your-Team/bridge.app", True),
        ("Your-Team_corp/bridge", True),  # a company's users
        ("you@1234567/bridge", False),
        ("you/*", False),  # IAM takes no pattern here; and nobody means one
        ("you/bridge:environment", False),
    ],
)
def test_a_repository_is_named_as_githubs_tokens_name_it(name: str, fits: bool) -> None:
    # CloudFormation matches the whole of a parameter.
    allowed = _yaml(0)["Parameters"]["Repository"]["AllowedPattern"]
    assert bool(re.fullmatch(allowed, name)) is fits


def test_each_job_may_ask_for_its_token_and_names_what_prod_requires() -> None:
    workflow = _yaml(1)
    assert set(workflow["jobs"]) == {"diff", "deploy"}
    for name, job in workflow["jobs"].items():
        assert job["permissions"] == {"contents": "read", "id-token": "write"}
        (command,) = [step["run"] for step in job["steps"] if step.get("run", "").startswith("cdk ")]
        assert command.startswith(f"cdk {name} ")
        assert '-c env=prod -c "alarm_email=$ALARM_EMAIL"' in command
    assert workflow["jobs"]["deploy"]["environment"] == _yaml(0)["Parameters"]["Environment"]["Default"]
