"""A function's environment: typed, and named where it is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.errors import SettingsError
from bridge.settings import Settings


def test_reads_each_type() -> None:
    settings = Settings(
        {
            "MODEL": "m",
            "ALLOWED_MODELS": " a, b,,c ",
            "LIMIT": "8000",
            "TTL": "90",
            "AUTH": "token",
            "EMPTY": "",
        }
    )
    assert settings.text("MODEL") == "m"
    assert settings.names("ALLOWED_MODELS") == ("a", "b", "c")
    assert settings.count("LIMIT") == 8000
    assert settings.seconds("TTL") == timedelta(seconds=90)
    assert settings.auth() == "token"
    assert settings.optional_text("EMPTY") == settings.optional_text("MISSING") == ""
    assert Settings({"AUTH": "none"}).auth() == "none"
    assert Settings({"AUTH": "iam"}).auth() == "iam"
    assert settings.optional_count("LIMIT") == 8000
    assert settings.optional_count("MISSING") is settings.optional_count("EMPTY") is None


@pytest.mark.parametrize("value", ["", "0", "-1", "1.5", "ten", " 5", "٣", "1_000", "+1", "1e3"])
def test_a_count_is_a_whole_number_above_zero(value: str) -> None:
    with pytest.raises(SettingsError, match="LIMIT"):
        Settings({"LIMIT": value}).count("LIMIT")
    with pytest.raises(SettingsError, match="LIMIT"):
        Settings({"LIMIT": value}).seconds("LIMIT")
    if value:
        with pytest.raises(SettingsError, match="LIMIT"):
            Settings({"LIMIT": value}).optional_count("LIMIT")


@pytest.mark.parametrize("value", ["", "IAM", "TOKEN", "off", "token,none"])
def test_an_unknown_way_of_authentication_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="AUTH"):
        Settings({"AUTH": value}).auth()


def test_whatever_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match="CONTEXT_TABLE"):
        Settings({}).text("CONTEXT_TABLE")
    with pytest.raises(SettingsError, match="ALLOWED_MODELS"):
        Settings({}).names("ALLOWED_MODELS")
    with pytest.raises(SettingsError, match="AUTH"):
        Settings({}).auth()


def test_anthropic_is_asked_unless_another_is_named() -> None:
    assert Settings({}).provider() == "anthropic"
    assert Settings({"PROVIDER": "bedrock"}).provider() == "bedrock"
    with pytest.raises(SettingsError, match="PROVIDER"):
        Settings({"PROVIDER": "elsewhere"}).provider()
