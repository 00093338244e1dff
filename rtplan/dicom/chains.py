"""Chains: which structure set, plan and dose of an inventory may belong together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rtplan.dicom.beams import sum_of_beams
from rtplan.dicom.inventory import (
    FoundDose,
    FoundPlan,
    FoundStructureSet,
    Inventory,
    counted,
    uid_end,
)
from rtplan.dicom.parse import NO_PATIENT
from rtplan.dose.grid import SummationType
from rtplan.findings import Finding, finding

RtObject = FoundStructureSet | FoundPlan | FoundDose


@dataclass(frozen=True, slots=True)
class Chain:
    """Objects that may be one case; any may be missing, but not all."""

    plan: FoundPlan | None = None
    structure_set: FoundStructureSet | None = None
    dose: FoundDose | None = None
    notes: tuple[Finding, ...] = ()

    @property
    def objects(self) -> tuple[RtObject, ...]:
        """What there is, in a fixed order: structure set, plan, dose."""
        return tuple(x for x in (self.structure_set, self.plan, self.dose) if x is not None)

    @property
    def dose_is_referenced(self) -> bool:
        """Whether UIDs join dose and structure set: the dose's own reference, or its plan's."""
        if self.dose is None or self.structure_set is None:
            return False
        if self.dose.structure_set_uid == self.structure_set.uid:
            return True
        return (
            self.plan is not None
            and self.plan.plan.structure_set_uid == self.structure_set.uid
            and (self.plan.uid in self.dose.plan_uids or self.dose.uid in self.plan.plan.dose_uids)
        )

    @property
    def patient(self) -> str:
        """Key of the patient, of the first object."""
        return self.objects[0].patient

    @property
    def frame_of_reference_uid(self) -> str | None:
        """Frame of reference of the structure set, else of the dose, else of the plan."""
        stated = (
            self.structure_set.structure_set.frame_of_reference_uid if self.structure_set else None,
            self.dose.frame_of_reference_uid if self.dose else None,
            self.plan.frame_of_reference_uid if self.plan else None,
        )
        return next((uid for uid in stated if uid), None)


def rt_objects(inventory: Inventory) -> tuple[RtObject, ...]:
    """Structure sets, plans and doses of an inventory."""
    return (*inventory.structure_sets, *inventory.plans, *inventory.doses)


def describe(item: RtObject) -> str:
    """An object in words that name no patient: kind, end of the UID, what tells it apart."""
    tail = uid_end(item.uid)
    if isinstance(item, FoundStructureSet):
        count = len(item.structure_set.structures)
        if item.input.modality == "SEG":
            return f"Segmentation {tail}, {counted(count, 'segment')}"
        return f"RT Structure Set {tail}, {counted(count, 'ROI')}"
    if isinstance(item, FoundPlan):
        fractions = item.plan.fractions
        stated = "no number of fractions" if fractions is None else counted(fractions, "fraction")
        return f"RT Plan {tail}, {stated}, {counted(len(item.plan.beam_numbers), 'beam')}"
    return f"RT Dose {tail}, {item.description}"


def chains(
    inventory: Inventory,
    *,
    plan: FoundPlan | None,
    structure_set: FoundStructureSet | None,
    dose: FoundDose | None,
) -> tuple[Chain, ...]:
    """Every chain that the references allow, limited to the objects that were chosen.

    At least one chain for an inventory that holds an RT object. Chains that hold less than
    another one of the same frame of reference or patient are left out.
    """
    starts = _starts(inventory, plan, dose)
    found = [
        whole
        for start in starts
        for whole in _with_structures(start, inventory, structure_set, starts)
    ]
    if not found or (structure_set is not None and not _holds(found, structure_set)):
        sets = [structure_set] if structure_set else list(inventory.structure_sets)
        found = [Chain(structure_set=item) for item in sets]
    else:
        found += _lone_structure_sets(inventory, found) if structure_set is None else []
    if structure_set is not None:
        found = [chain for chain in found if chain.structure_set is structure_set]
    return tuple(_without_lesser(found, plan, dose))


def _starts(inventory: Inventory, plan: FoundPlan | None, dose: FoundDose | None) -> list[Chain]:
    """Plans with their doses, and doses whose plan is not there."""
    plans = {item.uid: item for item in inventory.plans}
    if dose is not None:
        of_dose = next((plans[uid] for uid in dose.plan_uids if uid in plans), None)
        return [Chain(plan=plan or of_dose, dose=dose)]
    orphans = [x for x in inventory.doses if not any(uid in plans for uid in x.plan_uids)]
    wanted = [plan] if plan is not None else list(inventory.plans)
    starts = [
        Chain(plan=item, dose=choice)
        for item in wanted
        for choice in _doses_of(item, inventory.doses, orphans)
    ]
    if plan is None and not any(start.dose for start in starts):
        taken = {start.dose.uid for start in starts if start.dose}
        starts += [Chain(dose=item) for item in _best(orphans) if item.uid not in taken]
    elif plan is None:
        starts += [
            Chain(dose=item)
            for item in _best(orphans)
            if not any(_related(Chain(dose=item), start) for start in starts)
        ]
    return starts


def _doses_of(
    plan: FoundPlan, doses: Sequence[FoundDose], orphans: Sequence[FoundDose]
) -> Sequence[FoundDose | None]:
    """The plan's own total dose; else the sum of its beams; else its only dose; else one without
    plan in its frame."""
    total = _summed(plan, doses)
    if isinstance(total, FoundDose):
        return [total]
    own = _best([dose for dose in doses if plan.uid in dose.plan_uids])
    if own and all(dose.problem for dose in own):
        return [max(own, key=lambda dose: len(dose.files))]
    if own:
        return own
    near = [
        dose
        for dose in orphans
        if plan.plan.structure_set_uid == dose.structure_set_uid is not None
        or plan.frame_of_reference_uid == dose.frame_of_reference_uid is not None
        or dose.uid in plan.plan.dose_uids
    ]
    return _best(near) or [None]


def _summed(plan: FoundPlan, doses: Sequence[FoundDose]) -> FoundDose | str | None:
    """The sum of the plan's beam doses, why there is none, or None where none is wanted."""
    own = [dose for dose in doses if plan.uid in dose.plan_uids]
    beams = [dose for dose in own if dose.summation is SummationType.BEAM]
    if not beams or any(dose.summation is SummationType.PLAN for dose in own):
        return None
    return sum_of_beams(plan, beams)


def why_not_summed(inventory: Inventory) -> tuple[str, ...]:
    """For each plan whose beam doses do not give its total dose: the reason."""
    return tuple(
        f"the beam doses of RT Plan {uid_end(plan.uid)} were not summed: {reason}"
        for plan in inventory.plans
        if isinstance(reason := _summed(plan, inventory.doses), str)
    )


def _best(doses: Sequence[FoundDose]) -> list[FoundDose]:
    """Total doses if there are any, else the others; of these the usable ones, else all.

    A total dose that cannot be used is not replaced by a beam's: its problem is the answer.
    """
    total = [dose for dose in doses if dose.summation is SummationType.PLAN] or list(doses)
    return [dose for dose in total if not dose.problem] or total


def _with_structures(
    start: Chain,
    inventory: Inventory,
    chosen: FoundStructureSet | None,
    starts: Sequence[Chain],
) -> list[Chain]:
    """The chain with its structure set: chosen, referenced, of the same frame, or the only one."""
    sets = inventory.structure_sets
    wanted = {
        start.plan.plan.structure_set_uid if start.plan else None,
        start.dose.structure_set_uid if start.dose else None,
    } - {None}
    if chosen is not None:
        named = chosen.uid in wanted
        return [_joined(start, chosen, by_reference=named, wanted=wanted)]
    by_plan = start.plan.plan.structure_set_uid if start.plan else None
    referenced = [x for x in sets if x.uid == by_plan] or [x for x in sets if x.uid in wanted]
    if referenced:
        return [_joined(start, referenced[0], by_reference=True, wanted=wanted)]
    frame = start.frame_of_reference_uid
    near = [x for x in sets if frame and x.structure_set.frame_of_reference_uid == frame]
    if not near and len(starts) == 1 and len(sets) == 1 and _may_be_one_patient(start, sets[0]):
        near = list(sets)
    if not near:
        return [start]
    return [_joined(start, item, by_reference=False, wanted=wanted) for item in near]


def _may_be_one_patient(start: Chain, item: FoundStructureSet) -> bool:
    patients = {x.patient for x in (*start.objects, item)} - {NO_PATIENT}
    return len(patients) < 2


def _joined(
    start: Chain, item: FoundStructureSet, *, by_reference: bool, wanted: set[str | None]
) -> Chain:
    notes = start.notes
    if not by_reference:
        named = ", ".join(sorted(uid_end(uid) for uid in wanted if uid)) or "none"
        text = f"plan and dose refer to structure set {named}; {uid_end(item.uid)} was taken"
        notes = (*notes, finding("LNK001", text, sop_instance_uid=item.uid))
    elif len(wanted) > 1:
        ends = " and ".join(sorted(uid_end(uid) for uid in wanted if uid))
        text = f"plan and dose refer to {ends}; {uid_end(item.uid)} was taken"
        notes = (*notes, finding("LNK014", text, sop_instance_uid=item.uid))
    return replace(start, structure_set=item, notes=notes)


def _lone_structure_sets(inventory: Inventory, found: Sequence[Chain]) -> list[Chain]:
    used = {chain.structure_set.uid for chain in found if chain.structure_set}
    return [Chain(structure_set=x) for x in inventory.structure_sets if x.uid not in used]


def _holds(found: Iterable[Chain], structure_set: FoundStructureSet) -> bool:
    return any(chain.structure_set is structure_set for chain in found)


def _without_lesser(
    found: Sequence[Chain], plan: FoundPlan | None, dose: FoundDose | None
) -> list[Chain]:
    """Leave out chains that hold less than a related one; a choice keeps what holds it."""
    if plan is not None:
        found = [chain for chain in found if chain.plan is plan]
    if dose is not None:
        found = [chain for chain in found if chain.dose is dose]
    return [
        chain
        for chain in found
        if not any(_rank(other) > _rank(chain) and _related(chain, other) for other in found)
    ]


def _rank(chain: Chain) -> tuple[bool, bool]:
    """A chain with a plan or dose and a structure set outranks a lone object."""
    return (
        chain.structure_set is not None and (chain.plan is not None or chain.dose is not None),
        chain.structure_set is not None,
    )


def _related(one: Chain, other: Chain) -> bool:
    """Same frame of reference, or the same known patient."""
    frames = one.frame_of_reference_uid, other.frame_of_reference_uid
    if frames[0] is not None and frames[0] == frames[1]:
        return True
    patients = {x.patient for x in one.objects} & {x.patient for x in other.objects}
    return bool(patients - {NO_PATIENT})
