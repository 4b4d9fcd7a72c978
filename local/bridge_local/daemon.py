"""The daemon: minds the emulator and the model servers, and feeds the functions their events.

It takes its orders from `local.json`, which it reads again whenever that changes, and says how it is in
`vitals.json`. It ends on SIGTERM: first the feeders, so that what is under way can end, then the emulator,
which saves, then the model servers.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import threading
import types
from copy import deepcopy
from pathlib import Path

from bridge_local import emulator, locks, record, vitals
from bridge_local.aws import REGION, Connection
from bridge_local.child import Child
from bridge_local.feeder import Feeder, Source
from bridge_local.minded_model import MindedModel
from bridge_local.places import Places
from bridge_local.stream_feeder import StreamFeeder, StreamSource
from bridge_local.vitals import Vitals

_log = logging.getLogger(__name__)

_BEAT_SECONDS = 0.25
_ANSWERS_MAY_END_SECONDS = 5.0
_REMEMBERING_MAY_END_SECONDS = 2.0  # no summary's time: one that is broken off is written later
_SAVING_SECONDS = 60.0


class Daemon:
    """What runs, compared with what should run, four times a second."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._stop = threading.Event()
        self._vitals = Vitals(pid=os.getpid())
        self._told: Vitals | None = None
        self._read_at = -1.0
        self._record = record.Record()
        self._emulator: Child | None = None
        self._model = MindedModel("model server", places.log("model"))
        self._summary_model = MindedModel("summary model server", places.log("summaries"), "summaries")
        self._feeder: Feeder | None = None
        self._stream_feeder: StreamFeeder | None = None

    def run(self) -> None:
        """Run until SIGTERM."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        shutil.rmtree(self._places.tmp, ignore_errors=True)
        self._places.create()
        _log.info("started, process %s", os.getpid())
        try:
            while not self._stop.is_set():
                self._beat()
                self._stop.wait(_BEAT_SECONDS)
        finally:
            self._finish()

    def _end(self, _number: int, _frame: types.FrameType | None) -> None:
        self._stop.set()

    def _beat(self) -> None:
        self._read_orders()
        if self._emulator is None:
            self._emulator = self._new_emulator(self._record.port)
            self._emulator.start()
        self._emulator.check()
        self._mind_models()
        self._mind_feeders(self._emulator.vitals.ready)
        self._tell()

    def _read_orders(self) -> None:
        changed = self._places.record.stat().st_mtime
        if changed != self._read_at:
            self._read_at = changed
            self._record = record.read(self._places.record)

    def _new_emulator(self, port: int) -> Child:
        def answers() -> bool:
            with Connection(port, timeout=2) as connection:
                return connection.healthy()

        command = [sys.executable, "-P", "-m", "bridge_local.emulator", str(self._places.root), str(port)]
        environment = emulator.environment(self._places, port)
        log = self._places.log("emulator")
        return Child("emulator", command, environment=environment, log=log, port=port, answers=answers)

    def _mind_models(self) -> None:
        tiny = self._record.answering == "tiny"
        self._model.mind(self._record.model_port if tiny else 0)
        self._summary_model.mind(self._record.summary_port if tiny else 0)

    def _mind_feeders(self, emulator_ready: bool) -> None:
        """Feed while the emulator answers and the deployment stands; a new deployment gets new feeders."""
        deployment = self._record.deployment if emulator_ready and not self._record.deploying else None
        queue = stream = None
        if deployment:
            queue = Source(self._record.port, *queue_and_function(deployment.outputs))
            # A deployment of an earlier version has none.
            if remember := deployment.outputs.get("RememberFunction"):
                stream = StreamSource(self._record.port, remember)
        if self._feeder and self._feeder.source != queue:
            self._feeder.stop()
            self._feeder = None
        if queue and self._feeder is None:
            self._feeder = Feeder(queue)
            self._feeder.start()
        if self._stream_feeder and self._stream_feeder.source != stream:
            self._stream_feeder.stop()
            self._stream_feeder = None
        if stream and self._stream_feeder is None:
            self._stream_feeder = StreamFeeder(stream)
            self._stream_feeder.start()

    def _tell(self) -> None:
        if self._emulator:
            self._vitals.emulator = self._emulator.vitals
        self._vitals.model = self._model.vitals
        self._vitals.summary_model = self._summary_model.vitals
        self._vitals.feeding = self._feeder is not None
        if self._feeder:
            self._vitals.succeeded = self._feeder.fed.succeeded
            self._vitals.failed = self._feeder.fed.failed
        if self._stream_feeder:
            self._vitals.remembered = self._stream_feeder.followed.done
            self._vitals.given_up = self._stream_feeder.followed.given_up
            self._vitals.to_remember = self._stream_feeder.followed.waiting
        if self._vitals != self._told:
            vitals.write(self._places.vitals, self._vitals)
            self._told = deepcopy(self._vitals)

    def _finish(self) -> None:
        _log.info("stopping")
        if self._feeder:
            self._feeder.stop(_ANSWERS_MAY_END_SECONDS)
        if self._stream_feeder:
            self._stream_feeder.stop(_REMEMBERING_MAY_END_SECONDS)
        _log.info("nothing is under way any more; stopping the emulator, which saves")
        if self._emulator:
            self._emulator.stop(_SAVING_SECONDS)
        self._model.stop()
        self._summary_model.stop()
        self._places.vitals.unlink(missing_ok=True)
        shutil.rmtree(self._places.tmp, ignore_errors=True)
        _log.info("stopped")


def queue_and_function(outputs: dict[str, str]) -> tuple[str, str, str]:
    """Return the queue's URL and ARN and the answer function's name, from the stack's outputs."""
    url = outputs["QueueUrl"]
    account, name = url.rsplit("/", 2)[1:]
    function = outputs["AnswerFunction"].rpartition(":")[2]
    return url, f"arn:aws:sqs:{REGION}:{account}:{name}", function


def main() -> None:
    """Run as a process of its own: `python -m bridge_local.daemon FOLDER`."""
    places = Places(Path(sys.argv[1]))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        held = locks.take(places.daemon_lock)
    except locks.Held as e:
        sys.exit(f"another daemon has this folder: process {e.pid}")
    Daemon(places).run()
    os.close(held)


if __name__ == "__main__":
    main()
