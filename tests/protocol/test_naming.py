"""Structures matched to organs: whole names and synonyms, never a guess between two."""

from __future__ import annotations

import numpy as np
import pytest

from rtplan.errors import NamingError, ProtocolError
from rtplan.geometry.contour import Contour, Structure
from rtplan.protocol.load import load_limits
from rtplan.protocol.naming import aliases, find, normalised, read_aliases
from rtplan.protocol.toml_table import Table

SQUARE = Contour(np.array([[0.0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]]))


def drawn(*names: str) -> list[Structure]:
    return [
        Structure(number, name, contours=(SQUARE,)) for number, name in enumerate(names, start=1)
    ]


@pytest.mark.parametrize(
    ("organ", "name"),
    [
        ("SpinalCord", "SpinalCord"),
        ("SpinalCord", "spinal cord"),
        ("SpinalCord", "SPINAL_CORD"),
        ("SpinalCord", "cord"),
        ("SpinalCord", "Myelon"),
        ("SpinalCord", "Rückenmark"),
        ("SpinalCord", "Ru\u0308ckenmark"),
        ("SpinalCord", "脊髓"),
        ("SpinalCord", "\u200bＳｐｉｎａｌ Ｃｏｒｄ"),
        ("Esophagus", "Oesophagus"),
        ("Esophagus", "食管"),
        ("Heart", "心脏"),
        ("Lung_L", "Lt Lung"),
        ("Lung_L", "lung left"),
        ("Lung_R", "右肺"),
        ("Kidney_L", "Niere links"),
        ("Lungs", "双肺"),
        ("BrachialPlex_R", "Brachial Plexus Rt"),
    ],
)
def test_name_is_found(organ: str, name: str) -> None:
    match = find(organ, drawn("Liver", name))
    assert match is not None
    assert match.structure.name == name
    assert match.how


@pytest.mark.parametrize(
    ("organ", "name"),
    [
        ("SpinalCord", "SpinalCord_PRV03"),
        ("SpinalCord", "PRV SpinalCord"),
        ("SpinalCord", "SpinalCanal"),
        ("SpinalCord", "_SpinalCord"),
        ("SpinalCord", "zSpinalCord"),
        ("SpinalCord", "SpinalCord~"),
        ("SpinalCord", "SpinalCord^Mine"),
        ("SpinalCord", "SpinalCord-PTV"),
        ("Lungs", "Lungs-GTV"),
        ("Lungs", "Lung_L"),
        ("Lung_L", "Lung_R"),
        ("Heart", "Heart_PRV"),
        ("Bladder_Wall", "Bladder"),
    ],
)
def test_other_structure_is_not_taken(organ: str, name: str) -> None:
    assert find(organ, drawn(name)) is None


@pytest.mark.parametrize(
    "names",
    [
        ("SpinalCord", "SpinalCord"),
        ("SpinalCord", "Spinal Cord"),
        ("Cord", "Myelon"),
        ("SpinalCord", "Myelon"),
    ],
)
def test_two_matches_are_refused_by_name(names: tuple[str, str]) -> None:
    with pytest.raises(NamingError) as caught:
        find("SpinalCord", drawn(*names))
    assert f'"{names[0]}" (#1)' in str(caught.value)
    assert f'"{names[1]}" (#2)' in str(caught.value)


def test_empty_twin_is_passed_over_and_said() -> None:
    match = find("SpinalCord", [Structure(1, "SpinalCord"), *drawn("x", "Myelon")[1:]])
    assert match is not None
    assert match.structure.name == "Myelon"
    assert '"SpinalCord" (#1) has no contours' in match.how


def test_how_it_matched_is_stated() -> None:
    how = [find("Heart", drawn(name)) for name in ("Heart", "HEART", "Herz")]
    assert [match.how for match in how if match] == [
        "same name",
        "same name but for letter case, spaces or underscores",
        '"Herz" is a known synonym',
    ]


def test_every_organ_of_the_limits_is_in_the_table() -> None:
    known = set(aliases().values())
    for limit in load_limits("tg101").limits:
        for name in (limit.structure, *limit.parts):
            assert name in known
        if limit.sides:
            assert {f"{limit.structure}_L", f"{limit.structure}_R"} <= known


def test_synonym_of_two_organs_is_an_error() -> None:
    table = Table(
        {
            "schema": "rtplan/structure-names/1",
            "sides": {"L": ["L"], "R": ["R"]},
            "structure": [
                {"name": "Heart", "aliases": ["H"]},
                {"name": "Liver", "aliases": ["h"]},
            ],
        },
        file="names.toml",
    )
    with pytest.raises(ProtocolError, match=r'names.toml: structure\[1\].aliases: "h" is also'):
        read_aliases(table)


def test_normalising_twice_changes_nothing() -> None:
    for name in ("  Spinal_Cord ", "_x_y", "Ｌｕｎｇ　Ｌ", "ẞ", ""):
        assert normalised(normalised(name)) == normalised(name)
