"""Where the local AWS keeps what it keeps."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bridge_local.errors import ToolMissing

_NAME = "claude-context-bridge"
# Somebody else's CDK app may well have the first three.
_CHECKOUT = ("app.py", "cdk.json", "stacks", "claude_context_bridge", "lambda")


def _xdg(variable: str, fallback: str) -> Path:
    named = os.environ.get(variable, "")
    return Path(named) if os.path.isabs(named) else Path.home() / fallback


def default_state_dir() -> Path:
    """Return BRIDGE_LOCAL_STATE, or else a folder among the user's application data."""
    if named := os.environ.get("BRIDGE_LOCAL_STATE"):
        return Path(named).expanduser().absolute()
    return _xdg("XDG_DATA_HOME", ".local/share") / _NAME / "local"


def cache_dir() -> Path:
    """Return the folder of what can be fetched again: the CDK CLI and the model."""
    return _xdg("XDG_CACHE_HOME", ".cache") / _NAME


def app_dir() -> Path:
    """Find the CDK app: this package's checkout, the current folder's, or the copy that a wheel brings.

    Raises ToolMissing where there is none.
    """
    package = Path(__file__).resolve().parent
    for folder in (package.parents[1], Path.cwd()):
        if all((folder / part).exists() for part in _CHECKOUT):
            return folder
    if (packaged := package / "_app").is_dir():
        return packaged
    raise ToolMissing(
        "the CDK app that could be deployed is neither in this package nor in the current folder",
        hint="install the package again, with its extra [local], or go to a clone of the repository",
    )


@dataclass(frozen=True)
class Places:
    """The folder of one local AWS, and what is where in it. Only its owner may read it: it holds secrets."""

    root: Path

    def create(self) -> None:
        """Create the folders, mode 700."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        for folder in (self.aws, self.s3, self.logs, self.tmp):
            folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def record(self) -> Path:
        """What `up` decided and deployed: record.py."""
        return self.root / "local.json"

    @property
    def vitals(self) -> Path:
        """What the daemon says about itself and its children: vitals.py."""
        return self.root / "vitals.json"

    @property
    def daemon_lock(self) -> Path:
        """Locked as long as the daemon lives."""
        return self.root / "daemon.lock"

    @property
    def emulator_lock(self) -> Path:
        """Locked as long as the emulator lives, which may outlive a killed daemon by seconds."""
        return self.root / "emulator.lock"

    @property
    def command_lock(self) -> Path:
        """Locked while an `up` or a `down` is at work."""
        return self.root / "command.lock"

    @property
    def aws(self) -> Path:
        """The emulator's state, a file per service."""
        return self.root / "aws"

    @property
    def s3(self) -> Path:
        """The emulator's buckets."""
        return self.root / "s3"

    @property
    def before_deploy(self) -> Path:
        """A copy of `aws` and `s3` from before a deployment that has not succeeded yet."""
        return self.root / "before-deploy"

    @property
    def cdk_out(self) -> Path:
        """CDK's output: the template, and the bundled functions, kept while they are unchanged."""
        return self.root / "cdk.out"

    @property
    def tmp(self) -> Path:
        """Where the emulator unpacks functions; emptied at every start."""
        return self.root / "tmp"

    @property
    def logs(self) -> Path:
        """The logs' folder."""
        return self.root / "logs"

    def log(self, of: str) -> Path:
        """Return the log file of a part: daemon, emulator, model, functions, deploy."""
        return self.logs / f"{of}.log"
