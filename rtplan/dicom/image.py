"""CT, MR and PET series: known by their headers, ordered by position; pixels are read on demand.

Slices are ordered by their position along the slice normal, never by Instance Number or file
name, and split where size, orientation, spacing or frame of reference differ.
"""

from __future__ import annotations

import io
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rtplan.case import ImageSeries
from rtplan.dicom import encoding, files
from rtplan.dicom.dose_planes import plane_directions
from rtplan.dicom.inventory import FoundSeries, counted
from rtplan.dicom.limits import MIB, allowed
from rtplan.dicom.parse import (
    Parsed,
    codes,
    decimal,
    decimals,
    foreign_faults,
    integer,
    parse,
    patient_key,
    uid,
    with_commas,
)
from rtplan.errors import DicomError, InputError
from rtplan.findings import Finding, finding
from rtplan.geometry.grid import FloatArray, Grid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_HEADER = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "PatientID",
    "PatientName",
    "ImageType",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "Rows",
    "Columns",
    "InstanceNumber",
    "RescaleSlope",
    "RescaleIntercept",
)
_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
_RESCALE = ("RescaleSlope", "RescaleIntercept")
_START_BYTES = 1 << 12
_HEADER_BYTES = 4 << 20
_POSITION_MM = 1e-3
_SIDEWAYS_MM = 0.1
_UNEVEN = 0.01
_GAP = 1.5
_MOST_GAPS = 3


@dataclass(frozen=True, slots=True)
class Slice:
    """One image of a series, by its header.

    ``problem`` says why it has no place in a grid; ``commas`` names its numbers that are written
    with a decimal comma.
    """

    locator: str
    uid: str
    modality: str
    series_uid: str
    frame_of_reference_uid: str | None
    patient: str
    is_localizer: bool = False
    shape: tuple[int, int] = (0, 0)
    position_mm: tuple[float, ...] = ()
    orientation: tuple[float, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    instance_number: int = 0
    problem: str | None = None
    commas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Pixel values on a grid: ``values`` (k, j, i) float32, rescaled (HU for CT)."""

    grid: Grid
    values: NDArray[np.float32]
    modality: str

    def __post_init__(self) -> None:
        self.values.flags.writeable = False


def read_slice(stream: BinaryIO, size: int, *, locator: str, modality: str) -> Slice:
    """The header of one image; its pixel data is not read, only its length compared.

    Raises
    ------
    DicomError
        It cannot be parsed or has no UID.
    """
    dataset, is_whole = _header(stream, size)
    sop_uid, series_uid = uid(dataset, "SOPInstanceUID"), uid(dataset, "SeriesInstanceUID")
    if not sop_uid or not series_uid:
        raise DicomError("an image has no SOP Instance UID or no Series Instance UID")
    problem = None if is_whole else "its pixel data is cut off"
    shape, position, orientation, spacing = (0, 0), None, None, None
    instance = None
    try:
        shape = (integer(dataset, "Rows") or 0, integer(dataset, "Columns") or 0)
        position = decimals(dataset, "ImagePositionPatient", 3)
        orientation = decimals(dataset, "ImageOrientationPatient", 6)
        spacing = decimals(dataset, "PixelSpacing", 2)
        instance = integer(dataset, "InstanceNumber")
    except DicomError as error:
        problem = problem or str(error)
    if not problem and not (position and orientation and spacing and all(shape)):
        problem = "its position, orientation, spacing or size is missing"
    return Slice(
        locator=locator,
        uid=sop_uid,
        modality=modality,
        series_uid=series_uid,
        frame_of_reference_uid=uid(dataset, "FrameOfReferenceUID"),
        patient=patient_key(dataset),
        is_localizer="LOCALIZER" in codes(dataset, "ImageType"),
        shape=shape,
        position_mm=position or (),
        orientation=orientation or (),
        spacing_mm=spacing or (),
        instance_number=instance or 0,
        problem=problem,
        commas=with_commas(dataset, (*_PLACE, *_RESCALE)),
    )


def group_series(slices: Iterable[Slice]) -> tuple[tuple[FoundSeries, ...], tuple[Finding, ...]]:
    """Series in order of their UID, each with its slices in order along the normal."""
    notes: list[Finding] = []
    by_series: dict[tuple[str, str], list[Slice]] = defaultdict(list)
    for item in slices:
        by_series[(item.series_uid, item.modality)].append(item)
    found = []
    for (series_uid, _), members in sorted(by_series.items()):
        usable = _set_aside(members, series_uid, notes)
        groups: dict[tuple[object, ...], list[Slice]] = defaultdict(list)
        for item in usable:
            groups[_kind(item)].append(item)
        if len(groups) > 1:
            text = f"{len(usable)} images of {len(groups)} kinds in one series"
            notes.append(finding("IMG008", text, sop_instance_uid=series_uid))
        ordered = sorted(groups.values(), key=lambda group: (-len(group), group[0].uid))
        found += [_series(group, notes) for group in ordered]
    return tuple(found), tuple(notes)


def read_image(series: ImageSeries) -> Image:
    """Read the pixels of a series, rescaled by its slope and intercept.

    Raises
    ------
    InputError
        The series has no grid, is too large, or its pixels cannot be read.
    """
    if series.grid is None:
        raise InputError("the image series forms no grid, so no picture can be drawn from it")
    needed = int(np.prod(series.grid.shape)) * 4
    if needed > allowed().values_mib * MIB:
        raise InputError(
            f"the image series needs {needed} bytes, more than {allowed().values_mib} MiB "
            "(--limit values_mib)"
        )
    try:
        if len(series.files) == 1 or _needs_our_reader(series.files):
            values = _read_one_by_one(series.files, series.grid.shape[1:])
        else:
            values = _read_volume(series.files)
    except DicomError as error:
        raise InputError(f"the pixels of the image series cannot be read: {error}") from None
    if values.shape != series.grid.shape:
        raise InputError(
            f"the pixels of the image series have shape {values.shape}, "
            f"their headers say {series.grid.shape}"
        )
    return Image(series.grid, values, series.modality)


def _needs_our_reader(locators: Sequence[str]) -> bool:
    """Whether SimpleITK cannot read them: members of an archive, or decimal commas."""
    if any(files.is_member(name) for name in locators):
        return True
    return any(
        with_commas(_header(stream, stream.seek(0, os.SEEK_END))[0], _RESCALE)
        for stream in files.open_each(locators)
    )


def _header(stream: BinaryIO, size: int) -> tuple[Dataset, bool]:
    """The header of an image, and whether its pixel data is as long as it declares.

    Of a large file only the first ``_HEADER_BYTES`` are looked at.
    """
    import pydicom

    stream.seek(0)
    start = encoding.read_start(stream.read(_START_BYTES))
    stream.seek(0)
    if start.transfer_syntax_uid == encoding.DEFLATED_DATASET:
        plain = encoding.inflate(files.read_all(stream), start.offset)
        stream, size = io.BytesIO(plain), len(plain)
    elif size > _HEADER_BYTES:
        stream = io.BytesIO(stream.read(_HEADER_BYTES))
    with foreign_faults("parse"):
        dataset = pydicom.dcmread(
            stream, force=True, stop_before_pixels=True, specific_tags=list(_HEADER)
        )
    return dataset, _pixels_whole(stream, size, dataset)


def _pixels_whole(stream: BinaryIO, size: int, dataset: Dataset) -> bool:
    """Compare the declared length of the pixel data, where the parser stopped, with the file."""
    position = stream.tell()
    head = stream.read(12)
    if not head:
        return False
    is_implicit, is_little = dataset.original_encoding
    return encoding.pixel_data_is_whole(
        head, size - position, explicit=not is_implicit, big=is_little is False
    )


def _set_aside(members: Sequence[Slice], series_uid: str, notes: list[Finding]) -> list[Slice]:
    """The slices that have a place in a grid."""
    localizers = [item for item in members if item.is_localizer]
    broken = [item for item in members if item.problem and not item.is_localizer]
    if localizers:
        text = f"{len(localizers)} localizer images"
        notes.append(finding("IMG001", text, sop_instance_uid=series_uid))
    if commas := [item for item in members if item.commas]:
        names = ", ".join(sorted({name for item in commas for name in item.commas}))
        text = f"decimal commas in {names} of {len(commas)} images"
        notes.append(finding("FIL014", text, sop_instance_uid=series_uid))
    for item in broken[:3]:
        notes.append(finding("IMG007", item.problem or "", sop_instance_uid=item.uid))
    if len(broken) > 3:
        text = f"{len(broken) - 3} more images of the series cannot be used"
        notes.append(finding("IMG007", text, sop_instance_uid=series_uid))
    return [item for item in members if not item.is_localizer and not item.problem]


def _kind(item: Slice) -> tuple[object, ...]:
    """Slices of one kind can form one grid."""
    return (
        item.patient,
        item.frame_of_reference_uid or "",
        item.shape,
        tuple(round(value, 4) + 0.0 for value in item.orientation),
        tuple(round(value, 4) for value in item.spacing_mm),
    )


def _series(group: Sequence[Slice], notes: list[Finding]) -> FoundSeries:
    first = group[0]
    try:
        directions = plane_directions(first.orientation)
    except DicomError as error:
        notes.append(finding("IMG005", str(error), sop_instance_uid=first.series_uid))
        return _found(sorted(group, key=lambda item: item.uid), None)
    along = {item.uid: float(np.dot(item.position_mm, directions[:, 2])) for item in group}
    ordered = sorted(group, key=lambda item: (along[item.uid], item.instance_number, item.uid))
    kept: list[Slice] = []
    for item in ordered:
        if not kept or along[item.uid] - along[kept[-1].uid] > _POSITION_MM:
            kept.append(item)
    if len(kept) < len(ordered):
        text = f"{len(ordered)} images at {len(kept)} positions"
        notes.append(finding("IMG002", text, sop_instance_uid=first.series_uid))
    return _found(kept, _grid(kept, directions, notes))


def _found(ordered: Sequence[Slice], grid: Grid | None) -> FoundSeries:
    first = ordered[0]
    return FoundSeries(
        series=ImageSeries(
            series_uid=first.series_uid,
            modality=first.modality,
            files=tuple(item.locator for item in ordered),
            grid=grid,
            frame_of_reference_uid=first.frame_of_reference_uid,
        ),
        patient=first.patient,
        uids=tuple(item.uid for item in ordered),
    )


def _grid(ordered: Sequence[Slice], directions: FloatArray, notes: list[Finding]) -> Grid | None:
    """The grid of ordered slices; None where they are shifted against each other (gantry tilt)."""
    first = ordered[0]
    rows, columns = first.shape
    positions = np.array([item.position_mm for item in ordered])
    offsets = (positions - positions[0]) @ directions[:, 2]
    sideways = np.abs(positions - positions[0] - np.outer(offsets, directions[:, 2])).max()
    if sideways > _SIDEWAYS_MM or min(first.spacing_mm) <= 0:
        text = f"slices are shifted by up to {sideways:.1f} mm against each other"
        notes.append(finding("IMG005", text, sop_instance_uid=first.series_uid))
        return None
    steps = np.diff(offsets)
    if steps.size:
        usual = float(np.median(steps))
        gaps = np.flatnonzero(steps > _GAP * usual)
        if gaps.size:
            along = positions @ directions[:, 2]
            where = [f"{along[at]:.1f} and {along[at + 1]:.1f} mm" for at in gaps[:_MOST_GAPS]]
            text = (
                f"{counted(gaps.size, 'gap')} between slices that are usually {usual:g} mm apart: "
                f"between {', between '.join(where)}"
            )
            if gaps.size > _MOST_GAPS:
                text += f", and {gaps.size - _MOST_GAPS} more"
            notes.append(finding("IMG003", text, sop_instance_uid=first.series_uid))
        elif steps.max() - steps.min() > _UNEVEN * usual:
            text = f"steps between slices are {steps.min():g} to {steps.max():g} mm"
            notes.append(finding("IMG004", text, sop_instance_uid=first.series_uid))
    return Grid(
        origin_mm=positions[0].astype(np.float64),
        directions=directions,
        axes_mm=(
            np.arange(columns, dtype=np.float64) * first.spacing_mm[1],
            np.arange(rows, dtype=np.float64) * first.spacing_mm[0],
            offsets.astype(np.float64),
        ),
    )


def _read_volume(locators: Sequence[str]) -> NDArray[np.float32]:
    """All slices with SimpleITK, which rescales each by its own slope and intercept."""
    import SimpleITK

    sitk: Any = SimpleITK  # its stubs annotate no function
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(list(locators))
    reader.SetOutputPixelType(sitk.sitkFloat32)
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with foreign_faults("decode"):
            return np.ascontiguousarray(sitk.GetArrayFromImage(reader.Execute()), dtype=np.float32)
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _read_one_by_one(locators: Sequence[str], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Slices with pydicom: a single one, or members of an archive, which have no path."""
    values = np.empty((len(locators), *shape), dtype=np.float32)
    for plane, stream in zip(values, files.open_each(locators), strict=True):
        dataset = _with_syntax(parse(files.read_all(stream), modality=""))
        declared = integer(dataset, "Rows"), integer(dataset, "Columns")
        if declared != shape or any(
            (integer(dataset, keyword) or 1) != 1
            for keyword in ("NumberOfFrames", "SamplesPerPixel")
        ):
            raise DicomError("a slice is not the single plane that its header promised")
        slope, intercept = decimal(dataset, "RescaleSlope"), decimal(dataset, "RescaleIntercept")
        with foreign_faults("decode"):
            plane[:] = np.asarray(dataset.pixel_array, dtype=np.float32) * (slope or 1.0)
        plane += intercept or 0.0
    return values


def _with_syntax(parsed: Parsed) -> Dataset:
    """The data set as a decoder needs it: what was inflated, or never said, is little endian."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    dataset = parsed.dataset
    if parsed.transfer_syntax_uid in (None, encoding.DEFLATED_DATASET):
        is_implicit, _ = dataset.original_encoding
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian
        )
    return dataset
