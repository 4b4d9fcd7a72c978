"""Models that are retired, or about to be, are named at synth."""

from datetime import date
from typing import Any

import pytest
from aws_cdk import Annotations as Notes
from aws_cdk import App, Stack
from aws_cdk.assertions import Annotations, Match

from claude_context_bridge import BridgeProps, ContextBridge
from claude_context_bridge.models import retirement_of, warn_of_retirements
from tests.infrastructure.conftest import NO_BUNDLING

TODAY = date(2026, 11, 23)


def warnings(stack: Stack) -> list[str]:
    found = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("retire"))
    return [str(each.entry.data) for each in found]


def told(today: date = TODAY, **props: Any) -> list[str]:
    stack = Stack(App(), "Somebodys")
    warn_of_retirements(stack, BridgeProps(**props), today)
    return warnings(stack)


def test_the_defaults_are_kept() -> None:
    assert told() == []


def test_a_retired_model_is_named_with_its_date_and_what_to_set() -> None:
    (warning,) = told(model="claude-3-5-sonnet-20241022")
    assert warning.startswith("model: claude-3-5-sonnet-20241022 was retired on 2025-10-28")
    assert "set claude-sonnet-5-5 instead" in warning
    assert "[ack: claude-context-bridge:model-retires:claude-3-5-sonnet-20241022]" in warning


@pytest.mark.parametrize(
    ("today", "says"),
    [
        (date(2026, 8, 31), ""),
        (date(2026, 9, 1), "retires on 2026-11-30"),
        (date(2026, 11, 29), "retires on 2026-11-30"),
        (date(2026, 11, 30), "was retired on 2026-11-30"),
        (date(2030, 1, 1), "was retired on 2026-11-30"),
    ],
)
def test_a_model_is_named_ninety_days_before_its_end(today: date, says: str) -> None:
    found = told(today, model="claude-sonnet-4-5")
    assert [says in warning for warning in found] == ([True] if says else [])


def test_every_setting_that_names_the_model_is_told_once() -> None:
    (warning,) = told(
        model="claude-sonnet-4-5",
        allowed_models=["claude-haiku-5-5", "claude-sonnet-4-5"],
        summary_model="claude-sonnet-4-5",
    )
    assert warning.startswith("model and allowed_models and summary_model: claude-sonnet-4-5 retires")


def test_on_bedrock_the_date_may_be_another() -> None:
    (warning,) = told(provider="bedrock", model="eu.anthropic.claude-sonnet-4-20250514-v1:0")
    assert "was retired on 2026-06-15" in warning
    assert "`bridge doctor` says that Bedrock keeps" in warning


@pytest.mark.parametrize(
    "model",
    [
        "claude-sonnet-4",
        "claude-sonnet-4-0",
        "claude-sonnet-4-20250514",
        "claude-sonnet-4@20250514",
        "anthropic.claude-sonnet-4-20250514-v1:0",
        "us-gov.anthropic.claude-sonnet-4-20250514-v1:0:200k",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-20250514-v1:0",
    ],
)
def test_a_model_has_many_names(model: str) -> None:
    assert retirement_of(model) == date(2026, 6, 15)


@pytest.mark.parametrize(
    "model", ["claude-sonnet-4-6", "claude-sonnet-40", "sonnet", "claude-haiku-5-5", "m"]
)
def test_what_is_not_known_to_end_is_not_said_to(model: str) -> None:
    assert retirement_of(model) is None


def test_the_construct_warns_and_can_be_told_that_it_is_known() -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    bridge = ContextBridge(stack, "Bridge", BridgeProps(model="claude-3-haiku-20240307"))
    (warning,) = warnings(stack)
    assert "claude-3-haiku-20240307 was retired" in warning
    Notes.of(bridge).acknowledge_warning(
        "claude-context-bridge:model-retires:claude-3-haiku-20240307", "a test"
    )
    assert warnings(stack) == []
