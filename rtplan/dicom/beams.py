"""The total dose of a plan as the sum of the doses of its beams (Dose Summation Type BEAM).

PS3.3 C.8.8.3: a BEAM dose is of one or more beams of a plan; what is given in one session has a
type of its own. The sum stands for the plan only where it is complete: each beam that treats is in
exactly one dose, all doses are physical, in Gy, on one grid, of this plan and no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rtplan.case import Case
from rtplan.dicom.inventory import FoundDose, FoundPlan, counted
from rtplan.dose.grid import SummationType
from rtplan.geometry.grid import Grid

_SAME_MM = 1e-3
_LIKELY = (0.9, 2.5)
"""Highest dose of a plan over its highest prescribed dose: beyond this range it is not likely."""


def sum_of_beams(plan: FoundPlan, doses: Sequence[FoundDose]) -> FoundDose | str:
    """One dose that is the sum of the plan's beam doses, or why there is none.

    Parameters
    ----------
    plan : FoundPlan
    doses : sequence of FoundDose
        The BEAM doses that refer to the plan, at least one.
    """
    reason = _not_complete(plan, doses) or _not_alike(plan, doses)
    if reason:
        return reason
    ordered = sorted(doses, key=lambda dose: dose.beam_numbers)
    return replace(
        ordered[0],
        files=tuple(dose.files[0] for dose in ordered),
        inputs=tuple(dose.inputs[0] for dose in ordered),
        beam_numbers=tuple(number for dose in ordered for number in dose.beam_numbers),
        is_sum=True,
        stored_dvhs=(),
    )


def dose_origin(case: Case) -> str:
    """Which RT Dose the dose of a case is, or of how many it was summed."""
    if case.dose is None:
        return "no RT Dose"
    kind = f"with summation type {case.dose.summation.value}"
    if not any(item.code == "LNK012" for item in case.findings):
        return f"RT Dose {kind}"
    count = sum(item.modality == "RTDOSE" for item in case.inputs)
    return f"sum of {counted(count, 'RT Dose')} {kind}"


def sum_doubt(plan: FoundPlan, highest_gy: float) -> str | None:
    """Why the sum may be the dose of one fraction, as some systems write it; None where not.

    With several fractions only the prescribed dose can tell: the sum must be likely as the dose
    of all of them, and must not be as the dose of one.
    """
    fractions = plan.plan.fractions
    if fractions == 1:
        return None
    if fractions is None:
        return "the number of fractions is not known"
    prescribed = max((item.dose_gy for item in plan.plan.prescriptions), default=None)
    if prescribed is None:
        return f"nothing tells whether it is of one or of all {fractions} fractions"
    low, high = _LIKELY
    ratio = highest_gy / prescribed
    if low <= ratio <= high < ratio * fractions:
        return None
    return (
        f"its highest dose, {highest_gy:.4g} Gy, with {prescribed:g} Gy prescribed, does not tell "
        f"whether it is of one or of all {fractions} fractions"
    )


def _not_complete(plan: FoundPlan, doses: Sequence[FoundDose]) -> str | None:
    """Whether the doses are of every beam of the plan, each once."""
    if not plan.fraction_beams:
        return "the beams of the plan's fraction group are not known"
    times = Counter(number for dose in doses for number in dose.beam_numbers)
    if any(not dose.beam_numbers for dose in doses):
        return "a beam dose does not say which beam it is of"
    missing = sorted(set(plan.fraction_beams) - set(times))
    foreign = sorted(set(times) - set(plan.fraction_beams))
    twice = sorted(number for number, count in times.items() if count > 1)
    for numbers, what in (
        (missing, "there is no dose of"),
        (foreign, "the plan does not treat with"),
        (twice, "there are several doses of"),
    ):
        if numbers:
            return f"{what} beam {', '.join(map(str, numbers))}"
    return None


def _not_alike(plan: FoundPlan, doses: Sequence[FoundDose]) -> str | None:
    """Whether the doses can be added."""
    first = doses[0]
    for dose in doses:
        if dose.problem:
            return f"a beam dose cannot be used: {dose.problem}"
        if dose.summation is not SummationType.BEAM or dose.plan_uids != (plan.uid,):
            return "a beam dose is not of this plan alone"
        if dose.dose_type != "PHYSICAL":
            return f"Dose Type is {dose.dose_type or 'missing'}, and only PHYSICAL doses add up"
        if len(dose.files) != 1:
            return "a beam dose is stored plane by plane"
        if (dose.patient, dose.frame_of_reference_uid, dose.structure_set_uid) != (
            first.patient,
            first.frame_of_reference_uid,
            first.structure_set_uid,
        ):
            return "the beam doses are of different patients, frames of reference or structure sets"
        assert first.grid is not None
        assert dose.grid is not None
        if not _same_grid(first.grid, dose.grid):
            return "the beam doses lie on different grids"
    return None


def _same_grid(one: Grid, other: Grid) -> bool:
    return (
        one.shape == other.shape
        and np.allclose(one.origin_mm, other.origin_mm, rtol=0, atol=_SAME_MM)
        and np.allclose(one.directions, other.directions, rtol=0, atol=1e-6)
        and all(
            np.allclose(a, b, rtol=0, atol=_SAME_MM)
            for a, b in zip(one.axes_mm, other.axes_mm, strict=True)
        )
    )
