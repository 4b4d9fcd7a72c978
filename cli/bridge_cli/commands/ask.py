"""`bridge ask`: one question, and the answer as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge_cli.commands.options import (
    AsJson,
    Profile,
    Recall,
    Stack,
    System,
    TokenFile,
    Url,
    Why,
    chosen_endpoint,
)
from bridge_cli.errors import BridgeError, Interrupted, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from bridge_cli.endpoint import Endpoint
    from bridge_cli.events import Accepted, Answer, Delta
    from bridge_cli.stopping import Stopping
    from bridge_cli.terminal import Shown

EXAMPLES = """
Examples:
  bridge ask "What does a sort key do?"
  bridge ask "And a partition key?" --continue
  bridge ask "Where were we?" plans
  bridge ask "What did I say about Lisbon?" --why
  bridge ask "Bonjour !" french --system "You teach French. Correct every mistake."
  git diff | bridge ask "Review this change."
  bridge ask - plans < question.txt
  bridge ask "One word: the capital of France?" --json | jq -r .text
"""


def ask(
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="What to ask; `-` reads standard input.")
    ] = None,
    session: Annotated[
        str | None, typer.Argument(metavar="SESSION", help="The session to go on in, or to begin.")
    ] = None,
    go_on: Annotated[bool, typer.Option("--continue", "-c", help="Go on in the session used last.")] = False,
    new: Annotated[
        bool, typer.Option("--new", help="Begin a new session (so it is without SESSION).")
    ] = False,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="MODEL", help="Another model.")
    ] = None,
    recall: Recall = None,
    system: System = None,
    why: Why = False,
    plain: Annotated[bool, typer.Option("--plain", help="Plain text on a terminal, too.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Ask Claude, and show the answer as it comes.

    Without SESSION a new one is begun; its name is told on standard error, and `--continue` goes on in it.
    What is piped in is the question, or follows it after an empty line where one is given (`</dev/null`
    keeps it out). On a terminal the answer is rendered as Markdown; in a pipe it is the text and a newline.

    Claude is told what the session held, and what else you said that bears on the question: --recall says
    where to look for that, --why what was found.

    --system gives the session instructions of its own. They hold for its later messages, too, until others
    are named, and are forgotten with the session. Up to 8,000 bytes; @FILE takes them from a file.

    Ctrl-C cancels the answer: what was said until then is shown and kept. A second one leaves at once. So do
    SIGTERM, and a reader who closes the pipe.

    Exit codes: 0 answered, 1 the bridge or Claude answered with an error, 2 wrong usage,
    3 no connection or no access, 130 after Ctrl-C, 143 after SIGTERM.
    """
    import asyncio

    from bridge_cli import sessions
    from bridge_cli.instructions import read_instructions, tell_if_untold
    from bridge_cli.question import read_question
    from bridge_cli.terminal import answer_view

    if (go_on and (session or new)) or (new and session):
        raise UsageError("--continue, --new and a session's name exclude one another")
    if session:
        sessions.checked_name(session)
    instructions = read_instructions(system)
    text = read_question(question)
    endpoint = chosen_endpoint(url, token_file, profile, stack)
    begun = not (session or go_on)
    name = sessions.last(endpoint) if go_on else session or sessions.new_name()
    shown = answer_view(plain=plain, as_json=as_json)
    try:
        answer, stopping = asyncio.run(
            _ask(
                endpoint, text, name, model or endpoint.model, recall or endpoint.recall, instructions, shown
            )
        )
    except KeyboardInterrupt:  # where a loop takes no signals; the answer is cancelled then, too
        shown.finish()
        raise Interrupted("interrupted", hint=f"What was said is kept: `bridge history {name}`.") from None
    except BridgeError:
        shown.finish()
        raise
    sessions.remember(endpoint, answer.session_id)
    if as_json:
        _print_json(answer)
    else:
        _tell(answer, begun=begun)
    tell_if_untold(instructions, answer)
    if why:
        from bridge_cli.why import tell_why

        tell_why(answer)
    if stopping.by is not None:
        raise typer.Exit(stopping.error().exit_code)


async def _ask(
    endpoint: Endpoint,
    text: str,
    session: str,
    model: str | None,
    recall: str | None,
    system: str | None,
    shown: Shown,
) -> tuple[Answer, Stopping]:
    """Return the answer, also one that was cancelled, and what signals came meanwhile."""
    import asyncio
    import contextlib

    from bridge_cli.client import BridgeClient, new_request_id
    from bridge_cli.stopping import Stopping, stopped_by_signals

    bridge = BridgeClient(endpoint, notice=shown.notice)  # connects when it asks, so that a signal ends that
    request_id = new_request_id()
    asking = bridge.ask(text, session, model=model, recall=recall, system=system, request_id=request_id)
    answering = asyncio.ensure_future(_answer(asking, shown))
    stopping = Stopping(bridge, request_id, answering)
    try:
        async with contextlib.aclosing(asking):
            with stopped_by_signals(stopping):
                return await answering, stopping
    except asyncio.CancelledError:
        if not stopping.left:
            raise
        hint = f"What Claude still answers is kept: `bridge history {session}`."
        raise stopping.error(hint=hint) from None
    except BridgeError as error:
        if stopping.by is None:
            raise
        raise stopping.error(error) from error
    finally:
        await bridge.close()


async def _answer(asking: AsyncGenerator[Accepted | Delta | Answer], shown: Shown) -> Answer:
    from bridge_cli.errors import ConnectionLost
    from bridge_cli.events import Answer, Delta

    async for event in asking:
        if isinstance(event, Delta):
            shown.show(event.text)
        elif isinstance(event, Answer):
            shown.finish()
            return event
    raise ConnectionLost("the answer did not come")


def _print_json(answer: Answer) -> None:
    import json

    told = {
        "text": answer.text,
        "session_id": answer.session_id,
        "turn": answer.turn,
        "stop_reason": answer.stop_reason,
        "model": answer.model,
        "usage": answer.usage,
        "request_id": answer.request_id,
        "memory": answer.memory.as_json() if answer.memory else None,
        "cost": answer.cost.as_json() if answer.cost else None,
    }
    typer.echo(json.dumps(told, ensure_ascii=False))


def _tell(answer: Answer, *, begun: bool) -> None:
    from bridge_cli.terminal import notice, tell_stop

    tell_stop(answer.stop_reason)
    if begun:
        notice(f'Session {answer.session_id}. Go on in it: bridge ask "…" {answer.session_id}')
