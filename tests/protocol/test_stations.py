"""Names of nodal stations: the reader of structure sets and the definitions mean the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rtplan.facts import PrimaryFacts
from rtplan.protocol.stations import is_one_station, sure_region

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
