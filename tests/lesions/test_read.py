"""Reading structure sets: counts, bounds, reasons."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.errors import NamingError, ProtocolError
from rtplan.facts import Facts, LesionFact, PrimaryFacts
from rtplan.geometry.contour import Contour, Structure, StructureSet
from rtplan.lesions.model import Category, LesionReading, Organ
from rtplan.lesions.read import read_lesions
from tests.lesions.drawing import box, contour, ellipsoid, gtv, ring, sphere, structure, structures

OESOPHAGUS = Facts(primary=PrimaryFacts(site="oesophagus"))


def counts(*items: Structure, facts: Facts | None = None) -> tuple[int | None, ...]:
    count = read_lesions(structures(*items), facts=facts).count
    return count.lower, count.best, count.upper


def uses(reading: LesionReading) -> dict[str, str]:
    return {use.name: use.use for use in reading.structures}


def ptv(name: str, *parts: list[Contour]) -> Structure:
    return gtv(name, *parts, kind="PTV")


def test_gross_tumours_and_their_margins_are_counted_once() -> None:
    items = [
        gtv("GTV_1", sphere((0, 0, 0), 10)),
        gtv("GTV_2", sphere((60, 0, 0), 10)),
        gtv("CTV_1", sphere((0, 0, 0), 13), kind="CTV"),
        ptv("PTV_1", sphere((0, 0, 0), 16)),
        ptv("PTV_2", sphere((60, 0, 0), 16)),
    ]
    assert counts(*items) == (2, 2, 2)
    reading = read_lesions(structures(*items))
    assert uses(reading)["PTV_1"] == "not_counted"
    assert "expansion of GTV_1" in reading.structures[3].reason
    assert [le.id for le in reading.lesions] == ["L1", "L2"]


@pytest.mark.parametrize(
    "names",
    [
        ("GTV1", "GTV2", "GTV3"),
        ("GTV_1a", "GTV_1b", "GTV_2"),
        ("gtv 1", "gtv 2", "gtv 3"),
        ("Met 1", "Met 2", "Met 3"),
        ("Lesion-01", "Lesion-02", "Lesion-03"),
        ("mets_liver_1", "mets_liver_2", "mets_lung_1"),
        ("肝转移灶1", "肝转移灶2", "肺转移灶"),
        ("Lebermetastase 1", "Lebermetastase 2", "Lungenmetastase"),
        ("Métastase 1", "Métastase 2", "Métastase 3"),
        ("metástasis 1", "metástasis 2", "metástasis 3"),
        ("GTV", "GTV", "GTV"),
    ],
)
def test_any_style_of_names_counts_alike(names: tuple[str, ...]) -> None:
    places = [(0.0, 0.0, 0.0), (50.0, 0.0, 0.0), (0.0, 50.0, 30.0)]
    items = [structure(n, sphere(at, 8)) for n, at in zip(names, places, strict=True)]
    assert counts(*items) == (3, 3, 3)


def test_two_gross_tumours_in_one_planning_volume_are_two() -> None:
    assert counts(
        gtv("GTV_1", sphere((-12, 0, 0), 8)),
        gtv("GTV_2", sphere((12, 0, 0), 8)),
        ptv("PTV", ellipsoid((0, 0, 0), (30, 20, 20))),
    ) == (2, 2, 2)


def test_touching_pair_has_two_readings_and_the_reason_names_it() -> None:
    items = [gtv("GTV_1", sphere((0, 0, 0), 10)), gtv("GTV_2", sphere((20, 0, 0), 10))]
    reading = read_lesions(structures(*items))
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (1, 2, 2)
    assert reading.reason is not None
    assert "GTV_1 and GTV_2 touch" in reading.reason
    assert "LES009" in [f.code for f in reading.findings]


def test_partial_overlap_of_two_gross_tumours_has_two_readings() -> None:
    assert counts(gtv("GTV_1", sphere((0, 0, 0), 10)), gtv("GTV_2", sphere((14, 0, 0), 10))) == (
        1,
        2,
        2,
    )


@pytest.mark.parametrize("name", ["GTV_ALL", "GTV_total", "GTV", "GTVs", "all mets"])
def test_union_is_resolved_to_its_parts(name: str) -> None:
    one, two = sphere((0, 0, 0), 8), sphere((40, 0, 0), 8)
    items = [gtv("GTV_1", one), gtv("GTV_2", two), gtv(name, one, two)]
    assert counts(*items) == (2, 2, 2)


def test_union_of_touching_tumours_does_not_make_them_one() -> None:
    one, two = box((0, 0, 0), (10, 10, 12)), box((10, 0, 0), (20, 10, 12))
    both = box((0, 0, 0), (20, 10, 12))
    assert counts(gtv("GTV_1", one), gtv("GTV_2", two), gtv("GTV_ALL", both)) == (1, 2, 2)


def test_union_alone_counts_its_bodies() -> None:
    one, two = sphere((0, 0, 0), 8), sphere((40, 0, 0), 8)
    assert counts(gtv("GTV_ALL", one, two)) == (2, 2, 2)


def test_part_of_a_union_that_nothing_else_draws_is_counted() -> None:
    one, two = sphere((0, 0, 0), 8), sphere((40, 0, 0), 8)
    assert counts(gtv("GTV_1", one), gtv("GTV_ALL", one, two)) == (2, 2, 2)


def test_imaging_variants_are_one_lesion() -> None:
    assert counts(
        gtv("GTV_CT", sphere((0, 0, 0), 10)),
        gtv("GTV_PET", sphere((3, 0, 0), 8)),
        gtv("GTV_MR", sphere((0, 4, 0), 11)),
    ) == (1, 1, 1)


def test_phases_are_one_lesion_and_their_envelope_too() -> None:
    phases = [gtv(f"GTV_{p:02d}", sphere((0, 0, p / 8), 6)) for p in range(0, 100, 10)]
    envelope = gtv("ITV", ellipsoid((0, 0, 6), (6.5, 6.5, 13)))
    assert counts(*phases, envelope) == (1, 1, 1)


def test_phases_moved_apart_are_one_in_the_best_reading() -> None:
    assert counts(gtv("GTV_00", sphere((0, 0, 0), 5)), gtv("GTV_50", sphere((0, 0, 15), 5))) == (
        1,
        1,
        2,
    )


def test_duplicate_is_one_lesion() -> None:
    ball = sphere((0, 0, 0), 8)
    assert counts(gtv("GTV_1", ball), gtv("GTV_1 copy", ball)) == (1, 1, 1)


def test_internal_volume_without_gross_tumour_is_a_lesion() -> None:
    assert counts(gtv("GTV_1", sphere((0, 0, 0), 8)), gtv("ITV_2", sphere((50, 0, 0), 8))) == (
        2,
        2,
        2,
    )


def test_planning_volume_without_gross_tumour_is_a_doubt() -> None:
    reading = read_lesions(
        structures(
            gtv("GTV_1", sphere((0, 0, 0), 8)),
            ptv("PTV_1", sphere((0, 0, 0), 12)),
            ptv("PTV_2", sphere((60, 0, 0), 12)),
        )
    )
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (1, 2, 2)
    assert reading.reason is not None
    assert "PTV_2" in reading.reason


def test_elective_volume_is_no_lesion() -> None:
    assert counts(
        gtv("GTV_1", sphere((0, 0, 0), 8)),
        gtv("CTV_elective", sphere((0, 90, 0), 30), kind="CTV"),
    ) == (1, 1, 1)


def test_planning_volumes_alone_are_the_estimate() -> None:
    one, two = sphere((0, 0, 0), 12), sphere((60, 0, 0), 12)
    items = [ptv("PTV_1", one), ptv("PTV_2", two), ptv("PTV_total", one, two)]
    reading = read_lesions(structures(*items))
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (2, 2, 3)
    assert reading.reason is not None
    assert "only clinical or planning volumes" in reading.reason
    stated = tuple(LesionFact(id=le.id, category="organ_metastasis") for le in reading.lesions)
    assert counts(*items, facts=Facts(lesions=stated)) == (2, 2, 2)


def test_without_a_target_the_counts_are_none_and_the_reason_says_why() -> None:
    reading = read_lesions(structures(gtv("Heart", sphere((0, 0, 0), 40), kind="ORGAN")))
    count = reading.count
    assert (count.lower, count.best, count.upper) == (None, None, None)
    assert reading.reason is not None
    assert "no target is drawn" in reading.reason


def test_empty_structure_set_has_no_count() -> None:
    assert read_lesions(structures()).count.best is None


def test_empty_target_is_no_zero() -> None:
    reading = read_lesions(structures(gtv("GTV_1")))
    assert reading.count.best is None
    assert reading.reason is not None
    assert "'GTV_1' without contours" in reading.reason
    assert uses(reading) == {"GTV_1": "empty"}


def test_unreadable_target_is_named() -> None:
    broken = replace(gtv("GTV_2", sphere((50, 0, 0), 8)), problem="duplicate ROI number")
    reading = read_lesions(structures(gtv("GTV_1", sphere((0, 0, 0), 8)), broken))
    assert uses(reading)["GTV_2"] == "unreadable"
    assert "duplicate ROI number" in reading.structures[1].reason


def test_surgical_cavity_is_zero_or_one() -> None:
    reading = read_lesions(
        structures(
            gtv("Breast", sphere((0, 0, 0), 45)),
            gtv("Tumor Bed", sphere((0, 0, 0), 14), kind="CTV"),
            gtv("Tumor Bed Block", sphere((0, 0, 0), 24)),
        )
    )
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (0, 0, 1)
    assert reading.reason is not None
    assert "cavity" in reading.reason
    assert uses(reading) == {
        "Breast": "organ",
        "Tumor Bed": "not_counted",
        "Tumor Bed Block": "helper",
    }


def test_small_gross_tumour_named_like_its_organ_is_counted_with_a_doubt() -> None:
    reading = read_lesions(structures(gtv("Liver", sphere((0, 0, 0), 10))))
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (0, 1, 1)


def test_skipped_plane_is_one_lesion_with_a_finding() -> None:
    reading = read_lesions(structures(gtv("GTV_1", sphere((0, 0, 0), 12, skip=[3]))))
    assert (reading.count.lower, reading.count.upper) == (1, 1)
    assert "LES006" in [f.code for f in reading.findings]


def test_wide_gap_has_two_readings() -> None:
    assert counts(gtv("GTV", sphere((0, 0, 0), 15, skip=[0, 3]))) == (1, 1, 2)


def test_stray_mark_is_flagged_and_not_counted_for_a_numbered_lesion() -> None:
    mark = [contour(ring((60, 0), (1.5, 1.5)), 0.0)]
    reading = read_lesions(structures(gtv("GTV_1", sphere((0, 0, 0), 15), mark)))
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (1, 1, 2)
    assert "LES008" in [f.code for f in reading.findings]


def test_sliver_is_flagged_and_only_in_the_upper_bound() -> None:
    strip = box((60, 0, 0), (60.5, 20, 9))
    reading = read_lesions(structures(gtv("GTV_ALL", sphere((0, 0, 0), 15), strip)))
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (1, 1, 2)
    assert "LES007" in [f.code for f in reading.findings]


def test_primary_and_regional_node_are_listed_but_not_counted() -> None:
    reading = read_lesions(
        structures(
            gtv("GTVp", sphere((0, 0, 0), 20)),
            gtv("GTVn_AJCC8:7", sphere((0, 0, 60), 7)),
            gtv("GTVn_LN_Paraaortic", sphere((0, 0, -90), 7)),
            gtv("GTV_liver_1", sphere((80, 0, -90), 9)),
        ),
        facts=OESOPHAGUS,
    )
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (2, 2, 2)
    assert [le.category for le in reading.lesions] == [
        Category.PRIMARY,
        Category.REGIONAL_NODE,
        Category.EXTRAREGIONAL_NODE,
        Category.ORGAN_METASTASIS,
    ]
    assert uses(reading)["GTVp"] == "not_counted"


def test_supraclavicular_node_is_asked_never_assumed() -> None:
    items = [gtv("GTVp", sphere((0, 0, 0), 20)), gtv("GTVn_LN_Sclav_L", sphere((0, 0, 200), 7))]
    reading = read_lesions(structures(*items), facts=OESOPHAGUS)
    node = reading.lesions[1]
    assert (node.category, node.station, node.laterality) == (
        Category.UNKNOWN,
        "LN_Sclav",
        "left",
    )
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (0, 1, 1)
    assert "LES012" in [f.code for f in node.findings]


def test_bare_station_number_is_unknown() -> None:
    reading = read_lesions(structures(gtv("GTVn_16a2", sphere((0, 0, 0), 7))), facts=OESOPHAGUS)
    (node,) = reading.lesions
    assert (node.category, node.station) == (Category.UNKNOWN, None)
    assert "LES014" in [f.code for f in node.findings]


def test_stations_are_not_judged_for_other_primaries() -> None:
    facts = Facts(primary=PrimaryFacts(site="lung"))
    reading = read_lesions(structures(gtv("GTVn_AJCC8:7", sphere((0, 0, 0), 7))), facts=facts)
    assert reading.lesions[0].category is Category.UNKNOWN


def test_organ_is_found_by_overlap_before_name() -> None:
    reading = read_lesions(
        structures(
            gtv("GTV_liver", sphere((60, 0, 0), 8)),
            gtv("Lung_L", sphere((60, 0, 0), 60), kind="ORGAN"),
            gtv("Lungs", sphere((60, 0, 0), 60), sphere((-80, 0, 0), 60), kind="ORGAN"),
        )
    )
    (lesion,) = reading.lesions
    assert (lesion.organ, lesion.laterality) == (Organ.LUNG, "left")
    assert "LES013" in [f.code for f in lesion.findings]


def test_organ_drawn_without_its_tumour_is_found_by_the_rim() -> None:
    lung = []
    for outer in sphere((0, 0, 0), 60):
        z = float(outer.points_mm[0, 2])
        lung.append(outer)
        if abs(z) < 12:
            size = float(np.sqrt(12**2 - z**2))
            lung.append(contour(ring((0, 0), (size, size)), z))
    reading = read_lesions(
        structures(gtv("GTV_1", sphere((0, 0, 0), 12)), structure("Lung_R", lung, kind="ORGAN"))
    )
    assert reading.lesions[0].organ is Organ.LUNG
    assert reading.lesions[0].laterality == "right"


def test_organ_on_other_planes_is_found() -> None:
    reading = read_lesions(
        structures(
            gtv("GTV_1", sphere((0, 0, 0), 9, step=2.0)),
            structure("Liver", sphere((0, 0, 0), 80, step=5.0), kind="ORGAN"),
        )
    )
    assert reading.lesions[0].organ is Organ.LIVER


def test_planes_that_do_not_coincide_are_compared() -> None:
    shifted = [
        Contour(c.points_mm + np.array([0, 0, 1.0]), c.kind)
        for c in sphere((0, 0, 0), 10, step=2.5)
    ]
    assert counts(gtv("GTV_CT", sphere((0, 0, 0), 10)), gtv("GTV_MR", shifted)) == (1, 1, 1)


def test_structures_on_planes_of_another_direction_are_compared() -> None:
    turned = [Contour(c.points_mm[:, [2, 0, 1]].copy(), c.kind) for c in sphere((0, 0, 0), 10)]
    assert counts(gtv("GTV_CT", sphere((0, 0, 0), 10)), gtv("GTV_MR", turned)) == (1, 1, 1)


def test_facts_override_and_the_lesion_says_so() -> None:
    items = [gtv("GTV_1", sphere((0, 0, 0), 10)), gtv("GTV_2", sphere((60, 0, 0), 10))]
    facts = Facts(
        lesions=(
            LesionFact(structure="GTV_2", category="primary"),
            LesionFact(
                id="L1", organ="lung", laterality="left", category="organ_metastasis", site="hilum"
            ),
        )
    )
    reading = read_lesions(structures(*items), facts=facts)
    first, second = reading.lesions
    assert first.reason.endswith("organ 'lung', laterality 'left', site 'hilum'")
    assert (first.id, first.category, first.organ, first.laterality) == (
        "L1",
        Category.ORGAN_METASTASIS,
        Organ.LUNG,
        "left",
    )
    assert second.category is Category.PRIMARY
    assert "stated in the facts" in second.reason
    assert reading.count.best == 1


def test_facts_settle_a_doubtful_category() -> None:
    node = gtv("GTVn_LN_Sclav_L", sphere((0, 0, 0), 7))
    facts = Facts(lesions=(LesionFact(structure="GTVn_LN_Sclav_L", category="regional_node"),))
    assert counts(node, facts=facts) == (0, 0, 0)


def test_facts_can_say_that_an_orphan_is_a_lesion() -> None:
    items = [gtv("GTV_1", sphere((0, 0, 0), 8)), ptv("PTV_boost", sphere((60, 0, 0), 12))]
    assert counts(*items) == (1, 1, 2)
    stated = Facts(lesions=(LesionFact(structure="PTV_boost", category="organ_metastasis"),))
    assert counts(*items, facts=stated) == (2, 2, 2)


@pytest.mark.parametrize(
    "fact", [LesionFact(structure="GTV_3"), LesionFact(id="L9"), LesionFact(structure="Heart")]
)
def test_fact_that_names_no_lesion_is_an_error_with_the_nearest(fact: LesionFact) -> None:
    items = [
        gtv("GTV_1", sphere((0, 0, 0), 8)),
        gtv("Heart", box((90, 0, 0), (150, 60, 60)), kind="ORGAN"),
    ]
    with pytest.raises(NamingError, match=r"nearest is '(GTV_1|L1)'"):
        read_lesions(structures(*items), facts=Facts(lesions=(fact,)))


def test_fact_of_an_unknown_category_is_an_error_with_the_nearest() -> None:
    facts = Facts(lesions=(LesionFact(structure="GTV_1", category="primry"),))
    with pytest.raises(ProtocolError, match=r"'primry'.*nearest is 'primary'"):
        read_lesions(structures(gtv("GTV_1", sphere((0, 0, 0), 8))), facts=facts)


def test_every_structure_is_accounted_for_with_a_reason() -> None:
    items = [
        gtv("GTV_1", sphere((0, 0, 0), 8)),
        ptv("PTV_1", sphere((0, 0, 0), 12)),
        gtv("GTV_2"),
        structure("xyz", sphere((200, 0, 0), 8)),
        structure("Couch", box((0, 200, 0), (100, 210, 30)), kind="SUPPORT"),
    ]
    reading = read_lesions(structures(*items))
    assert [use.name for use in reading.structures] == [item.name for item in items]
    assert all(use.reason for use in reading.structures)


SCENE = [
    gtv("GTVp", sphere((0, 0, 0), 20)),
    gtv("GTV_1", sphere((60, 0, 0), 8)),
    gtv("GTV_2", sphere((75, 0, 0), 8)),
    gtv("GTV_ALL", sphere((60, 0, 0), 8), sphere((75, 0, 0), 8)),
    gtv("Met 3", sphere((0, 80, 30), 5)),
    ptv("PTV_1", ellipsoid((67, 0, 0), (22, 14, 14))),
    ptv("PTV_9", sphere((-80, 0, 0), 10)),
    gtv("Lung_L", sphere((70, 0, 0), 50), kind="ORGAN"),
]


@settings(deadline=None, max_examples=15)
@given(st.permutations(SCENE), st.permutations(range(1, 9)))
def test_count_and_ids_do_not_depend_on_order_or_numbers(
    order: list[Structure], numbers: list[int]
) -> None:
    first = read_lesions(structures(*SCENE))
    shuffled = [replace(s, number=n) for s, n in zip(order, numbers, strict=True)]
    second = read_lesions(StructureSet("1", structures=tuple(shuffled)))
    assert second.count == first.count
    assert second.reason == first.reason
    assert [(le.id, le.category, le.organ, le.structures[0].name) for le in second.lesions] == [
        (le.id, le.category, le.organ, le.structures[0].name) for le in first.lesions
    ]


def test_targets_of_different_frames_are_not_compared_and_the_lower_bound_is_one_frames() -> None:
    ball = sphere((0, 0, 0), 8)
    items = structures(gtv("GTV_1", ball), gtv("GTV_2", ball), gtv("GTV_3", sphere((50, 0, 0), 8)))
    frames = ("1.2.3", "1.2.4", "1.2.4")
    placed = tuple(
        replace(s, frame_of_reference_uid=frame)
        for s, frame in zip(items.structures, frames, strict=True)
    )
    reading = read_lesions(StructureSet("1", structures=placed))
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (2, 3, 3)
    assert "LES018" in [f.code for f in reading.findings]


def test_beside_a_primary_numbered_planning_volumes_are_the_estimate() -> None:
    assert counts(
        gtv("GTVp", sphere((0, 0, 0), 15)),
        ptv("PTV_1", sphere((80, 0, 0), 12)),
        ptv("PTV_2", sphere((-80, 0, 0), 12)),
    ) == (2, 2, 3)


def test_number_is_a_label_after_its_predecessor_and_else_a_dose() -> None:
    labels = [ptv(f"PTV_{n}", sphere((40.0 * n, 0, 0), 8)) for n in range(18, 23)]
    assert counts(gtv("GTVp", sphere((0, 0, 0), 15)), *labels) == (5, 5, 6)
    doses = [ptv("PTV_45", sphere((0, 0, 0), 40)), ptv("PTV_60", sphere((0, 0, 0), 20))]
    assert counts(*doses) == (1, 1, 2)


def test_boost_inside_its_planning_volume_is_one_lesion() -> None:
    inner, outer = sphere((0, 0, 0), 10), sphere((0, 0, 0), 16)
    assert counts(ptv("PTV_1", outer), ptv("PTV_2", inner)) == (1, 1, 2)
    assert counts(gtv("GTV_1", outer), gtv("GTV_2", inner)) == (1, 1, 2)
