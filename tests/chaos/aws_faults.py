"""microburst between the recorder and the emulator: AWS's own errors, in AWS's own wire format."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bridge_local import ports
from tests.recorder.recorder import Recorder

Rule = Mapping[str, Any]

_START_SECONDS = 30


class AwsFaults:
    """A microburst that runs: rules come and go, and what they did is counted."""

    def __init__(self, port: int) -> None:
        self._port = port

    def set(self, rules: Sequence[Rule]) -> None:
        """Replace all rules."""
        self._call("POST", "/_microburst/rules", list(rules))

    def fired(self) -> dict[tuple[str, str], int]:
        """Return how often which service failed in which way (`reset`, `error:CODE`)."""
        counts: dict[tuple[str, str], int] = {}
        for line in self._call("GET", "/_microburst/metrics").splitlines():
            if line.startswith("microburst_faults_total"):
                labels, _, number = line.partition("} ")
                named = dict(part.split("=", 1) for part in labels.partition("{")[2].split(","))
                key = named["service"].strip('"'), named["action"].strip('"')
                counts[key] = counts.get(key, 0) + int(number)
        return counts

    def _call(self, method: str, path: str, body: Any = None) -> str:
        there = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            there.request(method, path, json.dumps(body) if body is not None else None)
            response = there.getresponse()
            told = response.read().decode()
        finally:
            there.close()
        if response.status != http.HTTPStatus.OK:
            raise RuntimeError(f"microburst refuses: {told}")
        return told

    def wait(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._call("GET", "/_microburst/health")
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return


@contextmanager
def aws_faults(recorder: Recorder) -> Iterator[AwsFaults]:
    """Put a microburst behind the recorder, for as long as the context lasts."""
    port = ports.free_port(29_000)
    behind = recorder.upstream
    command = [sys.executable, "-m", "microburst", "--upstream", behind, "--port", str(port), "--no-resign"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        try:
            faults = AwsFaults(port)
            faults.wait()
            recorder.upstream = f"http://127.0.0.1:{port}"
            yield faults
        finally:
            recorder.upstream = behind
            process.terminate()
