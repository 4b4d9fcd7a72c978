"""The app as CDK runs it: without Docker, AWS credentials or, the second time, a network."""

import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from claude_context_bridge import bundling
from tests.infrastructure.conftest import CONTEXT, REQUIRED, ROOT

PINS = {
    "{}-{}".format(name.replace("-", "_"), version)
    for name, equals, version in (
        line.partition("==") for line in (ROOT / "lambda" / "requirements.txt").read_text().splitlines()
    )
    if equals
}
NO_INDEX = {
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "",
    "UV_NO_INDEX": "1",
    "UV_OFFLINE": "1",
    "UV_NO_CACHE": "1",
}


@dataclass(frozen=True)
class Machine:
    """A machine with Python and Node only, and what CDK's command line tells an app."""

    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "cdk.out"

    def synth(self, environment: str = "dev", **also: str) -> subprocess.CompletedProcess[str]:
        tools = self.folder / "bin"
        tools.mkdir(exist_ok=True)
        node = shutil.which("node")
        assert node
        if not (tools / "node").exists():
            (tools / "node").symlink_to(node)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
        required = REQUIRED.get(environment, {})
        context = {**CONTEXT, **required, "env": environment, "aws:cdk:bundling-stacks": ["**"]}
        return subprocess.run(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env={
                **kept,
                "PATH": str(tools),
                "CDK_OUTDIR": str(self.out),
                "CDK_CONTEXT_JSON": json.dumps(context),
                # Whoever called AWS would wait for nobody here.
                "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                "AWS_EC2_METADATA_DISABLED": "true",
                **also,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=170,
        )


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, subprocess.CompletedProcess[str]]:
    """A machine after its first synth."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    return machine, machine.synth()


Synth = tuple[Machine, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def asset(synthesized: Synth) -> Path:
    """The folder that becomes the functions' zip file."""
    machine, done = synthesized
    assert done.returncode == 0, done.stderr
    (found,) = machine.out.glob("asset.*")
    return found


def test_the_first_synth_bundles_once(synthesized: Synth) -> None:
    _, done = synthesized
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Bundling asset") == 1


def test_all_functions_run_that_asset(synthesized: Synth, asset: Path) -> None:
    machine, _ = synthesized
    template = json.loads((machine.out / "claude-context-bridge-dev.template.json").read_text())
    functions = [it for it in template["Resources"].values() if it["Type"] == "AWS::Lambda::Function"]
    assert len(functions) == 5
    hash_ = asset.name.removeprefix("asset.")
    assert {function["Properties"]["Code"]["S3Key"] for function in functions} == {f"{hash_}.zip"}


def test_the_asset_is_small(asset: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(asset.rglob("*")):
            file.write(path, path.relative_to(asset))
    assert len(packed.getvalue()) <= 5_000_000


def test_the_asset_holds_the_bridge_and_its_pinned_dependencies(asset: Path) -> None:
    assert (asset / "bridge" / "__init__.py").is_file()
    installed = {path.name.removesuffix(".dist-info") for path in asset.glob("*.dist-info")}
    assert installed == PINS
    assert not (asset / "boto3").exists()  # Lambda brings it


def test_the_asset_is_made_for_lambda_and_not_for_this_machine(asset: Path) -> None:
    assert {path.name.split(".", 1)[1] for path in asset.rglob("*.so")} <= {
        "cpython-313-aarch64-linux-gnu.so",
        "abi3.so",
    }
    unwanted = [*asset.rglob("*.pyc"), *asset.rglob("__pycache__"), *asset.rglob("tests"), asset / "bin"]
    assert [path for path in unwanted if path.exists()] == []


def test_the_second_synth_needs_no_network(synthesized: Synth, asset: Path) -> None:
    machine, _ = synthesized
    done = machine.synth("prod", **NO_INDEX)
    assert done.returncode == 0, done.stderr
    assert "Bundling asset" not in done.stderr
    assert [path.name for path in machine.out.glob("asset.*")] == [asset.name]


def test_a_first_synth_without_a_network_says_what_is_missing(tmp_path: Path) -> None:
    done = Machine(tmp_path).synth(**NO_INDEX)
    assert done.returncode != 0
    assert "the functions' dependencies could not be installed" in done.stderr
    assert "needs a network" in done.stderr


def test_a_bad_setting_ends_in_one_line(tmp_path: Path) -> None:
    done = Machine(tmp_path).synth("prd")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: env 'prd' is unknown; did you mean prod?")
    assert "Traceback" not in done.stderr


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _hide_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def without_pip(name: str, package: str | None = None) -> Any:
        return None if name == "pip" else found(name, package)

    monkeypatch.setattr("importlib.util.find_spec", without_pip)


def test_pip_and_uv_install_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = bundling.source_root() / "requirements.txt"
    bundling.install(requirements, tmp_path / "pip", "x86_64")
    _hide_pip(monkeypatch)
    bundling.install(requirements, tmp_path / "uv", "x86_64")
    assert _contents(tmp_path / "pip") == _contents(tmp_path / "uv")


def test_a_python_without_installers_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _hide_pip(monkeypatch)
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(bundling.BundlingError, match="has neither: run `python -m ensurepip`, or install uv"):
        bundling.install(bundling.source_root() / "requirements.txt", tmp_path, "aarch64")


def test_the_source_is_found_in_a_wheel_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "claude_context_bridge"
    package.mkdir()
    monkeypatch.setattr(bundling, "__file__", str(package / "bundling.py"))
    with pytest.raises(bundling.BundlingError, match="reinstall the package"):
        bundling.source_root()
    (package / "_lambda").mkdir()
    (package / "_lambda" / "requirements.txt").touch()
    assert bundling.source_root() == package / "_lambda"
