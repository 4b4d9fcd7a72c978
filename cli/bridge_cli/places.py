"""Where the command line keeps what it keeps, after the XDG base directories; and how it writes there."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from bridge_cli.errors import NotConfigured

_APPLICATION = "claude-context-bridge"


def config_file() -> Path:
    """Return the profiles' file: BRIDGE_CONFIG, or `config.json` in the configuration folder."""
    named = os.environ.get("BRIDGE_CONFIG")
    return Path(named).expanduser() if named else _folder("XDG_CONFIG_HOME", ".config") / "config.json"


def last_sessions_file() -> Path:
    """Return the file that remembers which session was used last, for `ask --continue`."""
    return _folder("XDG_STATE_HOME", ".local/state") / "last-sessions.json"


def chat_input_file() -> Path:
    """Return the file of the lines typed into `chat`, for the arrow keys."""
    return _folder("XDG_STATE_HOME", ".local/state") / "chat-input"


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where there is no file. Raises NotConfigured."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise NotConfigured(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise NotConfigured(f"{path} is not JSON: {error}", hint="Mend it, or move it away.") from error
    if not isinstance(told, dict):
        raise NotConfigured(f"{path} does not hold a JSON object", hint="Mend it, or move it away.")
    return told


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file in one step, mode 600. Raises NotConfigured."""
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = path.resolve()  # a link to the file stays one
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=target.parent)  # which is mode 600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(beside, target)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError as error:
        raise NotConfigured(f"{path} cannot be written: {error.strerror}") from error


def _folder(variable: str, fallback: str) -> Path:
    named = os.environ.get(variable, "")
    return (Path(named) if os.path.isabs(named) else Path.home() / fallback) / _APPLICATION
