"""`make demo`: the bridge is told a word, stopped, started again, and asked for it, here and elsewhere.

It goes through the command line, as a person would, with a local AWS of its own: the user's is not touched.
Exit code 0 and `demo: ok`, or 1 and what failed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

from bridge_cli.errors import BridgeError
from bridge_local import ports
from bridge_local.places import default_state_dir
from bridge_local.runtime import LocalAws
from bridge_local.status import Status

WORD = "marmalade"
SESSION = "demo"
ELSEWHERE = "elsewhere"
TOLD = f"Please remember this: the launch code word is {WORD}."
ASIDE = "What is the capital of France?"
ASKED = "What is the launch code word?"

_FIRST_PORT = 4666  # away from the user's own local AWS
_ANSWER_SECONDS = 180


class DemoFailed(Exception):
    """The demo did not go as it should; the message says how."""


class Demo:
    """The story, step by step."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._aws = LocalAws(default_state_dir().with_name("demo"), progress=self._progress)
        self._port = 0

    def run(self) -> None:
        """Tell it. Raises DemoFailed, BridgeError."""
        self._forget()
        status = self._up("Starting AWS on this machine, and deploying the bridge into it.")
        print(f"    {status.model_note}", flush=True)
        self._step("Telling it the word.")
        self._ask(status, TOLD)
        self._step("Asking something else, in the same session.")
        self._ask(status, ASIDE)
        self._step("Stopping everything.")
        self._aws.down()
        if self._aws.status().running or not ports.is_free(self._port):
            raise DemoFailed("the local AWS was stopped, and still runs")
        status = self._up("Starting it again.")
        self._step("Asking for the word, in the same session.")
        self._check(self._ask(status, ASKED))
        self._step("Asking for it in a session that never heard it, and what Claude was told there.")
        self._check(self._ask(status, ASKED, ELSEWHERE, "--why"))

    @staticmethod
    def _check(answer: str) -> None:
        if WORD not in answer.lower():
            raise DemoFailed(f"the answer does not hold the word {WORD}: {answer.strip()!r}")

    def end(self) -> None:
        """Stop what the demo started."""
        self._aws.down()

    def _forget(self) -> None:
        """Begin without a past: forget what an earlier demo kept, except for what takes long to make."""
        self._aws.down()
        places = self._aws.places
        for folder in (places.aws, places.s3, places.before_deploy):
            shutil.rmtree(folder, ignore_errors=True)
        places.record.unlink(missing_ok=True)
        self._port = ports.free_port(_FIRST_PORT)

    def _up(self, step: str) -> Status:
        self._step(step)
        return self._aws.up(
            port=self._port,
            api_key=os.environ.get("ANTHROPIC_API_KEY", "").strip(),
            base_url=os.environ.get("ANTHROPIC_BASE_URL", "").strip(),
        )

    def _ask(self, status: Status, question: str, session: str = SESSION, *options: str) -> str:
        """Ask by the command line, passing its output on as it comes; returns the answer."""
        arguments = ["ask", question, session, *options]
        print(f"    $ bridge {shlex.join(arguments)}\n    ", end="", flush=True)
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("bridge")), *arguments],
            env=self._environment(status),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        late = threading.Timer(_ANSWER_SECONDS, process.kill)
        late.start()
        try:
            answer = _passed_on(process)
            said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
            code = process.wait()
        finally:
            process.kill()
            process.wait()
            late.cancel()
        print(flush=True)
        if options and said:
            print("    " + said.replace("\n", "\n    "), flush=True)
        if code != 0:
            raise DemoFailed(f"`bridge ask` ended with {code}: {said or 'no answer in time'}")
        return answer

    def _environment(self, status: Status) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
        own = str(self._aws.places.root / "cli")
        kept |= {"BRIDGE_URL": status.url, "XDG_CONFIG_HOME": own, "XDG_STATE_HOME": own}
        return kept | ({"BRIDGE_TOKEN": status.token} if status.token else {})

    def _step(self, line: str) -> None:
        print(f"\n[{time.monotonic() - self._began:3.0f} s] {line}", flush=True)

    def _progress(self, line: str) -> None:
        print(f"[{time.monotonic() - self._began:3.0f} s]   {line} …", flush=True)


def _passed_on(process: subprocess.Popen[bytes]) -> str:
    """Print what the process says as it says it; returns all of it."""
    said = b""
    if process.stdout:
        while piece := os.read(process.stdout.fileno(), 4096):
            said += piece
            sys.stdout.write(piece.decode(errors="replace").rstrip("\n").replace("\n", "\n    "))
            sys.stdout.flush()
    return said.decode(errors="replace")


def _interrupt(_number: int, _frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo; returns the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    demo = Demo()
    failure = ""
    try:
        demo.run()
    except DemoFailed as e:
        failure = str(e)
    except BridgeError as e:
        failure = f"{e.message}\n{e.hint}".strip()
    except KeyboardInterrupt:
        failure = "interrupted"
    try:
        demo.end()
    except BridgeError as e:
        failure = failure or e.message
    with contextlib.suppress(BrokenPipeError):
        print(f"\ndemo: failed: {failure}" if failure else "\ndemo: ok", flush=True)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
