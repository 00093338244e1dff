"""Link an inventory to a case: the dose's plan, the plan's structure set, its images.

References decide (PS3.3: RT Dose → RT Plan → RT Structure Set → images). Where they point to
nothing that is there, the frame of reference may stand in, with a warning. Where several answers
remain, the choices are listed and nothing is linked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from rtplan.case import Case, ImageSeries, Input
from rtplan.dicom.beams import sum_doubt
from rtplan.dicom.chains import Chain, chains, describe, rt_objects, why_not_summed
from rtplan.dicom.dose import load_dose
from rtplan.dicom.dose_planes import Unusable
from rtplan.dicom.inventory import (
    FoundDose,
    FoundPlan,
    FoundStructureSet,
    Inventory,
    uid_end,
)
from rtplan.dicom.parse import NO_PATIENT
from rtplan.dicom.segmentation import MODALITY as SEGMENTATION
from rtplan.dicom.segmentation import without_segmentations
from rtplan.dose.grid import DoseGrid, SummationType
from rtplan.errors import AmbiguousError, DoseError, InputError
from rtplan.findings import Finding, finding
from rtplan.geometry.contour import StructureSet

_PLAUSIBLE = (0.5, 5.0)
"""Highest dose of a plan over its highest prescribed dose: beyond this range it is doubted."""

_Object = TypeVar("_Object", FoundPlan, FoundStructureSet, FoundDose)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose: a UID or its end each; ``patient`` is a key such as ``patient-2``, as a
    listing shows it, or its number."""

    patient: str | None = None
    plan: str | None = None
    structure_set: str | None = None
    dose: str | None = None


def link(inventory: Inventory, *, choice: Choice | None = None) -> Case:
    """The one case of an inventory, or of what ``choice`` leaves of it.

    The dose's values are read here. A dose that cannot be used gives a case without dose and
    with ``dose_problem``.

    Raises
    ------
    AmbiguousError
        Several cases are possible; the text lists them and how to choose.
    InputError
        Nothing can be linked, or a choice matches nothing.
    """
    choice = choice or Choice()
    chain, notes = _choose(inventory, choice)
    dose, problem, dose_notes = _load(chain)
    doubt = _doubt(chain, float(dose.values_gy.max())) if dose is not None else None
    notes += [*_note_chain(chain), *dose_notes, *([doubt] if doubt else [])]
    structure_set = None
    if chain.structure_set is not None:
        structure_set = _same_frame(chain.structure_set.structure_set, notes)
    images, image_notes = _images(inventory, chain)
    used = _uids(chain, images)
    kept = [item for item in inventory.findings if _concerns(item, used)]
    return Case(
        label=_label(chain),
        structure_set=structure_set,
        dose=dose,
        dose_problem=problem,
        dose_is_plans=dose is not None and doubt is None,
        dose_doubt=doubt.text if doubt else None,
        plan=chain.plan.plan if chain.plan else None,
        images=images,
        stored_dvhs=chain.dose.stored_dvhs if chain.dose else (),
        inputs=_inputs(chain),
        findings=(*kept, *notes, *image_notes),
    )


def _choose(inventory: Inventory, choice: Choice) -> tuple[Chain, list[Finding]]:
    """The one chain that the references and the choice leave."""
    if not inventory.has_rt_objects:
        reasons = "; ".join(item.text for item in inventory.findings if item.severity == "error")
        raise InputError(
            f"no RT object can be used{': ' + reasons if reasons else ''}; export them again"
        )
    left = _by_patient(inventory, choice.patient)
    notes: tuple[Finding, ...] = ()
    if choice.structure_set is None:
        left, notes = without_segmentations(left)
    plan = _match(choice.plan, left.plans, "RT Plan", "--plan")
    structure_set = _match(
        choice.structure_set, left.structure_sets, "RT Structure Set", "--structure-set"
    )
    dose = _match(choice.dose, left.doses, "RT Dose", "--dose")
    possible = chains(left, plan=plan, structure_set=structure_set, dose=dose)
    if len(possible) > 1:
        raise AmbiguousError("\n".join([_listing(possible), *why_not_summed(left)]))
    chain = possible[0]
    return _without_roi_numbers(chain), [*chain.notes, *notes, *_left_out(left, chain)]


def _without_roi_numbers(chain: Chain) -> Chain:
    """A chain of a segmentation without the ROI numbers of plan and dose: they mean another set."""
    found, plan, dose = chain.structure_set, chain.plan, chain.dose
    if found is None or found.input.modality != SEGMENTATION:
        return chain
    if plan is not None:
        stated = tuple(replace(item, roi_number=None) for item in plan.plan.prescriptions)
        plan = replace(plan, plan=replace(plan.plan, prescriptions=stated))
    return replace(chain, plan=plan, dose=dose and replace(dose, stored_dvhs=()))


def _by_patient(inventory: Inventory, patient: str | None) -> Inventory:
    if patient is None:
        return inventory
    wanted = (patient, f"patient-{patient}")
    left = replace(
        inventory,
        structure_sets=tuple(x for x in inventory.structure_sets if x.patient in wanted),
        plans=tuple(x for x in inventory.plans if x.patient in wanted),
        doses=tuple(x for x in inventory.doses if x.patient in wanted),
        series=tuple(x for x in inventory.series if x.patient in wanted),
    )
    if not left.has_rt_objects:
        found = rt_objects(inventory)
        keys = ", ".join(sorted({item.patient for item in found}))
        raise InputError(f'--patient "{patient}" matches no patient; there are: {keys}')
    return left


def _match(wanted: str | None, found: Sequence[_Object], what: str, option: str) -> _Object | None:
    """The object whose UID is ``wanted`` or ends with it."""
    if wanted is None:
        return None
    end = wanted.lstrip("….")
    matches = [x for x in found if x.uid == end] or [x for x in found if x.uid.endswith(end)]
    if len(matches) == 1 and end:
        return matches[0]
    listed = "\n".join(f"  {describe(x)}" for x in matches or found) or "  none"
    if len(matches) > 1:
        raise AmbiguousError(
            f'{option} "{wanted}" matches several; give more of the UID:\n{listed}'
        )
    raise InputError(f'{option} "{wanted}" matches no {what}; there are:\n{listed}')


def _listing(possible: Sequence[Chain]) -> str:
    lines = [
        f"{len(possible)} cases are possible; choose with --patient, --plan, --structure-set or "
        "--dose and the end of a UID:"
    ]
    for number, chain in enumerate(possible, start=1):
        lines.append(f"  {number}. {chain.patient}")
        lines += [f"     {describe(item)}" for item in chain.objects]
    return "\n".join(lines)


def _load(chain: Chain) -> tuple[DoseGrid | None, str | None, tuple[Finding, ...]]:
    """The values of the chain's dose, or why there are none."""
    found = chain.dose
    if found is None:
        return None, "there is no RT Dose", ()
    if found.problem:
        return None, found.problem, ()
    if chain.structure_set is not None:
        frame = chain.structure_set.structure_set.frame_of_reference_uid
        if frame and found.frame_of_reference_uid and frame != found.frame_of_reference_uid:
            problem = (
                f"the dose lies in frame of reference {uid_end(found.frame_of_reference_uid)}, "
                f"the structure set in {uid_end(frame)}"
            )
            return None, problem, (_note("LNK002", problem, found.uid),)
        if (not frame or not found.frame_of_reference_uid) and not chain.dose_is_referenced:
            problem = (
                "the dose or the structure set states no frame of reference, and no reference "
                "joins them"
            )
            return None, problem, (_note("LNK002", problem, found.uid),)
        patients = {found.patient, chain.structure_set.patient} - {NO_PATIENT}
        if len(patients) > 1 and not chain.dose_is_referenced:
            problem = (
                f"the dose is of {found.patient}, the structure set of "
                f"{chain.structure_set.patient}, and no reference joins them"
            )
            return None, problem, (_note("LNK011", problem, found.uid),)
    try:
        dose, notes = load_dose(found)
    except DoseError as error:
        code = error.code if isinstance(error, Unusable) else "LNK010"
        return None, str(error), (_note(code, str(error), found.uid),)
    return dose, None, notes


def _doubt(chain: Chain, highest_gy: float) -> Finding | None:
    """Why the dose is not the total dose of the chain's plan, or None where it is."""
    found, plan = chain.dose, chain.plan
    assert found is not None
    if found.is_sum and plan is not None:
        reason = sum_doubt(plan, highest_gy)
        if reason is None:
            return None
        return _note("LNK003", f"the dose is the sum of the plan's beam doses: {reason}", found.uid)
    if found.summation is not SummationType.PLAN:
        text = (
            f"Dose Summation Type is {found.summation_text or 'missing'}, so the dose is not "
            "known to be the plan's total dose; it is used as stored"
        )
        return _note("LNK003", text, found.uid)
    if plan is None:
        text = "the RT Plan of the dose is not there, so its fractions are not known"
        return _note("LNK004", text, found.uid)
    if found.plan_uids != (plan.uid,):
        text = (
            "the dose does not refer to this RT Plan alone, so it is not known to be the plan's "
            "total dose; it is used as stored"
        )
        return _note("LNK003", text, found.uid)
    reason = _unlikely(plan, highest_gy)
    return _note("LNK013", reason, found.uid) if reason else None


def _unlikely(plan: FoundPlan, highest_gy: float) -> str | None:
    """Why a dose cannot be all that the plan prescribes, or None.

    Near the sources of brachytherapy any dose is possible.
    """
    prescribed = max((item.dose_gy for item in plan.plan.prescriptions), default=None)
    if prescribed is None:
        return None
    low, high = _PLAUSIBLE
    said = f"the highest dose is {highest_gy:.4g} Gy, the plan prescribes {prescribed:g} Gy"
    if highest_gy < low * prescribed:
        return f"{said}: it may be of one fraction or of a part of the plan; it is used as stored"
    if plan.fraction_beams and highest_gy > high * prescribed:
        return f"{said}: one of the two may be in another unit; it is used as stored"
    return None


def _note_chain(chain: Chain) -> list[Finding]:
    """What is doubtful about how the objects of a chain belong together."""
    notes = []
    patients = sorted({item.patient for item in chain.objects})
    if len(patients) > 1:
        notes.append(_note("LNK005", f"patient keys {', '.join(patients)}", None))
    found, structures = chain.dose, chain.structure_set
    if found is not None and found.is_sum:
        beams = ", ".join(map(str, found.beam_numbers))
        text = f"the dose is the sum of {len(found.files)} RT Doses of beams {beams}"
        notes.append(_note("LNK012", text, found.uid))
    if structures is not None and chain.plan is not None:
        numbers = {item.number for item in structures.structure_set}
        wanted = {item.roi_number for item in chain.plan.plan.prescriptions} - {None}
        if lost := sorted(number for number in wanted - numbers if number is not None):
            text = f"the plan prescribes to ROI numbers {lost}"
            notes.append(_note("LNK015", text, chain.plan.uid))
    if found is not None and structures is not None and chain.dose_is_referenced:
        frames = (found.frame_of_reference_uid, structures.structure_set.frame_of_reference_uid)
        if not all(frames):
            which = "dose" if not frames[0] else "structure set"
            notes.append(_note("LNK007", f"the {which} states no frame of reference", found.uid))
    return notes


def _same_frame(structure_set: StructureSet, notes: list[Finding]) -> StructureSet:
    """The structure set, its ROIs of another frame of reference marked as not usable."""
    frame = structure_set.frame_of_reference_uid
    structures = []
    for structure in structure_set:
        other = structure.frame_of_reference_uid
        if frame and other and other != frame:
            text = "the ROI lies in another frame of reference than its structure set"
            notes.append(
                finding(
                    "LNK009",
                    text,
                    sop_instance_uid=structure_set.sop_instance_uid,
                    roi_number=structure.number,
                )
            )
            structure = replace(structure, problem=structure.problem or text)
        structures.append(structure)
    return replace(structure_set, structures=tuple(structures))


def _images(
    inventory: Inventory, chain: Chain
) -> tuple[tuple[ImageSeries, ...], tuple[Finding, ...]]:
    """Series that the structure set refers to, then others in the same frame of reference."""
    frame = chain.frame_of_reference_uid
    referenced: tuple[str, ...] = ()
    if chain.structure_set is not None:
        referenced = chain.structure_set.structure_set.referenced_series_uids
    named = [x.series for x in inventory.series if x.series.series_uid in referenced]
    foreign = [x for x in named if _differ(frame, x.frame_of_reference_uid)]
    named = [x for x in named if x not in foreign]
    near = [
        x.series
        for x in inventory.series
        if x.series not in named and frame and x.series.frame_of_reference_uid == frame
    ]
    named.sort(key=lambda series: (-len(series.files), series.series_uid))
    near.sort(key=lambda series: (series.modality, -len(series.files), series.series_uid))
    notes = []
    if chain.structure_set is not None:
        uid = chain.structure_set.uid
        if near and not named:
            notes.append(_note("LNK008", f"{len(near)} series of the same frame of reference", uid))
        if foreign:
            notes.append(_note("LNK016", f"series of another frame: {len(foreign)}", uid))
    return (*named, *near), tuple(notes)


def _differ(one: str | None, other: str | None) -> bool:
    """Whether two frames of reference are stated and not the same."""
    return bool(one and other and one != other)


def _left_out(inventory: Inventory, chain: Chain) -> list[Finding]:
    """RT objects that were not linked."""
    used = {item.uid for item in chain.objects}
    used |= {entry.sop_instance_uid for entry in _inputs(chain)}
    return [
        _note("LNK006", f"not used: {describe(item)}", item.uid)
        for item in rt_objects(inventory)
        if item.uid not in used
    ]


def _uids(chain: Chain, images: Iterable[ImageSeries]) -> set[str]:
    used = {entry.sop_instance_uid for entry in _inputs(chain)}
    return used | {series.series_uid for series in images}


def _concerns(item: Finding, used: set[str]) -> bool:
    """Whether a finding belongs to the case: of its objects, or of no object that was read."""
    return (
        item.sop_instance_uid is None
        or item.sop_instance_uid in used
        or item.code in ("FIL001", "FIL002", "FIL010")
    )


def _inputs(chain: Chain) -> tuple[Input, ...]:
    """Files that numbers come from: structure set, plan, dose."""
    single = [x.input for x in (chain.structure_set, chain.plan) if x is not None]
    return (*single, *(chain.dose.inputs if chain.dose else ()))


def _label(chain: Chain) -> str:
    digest = hashlib.sha256("\n".join(item.uid for item in chain.objects).encode()).hexdigest()
    return f"case-{digest[:8]}"


def _note(code: str, text: str, uid: str | None) -> Finding:
    return finding(code, text, sop_instance_uid=uid)
