"""Dose-volume metrics in the grammar of TG-263 (Mayo): ``D95%[Gy]``, ``V20Gy[cc]``, ``Mean[Gy]``.

Source: Mayo et al. 2018, IJROBP 100:1057, doi:10.1016/j.ijrobp.2017.12.013.
D is the minimum dose to the hottest volume, V the volume at or above a dose, CV the volume below
it, DC the maximum dose to the coldest volume.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from rtplan.dvh.curve import DVH, StructureDVH
from rtplan.errors import DVHError

COVERED = 1e-6
"""Relative volume outside the dose grid up to which a structure counts as covered."""

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
    """A metric's value, or why there is none. ``uncertainty`` is None until it is computed."""

    value: float | None
    status: Status
    reason: str | None = None
    uncertainty: float | None = None

    def as_json(self) -> dict[str, object]:
        """The value as the contract's JSON object."""
        return {
            "value": self.value,
            "uncertainty": self.uncertainty,
            "status": self.status.value,
            "reason": self.reason,
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
    """The metric of one structure, or NOT_EVALUATED with the reason.

    Where part of the structure lies outside the dose grid, the metric is evaluated only if no
    dose there could change it; else the reason gives its bounds.

    Parameters
    ----------
    prescription_gy : float, optional
        For metrics relative to the prescription.
    """
    if structure.volume_cc is None:
        return _not_evaluated(structure.reason or "the structure has no volume")
    if metric.kind is Kind.VOLUME:
        return MetricValue(structure.volume_cc, Status.EVALUATED)
    if structure.dvh is None:
        return _not_evaluated(structure.reason or "there is no dose in the structure")
    if metric.needs_prescription and not prescription_gy:
        return _not_evaluated("it is relative to a prescribed dose, and none is known")
    total = structure.volume_cc
    outside = max(0.0, total - structure.dvh.covered_cc)
    if outside <= COVERED * total:
        outside = 0.0
    if _volume_asked(metric, total) > total * (1 + COVERED):
        return _not_evaluated(
            f"the structure has {total:.4g} cc, less than the {metric.at:g} cc asked for"
        )
    low, high = (
        _scale(metric, bound, total, prescription_gy)
        for bound in _bounds(metric, structure.dvh, total, outside, prescription_gy)
    )
    if high - low > 1e-9 * max(1.0, abs(low)):
        upper = f"{high:.4g}" if math.isfinite(high) else "any value"
        return _not_evaluated(
            f"{100 * outside / total:.2g} % of the structure lies outside the dose grid; "
            f"{metric} may be {low:.4g} to {upper}"
        )
    return MetricValue(low, Status.EVALUATED)


def _not_evaluated(reason: str) -> MetricValue:
    return MetricValue(None, Status.NOT_EVALUATED, reason)


def _volume_asked(metric: Metric, total_cc: float) -> float:
    """Volume, cc, that a dose metric is asked at; 0 for the others."""
    if metric.kind not in (Kind.DOSE, Kind.COLD_DOSE) or metric.at is None:
        return 0.0
    return metric.at * total_cc / 100 if metric.at_unit == "%" else metric.at


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
            asked = min(_volume_asked(metric, total), total)
            hottest = asked if metric.kind is Kind.DOSE else total - asked
            return _dose_bounds(dvh, hottest, outside)
        case _:
            at = metric.at or 0.0
            dose = at * (prescription_gy or 0.0) / 100 if metric.at_unit == "%" else at
            volume = total if dose <= 0 else dvh.volume_at(dose)
            if dose <= 0:
                outside = 0.0
            elif not outside:
                volume *= total / dvh.covered_cc
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
