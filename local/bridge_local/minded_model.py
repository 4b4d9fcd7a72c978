"""A model server, minded by the daemon: it runs while one is wanted, at the port where it is wanted."""

from __future__ import annotations

import http.client
import sys
from pathlib import Path

from bridge_local import emulator, model_file
from bridge_local.child import Child
from bridge_local.vitals import ProcessVitals

_STOPPING_SECONDS = 5.0


class MindedModel:
    """One model server, or none. `arguments` are added to its command."""

    def __init__(self, name: str, log: Path, *arguments: str) -> None:
        self._name = name
        self._log = log
        self._arguments = arguments
        self._child: Child | None = None

    @property
    def vitals(self) -> ProcessVitals | None:
        """How it is; None where none runs."""
        return self._child.vitals if self._child else None

    def mind(self, port: int) -> None:
        """Let one run at `port`, as soon as its model is on this machine; none where that is 0."""
        if self._child and self._child.vitals.port != port:
            self.stop()
        if port and self._child is None and model_file.path().is_file():
            self._child = self._new(port)
            self._child.start()
        if self._child:
            self._child.check()

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._child:
            self._child.stop(_STOPPING_SECONDS)
            self._child = None

    def _new(self, port: int) -> Child:
        def answers() -> bool:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            try:
                connection.request("GET", "/health")
                return connection.getresponse().status == http.HTTPStatus.OK
            except (OSError, http.client.HTTPException):
                return False
            finally:
                connection.close()

        command = [sys.executable, "-P", "-m", "bridge_local.model_server", str(model_file.path()), str(port)]
        return Child(
            self._name,
            [*command, *self._arguments],
            environment=emulator.clean_environment(),
            log=self._log,
            port=port,
            answers=answers,
        )
