"""Which version is installed."""

from __future__ import annotations


def installed_version() -> str | None:
    """Return the version; None for a checkout that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("claude-context-bridge")
    except PackageNotFoundError:
        return None
