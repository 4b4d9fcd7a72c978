"""``$default``: every frame of a client. What it returns as a body goes back on the connection.

Where clients of the original can come, a query has a route of its own, ``query``, on which nothing
goes back: its reply is posted.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from bridge import bootstrap
from bridge.errors import ClientGone, Internal
from bridge.intake import Reply
from bridge.protocol import frames
from bridge.telemetry import count_failure, logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

ONE_WAY_ROUTE = "query"

bootstrap.prepare(bootstrap.reception, kept=(bootstrap.recall,))


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Receive one frame and return the reply."""
    connection_id = event["requestContext"]["connectionId"]
    try:
        bootstrap.intake().register(context)
        reply = bootstrap.reception().receive(
            connection_id,
            event.get("body") or "",
            binary=bool(event.get("isBase64Encoded")),
            named=logger.set_correlation_id,
        )
    except Exception as failure:  # noqa: BLE001 - whatever it is, the client gets an answer
        error = Internal("The bridge could not take this in. Try again.")
        error.__cause__ = failure
        reply = Reply(frames.error(error), "unknown", error=error)
    if reply.error is not None:
        count_failure(reply.error.code)
    if isinstance(reply.error, Internal):
        logger.error(
            "a frame could not be received", exc_info=reply.error.__cause__, connection_id=connection_id
        )
    logger.info(
        "frame received",
        action=reply.action,
        connection_id=connection_id,
        code=reply.error.code if reply.error else None,
    )
    if reply.frame is None:
        return {"statusCode": 200}
    if event["requestContext"].get("routeKey") == ONE_WAY_ROUTE:
        with contextlib.suppress(ClientGone):
            bootstrap.gateway().post(connection_id, frames.encode(reply.frame))
        return {"statusCode": 200}
    return {"statusCode": 200, "body": frames.encode(reply.frame)}
