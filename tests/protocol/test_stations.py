"""Names of nodal stations: the reader of structure sets and the definitions mean the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rtplan.facts import PrimaryFacts
from rtplan.protocol.stations import (
    fewest_stations,
    is_one_station,
    is_unclear,
    most_stations,
    parse_station,
    sure_region,
    surely_apart,
)

STATIONS = Path(__file__).parents[2] / "rtplan" / "lesions" / "stations.toml"
NAMED = tomllib.loads(STATIONS.read_text(encoding="utf-8"))["named"]


@pytest.mark.parametrize("name", [item["name"] for item in NAMED if item.get("group")])
def test_group_of_the_reader_is_a_group_to_the_definitions(name: str) -> None:
    assert not is_one_station(name)


@pytest.mark.parametrize(
    ("station", "region"),
    [
        ("AJCC8:16", "regional"),
        ("AJCC8:10R", "extraregional"),
        ("LN_Celiac", "regional"),
        ("LN_Hilar_L", "extraregional"),
        ("LN_Pelvics", "extraregional"),
        ("LN_Iliac_Int_R", "extraregional"),
        ("LN_Ax_Apical_L", "extraregional"),
        ("LN_Portahepatis", None),
        ("LN_Sclav_R", None),
        ("LN_Mediastinals", None),
        ("JES:16a2", None),
        ("JES:7", None),
        ("LN_Neck_IIA_L", None),
        ("16", None),
        (None, None),
    ],
)
def test_region_is_told_where_it_is_verified(station: str | None, region: str | None) -> None:
    assert sure_region(station, PrimaryFacts(site="oesophagus")) == region
    assert sure_region(station, PrimaryFacts(site="egj", subsite="siewert_1")) == region
    assert sure_region(station, PrimaryFacts(site="egj")) is None
    assert sure_region(station, PrimaryFacts(site="lung")) is None
    assert sure_region(station, PrimaryFacts()) is None


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("LN_Paraaortic_L", "LN_Paraaortic_R", False),
        ("LN_Celiac_L", "LN_Celiac_R", False),
        ("LN_Paraaortic_L", "LN_Retroperitoneals_R", False),
        ("LN_Paraaortic_L", "LN_Celiac_R", True),
        ("LN_Paraaortic_L", "LN_Ax_R", True),
        ("LN_Sclav_L", "LN_Sclav_R", True),
        ("LN_Hilar_L", "LN_Hilar_R", True),
    ],
)
def test_sides_part_stations_only_away_from_the_midline(one: str, other: str, apart: bool) -> None:
    first, second = parse_station(one), parse_station(other)
    assert first is not None
    assert second is not None
    assert surely_apart(first, second) is surely_apart(second, first) is apart
    names = [one, other]
    assert fewest_stations(names) == 1 + apart
    assert most_stations(names) == 2
    assert is_unclear(one, names) is not apart
