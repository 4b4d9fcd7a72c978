"""A conversation in a session: what is typed goes to Claude, what begins with a slash to the command line."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass

from bridge_cli import sessions
from bridge_cli.client import BridgeClient, new_request_id
from bridge_cli.endpoint import Endpoint
from bridge_cli.errors import BridgeError, Interrupted, UsageError
from bridge_cli.events import Answer, Delta
from bridge_cli.frames import well_formed
from bridge_cli.instructions import tell_if_untold
from bridge_cli.lines import Lines
from bridge_cli.stopping import Stopping, stopped_by_signals
from bridge_cli.tables import print_exchanges, print_sessions
from bridge_cli.terminal import Shown, answer_view, notice, tell_stop
from bridge_cli.why import tell_why

HELP = """\
/new [NAME]      begin a new session, or go on in another one
/sessions        list your sessions
/history         show what was said here
/help            this
/quit            leave (as Ctrl-D does)
Enter sends, Alt-Enter begins a new line, Ctrl-C takes back the line or cancels the answer.
A message that begins with a slash: type two."""


@dataclass(frozen=True)
class Manner:
    """How a conversation is held: with which model and recall (None: the environment's); what is shown.

    `system` are the instructions that the session in which it begins gets with the first message.
    """

    model: str | None = None
    recall: str | None = None
    system: str | None = None
    why: bool = False
    plain: bool = False


class Chat:
    """One conversation; `run` returns the exit code."""

    def __init__(self, bridge: BridgeClient, endpoint: Endpoint, session: str, manner: Manner) -> None:
        self._bridge = bridge
        self._endpoint = endpoint
        self._session = session
        self._manner = manner
        self._system = manner.system  # until the bridge has it

    async def run(self, lines: Lines) -> int:
        """Talk until the lines end: 0, or 1 where a message that was piped in failed.

        Raises Interrupted where lines were piped in and Ctrl-C came, Terminated where SIGTERM did.
        """
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
                if not await self._act(line, lines):
                    break
            except Interrupted:
                raise
            except BridgeError as error:
                failures += 1
                _tell(error)
        if lines.interactive:
            notice(f"Go on with: bridge chat {self._session}")
        return 1 if failures and not lines.interactive else 0

    async def _act(self, line: str, lines: Lines) -> bool:
        """Do what a line says; return whether the conversation goes on."""
        if not line.strip():
            return True
        if not line.startswith("/"):
            await self._say(line, lines)
            return True
        if line.startswith("//"):
            await self._say(line[1:], lines)
            return True
        command, _, rest = line.strip().partition(" ")
        match command:
            case "/quit" | "/exit":
                return False
            case "/help":
                notice(HELP)
            case "/new":
                self._session = sessions.checked_name(rest.strip()) if rest.strip() else sessions.new_name()
                self._system = None
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

    async def _say(self, message: str, lines: Lines) -> None:
        """Ask, and show the answer; Ctrl-C cancels it, and the conversation goes on where a person types."""
        view = answer_view(plain=self._manner.plain, as_json=False)
        request_id = new_request_id()
        speaking = asyncio.ensure_future(self._show(well_formed(message), request_id, view))
        stopping = Stopping(self._bridge, request_id, speaking)
        with stopped_by_signals(stopping):
            try:
                await speaking
            except asyncio.CancelledError:
                view.finish()
                if not stopping.left:
                    raise
                notice("Stopped. What Claude still answers is kept in the session.")
            except BridgeError as error:
                view.finish()
                if stopping.by is None:
                    raise
                _tell(error)
        sessions.remember(self._endpoint, self._session)
        if stopping.by is not None and not (lines.interactive and stopping.by is signal.SIGINT):
            raise stopping.error()

    async def _show(self, message: str, request_id: str, view: Shown) -> None:
        manner, system = self._manner, self._system
        asking = self._bridge.ask(
            message,
            self._session,
            model=manner.model,
            recall=manner.recall,
            system=system,
            request_id=request_id,
        )
        async with contextlib.aclosing(asking) as events:
            async for event in events:
                self._system = None  # whatever comes, the bridge has the message
                if isinstance(event, Delta):
                    view.show(event.text)
                elif isinstance(event, Answer):
                    view.finish()
                    tell_stop(event.stop_reason)
                    tell_if_untold(system, event)
                    if manner.why:
                        tell_why(event)


def _tell(error: BridgeError) -> None:
    notice(f"{error.message}{f'  {error.hint}' if error.hint else ''}")
