"""Dose limits held against the plan: met, violated, or not evaluated with the reason.

A limit that cannot be evaluated is never met. Limits hold for their own number of fractions, or
their own doses per fraction, and for no other; nothing is interpolated or converted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from rtplan.case import Case, Plan
from rtplan.dvh.curve import StructureDVH
from rtplan.dvh.metrics import Kind, Metric, MetricValue, Status, evaluate
from rtplan.errors import NamingError
from rtplan.findings import Severity
from rtplan.geometry.contour import Structure
from rtplan.protocol.describe import span
from rtplan.protocol.dose_model import Limit, LimitSet
from rtplan.protocol.logic import Op
from rtplan.protocol.naming import SIDES, Match, find

APART = "GEO007"
"""The finding of parts taken as separate bodies; a warning where they look like one."""

_NO_DOSE = "the RT Plan states no prescribed dose, so the dose per fraction is not known"


class RowStatus(StrEnum):
    """What came of one limit."""

    MET = "met"
    VIOLATED = "violated"
    NOT_EVALUATED = "not_evaluated"


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit on one structure.

    ``margin`` is how far the value is on the right side of the limit, in the limit's unit; negative
    where it is violated. ``structure`` is the organ asked for, with its side or part.
    ``within_uncertainty`` is whether the answer could be the other one by what the data leave open
    (``rtplan.dvh.metrics.evaluate``); None where that is not known, and where there is no answer.
    It changes no status.
    """

    limit: Limit
    structure: str
    match: Match | None
    status: RowStatus
    value: float | None = None
    uncertainty: float | None = None
    reason: str | None = None
    within_uncertainty: bool | None = None
    uncertainty_reason: str | None = None

    @property
    def margin(self) -> float | None:
        """Distance to the limit, None where there is no value."""
        if self.value is None:
            return None
        upper = _is_upper(self.limit)
        return self.limit.limit - self.value if upper else self.value - self.limit.limit

    @property
    def optimal_met(self) -> bool | None:
        """Whether the value also keeps the optimal one; None where there is none, or no answer."""
        if self.limit.optimal is None or self.value is None:
            return None
        return self.limit.op.holds(self.value, self.limit.optimal)

    def as_json(self) -> dict[str, object]:
        """The row as a JSON object of the report."""
        limit = self.limit
        matched = None
        if self.match is not None:
            structure = self.match.structure
            matched = {"number": structure.number, "name": structure.name, "how": self.match.how}
        side = self.structure.removeprefix(limit.structure).strip("_").lower()
        part = "" if self.structure == limit.structure else f"-{side}"
        return {
            "id": limit.id + part,
            "structure": self.structure,
            "label": limit.label,
            "matched": matched,
            "metric": str(limit.metric),
            "op": limit.op.value,
            "limit": limit.limit,
            "optimal": limit.optimal,
            "optimal_met": self.optimal_met,
            "value": self.value,
            "unit": limit.metric.unit,
            "uncertainty": self.uncertainty,
            "uncertainty_reason": self.uncertainty_reason,
            "margin": self.margin,
            "status": self.status.value,
            "within_uncertainty": self.within_uncertainty,
            "reason": self.reason,
            "endpoint": limit.endpoint,
            "evidence": limit.citation.evidence.value,
            "source": str(limit.citation),
            "conflict": [{"limit": c.limit, "text": c.text} for c in limit.conflicts],
        }


@dataclass(frozen=True, slots=True)
class LimitSetResult:
    """A limit set held against a case; ``reason`` says why none of it was evaluated."""

    limit_set: LimitSet
    status: Status
    fractions: int | None
    rows: tuple[LimitRow, ...] = ()
    reason: str | None = None

    def as_json(self) -> dict[str, object]:
        """The set as a JSON object of the report."""
        limit_set = self.limit_set
        return {
            "id": limit_set.id,
            "title": limit_set.title,
            "protocol_version": limit_set.version,
            "source": limit_set.sources[0].reference,
            "status": self.status.value,
            "reason": self.reason,
            "fractions": self.fractions,
            "rows": [row.as_json() for row in self.rows],
            "gaps": [{"id": gap.id, "text": gap.text} for gap in limit_set.gaps],
            "notes": list(limit_set.notes),
        }


def evaluate_limits(
    limit_set: LimitSet, case: Case, dvhs: tuple[StructureDVH, ...]
) -> LimitSetResult:
    """Every limit of a set that is for the plan's number of fractions or dose per fraction.

    Parameters
    ----------
    limit_set : LimitSet
    case : Case
        Its plan gives the number of fractions; its dose must be the total dose of that plan.
    dvhs : tuple of StructureDVH
        Of the case's structures; one that is missing leaves its limits not evaluated.
    """
    fractions = case.plan.fractions if case.plan else None
    reason = _why_not_keyed(limit_set, case)
    if reason is not None or case.structure_set is None:
        reason = reason or "there is no structure set"
        return LimitSetResult(limit_set, Status.NOT_EVALUATED, fractions, reason=reason)
    doubt = _dose_doubt(case)
    known = {dvh.number: dvh for dvh in dvhs}
    rows: list[LimitRow] = []
    for limit in limit_set.limits:
        if case.plan is not None and _is_for(limit, case.plan):
            rows += _rows(limit, case.structure_set.structures, {} if doubt else known, doubt)
        elif case.plan is not None and limit.fraction_gy and not _doses_per_fraction(case.plan):
            rows.append(
                LimitRow(limit, limit.structure, None, RowStatus.NOT_EVALUATED, reason=_NO_DOSE)
            )
    status = Status.NOT_EVALUATED if doubt else Status.EVALUATED
    return LimitSetResult(limit_set, status, fractions, tuple(rows), doubt)


def _why_not_keyed(limit_set: LimitSet, case: Case) -> str | None:
    """Why no limit of the set is for this plan; None where some are."""
    if case.plan is None:
        return "there is no RT Plan, so the number of fractions is not known"
    if case.plan.fractions is None:
        return "the RT Plan does not state the number of fractions"
    if any(_is_for(limit, case.plan) for limit in limit_set.limits):
        return None
    count = case.plan.fractions
    plural = "" if count == 1 else "s"
    if not limit_set.fraction_doses:
        held = _listed([str(number) for number in limit_set.fraction_counts])
        return (
            f"the plan has {count} fraction{plural}; {limit_set.name} gives limits for {held}; "
            "there is no interpolation between fraction counts"
        )
    ranges = [span(low, high) for low, high in limit_set.fraction_doses]
    held = f"{_listed(ranges)} Gy a fraction"
    found = _doses_per_fraction(case.plan)
    if not found:
        return f"{_NO_DOSE}; {limit_set.name} gives limits for {held}"
    return (
        f"the plan prescribes {_listed([f'{dose:g}' for dose in found])} Gy a fraction; "
        f"{limit_set.name} gives limits for {held}; nothing is converted to another fractionation"
    )


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _is_for(limit: Limit, plan: Plan) -> bool:
    """Whether a limit is for a plan's number of fractions, or for all its doses per fraction."""
    if limit.fraction_gy is None:
        return limit.fractions == plan.fractions
    low, high = limit.fraction_gy
    doses = _doses_per_fraction(plan)
    return bool(doses) and all(low <= dose <= high for dose in doses)


def _doses_per_fraction(plan: Plan) -> tuple[float, ...]:
    """The prescribed doses by the number of fractions, Gy, ascending; to a hundredth of a cGy."""
    if not plan.fractions:
        return ()
    return tuple(sorted({round(x.dose_gy / plan.fractions, 4) for x in plan.prescriptions}))


def _dose_doubt(case: Case) -> str | None:
    if case.dose is None:
        return case.dose_problem or "there is no RT Dose"
    if not case.dose_is_plans:
        return case.dose_doubt or "the dose is not known to be the total dose of the plan"
    return None


def _rows(
    limit: Limit,
    structures: Sequence[Structure],
    dvhs: Mapping[int, StructureDVH],
    doubt: str | None,
) -> list[LimitRow]:
    """One row for the organ, or one for each side or part of it that may be drawn."""
    rows = []
    for name, found in _targets(limit, structures):
        if isinstance(found, Match):
            rows.append(_row(limit, name, found, dvhs, doubt))
        else:
            rows.append(LimitRow(limit, name, None, RowStatus.NOT_EVALUATED, reason=found))
    return _parts_together(limit, rows, dvhs)


def _targets(limit: Limit, structures: Sequence[Structure]) -> list[tuple[str, Match | str]]:
    """What to test: the name asked for, and its match or why there is none."""
    whole = _find(limit.structure, structures)
    names = [f"{limit.structure}_{side}" for side in SIDES] if limit.sides else list(limit.parts)
    pieces = [(name, _find(name, structures)) for name in names]
    if isinstance(whole, Match) and not limit.sides:
        return [(limit.structure, whole)]
    if any(piece is not None for _, piece in pieces):
        answers = [
            (name, piece or f'no structure is "{name}" or a known synonym')
            for name, piece in pieces
        ]
        return answers if whole is None else [(limit.structure, whole), *answers]
    if whole is not None:
        return [(limit.structure, whole)]
    also = f", or its parts {', '.join(names)}," if names else ""
    return [(limit.structure, f'no structure is "{limit.structure}"{also} or a known synonym')]


def _find(name: str, structures: Sequence[Structure]) -> Match | str | None:
    """The match, or the text of an ambiguity, or None."""
    try:
        return find(name, structures)
    except NamingError as error:
        return str(error)


def _row(
    limit: Limit,
    name: str,
    match: Match,
    dvhs: Mapping[int, StructureDVH],
    doubt: str | None,
) -> LimitRow:
    structure = match.structure
    row = LimitRow(limit, name, match, RowStatus.NOT_EVALUATED)
    if structure.problem:
        return replace(row, reason=structure.problem)
    if not structure.closed:
        return replace(row, reason="the structure has no contour that encloses an area")
    if doubt:
        return replace(row, reason=doubt)
    dvh = dvhs.get(structure.number)
    if dvh is None:
        return replace(row, reason="no dose-volume histogram was computed for the structure")
    result = evaluate(limit.metric, dvh)
    if result.status is not Status.EVALUATED or result.value is None:
        return replace(row, reason=result.reason or "the metric could not be evaluated")
    met = limit.op.holds(result.value, limit.limit)
    gap = _gap(dvh)
    if met and gap is not None:
        return replace(row, reason=f"{gap}; what lies between was not looked at")
    return replace(
        row,
        status=RowStatus.MET if met else RowStatus.VIOLATED,
        value=result.value,
        uncertainty=result.uncertainty,
        reason=_conflict(limit, result.value),
        within_uncertainty=_within(result, limit.limit),
        uncertainty_reason=result.uncertainty_reason,
    )


def _within(result: MetricValue, limit: float) -> bool | None:
    """Whether a limit lies within the uncertainty of a value; None where that is not known."""
    if result.value is None or result.uncertainty is None:
        return None
    return result.uncertainty > 0 and abs(result.value - limit) <= result.uncertainty


def _gap(dvh: StructureDVH) -> str | None:
    """Why a limit may not pass: planes seem to be missing, so dose there was not looked at."""
    doubts = [f for f in dvh.findings if f.code == APART and f.severity is not Severity.INFO]
    return doubts[0].text if doubts else None


def _conflict(limit: Limit, value: float) -> str | None:
    """What to say where other values are in print for the limit."""
    if not limit.conflicts:
        return None
    unit = limit.metric.unit
    others = "; ".join(f"{item.limit:g} {unit}: {item.text}" for item in limit.conflicts)
    changed = any(
        limit.op.holds(value, item.limit) != limit.op.holds(value, limit.limit)
        for item in limit.conflicts
    )
    effect = "it decides this row" if changed else "it does not change this row"
    return f"sources conflict ({effect}); tested against {limit.limit:g} {unit}, also {others}"


_NO_MORE_THAN_THE_WORST_PART = (Kind.MAX, Kind.MEAN)


def _is_upper(limit: Limit) -> bool:
    return limit.op in (Op.AT_MOST, Op.LESS)


def _parts_together(
    limit: Limit, rows: list[LimitRow], dvhs: Mapping[int, StructureDVH]
) -> list[LimitRow]:
    """Parts that are each within a limit for a volume may together exceed it, and so may the rest.

    A part that is missing or not evaluated leaves the others undecided, unless they violate.
    Parts that do not overlap receive the limit dose in at most the sum of their volumes that do,
    so the organ is within the limit where that sum is. Else the parts cannot tell.
    """
    metric = limit.metric
    of_parts = [row for row in rows if row.structure in limit.parts]
    met = [row for row in of_parts if row.status is RowStatus.MET]
    absent = [row for row in of_parts if row.status is RowStatus.NOT_EVALUATED]
    if absent:
        text = _in_part(absent)
        return [_untold(row, text) for row in rows]
    if len(met) < 2 or (metric.kind in _NO_MORE_THAN_THE_WORST_PART and _is_upper(limit)):
        return rows
    if metric.kind is not Kind.DOSE or metric.at_unit != "cc" or metric.at is None:
        text = "each part is within the limit, which is for the organ as a whole: draw it as one"
        return [_untold(row, text) for row in rows]
    together = _volume_together(met, limit.limit, dvhs)
    if together.value is None:
        return [_untold(row, str(together.reason)) for row in rows]
    if together.value <= metric.at:
        # The answer for the organ rests on the sum too.
        within = _within(together, metric.at)
        return [_also_within(row, within) for row in rows]
    text = (
        f"each part is within the limit, but together {together.value:.3g} cc receive "
        f"{limit.limit:g} Gy or more: draw the organ as one structure"
    )
    return [_untold(row, text) for row in rows]


def _volume_together(
    rows: Sequence[LimitRow], dose_gy: float, dvhs: Mapping[int, StructureDVH]
) -> MetricValue:
    """Volume, cc, of parts that receives a dose, as if none overlapped.

    The uncertainties add up, since what the data leave open may move all parts the same way; where
    that of one part's volume or of its row is not known, that of the sum is not.
    """
    metric = Metric(Kind.VOLUME_AT_DOSE, dose_gy, "Gy", "cc")
    volume = uncertainty = 0.0
    known = True
    for row in rows:
        if row.match is None:
            continue
        part = evaluate(metric, dvhs[row.match.structure.number])
        if part.value is None:
            return replace(part, reason=f"{row.structure}: {part.reason}")
        volume += part.value
        uncertainty += part.uncertainty or 0.0
        known = known and None not in (part.uncertainty, row.uncertainty)
    return MetricValue(volume, Status.EVALUATED, uncertainty=uncertainty if known else None)


def _also_within(row: LimitRow, within: bool | None) -> LimitRow:
    """A row that is met, with the doubt about the parts together added to its own."""
    if row.status is not RowStatus.MET:
        return row
    return replace(row, within_uncertainty=_any(row.within_uncertainty, within))


def _any(*answers: bool | None) -> bool | None:
    """Whether one of some answers is yes; None where none is and one is not known."""
    if True in answers:
        return True
    return None if None in answers else False


def _in_part(absent: Sequence[LimitRow]) -> str:
    """What to say of an organ some parts of which are not there or were not evaluated."""
    missing = [row for row in absent if row.match is None]
    how = "drawn" if missing else "evaluated"
    reasons = dict.fromkeys(
        str(row.reason) if row.match is None else f"{row.structure}: {row.reason}" for row in absent
    )
    return f"only part of the organ is {how}: {'; '.join(reasons)}"


def _untold(row: LimitRow, text: str) -> LimitRow:
    """A row that is met on its own part, taken back."""
    if row.status is not RowStatus.MET:
        return row
    return LimitRow(row.limit, row.structure, row.match, RowStatus.NOT_EVALUATED, reason=text)
