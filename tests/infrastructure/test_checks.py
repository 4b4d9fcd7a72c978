"""cdk-nag, cfn-lint and checkov find nothing in the templates that is not acknowledged."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk.aws_s3 import Bucket
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from claude_context_bridge import ContextBridge
from claude_context_bridge.acknowledgments import findings
from tests.infrastructure.acknowledged import CFN_LINT, CHECKOV, reason_for
from tests.infrastructure.conftest import NO_BUNDLING, ROOT
from tests.infrastructure.looked_at import build, templates_of

REGIONS = ["us-east-1", "eu-central-1"]
PYTHON = ROOT / ".venv" / "checkov" / "bin" / "python"
FOLDER = Path(__file__).parent / "checkov"
# They differ from Bare by who is let in, at which only cdk-nag looks.
OF_NAG_ONLY = {"Signed", "Open"}


@dataclass(frozen=True)
class Finding:
    """What a check said of a resource, by the stack and by the resource's place in its construct."""

    check: str
    stack: str
    place: str
    says: str


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    """Return the app whose stacks are looked at."""
    return build(outdir=str(tmp_path_factory.mktemp("cdk.out")))


@pytest.fixture(scope="module")
def templates(app: App) -> Mapping[str, Mapping[str, Any]]:
    """Return the templates by their file's path."""
    found = templates_of(app)
    assert {_stack(path) for path in found} > OF_NAG_ONLY
    return {path: template for path, template in found.items() if _stack(path) not in OF_NAG_ONLY}


def _stack(path: str) -> str:
    return Path(path).name.removesuffix(".template.json")


def _place(template: Mapping[str, Any], resource: str) -> str:
    """Return where a resource is in its bridge, or its stack, by its logical id: `Queue/Turns/Resource`."""
    path: str = template["Resources"][resource]["Metadata"]["aws:cdk:path"]
    return path.partition("/")[2].removeprefix("Bridge/")


def nag(scope: App) -> set[tuple[str, str]]:
    """Return what cdk-nag's packs find: rules and paths of constructs."""
    return {
        (violation.rule_name, resource.construct_path or "")
        for pack in (AwsSolutionsChecks, ServerlessChecks)
        for violation in pack(scope).validate_scope(scope).violations
        for resource in violation.violating_resources
    }


def cfn_lint(path: Path, template: Mapping[str, Any]) -> set[Finding]:
    """Return what cfn-lint finds in a template, warnings and hints included."""
    found = set()
    for match in lint_file(path, config=ManualArgs(regions=REGIONS, include_checks=["I"])):
        where = [str(it) for it in match.path or ()]
        place = _place(template, where[1]) if where[:1] == ["Resources"] else "/".join(where)
        found.add(Finding(match.rule.id, _stack(str(path)), place, match.message))
    return found


def checkov(templates: Mapping[str, Mapping[str, Any]]) -> set[Finding]:
    """Return what checkov finds in the templates, all in one process; it can reach no network."""
    if not PYTHON.exists():
        pytest.fail("checkov is missing: `make .venv/checkov/.installed` installs it, as `make test` does")
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    done = subprocess.run(
        [PYTHON, FOLDER / "look.py", *templates],
        env={"PATH": os.environ["PATH"], **nowhere},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    by_name = {Path(path).name: (_stack(path), template) for path, template in templates.items()}
    assert report["looked_at"] > 20 * (len(templates) - 1), "it has not read them"
    found = set()
    for it in report["found"]:
        stack, template = by_name[it["template"]]
        found.add(Finding(it["check"], stack, _place(template, it["resource"]), it["says"]))
    return found


def _planted(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template with a bucket in which something is wrong."""
    metadata = {"aws:cdk:path": "Planted/Bridge/Open"}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": properties, "Metadata": metadata}
    return {"Resources": {"Open": bucket}}


def _judge(found: set[Finding], acknowledged: Mapping[tuple[str, str], str]) -> None:
    """Fail for a finding that nobody acknowledged, and for an acknowledgement of what is not found."""
    used = {it: reason_for(acknowledged, it.check, it.place) for it in found}
    new = [it for it, reason in used.items() if reason is None]
    assert not new, "\n".join(f"{it.stack}: {it.check} at {it.place}: {it.says}" for it in new)
    assert set(acknowledged) == {it for it in used.values() if it}, "an acknowledgement has no finding"


def test_cdk_nag_finds_nothing(app: App) -> None:
    assert nag(app) == set()


def test_cdk_nag_would_find_what_is_not_acknowledged() -> None:
    app = App(context=NO_BUNDLING)
    stack = Stack(app, "Somebodys")
    ContextBridge(stack, "Bridge")
    Bucket(stack, "Planted")
    found = nag(app)
    assert {path for _, path in found} == {"Somebodys/Planted/Resource"}
    assert ("AwsSolutions-S10", "Somebodys/Planted/Resource") in found


def test_somebodys_synth_with_cdk_nag_succeeds() -> None:
    app = App(context=NO_BUNDLING)
    ContextBridge(Stack(app, "Somebodys"), "Bridge")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    assert app.synth().stacks


def test_every_acknowledgement_of_cdk_nags_is_of_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_context_bridge.construct.acknowledge", lambda bridge: None)
    stacks = ("Bedrock", "Brought", "Open")  # among them everything that is ever found
    app = build(*stacks)
    found = nag(app)
    for name in stacks:
        bridge = app.node.find_child(name).node.find_child("Bridge")
        assert isinstance(bridge, ContextBridge)
        acknowledged = [
            (construct.node.path, rule) for construct, rules in findings(bridge) for rule in rules
        ]
        for path, rule in acknowledged:
            assert any(rule == it and at.startswith(f"{path}/") for it, at in found), (rule, path)


def test_cfn_lint_finds_nothing(templates: Mapping[str, Mapping[str, Any]]) -> None:
    found = set().union(*(cfn_lint(Path(path), template) for path, template in templates.items()))
    _judge(found, CFN_LINT)


def test_checkov_finds_nothing(templates: Mapping[str, Mapping[str, Any]], tmp_path: Path) -> None:
    planted = tmp_path / "Planted.template.json"
    template = _planted({"AccessControl": "PublicReadWrite"})
    planted.write_text(json.dumps(template))
    found = checkov({**templates, str(planted): template})
    # That it can find something is seen in the same run: starting it takes most of its time.
    public = {it for it in found if it.stack == "Planted"}
    assert "CKV_AWS_57" in {it.check for it in public}
    _judge(found - public, CHECKOV)


def test_cfn_lint_would_find_what_is_wrong(tmp_path: Path) -> None:
    template = _planted({"Nmae": "typo"})
    path = tmp_path / "Planted.template.json"
    path.write_text(json.dumps(template))
    found = cfn_lint(path, template)
    assert {(it.check[0], it.place) for it in found} >= {("E", "Open")}
    with pytest.raises(AssertionError, match="Planted: E"):
        _judge(found, CFN_LINT)


@pytest.mark.parametrize("reasons", [CHECKOV, CFN_LINT])
def test_every_acknowledgement_has_a_reason_of_its_own(reasons: Mapping[tuple[str, str], str]) -> None:
    assert all(len(reason) > 40 for reason in reasons.values())
    assert len(set(reasons.values())) == len(reasons)
