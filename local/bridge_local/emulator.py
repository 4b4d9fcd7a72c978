"""The emulator's process: MiniStack, with the things that it lacks for being kept.

MiniStack saves its state only when it stops in peace, keeps every invocation's log in memory for ever, and
knows nobody who stops it when its starter is gone. This module, saving.py, waking.py, leases.py and
reaping.py reach into it, at these places; its version is pinned in pyproject.toml.

- `ministack.app.app`: the ASGI application, wrapped to see which services a request may have changed;
- `ministack.app._build_persistence_save_dict` and `ministack.core.persistence.save_all`: what it calls itself
  at shutdown to write its state, a file per service, each in one step;
- `ministack.services.lambda_svc._emit_lambda_logs`: gets every invocation's log;
- `ministack.services.cloudwatch_logs._log_groups`: where it keeps them, pruned here;
- `ministack.core.lambda_runtime.workers_in_use` and `reset`: the functions' processes, which have a moment
  to finish at the end, and are then ended: calls of theirs would wait for a server that is gone;
- three names of `ministack.services.sqs`: waking.py, leases.py;
- three of `ministack.services.dynamodb`: reaping.py.

The environment is set by the daemon, before MiniStack reads it at import: `environment()`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge_local import leases, locks
from bridge_local.aws import ACCOUNT, REGION
from bridge_local.leases import Application, Scope
from bridge_local.places import Places

_LOG_BYTES = 5_000_000
_STREAMS_KEPT = 200  # one an invocation, for each function: what `bridge top` counts from
_INVOCATIONS_MAY_END_SECONDS = 3.0

# What a process needs to find programs, certificates and the way out of a company's network, and no more:
# the functions inherit the emulator's environment.
_INHERITED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
# Where the functions reach AWS, if not at the emulator itself: at who stands in between and looks on.
FUNCTIONS_ENDPOINT = "BRIDGE_FUNCTIONS_ENDPOINT"

_INHERITED_ANY_CASE = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE")


def clean_environment() -> dict[str, str]:
    """Return the little of this process's environment that its children get: no key, no profile."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.upper() in _INHERITED_ANY_CASE}
    past_the_proxy = [
        os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "",
        "127.0.0.1",
        "localhost",
    ]
    kept["NO_PROXY"] = kept["no_proxy"] = ",".join(filter(None, past_the_proxy))
    return kept


def environment(places: Places, port: int) -> dict[str, str]:
    """Return the environment that makes MiniStack what is wanted here."""
    endpoint = os.environ.get(FUNCTIONS_ENDPOINT)
    functions = {"AWS_ENDPOINT_URL": endpoint} if endpoint else {}  # MiniStack hands it on to them
    return (
        clean_environment()
        | functions
        | {
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(places.aws),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(places.s3),
            "TMPDIR": str(places.tmp),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",  # it would look there for containers to remove
            "LAMBDA_EXECUTOR": "local",
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
        }
    )


def serve(places: Places, port: int) -> None:
    """Serve until SIGTERM, or until whoever started this process is gone: standard input closes."""
    held = locks.take(places.emulator_lock)
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack import app as ministack

    from bridge_local import reaping, waking
    from bridge_local.saving import Saver

    saver = Saver(ministack._build_persistence_save_dict, pause=2.0)
    polls = waking.install()
    reaping.install()
    _keep_logs(places.log("functions"))
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.errorlog = "-"
    config.loglevel = "WARNING"

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        threading.Thread(target=_orphaned, args=(loop, stop), daemon=True).start()
        saving = asyncio.create_task(saver.run())

        async def stopped() -> None:
            await stop.wait()
            await _end_functions()
            polls.end()
            saving.cancel()
            saver.finish()  # MiniStack is about to write the same files
            logging.disable()  # hypercorn tells of every connection that it cuts

        def changed(services: set[str]) -> None:
            saver.changed(services)
            if "sqs" in services:
                polls.wake()

        application = watched(leases.ended_at_start(ministack.app), changed)
        await hypercorn_serve(application, config, shutdown_trigger=stopped)  # type: ignore[arg-type]
        os._exit(0)  # the state is saved; threads that still wait for something are not waited for

    asyncio.run(run())
    os.close(held)


def watched(application: Application, changed: Callable[[set[str]], None]) -> Application:
    """Wrap the application so that `changed` hears which services a request may have changed."""

    async def wrapped(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        target = dict(scope["headers"]).get(b"x-amz-target", b"").decode()
        if target.endswith(".ReceiveMessage"):
            await leases.while_connected(application, scope, receive, send)
        else:
            await application(scope, receive, send)
        changed(services_changed(scope["method"], scope["path"], target))

    return wrapped


_TARGETS = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager"}
_READS = ("Get", "Query", "Scan", "BatchGet", "TransactGet", "Describe", "List", "Receive")
ALL = "*"


def services_changed(method: str, path: str, target: str) -> set[str]:
    """Tell which services a request may have changed; `ALL` stands for any.

    Receiving a message does not count: it is deleted, or it comes again.
    """
    if target:
        prefix, _, operation = target.partition(".")
        if operation.startswith(_READS):
            return set()
        return {_TARGETS.get(prefix, ALL)}
    if method in ("GET", "HEAD") or path.endswith("/invocations") or "/@connections/" in path:
        return set()
    return {ALL}


async def _end_functions() -> None:
    """Let invocations end for a moment, then end the functions' processes, and those that start yet."""
    from ministack.core import lambda_runtime

    deadline = time.monotonic() + _INVOCATIONS_MAY_END_SECONDS
    while lambda_runtime.workers_in_use() and time.monotonic() < deadline:
        await asyncio.sleep(0.05)

    def end() -> None:
        while True:
            lambda_runtime.reset()
            time.sleep(0.2)

    threading.Thread(target=end, daemon=True).start()


def _orphaned(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _keep_logs(path: Path) -> None:
    """Write every invocation's log to a file as well, and keep only the newest in the emulator's memory."""
    from ministack.services import cloudwatch_logs, lambda_svc

    emit = lambda_svc._emit_lambda_logs
    lock = threading.Lock()

    def emit_and_keep(func: Any, request_id: str, log_text: str, *rest: Any, **named: Any) -> None:
        emit(func, request_id, log_text, *rest, **named)
        name = (func.get("config") or func).get("FunctionName", "unknown")
        with lock:
            for group in list(cloudwatch_logs._log_groups.values()):
                streams = group["streams"]
                for oldest in list(streams)[: max(0, len(streams) - _STREAMS_KEPT)]:
                    streams.pop(oldest, None)
            if log_text:
                append(path, "".join(f"[{name}] {line}\n" for line in log_text.splitlines()))

    lambda_svc._emit_lambda_logs = emit_and_keep


def append(path: Path, text: str) -> None:
    """Append to a log file; past some megabytes it becomes `NAME.1`, and a new one begins."""
    with path.open("a", encoding="utf-8", errors="replace") as file:
        file.write(text)
        full = file.tell() > _LOG_BYTES
    if full:
        path.replace(path.with_name(path.name + ".1"))


if __name__ == "__main__":
    serve(Places(Path(sys.argv[1])), int(sys.argv[2]))
