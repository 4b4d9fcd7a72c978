"""``$connect``: who are you? A 2xx lets the handshake through, anything else refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge import bootstrap
from bridge.errors import Unauthorized
from bridge.ports import Connection
from bridge.telemetry import count_failure, logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

bootstrap.prepare(bootstrap.doorkeeper, bootstrap.connections)


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Authenticate a handshake and record its connection."""
    try:
        identity = bootstrap.doorkeeper()(event.get("headers") or {})
    except Unauthorized as refused:
        logger.info("refused", reason=refused.message)
        count_failure(refused.code)
        return {"statusCode": 401, "body": refused.message}
    connection_id = event["requestContext"]["connectionId"]
    bootstrap.connections().open(Connection(connection_id, identity.owner, identity.expires))
    logger.info("connected", connection_id=connection_id)
    if identity.subprotocol is None:
        return {"statusCode": 200}
    return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": identity.subprotocol}}
