"""Writing an RT Plan of arcs; the rest of DICOM-RT is written by ``dicom.write``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtplan.dicom.write import RT_PLAN, Study, decimal_string, new_dataset, reference
from rtplan.errors import DicomError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from rtplan.case import Plan


@dataclass(frozen=True, slots=True)
class Beam:
    """One arc of an RT Plan: where it aims, what it gives in one fraction at the isocentre.

    Angles are degrees, the isocentre is mm in patient LPS.
    """

    number: int
    name: str
    isocentre_mm: tuple[float, float, float]
    fraction_dose_gy: float
    gantry_deg: tuple[float, float] = (181.0, 179.0)


def rt_plan(
    study: Study,
    plan: Plan,
    beams: Sequence[Beam],
    *,
    structures: Dataset,
) -> Dataset:
    """An external-beam RT Plan of arcs, with its prescriptions as target dose references.

    Parameters
    ----------
    study : Study
    plan : Plan
        ``label``, ``fractions`` and ``prescriptions`` are written; UIDs are the study's.
    beams : sequence of Beam
    structures : Dataset
        The RT Structure Set the plan refers to.

    Raises
    ------
    DicomError
        The number of fractions is not known.
    """
    if plan.fractions is None:
        raise DicomError("an RT Plan needs its number of fractions")
    dataset = new_dataset(study, RT_PLAN, "RTPLAN", "plan")
    dataset.SeriesNumber = "3"
    dataset.InstanceNumber = "1"
    dataset.RTPlanLabel = plan.label
    dataset.RTPlanName = plan.label
    dataset.RTPlanDate = study.date
    dataset.RTPlanTime = study.time
    dataset.PlanIntent = "RESEARCH"
    dataset.RTPlanGeometry = "PATIENT"
    dataset.FrameOfReferenceUID = study.frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    dataset.DoseReferenceSequence = [
        _dose_reference(study, number, p.roi_number, p.dose_gy)
        for number, p in enumerate(plan.prescriptions, 1)
    ]
    dataset.FractionGroupSequence = [_fraction_group(plan.fractions, beams)]
    dataset.PatientSetupSequence = [_patient_setup(study)]
    dataset.BeamSequence = [_beam(beam) for beam in beams]
    dataset.ReferencedStructureSetSequence = [reference(structures)]
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _dose_reference(study: Study, number: int, roi_number: int | None, gray: float) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.DoseReferenceNumber = str(number)
    item.DoseReferenceUID = study.uid("dose reference", str(number))
    item.DoseReferenceStructureType = "SITE" if roi_number is None else "VOLUME"
    if roi_number is not None:
        item.ReferencedROINumber = str(roi_number)
    item.DoseReferenceType = "TARGET"
    item.TargetPrescriptionDose = decimal_string(gray)
    return item


def _fraction_group(fractions: int, beams: Sequence[Beam]) -> Dataset:
    from pydicom.dataset import Dataset

    referenced = []
    for beam in beams:
        item = Dataset()
        item.ReferencedBeamNumber = str(beam.number)
        item.BeamDose = decimal_string(beam.fraction_dose_gy)
        item.BeamMeterset = decimal_string(_meterset(beam))
        referenced.append(item)
    group = Dataset()
    group.FractionGroupNumber = "1"
    group.NumberOfFractionsPlanned = str(fractions)
    group.NumberOfBeams = str(len(beams))
    group.NumberOfBrachyApplicationSetups = "0"
    group.ReferencedBeamSequence = referenced
    return group


def _meterset(beam: Beam) -> float:
    """Monitor units of one fraction: a round 150 a gray, as good as any for a phantom."""
    return round(150.0 * beam.fraction_dose_gy, 3)


def _patient_setup(study: Study) -> Dataset:
    from pydicom.dataset import Dataset

    setup = Dataset()
    setup.PatientSetupNumber = "1"
    setup.PatientPosition = study.patient_position
    setup.SetupTechnique = "ISOCENTRIC"
    return setup


def _beam(beam: Beam) -> Dataset:
    """An arc of two control points behind a square field of 40 mm."""
    from pydicom.dataset import Dataset

    jaws = []
    for device in ("ASYMX", "ASYMY"):
        jaw = Dataset()
        jaw.RTBeamLimitingDeviceType = device
        jaw.NumberOfLeafJawPairs = "1"
        jaws.append(jaw)
    item = Dataset()
    item.TreatmentMachineName = "PHANTOM"
    item.PrimaryDosimeterUnit = "MU"
    item.SourceAxisDistance = "1000"
    item.BeamLimitingDeviceSequence = jaws
    item.BeamNumber = str(beam.number)
    item.BeamName = beam.name
    item.BeamType = "DYNAMIC"
    item.RadiationType = "PHOTON"
    item.TreatmentDeliveryType = "TREATMENT"
    item.NumberOfWedges = "0"
    item.NumberOfCompensators = "0"
    item.NumberOfBoli = "0"
    item.NumberOfBlocks = "0"
    item.FinalCumulativeMetersetWeight = "1"
    item.NumberOfControlPoints = "2"
    item.ControlPointSequence = [_first_control_point(beam), _last_control_point(beam)]
    item.ReferencedPatientSetupNumber = "1"
    return item


def _first_control_point(beam: Beam) -> Dataset:
    from pydicom.dataset import Dataset

    positions = []
    for device in ("ASYMX", "ASYMY"):
        position = Dataset()
        position.RTBeamLimitingDeviceType = device
        position.LeafJawPositions = ["-20", "20"]
        positions.append(position)
    point = Dataset()
    point.ControlPointIndex = "0"
    point.NominalBeamEnergy = "6"
    point.DoseRateSet = "1400"
    point.BeamLimitingDevicePositionSequence = positions
    point.GantryAngle = decimal_string(beam.gantry_deg[0])
    point.GantryRotationDirection = "CW"
    point.BeamLimitingDeviceAngle = "0"
    point.BeamLimitingDeviceRotationDirection = "NONE"
    point.PatientSupportAngle = "0"
    point.PatientSupportRotationDirection = "NONE"
    point.TableTopEccentricAngle = "0"
    point.TableTopEccentricRotationDirection = "NONE"
    point.TableTopVerticalPosition = ""
    point.TableTopLongitudinalPosition = ""
    point.TableTopLateralPosition = ""
    point.IsocenterPosition = [decimal_string(x) for x in beam.isocentre_mm]
    point.CumulativeMetersetWeight = "0"
    return point


def _last_control_point(beam: Beam) -> Dataset:
    from pydicom.dataset import Dataset

    point = Dataset()
    point.ControlPointIndex = "1"
    point.GantryAngle = decimal_string(beam.gantry_deg[1])
    point.GantryRotationDirection = "NONE"
    point.CumulativeMetersetWeight = "1"
    return point
