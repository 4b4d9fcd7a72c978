from __future__ import annotations

from collections.abc import Mapping

import pytest

from bridge_local import answering, model_server
from bridge_local.errors import LocalError

OTHER = {"anthropic_base_url": "http://elsewhere"}


def settings_of(
    who: answering.Answering, given: Mapping[str, str] | None = None, *, base_url: str = ""
) -> dict[str, str]:
    return answering.settings_of(who, given or {}, model_port=4567, summary_port=4568, base_url=base_url)


@pytest.mark.parametrize(
    ("key_given", "key_kept", "settings", "tiny_wanted", "who"),
    [
        (False, False, {}, False, "tiny"),
        (True, False, {}, False, "claude"),
        (False, True, {}, False, "claude"),
        (True, True, {}, True, "tiny"),
        (False, False, OTHER, False, "other"),
        (True, False, OTHER, True, "other"),
    ],
)
def test_who_answers(
    key_given: bool, key_kept: bool, settings: dict[str, str], tiny_wanted: bool, who: str
) -> None:
    chosen = answering.choose(
        key_given=key_given, key_kept=key_kept, settings=settings, tiny_wanted=tiny_wanted
    )
    assert chosen == who


def test_what_stands_for_no_key_is_none() -> None:
    assert not any(map(answering.is_key, ("", answering.UNSET, answering.NO_KEY, " \n")))
    assert answering.is_key("sk-ant-something")


def test_the_tiny_model_is_asked_at_its_port_and_under_its_name() -> None:
    settings = settings_of("tiny", base_url="https://ignored")
    assert settings["anthropic_base_url"] == "http://127.0.0.1:4567"
    assert settings["model"] == settings["allowed_models"] == model_server.MODEL


def test_summaries_of_the_tiny_model_are_written_beside_the_answers() -> None:
    settings = settings_of("tiny")
    assert settings["summary_model"] == model_server.MODEL
    assert settings["summary_base_url"] == "http://127.0.0.1:4568"


def test_whoever_answers_instead_of_claude_is_asked_for_the_summaries_too() -> None:
    assert settings_of("other", {**OTHER, "model": "llama"}) == {"summary_model": "llama"}
    assert settings_of("other", OTHER) == {}
    assert settings_of("claude", {"model": "claude-opus-5-5"}) == {}


def test_claude_is_asked_where_the_environment_says() -> None:
    assert settings_of("claude") == {}
    assert settings_of("claude", base_url="https://proxy") == {"anthropic_base_url": "https://proxy"}


def test_people_are_told_who_answers() -> None:
    assert "not from Claude" in answering.note("tiny", "smollm2-135m", "")
    assert answering.note("claude", "claude-sonnet-5-5", "") == "Claude answers (claude-sonnet-5-5)"
    assert "http://elsewhere" in answering.note("other", "m", "http://elsewhere")


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (4, 2), (64, 4)])
def test_the_model_leaves_cores_to_the_rest(cores: int, threads: int) -> None:
    assert model_server.threads(cores) == threads


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"provider": "bedrock"}, "--unset provider"),
        ({"secret_store": "parameter_store"}, "--unset secret_store"),
        ({"auth": "iam"}, "--unset auth"),
    ],
)
def test_what_only_aws_has_is_refused_before_anything_is_started(settings: dict[str, str], hint: str) -> None:
    with pytest.raises(LocalError) as caught:
        answering.check(settings)
    assert hint in caught.value.hint
    answering.check({"provider": "anthropic", "secret_store": "secrets_manager", "model": "m"})
