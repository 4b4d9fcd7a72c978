"""``$connect``: who are you? A 2xx lets the handshake through, anything else refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge import bootstrap
from bridge.errors import Internal, Unauthorized
from bridge.protocol import handshake
from bridge.telemetry import count_failure, logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

bootstrap.prepare(bootstrap.doorkeeper, bootstrap.speakers)


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Authenticate a handshake and record its connection."""
    connection_id = event["requestContext"]["connectionId"]
    try:
        identity = bootstrap.doorkeeper()(handshake.parse(event))
        bootstrap.speakers().admit(connection_id, identity)
    except Unauthorized as refused:
        logger.info("refused", reason=refused.message, connection_id=connection_id)
        count_failure(refused.code)
        return {"statusCode": 401, "body": refused.message}
    except Exception:  # noqa: BLE001 - whatever it is, nobody comes in for it, and all are told
        logger.exception("nobody could be let in", connection_id=connection_id)
        count_failure(Internal.code)
        return {"statusCode": 503, "body": "The bridge could not find out who you are. Try again."}
    logger.info("connected", connection_id=connection_id)
    if identity.subprotocol is None:
        return {"statusCode": 200}
    return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": identity.subprotocol}}
