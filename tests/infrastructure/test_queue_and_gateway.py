"""The queue's order and retries, the API's routes and throttling, the functions' shape."""

import json

import pytest

from tests.infrastructure.conftest import Synthesized, synthesize

FUNCTIONS = ["connect", "disconnect", "message", "answer", "remember"]

LONG = {"answer": 900, "remember": 300}  # seconds


def test_turns_are_kept_in_order_and_end_as_dead_letters(prod: Synthesized) -> None:
    turns = prod.one("SQS::Queue", "Queue/Turns")
    assert turns["FifoQueue"] is True
    assert turns["ContentBasedDeduplication"] is False
    assert turns["MessageRetentionPeriod"] == 4 * 86400
    dead_letters = prod.id_of("SQS::Queue", "Queue/DeadLetters")
    assert turns["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead_letters, "Arn"]},
        "maxReceiveCount": 3,
    }
    properties = prod.one("SQS::Queue", "Queue/DeadLetters")
    assert properties["FifoQueue"] is True
    assert properties["MessageRetentionPeriod"] == 14 * 86400


@pytest.mark.parametrize("seconds", [60, 900])
def test_a_turn_stays_invisible_for_as_long_as_it_may_take(seconds: int) -> None:
    stack = synthesize("dev", answer_timeout_seconds=str(seconds))
    assert stack.function("answer")["Timeout"] == seconds
    assert stack.one("SQS::Queue", "Queue/Turns")["VisibilityTimeout"] >= seconds


def test_queues_are_encrypted_at_rest_and_on_the_way(prod: Synthesized) -> None:
    for queue in prod.of_type("SQS::Queue").values():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
    policies = [it["Properties"] for it in prod.of_type("SQS::QueuePolicy").values()]
    assert len(policies) == 2
    for policy in policies:
        (deny,) = policy["PolicyDocument"]["Statement"]
        assert deny["Effect"] == "Deny"
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_slow_session_holds_up_no_other(prod: Synthesized) -> None:
    mapping = prod.one("Lambda::EventSourceMapping", "Functions/Answer")
    assert mapping["BatchSize"] == 1
    assert mapping["Enabled"] is True
    assert prod.one("SQS::Queue", "Queue/Turns")["FifoThroughputLimit"] == "perMessageGroupId"


def test_something_else_may_feed_the_answer_function() -> None:
    mapping = synthesize("dev", poll_queue="false").one("Lambda::EventSourceMapping", "Functions/Answer")
    assert mapping["Enabled"] is False


def test_every_action_reaches_the_message_function_and_gets_its_reply(prod: Synthesized) -> None:
    (api,) = prod.of_type("ApiGatewayV2::Api").values()
    assert api["Properties"]["ProtocolType"] == "WEBSOCKET"
    assert api["Properties"]["RouteSelectionExpression"] == "$request.body.action"
    routes = {
        it["Properties"]["RouteKey"]: (name, it["Properties"])
        for name, it in prod.of_type("ApiGatewayV2::Route").items()
    }
    assert set(routes) == {"$connect", "$disconnect", "$default"}
    default_id, default = routes["$default"]
    assert default["RouteResponseSelectionExpression"] == "$default"
    (response,) = prod.of_type("ApiGatewayV2::RouteResponse").values()
    assert response["Properties"]["RouteId"] == {"Ref": default_id}
    assert response["Properties"]["RouteResponseKey"] == "$default"


def test_the_stage_is_made_last_so_that_its_first_deployment_has_everything(prod: Synthesized) -> None:
    (stage,) = prod.of_type("ApiGatewayV2::Stage").values()
    kinds = ("ApiGatewayV2::Route", "ApiGatewayV2::RouteResponse", "ApiGatewayV2::Integration")
    assert {name for kind in kinds for name in prod.of_type(kind)} <= set(stage["DependsOn"])


def test_each_route_has_its_function(prod: Synthesized) -> None:
    for route, kind, function in (
        ("$connect", "Alias", "Connect"),
        ("$disconnect", "Function", "Disconnect"),  # nobody waits for it to start
        ("$default", "Alias", "Message"),
    ):
        integration = prod.one("ApiGatewayV2::Integration", f"WebSocket/Api/{route}-Route")
        assert integration["IntegrationType"] == "AWS_PROXY"
        assert prod.id_of(f"Lambda::{kind}", f"Functions/{function}") in json.dumps(integration)


def test_the_stage_is_throttled() -> None:
    stack = synthesize("staging", throttle_rate="7", throttle_burst="9")
    stage = stack.one("ApiGatewayV2::Stage", "WebSocket")
    assert stage["StageName"] == "staging"
    assert stage["AutoDeploy"] is True
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 7, "ThrottlingBurstLimit": 9}


def test_the_callback_url_is_the_stages_or_where_the_gateway_is() -> None:
    aws = json.dumps(synthesize("dev").function("answer")["Environment"]["Variables"]["CALLBACK_URL"])
    assert "https://" in aws
    assert ".execute-api." in aws
    assert '"/dev"' in aws
    local = synthesize("local")
    (api,) = local.of_type("ApiGatewayV2::Api")
    url = local.function("answer")["Environment"]["Variables"]["CALLBACK_URL"]["Fn::Join"][1]
    assert url == ["http://localhost:4566/_aws/execute-api/", {"Ref": api}, "/local"]


def test_local_leaves_out_what_the_emulator_refuses() -> None:
    assert synthesize("local").of_type("ApiGatewayV2::RouteResponse") == {}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_its_handler_on_lambdas_python(name: str, prod: Synthesized) -> None:
    function = prod.function(name)
    assert function["Handler"] == f"bridge.handlers.{name}.handler"
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["MemorySize"] == (1024 if name in LONG else 512)
    # A route's function that outlives API Gateway's 29 s answers nobody.
    assert function["Timeout"] <= LONG.get(name, 29)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_functions_log_is_its_own_and_is_not_kept_for_ever(name: str) -> None:
    stack = synthesize("dev", log_retention_days="14")
    path = f"Functions/{name.capitalize()}"
    assert stack.one("Logs::LogGroup", path)["RetentionInDays"] == 14
    log_group = stack.id_of("Logs::LogGroup", path)
    assert stack.function(name)["LoggingConfig"] == {"LogGroup": {"Ref": log_group}}


def test_all_functions_share_one_asset(prod: Synthesized) -> None:
    assert len({json.dumps(prod.function(name)["Code"]) for name in FUNCTIONS}) == 1


def test_where_clients_of_the_original_come_a_query_gets_no_frame_but_its_answer() -> None:
    stack = synthesize("prod", auth="none")
    routes = {
        it["Properties"]["RouteKey"]: it["Properties"] for it in stack.of_type("ApiGatewayV2::Route").values()
    }
    assert set(routes) == {"$connect", "$disconnect", "$default", "query"}
    assert "RouteResponseSelectionExpression" not in routes["query"]
    assert routes["$default"]["RouteResponseSelectionExpression"] == "$default"


def test_nobody_else_has_a_route_without_a_reply(prod: Synthesized) -> None:
    keys = {it["Properties"]["RouteKey"] for it in prod.of_type("ApiGatewayV2::Route").values()}
    assert keys == {"$connect", "$disconnect", "$default"}


def test_whoever_posts_posts_to_the_same_place(prod: Synthesized) -> None:
    urls = [prod.function(name)["Environment"]["Variables"]["CALLBACK_URL"] for name in ("answer", "message")]
    assert urls[0] == urls[1]
