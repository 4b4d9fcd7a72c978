"""Claude on Bedrock: boto3 itself, over a socket, against a server that speaks AWS's event stream."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import boto3
import pytest

from bridge.adapters import aws as bridge_aws
from bridge.adapters.attempts import ATTEMPTS
from bridge.adapters.bedrock import MAX_EVENT_BYTES, BedrockModels
from bridge.conversation import Usage
from bridge.errors import BridgeError, UpstreamError, UpstreamOverloaded
from bridge.interruption import Interrupted, Interruption
from bridge.memory import prompt
from bridge.memory.prompt import LONG_CACHE, Parts
from bridge.memory.window import Window
from bridge.ports.claude import Completed, Piece, Started, Text
from tests.adapters.test_interruption import SilentServer, ask_after
from tests.aws import ENVIRONMENT
from tests.bedrock_wire import REQUEST_ID, chunk, event, exception, failing, streaming, wrapped
from tests.fakes import START as NOW
from tests.fakes import an_exchange
from tests.messages_server import (
    ANSWER,
    END,
    RESET,
    START,
    STOP,
    MessagesServer,
    Reply,
    messages_server,
    text,
)

MODEL = "global.anthropic.claude-haiku-5-5-v1:0"
BEGUN = Started(Usage(7), MODEL, REQUEST_ID)
ANSWERED: list[Piece] = [
    BEGUN,
    Text("Hel"),
    Text("lo 中😀"),
    Completed("end_turn", Usage(7, 3), MODEL),
]
TOLD = prompt.build(Parts("Be kind.", Window((an_exchange(),)), "And now?", NOW))


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], BedrockModels]:
    def models(url: str) -> BedrockModels:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url)
        return BedrockModels(bridge_aws.client("bedrock-runtime", attempts=1), 99)

    return models


@pytest.fixture
def claude(server: MessagesServer, at: Callable[[str], BedrockModels]) -> BedrockModels:
    return at(server.url)


def ask(claude: BedrockModels, model: str = MODEL) -> list[Piece]:
    heard: list[Piece] = []
    listen(claude, heard, model)
    return heard


def listen(claude: BedrockModels, heard: list[Piece], model: str = MODEL) -> None:
    with claude.answer(TOLD, model, Interruption()) as pieces:
        for piece in pieces:
            heard.append(piece)


def fails(claude: BedrockModels) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        ask(claude)
    return caught.value


def test_a_question_and_its_answer(server: MessagesServer, claude: BedrockModels) -> None:
    server.reply(streaming())
    assert ask(claude) == ANSWERED
    (asked,) = server.asked
    assert asked.path == "/model/global.anthropic.claude-haiku-5-5-v1%3A0/invoke-with-response-stream"
    assert asked.body == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 99,
        "system": TOLD.system,
        "messages": TOLD.messages,
    }
    assert asked.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=testing/")
    assert asked.headers["content-type"] == "application/json"


def test_a_model_may_be_an_arn(server: MessagesServer, claude: BedrockModels) -> None:
    server.reply(streaming())
    arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc"
    assert ask(claude, arn)[0] == replace(BEGUN, model=arn)
    assert server.asked[0].path == (
        "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Aapplication-inference-profile%2Fabc"
        "/invoke-with-response-stream"
    )


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_the_cut_of_the_stream_does_not_matter(
    server: MessagesServer, claude: BedrockModels, chunked: bool, size: int
) -> None:
    whole = b"".join(map(wrapped, ANSWER))
    server.reply(streaming(*(whole[n : n + size] for n in range(0, len(whole), size)), chunked=chunked))
    assert ask(claude) == ANSWERED


def test_only_text_counts_and_all_of_the_usage(server: MessagesServer, claude: BedrockModels) -> None:
    used = {
        "input_tokens": 7,
        "cache_creation_input_tokens": 40,
        "cache_read_input_tokens": 300,
        "cache_creation": {"ephemeral_1h_input_tokens": 30},
    }
    server.reply(
        streaming(
            event("message_start", message={"model": "claude-real", "usage": used}),
            event("ping"),
            event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "Hm."}),
            event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Well."}),
            event("of_a_later_kind", text="no"),
            wrapped(text("Yes.")),
            wrapped(END),
            chunk(
                b'{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":7}}', p="abc"
            ),
        )
    )
    usage = Usage(7, 0, 40, 300, 30)
    assert ask(claude) == [
        Started(usage, MODEL, REQUEST_ID),
        Text("Yes."),
        Completed("end_turn", replace(usage, output_tokens=3), MODEL),
    ]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, "ThrottlingException"),
        (429, "ModelNotReadyException"),
        (503, "ServiceUnavailableException"),
        (400, "ServiceQuotaExceededException"),
        (503, "SomethingNew"),
    ],
)
def test_overload_is_tried_again_and_then_told(
    server: MessagesServer, claude: BedrockModels, waits: list[float], status: int, kind: str
) -> None:
    server.reply(failing(status, kind), streaming())
    assert ask(claude) == ANSWERED
    server.reply(*[failing(status, kind) for _ in range(ATTEMPTS)])
    error = fails(claude)
    assert isinstance(error, UpstreamOverloaded)
    assert (error.detail, error.claude_request_id) == (f"status {status}, {kind}", REQUEST_ID)
    assert len(server.asked) == 2 + ATTEMPTS, "boto3 tries nothing again by itself"
    assert len(waits) == ATTEMPTS


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (424, "ModelStreamErrorException"),
        (500, "InternalServerException"),
        (502, "SomethingNew"),
    ],
)
def test_what_may_pass_is_tried_again(
    server: MessagesServer, claude: BedrockModels, waits: list[float], status: int, kind: str
) -> None:
    server.reply(failing(status, kind), streaming())
    assert ask(claude) == ANSWERED
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (403, "AccessDeniedException", "needs access to the model"),
        (403, "ExpiredTokenException", "credentials"),
        (404, "ResourceNotFoundException", "retired, or its name is wrong"),
        (409, "SomethingNew", "SomethingNew"),
    ],
)
def test_what_will_not_pass_is_not(
    server: MessagesServer, claude: BedrockModels, waits: list[float], status: int, kind: str, says: str
) -> None:
    server.reply(failing(status, kind, "User: arn:aws:sts::123456789012:assumed-role/r is not authorized"))
    error = fails(claude)
    assert (error.code, error.retryable) == ("upstream_error", False)
    assert says in error.message
    assert "123456789012" not in f"{error.message} {error.detail}"
    assert (waits, len(server.asked)) == ([], 1)


def test_a_bad_question_is_told_in_bedrocks_words(server: MessagesServer, claude: BedrockModels) -> None:
    server.reply(*[failing(400, "ValidationException", "Input is too long.") for _ in range(2)])
    error = fails(claude)
    assert (error.code, error.retryable) == ("upstream_error", False)
    assert error.message.endswith(": Input is too long.")


def test_a_model_without_an_hours_cache_is_asked_for_minutes(
    server: MessagesServer, claude: BedrockModels
) -> None:
    assert TOLD.system[0]["cache_control"] == LONG_CACHE
    server.reply(failing(400, "ValidationException"), streaming(), streaming(), streaming())
    assert ask(claude) == ANSWERED
    assert ask(claude) == ANSWERED
    assert ask(claude, "anthropic.claude-other-v1:0")[1:3] == ANSWERED[1:3]
    caches = [asked.body["system"][0]["cache_control"] for asked in server.asked]
    minutes = {"type": "ephemeral"}
    assert caches == [LONG_CACHE, minutes, minutes, LONG_CACHE]
    assert TOLD.system[0]["cache_control"] == LONG_CACHE


@pytest.mark.parametrize(
    "broken",
    [
        (RESET,),
        (wrapped(START), RESET),
        (wrapped(START),),
        (wrapped(START), wrapped(STOP)[:-9]),
        (b"<html>no event stream at all</html>",),
        (wrapped(START)[:-1] + b"!",),
        (chunk(b"garbage"),),
        (wrapped(START), exception("throttlingException")),
        (wrapped(START), exception("modelStreamErrorException")),
        (wrapped(START), exception("modelTimeoutException")),
        (wrapped(START), exception("internalServerException")),
        (wrapped(START), exception("serviceUnavailableException")),
        (event("error", error={"type": "overloaded_error"}),),
        (),
    ],
)
def test_what_breaks_before_the_first_word_is_tried_again(
    server: MessagesServer, claude: BedrockModels, waits: list[float], broken: tuple[bytes, ...]
) -> None:
    server.reply(Reply(broken, headers={"x-amzn-requestid": REQUEST_ID}), streaming())
    assert ask(claude)[-len(ANSWERED) :] == ANSWERED
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ((RESET,), "upstream_error"),
        ((), "upstream_error"),
        ((exception("modelStreamErrorException"),), "upstream_error"),
        ((exception("throttlingException"),), "upstream_overloaded"),
    ],
)
def test_after_the_first_word_nothing_is(
    server: MessagesServer, claude: BedrockModels, waits: list[float], end: tuple[bytes, ...], code: str
) -> None:
    server.reply(streaming(wrapped(START), wrapped(text("Hel")), *end))
    heard: list[Piece] = []
    with pytest.raises(BridgeError) as caught:
        listen(claude, heard)
    assert (caught.value.code, caught.value.retryable) == (code, True)
    assert caught.value.claude_request_id == REQUEST_ID
    assert heard == ANSWERED[:2]
    assert (waits, len(server.asked)) == ([], 1)


def test_an_exception_in_the_stream_that_will_not_pass(
    server: MessagesServer, claude: BedrockModels, waits: list[float]
) -> None:
    refused = streaming(wrapped(START), exception("validationException", "Bad."))
    server.reply(refused, refused)
    error = fails(claude)
    assert (error.code, error.retryable) == ("upstream_error", False)
    assert waits == []


def test_an_event_that_is_far_too_long_is_none(
    server: MessagesServer, claude: BedrockModels, waits: list[float]
) -> None:
    server.reply(streaming(wrapped(START), chunk(b" " * (MAX_EVENT_BYTES + 1))))
    error = fails(claude)
    assert (error.retryable, error.detail) == (False, "an event without an end")
    assert waits == []


def test_a_server_that_is_not_there(at: Callable[[str], BedrockModels], waits: list[float]) -> None:
    with messages_server() as gone:
        pass
    error = fails(at(gone.url))
    assert (error.code, error.retryable, error.detail) == ("upstream_error", True, "ConnectionError")
    assert len(waits) == ATTEMPTS - 1


def test_a_function_without_credentials(
    server: MessagesServer,
    at: Callable[[str], BedrockModels],
    monkeypatch: pytest.MonkeyPatch,
    waits: list[float],
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    error = fails(at(server.url))
    assert isinstance(error, UpstreamError)
    assert (error.detail, server.asked) == ("NoCredentialsError", [])


HEADERS = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"


@pytest.fixture
def silent() -> Iterator[Callable[[bytes], SilentServer]]:
    servers: list[SilentServer] = []

    def after(said: bytes) -> SilentServer:
        servers.append(SilentServer(said))
        return servers[-1]

    yield after
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="before-the-headers"),
        pytest.param(HEADERS, id="after-the-headers"),
        pytest.param(HEADERS + wrapped(START) + wrapped(text("One, ")), id="mid-stream"),
        pytest.param(HEADERS + wrapped(START) + wrapped(text("One, "))[:20], id="within-an-event"),
        pytest.param(b"HTTP/1.1 400 Bad\r\ncontent-length: 99\r\n\r\n{", id="within-an-error"),
    ],
)
def test_a_call_that_waits_is_broken_off(
    said: bytes, silent: Callable[[bytes], SilentServer], at: Callable[[str], BedrockModels]
) -> None:
    """The one that fails where boto3 sends its calls by another way than its event ``before-send``."""
    server = silent(said)
    interruption = Interruption()
    claude = at(server.url)
    asker = threading.Thread(target=lambda: ask_after(server.silent, interruption))
    asker.start()
    with pytest.raises(Interrupted), claude.answer(TOLD, MODEL, interruption) as pieces:
        list(pieces)
    asker.join()
    assert server.gone.wait(10)
    assert server.connections == 1


def test_a_call_that_was_broken_off_before_it_began_is_none(
    server: MessagesServer, claude: BedrockModels
) -> None:
    interruption = Interruption()
    interruption.ask()
    with pytest.raises(Interrupted), claude.answer(TOLD, MODEL, interruption) as pieces:
        list(pieces)
    assert server.asked == []


def test_an_answer_that_is_complete_is_not_broken_off(
    silent: Callable[[bytes], SilentServer], at: Callable[[str], BedrockModels]
) -> None:
    server = silent(HEADERS + b"".join(map(wrapped, ANSWER)))
    interruption = Interruption()
    heard: list[type] = []
    with at(server.url).answer(TOLD, MODEL, interruption) as pieces:
        for piece in pieces:
            heard.append(type(piece))
            if isinstance(piece, Completed):
                interruption.ask()
    assert heard == [Started, Text, Text, Completed]
