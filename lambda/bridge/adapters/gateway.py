"""Posts to clients through API Gateway's @connections."""

from __future__ import annotations

from typing import Any

from bridge.errors import ClientGone


class ApiGateway:
    """The WebSocket API's management endpoint.

    Where the client's buffer is full (`LimitExceededException`) the SDK tries a post again, as it does
    for any throttling (see `bridge.adapters.aws`): no piece may be skipped.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def post(self, connection_id: str, text: str) -> None:
        """Send one frame. Raises `ClientGone` where the connection is closed."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=text.encode())
        except self._client.exceptions.GoneException as error:
            raise ClientGone(connection_id) from error
