"""The grammar of metrics, and what they say when they cannot be computed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtplan.dose.grid import DoseGrid
from rtplan.dvh.curve import DVH, Alternative, Open, StructureDVH
from rtplan.dvh.engine import DoseInterpolation, EndCap, Interpolation, Settings, compute
from rtplan.dvh.metrics import (
    INTEGRATION_PP,
    INTEGRATION_SHARE,
    Kind,
    Metric,
    MetricValue,
    Status,
    evaluate,
    parse,
)
from rtplan.dvh.reduce import reduced
from rtplan.errors import DVHError
from rtplan.geometry.contour import Contour, Structure
from rtplan.geometry.grid import FloatArray, Grid


def ramp(*, volume: float = 10.0, covered: float = 10.0) -> StructureDVH:
    """Dose from 10 to 30 Gy, evenly spread over the covered volume."""
    dvh = DVH(np.array([10.0, 30.0]), np.array([covered, 0.0]), 20.0)
    return StructureDVH(1, "Heart", "ORGAN", volume, covered, dvh)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("D95%[Gy]", "D95%[Gy]"),
        ("D95", "D95%[Gy]"),
        ("d 0.035 cc", "D0.035cc[Gy]"),
        ("D2%[%]", "D2%[%]"),
        ("V20Gy", "V20Gy[%]"),
        ("V2000cGy[cc]", "V20Gy[cc]"),
        ("V100%", "V100%[%]"),
        ("CV15Gy[cc]", "CV15Gy[cc]"),
        ("DC700 cm3[Gy]", "DC700cc[Gy]"),
        ("Dmean", "Mean[Gy]"),
        ("MaxDose", "Max[Gy]"),
        ("min[%]", "Min[%]"),
        ("Volume", "Volume[cc]"),
    ],
)
def test_shorthand_is_read_and_the_canonical_form_printed(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "way_out"),
    [
        ("V20", '"V20Gy" or "V20%"'),
        ("D2", '"D2%" or "D2cc"'),
        ("V20Gy[Gy]", "given in % or cc"),
        ("D20Gy[%]", "asked at % or cc"),
        ("D120%", "more than all of it"),
        ("Mean[cc]", r"Mean\[Gy\]"),
        ("Volume[%]", r"Volume\[cc\]"),
        ("CI100%", "not computed by this version"),
        ("heart", "write for example"),
        ("D٩٥%", "write for example"),
        ("V" + "9" * 400 + "Gy", "too large"),
    ],
)
def test_what_is_ambiguous_or_wrong_is_refused_with_the_way_out(text: str, way_out: str) -> None:
    with pytest.raises(DVHError, match=way_out):
        parse(text)


metrics = st.one_of(
    st.builds(
        Metric,
        st.sampled_from([Kind.DOSE, Kind.COLD_DOSE]),
        st.floats(0.001, 100).map(lambda x: float(f"{x:.6g}")),
        st.sampled_from(["%", "cc"]),
        st.sampled_from(["Gy", "%"]),
    ),
    st.builds(
        Metric,
        st.sampled_from([Kind.VOLUME_AT_DOSE, Kind.COLD_VOLUME]),
        st.floats(0.001, 200).map(lambda x: float(f"{x:.6g}")),
        st.sampled_from(["%", "Gy"]),
        st.sampled_from(["%", "cc"]),
    ),
    st.builds(
        Metric,
        st.sampled_from([Kind.MEAN, Kind.MIN, Kind.MAX]),
        st.none(),
        st.none(),
        st.sampled_from(["Gy", "%"]),
    ),
)


@given(metrics)
def test_parse_of_str_is_the_metric(metric: Metric) -> None:
    assert parse(str(metric)) == metric


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("D95%", 11.0),
        ("D50%[Gy]", 20.0),
        ("D1cc", 28.0),
        ("D0.035cc", 29.93),
        ("V20Gy[cc]", 5.0),
        ("V25Gy", 25.0),
        ("V5Gy", 100.0),
        ("V31Gy[cc]", 0.0),
        ("CV15Gy[cc]", 2.5),
        ("DC4cc", 18.0),
        ("Mean", 20.0),
        ("Min", 10.0),
        ("Max", 30.0),
        ("Volume", 10.0),
        ("D50%[%]", 80.0),
        ("V100%[%]", 25.0),
    ],
)
def test_values_are_read_off_by_interpolation(text: str, value: float) -> None:
    result = evaluate(parse(text), ramp(), prescription_gy=25.0)
    assert result.status is Status.EVALUATED
    assert result.value == pytest.approx(value)


def test_metric_that_no_dose_outside_could_change_is_evaluated() -> None:
    partly = ramp(volume=12.0, covered=10.0)
    result = evaluate(parse("Volume"), partly)
    assert result.value == 12.0
    cold = evaluate(parse("V0Gy[cc]"), partly)
    assert cold.value == 12.0


@pytest.mark.parametrize("text", ["D95%", "D1cc", "V20Gy", "Mean", "Max", "Min", "CV15Gy[cc]"])
def test_metric_that_the_part_outside_could_change_is_not_evaluated(text: str) -> None:
    result = evaluate(parse(text), ramp(volume=12.0, covered=10.0))
    assert result.value is None
    assert result.status is Status.NOT_EVALUATED
    assert result.reason is not None
    assert "17 % of the structure lies outside the dose grid" in result.reason


def test_bounds_of_a_partly_covered_structure_enclose_every_dose_outside() -> None:
    """V20Gy: 5 cc inside are above; the 2 cc outside may add anything up to themselves."""
    result = evaluate(parse("V20Gy[cc]"), ramp(volume=12.0, covered=10.0))
    assert result.reason is not None
    assert "may be 5 to 7" in result.reason
    result = evaluate(parse("D6cc"), ramp(volume=12.0, covered=10.0))
    assert result.reason is not None
    assert "may be 18 to 22" in result.reason


def test_more_volume_than_there_is_is_not_evaluated() -> None:
    result = evaluate(parse("D20cc"), ramp())
    assert result.status is Status.NOT_EVALUATED
    assert result.reason == "the structure has 10 cc, less than the 20 cc asked for"


def test_relative_dose_without_a_prescription_is_not_evaluated() -> None:
    result = evaluate(parse("V100%"), ramp())
    assert result.status is Status.NOT_EVALUATED


def test_structure_without_dvh_gives_its_reason() -> None:
    empty = StructureDVH(1, "Heart", "ORGAN", None, None, None, reason="it has no contours")
    for text in ("Mean", "Volume", "D1cc"):
        assert evaluate(parse(text), empty).reason == "it has no contours"


def test_flat_stretch_reads_off_its_largest_dose() -> None:
    dvh = DVH(np.array([0.0, 1.0, 5.0, 6.0]), np.array([4.0, 2.0, 2.0, 0.0]), 3.0)
    assert dvh.dose_at(2.0) == 5.0
    assert dvh.volume_at(5.0) == 2.0


def test_reduced_curve_loses_nothing_that_matters() -> None:
    dose = np.linspace(0, 60, 8192)
    volume = 100 / (1 + np.exp((dose - 40) / 0.4))
    volume = (volume - volume[-1]) / (volume[0] - volume[-1]) * 100
    dvh = DVH(dose.copy(), volume, 40.0)
    few_dose, few_volume = reduced(dvh)
    assert few_dose.size <= 1000
    assert (few_dose[0], few_dose[-1]) == (dose[0], dose[-1])
    assert np.abs(np.interp(dose, few_dose, few_volume) - volume).max() < 0.01


def other(
    kind: Open, *, low: float = 10.0, high: float = 30.0, volume: float = 10.0, covered: float = 10
) -> Alternative:
    """Another reading of ``ramp``: dose from ``low`` to ``high`` Gy, evenly spread."""
    curve = DVH(np.array([low, high]), np.array([covered, 0.0]), (low + high) / 2)
    return Alternative(kind, volume, curve)


def read(*readings: Alternative, text: str) -> MetricValue:
    """A metric of ``ramp`` with some alternatives."""
    structure = StructureDVH(
        1, "Heart", "ORGAN", 10.0, 10.0, ramp().dvh, alternatives=tuple(readings)
    )
    return evaluate(parse(text), structure, prescription_gy=25.0)


SAME = (other(Open.SLICES), other(Open.DOSE))


def test_without_other_readings_no_uncertainty_is_claimed() -> None:
    result = read(text="D50%")
    assert result.uncertainty is None
    assert result.uncertainty_reason is None


@pytest.mark.parametrize(
    ("text", "uncertainty"),
    [
        # 1 Gy of the slices to either side, 2 Gy of the doses to one, 0.05 % of 20 Gy twice.
        ("D50%", 1 + 2 + 0.01),
        ("D50%[%]", (1 + 2 + 0.01) * 4),
        ("DC4cc", 1 + 2 + 0.01),
        ("Mean", 1 + 2),
        ("Max", 1 + 2),
        ("Min", 1 + 2),
        # 1 Gy is 5 % of the volume, 0.5 cc; the integration is 0.05 percentage points.
        ("V20Gy", 5 + 10 + 0.05),
        ("V80%[%]", 5 + 10 + 0.05),
        ("V20Gy[cc]", 0.5 + 1 + 0.005),
        ("CV20Gy[cc]", 0.5 + 1 + 0.005),
        ("Volume", 0.0),
    ],
)
def test_uncertainty_is_the_sum_of_the_furthest_readings_and_the_integration(
    text: str, uncertainty: float
) -> None:
    result = read(
        other(Open.SLICES, low=11, high=31),
        other(Open.SLICES, low=9, high=29),
        other(Open.DOSE, low=12, high=32),
        text=text,
    )
    assert result.uncertainty == pytest.approx(uncertainty, rel=1e-9)


@pytest.mark.parametrize("kind", list(Open))
def test_value_and_its_uncertainty_hold_every_reading(kind: Open) -> None:
    readings = [other(kind, low=12, high=32), other(kind, low=9, high=29)]
    rest = other(next(item for item in Open if item is not kind))
    for text, value in (("Mean", 22.0), ("Min", 12.0), ("Max", 32.0), ("D50%", 22.0)):
        found = read(*readings, rest, text=text)
        assert found.value is not None
        assert found.uncertainty is not None
        assert abs(value - found.value) <= found.uncertainty < 2.02


def test_volume_asked_in_percent_is_of_the_reading_s_own_volume() -> None:
    larger = other(Open.SLICES, volume=12.0, covered=12.0)
    assert read(larger, SAME[1], text="D50%").uncertainty == pytest.approx(0.01)
    assert read(larger, SAME[1], text="V20Gy").uncertainty == pytest.approx(0.05)
    assert read(larger, SAME[1], text="Volume").uncertainty == pytest.approx(2.0)
    # 6 cc of 12 cc instead of 5 cc of 10 cc.
    assert read(larger, SAME[1], text="V20Gy[cc]").uncertainty == pytest.approx(1.005)


def test_volume_needs_no_other_dose() -> None:
    vanished = Alternative(Open.SLICES, 0.0, None)
    assert read(vanished, text="Volume").uncertainty == pytest.approx(10.0)


def test_reading_that_leaves_the_grid_counts_with_its_bounds() -> None:
    """2 cc of 12 cc get nothing or everything: 5 cc of the 10 cc inside get 20 Gy, 5 to 7 of 12."""
    outside = other(Open.SLICES, volume=12.0)
    assert read(*SAME, outside, text="V20Gy[cc]").uncertainty == pytest.approx(2 + 0.005)
    # The hottest 6 cc get at least 18 Gy, or 22 Gy if 2 cc of them lie outside; 18 Gy within.
    assert read(*SAME, outside, text="D6cc").uncertainty == pytest.approx(4 + 0.01)


@pytest.mark.parametrize(
    ("readings", "text", "reason"),
    [
        ((SAME[0],), "D50%", "with another dose between voxels, it was not computed"),
        ((SAME[1],), "Volume", "with another shape between and beyond the planes, it was not"),
        (
            (*SAME, other(Open.SLICES, volume=4.0, covered=4.0)),
            "D5cc",
            "beyond the planes, the structure has 4 cc, less than the 5 cc asked for",
        ),
        (
            (*SAME, other(Open.SLICES, volume=12.0)),
            "Mean",
            "beyond the planes, part of the structure lies outside the dose grid, and any dose",
        ),
        (
            (*SAME, Alternative(Open.SLICES, 0.0, None)),
            "D95%",
            "beyond the planes, there is no dose in the structure",
        ),
    ],
)
def test_uncertainty_is_not_known_where_a_reading_has_no_value(
    readings: tuple[Alternative, ...], text: str, reason: str
) -> None:
    result = read(*readings, text=text)
    assert result.status is Status.EVALUATED
    assert result.value is not None
    assert result.uncertainty is None
    assert reason in str(result.uncertainty_reason)
    assert result.as_json()["uncertainty_reason"] == result.uncertainty_reason


def test_value_that_no_reading_changes_has_no_width() -> None:
    for text in ("Volume", "Mean", "V5Gy", "V31Gy", "D0%", "D100%"):
        assert read(*SAME, text=text).uncertainty == 0.0


def test_integration_counts_less_near_the_ends_of_the_curve() -> None:
    """Of 10 cc, 0.05 points are 0.005 cc; of the hottest 0.01 cc a quarter is less. 2 Gy a cc."""
    assert read(*SAME, text="D0.01cc").uncertainty == pytest.approx(2 * 0.01 * INTEGRATION_SHARE)
    assert read(*SAME, text="DC0.01cc").uncertainty == pytest.approx(2 * 0.01 * INTEGRATION_SHARE)
    assert read(*SAME, text="D1cc").uncertainty == pytest.approx(2 * 10 * INTEGRATION_PP / 100)


def box_in_a_slope(normal: FloatArray, side: float) -> StructureDVH:
    """A box on 3 mm planes and voxels, too large to be refined; 0.2 Gy/mm up to 40 Gy in a corner.

    Its other readings are itself, so that only the integration has a width.
    """
    step, corner = 3.0, np.array([6.7, 7.9, 7.1])
    x, y = corner[0], corner[1]
    square = np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]])
    planes = corner[2] + np.arange(step / 2, side, step)
    contours = tuple(Contour(np.column_stack([square, np.full(4, z)])) for z in planes)
    axis = np.arange(0.0, side + 15, step)
    grid = Grid(np.zeros(3), np.eye(3), (axis, axis.copy(), axis.copy()))
    z_mm, y_mm, x_mm = np.meshgrid(axis, axis, axis, indexing="ij")
    along = normal[0] * x_mm + normal[1] * y_mm + normal[2] * z_mm
    values = 40 + 0.2 * (along - normal @ (corner + side))
    prisms = Settings(Interpolation.RIGHT_PRISM, EndCap.HALF_SLICE, DoseInterpolation.TRILINEAR)
    dose = DoseGrid(grid, values.astype(np.float32))
    result = compute(Structure(1, "Box", contours=contours), dose, settings=prisms)
    assert result.volume_cc == pytest.approx(side**3 / 1000)
    same = tuple(Alternative(kind, side**3 / 1000, result.dvh) for kind in Open)
    return replace(result, alternatives=same)


@pytest.mark.parametrize("direction", [(1.0, 1.0, 1.0), (3.0, 2.0, 1.0)])
def test_width_of_the_integration_holds_its_error_in_the_corner_of_a_box(
    direction: tuple[float, float, float],
) -> None:
    """A plane at s from the corner cuts off s^3 / (6 nx ny nz)."""
    normal = np.array(direction) / np.linalg.norm(direction)
    box = box_in_a_slope(normal, 120.0)
    for cc in (0.01, 0.035, 0.1, 1.0):
        found = evaluate(parse(f"D{cc}cc"), box)
        truth = 40 - 0.2 * (6000 * cc * float(normal.prod())) ** (1 / 3)
        assert found.value is not None
        assert found.uncertainty is not None
        assert abs(found.value - truth) < found.uncertainty < 0.3
