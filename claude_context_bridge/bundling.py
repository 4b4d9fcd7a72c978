"""The functions' code as one Lambda asset, with its pinned dependencies, made without Docker."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, IgnoreMode, ILocalBundling
from aws_cdk.aws_lambda import Architecture, Code, Runtime

RUNTIME = Runtime.PYTHON_3_13
PYTHON = "3.13"
# Amazon Linux 2023, which the runtime stands on, has glibc 2.34.
_PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux2014")
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
_EXCLUDED = ["**/__pycache__", "**/*.pyc", "**/.*", "requirements.in"]
# Never run in Lambda, or (what installers note down) different from one installation to the next.
_PRUNED = (
    "bin",
    "**/__pycache__",
    "**/tests",
    "**/*.pyc",
    "**/*.pyi",
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/uv_cache.json",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.min.*",
    ".lock",
)


class BundlingError(RuntimeError):
    """The dependencies could not be installed; the message says what to do."""


def source_root() -> Path:
    """Find the functions' source: beside this package in a checkout, inside of it in a wheel."""
    package = Path(__file__).resolve().parent
    for root in (package / "_lambda", package.parent / "lambda"):
        if (root / "requirements.txt").is_file():
            return root
    raise BundlingError(f"the functions' source is neither in {package} nor beside it; reinstall the package")


def function_code(architecture: Architecture) -> Code:
    """Make the asset that all functions share.

    Its hash comes from the sources, the pinned requirements, the platform and Python's version; where
    cdk.out has it already, nothing is installed and no network is needed.
    """
    root = source_root()
    return Code.from_asset(
        str(root),
        exclude=_EXCLUDED,
        ignore_mode=IgnoreMode.GLOB,
        asset_hash_type=AssetHashType.SOURCE,
        bundling=BundlingOptions(
            # Required by the type, and part of the hash; never pulled, since bundling here never gives up
            # without an error.
            image=DockerImage.from_registry(f"public.ecr.aws/lambda/python:{PYTHON}"),
            platform=f"linux/{architecture.name}",
            # Not run either: it makes another hash of another way of bundling.
            command=["prune", *_PRUNED],
            local=_Installation(root, architecture.name),
        ),
    )


@jsii.implements(ILocalBundling)
class _Installation:
    """Installs the requirements and copies the sources into CDK's output folder."""

    def __init__(self, root: Path, architecture: str) -> None:
        self._root = root
        self._machine = _MACHINES[architecture]

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:
        """Fill the folder; True says that CDK need not look for Docker."""
        install(self._root / "requirements.txt", Path(output_dir), self._machine)
        shutil.copytree(
            self._root,
            output_dir,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "requirements.in"),
        )
        return True


def install(requirements: Path, target: Path, machine: str) -> None:
    """Install pinned requirements for Lambda into a folder, by pip or else uv.

    Raises BundlingError if neither can.
    """
    failures = []
    for installer, command in _installers(requirements, target, machine):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
        if done.returncode == 0:
            _prune(target)
            return
        failures.append(f"{installer}: {_last_lines(done.stderr or done.stdout)}")
    if not failures:
        raise BundlingError(
            f"the functions' dependencies need pip or uv, and {sys.executable} has neither: "
            "run `python -m ensurepip`, or install uv"
        )
    raise BundlingError(
        "the functions' dependencies could not be installed. The first synth, and each after "
        f"{requirements} changed, needs a network or an index that has them; later ones take them from "
        "cdk.out.\n" + "\n".join(failures)
    )


def _installers(requirements: Path, target: Path, machine: str) -> Iterator[tuple[str, list[str]]]:
    # The requirements are complete, so nothing is resolved, and binary, so nothing is compiled.
    rest = ["--no-deps", "--only-binary=:all:", "--quiet", "--target", str(target), "-r", str(requirements)]
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip", "install", "--no-compile", "--no-input"]
        pip += ["--disable-pip-version-check", "--implementation=cp", f"--python-version={PYTHON}"]
        pip += [f"--platform={name}_{machine}" for name in _PLATFORMS]
        yield "pip", pip + rest
    if uv := shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent)):
        platform = [f"--python-platform={machine}-{_PLATFORMS[0]}", f"--python-version={PYTHON}"]
        yield "uv", [uv, "pip", "install", *platform, *rest]


def _environment() -> dict[str, str]:
    # Settings of the user's for installing into an environment of theirs contradict --target.
    return {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def _prune(target: Path) -> None:
    for pattern in _PRUNED:
        for path in sorted(target.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _last_lines(output: str, count: int = 5) -> str:
    return "\n".join(output.strip().splitlines()[-count:])
