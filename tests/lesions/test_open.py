"""What may be tumour and is not counted opens the upper bound, with a reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtplan.facts import Facts, LesionFact, PrimaryFacts
from rtplan.geometry.contour import Contour, Structure
from rtplan.lesions.model import Category, LesionReading, Organ
from rtplan.lesions.names import Kind, read_name
from rtplan.lesions.read import read_lesions
from rtplan.lesions.roles import Role, decide_roles
from rtplan.lesions.vocabulary import vocabulary
from tests.lesions.drawing import gtv, sphere, structure, structures


def ball(x: float = 0.0, radius: float = 9.0, z: float = 0.0) -> list[Contour]:
    return sphere((x, 0.0, z), radius)


def read(*items: Structure) -> LesionReading:
    return read_lesions(structures(*items))


def bounds(reading: LesionReading) -> tuple[int | None, ...]:
    return reading.count.lower, reading.count.best, reading.count.upper


def codes(reading: LesionReading) -> set[str]:
    return {f.code for f in reading.findings} | {
        f.code for x in reading.lesions for f in x.findings
    }


KNOWN = (gtv("GTV_1", ball(-80)), gtv("GTV_2", ball(80)))


@pytest.mark.parametrize("name", ["Liver SBRT", "SBRT Lunge", "肺 SBRT", "Lung_L xyz", "Ca pulmon"])
def test_small_organ_with_unknown_words_opens_the_upper_bound(name: str) -> None:
    reading = read(*KNOWN, structure(name, ball()))
    assert bounds(reading) == (2, 2, 3)
    assert "LES020" in codes(reading)
    assert reading.structures[2].use == "unrecognised"
    assert reading.reason
    assert name in reading.reason


def test_large_or_typed_organ_with_unknown_words_is_the_organ() -> None:
    large = structure("Liver xyz", ball(0, 60, 200))
    typed = structure("Liver xyz", ball(), kind="ORGAN")
    assert bounds(read(*KNOWN, large)) == (2, 2, 2)
    reading = read(*KNOWN, typed)
    assert bounds(reading) == (2, 2, 2)
    assert "LES020" in codes(reading)


@pytest.mark.parametrize("name", ["Femur_L SBRT", "肺SBRT"])
def test_organ_by_type_that_was_treated_opens_the_upper_bound(name: str) -> None:
    assert bounds(read(*KNOWN, structure(name, ball(), kind="ORGAN"))) == (2, 2, 3)


@pytest.mark.parametrize("name", ["Bone_Incus_L", "Bladder_Wall", "CN_VII_R", "股骨转子", "Lung_L"])
def test_part_of_an_organ_is_no_doubt(name: str) -> None:
    reading = read(*KNOWN, structure(name, ball()))
    assert bounds(reading) == (2, 2, 2)
    assert "LES020" not in codes(reading)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("肺癌", Kind.LESION),
        ("肝癌2", Kind.LESION),
        ("Lungenkrebs", Kind.LESION),
        ("Lung Ca", Kind.LESION),
        ("Lungenca", Kind.LESION),
        ("Lung lesn", Kind.LESION),
        ("肺转", Kind.METASTASIS),
        ("肺转2", Kind.METASTASIS),
        ("肺M1", Kind.METASTASIS),
        ("Hirnmeta", Kind.METASTASIS),
        ("Hirnmetas", Kind.METASTASIS),
        ("股骨转子", None),
        ("A_Iliaca", None),
    ],
)
def test_short_words_for_tumour_after_an_organ(name: str, kind: Kind | None) -> None:
    assert read_name(name).kind is kind
    told = decide_roles([structure(name, ball(), number=1)])[0]
    assert (told.role is Role.GROSS) is (kind is not None)


@pytest.mark.parametrize(
    "name", ["Hirnmetastase", "肝转移灶", "Met lung", "GTV liver", "GTVn", "GTV_L"]
)
def test_empty_tumour_that_no_drawn_name_tells_opens_the_upper_bound(name: str) -> None:
    reading = read(*KNOWN, structure(name))
    assert bounds(reading) == (2, 2, 3)
    assert reading.reason
    assert name in reading.reason


@pytest.mark.parametrize(
    ("empty", "drawn"),
    [
        ("Met lung", "Lung met 1"),
        ("GTV liver", "GTV_liver_1"),
        ("GTVn", "GTVn_1"),
        ("GTV", "Met 1"),
    ],
)
def test_empty_tumour_that_is_drawn_by_number_raises_nothing(empty: str, drawn: str) -> None:
    reading = read(gtv(drawn, ball()), structure(empty))
    assert reading.count.upper == 1


@pytest.mark.parametrize(("role", "upper"), [("gross", 3), ("helper", 2)])
def test_role_of_the_sites_names_file_holds_without_contours(role: str, upper: int) -> None:
    book = replace(vocabulary(), roles={"boost1": role})
    drawn = structures(*KNOWN, structure("Boost 1", kind="GTV"))
    assert read_lesions(drawn, book=book).count.upper == upper


@pytest.mark.parametrize(
    "items",
    [
        (gtv("GTVp", ball(0, 12), ball(100)),),
        (gtv("GTVp_1", ball(0, 12)), gtv("GTVp_2", ball(100))),
        (gtv("GTVp_1", ball(0, 12), ball(100)),),
    ],
)
def test_each_body_far_from_the_primary_of_its_name_opens_the_upper_bound(
    items: tuple[Structure, ...],
) -> None:
    reading = read(*items)
    assert bounds(reading) == (0, 0, 1)
    assert reading.reason
    assert "the primary by name" in reading.reason
    assert items[-1].name in reading.reason
    assert "LES009" in codes(reading)


def test_parts_of_a_primary_that_lie_close_are_one() -> None:
    chain = gtv("GTVp", ball(0, 12), ball(30), ball(56))
    assert bounds(read(chain, gtv("GTV_met_1", ball(200)))) == (1, 1, 1)


def test_facts_settle_which_bodies_are_the_primary() -> None:
    facts = Facts(lesions=(LesionFact(structure="GTVp_2", category="primary"),))
    drawn = structures(gtv("GTVp_1", ball(0, 12)), gtv("GTVp_2", ball(100)))
    assert read_lesions(drawn, facts=facts).count.upper == 1
    both = (*facts.lesions, LesionFact(structure="GTVp_1", category="primary"))
    assert read_lesions(drawn, facts=Facts(lesions=both)).count.upper == 0


@pytest.mark.parametrize("name", ["GTVt1", "GTV_T1", "GTV T2", "GTV_T1_MR"])
def test_tumour_number_is_no_vertebra_unless_one_is_drawn(name: str) -> None:
    reading = read(gtv(name, ball()))
    lesion = reading.lesions[0]
    assert bounds(reading) == (0, 1, 1)
    assert (lesion.category, lesion.organ) == (Category.UNKNOWN, None)
    assert "LES012" in codes(reading)
    vertebra = structure("Vertebra", ball(0, 20), kind="ORGAN")
    facts = Facts(primary=PrimaryFacts(site="oesophagus"))
    drawn = read_lesions(structures(gtv(name, ball()), vertebra), facts=facts)
    assert drawn.lesions[0].category is Category.ORGAN_METASTASIS
    assert drawn.lesions[0].organ is Organ.BONE


@pytest.mark.parametrize("name", ["GTV_Th1", "GTV_T2_vertebra", "Met T1", "GTV_T5"])
def test_vertebra_that_the_name_says_is_bone(name: str) -> None:
    assert read(gtv(name, ball())).lesions[0].organ is Organ.BONE


@pytest.mark.parametrize("kind", ["MARKER", "CONTROL", "BOLUS", "DOSE_REGION", "EXTERNAL"])
@pytest.mark.parametrize("name", ["Bone met", "肝转移灶"])
def test_metastasis_of_another_type_opens_the_upper_bound(name: str, kind: str) -> None:
    reading = read(*KNOWN, structure(name, ball(), kind=kind))
    assert bounds(reading) == (2, 2, 3)
    assert {"LES002", "LES021"} <= codes(reading)


@pytest.mark.parametrize("name", ["Lesion scar", "Tumor test", "ITV_scar", "zITV_3", "Herd Narbe"])
def test_helper_by_a_word_of_tumour_opens_the_upper_bound(name: str) -> None:
    reading = read(*KNOWN, structure(name, ball()))
    assert bounds(reading) == (2, 2, 3)
    assert "LES021" in codes(reading)


def test_ring_around_a_lesion_raises_nothing() -> None:
    ring = structure("Lesion ring", [*ball(-80, 20), *ball(-80, 12)])
    assert bounds(read(*KNOWN, ring)) == (2, 2, 2)


def test_small_external_swallows_no_tumour() -> None:
    small = structure("Body", ball(0, 40), kind="EXTERNAL")
    reading = read(gtv("GTV_1", ball(0, 35)), small)
    assert bounds(reading) == (1, 1, 1)
