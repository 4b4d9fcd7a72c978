"""The wheel, proved step by step: ``python -m tests.packaging``; says how long each step took."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(["-v", "--durations=0", "--durations-min=0.1", str(Path(__file__).parent)]))
