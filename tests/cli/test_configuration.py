"""Which endpoint is meant, and that a token goes nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge_cli import local_aws
from bridge_cli.configuration import Choice, configure
from bridge_cli.endpoint import Endpoint, checked_url
from bridge_cli.errors import NotConfigured, UsageError
from bridge_cli.profiles import ProfileFile

DEV = "wss://dev.example/dev"
PROD = "wss://prod.example/prod"


@pytest.fixture
def profiles() -> ProfileFile:
    file = ProfileFile()
    for name, url in (("dev", DEV), ("prod", PROD)):
        file.set(name, "url", url)
        file.set(name, "token", f"{name}-token")
    file.use("dev")
    return file


def found(**choice: str) -> tuple[str, str | None, str]:
    endpoint = configure(Choice(**choice), lambda line: None).endpoint()
    return endpoint.url, endpoint.token(), endpoint.origin


def test_the_current_profile(profiles: ProfileFile) -> None:
    assert found() == (DEV, "dev-token", "profile dev")


def test_options_then_environment_then_profile(
    profiles: ProfileFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_PROFILE", "prod")
    assert found() == (PROD, "prod-token", "profile prod")
    monkeypatch.setenv("BRIDGE_URL", "wss://env.example/x")
    assert found() == ("wss://env.example/x", None, "BRIDGE_URL")
    monkeypatch.setenv("BRIDGE_TOKEN", "env-token")
    assert found() == ("wss://env.example/x", "env-token", "BRIDGE_URL")
    assert found(profile="dev") == (DEV, "dev-token", "profile dev")
    assert found(url=" https://option.example/y ")[0] == "wss://option.example/y"


def test_a_profiles_token_goes_to_no_other_url(profiles: ProfileFile) -> None:
    assert found(url="wss://elsewhere.example/x")[1] is None
    assert found(url=DEV)[1] == "dev-token"
    assert found(url="wss://elsewhere.example/x", profile="dev")[1] == "dev-token"  # asked for


def test_a_token_file_is_stronger_than_all(
    profiles: ProfileFile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BRIDGE_TOKEN", "env-token")
    (tmp_path / "token").write_text("file-token\n")
    assert found(token_file=str(tmp_path / "token"))[1] == "file-token"
    with pytest.raises(NotConfigured, match=r"missing cannot be read: No such file or directory$"):
        found(token_file=str(tmp_path / "missing"))


def test_two_endpoints_or_an_unknown_profile_are_refused(profiles: ProfileFile) -> None:
    with pytest.raises(UsageError):
        found(url=DEV, stack="s")
    with pytest.raises(NotConfigured, match="dev, prod"):
        found(profile="staging")


def test_the_local_token_comes_with_its_url_only(monkeypatch: pytest.MonkeyPatch) -> None:
    local = {"url": "ws://127.0.0.1:4566/x/local", "token": "local-token"}
    monkeypatch.setattr(local_aws, "_status", lambda: local)
    monkeypatch.setenv("BRIDGE_URL", "ws://127.0.0.1:4566/x/local")
    assert found()[:2] == ("ws://127.0.0.1:4566/x/local", "local-token")
    monkeypatch.setenv("BRIDGE_URL", "ws://127.0.0.1:9/other")
    assert found()[:2] == ("ws://127.0.0.1:9/other", None)


@pytest.mark.parametrize(
    "url",
    ["", "bridge", "ftp://x/y", "wss://", "wss://[broken", "wss://x:99999/", "wss://me:pw@x/", "wss://a b/"],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        checked_url(url)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("https://x/prod", "wss://x/prod"), ("HTTP://x:80/", "ws://x:80/"), (" wss://x/prod\n", "wss://x/prod")],
)
def test_a_url_of_the_web_is_read_as_what_was_meant(given: str, meant: str) -> None:
    assert checked_url(given) == meant


def test_what_is_sent_in_clear_is_known() -> None:
    assert Endpoint("ws://example.org/x").sends_in_clear
    assert not Endpoint("ws://127.0.0.1:1/x").sends_in_clear
    assert not Endpoint("wss://example.org/x").sends_in_clear


def test_a_local_bridge_that_is_down_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    down = {"running": False, "url": "ws://127.0.0.1:4566/x"}
    monkeypatch.setattr(local_aws, "_status", lambda: down)
    found = configure(Choice(), lambda line: None)
    for ask in (found.endpoint, lambda: found.needed("SessionsTable", "which", "it")):
        with pytest.raises(NotConfigured, match="the local bridge is down") as caught:
            ask()
        assert caught.value.hint.startswith("`bridge local up` starts it.")
    elsewhere = configure(Choice(url="wss://a.example"), lambda line: None)
    assert elsewhere.endpoint().url == "wss://a.example"
