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
from rtplan.dicom.chains import Chain, chains, describe, rt_objects
from rtplan.dicom.dose import load_dose
from rtplan.dicom.inventory import (
    FoundDose,
    FoundPlan,
    FoundStructureSet,
    Inventory,
    uid_end,
)
from rtplan.dicom.parse import NO_PATIENT
from rtplan.dose.grid import DoseGrid, SummationType
from rtplan.errors import AmbiguousError, DoseError, InputError
from rtplan.findings import Finding, finding
from rtplan.geometry.contour import StructureSet

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
    doubt = _doubt(chain) if dose is not None else None
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
    plan = _match(choice.plan, left.plans, "RT Plan", "--plan")
    structure_set = _match(
        choice.structure_set, left.structure_sets, "RT Structure Set", "--structure-set"
    )
    dose = _match(choice.dose, left.doses, "RT Dose", "--dose")
    possible = chains(left, plan=plan, structure_set=structure_set, dose=dose)
    if len(possible) > 1:
        raise AmbiguousError(_listing(possible))
    chain = possible[0]
    return chain, [*chain.notes, *_left_out(left, chain)]


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
        return None, str(error), (_note("LNK010", str(error), found.uid),)
    return dose, None, notes


def _doubt(chain: Chain) -> Finding | None:
    """Why the dose is not the total dose of the chain's plan, or None where it is."""
    found = chain.dose
    assert found is not None
    if found.summation is not SummationType.PLAN:
        text = (
            f"Dose Summation Type is {found.summation_text or 'missing'}, so the dose is not "
            "known to be the plan's total dose; it is used as stored"
        )
        return _note("LNK003", text, found.uid)
    if chain.plan is None:
        text = "the RT Plan of the dose is not there, so its fractions are not known"
        return _note("LNK004", text, found.uid)
    if found.plan_uids != (chain.plan.uid,):
        text = (
            "the dose does not refer to this RT Plan alone, so it is not known to be the plan's "
            "total dose; it is used as stored"
        )
        return _note("LNK003", text, found.uid)
    return None


def _note_chain(chain: Chain) -> list[Finding]:
    """What is doubtful about how the objects of a chain belong together."""
    notes = []
    patients = sorted({item.patient for item in chain.objects})
    if len(patients) > 1:
        notes.append(_note("LNK005", f"patient keys {', '.join(patients)}", None))
    found, structures = chain.dose, chain.structure_set
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
    near = [
        x.series
        for x in inventory.series
        if x.series not in named and frame and x.series.frame_of_reference_uid == frame
    ]
    named.sort(key=lambda series: (-len(series.files), series.series_uid))
    near.sort(key=lambda series: (series.modality, -len(series.files), series.series_uid))
    notes: tuple[Finding, ...] = ()
    if near and not named and chain.structure_set is not None:
        uid = chain.structure_set.uid
        notes = (_note("LNK008", f"{len(near)} series of the same frame of reference", uid),)
    return (*named, *near), notes


def _left_out(inventory: Inventory, chain: Chain) -> list[Finding]:
    """RT objects that were not linked."""
    used = {item.uid for item in chain.objects}
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
