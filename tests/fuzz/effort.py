"""How hard is searched: a little in every run of the tests, as long as one likes with `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

EXAMPLES_VARIABLE = "FUZZ_EXAMPLES"
"""Holds how many inputs each test draws; where it is set, what was found is kept in ``.hypothesis``."""

USUAL_EXAMPLES = 150
"""Inputs of each test where nobody asks for more: all of this folder then takes under a minute."""


def effort(share: float = 1.0) -> settings:
    """Return the settings of a test that draws its ``share`` of the inputs: less where each is dear."""
    asked = os.environ.get(EXAMPLES_VARIABLE)
    examples = max(1, round(int(asked or USUAL_EXAMPLES) * share))
    # Big inputs are what is looked for, and a time says more about the machine than about the code.
    lenient = settings(
        max_examples=examples,
        derandomize=True,  # the same in every run: what is new is looked for by `make fuzz`
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
    if asked is None:
        return lenient
    kept = DirectoryBasedExampleDatabase(".hypothesis/examples")
    return settings(lenient, derandomize=False, database=kept)
