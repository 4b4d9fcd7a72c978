"""The real template, deployed into the local AWS once for the whole run."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from llmock.pytest_plugin import LLMock
from llmock.testing import LLMockServer

from bench.standin import StandIn
from bridge_local import model_file, model_server, ports
from tests.e2e.deployed import Deployed, deployed
from tests.e2e.wire import Wire

E2E = Path(__file__).parent


# They look back on all that the others did.
LAST = ("test_least_privilege.py", "test_secrets.py")

_WHOLE_RUN = pytest.StashKey[bool]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give whoever waits first for the deployment its time, and let those who look back be last."""
    ours = [item for item in items if E2E in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.timeout(420))
    items.sort(key=lambda item: item in ours and item.path.name in LAST)
    config.stash[_WHOLE_RUN] = {item.path.name for item in ours} == {
        path.name for path in E2E.glob("test_*.py")
    }


@pytest.fixture(scope="session")
def whole_run(pytestconfig: pytest.Config) -> bool:
    """Tell whether all end-to-end tests run."""
    return pytestconfig.stash[_WHOLE_RUN]


@contextmanager
def _real_model() -> Iterator[str]:
    port = ports.free_port(20_000 + os.getpid() % 10_000)
    file = model_file.fetch(lambda _: None)
    command = [sys.executable, "-m", "bridge_local.model_server", str(file), str(port)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        yield f"http://127.0.0.1:{port}"
        process.kill()


@pytest.fixture(scope="session")
def bridge(llmock_server: LLMockServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The bridge, deployed and running; Claude is played by the model's name."""
    with StandIn() as stand_in, _real_model() as real_model:

        def route(model: str) -> str:
            if model.startswith("tokens-"):
                return stand_in.url
            return real_model if model == model_server.MODEL else llmock_server.base_url("anthropic")

        settings = {
            "max_output_tokens": str(model_server.MAX_OUTPUT_TOKENS),
            "system_prompt": model_server.SYSTEM_PROMPT,
        }
        with deployed(tmp_path_factory.mktemp("local"), route, settings=settings) as bridge:
            yield bridge


@pytest.fixture(autouse=True)
def _an_owner_of_its_own(bridge: Deployed) -> None:
    """Let no test be reminded of what another one said."""
    bridge.owner = f"ann-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def session() -> str:
    """The name of a session that no other test uses."""
    return f"session-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def wire(bridge: Deployed) -> Iterator[Wire]:
    """A connection."""
    with bridge.connect() as wire:
        yield wire


@pytest.fixture
def claude(llmock: LLMock) -> LLMock:
    """Who plays Claude for the model `CLAUDE`, and fails on command."""
    return llmock
