"""Small DICOM objects, built in memory, for tests that break them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

FRAME = "1.2.9.1"
SERIES = "1.2.5.1"
RS_UID, RP_UID, RD_UID = "1.2.3.1", "1.2.3.2", "1.2.3.3"
STORAGE = "1.2.840.10008.5.1.4.1.1."
SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))


def common(sop_class: str, uid: str, modality: str, *, patient: str = "ZZPHI-ID") -> Dataset:
    """The attributes that every object has."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = STORAGE + sop_class
    ds.SOPInstanceUID = uid
    ds.Modality = modality
    ds.PatientName = "ZZPHI^SENTINEL"
    ds.PatientID = patient
    ds.StudyInstanceUID = "1.2.4.1"
    ds.SeriesInstanceUID = SERIES if modality in ("CT", "MR", "PT") else f"{SERIES}.{len(modality)}"
    return ds


def contour(points: Sequence[tuple[float, ...]], z: float, kind: str = "CLOSED_PLANAR") -> Dataset:
    """One contour item on plane z."""
    item = Dataset()
    item.ContourGeometricType = kind
    item.NumberOfContourPoints = len(points)
    item.ContourData = [value for x, y in points for value in (x, y, z)]
    return item


def roi_contours(*contours: Dataset, number: int) -> Dataset:
    """One ROI Contour item."""
    item = Dataset()
    item.ReferencedROINumber = number
    item.ROIDisplayColor = [255, 0, 10]
    item.ContourSequence = list(contours)
    return item


def structure_set(
    names: Sequence[str] = ("GTV", "Cord"), *, uid: str = RS_UID, frame: str = FRAME
) -> Dataset:
    """A structure set whose ROIs 1, 2, ... are squares on three planes."""
    ds = common("481.3", uid, "RTSTRUCT")
    ds.StructureSetLabel = "LABEL"
    study, series, reference = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = SERIES
    study.ReferencedSOPInstanceUID = "1.2.4.1"
    study.RTReferencedSeriesSequence = [series]
    reference.FrameOfReferenceUID = frame
    reference.RTReferencedStudySequence = [study]
    ds.ReferencedFrameOfReferenceSequence = [reference]
    rois, contours, observations = [], [], []
    for number, name in enumerate(names, start=1):
        roi, observation = Dataset(), Dataset()
        roi.ROINumber = number
        roi.ReferencedFrameOfReferenceUID = frame
        roi.ROIName = name
        observation.ObservationNumber = number
        observation.ReferencedROINumber = number
        observation.RTROIInterpretedType = "GTV" if number == 1 else "ORGAN"
        rois.append(roi)
        observations.append(observation)
        contours.append(roi_contours(*(contour(SQUARE, z) for z in (0, 3, 6)), number=number))
    ds.StructureSetROISequence = rois
    ds.ROIContourSequence = contours
    ds.RTROIObservationsSequence = observations
    return ds


def dose(
    stored: NDArray[Any] | None = None,
    *,
    uid: str = RD_UID,
    plan: str | None = RP_UID,
    structures: str | None = RS_UID,
    frame: str = FRAME,
    summation: str = "PLAN",
) -> Dataset:
    """A dose of 4 x 3 x 2 voxels (frames, rows, columns); value is 100 times its index."""
    if stored is None:
        stored = np.arange(24, dtype="<u4").reshape(4, 3, 2) * 100
    ds = common("481.2", uid, "RTDOSE")
    ds.FrameOfReferenceUID = frame
    ds.DoseUnits = "GY"
    ds.DoseType = "PHYSICAL"
    ds.DoseSummationType = summation
    ds.DoseGridScaling = "0.01"
    ds.ImagePositionPatient = [-5, -6, 7]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [2, 3]
    if stored.shape[0] > 1:
        ds.NumberOfFrames = stored.shape[0]
        ds.GridFrameOffsetVector = [4 * k for k in range(stored.shape[0])]
    ds.Rows, ds.Columns = stored.shape[1:]
    ds.SamplesPerPixel = 1
    ds.BitsAllocated = ds.BitsStored = stored.dtype.itemsize * 8
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelData = stored.tobytes()
    if plan:
        ds.ReferencedRTPlanSequence = [reference_to(plan)]
    if structures:
        ds.ReferencedStructureSetSequence = [reference_to(structures)]
    return ds


def beam_dose(*numbers: int) -> Dataset:
    """A dose of some beams of the plan."""
    ds = dose(uid=f"1.2.3.30{numbers[0]}", summation="BEAM")
    group = Dataset()
    group.ReferencedBeamSequence = []
    for number in numbers:
        beam = Dataset()
        beam.ReferencedBeamNumber = number
        group.ReferencedBeamSequence.append(beam)
    ds.ReferencedRTPlanSequence[0].ReferencedFractionGroupSequence = [group]
    return ds


def plan(
    *, uid: str = RP_UID, fractions: int | None = 5, structures: str | None = RS_UID
) -> Dataset:
    """A plan of two beams, 5 fractions and 25 Gy."""
    ds = common("481.5", uid, "RTPLAN")
    ds.FrameOfReferenceUID = FRAME
    ds.RTPlanLabel = "PLAN"
    ds.ApprovalStatus = "APPROVED"
    group, target = Dataset(), Dataset()
    if fractions is not None:
        group.NumberOfFractionsPlanned = fractions
    group.NumberOfBrachyApplicationSetups = 0
    group.ReferencedBeamSequence = []
    for number in (1, 2):
        beam = Dataset()
        beam.ReferencedBeamNumber = number
        beam.BeamDose = "2.0"
        group.ReferencedBeamSequence.append(beam)
    target.DoseReferenceNumber = 1
    target.DoseReferenceType = "TARGET"
    target.DoseReferenceStructureType = "SITE"
    target.TargetPrescriptionDose = 25
    ds.DoseReferenceSequence = [target]
    ds.FractionGroupSequence = [group]
    ds.BeamSequence = []
    for number in (1, 2):
        beam = Dataset()
        beam.BeamNumber = number
        ds.BeamSequence.append(beam)
    if structures:
        ds.ReferencedStructureSetSequence = [reference_to(structures)]
    return ds


def ct(z: float, *, uid: str | None = None, modality: str = "CT", number: int = 1) -> Dataset:
    """A slice of 3 rows and 4 columns at z; HU is stored value - 1000."""
    ds = common({"CT": "2", "MR": "4", "PT": "128"}[modality], uid or f"1.2.6.{z:g}", modality)
    ds.SOPInstanceUID = (uid or f"1.2.6.{1000 + round(z * 10)}").replace("-", "")
    ds.FrameOfReferenceUID = FRAME
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.InstanceNumber = number
    ds.ImagePositionPatient = [-1, -2, z]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [0.5, 0.25]
    ds.Rows, ds.Columns = 3, 4
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 0
    ds.RescaleSlope, ds.RescaleIntercept = "1", "-1000"
    ds.PixelData = (np.arange(12, dtype="<u2") + round(z)).tobytes()
    return ds


def reference_to(uid: str) -> Dataset:
    """An item that refers to one object."""
    item = Dataset()
    item.ReferencedSOPInstanceUID = uid
    return item


def to_bytes(
    ds: Dataset,
    *,
    explicit: bool = False,
    undefined: bool = False,
    preamble: bool = True,
) -> bytes:
    """The object as a file: little endian; sequences of undefined length on request."""
    if undefined:
        _undefine(ds)
    syntax = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, ds, enforce_file_format=True)
    data = stream.getvalue()
    if preamble:
        return data
    body = io.BytesIO()
    del ds.file_meta
    pydicom.dcmwrite(body, ds, implicit_vr=True, little_endian=True)
    return body.getvalue()


def swapped(data: bytes, old: bytes, new: bytes) -> bytes:
    """The file with the only ``old`` replaced by ``new`` of the same length."""
    assert len(old) == len(new), (old, new)
    assert data.count(old) == 1, data.count(old)
    return data.replace(old, new)


def save(folder: Path, *objects: Dataset) -> Path:
    """Write objects into a folder under names that say nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for ds in objects:
        (folder / f"f{len(list(folder.iterdir()))}").write_bytes(to_bytes(ds))
    return folder


def _undefine(ds: Dataset) -> None:
    for element in ds:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                _undefine(item)
