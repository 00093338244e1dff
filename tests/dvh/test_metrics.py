"""The grammar of metrics, and what they say when they cannot be computed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtplan.dvh.curve import DVH, StructureDVH
from rtplan.dvh.metrics import Kind, Metric, Status, evaluate, parse
from rtplan.dvh.reduce import reduced
from rtplan.errors import DVHError


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
