from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from bridge_local import record
from bridge_local.errors import StateTooNew
from bridge_local.places import Places
from bridge_local.record import Deployment, Record


def test_what_is_written_is_read(places: Places) -> None:
    kept = Record(
        4566,
        4567,
        4568,
        {"auth": "none"},
        "tiny",
        "",
        Deployment("f", {"Url": "wss://x/local"}),
        bootstrapped=True,
    )
    record.write(places.record, kept)
    assert record.read(places.record) == kept


def test_only_its_owner_may_read_the_folder(places: Places) -> None:
    record.write(places.record, Record())
    assert places.record.stat().st_mode & 0o777 == 0o600
    assert places.root.stat().st_mode & 0o777 == 0o700


def test_nothing_written_is_an_empty_record(places: Places) -> None:
    assert record.read(places.record) == Record()


def test_one_of_an_earlier_version_is_read(places: Places) -> None:
    record.write(places.record, Record(port=4566))
    earlier = json.loads(places.record.read_text()) | {"format": 1}
    del earlier["summary_port"]
    places.record.write_text(json.dumps(earlier))
    assert record.read(places.record) == Record(port=4566)


@pytest.mark.parametrize("newer", [{"format": record.FORMAT + 1}, {"emulator": [99, 0, 0]}])
def test_a_newer_one_is_refused(places: Places, newer: dict[str, object]) -> None:
    record.write(places.record, Record())
    places.record.write_text(json.dumps(json.loads(places.record.read_text()) | newer))
    with pytest.raises(StateTooNew, match="newer version"):
        record.read(places.record)


def test_a_damaged_one_is_refused(places: Places) -> None:
    places.record.write_text("{")
    with pytest.raises(StateTooNew, match="damaged"):
        record.read(places.record)


def test_whoever_has_no_emulator_may_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "local.json"
    record.write(path, Record())

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(record, "version", missing)
    assert record.read(path) == Record()
