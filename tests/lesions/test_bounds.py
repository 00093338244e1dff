"""A gross tumour is never set aside in silence: doubt widens the bounds, with a reason."""

from dataclasses import replace

import pytest

from rtplan.errors import ProtocolError
from rtplan.facts import Facts, LesionFact, PrimaryFacts
from rtplan.geometry.contour import Contour, Structure
from rtplan.lesions.model import Category, LesionReading, Organ
from rtplan.lesions.read import read_lesions
from tests.lesions.drawing import (
    Point,
    box,
    contour,
    gtv,
    ring,
    sphere,
    structure,
    structures,
)


def ball(x: float = 0.0, radius: float = 12.0) -> list[Contour]:
    return sphere((x, 0, 0), radius)


def shell(x: float, inner: float, outer: float) -> list[Contour]:
    return [*ball(x, outer), *ball(x, inner)]


def ptv(name: str, *parts: list[Contour]) -> Structure:
    return gtv(name, *parts, kind="PTV")


def read(*items: Structure, site: str | None = "oesophagus") -> LesionReading:
    facts = Facts(primary=PrimaryFacts(site=site))
    return read_lesions(structures(*items), facts=facts)


def bounds(reading: LesionReading) -> tuple[int | None, ...]:
    """The count; where it is not definite the reason and a finding must say why."""
    count = reading.count
    if count.best is not None and not count.is_definite:
        assert reading.reason
        assert {"LES009", "LES011"} & {f.code for f in reading.findings}
    return count.lower, count.best, count.upper


@pytest.mark.parametrize(
    "name",
    [
        "GTV_T8",
        "GTV T12",
        "GTVT8",
        "GTVt8",
        "GTV_T8_vertebra",
        "GTV_T10",
        "GTV_Th8",
        "GTV Th 12",
        "GTV_C5",
        "GTV_L3",
        "GTV_S1",
        "GTV_T8-9",
        "Met T8",
    ],
)
def test_vertebra_is_bone_and_no_primary(name: str) -> None:
    reading = read(gtv(name, ball()))
    assert bounds(reading) == (1, 1, 1)
    assert (reading.lesions[0].category, reading.lesions[0].organ) == (
        Category.ORGAN_METASTASIS,
        Organ.BONE,
    )


def test_vertebrae_are_told_apart_and_counted_beside_other_lesions() -> None:
    items = [gtv(n, ball(100.0 * i)) for i, n in enumerate(("GTV_lung", "GTV_T8", "GTV_T11"))]
    assert bounds(read(*items)) == (3, 3, 3)
    assert bounds(read(gtv("GTV_T8", ball()), gtv("GTV_T9", ball(18)))) == (1, 2, 2)
    assert bounds(read(ptv("PTV_T8", ball()), ptv("PTV_T5", ball(100)))) == (2, 2, 3)


def test_letter_and_number_are_no_vertebra_where_the_names_beside_contradict() -> None:
    sides = read(gtv("GTV_L1", ball()), gtv("GTV_R1", ball(100)))
    assert [le.laterality for le in sides.lesions] == ["left", "right"]
    phases = [gtv(f"GTV_T{p}", sphere((0, 0, z), 12)) for p, z in (("00", 0), (10, 3), (50, 9))]
    assert bounds(read(*phases)) == (1, 1, 1)
    assert read(gtv("GTV_T3_lung", ball())).lesions[0].organ is Organ.LUNG


@pytest.mark.parametrize("name", ["GTVp", "GTVp1", "GTVt", "GTVpt", "pGTV", "GTVp_CT"])
def test_letter_joined_to_the_stem_is_the_primary(name: str) -> None:
    assert read(gtv(name, ball())).lesions[0].category is Category.PRIMARY


@pytest.mark.parametrize("name", ["GTV_P2", "GTV_PT2", "GTV_T", "GTV-P", "GTV_T_2"])
def test_letter_as_a_word_leaves_the_primary_open(name: str) -> None:
    reading = read(gtv(name, ball()))
    assert bounds(reading) == (0, 1, 1)
    assert "LES012" in [f.code for f in reading.lesions[0].findings]


def test_imaging_that_begins_like_the_primary_is_imaging() -> None:
    assert bounds(read(gtv("GTV_T2w", ball()))) == (1, 1, 1)
    assert bounds(read(gtv("GTV_T2w", ball()), gtv("GTV_CT", ball()))) == (1, 1, 1)


def test_primary_by_name_in_another_organ_is_unknown_and_stays_in_the_upper_bound() -> None:
    liver = structure("Liver", ball(0, 60), kind="ORGAN")
    reading = read(gtv("GTVp", ball()), liver)
    assert bounds(reading) == (0, 1, 1)
    assert reading.lesions[0].category is Category.UNKNOWN
    own = read(gtv("GTVp_oesophagus", ball()), gtv("GTVp_stomach", ball(100)))
    assert {le.category for le in own.lesions} == {Category.PRIMARY}


@pytest.mark.parametrize(
    ("name", "organ"),
    [
        ("GTV_sub_pleural", Organ.LUNG),
        ("GTV_thoracolumbar_junction", Organ.BONE),
        ("GTV_right_lobe_liver", Organ.LIVER),
    ],
)
def test_common_words_of_sites_do_not_make_a_helper(name: str, organ: Organ) -> None:
    reading = read(gtv("GTV_1_liver", ball()), gtv(name, ball(100)))
    assert bounds(reading) == (2, 2, 2)
    assert organ in [le.organ for le in reading.lesions]


def test_node_below_the_carina_is_a_station_and_the_cardia_may_be_the_primary() -> None:
    assert read(gtv("GTVn_sub_carinal", ball())).lesions[0].station == "LN_Subcarinal"
    assert bounds(read(gtv("GTV_GE_junction", ball()))) == (0, 1, 1)


@pytest.mark.parametrize(
    "name",
    [
        "GTV_scar",
        "GTV_bone_hot",
        "GTV_field1",
        "GTV_iliac_border",
        "GTV_control_3",
        "GTV_test",
        "zGTV_2",
        "_GTV_2",
        "GTV minus PTV",
        "GTV-PTV",
        "GTV_ring",
        "Ring_GTV",
    ],
)
def test_gross_tumour_set_aside_by_a_word_is_in_the_upper_bound(name: str) -> None:
    reading = read(gtv("GTV_1", ball()), structure(name, ball(100)))
    assert bounds(reading) == (1, 1, 2)
    assert reading.reason is not None
    assert name in reading.reason
    assert "LES021" in [f.code for f in reading.findings]
    assert bounds(read(structure(name, ball()))) == (0, 0, 1)


def test_gross_type_set_aside_by_a_word_is_in_the_upper_bound() -> None:
    assert bounds(read(gtv("GTV_1", ball()), gtv("Block", ball(100)))) == (1, 1, 2)
    assert bounds(read(gtv("GTV_1", ball()), ptv("PTV_ring", ball(100)))) == (1, 1, 1)


def test_helper_in_or_around_a_counted_tumour_raises_nothing() -> None:
    one = gtv("GTV_1", ball(0, 10))
    assert bounds(read(one, gtv("zGTV_1", ball(0, 10)))) == (1, 1, 1)
    assert bounds(read(one, gtv("GTV_1_ring", shell(0, 12, 20)))) == (1, 1, 1)
    lungs = structure("Lungs-GTV", shell(200, 10, 40), kind="ORGAN")
    assert bounds(read(one, lungs)) == (1, 1, 1)


def test_facts_can_say_that_what_was_set_aside_is_a_lesion() -> None:
    items = structures(gtv("GTV_1", ball()), gtv("GTV_test", ball(100)))
    stated = LesionFact(structure="GTV_test", category="organ_metastasis")
    reading = read_lesions(items, facts=Facts(lesions=(stated,)))
    assert bounds(reading) == (2, 2, 2)
    assert reading.structures[1].use == "counted"


def two_in(name: str, *at: Point) -> list[Structure]:
    organ = structure(name, box((-15, -15, -150), (15, 15, 150)), kind="ORGAN")
    return [organ, *(gtv(f"GTV_{i}", sphere(p, 11.0 + i)) for i, p in enumerate(at, start=1))]


def test_one_body_only_is_the_primary_for_its_site() -> None:
    reading = read(*two_in("Esophagus", (0, 0, -100), (0, 0, 100)))
    assert bounds(reading) == (0, 1, 1)
    categories = {le.structures[0].name: le.category for le in reading.lesions}
    assert categories == {"GTV_1": Category.UNKNOWN, "GTV_2": Category.PRIMARY}
    assert bounds(read(*two_in("Esophagus", (0, 0, 0)))) == (0, 0, 0)


@pytest.mark.parametrize(
    ("site", "names", "expected"),
    [
        ("breast", ("GTV_breast_L", "GTV_breast_R"), (0, 1, 1)),
        ("colorectum", ("GTV_duodenum", "GTV_liver_1"), (2, 2, 2)),
        ("colorectum", ("GTV_anal_canal", "GTV_liver_1"), (1, 2, 2)),
        ("colorectum", ("GTV_rectum", "GTV_liver_1"), (1, 1, 1)),
        ("head_neck", ("GTV_thyroid", "GTV_lung_1"), (1, 2, 2)),
        ("head_neck", ("GTV_parotid", "GTV_lung_1"), (1, 2, 2)),
    ],
)
def test_only_the_primarys_own_organ_excludes(
    site: str, names: tuple[str, str], expected: tuple[int, int, int]
) -> None:
    reading = read(gtv(names[0], ball()), gtv(names[1], ball(100)), site=site)
    assert bounds(reading) == expected


@pytest.mark.parametrize(
    "name",
    [
        "iliac_1",
        "inguinal_2",
        "obturator_L",
        "retroperitoneal",
        "mesenteric",
        "axillary_L",
        "imn",
        "neck_III",
    ],
)
def test_name_of_a_group_of_stations_is_no_station(name: str) -> None:
    (node,) = read(gtv(f"GTVn_{name}", ball())).lesions
    assert (node.category, node.station) == (Category.EXTRAREGIONAL_NODE, None)
    assert "not one station" in node.reason


def test_nodes_of_different_groups_are_told_apart() -> None:
    touching = gtv("GTVn_iliac", ball()), gtv("GTVn_inguinal", ball(23))
    assert bounds(read(*touching)) == (1, 2, 2)


@pytest.mark.parametrize("name", ["pericardial", "truncus_brachiocephalicus", "splenic_hilum"])
def test_node_whose_name_is_no_known_station_is_not_regional(name: str) -> None:
    reading = read(gtv(f"GTVn_{name}", ball()))
    assert reading.lesions[0].category is Category.UNKNOWN
    assert bounds(reading) == (0, 1, 1)


def test_numbered_planning_volume_that_overlaps_another_tumour_slightly_is_a_doubt() -> None:
    first = gtv("GTV_liver_1", ball(0, 15)), ptv("PTV_1", ball(0, 20))
    assert bounds(read(*first, ptv("PTV_2", ball(28, 20)))) == (1, 2, 2)
    assert bounds(read(*first, ptv("PTV", ball(28, 20)))) == (1, 1, 2)
    assert bounds(read(first[0], ptv("PTV_1", ball(28, 20)))) == (1, 1, 1)


def test_planning_volume_with_another_number_than_the_tumour_in_it_is_a_doubt() -> None:
    items = gtv("GTV_1", ball()), ptv("PTV_1", ball(0, 16)), ptv("PTV_2", ball(5, 24))
    assert bounds(read(*items)) == (1, 1, 2)
    assert bounds(read(*items, gtv("GTV_2", ball(24, 4)))) == (2, 2, 2)
    assert bounds(read(gtv("GTV", ball()), *items[1:])) == (1, 1, 1)


def test_name_of_two_organs_tells_none_and_says_so() -> None:
    (lesion,) = read(gtv("GTV_liver_pancreas", ball())).lesions
    assert lesion.organ is None
    assert "tells two" in lesion.reason


def test_nested_planning_volumes_with_numbers_may_be_two() -> None:
    assert bounds(read(ptv("PTV_1", ball(0, 8)), ptv("PTV_2", ball(10, 30)))) == (1, 1, 2)


def test_numbered_gross_tumour_without_contours_is_in_the_upper_bound() -> None:
    reading = read(gtv("GTV_1_liver", ball()), gtv("GTV_2"))
    assert bounds(reading) == (1, 1, 2)
    assert {"LES001", "LES009"} <= {f.code for f in reading.findings}
    assert bounds(read(gtv("GTV_1"), gtv("GTV_2"))) == (None, None, None)


def test_empty_gross_tumour_that_is_drawn_elsewhere_raises_nothing() -> None:
    assert bounds(read(gtv("GTV_1", ball()), gtv("GTV_1_PET"))) == (1, 1, 1)
    assert bounds(read(gtv("GTV_1", ball()), gtv("GTV"))) == (1, 1, 1)
    assert bounds(read(gtv("GTV_1", ball()), gtv("GTVp"))) == (1, 1, 1)


def test_unreadable_gross_tumour_is_in_the_upper_bound() -> None:
    broken = replace(gtv("GTV_2", ball(100)), problem="coordinates cannot be read")
    reading = read(gtv("GTV_1", ball()), broken)
    assert bounds(reading) == (1, 1, 2)
    assert "LES005" in [f.code for f in reading.findings]


@pytest.mark.parametrize(("name", "radius"), [("Kidney_L", 26.0), ("Stomach", 28.0)])
def test_gross_tumour_as_large_as_its_organ_is_in_the_upper_bound(name: str, radius: float) -> None:
    reading = read(gtv(name, ball(0, radius)), gtv("GTV_lung_1", ball(200)))
    assert bounds(reading) == (1, 1, 2)
    assert "LES003" in [f.code for f in reading.findings]
    held = read(gtv(name, ball(0, radius)), gtv("GTV_1", ball()))
    assert bounds(held) == (1, 1, 1)


def test_numbered_elective_volume_is_in_the_upper_bound() -> None:
    one = gtv("GTV_lung_1", ball())
    assert bounds(read(one, ptv("PTV_2_low", ball(100)))) == (1, 1, 2)
    assert bounds(read(one, ptv("PTV_low", ball(100)))) == (1, 1, 1)
    assert bounds(read(one, gtv("GTV_low_5mm", ball(100)))) == (1, 1, 2)


def test_facts_cannot_make_a_lung_lesion_a_node_unless_they_state_its_organ() -> None:
    drawn = structures(gtv("GTV_lung_1", ball()))
    fact = LesionFact(structure="GTV_lung_1", category="regional_node")
    with pytest.raises(ProtocolError, match=r"'GTV_lung_1': found 'lung'.*state its organ"):
        read_lesions(drawn, facts=Facts(lesions=(fact,)))
    stated = Facts(lesions=(replace(fact, organ="lymph_node"),))
    assert bounds(read_lesions(drawn, facts=stated)) == (0, 0, 0)


def test_gross_tumour_that_fills_a_cavity_may_have_been_removed() -> None:
    cavity = gtv("Cavity_1", ball(0, 13), kind="CTV")
    reading = read(gtv("Met_1", ball()), cavity)
    assert bounds(reading) == (0, 1, 1)
    assert "may be what was removed" in (reading.reason or "")
    assert bounds(read(gtv("Met_1", ball(6, 5)), cavity)) == (1, 1, 1)


def test_tiny_mark_is_no_lesion_in_the_best_reading_whatever_its_name() -> None:
    mark = [contour(ring((60, 0), (0.8, 0.8)), 0.0)]
    seen = [contour(ring((60, 0), (2.0, 2.0)), 0.0)]
    assert bounds(read(gtv("GTV", ball(0, 20), mark))) == (1, 1, 2)
    assert bounds(read(gtv("GTV", ball(0, 20), seen))) == (1, 2, 2)


def test_sliver_is_never_the_body_that_stands_for_its_structure() -> None:
    strip = box((60, 0, 0), (60.5, 40, 30))
    assert bounds(read(gtv("GTV_1", ball(0, 3), strip))) == (1, 1, 2)


def test_two_structures_of_one_name_that_touch_are_two() -> None:
    assert bounds(read(gtv("GTV", ball()), gtv("GTV", ball(23.5)))) == (1, 2, 2)
    variants = gtv("GTV_CT", ball()), gtv("GTV_MR", ball(23.5))
    assert bounds(read(*variants)) == (1, 1, 2)


def test_ten_phases_far_apart_are_one_or_two_and_few_pairs_are_named() -> None:
    items = [gtv(f"GTV_1_{p:02d}%", sphere((0, 0, 0.7 * p), 6)) for p in range(0, 100, 10)]
    reading = read(*items)
    assert bounds(reading) == (1, 1, 2)
    assert len((reading.reason or "").split("; ")) < 10


def test_name_of_tumour_stands_for_the_lesion_before_a_larger_one() -> None:
    (lesion,) = read(gtv("xyz", ball(0, 20)), gtv("GTV_1", ball())).lesions
    assert lesion.structures[0].name == "GTV_1"
    assert lesion.volume_cc == pytest.approx(7.2, abs=0.5)
