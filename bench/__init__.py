"""Measurements. The functions' package is not installed: its source is found here."""

import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "lambda"

sys.path.insert(0, str(SOURCE))
