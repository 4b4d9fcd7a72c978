"""The wheel in an environment of its own: somebody's app with two bridges, deployed and talked to.

No checkout is in reach. The environment is made once, and once a local AWS is brought up by the installed
`bridge local up`, which deploys the app that the wheel brings; the foreign app joins it there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.messages_server import MessagesServer, Reply, messages_server
from tests.packaging import deploying
from tests.packaging.building import ROOT, Built
from tests.packaging.deploying import Foreign, Talk
from tests.packaging.installing import Installed, install, succeeded

pytestmark = pytest.mark.timeout(420)  # whoever comes first waits for the downloads and the deployment

ANSWER = "Hello 中😀"


@pytest.fixture(scope="module")
def installed(built: Built, constraints: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment that was empty, with all that it takes to deploy and to talk."""
    return install(tmp_path_factory.mktemp("foreign"), built.required("cdk", "cli", "local"), constraints)


@pytest.fixture(scope="module")
def claude() -> Iterator[MessagesServer]:
    """Who answers, and knows what it was asked."""
    with messages_server() as server:
        server.reply(*[Reply()] * 20)
        yield server


@pytest.fixture(scope="module")
def foreign(installed: Installed, claude: MessagesServer) -> Iterator[Foreign]:
    """Somebody's app, deployed."""
    with deploying.deployed(installed, claude) as foreign:
        yield foreign


@pytest.fixture(scope="module")
def kitchen(foreign: Foreign) -> Talk:
    """The first bridge."""
    return foreign.bridge("Kitchen")


@pytest.fixture(scope="module")
def workshop(foreign: Foreign) -> Talk:
    """The second one."""
    return foreign.bridge("Workshop")


def test_all_of_it_is_the_installed_package_and_none_of_it_the_checkout(installed: Installed) -> None:
    path, *found = installed.told(
        "import importlib.util, json, shutil, sys, bridge_cli, bridge_local.places as places;"
        "construct = importlib.util.find_spec('claude_context_bridge').origin;"  # CDK takes long to import
        "print(json.dumps([sys.path, bridge_cli.__file__, places.__file__, str(places.app_dir()), construct,"
        " shutil.which('bridge'), shutil.which('node')]))"
    )
    assert [entry for entry in path if Path(entry).is_relative_to(ROOT)] == []
    assert [place for place in found if not Path(place).is_relative_to(installed.venv)] == []


def test_a_type_checker_sees_its_types(installed: Installed, foreign: Foreign, tmp_path: Path) -> None:
    # With --strict an ignored error that is none is one.
    done = installed.run(
        *(sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", tmp_path),
        *("--python-executable", installed.python, "app.py", "wrong.py"),
        cwd=foreign.folder,
    )
    assert succeeded(done).startswith("Success: no issues found in 2 source files")


def test_what_was_synthesized_names_nothing_of_the_checkout(foreign: Foreign) -> None:
    files = [path for path in foreign.out.rglob("*") if path.is_file()]
    assert foreign.out / "manifest.json" in files
    assert [path for path in files if str(ROOT).encode() in path.read_bytes()] == []


def test_the_construct_has_no_outputs_of_its_own(foreign: Foreign) -> None:
    emitted = foreign.template["Metadata"]["Emitted"]
    assert {"KitchenUrl", "WorkshopUrl"} <= set(emitted)
    assert set(foreign.template["Outputs"]) == set(emitted)


def test_two_bridges_in_a_stack_share_nothing(foreign: Foreign) -> None:
    of = {
        name: {id_ for id_ in foreign.resources() if id_.startswith(name)} for name in ("Kitchen", "Workshop")
    }
    assert {id_.removeprefix("Kitchen")[:-8] for id_ in of["Kitchen"]} == {
        id_.removeprefix("Workshop")[:-8] for id_ in of["Workshop"]
    }
    resources = foreign.template["Resources"]
    for name, other in (("Kitchen", "Workshop"), ("Workshop", "Kitchen")):
        assert len(of[name]) > 20
        assert [id_ for id_ in of[name] if f'"{other}' in json.dumps(resources[id_])] == []


def test_both_answer_each_as_it_was_told_to_and_neither_knows_of_the_other(
    kitchen: Talk, workshop: Talk, claude: MessagesServer
) -> None:
    began = len(claude.asked)
    assert kitchen.ask("My code word is marmalade.", "plans") == ANSWER
    assert workshop.ask("What is my code word?", "plans") == ANSWER
    assert kitchen.ask("What is my code word?", "other") == ANSWER
    first, elsewhere, again = (asked.body for asked in claude.asked[began:])
    assert [it["model"] for it in (first, elsewhere)] == ["claude-haiku-5-5", "claude-sonnet-5-5"]
    assert "You cook." in json.dumps(first["system"])
    assert "You repair." in json.dumps(elsewhere["system"])
    assert "marmalade" not in json.dumps(elsewhere)
    assert "marmalade" in json.dumps(again)  # another session of the same owner's: it was recalled

    def sessions(bridge: Talk) -> set[str]:
        return {entry["session_id"] for entry in bridge.told("sessions")["sessions"]}

    assert sessions(kitchen) == {"plans", "other"}
    assert sessions(workshop) == {"plans"}
    (kept,) = workshop.told("history", "plans")["exchanges"]
    assert kept["context"][0]["content"] == "What is my code word?"


def test_a_token_for_one_does_not_open_the_other(kitchen: Talk, workshop: Talk) -> None:
    refused = workshop.run("sessions", token=kitchen.token)
    assert refused.returncode == 3, refused.stdout


def test_the_local_bridge_of_the_wheel_answers_too(installed: Installed, foreign: Foreign) -> None:
    status = json.loads(succeeded(installed.run("bridge", "local", "status", "--json")))
    assert str(foreign.port) in status["url"]
    assert succeeded(installed.run("bridge", "ask", "Hello?", "plans")).strip() == ANSWER


def test_an_unchanged_app_has_no_difference_and_its_second_deployment_changes_nothing(
    foreign: Foreign,
) -> None:
    template, before = foreign.template, (foreign.stack(), foreign.resources())
    compared = foreign.cdk("diff", "--fail")  # synthesizes anew
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert "differences: 0" in compared.stdout + compared.stderr
    assert foreign.template == template
    again = foreign.deploy()
    assert f"{deploying.STACK} (no changes)" in succeeded(again) + again.stderr
    assert (foreign.stack(), foreign.resources()) == before
