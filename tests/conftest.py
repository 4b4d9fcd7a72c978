"""What all tests share: how hypothesis searches, and which of them run side by side."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# No deadline: a test's time says more about the machine than about the code.
settings.register_profile("bridge", max_examples=100, deadline=None)
settings.load_profile("bridge")

TESTS = Path(__file__).parent

# CDK's own rules look at each template for half a second. What is synthesized by the CDK command line is
# looked at by them all the same, and cfn-lint, cdk-nag and checkov look at those of all environments.
os.environ["CDK_VALIDATION"] = "false"

# What deploys, or takes long by itself, begins first: no other is left when it has to be waited for. One at a
# time deploys: several emulators that come up at once are too much for a small machine.
_DEPLOY = ("e2e", "packaging", "releases/test_upgrade.py")
_FIRST = (
    "deployments",
    "infrastructure/test_checks.py",
    "infrastructure/test_synth.py",
    "unit/test_exactly_once.py",
)


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist brings no types
    """Has what shares a file, or deploys, run by one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid.partition("::")[0].removeprefix("tests/"))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Scheduling:
    """Share the tests out among several workers (`-n`)."""
    return _Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those first that take longest."""
    items.sort(key=lambda item: _rank(_group(item.path.relative_to(TESTS).as_posix())))


def _group(path: str) -> str:
    return "deployments" if path.startswith(_DEPLOY) else path


def _rank(group: str) -> int:
    return _FIRST.index(group) if group in _FIRST else len(_FIRST)
