"""Writing DICOM-RT: plain values become CT images, an RT Structure Set and an RT Dose.

The RT Plan is in ``dicom.write_plan``.

Nothing here reads a clock or a random number: UIDs are name-based under the 2.25 root
(PS3.5 B.2), dates are fixed, so the same values give the same bytes. Objects are written in
Implicit VR Little Endian, where long contours fit into Contour Data (note to (3006,0050)).
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtplan import __version__
from rtplan.errors import DicomError, DoseError
from rtplan.geometry.contour import Contour, Structure
from rtplan.geometry.grid import FloatArray, Grid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from rtplan.dose.grid import DoseGrid

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
_STUDY_COMPONENT = "1.2.840.10008.3.1.2.3.1"
_IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"

_NAMESPACE = uuid.UUID("6f0cf1a2-5ad1-5d0e-9b61-1f0a6a2f3c57")
_HU_OFFSET = 1024


def name_based_uid(*parts: str) -> str:
    """A UID that depends on ``parts`` only: a version 5 UUID under 2.25 (PS3.5 B.2).

    >>> name_based_uid("sphere", "study") == name_based_uid("sphere", "study")
    True
    >>> len(name_based_uid("sphere", "study")) <= 64
    True
    """
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(parts)).int}"


@dataclass(frozen=True, slots=True)
class Study:
    """What all objects of one study share.

    Parameters
    ----------
    name : str
        Seed of every UID.
    patient_name, patient_id : str
        As written to (0010,0010) and (0010,0020).
    date, time : str
        DICOM DA and TM of every object.
    patient_position : str
        Patient Position (0018,5100).
    """

    name: str
    patient_name: str
    patient_id: str
    description: str = ""
    date: str = "20250310"
    time: str = "120000"
    patient_position: str = "HFS"

    def uid(self, *parts: str) -> str:
        """A UID of this study's object named by ``parts``."""
        return name_based_uid(self.name, *parts)

    @property
    def frame_of_reference_uid(self) -> str:
        """Frame of Reference UID that all objects of the study share."""
        return self.uid("frame of reference")


def ct_series(study: Study, grid: Grid, hu: NDArray[np.int16]) -> tuple[Dataset, ...]:
    """CT images, one a slice, in grid order.

    Parameters
    ----------
    study : Study
    grid : Grid
        Voxel centres; in-plane steps must be even.
    hu : (k, j, i) int16
        Hounsfield units, at least -1024.

    Raises
    ------
    DicomError
        Shape differs from the grid's, or a value below -1024.
    """
    if hu.shape != grid.shape:
        raise DicomError(f"CT values have shape {hu.shape}, the grid {grid.shape}")
    if int(hu.min()) < -_HU_OFFSET:
        raise DicomError(f"CT value {int(hu.min())} is below -1024 HU")
    stored = hu.astype("<i2") + np.int16(_HU_OFFSET)
    return tuple(_ct_slice(study, grid, stored, index) for index in range(grid.shape[0]))


def _ct_slice(study: Study, grid: Grid, stored: NDArray[np.int16], index: int) -> Dataset:
    plane = grid.axes_mm[2]
    depth = float(plane[index])
    step = grid.spacing_mm[2]
    dataset = new_dataset(study, CT_IMAGE, "CT", f"slice {index + 1}")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SeriesNumber = "1"
    dataset.AcquisitionNumber = "1"
    dataset.InstanceNumber = str(index + 1)
    dataset.ContentDate = study.date
    dataset.ContentTime = study.time
    dataset.BodyPartExamined = "CHEST"
    dataset.PatientPosition = study.patient_position
    dataset.KVP = "120"
    dataset.SliceThickness = decimal_string(step)
    _place(dataset, study, grid, depth_mm=depth)
    dataset.SliceLocation = decimal_string(
        float((grid.origin_mm + grid.directions[:, 2] * depth)[2])
    )
    _pixels(dataset, stored[index], bits=16)
    dataset.PixelRepresentation = 1
    dataset.RescaleIntercept = str(-_HU_OFFSET)
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "HU"
    dataset.WindowCenter = "40"
    dataset.WindowWidth = "400"
    return dataset


def structure_set(
    study: Study,
    structures: Sequence[Structure],
    *,
    images: Sequence[Dataset] = (),
    label: str = "PHANTOM",
    decimals: int = 6,
) -> Dataset:
    """An RT Structure Set with its ROIs in the order given.

    Parameters
    ----------
    study : Study
    structures : sequence of Structure
        ``number`` is the ROI number, ``roi_type`` the RT ROI Interpreted Type. A structure
        without contours becomes an ROI without Contour Sequence.
    images : sequence of Dataset
        The CT images drawn on; contours in the plane of one of them refer to it.
    decimals : int
        Decimals of a contour coordinate in mm.

    Raises
    ------
    DicomError
        An ROI number occurs twice, or a coordinate does not fit into 16 characters.
    """
    from pydicom.dataset import Dataset

    numbers = [item.number for item in structures]
    if len(set(numbers)) != len(numbers):
        raise DicomError(f"ROI numbers must differ; found {numbers}")
    dataset = new_dataset(study, RT_STRUCTURE_SET, "RTSTRUCT", "structure set")
    dataset.SeriesNumber = "2"
    dataset.InstanceNumber = "1"
    dataset.StructureSetLabel = label
    dataset.StructureSetName = label
    dataset.StructureSetDate = study.date
    dataset.StructureSetTime = study.time
    dataset.PositionReferenceIndicator = ""
    dataset.FrameOfReferenceUID = study.frame_of_reference_uid
    dataset.ReferencedFrameOfReferenceSequence = [_referenced_frame(study, images)]
    by_plane = {_plane_key(np.array(i.ImagePositionPatient, dtype=float)): i for i in images}
    rois, drawn, observations = [], [], []
    for item in structures:
        roi = Dataset()
        roi.ROINumber = str(item.number)
        roi.ReferencedFrameOfReferenceUID = study.frame_of_reference_uid
        roi.ROIName = item.name
        roi.ROIGenerationAlgorithm = "AUTOMATIC"
        rois.append(roi)
        drawn.append(_roi_contour(item, by_plane, decimals=decimals))
        observation = Dataset()
        observation.ObservationNumber = str(item.number)
        observation.ReferencedROINumber = str(item.number)
        observation.RTROIInterpretedType = item.roi_type
        observation.ROIInterpreter = ""
        observations.append(observation)
    dataset.StructureSetROISequence = rois
    dataset.ROIContourSequence = drawn
    dataset.RTROIObservationsSequence = observations
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def rt_dose(
    study: Study,
    dose: DoseGrid,
    *,
    plan: Dataset,
    structures: Dataset | None = None,
    bits: int = 32,
) -> Dataset:
    """An RT Dose of unsigned integers times Dose Grid Scaling.

    Parameters
    ----------
    study : Study
    dose : DoseGrid
        Gy, none below 0. Its Dose Type and Dose Summation Type are written as they are.
    plan, structures : Dataset
        The RT Plan, and the RT Structure Set, that the dose refers to.
    bits : int
        16 or 32 bits a voxel. The step between two stored doses is the maximum over 65,535,
        or over 2**31 - 1.

    Raises
    ------
    DoseError
        A dose below 0, no dose above 0, or another number of bits.
    """
    values = np.asarray(dose.values_gy, dtype=np.float64)
    if bits not in (16, 32):
        raise DoseError(f"an RT Dose has 16 or 32 bits a voxel, not {bits}")
    if float(values.min()) < 0 or float(values.max()) <= 0:
        low, high = float(values.min()), float(values.max())
        raise DoseError(f"doses of {low:g} to {high:g} Gy; expected none below 0 and one above")
    scaling = decimal_string(float(values.max()) / (2**16 - 2 if bits == 16 else 2**31 - 2))
    stored = np.rint(values / float(scaling)).astype("<u2" if bits == 16 else "<u4")
    grid = dose.grid
    dataset = new_dataset(study, RT_DOSE, "RTDOSE", "dose")
    dataset.SeriesNumber = "4"
    dataset.InstanceNumber = "1"
    dataset.ContentDate = study.date
    dataset.ContentTime = study.time
    dataset.PositionReferenceIndicator = ""
    dataset.SliceThickness = decimal_string(grid.spacing_mm[2])
    _place(dataset, study, grid, depth_mm=0.0)
    _pixels(dataset, stored, bits=bits)
    dataset.PixelRepresentation = 0
    dataset.NumberOfFrames = str(grid.shape[0])
    dataset.FrameIncrementPointer = 0x3004000C
    along_normal = float(np.sign(np.linalg.det(grid.directions)))
    dataset.GridFrameOffsetVector = [
        decimal_string(along_normal * float(z)) for z in grid.axes_mm[2]
    ]
    dataset.DoseUnits = "GY"
    dataset.DoseType = dose.dose_type
    dataset.DoseSummationType = dose.summation.value
    dataset.DoseGridScaling = scaling
    dataset.TissueHeterogeneityCorrection = "IMAGE"
    dataset.ReferencedRTPlanSequence = [reference(plan)]
    if structures is not None:
        dataset.ReferencedStructureSetSequence = [reference(structures)]
    return dataset


def to_bytes(dataset: Dataset) -> bytes:
    """The dataset as a DICOM file: preamble, file meta information, implicit little endian."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(_IMPLICIT_LITTLE_ENDIAN)
    meta.ImplementationClassUID = UID(name_based_uid("implementation"))
    meta.ImplementationVersionName = "RTPLAN"
    dataset.file_meta = meta
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def new_dataset(study: Study, sop_class: str, modality: str, what: str) -> Dataset:
    """A dataset with the patient, study, series and equipment modules filled."""
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.InstanceCreationDate = study.date
    dataset.InstanceCreationTime = study.time
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = study.uid(modality, what)
    dataset.StudyDate = study.date
    dataset.StudyTime = study.time
    dataset.SeriesDate = study.date
    dataset.SeriesTime = study.time
    dataset.AccessionNumber = ""
    dataset.Modality = modality
    dataset.Manufacturer = "rtplan"
    dataset.ManufacturerModelName = "phantom"
    dataset.SoftwareVersions = __version__
    dataset.DeviceSerialNumber = "0"
    dataset.ReferringPhysicianName = ""
    dataset.OperatorsName = ""
    dataset.StudyDescription = study.description
    dataset.SeriesDescription = f"{modality} {study.name}"
    dataset.PatientName = study.patient_name
    dataset.PatientID = study.patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    dataset.StudyInstanceUID = study.uid("study")
    dataset.SeriesInstanceUID = study.uid("series", modality)
    dataset.StudyID = "1"
    return dataset


def _place(dataset: Dataset, study: Study, grid: Grid, *, depth_mm: float) -> None:
    """Image Plane and Frame of Reference: where the first voxel is, which way rows run."""
    for axis, name in zip(grid.axes_mm[:2], ("row", "column"), strict=True):
        if axis.size > 1 and float(np.ptp(np.diff(axis))) > 1e-6:
            raise DicomError(f"voxels along a {name} are not evenly spaced")
    origin = grid.origin_mm + grid.directions[:, 2] * depth_mm
    rows = [*grid.directions[:, 0], *grid.directions[:, 1]]
    dataset.ImagePositionPatient = [decimal_string(float(x)) for x in origin]
    dataset.ImageOrientationPatient = [decimal_string(float(x)) for x in rows]
    dataset.PixelSpacing = [decimal_string(grid.spacing_mm[1]), decimal_string(grid.spacing_mm[0])]
    dataset.FrameOfReferenceUID = study.frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""


def _pixels(dataset: Dataset, stored: NDArray[np.generic], *, bits: int) -> None:
    """Image Pixel module of one plane or of frames; the sign is the caller's to say."""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.BitsAllocated = bits
    dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    data = stored.tobytes()
    dataset.add_new(0x7FE00010, "OW", data + b"\0" * (len(data) % 2))


def reference(target: Dataset) -> Dataset:
    """A sequence item that refers to ``target`` by SOP class and instance."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID = target.SOPClassUID
    item.ReferencedSOPInstanceUID = target.SOPInstanceUID
    return item


def _referenced_frame(study: Study, images: Sequence[Dataset]) -> Dataset:
    """The frame of reference, and under it study, series and each image drawn on."""
    from pydicom.dataset import Dataset

    frame = Dataset()
    frame.FrameOfReferenceUID = study.frame_of_reference_uid
    if images:
        series = Dataset()
        series.SeriesInstanceUID = images[0].SeriesInstanceUID
        series.ContourImageSequence = [reference(image) for image in images]
        component = Dataset()
        component.ReferencedSOPClassUID = _STUDY_COMPONENT
        component.ReferencedSOPInstanceUID = images[0].StudyInstanceUID
        component.RTReferencedSeriesSequence = [series]
        frame.RTReferencedStudySequence = [component]
    return frame


def _roi_contour(item: Structure, images: dict[float, Dataset], *, decimals: int) -> Dataset:
    from pydicom.dataset import Dataset

    roi = Dataset()
    if item.colour is not None:
        roi.ROIDisplayColor = [str(part) for part in item.colour]
    roi.ReferencedROINumber = str(item.number)
    if item.contours:
        roi.ContourSequence = [
            _contour(number, contour, images, decimals=decimals)
            for number, contour in enumerate(item.contours, 1)
        ]
    return roi


def _contour(
    number: int, contour: Contour, images: dict[float, Dataset], *, decimals: int
) -> Dataset:
    from pydicom.charset import default_encoding
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import Tag

    item = Dataset()
    image = images.get(_plane_key(contour.points_mm[0]))
    if image is not None:
        item.ContourImageSequence = [reference(image)]
    item.ContourGeometricType = contour.kind.value
    item.NumberOfContourPoints = str(len(contour.points_mm))
    item.ContourNumber = str(number)
    data = _contour_data(contour.points_mm, decimals=decimals)
    # Raw bytes, kept raw by an encoding that is the file's: a decimal string object for each
    # coordinate costs a hundred times more.
    item.set_original_encoding(True, True, default_encoding)
    item[Tag(0x30060050)] = RawDataElement(
        Tag(0x30060050), "DS", len(data), data, 0, True, True, True
    )
    return item


def _contour_data(points_mm: FloatArray, *, decimals: int) -> bytes:
    r"""Coordinates as decimal strings (PS3.5 6.2: at most 16 characters), even in length.

    >>> _contour_data(np.array([[1.25, -0.0, 100.0]]), decimals=3)
    b'1.250\\0.000\\100.000 '
    """
    largest = float(np.abs(points_mm).max())
    if len(f"{-largest:.{decimals}f}") > 16:
        raise DicomError(
            f"coordinate {largest:g} mm with {decimals} decimals does not fit into 16 characters"
        )
    rounded = np.round(points_mm, decimals) + 0.0
    text = "\\".join([f"{value:.{decimals}f}" for value in rounded.ravel().tolist()])
    return (text + " " * (len(text) % 2)).encode("ascii")


def _plane_key(point_mm: FloatArray) -> float:
    """What contours and axial images of one plane share: z to a micrometre."""
    return round(float(point_mm[2]), 3) + 0.0


def decimal_string(value: float) -> str:
    """A decimal string of at most 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    return str(format_number_as_ds(float(value) + 0.0))
