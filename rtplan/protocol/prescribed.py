"""What was prescribed elsewhere for the sites of the lesions, beside what the plan prescribes.

Information, never advice: a regimen is what a source prescribed. Nothing is interpolated between
regimens, and no dose is converted to another number of fractions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from rtplan.case import Case
from rtplan.case import Prescription as PlanPrescription
from rtplan.errors import GeometryError
from rtplan.geometry.contour import Structure, StructureSet
from rtplan.geometry.planes import stack_planes
from rtplan.lesions.model import Category, Lesion, LesionReading, Organ
from rtplan.protocol.describe import span
from rtplan.protocol.dose_model import Prescription, PrescriptionSet, Treated

SAME_GY = 0.005
"""Doses closer than this, Gy, are the same: half of the last digit that plans are written with."""

_UNNAMED = "the prescription names no volume, so it is taken to be for every lesion"


class Comparison(StrEnum):
    """What came of comparing a plan with the regimens for a lesion."""

    MET = "met"
    """The plan's dose and fractions are among them."""
    NOT_AMONG = "not_among"
    NOT_EVALUATED = "not_evaluated"


@dataclass(frozen=True, slots=True)
class Planned:
    """What the plan prescribes for a lesion: total dose in Gy, and number of fractions.

    ``is_named`` is whether the prescription names a volume; one that names none is taken to be for
    every lesion.
    """

    dose_gy: float
    fractions: int
    is_named: bool = True

    @property
    def bed10_gy(self) -> float | None:
        """Biologically effective dose, Gy, computed as n d (1 + d / 10), alpha/beta 10 Gy.

        It extrapolates beyond some 10 Gy a fraction. None where a number of the plan is so absurd
        that there is no finite value.

        >>> Planned(48.0, 4).bed10_gy
        105.6
        """
        bed = self.dose_gy * (1 + self.dose_gy / self.fractions / 10)
        return round(bed, 1) if math.isfinite(bed) else None

    def __str__(self) -> str:
        return regimen_text((self.dose_gy,) * 2, (self.fractions,) * 2)


@dataclass(frozen=True, slots=True)
class LesionRegimens:
    """The regimens for one lesion, and the plan beside them; ``site`` None where not known.

    ``matches`` are the regimens that hold the plan's dose and fractions; ``nearest`` are, where
    none does, those nearest by number of fractions, then by dose.
    """

    lesion: Lesion
    site: str | None
    status: Comparison
    regimens: tuple[Prescription, ...] = ()
    planned: Planned | None = None
    matches: tuple[Prescription, ...] = ()
    nearest: tuple[Prescription, ...] = ()
    reason: str | None = None

    @property
    def is_range(self) -> bool:
        """Whether the plan only lies within ranges that sources state."""
        return bool(self.matches) and all(_is_range(item) for item in self.matches)

    @property
    def text(self) -> str:
        """The answer in a sentence."""
        if self.status is Comparison.NOT_EVALUATED:
            return str(self.reason)
        if self.planned is not None and not self.planned.is_named:
            return f"{self._answer}; {_UNNAMED}"
        return self._answer

    @property
    def _answer(self) -> str:
        if self.status is Comparison.NOT_AMONG:
            return (
                f"no regimen of the list is {self.planned}; nearest by number of fractions, "
                f"then by dose: {_cited(self.nearest)}"
            )
        if exact := [item for item in self.matches if not _is_range(item)]:
            return f"{self.planned} is among them: {_cited(exact, beside=self.planned)}"
        within = f"{self.planned} lies within {_cited(self.matches)}"
        if all(_is_two_ranges(item) for item in self.matches):
            within += "; which dose went with which number of fractions is not said there"
        return within

    def as_json(self) -> dict[str, object]:
        """The comparison as a JSON object of the report; regimens by id."""
        planned = self.planned
        return {
            "lesion": self.lesion.id,
            "site": self.site,
            "status": self.status.value,
            "text": self.text,
            "reason": self.reason,
            "is_range": self.is_range,
            "planned": planned
            and {
                "dose_gy": planned.dose_gy,
                "fractions": planned.fractions,
                "bed10_gy": planned.bed10_gy,
                "is_named": planned.is_named,
                "text": str(planned),
            },
            "regimens": [item.id for item in self.regimens],
            "matches": [item.id for item in self.matches],
            "nearest": [item.id for item in self.nearest],
        }


@dataclass(frozen=True, slots=True)
class PrescribedResult:
    """A set of prescriptions beside a case; ``reason`` says why there are no lesions to compare."""

    prescription_set: PrescriptionSet
    lesions: tuple[LesionRegimens, ...] = ()
    reason: str | None = None

    def as_json(self) -> dict[str, object]:
        """The result as a JSON object of the report, with the regimens that some lesion has."""
        held = self.prescription_set
        used = {item.id for lesion in self.lesions for item in lesion.regimens}
        return {
            "id": held.id,
            "title": held.title,
            "protocol_version": held.version,
            "reason": self.reason,
            "lesions": [item.as_json() for item in self.lesions],
            "regimens": [_regimen_json(x) for x in held.prescriptions if x.id in used],
            "notes": list(held.notes),
            "gaps": [{"id": gap.id, "text": gap.text} for gap in held.gaps],
        }


def compare_prescriptions(
    prescription_set: PrescriptionSet,
    case: Case,
    reading: LesionReading | None,
    *,
    primary_site: str | None = None,
) -> PrescribedResult:
    """The regimens for each lesion of a case, and whether the plan's prescription is among them.

    Parameters
    ----------
    prescription_set : PrescriptionSet
    case : Case
        Its plan gives the prescribed doses, Gy, and the number of fractions.
    reading : LesionReading or None
        The lesions; None where there is no structure set.
    primary_site : str, optional
        Site of the primary as the facts state it.
    """
    if reading is None or not reading.lesions:
        reason = "there is no structure set" if reading is None else "there is no lesion"
        return PrescribedResult(prescription_set, reason=reason)
    lesions = tuple(
        _compared(prescription_set, lesion, primary_site, case) for lesion in reading.lesions
    )
    return PrescribedResult(prescription_set, lesions)


def regimens_for(
    prescriptions: Iterable[Prescription], lesion: Lesion, primary_site: str | None
) -> tuple[Prescription, ...]:
    """The prescriptions for the organ and kind of a lesion; conditions are left to the reader.

    A lesion of unknown category may be a metastasis or the primary. Where the site of the primary
    is not stated it may be any; where the primary itself lies, its organ says then.
    """
    return tuple(item for item in prescriptions if _is_for(item, lesion, primary_site))


def _is_for(item: Prescription, lesion: Lesion, primary_site: str | None) -> bool:
    if item.primaries and primary_site not in (None, *item.primaries):
        return False
    if item.lesions is Treated.METASTASES:
        return lesion.category.counts and (not item.organs or lesion.organ in item.organs)
    if lesion.category is Category.PRIMARY and primary_site is not None:
        return True
    may_be_primary = lesion.category in (Category.PRIMARY, Category.UNKNOWN)
    return may_be_primary and _organ(lesion) in item.primaries


def _organ(lesion: Lesion) -> str | None:
    """The organ as the site of a primary; ``other`` tells none."""
    return None if lesion.organ in (None, Organ.OTHER) else str(lesion.organ)


def _site(lesion: Lesion, primary_site: str | None) -> str | None:
    if lesion.category is Category.PRIMARY:
        return primary_site or _organ(lesion)
    return None if lesion.organ is None else lesion.organ.value


def _compared(
    prescription_set: PrescriptionSet, lesion: Lesion, primary_site: str | None, case: Case
) -> LesionRegimens:
    site = _site(lesion, primary_site)
    planned = planned_for(lesion, case)
    if site is None:
        of = "primary" if lesion.category is Category.PRIMARY else "lesion"
        return _not_evaluated(lesion, None, f"the site of the {of} is not known", planned)
    regimens = regimens_for(prescription_set.prescriptions, lesion, primary_site)
    if not regimens:
        kind = "" if lesion.category.counts else f" as {lesion.category.value.replace('_', ' ')}"
        where = site.replace("_", " ")
        reason = f"{prescription_set.name} has no regimen for the site {where}{kind}"
        return _not_evaluated(lesion, site, reason, planned)
    if isinstance(planned, str):
        return _not_evaluated(lesion, site, planned, planned, regimens)
    matches = tuple(item for item in regimens if _gaps(item, planned) == (0, 0.0))
    if matches:
        return LesionRegimens(lesion, site, Comparison.MET, regimens, planned, matches)
    least = min(_gaps(item, planned) for item in regimens)
    nearest = tuple(item for item in regimens if _gaps(item, planned) == least)
    return LesionRegimens(lesion, site, Comparison.NOT_AMONG, regimens, planned, nearest=nearest)


def _not_evaluated(
    lesion: Lesion,
    site: str | None,
    reason: str,
    planned: Planned | str,
    regimens: tuple[Prescription, ...] = (),
) -> LesionRegimens:
    known = None if isinstance(planned, str) else planned
    return LesionRegimens(lesion, site, Comparison.NOT_EVALUATED, regimens, known, reason=reason)


def planned_for(lesion: Lesion, case: Case) -> Planned | str:
    """What the plan prescribes for a lesion, or why that is not known.

    A prescription is for a lesion where it names no ROI, one of the lesion's own, or one that the
    lesion's centroid lies in; all that are must prescribe one dose.
    """
    plan = case.plan
    if plan is None:
        return "there is no RT Plan"
    if plan.fractions is None:
        return "the RT Plan does not state the number of fractions"
    if not plan.prescriptions:
        return "the RT Plan states no prescribed dose"
    meant = _meant_for(lesion, plan.prescriptions, case.structure_set)
    doses: list[float] = []
    for dose in sorted(item.dose_gy for item in meant):
        if not doses or dose - doses[-1] >= SAME_GY:
            doses.append(dose)
    if not doses:
        return "no prescription of the RT Plan is for a volume that this lesion lies in"
    if len(doses) > 1:
        listed = " and ".join(f"{dose:g}" for dose in doses)
        return f"the RT Plan prescribes {listed} Gy here; which is for this lesion is not known"
    is_named = any(item.roi_number is not None for item in meant)
    return Planned(doses[0], plan.fractions, is_named)


def _meant_for(
    lesion: Lesion, prescriptions: Sequence[PlanPrescription], structure_set: StructureSet | None
) -> list[PlanPrescription]:
    """The prescriptions of the plan that are, or may be, for a lesion."""
    own = {item.number for item in lesion.structures}
    structures = structure_set.structures if structure_set else ()
    frames = {s.frame_of_reference_uid for s in structures if s.number in own}
    return [
        item
        for item in prescriptions
        if item.roi_number is None
        or item.roi_number in own
        or _holds([s for s in structures if s.number == item.roi_number], lesion, frames)
    ]


def _holds(same: Sequence[Structure], lesion: Lesion, frames: set[str | None]) -> bool:
    """Whether the one structure of an ROI number has a lesion's centroid within its contours."""
    if len(same) != 1 or lesion.centroid_mm is None or same[0].problem or not same[0].closed:
        return False
    frame = same[0].frame_of_reference_uid
    if None not in (*frames, frame) and frame not in frames:
        return False
    points = np.concatenate([contour.points_mm for contour in same[0].closed])
    centre = np.array(lesion.centroid_mm)
    if not ((points.min(axis=0) <= centre) & (centre <= points.max(axis=0))).all():
        return False
    try:
        stack = stack_planes(same[0])
    except GeometryError:
        return False
    import shapely

    u, v, n = centre @ stack.axes
    nearest = min(stack.planes, key=lambda plane: abs(plane.position_mm - n))
    usual = float(np.median(stack.gaps_mm)) if stack.gaps_mm.size else 0.0
    within = abs(nearest.position_mm - n) <= usual
    return within and bool(shapely.contains_xy(nearest.polygon(), u, v))


def _gaps(item: Prescription, planned: Planned) -> tuple[int, float]:
    """How far a plan is from a regimen: in fractions, and in Gy; 0 within a range."""
    (low, high), (least, most) = item.dose_gy, item.fractions
    fractions = max(least - planned.fractions, planned.fractions - most, 0)
    dose = max(low - planned.dose_gy, planned.dose_gy - high, 0.0)
    return fractions, 0.0 if dose < SAME_GY else dose


def _is_range(item: Prescription) -> bool:
    return item.dose_gy[0] < item.dose_gy[1] or item.fractions[0] < item.fractions[1]


def _is_two_ranges(item: Prescription) -> bool:
    return item.dose_gy[0] < item.dose_gy[1] and item.fractions[0] < item.fractions[1]


def regimen_text(dose_gy: tuple[float, float], fractions: tuple[int, int]) -> str:
    """A dose and a number of fractions, or their ranges.

    >>> regimen_text((20.0, 20.0), (1, 1)), regimen_text((45.0, 60.0), (3, 8))
    ('20 Gy in 1 fraction', '45 to 60 Gy in 3 to 8 fractions')
    """
    plural = "" if fractions == (1, 1) else "s"
    return f"{span(*dose_gy)} Gy in {span(*fractions)} fraction{plural}"


def _for(item: Prescription) -> str:
    """What a regimen was for: its site, and the condition."""
    return f"{item.site}: {item.condition}" if item.condition else item.site


def _cited(items: Sequence[Prescription], *, beside: Planned | None = None) -> str:
    """Regimens in words, each with what it was for and its source; not what was just said."""
    lines = []
    for item in items:
        regimen = regimen_text(item.dose_gy, item.fractions)
        named = "" if regimen == str(beside) else f"{regimen}, "
        cited = f"{item.citation.source.text}; {item.citation.evidence.value}"
        lines.append(f"{named}{_for(item)} ({cited})")
    return "; ".join(lines)


def _regimen_json(item: Prescription) -> dict[str, object]:
    return {
        "id": item.id,
        "site": item.site,
        "lesions": item.lesions.value,
        "organs": [organ.value for organ in item.organs],
        "primaries": list(item.primaries),
        "condition": item.condition,
        "for": _for(item),
        "dose_gy": list(item.dose_gy),
        "fractions": list(item.fractions),
        "text": regimen_text(item.dose_gy, item.fractions),
        "bed10_gy": item.bed10_gy,
        "evidence": item.citation.evidence.value,
        "source": str(item.citation),
        "source_text": item.citation.source.text,
    }
