"""The local AWS as Python has it: `LocalAws(folder).up()`, `.status()`, `.down()`."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bridge_local import (
    answering,
    fingerprint,
    locks,
    model_file,
    ports,
    record,
    supervision,
    toolchain,
    vitals,
)
from bridge_local.answering import Answering
from bridge_local.aws import Connection
from bridge_local.deployment import Cdk, end, expire
from bridge_local.errors import DaemonFailed
from bridge_local.places import Places, app_dir, default_state_dir
from bridge_local.record import Deployment, Record
from bridge_local.status import Status, look, secret_value

DEFAULT_PORT = 4566

_OTHER_COMMAND_SECONDS = 900.0


def _silent(_: str) -> None:
    pass


class LocalAws:
    """One local AWS: a folder, and what runs on it. `progress` is told, in a line, of whatever takes long."""

    def __init__(
        self,
        state_dir: Path | None = None,
        *,
        app: Path | None = None,
        progress: Callable[[str], None] = _silent,
    ) -> None:
        self.places = Places((state_dir or default_state_dir()).absolute())
        self._app = app
        self._progress = progress

    def up(
        self,
        *,
        settings: Mapping[str, str] | None = None,
        unset: Sequence[str] = (),
        port: int | None = None,
        api_key: str = "",
        base_url: str = "",
        tiny: bool = False,
    ) -> Status:
        """Bring it up, deploying what changed; returns its status once it answers.

        `settings` are remembered, until they get another value or stand in `unset`. `port` and the model
        server's are remembered too. `api_key` is put into the Anthropic secret; `base_url` is where Claude is
        asked (Anthropic's by default); `tiny` leaves a key unused. Raises LocalError; whatever goes wrong, or
        KeyboardInterrupt, leaves it as it was before.
        """
        with self._command() as lock:
            kept = record.read(self.places.record)
            self._recover(kept)
            rise = _Rise(self.places, kept, self._app or app_dir(), self._progress, lock)
            rise.settings = {k: v for k, v in {**kept.settings, **(settings or {})}.items() if k not in unset}
            rise.port = port or kept.port or DEFAULT_PORT
            rise.api_key, rise.tiny_wanted = api_key, tiny
            rise.base_url = base_url if api_key else kept.base_url  # a key is kept with where it is good
            rise.run()
            return look(self.places)

    def down(self) -> bool:
        """Stop everything, state saved; returns whether anything ran. Raises LocalError."""
        if not self.places.root.is_dir():
            return False
        with self._command():
            return supervision.stop(self.places)

    def status(self) -> Status:
        """See what runs. Raises StateTooNew."""
        return look(self.places)

    def _recover(self, kept: Record) -> None:
        """Go back to before a deployment that was killed."""
        if not kept.deploying:
            return
        self._progress("an earlier deployment was broken off; going back to before it")
        supervision.stop(self.places)
        restore(self.places, kept)

    @contextlib.contextmanager
    def _command(self) -> Iterator[int]:
        """Let one command at a time be at work on the folder."""
        self.places.create()

        def waiting(pid: int) -> None:
            self._progress(f"another `bridge local` is at work here (process {pid}); waiting for it")

        try:
            with locks.held(
                self.places.command_lock, patience=_OTHER_COMMAND_SECONDS, waiting=waiting
            ) as lock:
                yield lock
        except locks.Held as e:
            raise DaemonFailed(
                f"another `bridge local` (process {e.pid}) does not come to an end", hint=f"kill {e.pid}"
            ) from None


class _Rise:
    """One `up`, from what was to what is wanted."""

    settings: dict[str, str]
    port: int
    api_key: str
    base_url: str
    tiny_wanted: bool

    def __init__(
        self, places: Places, kept: Record, app: Path, progress: Callable[[str], None], lock: int
    ) -> None:
        self._places = places
        self._kept = kept
        self._app = app
        self._progress = progress
        self._lock = lock
        self._ran_before = supervision.running(places) is not None

    def run(self) -> None:
        """Do it, or leave everything as it was."""
        answering.check(self.settings)
        port_before = self._kept.port
        try:
            if not self._ran_before:
                self._start()
            answers = self._who_answers()
            self._choose_model_ports(answers)
            context = self._context(answers)
            print_of_all = fingerprint.fingerprint(self._app, context)
            if self._kept.deployment is None or self._kept.deployment.fingerprint != print_of_all:
                self._deploy(context, print_of_all)
            self._kept.answering, self._kept.settings = answers, self.settings
            self._kept.base_url = self.base_url
            self._kept.deploying = False
            record.write(self._places.record, self._kept)
            self._put_key(answers)
            supervision.wait_for_answers(self._places, tiny=answers == "tiny")
            shutil.rmtree(self._places.before_deploy, ignore_errors=True)
        except BaseException:
            self._undo(port_before)
            raise

    def _start(self) -> None:
        ports.require_free(self.port)
        self._progress("starting the local AWS")
        self._kept.port = self.port
        record.write(self._places.record, self._kept)
        supervision.start(self._places)

    def _who_answers(self) -> Answering:
        kept_key = False
        if self._kept.deployment:
            with Connection(self._kept.port) as connection:
                arn = self._kept.deployment.outputs["AnthropicSecretArn"]
                kept_key = answering.is_key(secret_value(connection, arn))
        answers = answering.choose(
            key_given=bool(self.api_key),
            key_kept=kept_key,
            settings=self.settings,
            tiny_wanted=self.tiny_wanted,
        )
        if answers == "tiny":
            model_file.fetch(self._progress)
        return answers

    def _choose_model_ports(self, answers: Answering) -> None:
        """Keep the model servers' ports, unless another program has taken one."""
        if answers != "tiny":
            return
        told = vitals.read(self._places.vitals)
        kept = self._kept
        ours = {process.port for process in (told.model, told.summary_model) if process}
        kept.model_port = ports.kept_or_free(kept.model_port, ours, self.port + 1)
        kept.summary_port = ports.kept_or_free(kept.summary_port, ours, kept.model_port + 1)

    def _context(self, answers: Answering) -> dict[str, str]:
        return {
            "env": "local",
            "poll_queue": "false",
            "poll_stream": "false",
            "callback_url": f"http://127.0.0.1:{self.port}/_aws/execute-api/{{api_id}}/{{stage}}",
            **answering.settings_of(
                answers,
                self.settings,
                model_port=self._kept.model_port,
                summary_port=self._kept.summary_port,
                base_url=self.base_url,
            ),
            **self.settings,
        }

    def _deploy(self, context: Mapping[str, str], print_of_all: str) -> None:
        node = toolchain.find_node()
        cdk = Cdk(toolchain.cdk(node, self._progress), node, self._places, self._app, self._lock)
        cdk.check_names(set(self.settings) - set(self._kept.settings))
        if self._ran_before:  # which goes on, should the settings be no good
            self._synth(cdk, context)
            self._progress("something changed: restarting the local AWS")
            supervision.stop(self._places)
            self._mark_deploying()
            self._start()
            bootstrap = None if self._kept.bootstrapped else cdk.start_bootstrap(self.port)
        else:
            self._mark_deploying()
            bootstrap = None if self._kept.bootstrapped else cdk.start_bootstrap(self.port)
            try:
                self._synth(cdk, context)
            except BaseException:
                if bootstrap:
                    end(bootstrap)
                raise
        if bootstrap:
            cdk.wait(bootstrap)
        self._progress("deploying it into the local AWS (cdk deploy)")
        outputs = cdk.deploy(self.port)
        with Connection(self.port) as connection:
            expire(connection, [outputs["SessionsTable"], outputs["HashesTable"]])
        self._kept.deployment = Deployment(print_of_all, outputs)
        self._kept.bootstrapped = True

    def _synth(self, cdk: Cdk, context: Mapping[str, str]) -> None:
        self._progress("synthesizing the app (cdk synth)")
        cdk.synth(context)

    def _mark_deploying(self) -> None:
        """Keep a copy of the state, to go back to."""
        shutil.rmtree(self._places.before_deploy, ignore_errors=True)
        for folder in (self._places.aws, self._places.s3):
            shutil.copytree(folder, self._places.before_deploy / folder.name)
        self._kept.deploying = True
        record.write(self._places.record, self._kept)

    def _put_key(self, answers: Answering) -> None:
        deployment = self._kept.deployment
        if deployment is None:
            return
        arn = deployment.outputs["AnthropicSecretArn"]
        with Connection(self._kept.port) as connection:
            current = secret_value(connection, arn)
            wanted = current
            if answers != "tiny" and self.api_key:
                wanted = self.api_key
            elif answers != "claude" and not answering.is_key(current):
                wanted = answering.NO_KEY
            if wanted != current:
                connection.call("secretsmanager", "PutSecretValue", {"SecretId": arn, "SecretString": wanted})

    def _undo(self, port_before: int) -> None:
        """Stop what this started; go back to before the deployment; start again what ran before."""
        kept = record.read(self._places.record)
        runs = supervision.running(self._places) is not None
        if not kept.deploying and runs == self._ran_before:
            kept.port = port_before or kept.port
            record.write(self._places.record, kept)
            return
        self._progress("going back to what was before")
        with contextlib.suppress(DaemonFailed):
            supervision.stop(self._places)
        kept.port = port_before or kept.port
        restore(self._places, kept)
        if self._ran_before:
            with contextlib.suppress(DaemonFailed):
                supervision.start(self._places)


def restore(places: Places, kept: Record) -> None:
    """Put the state from before the deployment back, where there was one; nothing may run."""
    if kept.deploying:
        for folder in (places.aws, places.s3):
            copy = places.before_deploy / folder.name
            if copy.is_dir():
                shutil.rmtree(folder, ignore_errors=True)
                copy.rename(folder)
        kept.deploying = False
    shutil.rmtree(places.before_deploy, ignore_errors=True)
    record.write(places.record, kept)
