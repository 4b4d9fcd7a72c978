"""What can go wrong with the local AWS, as a person is told it.

LocalError                 exit code 1, one message and a next step, never a traceback
├── PortInUse              another program listens where the emulator or the model server should
├── ToolMissing            no Node.js or npm, no checkout to deploy from
├── DownloadFailed         the CDK CLI or the model could not be fetched
├── DeployFailed           synth, bootstrap or deploy did not succeed
├── StateTooNew            the folder was written by a newer version
└── DaemonFailed           the daemon, or what it runs, did not come up or go down
"""

from __future__ import annotations

from bridge_cli.errors import BridgeError


class LocalError(BridgeError):
    """The local AWS could not do what was asked; `hint` says what to do next."""

    code = "local"


class PortInUse(LocalError):
    """Another program listens on the port."""

    code = "port_in_use"


class ToolMissing(LocalError):
    """Something that has to be on the machine is not."""

    code = "tool_missing"


class DownloadFailed(LocalError):
    """The CDK CLI or the model could not be fetched."""

    code = "download_failed"


class DeployFailed(LocalError):
    """The app could not be synthesized or deployed."""

    code = "deploy_failed"


class StateTooNew(LocalError):
    """The folder was written by a newer version."""

    code = "state_too_new"


class DaemonFailed(LocalError):
    """The daemon, or what it runs, did not come up or go down."""

    code = "daemon_failed"
