"""A session's turns happen in the order in which they were accepted, each once.

Whatever is delivered again, sent again, fails, runs side by side, or is killed: `Claims` says what holds,
`Bridge` what happens. A failure prints the steps and every call that was made; each that was found has a
test of its own in `test_two_at_one_turn`.
"""

from __future__ import annotations

from hypothesis import settings

from tests.fuzz.effort import effort
from tests.simulated.machine import Bridge

STEPS = 40
"""Things that happen before all comes to rest: enough for two functions at one turn, and a third."""

TestBridge = Bridge.TestCase
TestBridge.settings = settings(effort(0.6), stateful_step_count=STEPS)
