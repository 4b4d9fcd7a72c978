"""The wheel, built once for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging import building
from tests.packaging.building import ROOT, Built


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The wheel and the sdist of the checkout as it is."""
    return building.build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def constraints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the checkout has pinned, so that an installation is the same on any day."""
    return building.pins(tmp_path_factory.mktemp("pins"))
