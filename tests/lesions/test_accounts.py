"""What a reading says of each structure and lesion: the evidence, and what the facts add."""

import pytest

from rtplan.facts import Facts, PrimaryFacts
from rtplan.lesions.model import Category
from rtplan.lesions.read import read_lesions
from tests.lesions.drawing import gtv, sphere, structure, structures


def evidence(*items: tuple[str, str, float]) -> dict[str, tuple[str, ...]]:
    drawn = [
        structure(name, sphere((200.0 * i, 0, 0), radius), kind=kind)
        for i, (name, kind, radius) in enumerate(items)
    ]
    return {use.name: use.evidence for use in read_lesions(structures(*drawn)).structures}


def test_every_structure_names_the_evidence_that_told_its_role() -> None:
    found = evidence(
        ("GTV_1", "GTV", 8),
        ("Liver", "GTV", 72),
        ("Spleen", "ORGAN", 30),
        ("Ring", "", 9),
        ("xyzzy", "", 9),
    )
    assert found == {
        "GTV_1": ("name", "type"),
        "Liver": ("name", "geometry"),
        "Spleen": ("name", "type"),
        "Ring": ("name",),
        "xyzzy": (),
    }


@pytest.mark.parametrize(
    ("subsite", "category"),
    [("siewert_2", Category.REGIONAL_NODE), ("siewert_3", Category.UNKNOWN)],
)
def test_subsite_of_the_facts_tells_the_list_of_stations(subsite: str, category: Category) -> None:
    facts = Facts(primary=PrimaryFacts(site="egj", subsite=subsite))
    drawn = structures(
        gtv("GTVp", sphere((0, 0, 0), 15)), gtv("GTVn AJCC8:7", sphere((60, 0, 0), 8))
    )
    found = [lesion.category for lesion in read_lesions(drawn, facts=facts).lesions]
    assert found == [Category.PRIMARY, category]
