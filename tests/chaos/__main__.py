"""A storm on a bridge of its own: ``python -m tests.chaos [--seed N] [--turns N]``, or ``make chaos``."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from llmock.pytest_plugin import LLMock
from llmock.testing import LLMockServer

from bench.standin import StandIn
from tests.chaos.plan import FULL_SIZE, MODEL, WANTED
from tests.chaos.storm import storm
from tests.e2e.deployed import deployed


def main() -> None:
    """Run a storm, print its report, and fail where something happened that never may."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--turns", type=int, default=FULL_SIZE)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, LLMockServer() as server, StandIn() as stand_in:
        claude = server.base_url("anthropic")
        with deployed(Path(folder), lambda model: claude if model == MODEL else stand_in.url) as bridge:
            began = time.monotonic()
            report = storm(bridge, LLMock(server), seed=asked.seed, size=asked.turns, progress=print)
    print(report)
    print(f"\n{time.monotonic() - began:.0f} s; the same plan again: --seed {report.seed}")
    rare = [kind for kind, number in report.faults.items() if number < WANTED * asked.turns / FULL_SIZE]
    if rare:
        print(f"happened too rarely to prove anything: {', '.join(rare)}")
    sys.exit(bool(report.violations or rare))


if __name__ == "__main__":
    main()
