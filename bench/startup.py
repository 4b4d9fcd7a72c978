"""How long a function's imports take, in fresh interpreters, beside those of its libraries alone."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

BASE = "import boto3, requests\nfrom aws_lambda_powertools import Logger, Metrics\n"

# A handler's own import does not bring what its parts import when they are built, so both are timed:
# the parts are built with clients that call nothing.
_PARTS = {
    "connect": "bootstrap.speakers()",
    "disconnect": "bootstrap.connections()",
    "message": "bootstrap.reception()",
    "answer": "bootstrap.answering(), bootstrap.queue()",
    "remember": "bootstrap.remembering(), bootstrap.summarizing()",
}
_ENVIRONMENT = {
    "AUTH": "token",
    "CONTEXT_TABLE": "x",
    "HASH_TABLE": "x",
    "QUEUE_URL": "x",
    "ANTHROPIC_SECRET_ARN": "x",
    "SIGNING_SECRET_ARN": "x",
    "ANTHROPIC_BASE_URL": "x",
    "ANTHROPIC_VERSION": "x",
    "ANTHROPIC_AUTH_HEADER": "x",
    "CALLBACK_URL": "x",
    "MODEL": "x",
    "ALLOWED_MODELS": "x",
    "MAX_MESSAGE_LENGTH": "1",
    "MAX_OUTPUT_TOKENS": "1",
    "CONTEXT_LIMIT": "1",
    "SESSION_TTL": "1",
    "MEMORY_TTL": "1",
    "RECALL": "owner",
    "RECALL_TOKENS": "1",
    "SUMMARY_MODEL": "x",
    "POWERTOOLS_METRICS_NAMESPACE": "Bench",
}


def measure(asset: Path, rounds: int) -> dict[str, list[float]]:
    """Return milliseconds per round for ``base`` and each function, taken in turns.

    ``asset`` is the bundled Lambda asset's folder; boto3 comes from this environment, as it comes
    from the runtime in Lambda.
    """
    snippets = {"base": BASE} | {name: _snippet(name) for name in _PARTS}
    times: dict[str, list[float]] = {name: [] for name in snippets}
    for _ in range(rounds):
        for name, code in snippets.items():
            times[name].append(_time(asset, code))
    return times


def medians(times: dict[str, list[float]]) -> dict[str, float]:
    """Return each one's median."""
    return {name: statistics.median(values) for name, values in times.items()}


def _snippet(name: str) -> str:
    return (
        f"import bridge.handlers.{name}\n"
        "from bridge import bootstrap\n"
        "from bridge.adapters import aws\n"
        "aws.client = lambda *_, **__: _client\n"
        f"{_PARTS[name]}\n"
    )


def _time(asset: Path, code: str) -> float:
    program = (
        # What this environment has and Lambda has not would be imported where it is looked for.
        "import sys, time\n"
        "sys.modules['cryptography'] = None\n"
        f"sys.path.insert(0, {str(asset)!r})\n"
        "from unittest.mock import MagicMock\n"
        "_client = MagicMock()\n"
        "begun = time.perf_counter()\n"
        f"{code}"
        "print((time.perf_counter() - begun) * 1000)\n"
    )
    environment = _ENVIRONMENT | {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)
