"""Dose limits: met, violated, and every way in which they are not evaluated."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from rtplan.case import Case, Plan, Prescription
from rtplan.dose.grid import DoseGrid
from rtplan.dvh.curve import DVH, Alternative, Open, StructureDVH
from rtplan.dvh.metrics import parse
from rtplan.findings import Severity, finding
from rtplan.geometry.contour import Contour, Structure, StructureSet
from rtplan.geometry.grid import Grid
from rtplan.protocol.limits import LimitRow, LimitSetResult, RowStatus, evaluate_limits
from rtplan.protocol.load import load_limits

SQUARE = Contour(np.array([[0.0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]]))
TG101 = load_limits("tg101")


def dvh(number: int, *, volume: float = 100.0, top: float = 10.0, low: float = 0.0) -> StructureDVH:
    """A structure whose volume falls linearly with dose, from ``low`` to ``top`` Gy."""
    curve = DVH(np.array([low, top]), np.array([volume, 0.0]), (low + top) / 2)
    return StructureDVH(number, f"S{number}", "ORGAN", volume, volume, curve)


def case(*names: str, fractions: int | None = 5) -> Case:
    structures = tuple(
        Structure(number, name, contours=(SQUARE,)) for number, name in enumerate(names, start=1)
    )
    axis = np.array([0.0, 2.5])
    grid = Grid(np.zeros(3), np.eye(3), (axis, axis.copy(), axis.copy()))
    dose = DoseGrid(grid, np.zeros((2, 2, 2), dtype=np.float32))
    return Case(
        label="case-0",
        structure_set=StructureSet("1.2", structures=structures),
        dose=dose,
        dose_is_plans=True,
        plan=Plan("1.3", fractions=fractions),
    )


def rows_of(result: LimitSetResult, structure: str) -> list[LimitRow]:
    return [row for row in result.rows if row.structure == structure]


def test_value_within_and_beyond_the_limit() -> None:
    result = evaluate_limits(TG101, case("SpinalCord", "Heart"), (dvh(1, top=29.0), dvh(2, top=60)))
    cord = {str(row.limit.metric): row for row in rows_of(result, "SpinalCord")}
    maximum = cord["D0.035cc[Gy]"]
    assert maximum.status is RowStatus.MET
    assert maximum.value == pytest.approx(29 * (1 - 0.00035))
    assert maximum.margin == pytest.approx(30 - 29 * (1 - 0.00035))
    assert cord["D0.35cc[Gy]"].status is RowStatus.VIOLATED
    assert {row.status for row in rows_of(result, "Heart")} == {RowStatus.VIOLATED}
    assert result.fractions == 5


def test_critical_volume_is_the_dose_to_the_coldest_part() -> None:
    # Of 1000 cc from 0 to 30 Gy the coldest 700 cc receive up to 21 Gy: the limit itself.
    result = evaluate_limits(TG101, case("Liver"), (dvh(1, volume=1000, top=29.9),))
    (row,) = rows_of(result, "Liver")
    assert row.value == pytest.approx(0.7 * 29.9)
    assert row.status is RowStatus.MET


def test_critical_volume_of_a_smaller_organ_is_not_evaluated() -> None:
    result = evaluate_limits(TG101, case("Liver"), (dvh(1, volume=600, top=1),))
    (row,) = rows_of(result, "Liver")
    assert row.status is RowStatus.NOT_EVALUATED
    assert row.value is None
    assert "700" in str(row.reason)


def test_missing_structure_is_not_evaluated() -> None:
    result = evaluate_limits(TG101, case("Heart"), (dvh(1),))
    for row in rows_of(result, "SpinalCord"):
        assert row.status is RowStatus.NOT_EVALUATED
        assert row.match is None
        assert 'no structure is "SpinalCord"' in str(row.reason)


def test_ambiguous_structure_is_not_evaluated_and_both_are_named() -> None:
    result = evaluate_limits(TG101, case("Cord", "Myelon"), (dvh(1), dvh(2)))
    for row in rows_of(result, "SpinalCord"):
        assert row.status is RowStatus.NOT_EVALUATED
        assert '"Cord" (#1) or "Myelon" (#2)' in str(row.reason)


def test_empty_problematic_and_uncomputed_structures_are_not_evaluated() -> None:
    whole = case("SpinalCord", "Heart", "Liver")
    assert whole.structure_set is not None
    cord, heart, liver = whole.structure_set.structures
    changed = (replace(cord, contours=()), replace(heart, problem="ROI number 2 twice"), liver)
    broken = replace(whole, structure_set=replace(whole.structure_set, structures=changed))
    result = evaluate_limits(TG101, broken, (dvh(1), dvh(2)))
    assert {row.status for row in result.rows} == {RowStatus.NOT_EVALUATED}
    assert "no contour" in str(rows_of(result, "SpinalCord")[0].reason)
    assert rows_of(result, "Heart")[0].reason == "ROI number 2 twice"
    assert "no dose-volume histogram" in str(rows_of(result, "Liver")[0].reason)


def test_structure_partly_off_the_grid_is_not_evaluated() -> None:
    partly = replace(dvh(1), volume_cc=150.0)
    result = evaluate_limits(TG101, case("SpinalCord"), (partly,))
    for row in rows_of(result, "SpinalCord"):
        assert row.status is RowStatus.NOT_EVALUATED
        assert "outside the dose grid" in str(row.reason)


def test_other_fraction_count_is_not_evaluated_as_a_whole() -> None:
    result = evaluate_limits(TG101, case("SpinalCord", fractions=7), (dvh(1),))
    assert result.status == "not_evaluated"
    assert result.rows == ()
    assert result.reason == (
        "the plan has 7 fractions; TG-101 gives limits for 1, 3 and 5; "
        "there is no interpolation between fraction counts"
    )


def test_without_a_plan_or_its_fractions_nothing_is_evaluated() -> None:
    whole = case("SpinalCord")
    for changed, word in (
        (replace(whole, plan=None), "no RT Plan"),
        (replace(whole, plan=Plan("1.3")), "does not state"),
        (replace(whole, structure_set=None), "no structure set"),
    ):
        result = evaluate_limits(TG101, changed, (dvh(1),))
        assert result.status == "not_evaluated"
        assert word in str(result.reason)


def test_dose_that_is_not_the_plans_is_not_evaluated() -> None:
    whole = case("SpinalCord", "Heart")
    for changed, reason in (
        (replace(whole, dose_is_plans=False, dose_doubt="it is one beam's"), "it is one beam's"),
        (replace(whole, dose=None, dose_problem="relative units"), "relative units"),
    ):
        result = evaluate_limits(TG101, changed, (dvh(1), dvh(2)))
        assert result.status == "not_evaluated"
        assert result.reason == reason
        assert {row.status for row in result.rows} == {RowStatus.NOT_EVALUATED}
        assert {row.value for row in result.rows} == {None}


def test_each_side_is_held_to_the_limit() -> None:
    result = evaluate_limits(
        TG101, case("BrachialPlex_L", "Brachial Plexus Rt"), (dvh(1, top=20), dvh(2, top=60))
    )
    left, right = (rows_of(result, f"BrachialPlex_{side}") for side in "LR")
    assert {row.status for row in left} == {RowStatus.MET}
    assert {row.status for row in right} == {RowStatus.VIOLATED}
    ids = [item["id"] for item in result.as_json()["rows"]]  # type: ignore[attr-defined]
    assert len(ids) == len(set(ids))


def test_side_that_is_not_drawn_is_not_evaluated() -> None:
    result = evaluate_limits(TG101, case("BrachialPlex_L"), (dvh(1),))
    assert {row.status for row in rows_of(result, "BrachialPlex_L")} == {RowStatus.MET}
    assert {row.status for row in rows_of(result, "BrachialPlex_R")} == {RowStatus.NOT_EVALUATED}


def test_parts_within_the_limit_may_exceed_it_together() -> None:
    # Limit 4 cc at 16.5 Gy. Each part has 3 cc above 16.5 Gy; together 6 cc.
    part = dvh(1, volume=6.0, top=33.0)
    result = evaluate_limits(
        TG101, case("Trachea", "Bronchus_Main"), (part, replace(part, number=2))
    )
    volume = [row for row in result.rows if row.limit.id == "trachea-bronchus-d4cc-5fx"]
    assert {row.status for row in volume} == {RowStatus.NOT_EVALUATED}
    assert "together 6 cc" in str(volume[0].reason)
    cold = dvh(1, volume=6.0, top=17.0)
    result = evaluate_limits(
        TG101, case("Trachea", "Bronchus_Main"), (cold, replace(cold, number=2))
    )
    volume = [row for row in result.rows if row.limit.id == "trachea-bronchus-d4cc-5fx"]
    assert {row.status for row in volume} == {RowStatus.MET}


@pytest.mark.parametrize(
    ("name", "organ", "missing"),
    [
        ("Trachea", "Trachea_Bronchus", ["Bronchus_Main"]),
        ("OpticChiasm", "OpticPathway", ["OpticNrv_L", "OpticNrv_R"]),
        ("Jejunum", "Bowel_Small", ["Ileum"]),
    ],
)
def test_part_of_an_organ_within_the_limit_is_not_the_organ_within_it(
    name: str, organ: str, missing: list[str]
) -> None:
    result = evaluate_limits(TG101, case(name), (dvh(1, volume=6.0, top=5.0),))
    rows = [row for row in result.rows if row.limit.structure == organ]
    assert rows
    assert {row.status for row in rows} == {RowStatus.NOT_EVALUATED}
    for row in (row for row in rows if row.structure == name):
        assert "only part of the organ is drawn" in str(row.reason)
        assert all(f'"{part}"' in str(row.reason) for part in missing)
        assert row.value is None


def test_part_that_was_not_evaluated_leaves_the_organ_undecided() -> None:
    result = evaluate_limits(TG101, case("Trachea", "Bronchus_Main"), (dvh(1, top=5.0),))
    row = next(row for row in rows_of(result, "Trachea") if row.limit.structure != "Trachea")
    assert row.status is RowStatus.NOT_EVALUATED
    assert "only part of the organ is evaluated: Bronchus_Main: no dose" in str(row.reason)


def test_part_beyond_the_limit_violates_it_for_the_organ() -> None:
    result = evaluate_limits(TG101, case("Trachea"), (dvh(1, volume=100.0, top=60.0),))
    rows = [row for row in rows_of(result, "Trachea") if row.limit.structure == "Trachea_Bronchus"]
    assert {row.status for row in rows} == {RowStatus.VIOLATED}


def test_volumes_of_parts_that_add_up_are_not_each_within_the_limit() -> None:
    limit = next(x for x in TG101.limits if x.id == "trachea-bronchus-d4cc-5fx")
    own = replace(TG101, limits=(replace(limit, metric=parse("V16.5Gy[cc]"), limit=4.0),))
    part = dvh(1, volume=6.0, top=33.0)
    result = evaluate_limits(own, case("Trachea", "Bronchus_Main"), (part, replace(part, number=2)))
    assert {row.status for row in result.rows} == {RowStatus.NOT_EVALUATED}


def test_organ_drawn_whole_is_tested_whole() -> None:
    result = evaluate_limits(TG101, case("Trachea", "Trachea_Bronchus"), (dvh(1), dvh(2)))
    rows = [row for row in result.rows if row.limit.structure == "Trachea_Bronchus"]
    assert {row.structure for row in rows} == {"Trachea_Bronchus"}


def test_conflict_between_sources_is_shown_and_the_lower_value_decides() -> None:
    for coldest, status, words in (
        (10.0, RowStatus.MET, "does not change"),
        (11.0, RowStatus.VIOLATED, "it decides this row"),
        (20.0, RowStatus.VIOLATED, "does not change"),
    ):
        # Of 2000 cc from 0 Gy up the coldest 1500 cc receive up to three quarters of the top.
        lungs = (dvh(1, volume=2000, top=coldest / 0.75),)
        result = evaluate_limits(TG101, case("Lungs", fractions=3), lungs)
        row = next(row for row in result.rows if row.limit.id == "lungs-dc1500cc-3fx")
        assert row.status is status
        assert words in str(row.reason)
        assert "11.6" in str(row.reason)


def test_json_is_the_reports() -> None:
    result = evaluate_limits(TG101, case("Cord"), (dvh(1, top=29.0),))
    content = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert content["id"] == "tg101"
    assert content["source"] == "doi:10.1118/1.3438081"
    assert content["status"] == "evaluated"
    row = next(item for item in content["rows"] if item["id"] == "spinalcord-d0.35cc-5fx")
    assert row["matched"] == {"number": 1, "name": "Cord", "how": '"Cord" is a known synonym'}
    assert row["limit"] == 23.0
    assert row["unit"] == "Gy"
    assert row["endpoint"] == "myelitis"
    assert row["evidence"] == "secondary"
    assert row["margin"] == pytest.approx(row["limit"] - row["value"])


def test_limit_does_not_pass_where_planes_seem_to_be_missing() -> None:
    """Dose in the gap was not looked at: met becomes not evaluated, violated stays."""
    apart = finding("GEO007", "'SpinalCord': no contours between 0.0 and 30.0 mm")
    doubt = replace(apart, severity=Severity.WARNING)
    cold, hot = replace(dvh(1, top=5.0), findings=(doubt,)), dvh(2, top=60.0)
    hot = replace(hot, findings=(doubt,))
    result = evaluate_limits(TG101, case("SpinalCord", "Heart"), (cold, hot))
    rows = rows_of(result, "SpinalCord")
    assert {row.status for row in rows} == {RowStatus.NOT_EVALUATED}
    assert all("no contours between" in str(row.reason) for row in rows)
    assert all(row.value is None for row in rows)
    assert {row.status for row in rows_of(result, "Heart")} == {RowStatus.VIOLATED}
    certain = replace(cold, findings=(apart,))
    result = evaluate_limits(TG101, case("SpinalCord", "Heart"), (certain, hot))
    assert {row.status for row in rows_of(result, "SpinalCord")} == {RowStatus.MET}


def opened(own: StructureDVH, *, by_gy: float) -> StructureDVH:
    """A structure whose shape leaves open half the dose ``by_gy`` to either side."""
    assert own.dvh is not None
    assert own.volume_cc is not None
    readings = [Alternative(Open.DOSE, own.volume_cc, own.dvh)]
    for side in (-by_gy / 2, by_gy / 2):
        curve = DVH(own.dvh.dose_gy + side, own.dvh.volume_cc.copy(), own.dvh.mean_gy + side)
        readings.append(Alternative(Open.SLICES, own.volume_cc, curve))
    return replace(own, alternatives=tuple(readings))


@pytest.mark.parametrize(
    ("top", "by_gy", "status", "within"),
    [
        (28.0, 1.0, RowStatus.MET, False),
        (29.9, 1.0, RowStatus.MET, True),
        (30.1, 1.0, RowStatus.VIOLATED, True),
        (32.0, 1.0, RowStatus.VIOLATED, False),
        (32.0, 5.0, RowStatus.VIOLATED, True),
    ],
)
def test_limit_within_the_uncertainty_is_told_and_changes_no_status(
    top: float, by_gy: float, status: RowStatus, within: bool
) -> None:
    cord = opened(dvh(1, top=top, low=5.0), by_gy=by_gy)
    result = evaluate_limits(TG101, case("SpinalCord"), (cord,))
    row = next(row for row in rows_of(result, "SpinalCord") if row.limit.limit == 30.0)
    assert row.status is status
    assert row.within_uncertainty is within
    assert row.uncertainty == pytest.approx(by_gy / 2, abs=0.03)
    assert row.as_json()["within_uncertainty"] is within


def test_without_an_uncertainty_nothing_is_claimed() -> None:
    exact = dvh(1, top=30.0)
    small = Alternative(Open.SLICES, 0.01, None)
    lost = replace(exact, alternatives=(Alternative(Open.DOSE, 100.0, exact.dvh), small))
    for own, reason in ((exact, None), (lost, "there is no dose")):
        rows = rows_of(evaluate_limits(TG101, case("SpinalCord"), (own,)), "SpinalCord")
        assert {row.within_uncertainty for row in rows} == {None}
        for row in rows:
            assert row.uncertainty is None
            assert (reason or "None") in str(row.uncertainty_reason)


def test_row_that_is_not_evaluated_has_no_uncertainty() -> None:
    cord = replace(opened(dvh(1), by_gy=1.0), volume_cc=150.0)
    for row in rows_of(evaluate_limits(TG101, case("SpinalCord"), (cord,)), "SpinalCord"):
        assert row.status is RowStatus.NOT_EVALUATED
        assert (row.uncertainty, row.within_uncertainty) == (None, None)


@pytest.mark.parametrize(
    ("by_gy", "known", "within"),
    [(0.1, True, False), (2.0, True, True), (2.0, False, None), (0.1, False, None)],
)
def test_parts_are_within_the_uncertainty_where_their_sum_is(
    by_gy: float, known: bool, within: bool | None
) -> None:
    """Limit 4 cc at 16.5 Gy: 1.8 cc of each part receive it, 3.6 of 4 cc; 6 cc span 20 Gy."""
    part = dvh(1, volume=6.0, top=22.5, low=2.5)
    first = opened(part, by_gy=by_gy)
    second = replace(first if known else part, number=2)
    result = evaluate_limits(TG101, case("Trachea", "Bronchus_Main"), (first, second))
    rows = [row for row in result.rows if row.limit.id == "trachea-bronchus-d4cc-5fx"]
    assert {row.status for row in rows} == {RowStatus.MET}
    assert [row.uncertainty is not None for row in rows] == [True, known]
    assert {row.within_uncertainty for row in rows} == {within}


def test_part_that_may_get_any_dose_claims_nothing_about_the_organ() -> None:
    """Longer, the part leaves the grid: D4cc is still bounded, D0.035cc is not, V40Gy is."""
    part = dvh(1, volume=6.0, top=5.0)
    longer = Alternative(Open.SLICES, 6.1, part.dvh)
    part = replace(part, alternatives=(Alternative(Open.DOSE, 6.0, part.dvh), longer))
    second = opened(dvh(2, volume=6.0, top=5.0), by_gy=0.1)
    result = evaluate_limits(TG101, case("Trachea", "Bronchus_Main"), (part, second))
    organ = [row for row in result.rows if row.limit.structure == "Trachea_Bronchus"]
    claims = {str(row.limit.metric): row.within_uncertainty for row in organ}
    assert {row.status for row in organ} == {RowStatus.MET}
    assert claims == {"D4cc[Gy]": False, "D0.035cc[Gy]": None}


def test_parts_whose_sum_cannot_be_told_are_not_the_organ() -> None:
    """All but 0.1 cc is in the grid: D4cc lies on a step, so it is certain; V16.5Gy is not."""
    dose, volume = np.array([0.0, 10.0, 10 + 1e-9, 17.0]), np.array([5.9, 5.0, 1.0, 0.0])
    part = StructureDVH(2, "S2", "ORGAN", 6.0, 5.9, DVH(dose, volume, 9.0))
    result = evaluate_limits(TG101, case("Trachea", "Bronchus_Main"), (dvh(1, top=5.0), part))
    rows = [row for row in result.rows if row.limit.id == "trachea-bronchus-d4cc-5fx"]
    assert {row.status for row in rows} == {RowStatus.NOT_EVALUATED}
    assert all("Bronchus_Main: 1.7 % of the structure lies" in str(row.reason) for row in rows)


QUANTEC = load_limits("quantec")


def prescribed(whole: Case, *doses_gy: float) -> Case:
    assert whole.plan is not None
    prescriptions = tuple(Prescription(dose) for dose in doses_gy)
    return replace(whole, plan=replace(whole.plan, prescriptions=prescriptions))


@pytest.mark.parametrize(
    ("fractions", "doses_gy", "reason"),
    [
        (28, (50.4,), None),
        (25, (50.0,), None),
        (28, (50.4, 56.0), None),
        (28, (50.4, 61.6), "prescribes 1.8 and 2.2 Gy a fraction; QUANTEC gives limits for 1.8 to"),
        (15, (40.05,), "prescribes 2.67 Gy a fraction"),
        (28, (), "states no prescribed dose, so the dose per fraction is not known"),
        (None, (50.4,), "does not state the number of fractions"),
    ],
)
def test_conventional_limits_are_for_their_doses_per_fraction(
    fractions: int | None, doses_gy: tuple[float, ...], reason: str | None
) -> None:
    whole = prescribed(case("SpinalCord", fractions=fractions), *doses_gy)
    result = evaluate_limits(QUANTEC, whole, (dvh(1, top=40.0),))
    if reason is None:
        assert rows_of(result, "SpinalCord")[0].status is RowStatus.MET
        assert len({row.limit.id for row in result.rows}) == len(QUANTEC.limits)
    else:
        assert (result.status, result.rows) == ("not_evaluated", ())
        assert reason in str(result.reason)


def test_without_a_prescribed_dose_limits_by_dose_stand_as_not_evaluated() -> None:
    limits = load_limits("esophagus-conventional")
    result = evaluate_limits(limits, prescribed(case("Heart", fractions=23)), (dvh(1),))
    open_ = [row for row in result.rows if row.limit.fraction_gy is not None]
    assert len(open_) == sum(item.fraction_gy is not None for item in limits.limits) > 0
    assert {row.status for row in open_} == {RowStatus.NOT_EVALUATED}
    assert {row.value for row in open_} == {None}
    assert all("the dose per fraction is not known" in str(row.reason) for row in open_)
    assert len(open_) < len(result.rows)


def test_limit_for_a_number_of_fractions_stands_beside_those_for_doses() -> None:
    limits = load_limits("esophagus-conventional")
    for fractions, dose_gy, expected in ((28, 50.4, {35.0, 26.0, 25.0}), (23, 41.4, {30.0})):
        whole = prescribed(case("Heart", fractions=fractions), dose_gy)
        result = evaluate_limits(limits, whole, (dvh(1),))
        means = {x.limit.limit for x in result.rows if str(x.limit.metric) == "Mean[Gy]"}
        assert expected <= means
        assert (35.0 in means) == (fractions == 28)


@pytest.mark.parametrize(
    ("top", "status", "optimal_met"),
    [
        (40.0, RowStatus.MET, True),
        (48.0, RowStatus.MET, False),
        (60.0, RowStatus.VIOLATED, False),
    ],
)
def test_optimal_value_stands_beside_the_limit_and_changes_no_status(
    top: float, status: RowStatus, optimal_met: bool
) -> None:
    limits = load_limits("esophagus-conventional")
    whole = prescribed(case("SpinalCord", fractions=28), 50.4)
    result = evaluate_limits(limits, whole, (dvh(1, top=top),))
    row = next(x for x in result.rows if x.limit.id == "uw-spinalcord-d0.1cc")
    assert (row.status, row.optimal_met) == (status, optimal_met)
    content = row.as_json()
    assert (content["optimal"], content["optimal_met"]) == (45.0, optimal_met)
    absent = evaluate_limits(limits, prescribed(case("Heart", fractions=28), 50.4), (dvh(1),))
    row = next(x for x in absent.rows if x.limit.id == "uw-spinalcord-d0.1cc")
    assert row.as_json()["optimal_met"] is None
