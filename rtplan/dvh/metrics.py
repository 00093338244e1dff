"""Dose-volume metrics in the grammar of TG-263 (Mayo): ``D95%[Gy]``, ``V20Gy[cc]``, ``Mean[Gy]``.

Source: Mayo et al. 2018, IJROBP 100:1057, doi:10.1016/j.ijrobp.2017.12.013.
D is the minimum dose to the hottest volume, V the volume at or above a dose, CV the volume below
it, DC the maximum dose to the coldest volume.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from rtplan.dvh.curve import DVH, Alternative, Open, StructureDVH
from rtplan.errors import DVHError

COVERED = 1e-6
"""Relative volume outside the dose grid up to which a structure counts as covered."""

INTEGRATION_PP = 0.05
"""Largest error of the integration alone, percentage points of the volume: what
``benchmarks/integration.py`` allows against dense sampling of the same solid and dose."""

INTEGRATION_SHARE = 0.25
"""Largest error of the integration as a share of the volume that is left on the hotter or the
colder side. Both ends of the curve are exact, so near them INTEGRATION_PP says far too much: in a
large organ it is a multiple of 0.035 cc. Measured: at most 12 % of the hottest 0.01 cc of a box in
a linear dose of closed form, 19 % of 0.035 cc in 35 structures of a plan against cells three to
twelve times finer."""

_UNITS = {"gy": "Gy", "cgy": "cGy", "%": "%", "cc": "cc", "cm3": "cc", "cm^3": "cc", "cm³": "cc"}
_UNITS["ccm"] = "cc"
_UNIT = r"(?:gy|cgy|%|ccm|cc|cm3|cm\^3|cm³)"
_AT = re.compile(rf"(dc|cv|d|v)(\d+(?:\.\d+)?|\.\d+)({_UNIT})?(?:\[({_UNIT})\])?", re.ASCII)
_PLAIN = re.compile(rf"(?:d)?(mean|min|max)(?:dose)?(?:\[({_UNIT})\])?|(volume)(?:\[({_UNIT})\])?")
_INDEX = re.compile(r"(ci|pci|gi|hi|rci|r50)\d*%?(\[.*\])?")
_CONVENTIONAL_PERCENT = 50.0


class Status(StrEnum):
    """Whether a number was computed."""

    EVALUATED = "evaluated"
    NOT_EVALUATED = "not_evaluated"


class Kind(StrEnum):
    """What a metric asks for."""

    DOSE = "D"
    VOLUME_AT_DOSE = "V"
    COLD_DOSE = "DC"
    COLD_VOLUME = "CV"
    MEAN = "Mean"
    MIN = "Min"
    MAX = "Max"
    VOLUME = "Volume"


@dataclass(frozen=True, slots=True)
class Metric:
    """A parsed metric; ``str()`` gives the canonical form, such as ``D0.035cc[Gy]``.

    Parameters
    ----------
    kind : Kind
    at : float or None
        The volume (``at_unit`` % or cc) or dose (``at_unit`` Gy or % of the prescription) asked at.
    at_unit : str or None
    unit : str
        Of the value: Gy, cc, or % (of the volume, or of the prescription for a dose).
    """

    kind: Kind
    at: float | None
    at_unit: str | None
    unit: str

    def __str__(self) -> str:
        at = "" if self.at is None else f"{self.at:.12g}{self.at_unit}"
        return f"{self.kind.value}{at}[{self.unit}]"

    @property
    def needs_prescription(self) -> bool:
        """Whether a dose in it is relative to the prescription."""
        is_dose = self.kind not in (Kind.VOLUME, Kind.VOLUME_AT_DOSE, Kind.COLD_VOLUME)
        if is_dose:
            return self.unit == "%"
        return self.at_unit == "%"


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A metric's value, or why there is none.

    Parameters
    ----------
    value : float or None
    status : Status
    reason : str or None
        Why there is no value.
    uncertainty : float or None
        How far from the value the data leave it open (see ``evaluate``), in its unit. None
        where no other reading of the data was computed, and where it is not known.
    uncertainty_reason : str or None
        Why it is not known although other readings were computed.
    """

    value: float | None
    status: Status
    reason: str | None = None
    uncertainty: float | None = None
    uncertainty_reason: str | None = None

    def as_json(self) -> dict[str, object]:
        """The value as the contract's JSON object."""
        return {
            "value": self.value,
            "uncertainty": self.uncertainty,
            "status": self.status.value,
            "reason": self.reason,
            "uncertainty_reason": self.uncertainty_reason,
        }


def parse(text: str) -> Metric:
    """The metric that a text means.

    Raises
    ------
    DVHError
        No metric, impossible, or ambiguous; the text says how to write it.

    Examples
    --------
    >>> str(parse("D95")), str(parse("V2000 cGy")), str(parse("Dmean"))
    ('D95%[Gy]', 'V20Gy[%]', 'Mean[Gy]')
    """
    compact = re.sub(r"\s+", "", text).lower()
    if match := _AT.fullmatch(compact):
        kind, number, at_unit, unit = match.groups()
        return _with_number(text, Kind(kind.upper()), float(number), at_unit, unit)
    if match := _PLAIN.fullmatch(compact):
        dose, dose_unit, volume, volume_unit = match.groups()
        if volume:
            return _volume_alone(text, _UNITS[volume_unit or "cc"])
        unit = _UNITS[dose_unit or "gy"]
        if unit == "cc":
            raise DVHError(f'metric "{text}": a dose has no unit cc; write "{dose.title()}[Gy]"')
        return Metric(Kind(dose.title()), None, None, "%" if unit == "%" else "Gy")
    if _INDEX.fullmatch(compact):
        raise DVHError(f'metric "{text}": indices are not computed by this version')
    raise DVHError(
        f'metric "{text}" is not one; write for example "D95%[Gy]", "D0.035cc[Gy]", '
        '"V20Gy[%]", "CV15Gy[cc]", "Mean[Gy]" or "Volume[cc]"'
    )


def _volume_alone(text: str, unit: str) -> Metric:
    if unit != "cc":
        raise DVHError(f'metric "{text}": a volume by itself is in cc; write "Volume[cc]"')
    return Metric(Kind.VOLUME, None, None, "cc")


def _with_number(text: str, kind: Kind, at: float, at_unit: str | None, unit: str | None) -> Metric:
    """A D, V, DC or CV metric from its parts, units as written."""
    is_dose = kind in (Kind.DOSE, Kind.COLD_DOSE)
    if at_unit is None:
        if not (is_dose and at >= _CONVENTIONAL_PERCENT and at <= 100):
            ways = (f"{at:g}%", f"{at:g}cc") if is_dose else (f"{at:g}Gy", f"{at:g}%")
            raise DVHError(
                f'metric "{text}" has no unit after {at:g}; write '
                f'"{kind.value}{ways[0]}" or "{kind.value}{ways[1]}"'
            )
        at_unit = "%"
    if not math.isfinite(at):
        raise DVHError(f'metric "{text}": the number is too large')
    asked, given = _UNITS[at_unit], _UNITS[unit] if unit else None
    if asked == "cGy":
        asked, at = "Gy", at / 100
    allowed_at = ("%", "cc") if is_dose else ("Gy", "%")
    allowed = ("Gy", "cGy", "%") if is_dose else ("%", "cc")
    if asked not in allowed_at:
        raise DVHError(
            f'metric "{text}": {kind.value} is asked at {" or ".join(allowed_at)}, not {asked}'
        )
    if given is not None and given not in allowed:
        raise DVHError(
            f'metric "{text}": {kind.value} is given in {" or ".join(allowed)}, not {given}'
        )
    if asked == "%" and is_dose and at > 100:
        raise DVHError(f'metric "{text}": {at:g} % of the volume is more than all of it')
    default = "Gy" if is_dose else "%"
    result = "Gy" if given == "cGy" else (given or default)
    return Metric(kind, at, asked, result)


def evaluate(
    metric: Metric, structure: StructureDVH, *, prescription_gy: float | None = None
) -> MetricValue:
    """The metric of one structure with its uncertainty, or NOT_EVALUATED with the reason.

    Where part of the structure lies outside the dose grid, the metric is evaluated only if no
    dose there could change it; else the reason gives its bounds.

    The uncertainty is the sum of three distances: from the value to the furthest of the readings
    with another shape between and beyond the planes; to the furthest of those with another dose
    between voxels; and of the integration, half the change of a metric read off the curve over
    ``INTEGRATION_PP`` of the volume to either side, or over ``INTEGRATION_SHARE`` of what is left
    there (0 for the volume, the mean and the extremes, which are not read off it). So the value and
    its uncertainty hold every reading, on whichever side of the value it lies. A
    volume asked in percent is of each reading's own volume. A reading that leaves the dose grid
    counts with the bounds of the metric. Where it has none in one of the readings (it is smaller
    than the volume asked for, or a dose outside the grid could be any), it may be anything, so the
    uncertainty is not known and ``uncertainty_reason`` says why.

    Parameters
    ----------
    prescription_gy : float, optional
        For metrics relative to the prescription.
    """
    if structure.volume_cc is None:
        return _not_evaluated(structure.reason or "the structure has no volume")
    if structure.dvh is None and structure.reason and metric.kind is not Kind.VOLUME:
        return _not_evaluated(structure.reason)
    total, dvh = structure.volume_cc, structure.dvh
    bounds = _range(metric, total, dvh, prescription_gy)
    if isinstance(bounds, str):
        return _not_evaluated(bounds)
    low, high = bounds
    if high - low > _rounding(low):
        upper = f"{high:.4g}" if math.isfinite(high) else "any value"
        outside = total - dvh.covered_cc if dvh else total
        return _not_evaluated(
            f"{100 * outside / total:.2g} % of the structure lies outside the dose grid; "
            f"{metric} may be {low:.4g} to {upper}"
        )
    result = MetricValue(low, Status.EVALUATED)
    if not structure.alternatives:
        return result
    open_by = 0.0 if dvh is None else _integration_width(metric, total, dvh, prescription_gy) / 2
    for kind in (Open.SLICES,) if metric.kind is Kind.VOLUME else Open:
        readings = [item for item in structure.alternatives if item.open is kind]
        furthest = _furthest(metric, low, readings, prescription_gy)
        if isinstance(furthest, str):
            return replace(result, uncertainty_reason=f"{_OTHERWISE[kind]}, {furthest}")
        open_by += furthest
    return replace(result, uncertainty=open_by if open_by > _rounding(low) else 0.0)


_OTHERWISE = {
    Open.SLICES: "with another shape between and beyond the planes",
    Open.DOSE: "with another dose between voxels",
}


def _range(
    metric: Metric, total: float, dvh: DVH | None, prescription_gy: float | None
) -> tuple[float, float] | str:
    """Smallest and largest value of a metric of a volume (cc) and its curve, or why it has none.

    They differ where part of the volume lies outside the dose grid; the largest may be infinite.
    """
    if metric.kind is Kind.VOLUME:
        return total, total
    if dvh is None:
        return "there is no dose in the structure"
    if metric.needs_prescription and not prescription_gy:
        return "it is relative to a prescribed dose, and none is known"
    outside = max(0.0, total - dvh.covered_cc)
    if outside <= COVERED * total:
        outside = 0.0
    if _volume_asked(metric, total) > total * (1 + COVERED):
        return f"the structure has {total:.4g} cc, less than the {metric.at:g} cc asked for"
    low, high = _bounds(metric, dvh, total, outside, prescription_gy)
    return (
        _scale(metric, low, total, prescription_gy),
        _scale(metric, high, total, prescription_gy),
    )


def _rounding(value: float) -> float:
    """What two ways to compute one value may differ by."""
    return 1e-9 * max(1.0, abs(value))


def _furthest(
    metric: Metric,
    value: float,
    readings: Sequence[Alternative],
    prescription_gy: float | None,
) -> float | str:
    """Largest distance from a value to those of other readings, or why it is not known."""
    if not readings:
        return "it was not computed"
    values: list[float] = []
    for reading in readings:
        bounds = _range(metric, reading.volume_cc, reading.dvh, prescription_gy)
        if isinstance(bounds, str):
            return bounds
        if not math.isfinite(bounds[1]):
            return "part of the structure lies outside the dose grid, and any dose may be there"
        values += bounds
    return max(abs(other - value) for other in values)


def _integration_width(
    metric: Metric, total: float, dvh: DVH, prescription_gy: float | None
) -> float:
    """Change of a metric over the largest error of the integration to either side, in its unit."""
    if metric.kind in (Kind.DOSE, Kind.COLD_DOSE):
        hottest = min(_hottest(metric, total), dvh.covered_cc)
        slack = _slack(hottest, dvh.covered_cc)
        width = dvh.dose_at(hottest - slack) - dvh.dose_at(hottest + slack)
    elif metric.kind in (Kind.VOLUME_AT_DOSE, Kind.COLD_VOLUME):
        width = 2 * _slack(dvh.volume_at(_dose_asked(metric, prescription_gy)), dvh.covered_cc)
    else:
        return 0.0
    return _scale(metric, width, total, prescription_gy)


def _slack(hotter_cc: float, covered_cc: float) -> float:
    """Largest error of the integration, cc, where so much of the covered volume is hotter."""
    left = max(min(hotter_cc, covered_cc - hotter_cc), 0.0)
    return min(INTEGRATION_PP / 100 * covered_cc, INTEGRATION_SHARE * left)


def _not_evaluated(reason: str) -> MetricValue:
    return MetricValue(None, Status.NOT_EVALUATED, reason)


def _volume_asked(metric: Metric, total_cc: float) -> float:
    """Volume, cc, that a dose metric is asked at; 0 for the others."""
    if metric.kind not in (Kind.DOSE, Kind.COLD_DOSE) or metric.at is None:
        return 0.0
    return metric.at * total_cc / 100 if metric.at_unit == "%" else metric.at


def _hottest(metric: Metric, total: float) -> float:
    """Volume, cc, at whose smallest dose a D or DC metric is read off the curve."""
    asked = min(_volume_asked(metric, total), total)
    return asked if metric.kind is Kind.DOSE else total - asked


def _dose_asked(metric: Metric, prescription_gy: float | None) -> float:
    """Dose, Gy, that a V or CV metric is asked at."""
    at = metric.at or 0.0
    return at * (prescription_gy or 0.0) / 100 if metric.at_unit == "%" else at


def _bounds(
    metric: Metric, dvh: DVH, total: float, outside: float, prescription_gy: float | None
) -> tuple[float, float]:
    """Value in Gy or cc if the part outside the grid got no dose, and if it got any dose."""
    hot = math.inf if outside else -math.inf
    match metric.kind:
        case Kind.MEAN:
            return dvh.mean_gy * (total - outside) / total, max(hot, dvh.mean_gy)
        case Kind.MIN:
            return (0.0 if outside else dvh.min_gy), dvh.min_gy
        case Kind.MAX:
            return dvh.max_gy, max(hot, dvh.max_gy)
        case Kind.DOSE | Kind.COLD_DOSE:
            return _dose_bounds(dvh, _hottest(metric, total), outside)
        case _:
            dose = _dose_asked(metric, prescription_gy)
            if dose <= 0:
                volume, outside = total, 0.0
            elif outside:
                volume = dvh.volume_at(dose)
            else:
                volume = dvh.volume_at(dose) / dvh.covered_cc * total
            if metric.kind is Kind.VOLUME_AT_DOSE:
                return volume, volume + outside
            return total - volume - outside, total - volume


def _dose_bounds(dvh: DVH, hottest_cc: float, outside: float) -> tuple[float, float]:
    """Bounds of the dose that the hottest volume receives at least, Gy."""
    covered = dvh.covered_cc
    if not outside:
        dose = dvh.dose_at(min(hottest_cc, covered))
        return dose, dose
    low = dvh.dose_at(hottest_cc) if hottest_cc <= covered else 0.0
    high = dvh.dose_at(min(hottest_cc - outside, covered)) if hottest_cc > outside else math.inf
    return low, high


def _scale(metric: Metric, value: float, total: float, prescription_gy: float | None) -> float:
    """A value in Gy or cc in the unit of the metric."""
    if metric.unit != "%":
        return value
    if metric.kind in (Kind.VOLUME_AT_DOSE, Kind.COLD_VOLUME):
        return 100 * value / total
    return 100 * value / (prescription_gy or math.nan)
