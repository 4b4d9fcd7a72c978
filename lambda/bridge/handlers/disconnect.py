"""``$disconnect``: forgets the connection, never the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge import bootstrap
from bridge.telemetry import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

bootstrap.prepare(bootstrap.connections)


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Remove a connection's record."""
    connection_id = event["requestContext"]["connectionId"]
    try:
        bootstrap.connections().close(connection_id)
    except Exception:
        logger.exception("a connection could not be forgotten", connection_id=connection_id)
        raise
    logger.info("disconnected", connection_id=connection_id)
    return {"statusCode": 200}
