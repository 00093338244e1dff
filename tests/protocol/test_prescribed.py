"""Published regimens beside a plan: which are listed, what matches, and when it is not told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtplan.case import Case, Plan
from rtplan.case import Prescription as OfPlan
from rtplan.geometry.contour import Contour, GeometricType, Structure, StructureSet
from rtplan.lesions.model import (
    Category,
    Lesion,
    LesionCount,
    LesionReading,
    Organ,
    StructureRef,
)
from rtplan.protocol.dose_model import Prescription, PrescriptionSet, Treated
from rtplan.protocol.load import load_prescriptions
from rtplan.protocol.model import Citation, Evidence, Source
from rtplan.protocol.prescribed import (
    Comparison,
    LesionRegimens,
    Planned,
    compare_prescriptions,
    planned_for,
    regimens_for,
)

BUILT_IN = load_prescriptions("prescriptions")
SOURCE = Source("paper", "A paper", doi="10.1000/1")
CITED = Citation(Evidence.SECONDARY, SOURCE)
METASTASIS = Category.ORGAN_METASTASIS


def lesion(
    organ: Organ | None, category: Category = METASTASIS, number: int = 1, **known: Any
) -> Lesion:
    """A lesion drawn as one structure."""
    return Lesion("L1", category, organ, (StructureRef(number, "GTV"),), **known)


def case(*doses_gy: float, fractions: int | None = 3, **known: Any) -> Case:
    """A case whose plan prescribes these doses, to no ROI."""
    prescriptions = tuple(OfPlan(dose) for dose in doses_gy)
    return Case("case", plan=Plan("1.2", fractions=fractions, prescriptions=prescriptions), **known)


def regimens(*items: tuple[Any, Any]) -> PrescriptionSet:
    """A set for the lung; a dose or number of fractions may be a range."""
    made = tuple(
        Prescription(
            f"r{place}",
            "lung",
            Treated.METASTASES,
            dose if isinstance(dose, tuple) else (dose, dose),
            number if isinstance(number, tuple) else (number, number),
            CITED,
            organs=(Organ.LUNG,),
            condition="peripheral",
        )
        for place, (dose, number) in enumerate(items)
    )
    return PrescriptionSet("own", "Own", "our doses", "1", (SOURCE,), made)


def compared(
    held: PrescriptionSet, of: Lesion, beside: Case, primary_site: str | None = None
) -> LesionRegimens:
    reading = LesionReading(LesionCount(1, 1, 1), (of,))
    result = compare_prescriptions(held, beside, reading, primary_site=primary_site)
    assert result.reason is None
    return result.lesions[0]


def listed(of: Lesion, primary_site: str | None = None) -> set[str]:
    return {item.id for item in regimens_for(BUILT_IN.prescriptions, of, primary_site)}


@pytest.mark.parametrize("site", ["lung", "any site", "primary of the lung"])
def test_what_is_matched_is_in_the_keys_and_not_in_the_words_of_the_site(site: str) -> None:
    (item,) = regimens((54.0, 3)).prescriptions
    for lesions, organs, primaries, expected in (
        (Treated.METASTASES, (), (), [True, True, False]),
        (Treated.METASTASES, (Organ.LIVER,), (), [False, True, False]),
        (Treated.METASTASES, (), ("breast",), [False, False, False]),
        (Treated.METASTASES, (Organ.LUNG,), ("breast", "lung"), [True, False, False]),
        (Treated.PRIMARY, (), ("lung", "breast"), [False, False, True]),
        (Treated.PRIMARY, (), ("breast",), [False, False, False]),
    ):
        asked = replace(item, site=site, lesions=lesions, organs=organs, primaries=primaries)
        found = [
            regimens_for([asked], lesion(organ, category), "lung") == (asked,)
            for organ, category in (
                (Organ.LUNG, METASTASIS),
                (Organ.LIVER, METASTASIS),
                (Organ.LUNG, Category.PRIMARY),
            )
        ]
        assert found == expected


def test_regimens_are_those_of_the_organ_and_of_any_site() -> None:
    anywhere = {"sabr-comet-10-20-1", "sabr-comet-10-30-3", "sabr-comet-10-35-5"}
    adrenal = anywhere | {"sabr-comet-adrenal-60-8"}
    assert listed(lesion(Organ.ADRENAL), "oesophagus") == adrenal
    assert listed(lesion(Organ.ADRENAL), "breast") == adrenal | {"nrg-br001-peripheral-45-3"}
    assert listed(lesion(Organ.SPLEEN), "oesophagus") == anywhere
    lung = listed(lesion(Organ.LUNG), "oesophagus")
    assert "sabr-comet-lung-54-3" in lung
    assert not {name for name in lung if name.startswith(("nccn", "sindas", "oesophagus"))}


def test_regimens_of_a_primary_are_for_that_primary_alone() -> None:
    primary = lesion(Organ.OTHER, Category.PRIMARY)
    assert listed(primary, "oesophagus") == {"oesophagus-50.4-28", "oesophagus-41.4-23"}
    assert listed(primary, "lung") == {x.id for x in BUILT_IN.prescriptions if "nccn" in x.id}
    assert listed(lesion(Organ.LUNG, Category.PRIMARY)) == listed(primary, "lung")
    assert listed(primary) == set()
    assert listed(primary, "egj") == set()


def test_any_site_of_one_primary_is_for_its_metastases() -> None:
    for site, is_listed in (("lung", True), (None, True), ("oesophagus", False)):
        assert ("sindas-5fx" in listed(lesion(Organ.BRAIN), site)) is is_listed


def test_regimens_of_a_trial_are_for_the_primaries_that_it_was_for() -> None:
    bone = {"nrg-br001-bone-30-3"}
    sites = ("breast", "prostate", "lung", None, "oesophagus", "colorectum")
    found = [bone <= listed(lesion(Organ.BONE), site) for site in sites]
    assert found == [True, True, True, True, False, False]


def test_a_lesion_that_may_be_the_primary_has_the_regimens_of_both() -> None:
    doubtful = lesion(Organ.LUNG, Category.UNKNOWN)
    assert {"nccn-nsclc-3fx", "sabr-comet-lung-54-3"} <= listed(doubtful)
    assert not {name for name in listed(doubtful, "oesophagus") if "nccn" in name}


@pytest.mark.parametrize(
    ("organ", "category", "site", "reason"),
    [
        (None, METASTASIS, "lung", "the site of the lesion is not known"),
        (None, Category.PRIMARY, None, "the site of the primary is not known"),
        (Organ.OTHER, Category.PRIMARY, None, "the site of the primary is not known"),
        (Organ.OTHER, Category.PRIMARY, "soft_tissue", "for the site soft tissue as primary"),
        (
            *(Organ.LYMPH_NODE, Category.REGIONAL_NODE, "lung"),
            "the set of prescriptions has no regimen for the site lymph node as regional node",
        ),
    ],
)
def test_without_a_site_or_a_regimen_nothing_is_compared(
    organ: Organ | None, category: Category, site: str | None, reason: str
) -> None:
    found = compared(BUILT_IN, lesion(organ, category), case(54.0), site)
    assert found.status is Comparison.NOT_EVALUATED
    assert reason in found.text
    assert (found.regimens, found.matches, found.nearest) == ((), (), ())
    assert found.planned == Planned(54.0, 3, is_named=False)  # known all the same


@pytest.mark.parametrize(
    ("beside", "reason"),
    [
        (Case("case"), "there is no RT Plan"),
        (case(54.0, fractions=None), "does not state the number of fractions"),
        (case(), "states no prescribed dose"),
        (case(54.0, 45.0), "prescribes 45 and 54 Gy here"),
    ],
)
def test_without_one_prescription_of_the_plan_nothing_is_compared(
    beside: Case, reason: str
) -> None:
    found = compared(BUILT_IN, lesion(Organ.LUNG), beside)
    assert found.status is Comparison.NOT_EVALUATED
    assert reason in found.text
    assert found.regimens  # listed all the same
    assert found.as_json()["planned"] is None


def test_without_lesions_the_reason_is_told() -> None:
    none = LesionReading(LesionCount(None, None, None), ())
    for reading, reason in ((None, "no structure set"), (none, "no lesion")):
        result = compare_prescriptions(BUILT_IN, case(54.0), reading)
        assert reason in str(result.reason)
        content = result.as_json()
        assert (content["lesions"], content["regimens"]) == ([], [])


def test_a_plan_among_the_regimens_names_its_source() -> None:
    whole = case(54.0)
    assert whole.plan is not None
    plan = replace(whole.plan, prescriptions=(OfPlan(54.0, 1),))
    found = compared(BUILT_IN, lesion(Organ.LUNG), replace(whole, plan=plan), "oesophagus")
    assert found.status is Comparison.MET
    assert [item.id for item in found.matches] == ["sabr-comet-lung-54-3"]
    assert not found.is_range
    assert found.text.startswith(
        "54 Gy in 3 fractions is among them: lung: 3 cm or less, within parenchyma (Palma et al."
    )
    assert found.text.endswith("verified)")
    content: Any = found.as_json()
    assert content["planned"]["bed10_gy"] == 151.2
    assert content["status"] == "met"


def test_a_plan_within_ranges_is_said_to_be_just_that() -> None:
    liver = compared(BUILT_IN, lesion(Organ.LIVER), case(50.0, fractions=5), "oesophagus")
    assert (liver.status, liver.is_range) == (Comparison.MET, True)
    assert "lies within 45 to 60 Gy in 3 to 8 fractions" in liver.text
    assert "which dose went with which number of fractions is not said there" in liver.text
    vertebra = compared(BUILT_IN, lesion(Organ.BONE), case(18.0, fractions=1), "oesophagus")
    assert vertebra.is_range
    assert vertebra.text.startswith("18 Gy in 1 fraction lies within 16 to 20 Gy in 1 fraction")
    assert "not said" not in vertebra.text
    both = compared(
        regimens((50.0, 5), ((45.0, 60.0), (3, 8))), lesion(Organ.LUNG), case(50, fractions=5)
    )
    assert not both.is_range
    assert len(both.matches) == 2


def test_nothing_is_taken_for_a_regimen_that_lies_between_two() -> None:
    held = regimens((54.0, 3), (55.0, 5))
    found = compared(held, lesion(Organ.LUNG), case(54.5, fractions=4))
    assert found.status is Comparison.NOT_AMONG
    assert found.matches == ()
    assert [item.id for item in found.nearest] == ["r0", "r1"]
    said, _, unnamed = found.text.rpartition("; ")
    assert "names no volume, so it is taken to be for every lesion" in unnamed
    assert said == (
        "no regimen of the list is 54.5 Gy in 4 fractions; nearest by number of fractions, "
        "then by dose: 54 Gy in 3 fractions, lung: peripheral (A paper; secondary); "
        "55 Gy in 5 fractions, lung: peripheral (A paper; secondary)"
    )


def test_nearest_is_by_fractions_first_and_names_every_one_that_is() -> None:
    held = regimens((60.0, 8), (18.0, 5), (30.0, 1), (42.0, 5))
    found = compared(held, lesion(Organ.LUNG), case(30.0, fractions=5))
    assert [item.id for item in found.nearest] == ["r1", "r3"]


@pytest.mark.parametrize(("dose", "is_met"), [(54.0049, True), (53.9951, True), (54.006, False)])
def test_half_a_hundredth_of_a_gray_is_no_difference(dose: float, is_met: bool) -> None:
    found = compared(regimens((54.0, 3)), lesion(Organ.LUNG), case(dose))
    assert (found.status is Comparison.MET) is is_met
    assert isinstance(planned_for(lesion(Organ.LUNG), case(54.0, dose)), Planned) is is_met


def test_an_absurd_dose_has_no_bed() -> None:
    assert Planned(1e300, 1).bed10_gy is None
    assert compared(regimens((54.0, 3)), lesion(Organ.LUNG), case(1e300)).text


_DOSES = st.integers(1, 60).map(float)
_RANGES = st.tuples(_DOSES, _DOSES).map(lambda ends: (min(ends), max(ends)))
_COUNTS = st.tuples(st.integers(1, 12), st.integers(1, 12)).map(lambda n: (min(n), max(n)))


@given(st.lists(st.tuples(_RANGES, _COUNTS), min_size=1, max_size=6), _DOSES, st.integers(1, 12))
def test_comparison_is_what_looking_through_the_list_gives(
    held: list[tuple[tuple[float, float], tuple[int, int]]], dose: float, fractions: int
) -> None:
    found = compared(regimens(*held), lesion(Organ.LUNG), case(dose, fractions=fractions))
    inside = [
        f"r{place}"
        for place, ((low, high), (least, most)) in enumerate(held)
        if low <= dose <= high and least <= fractions <= most
    ]
    assert [item.id for item in found.matches] == inside
    assert (found.status is Comparison.MET) is bool(inside)
    assert bool(found.nearest) is not bool(inside)
    if found.nearest:
        distances = [
            (
                min(abs(fractions - n) for n in range(least, most + 1)),
                min(abs(dose - d) for d in range(int(low), int(high) + 1)),
            )
            for (low, high), (least, most) in held
        ]
        wanted = [f"r{place}" for place, far in enumerate(distances) if far == min(distances)]
        assert [item.id for item in found.nearest] == wanted


def square(z: float, *, middle: float = 0.0, half: float = 10.0) -> Contour:
    """An axial square."""
    corners = np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], dtype=float) * half
    return Contour(corners + np.array([middle, 0.0, z]))


def target(number: int, *contours: Contour, **known: Any) -> Structure:
    return Structure(number, f"PTV{number}", "PTV", contours, **known)


def block(number: int, **known: Any) -> Structure:
    """A target around the origin, 30 mm long."""
    return target(number, *(square(float(z)) for z in range(-15, 16, 3)), **known)


def planned(
    prescribed: dict[int, float], *structures: Structure, at: tuple[float, float, float] | None
) -> Planned | str:
    """What is planned for a lesion, structure 1, at a place."""
    doses = tuple(OfPlan(dose, number) for number, dose in prescribed.items())
    drawn = StructureSet("1.2", structures=(Structure(1, "GTV", "GTV", ()), *structures))
    of = case(structure_set=drawn)
    assert of.plan is not None
    beside = replace(of, plan=replace(of.plan, prescriptions=doses))
    return planned_for(lesion(Organ.LUNG, centroid_mm=at), beside)


NOWHERE = "no prescription of the RT Plan is for a volume that this lesion lies in"


def test_dose_of_a_lesion_is_that_of_the_target_it_lies_in() -> None:
    other = target(3, square(0.0, middle=80.0), square(3.0, middle=80.0))
    doses = {2: 54.0, 3: 45.0}
    assert planned(doses, block(2), other, at=(1.0, 2.0, 3.0)) == Planned(54.0, 3)
    assert planned(doses, block(2), other, at=(81.0, 2.0, 1.0)) == Planned(45.0, 3)
    assert planned(doses, block(2), other, at=(40.0, 0.0, 0.0)) == NOWHERE
    assert planned({1: 50.0, 3: 45.0}, other, at=(1.0, 2.0, 3.0)) == Planned(50.0, 3)
    assert planned({1: 50.0}, at=None) == Planned(50.0, 3)


def test_a_lesion_in_targets_of_two_doses_is_not_told() -> None:
    around = target(3, *(square(float(z), half=30.0) for z in range(-30, 31, 3)))
    found = planned({2: 54.0, 3: 45.0}, block(2), around, at=(0.0, 0.0, 0.0))
    assert "prescribes 45 and 54 Gy here" in str(found)
    assert planned({2: 54.0, 3: 54.0}, block(2), around, at=(0.0, 0.0, 0.0)) == Planned(54.0, 3)


def test_a_lesion_in_the_gap_of_a_target_in_two_parts_is_not_in_it() -> None:
    parts = [square(float(z)) for z in (*range(-30, -20, 3), *range(20, 30, 3))]
    assert planned({2: 54.0}, target(2, *parts), at=(0.0, 0.0, 0.0)) == NOWHERE
    assert planned({2: 54.0}, target(2, *parts), at=(0.0, 0.0, 22.0)) == Planned(54.0, 3)


def test_a_lesion_in_the_hole_of_a_ring_is_not_in_it() -> None:
    rings = [square(float(z), half=h) for z in range(-15, 16, 3) for h in (10.0, 5.0)]
    hollow = target(2, *(replace(ring, kind=GeometricType.CLOSEDPLANAR_XOR) for ring in rings))
    assert planned({2: 54.0}, hollow, at=(0.0, 0.0, 0.0)) == NOWHERE
    assert planned({2: 54.0}, hollow, at=(7.0, 0.0, 0.0)) == Planned(54.0, 3)


@pytest.mark.parametrize(
    "structures",
    [
        (),
        (block(2), block(2)),
        (target(2),),
        (target(2, replace(square(0.0), kind=GeometricType.OPEN_PLANAR)),),
        (block(2, problem="its contours cannot be read"),),
    ],
    ids=["absent", "number used twice", "empty", "open", "unreadable"],
)
def test_a_target_that_cannot_be_looked_at_prescribes_for_no_lesion(
    structures: tuple[Structure, ...],
) -> None:
    assert planned({2: 54.0}, *structures, at=(0.0, 0.0, 0.0)) == NOWHERE


def test_a_target_in_another_frame_of_reference_prescribes_for_no_lesion() -> None:
    for frame, expected in (("1.9", NOWHERE), ("1.8", Planned(54.0, 3)), (None, Planned(54.0, 3))):
        drawn = (
            Structure(1, "GTV", "GTV", (), frame_of_reference_uid="1.8"),
            block(2, frame_of_reference_uid=frame),
        )
        of = case(structure_set=StructureSet("1.2", structures=drawn))
        assert of.plan is not None
        plan = replace(of.plan, prescriptions=(OfPlan(54.0, 2),))
        found = planned_for(lesion(Organ.LUNG, centroid_mm=(0, 0, 0)), replace(of, plan=plan))
        assert found == expected
