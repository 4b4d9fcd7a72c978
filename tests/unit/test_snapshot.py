"""What a function's copies have of their own when Lambda makes them from one snapshot."""

import random
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from bridge import bootstrap


def _hooks(monkeypatch: pytest.MonkeyPatch, kind: str) -> list[Callable[[], object]]:
    """What `prepare` leaves the runtime to call after a restore."""
    hooks: list[Callable[[], object]] = []
    monkeypatch.setitem(
        sys.modules, "snapshot_restore_py", SimpleNamespace(register_after_restore=hooks.append)
    )
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
    bootstrap.prepare()
    return hooks


def test_copies_of_a_snapshot_draw_numbers_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = _hooks(monkeypatch, "snap-start")
    snapshot = random.getstate()
    drawn = []
    for _ in range(2):
        random.setstate(snapshot)
        for hook in hooks:
            hook()
        drawn.append(random.getrandbits(128))
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(("kind", "built"), [("snap-start", 1), ("on-demand", 0)])
def test_only_a_snapshot_holds_what_a_start_should_not_wait_for(
    monkeypatch: pytest.MonkeyPatch, kind: str, built: int
) -> None:
    _hooks(monkeypatch, kind)
    parts: list[str] = []
    bootstrap.prepare(kept=(lambda: parts.append("recall"),))
    assert len(parts) == built


def test_without_snapshots_nothing_is_asked_of_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _hooks(monkeypatch, "on-demand") == []
