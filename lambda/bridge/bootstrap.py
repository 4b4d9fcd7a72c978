"""The composition root: the only place that knows which adapter stands behind which port.

Each function builds only what it uses, once, and keeps it while it is warm. Imports are inside, so
that a function does not pay at cold start for what another one needs.
"""

from __future__ import annotations

import functools
import importlib
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bridge import telemetry
from bridge.adapters import aws
from bridge.errors import Internal
from bridge.settings import Settings

if TYPE_CHECKING:
    from bridge.adapters.archive import DynamoArchive
    from bridge.adapters.erasing import DynamoEraser
    from bridge.adapters.hashes import DynamoHashes
    from bridge.adapters.intake import IdempotentIntake
    from bridge.adapters.queue import SqsTurnQueue
    from bridge.adapters.titles import DynamoTitles
    from bridge.answering import Answering
    from bridge.auth import Identity
    from bridge.forgetting import Forgetting
    from bridge.intake import Reception
    from bridge.memory.recollection import Recollections
    from bridge.ports.claude import Claude
    from bridge.ports.sessions import Sessions
    from bridge.ports.speaking import Connections, Rates
    from bridge.ports.turns import Gateway, Turns
    from bridge.pricing import Prices
    from bridge.protocol.handshake import Handshake
    from bridge.remembering import Remembering
    from bridge.reminding import Reminding
    from bridge.speakers import Speakers
    from bridge.summarizing import Summarizing

    Doorkeeper = Callable[[Handshake], Identity]


def prepare(*parts: Callable[[], object], kept: tuple[Callable[[], object], ...] = ()) -> None:
    """Build ``parts`` now, where this runs in Lambda.

    During initialisation a function has a whole CPU whatever its memory, and a snapshot keeps what
    is built: then also ``kept``, for which a start without one should not wait.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
        if os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start":
            parts = (_seed_each_copy, *parts, *kept)
        for part in parts:
            try:
                part()
            except Exception:  # noqa: BLE001 - it is logged, and raised again by whoever needs the part
                # A handler that builds it again can answer for it: hold its message, tell its client.
                telemetry.logger.exception("a part could not be built", part=part.__name__)


def _seed_each_copy() -> None:
    """Have every copy that Lambda makes of this process's snapshot draw numbers of its own.

    Without, all would go on from the same seed: retry together, and write segments under the same number.
    """
    # Of Lambda's runtime, as boto3 is.
    importlib.import_module("snapshot_restore_py").register_after_restore(random.seed)


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


@functools.cache
def settings() -> Settings:
    """Return this function's settings."""
    return Settings(os.environ)


@functools.cache
def _dynamodb() -> Any:
    return aws.client("dynamodb")


@functools.cache
def _hasty_dynamodb() -> Any:
    """For what nobody should have to wait for: where it does not come at once, it is done without."""
    return aws.client("dynamodb", read_timeout=1, attempts=2)


@functools.cache
def connections() -> Connections:
    """Return the open connections."""
    from bridge.adapters.connections import DynamoConnections

    return DynamoConnections(_dynamodb(), settings().text("CONTEXT_TABLE"), now)


@functools.cache
def doorkeeper() -> Doorkeeper:
    """Return what tells who connects with a handshake; it raises `Unauthorized`."""
    from bridge import auth
    from bridge.adapters.secrets import secret
    from bridge.ports.secrets import UNSET

    mode = settings().auth()
    if mode == "none":
        return auth.anonymous
    if mode == "iam":
        return lambda handshake: auth.signed(handshake, now().timestamp())
    stored = secret(settings().text("SIGNING_SECRET_ARN"), aws.client)

    def known(handshake: Handshake) -> Identity:
        key = stored.value()
        if key == UNSET:
            raise Internal("The bridge has no signing key yet. Make one with: bridge key set")
        return auth.identify(handshake, key, now().timestamp())

    return known


@functools.cache
def speakers() -> Speakers:
    """Return who may speak."""
    from bridge.adapters.revocations import DynamoRevocations
    from bridge.speakers import Speakers

    revocations = DynamoRevocations(_dynamodb(), settings().text("CONTEXT_TABLE"), now)
    return Speakers(connections(), revocations, now, _rates())


def _rates() -> Rates | None:
    limit = settings().optional_count("OWNER_RATE")
    if limit is None:
        return None
    from bridge.adapters.rates import DynamoRates

    return DynamoRates(_hasty_dynamodb(), settings().text("CONTEXT_TABLE"), limit, now, telemetry.logger)


@functools.cache
def _sessions() -> Sessions:
    from bridge.adapters.sessions import DynamoSessions

    return DynamoSessions(
        _dynamodb(),
        settings().text("CONTEXT_TABLE"),
        settings().seconds("SESSION_TTL"),
        settings().seconds("MEMORY_TTL"),
        now,
        telemetry.logger,
    )


@functools.cache
def _archive() -> DynamoArchive:
    from bridge.adapters.archive import DynamoArchive

    return DynamoArchive(_dynamodb(), settings().text("CONTEXT_TABLE"), settings().seconds("MEMORY_TTL"), now)


@functools.cache
def _hashes() -> DynamoHashes:
    from bridge.adapters.hashes import DynamoHashes

    return DynamoHashes(_dynamodb(), settings().text("HASH_TABLE"))


@functools.cache
def _eraser() -> DynamoEraser:
    from bridge.adapters.erasing import DynamoEraser

    return DynamoEraser(_dynamodb(), settings().text("CONTEXT_TABLE"), _hashes())


@functools.cache
def _hasty_archive() -> DynamoArchive:
    """For the reply path, where somebody waits: what does not come at once is not recalled."""
    from bridge.adapters.archive import DynamoArchive

    table, memory_ttl = settings().text("CONTEXT_TABLE"), settings().seconds("MEMORY_TTL")
    return DynamoArchive(_hasty_dynamodb(), table, memory_ttl, now, rounds=2)


@functools.cache
def _recollections() -> Recollections:
    from bridge.memory.recollection import Recollections

    return Recollections(_hasty_archive(), now)


def recall() -> None:
    """Have everything there that recalls, down to the words' meanings; otherwise the first to ask waits."""
    from bridge.memory.recall.meaning import vocabulary

    _recollections()
    vocabulary()


@functools.cache
def _reminding() -> Reminding:
    from bridge.reminding import Reminding

    return Reminding(_archive(), _recollections, settings().count("RECALL_TOKENS"))


@functools.cache
def remembering() -> Remembering:
    """Return what brings memories in order."""
    from bridge.remembering import Remembering

    memory_ttl = settings().seconds("MEMORY_TTL")
    return Remembering(
        _archive(),
        _eraser(),
        memory_ttl,
        now,
        lost=telemetry.record_lost_memories,
        taken_in=telemetry.record_taken_in,
    )


@functools.cache
def titles() -> DynamoTitles:
    """Return what keeps sessions' titles from outliving what they tell of."""
    from bridge.adapters.titles import DynamoTitles

    return DynamoTitles(_dynamodb(), settings().text("CONTEXT_TABLE"), now)


@functools.cache
def _forgetting() -> Forgetting:
    from bridge.adapters.dead_letters import SqsDeadLetters
    from bridge.forgetting import Forgetting

    url = settings().optional_text("DEAD_LETTER_URL")
    dead_letters = SqsDeadLetters(aws.client("sqs"), url, telemetry.logger) if url else None
    return Forgetting(_eraser(), _archive(), remembering(), dead_letters)


def _forget(owner: str, session: str | None) -> int:
    return _forgetting().forget(owner, session)


@functools.cache
def queue() -> SqsTurnQueue:
    """Return the line in which turns wait."""
    from bridge.adapters.queue import HOLD_SECONDS, SqsTurnQueue

    hold = settings().optional_count("HOLD_SECONDS") or HOLD_SECONDS
    return SqsTurnQueue(aws.client("sqs"), settings().text("QUEUE_URL"), telemetry.logger, hold)


@functools.cache
def intake() -> IdempotentIntake:
    """Return what takes a turn in once."""
    from bridge.adapters.intake import IdempotentIntake

    return IdempotentIntake(
        queue(),
        _dynamodb(),
        settings().text("HASH_TABLE"),
        settings().seconds("SESSION_TTL"),
        lambda owner, session: _archive().head(owner).forgot(session),
    )


@functools.cache
def reception() -> Reception:
    """Return what receives the clients' frames."""
    from bridge.intake import Reception
    from bridge.intake import Settings as IntakeSettings
    from bridge.resuming import Resuming

    return Reception(
        speakers(),
        _sessions(),
        intake(),
        Resuming(turns(), _sessions(), intake(), gateway),
        _reminding(),
        _forget,
        IntakeSettings(
            model=settings().text("MODEL"),
            allowed_models=settings().names("ALLOWED_MODELS"),
            max_message_length=settings().count("MAX_MESSAGE_LENGTH"),
            recall=settings().recall(),
        ),
        now,
    )


@functools.cache
def turns() -> Turns:
    """Return how far the turns are."""
    from bridge.adapters.turns import LONGEST_WAIT, DynamoTurns

    # Nothing of a turn outlives what it said, nor is needed when no queue can hold it any more.
    lifetime = max(settings().seconds("SESSION_TTL"), min(settings().seconds("MEMORY_TTL"), LONGEST_WAIT))
    return DynamoTurns(
        _dynamodb(),
        _hasty_dynamodb(),
        settings().text("CONTEXT_TABLE"),
        lifetime,
        settings().optional_count("DAILY_TOKENS"),
        now,
    )


@functools.cache
def gateway() -> Gateway:
    """Return the way to the clients."""
    from bridge.adapters.gateway import ApiGateway

    return ApiGateway(aws.client("apigatewaymanagementapi", endpoint_url=settings().text("CALLBACK_URL")))


@functools.cache
def answering() -> Answering:
    """Return what answers turns."""
    from bridge.answering import Answering
    from bridge.answering import Settings as AnsweringSettings
    from bridge.reminding import Reminding

    limits = AnsweringSettings(
        context_limit=settings().count("CONTEXT_LIMIT"),
        system_prompt=settings().optional_text("SYSTEM_PROMPT"),
        prices=_prices(),
        max_output_tokens=settings().count("MAX_OUTPUT_TOKENS"),
    )
    claude = _claude(limits.max_output_tokens)
    reminding = Reminding(_hasty_archive(), _recollections, settings().count("RECALL_TOKENS"))
    return Answering(_hashes(), turns(), _sessions(), reminding, claude, gateway(), limits, now)


@functools.cache
def summarizing() -> Summarizing:
    """Return what writes the summaries."""
    from bridge.adapters.summaries import DynamoSummaries
    from bridge.memory.summary import MAX_OUTPUT_TOKENS
    from bridge.summarizing import Settings as SummarySettings
    from bridge.summarizing import Summarizing

    memory_ttl = settings().seconds("MEMORY_TTL")
    summaries = DynamoSummaries(_dynamodb(), settings().text("CONTEXT_TABLE"), memory_ttl, now)
    how = SummarySettings(settings().text("SUMMARY_MODEL"), _prices(), memory_ttl)
    claude = _claude(min(MAX_OUTPUT_TOKENS, settings().count("MAX_OUTPUT_TOKENS")))
    return Summarizing(_sessions(), summaries, claude, how, now)


def _claude(max_output_tokens: int) -> Claude:
    if settings().provider() == "bedrock":
        from bridge.adapters.bedrock import BedrockModels

        return BedrockModels(aws.client("bedrock-runtime", attempts=1), max_output_tokens)
    from bridge.adapters.claude import Endpoint, MessagesApi
    from bridge.adapters.secrets import secret

    endpoint = Endpoint(
        base_url=settings().text("ANTHROPIC_BASE_URL"),
        version=settings().text("ANTHROPIC_VERSION"),
        auth_header=settings().text("ANTHROPIC_AUTH_HEADER"),
        max_output_tokens=max_output_tokens,
    )
    return MessagesApi(endpoint, secret(settings().text("ANTHROPIC_SECRET_ARN"), aws.client))


def _prices() -> Prices:
    from bridge.pricing import Prices

    return Prices.parse(settings().optional_text("PRICES"))
