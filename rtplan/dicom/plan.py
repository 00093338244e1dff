"""An RT Plan or RT Ion Plan (PS3.3 C.8.8.9 to C.8.8.16): fractions, beams, prescription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rtplan.case import Plan, Prescription
from rtplan.dicom.inventory import counted
from rtplan.dicom.parse import Parsed, code, decimal, integer, items, text, uid, with_commas
from rtplan.errors import DicomError
from rtplan.findings import Finding, finding

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_TARGET, _SETUP = "TARGET", "SETUP"
_BEAMS = ("BeamSequence", "IonBeamSequence")


def read_plan(parsed: Parsed) -> tuple[Plan, tuple[Finding, ...]]:
    """The plan of a parsed RT Plan or RT Ion Plan, and what was noticed in it.

    Raises
    ------
    DicomError
        The file is cut off or contradicts itself: what it says cannot be trusted.
    """
    if parsed.problem:
        raise DicomError(parsed.problem)
    dataset = parsed.dataset
    found: list[Finding] = []

    def note(code: str, text: str, path: str | None = None) -> None:
        found.append(finding(code, text, sop_instance_uid=parsed.uid, path=path))

    groups = items(dataset, "FractionGroupSequence")
    fractions = None
    if len(groups) > 1:
        note("RTP002", f"the plan has {len(groups)} fraction groups", "FractionGroupSequence")
    elif groups:
        try:
            fractions = integer(groups[0], "NumberOfFractionsPlanned")
        except DicomError as error:
            note("RTP006", str(error), "FractionGroupSequence[0]")
    if fractions is not None and fractions < 1:
        note("RTP006", f"Number of Fractions Planned is {fractions}", "FractionGroupSequence[0]")
        fractions = None
    elif fractions is None and len(groups) < 2:
        note("RTP001", "the plan does not state a number of fractions")
    prescriptions = _prescriptions(parsed, note)
    if not prescriptions:
        note("RTP004", "the plan states no target dose" + _beam_doses(groups, fractions))
    structure_set = _reference(dataset, "ReferencedStructureSetSequence")
    if structure_set is None and code(dataset, "RTPlanGeometry") != "TREATMENT_DEVICE":
        note("RTP008", "the plan has no Referenced Structure Set Sequence")
    approval = code(dataset, "ApprovalStatus")
    if approval != "APPROVED":
        note("RTP003", f"Approval Status is {approval or 'absent'}")
    _count_beams(dataset, groups, note)
    if any(_setups(group) for group in groups):
        note("RTP005", "the plan has brachytherapy application setups")
    return (
        Plan(
            sop_instance_uid=parsed.uid,
            label=text(dataset, "RTPlanLabel", parsed.text),
            fractions=fractions,
            beam_numbers=_beam_numbers(dataset, note),
            prescriptions=prescriptions,
            structure_set_uid=structure_set,
            dose_uids=references(dataset, "ReferencedDoseSequence"),
            approval=approval,
        ),
        tuple(found),
    )


def references(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Referenced SOP Instance UIDs of a sequence, in stored order."""
    found = (uid(item, "ReferencedSOPInstanceUID") for item in items(dataset, keyword))
    return tuple(dict.fromkeys(value for value in found if value))


def _reference(dataset: Dataset, keyword: str) -> str | None:
    found = references(dataset, keyword)
    return found[0] if found else None


class _Note(Protocol):
    """The function that adds a finding."""

    def __call__(self, code: str, text: str, path: str | None = None) -> None: ...


def _prescriptions(parsed: Parsed, note: _Note) -> tuple[Prescription, ...]:
    """Target Prescription Dose (300A,0026) of the Dose References that are targets."""
    found = []
    for index, item in enumerate(items(parsed.dataset, "DoseReferenceSequence")):
        path = f"DoseReferenceSequence[{index}]"
        if code(item, "DoseReferenceType") != _TARGET:
            continue
        try:
            dose = decimal(item, "TargetPrescriptionDose")
            roi_number = integer(item, "ReferencedROINumber")
            number = integer(item, "DoseReferenceNumber")
        except DicomError as error:
            note("RTP006", str(error), path)
            continue
        if dose is None:
            continue
        if with_commas(item, ["TargetPrescriptionDose"]):
            note("FIL014", f"decimal comma in Target Prescription Dose, read as {dose:g} Gy", path)
        if dose <= 0:
            note("RTP006", f"Target Prescription Dose is {dose:g} Gy", path)
            continue
        kind = code(item, "DoseReferenceStructureType")
        description = text(item, "DoseReferenceDescription", parsed.text)
        label = f' "{description}"' if description else ""
        source = f"Dose Reference {number}{label} ({kind or 'type not stated'})"
        found.append(Prescription(dose, roi_number, source))
    return tuple(found)


def _beam_doses(groups: list[Dataset], fractions: int | None) -> str:
    """What the Beam Doses (300A,0084) sum to, in words.

    They are doses at beam dose points, which may lie anywhere, so they prescribe nothing.
    """
    if len(groups) != 1 or not fractions:
        return ""
    try:
        beams = items(groups[0], "ReferencedBeamSequence")
        doses = [decimal(beam, "BeamDose") for beam in beams]
    except DicomError:
        return ""
    stated = [dose for dose in doses if dose is not None]
    if len(stated) < len(doses) or sum(stated) <= 0:
        return ""
    return (
        f"; its beam doses, each at a point, sum to {sum(stated) * fractions:g} Gy in "
        f"{counted(fractions, 'fraction')}, which is not taken as prescribed"
    )


def _setups(group: Dataset) -> int:
    try:
        return integer(group, "NumberOfBrachyApplicationSetups") or 0
    except DicomError:
        return 0


def fraction_beams(dataset: Dataset) -> tuple[int, ...]:
    """Beams that the only fraction group treats with; empty for several groups or bad numbers."""
    try:
        groups = items(dataset, "FractionGroupSequence")
        if len(groups) != 1:
            return ()
        setup = {
            integer(beam, "BeamNumber")
            for beam in _beams(dataset)
            if code(beam, "TreatmentDeliveryType") == _SETUP
        }
        return tuple(number for number in _referenced(groups[0]) if number not in setup)
    except DicomError:
        return ()


def _beams(dataset: Dataset) -> list[Dataset]:
    return [beam for keyword in _BEAMS for beam in items(dataset, keyword)]


def _referenced(group: Dataset) -> list[int]:
    """Beam numbers of a fraction group.

    Raises
    ------
    DicomError
        One is missing or no number.
    """
    numbers = []
    for item in items(group, "ReferencedBeamSequence"):
        number = integer(item, "ReferencedBeamNumber")
        if number is None:
            raise DicomError("Referenced Beam Number is missing")
        numbers.append(number)
    return numbers


def _count_beams(dataset: Dataset, groups: list[Dataset], note: _Note) -> None:
    """Fraction groups and beams must agree; a plan that was cut off between the two does not."""
    try:
        described = [integer(beam, "BeamNumber") for beam in _beams(dataset)]
        wanted = []
        for group in groups:
            referenced = _referenced(group)
            wanted += referenced
            declared = integer(group, "NumberOfBeams")
            if declared is not None and declared != len(referenced):
                note("RTP007", f"Number of Beams is {declared}, {len(referenced)} are listed")
    except DicomError as error:
        note("RTP006", str(error))
        return
    if len(set(described)) < len(described):
        note("RTP007", "two beams have the same number")
    if lost := sorted(set(wanted) - set(described)):
        note("RTP007", f"fraction groups refer to beams {lost}, which are not described")


def _beam_numbers(dataset: Dataset, note: _Note) -> tuple[int, ...]:
    """Beam numbers of treatment beams, in stored order; setup fields are left out."""
    found = []
    for keyword in _BEAMS:
        for index, beam in enumerate(items(dataset, keyword)):
            if code(beam, "TreatmentDeliveryType") == _SETUP:
                continue
            try:
                number = integer(beam, "BeamNumber")
            except DicomError as error:
                note("RTP006", str(error), f"{keyword}[{index}]")
                continue
            if number is not None:
                found.append(number)
    return tuple(found)
