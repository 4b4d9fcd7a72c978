"""A process that the daemon minds: started, checked, started again when it dies, stopped."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bridge_local.vitals import ProcessVitals

_log = logging.getLogger(__name__)

_LONGEST_PAUSE_SECONDS = 30.0
_STABLE_SECONDS = 60.0


class Child:
    """One process. Its standard input is a pipe: it ends itself when that closes."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        port: int,
        answers: Callable[[], bool],
    ) -> None:
        self.name = name
        self.vitals = ProcessVitals(port=port)
        self._command = list(command)
        self._environment = dict(environment)
        self._log_file = log
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = 1.0

    def start(self) -> None:
        """Start it."""
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C at the terminal is not for it
            )
        self._started = time.monotonic()
        self.vitals.pid = self._process.pid
        self.vitals.ready = False

    def check(self) -> None:
        """See whether it lives and answers; start it again if it died, ever more slowly if it keeps dying."""
        if self._process is None:
            return
        code = self._process.poll()
        lived = time.monotonic() - self._started
        if code is None:
            if not self.vitals.ready and self._answers():
                self.vitals.ready, self.vitals.trouble = True, ""
            if lived > _STABLE_SECONDS:
                self._pause = 1.0
            return
        if self.vitals.pid:
            self.vitals.pid, self.vitals.ready = 0, False
            how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}: {self._last_line()}"
            self.vitals.trouble = f"the {self.name} {how}"
            _log.warning("%s; starting it again in %.0f s", self.vitals.trouble, self._pause)
        if lived > self._pause:
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
            self.vitals.restarts += 1
            self._let_go()
            self.start()

    def stop(self, patience: float) -> None:
        """Ask it to end, and end it if it has not after `patience` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            _log.warning("the %s did not end within %.0f s; it is killed", self.name, patience)
            self._process.kill()
            self._process.wait()
        self._let_go()

    def _let_go(self) -> None:
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process = None

    def _last_line(self) -> str:
        try:
            lines = self._log_file.read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1].strip() if lines else ""
