"""Who is let in, and who goes on being heard."""

from __future__ import annotations

import pytest

from bridge.auth import ANONYMOUS, Identity
from bridge.errors import QuotaExceeded, Unauthorized
from bridge.ports.speaking import Connection, Revoked
from bridge.speakers import Speakers
from tests.fake_speakers import MemoryRates, MemoryRevocations, speakers
from tests.fakes import START, FakeClock, MemoryConnections

NOW = int(START.timestamp())
ARN = "arn:aws:sts::123456789012:assumed-role/Bridge/ada"
TOKEN = Identity("ada", NOW + 3600, token_id="5f5f", issued=NOW - 60)
NAMELESS = Identity("ada", NOW + 3600)
CALLER = Identity(ARN, None, issued=NOW)
NOBODY = Identity(ANONYMOUS, None)


class Hall:
    """Who is connected, and what they revoked."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.connections = MemoryConnections()
        self.revocations = MemoryRevocations()
        self.speakers = speakers(self.connections, self.clock, self.revocations)

    def revoke(self, identity: Identity, before: float = 0, *tokens: str) -> None:
        self.revocations.revoked[identity.owner] = Revoked(before, frozenset(tokens))

    def is_let_in(self, identity: Identity) -> bool:
        try:
            self.speakers.admit("c", identity)
        except Unauthorized:
            assert "c" not in self.connections.known
            return False
        return True

    def refusal(self) -> str:
        with pytest.raises(Unauthorized) as caught:
            self.speakers.hear("c")
        return caught.value.message


@pytest.fixture
def hall() -> Hall:
    return Hall()


def test_a_connection_carries_its_token(hall: Hall) -> None:
    assert hall.is_let_in(TOKEN)
    expected = Connection("c", "ada", NOW + 3600, "5f5f", NOW - 60)
    assert hall.connections.known == {"c": expected}
    assert hall.speakers.hear("c") == expected


@pytest.mark.parametrize(
    ("identity", "before", "tokens", "void"),
    [
        (TOKEN, NOW - 60, (), False),
        (TOKEN, NOW - 59.5, (), True),
        (TOKEN, NOW, (), True),
        (TOKEN, 0, ("5f5f", "6a6a"), True),
        (TOKEN, 0, ("5F5F", "5f5", "5f5f "), False),
        (NAMELESS, 0, ("5f5f", ""), False),
        (NAMELESS, 1, (), True),
        (CALLER, NOW, (), False),
        (CALLER, NOW + 1, (), True),
    ],
)
def test_what_is_revoked_is_refused_at_the_handshake_and_on_every_frame(
    hall: Hall, identity: Identity, before: float, tokens: tuple[str, ...], void: bool
) -> None:
    hall.is_let_in(identity)
    hall.revoke(identity, before, *tokens)
    if void:
        assert "revoked" in hall.refusal()
        assert "Connect again" in hall.refusal()
        hall.connections.close("c")
    else:
        assert hall.speakers.hear("c").owner == identity.owner
    assert hall.is_let_in(identity) is not void


def test_a_revoked_token_is_to_be_replaced(hall: Hall) -> None:
    hall.is_let_in(TOKEN)
    hall.revoke(TOKEN, NOW)
    assert hall.refusal() == "The token was revoked. Connect again with a new one."


def test_a_handshake_looks_at_what_is_revoked_now(hall: Hall) -> None:
    hall.is_let_in(TOKEN)
    hall.speakers.hear("c")
    assert hall.revocations.asked == [("ada", True), ("ada", False)]


def test_of_who_proved_nothing_nothing_is_read(hall: Hall) -> None:
    assert hall.is_let_in(NOBODY)
    assert hall.speakers.hear("c").owner == ANONYMOUS
    assert hall.revocations.asked == []


def test_whoever_calls_themselves_anonymous_is_looked_up_all_the_same(hall: Hall) -> None:
    hall.revoke(NOBODY, NOW)
    assert not hall.is_let_in(Identity(ANONYMOUS, NOW + 60))


def test_where_it_cannot_be_read_what_is_revoked_nobody_is_heard_and_the_next_one_asks_again(
    hall: Hall,
) -> None:
    hall.is_let_in(TOKEN)
    hall.revocations.failure = OSError("throttled")
    for _ in range(2):
        with pytest.raises(OSError, match="throttled"):
            hall.speakers.hear("c")
        with pytest.raises(OSError, match="throttled"):
            hall.speakers.admit("d", TOKEN)
    assert "d" not in hall.connections.known
    hall.revocations.failure = None
    assert hall.speakers.hear("c").owner == "ada"


def test_what_expired_is_not_counted_and_not_looked_up(hall: Hall) -> None:
    hall.is_let_in(TOKEN)
    hall.clock.advance(hours=1)
    hall.revocations.asked.clear()
    rated = Speakers(hall.connections, hall.revocations, hall.clock, MemoryRates(0))
    with pytest.raises(Unauthorized, match="expired"):
        rated.hear("c")
    with pytest.raises(Unauthorized, match="not known"):
        rated.hear("stranger")
    assert hall.revocations.asked == []


def test_frames_are_counted_once_their_speaker_is_known(hall: Hall) -> None:
    hall.is_let_in(TOKEN)
    rates = MemoryRates(1)
    rated = Speakers(hall.connections, hall.revocations, hall.clock, rates)
    assert rated.hear("c").owner == "ada"
    with pytest.raises(QuotaExceeded):
        rated.hear("c")
    assert rated.hear("c", counted=False).owner == "ada"
    hall.revoke(TOKEN, NOW)
    left = rates.left
    with pytest.raises(Unauthorized):
        rated.hear("c")
    assert rates.left == left
