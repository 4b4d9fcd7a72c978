"""Profiles: named endpoints in a file of mode 600.

{"current": "dev", "profiles": {"dev": {"url": "wss://…", "token": "…"}, "prod": {"stack": "…"}}}
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bridge_cli import places
from bridge_cli.errors import NotConfigured, UsageError

DEFAULT = "default"
AUTHS = ("token", "iam", "none")
SECRET_SETTINGS = frozenset({"token"})


@dataclass(frozen=True)
class Profile:
    """One endpoint and how to speak to it; every setting may be missing.

    `url`: the WebSocket URL. `auth`: token, iam or none, where no stack tells it. `token`: a connection
    token; `token_file`: a file that holds one. `stack`: a CloudFormation stack whose outputs tell the rest;
    `region`, `aws_profile`, `aws_endpoint`: where AWS is asked. `owner`: who a minted token speaks for.
    `model`: asked when no other is named. `recall`: owner, session or off, where a command does not say.
    `signing_secret`, `anthropic_secret`: ARNs, where no stack tells them.
    """

    name: str
    url: str | None = None
    auth: str | None = None
    token: str | None = None
    token_file: str | None = None
    stack: str | None = None
    region: str | None = None
    aws_profile: str | None = None
    aws_endpoint: str | None = None
    owner: str | None = None
    model: str | None = None
    recall: str | None = None
    signing_secret: str | None = None
    anthropic_secret: str | None = None


SETTINGS: tuple[str, ...] = tuple(one.name for one in fields(Profile) if one.name != "name")


class ProfileFile:
    """The file of profiles."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or places.config_file()

    def read(self) -> dict[str, Any]:
        """Return the file's content. Raises NotConfigured where it is damaged."""
        content = places.read_json(self.path)
        profiles = content.setdefault("profiles", {})
        if not isinstance(profiles, dict) or not all(isinstance(one, dict) for one in profiles.values()):
            raise NotConfigured(f"{self.path}: `profiles` is no object of objects", hint="Mend it by hand.")
        return content

    @property
    def current(self) -> str:
        """The profile that is used when none is named."""
        return str(self.read().get("current") or DEFAULT)

    def profile(self, name: str) -> Profile:
        """Return a profile. Raises NotConfigured where there is none of this name."""
        profiles = self.read()["profiles"]
        if name not in profiles:
            known = ", ".join(sorted(profiles)) or "none yet"
            raise NotConfigured(
                f"there is no profile `{name}` (there are: {known})",
                hint=f"`bridge config set url wss://… --profile {name}` makes it.",
            )
        given = {key: str(value) for key, value in profiles[name].items() if key in SETTINGS and value}
        return Profile(name=name, **given)

    def current_profile(self) -> Profile | None:
        """Return the profile that is used when none is named, None where nothing is set."""
        content = self.read()
        name = str(content.get("current") or DEFAULT)
        if name not in content["profiles"] and not content.get("current"):
            return None
        return self.profile(name)

    def set(self, profile: str, setting: str, value: str | None) -> None:
        """Keep a setting, or take it out where `value` is None. Raises UsageError for an unknown one."""
        checked_setting(setting)
        content = self.read()
        settings = content["profiles"].setdefault(profile, {})
        if value is None:
            settings.pop(setting, None)
        else:
            settings[setting] = value
        places.write_json(self.path, content)

    def remove(self, profile: str) -> bool:
        """Remove a profile with all its settings, and return whether it was the current one.

        Raises NotConfigured where there is none of this name.
        """
        self.profile(profile)
        content = self.read()
        current = content.get("current") == profile
        del content["profiles"][profile]
        if current:
            del content["current"]
        places.write_json(self.path, content)
        return current

    def use(self, profile: str) -> None:
        """Make a profile the current one. Raises NotConfigured where there is none of this name."""
        self.profile(profile)
        places.write_json(self.path, self.read() | {"current": profile})

    def open_to_others(self) -> bool:
        """Tell whether others on this machine may read the file."""
        try:
            return bool(self.path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
        except OSError:
            return False

    def close_to_others(self, notice: Callable[[str], None]) -> None:
        """Set mode 600 where the file is more open, and say so: it may hold a token."""
        if not self.open_to_others():
            return
        try:
            self.path.chmod(0o600)
        except OSError as error:
            raise NotConfigured(
                f"{self.path} may be read by others, and its mode cannot be changed: {error.strerror}",
                hint=f"chmod 600 {self.path}",
            ) from error
        notice(
            f"{self.path} could be read by others; its mode is 600 now. Renew the token if others use this."
        )


def checked_setting(setting: str) -> str:
    """Return a setting's name. Raises UsageError for an unknown one."""
    if setting not in SETTINGS:
        raise UsageError(f"there is no setting `{setting}`", hint=f"There are: {', '.join(SETTINGS)}.")
    return setting


def checked_auth(auth: str) -> str:
    """Return how an endpoint lets one in. Raises UsageError unless it is token, iam or none."""
    if auth not in AUTHS:
        raise UsageError(f"`{auth}` is no way to be let in", hint=f"There are: {', '.join(AUTHS)}.")
    return auth


def masked(token: str) -> str:
    """Return what may be shown of a secret: that it is there, and how it ends."""
    shown = 4
    return "…" + token[-shown:] if len(token) > 4 * shown else "…"
