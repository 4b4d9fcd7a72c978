"""What a bridge has heard of a question, and over which connection; pure: it says what is to be sent next."""

from __future__ import annotations

from bridge_cli.errors import ConnectionLost
from bridge_cli.patience import Patience
from bridge_cli.protocol import Cancel, Query, Request, Resume

MOST_SENDS = 3
"""How often a question that is not accepted is sent, besides where it is just being taken in."""

MOST_IN_VAIN = 5
"""How often in a row the bridge may fail to take a question up again."""


class Course:
    """A question's way over connections that come and go; they are numbered from 1, times are in seconds.

    `due`: over the connection that is open the bridge has yet to hear of the question. `awaiting`: something
    was sent, and nothing of this question came since. `acted`: it was resumed or cancelled, so that an error
    may mean that and not the turn. `unsure`: it was sent, and nobody can say whether the bridge has it.
    `in_vain` counts what brought nothing, one after the other; `tries` the sends that count, of all `sends`.
    `held_until`: when all is to be said once more, since the bridge is still taking the question in.
    """

    def __init__(self, query: Query, patience: Patience) -> None:
        self.sends = 0
        self.tries = 0
        self.due = True
        self.awaiting = False
        self.acted = False
        self.unsure = False
        self.in_vain = 0
        self.heard_over = 0
        self.held_until: float | None = None
        self._held_since: float | None = None
        self._holds = 0
        self._why = ""  # the connection dropped
        self._heard_at = 0.0
        self._cancelled_over = 0
        self._query = query
        self._patience = patience

    def pause(self) -> float:
        """Return for how long to wait before the connection is tried again: not at all at first."""
        return self.backoff(self.in_vain - 2) if self.in_vain > 1 else 0

    def backoff(self, doubled: int) -> float:
        """Return the wait before another try, doubled so many times."""
        patience = self._patience
        return float(min(patience.backoff * 2.0 ** min(doubled, 30), patience.longest_backoff))

    def next(
        self, number: int, *, taken_in: bool, cancelling: bool, resumable: bool, last_seq: int
    ) -> Request | None:
        """Return what is to be sent next over the connection with this number; None where nothing is.

        Raises ConnectionLost where that would be the question, and it was sent often enough.
        """
        request_id = self._query.request_id
        if self.due:
            if taken_in:
                if resumable:
                    return Resume(request_id=request_id, last_seq=last_seq)
            elif not (cancelling and self.sends):
                if self.tries >= MOST_SENDS:
                    raise ConnectionLost(
                        f"the connection broke off {self.tries} times before the question was accepted "
                        f"({self._why})",
                        hint="`bridge doctor` checks each step.",
                    )
                return self._query
        if cancelling and (taken_in or self.unsure) and self._cancelled_over != number:
            return Cancel(request_id=request_id)
        return None

    def is_over(self, number: int) -> None:
        """Note which connection is open: over another than before, the bridge has yet to hear of it."""
        if self.sends and number != self.heard_over:
            self.due = True
            self.unsure = True

    def sends_now(self, request: Request, number: int, now: float) -> None:
        """Note that a request is being sent."""
        self.heard_over = number
        self._heard_at = now
        self.awaiting = True
        self.held_until = None
        if isinstance(request, Query):
            self.sends += 1
            self.tries += 1
            self.unsure = False
            return
        self.acted = True
        if isinstance(request, Cancel):
            self._cancelled_over = number

    def dropped(self, why: str, number: int, now: float) -> None:
        """Note that a connection ended; of one that was replaced meanwhile it is no news."""
        if number < self.heard_over:
            return
        soon = now - self._heard_at < self._patience.longest_backoff
        self.in_vain = self.in_vain + 1 if soon else 0
        self._why = why
        self.due = True
        self.awaiting = False
        self.unsure = self.sends > 0

    def again(self) -> None:
        """Note that all is to be said once more."""
        self.due = True
        self.unsure = True
        self.held_until = None
        self._cancelled_over = 0

    def hold(self, retry_after: float | None, now: float) -> bool:
        """Note that the bridge is still taking the question in; return whether it is to be asked again.

        It says so also where the function that did it has died, until that one's time is over: at most the
        20 seconds that it has for a frame. Meanwhile the turn may be answered, and it is paid for: so this
        counts as no try, and is given up only where it went on for as long as a reply may take.
        """
        if self.held_until is not None:
            return True  # it is said of a resume and of a cancel that were sent together
        if self._held_since is None:
            self._held_since = now
        left = self._held_since + self._patience.reply - now
        if left <= 0 or (retry_after or 0) > left:
            return False
        self.held_until = now + max(retry_after or 0, min(self.backoff(self._holds), left))
        self._holds += 1
        self.tries = max(self.tries - 1, 0)
        self.unsure = True
        return True
