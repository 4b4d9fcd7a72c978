"""What all tests share: how hypothesis searches."""

from __future__ import annotations

from hypothesis import settings

# No deadline: a test's time says more about the machine than about the code.
settings.register_profile("bridge", max_examples=100, deadline=None)
settings.load_profile("bridge")
