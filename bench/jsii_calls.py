"""Runs the app once and prints, as one line of JSON, where its synthesis spends its calls and time.

`bench.synth` runs it in a process of its own. A call belongs to the file of `claude_context_bridge/` or
`stacks/` that is nearest to it on the stack; what App.synth() itself does to app.py.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PARTS = (str(ROOT / "claude_context_bridge"), str(ROOT / "stacks"), str(ROOT / "app.py"))
ELSEWHERE = "(imports)"


class Tally:
    """Calls to jsii's kernel, and seconds, by file.

    Seconds in all are those since the last call ended, the call's own included: they go to whoever makes
    the call, so that what Python does to prepare one counts as its part's.
    """

    def __init__(self) -> None:
        self.calls: defaultdict[str, int] = defaultdict(int)
        self.waited: defaultdict[str, float] = defaultdict(float)
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._last = time.perf_counter()

    def send(self, process: Any, *request: Any) -> Any:
        """Stand in for the kernel's own `send`, and count."""
        part = _part(sys._getframe(1))
        begun = time.perf_counter()
        try:
            return self._send(process, *request)
        finally:
            ended = time.perf_counter()
            self.calls[part] += 1
            self.waited[part] += ended - begun
            self.seconds[part] += ended - self._last
            self._last = ended

    def watch(self) -> None:
        """Count from now on."""
        from jsii._kernel.providers.process import _NodeProcess  # noqa: PLC0415 - brings jsii with it

        self._send = _NodeProcess.send

        def send(process: Any, *request: Any) -> Any:
            return self.send(process, *request)

        _NodeProcess.send = send  # type: ignore[method-assign, assignment]

    def as_json(self) -> dict[str, Any]:
        """Return the totals and each file's, the one that took longest first."""
        parts = [
            {
                "file": part,
                "calls": calls,
                "jsii_ms": round(self.waited[part] * 1000),
                "ms": round(self.seconds[part] * 1000),
            }
            for part, calls in sorted(self.calls.items(), key=lambda it: -self.seconds[it[0]])
        ]
        return {"calls": sum(self.calls.values()), "parts": parts}


def _part(frame: FrameType | None) -> str:
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(PARTS) and frame.f_code.co_name != "<module>":
            return str(Path(file).relative_to(ROOT))
        frame = frame.f_back
    return ELSEWHERE


def main() -> None:
    """Run app.py and print what it took."""
    tally = Tally()
    tally.watch()
    runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
    print(json.dumps(tally.as_json()))


if __name__ == "__main__":
    main()
