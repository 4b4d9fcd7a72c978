"""A local AWS with the bridge in it, for as long as something is measured."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.standin import INSTANT, StandIn
from bridge_local import ports
from bridge_local.runtime import LocalAws


@contextmanager
def deployed(*more_models: str) -> Iterator[tuple[LocalAws, dict[str, Any]]]:
    """Bring the real template up in a temporary folder, a Claude stand-in behind it, and yield its status.

    Queries may name ``more_models`` of the stand-in's besides the one that answers at once.
    """
    with tempfile.TemporaryDirectory() as folder, StandIn() as claude:
        local = LocalAws(Path(folder), progress=print)
        settings = {
            "anthropic_base_url": claude.url,
            "model": INSTANT,
            "allowed_models": ",".join([INSTANT, *more_models]),
        }
        try:
            status = local.up(settings=settings, port=ports.free_port(31_000), api_key="bench").as_json()
            yield local, status
        finally:
            local.down()
