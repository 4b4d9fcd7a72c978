"""What runs, as `bridge local status` and the command line tell it."""

from __future__ import annotations

import http.client
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bridge_local import answering, record, supervision, vitals
from bridge_local.aws import REGION, CallFailed, Connection
from bridge_local.places import Places, default_state_dir
from bridge_local.record import Record


@dataclass
class Status:
    """One local AWS. `url` and what follows from it is empty where nothing is deployed.

    `token` is fresh, for the user who asks, and None with auth `none` or while the emulator does not answer.
    `outputs` are the stack's, `settings` those of `--set`; `model_note` says who answers.
    """

    running: bool
    state_dir: str
    url: str = ""
    token: str | None = None
    auth: str = ""
    aws_endpoint: str = ""
    region: str = REGION
    model: str = ""
    model_note: str = ""
    tiny_model: bool = False
    feeding: bool = False
    trouble: str = ""
    pids: dict[str, int] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    answered: int = 0
    failed: int = 0
    remembered: int = 0
    given_up: int = 0
    to_remember: int = 0
    logs: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return asdict(self)


def read(state_dir: Path | None = None) -> dict[str, Any] | None:
    """Return what runs in a folder (the default one); None where there never was anything."""
    places = Places(state_dir or default_state_dir())
    return look(places).as_json() if places.record.exists() else None


def look(places: Places) -> Status:
    """See what runs. Raises StateTooNew."""
    kept = record.read(places.record)
    pid = supervision.running(places)
    status = Status(
        running=pid is not None,
        state_dir=str(places.root),
        logs={log.stem: str(log) for log in sorted(places.logs.glob("*.log"))},
        settings=kept.settings,
    )
    if kept.deployment and not kept.deploying:
        _tell_of_deployment(status, kept, kept.deployment.outputs)
    if pid is not None:
        _tell_of_processes(status, places, pid)
    if status.running and status.url and status.auth == "token":
        status.token = _token(kept)
    return status


def _tell_of_deployment(status: Status, kept: Record, outputs: dict[str, str]) -> None:
    status.outputs = outputs
    status.url = local_url(outputs["Url"], kept.port)
    status.aws_endpoint = f"http://127.0.0.1:{kept.port}"
    status.auth = outputs["Auth"]
    status.model = outputs["Model"]
    status.model_note = answering.note(
        kept.answering, status.model, kept.settings.get("anthropic_base_url") or kept.base_url
    )
    status.tiny_model = kept.answering == "tiny"


def _tell_of_processes(status: Status, places: Places, pid: int) -> None:
    told = vitals.read(places.vitals)
    status.pids = {"daemon": pid}
    status.feeding, status.answered, status.failed = told.feeding, told.succeeded, told.failed
    status.remembered, status.given_up, status.to_remember = told.remembered, told.given_up, told.to_remember
    troubles = []
    processes = {"emulator": told.emulator, "model": told.model, "summaries": told.summary_model}
    for name, process in processes.items():
        if process is not None:
            status.pids[name], status.ports[name] = process.pid, process.port
            status.restarts[name] = process.restarts
            troubles.append(process.trouble)
    status.trouble = "; ".join(filter(None, troubles))


def local_url(url: str, port: int) -> str:
    """Return where the emulator has the WebSocket API whose address in AWS is `url`."""
    aws = urlsplit(url)
    return f"ws://127.0.0.1:{port}/_aws/execute-api/{aws.netloc.partition('.')[0]}{aws.path}"


def _token(kept: Record) -> str | None:
    from bridge_cli.tokens import DEFAULT_LIFETIME, local_user, mint

    if kept.deployment is None:
        return None
    try:
        with Connection(kept.port, timeout=5) as connection:
            secret = secret_value(connection, kept.deployment.outputs["SigningSecretArn"])
    except (OSError, http.client.HTTPException, CallFailed):
        return None
    return mint(secret, local_user(), DEFAULT_LIFETIME)


def secret_value(connection: Connection, arn: str) -> str:
    """Return a secret's text."""
    return str(connection.call("secretsmanager", "GetSecretValue", {"SecretId": arn})["SecretString"])
