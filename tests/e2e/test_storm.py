"""A storm over the bridge, a third of ``make chaos``'s."""

from __future__ import annotations

import pytest
from llmock.pytest_plugin import LLMock

from tests.chaos.plan import FULL_SIZE, TURN_FAULTS, WANTED
from tests.chaos.storm import storm
from tests.e2e.deployed import Deployed
from tests.gateway.processes import PROC

SEED = 20261123
SIZE = FULL_SIZE // 3


@pytest.mark.skipif(not (PROC / "net" / "tcp").exists(), reason="finds whom to kill by /proc")
def test_nothing_is_lost_doubled_or_out_of_order_in_a_storm(bridge: Deployed, claude: LLMock) -> None:
    report = storm(bridge, claude, seed=SEED, size=SIZE)
    print(report)
    assert report.violations == []
    assert report.counts["accepted"] == report.counts["sent"] == SIZE
    ended = ("answered once", "failed and told", "cancelled")
    assert sum(report.counts[each] for each in ended) == SIZE
    rare = {kind: number for kind, number in report.faults.items() if number < WANTED * SIZE / FULL_SIZE}
    assert not rare, "happened too rarely to prove anything"
    assert set(TURN_FAULTS) <= set(report.faults)
