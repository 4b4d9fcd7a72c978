"""A conversation in a session: what is typed goes to Claude, what begins with a slash to the command line."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass

from bridge_cli import sessions
from bridge_cli.client import BridgeClient
from bridge_cli.endpoint import Endpoint
from bridge_cli.errors import BridgeError, UsageError
from bridge_cli.events import Answer, Delta
from bridge_cli.frames import well_formed
from bridge_cli.lines import Lines
from bridge_cli.tables import print_exchanges, print_sessions
from bridge_cli.terminal import Shown, answer_view, notice, stop_notice
from bridge_cli.why import tell_why

HELP = """\
/new [NAME]      begin a new session, or go on in another one
/sessions        list your sessions
/history         show what was said here
/help            this
/quit            leave (as Ctrl-D does)
Enter sends, Alt-Enter begins a new line, Ctrl-C takes back the line or stops the answer.
A message that begins with a slash: type two."""


@dataclass(frozen=True)
class Manner:
    """How a conversation is held: with which model and recall (None: the environment's); what is shown."""

    model: str | None = None
    recall: str | None = None
    why: bool = False
    plain: bool = False


class Chat:
    """One conversation; `run` returns the exit code."""

    def __init__(self, bridge: BridgeClient, endpoint: Endpoint, session: str, manner: Manner) -> None:
        self._bridge = bridge
        self._endpoint = endpoint
        self._session = session
        self._manner = manner

    async def run(self, lines: Lines) -> int:
        """Talk until the lines end: 0, or 1 where a message that was piped in failed."""
        if lines.interactive:
            notice(f"Session {self._session}. /help lists the commands, Ctrl-D leaves.")
        failures = 0
        while True:
            try:
                line = await lines.read()
            except EOFError:
                break
            except KeyboardInterrupt:
                continue
            try:
                if not await self._act(line):
                    break
            except BridgeError as error:
                failures += 1
                notice(f"{error.message}{f'  {error.hint}' if error.hint else ''}")
        if lines.interactive:
            notice(f"Go on with: bridge chat {self._session}")
        return 1 if failures and not lines.interactive else 0

    async def _act(self, line: str) -> bool:
        """Do what a line says; return whether the conversation goes on."""
        if not line.strip():
            return True
        if not line.startswith("/"):
            await self._say(line)
            return True
        if line.startswith("//"):
            await self._say(line[1:])
            return True
        command, _, rest = line.strip().partition(" ")
        match command:
            case "/quit" | "/exit":
                return False
            case "/help":
                notice(HELP)
            case "/new":
                self._session = sessions.checked_name(rest.strip()) if rest.strip() else sessions.new_name()
                notice(f"Session {self._session}.")
            case "/sessions":
                listed, _mark = await self._bridge.sessions()
                print_sessions(listed)
            case "/history":
                exchanges, mark = await self._bridge.history(self._session)
                print_exchanges(exchanges)
                if mark is not None:
                    notice(f"There is more: bridge history {self._session} --all")
            case _:
                raise UsageError(f"there is no command {command}", hint="/help lists those there are.")
        return True

    async def _say(self, message: str) -> None:
        """Ask, and show the answer; Ctrl-C stops showing it."""
        view = answer_view(plain=self._manner.plain, as_json=False)
        speaking = asyncio.ensure_future(self._show(well_formed(message), view))
        with _interrupting(speaking):
            try:
                await speaking
            except asyncio.CancelledError:
                view.finish()
                notice("Stopped. What Claude still answers is kept in the session.")
            except BridgeError:
                view.finish()
                raise
        sessions.remember(self._endpoint, self._session)

    async def _show(self, message: str, view: Shown) -> None:
        manner = self._manner
        asking = self._bridge.ask(message, self._session, model=manner.model, recall=manner.recall)
        async with contextlib.aclosing(asking) as events:
            async for event in events:
                if isinstance(event, Delta):
                    view.show(event.text)
                elif isinstance(event, Answer):
                    view.finish()
                    if line := stop_notice(event.stop_reason):
                        notice(line)
                    if manner.why:
                        tell_why(event)


@contextlib.contextmanager
def _interrupting(task: asyncio.Future[None]) -> Iterator[None]:
    """While the block runs, Ctrl-C cancels the task."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)
