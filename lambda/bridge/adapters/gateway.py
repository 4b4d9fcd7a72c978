"""Posts to clients through API Gateway's @connections."""

from __future__ import annotations

import random
import time
from typing import Any

from bridge.errors import ClientGone

LIMIT_WAITS = 12
"""How often a post waits for a client whose buffer is full, up to 4 s at a time: half a minute in all."""


class ApiGateway:
    """The WebSocket API's management endpoint."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def post(self, connection_id: str, text: str) -> None:
        """Send one frame; waits where the client's buffer is full, since no piece may be skipped."""
        for attempt in range(LIMIT_WAITS + 1):
            try:
                self._client.post_to_connection(ConnectionId=connection_id, Data=text.encode())
            except self._client.exceptions.GoneException as error:
                raise ClientGone(connection_id) from error
            except self._client.exceptions.LimitExceededException:
                if attempt == LIMIT_WAITS:
                    raise
                time.sleep(min(0.1 * 2**attempt, 4) * random.uniform(0.75, 1))  # noqa: S311 - jitter
            else:
                return
