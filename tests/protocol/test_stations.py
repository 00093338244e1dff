"""Names of nodal stations: the reader of structure sets and the definitions mean the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rtplan.protocol.stations import is_one_station

STATIONS = Path(__file__).parents[2] / "rtplan" / "lesions" / "stations.toml"
NAMED = tomllib.loads(STATIONS.read_text(encoding="utf-8"))["named"]


@pytest.mark.parametrize("name", [item["name"] for item in NAMED if item.get("group")])
def test_group_of_the_reader_is_a_group_to_the_definitions(name: str) -> None:
    assert not is_one_station(name)
