"""Two owners with the same names for their sessions, and the same words, never see each other's."""

from __future__ import annotations

import pytest

from tests.contract.conftest import SEAL_AT, Deployment
from tests.contract.speaking import Speaker, reply, stored, told_by

WORDS = "The key to the boathouse lies under the {} flowerpot by the stairs."
OWNERS = {"ada": "turquoise", "eve": "vermilion"}


@pytest.fixture(params=[1, SEAL_AT], ids=["pending", "in segments"])
def owners(deployment: Deployment, request: pytest.FixtureRequest) -> dict[str, Speaker]:
    """Two who said nearly the same, turn by turn, in sessions of the same name."""
    speakers = {name: Speaker.of(deployment, name) for name in OWNERS}
    for _ in range(request.param):
        for name, colour in OWNERS.items():
            speakers[name].say(WORDS.format(colour), "house", answer=f"Under the {colour} one, then.")
    assert deployment.remember("ada/house", "eve/house") == []
    return speakers


@pytest.mark.parametrize(("one", "other"), [("ada", "eve"), ("eve", "ada")])
def test_each_recalls_their_own(owners: dict[str, Speaker], one: str, other: str) -> None:
    for scope in ({}, {"session_id": "house"}):
        texts = owners[one].recall("Where is the key to the boathouse?", limit=50, **scope)
        assert texts
        assert all(OWNERS[one] in text for text in texts)
    told = repr([owners[one].act(action) for action in ("sessions", "usage")])
    told += repr(owners[one].act("history", session_id="house"))
    assert OWNERS[one] in told
    assert OWNERS[other] not in told


@pytest.mark.parametrize("session_id", ["house", "elsewhere"])
def test_claude_is_told_each_ones_own(owners: dict[str, Speaker], session_id: str) -> None:
    for _ in range(2):
        for one, other in (("ada", "eve"), ("eve", "ada")):
            owners[one].say("Where is the key to the boathouse?", session_id)
            assert OWNERS[one] in owners[one].prompt()
            assert OWNERS[other] not in owners[one].prompt()


def test_each_summary_is_of_ones_own(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEXT_LIMIT", "200")
    speakers = {name: Speaker.of(deployment, name) for name in OWNERS}
    for _ in range(3):
        for name, colour in OWNERS.items():
            speakers[name].say(WORDS.format(colour), "house")
    for one, other in (("ada", "eve"), ("eve", "ada")):
        deployment.claude.reply(reply(f"The {OWNERS[one]} pot."))
        assert deployment.remember(f"{one}/house") == []
        assert OWNERS[other] not in speakers[one].prompt()
    for one, other in (("ada", "eve"), ("eve", "ada")):
        assert speakers[one].say("Go on.", "house")["memory"]["summary"] is not None
        assert f"The {OWNERS[one]} pot." in speakers[one].prompt()
        assert OWNERS[other] not in speakers[one].prompt()


def test_each_item_is_of_one_owner(owners: dict[str, Speaker]) -> None:
    for (partition, _), item in stored().items():
        of_ada = partition in ("memory#ada", "ada/house")
        assert (OWNERS["eve"] if of_ada else OWNERS["ada"]) not in told_by(item)


def test_an_owners_name_is_no_way_into_anothers(deployment: Deployment) -> None:
    ada = Speaker.of(deployment, "ada")
    ada.say(WORDS.format("turquoise"), "house")
    for name in ("ada/house", "Ada", "ad"):
        stranger = Speaker.of(deployment, name)
        assert stranger.recall("Where is the key to the boathouse?") == []
        assert stranger.act("history", session_id="house")["code"] == "not_found"
        assert stranger.act("forget", session_id="house")["exchanges"] == 0
    assert ada.recall("Where is the key to the boathouse?")
