"""`make fuzz`: the tests of this folder, again and again with other inputs, until the time is up.

    python -m tests.fuzz.longer 10

Stops at the first failure, whose input hypothesis has made small and keeps in ``.hypothesis``: the next
run of the tests begins with it.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.effort import EXAMPLES_VARIABLE

EXAMPLES = 1000
"""Inputs of each test in one round: a minute or two on an idle machine."""


def main(minutes: float) -> int:
    """Run rounds for so many minutes, the last one to its end; return the exit code of the last."""
    until = time.monotonic() + minutes * 60
    rounds = code = 0
    while code == 0 and (rounds == 0 or time.monotonic() < until):
        rounds += 1
        seed = secrets.randbits(64)
        print(f"round {rounds}: {EXAMPLES} inputs for each test, seed {seed}", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "--timeout=0", f"--hypothesis-seed={seed}"]
        environment = os.environ | {EXAMPLES_VARIABLE: str(EXAMPLES)}
        code = subprocess.run([*command, str(Path(__file__).parent)], env=environment, check=False).returncode
    return code


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
