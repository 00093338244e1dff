"""RT Dose (PS3.3 C.8.8.3): its header, its planes, and its values in Gy.

The header is read for every dose found, the values only for the one that is used. What is missing
or contradicts itself makes the dose unusable with a reason; nothing is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtplan.dicom import encoding, files
from rtplan.dicom.inventory import FoundDose
from rtplan.dicom.parse import (
    Parsed,
    code,
    decimal,
    decimals,
    foreign_faults,
    integer,
    items,
    parse,
    uid,
)
from rtplan.dicom.plan import references
from rtplan.dicom.stored_dvh import read_stored_dvhs
from rtplan.dose.grid import DoseGrid, SummationType
from rtplan.errors import DicomError, DoseError, RtplanError
from rtplan.findings import Finding, finding
from rtplan.geometry.grid import FloatArray, Grid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_PIXEL_BYTES = 2 << 30
_POSITION_MM = 1e-3
_UNEVEN_MM = 1e-3
_ORTHOGONAL = 1e-3
_UNCOMPRESSED = (
    None,
    encoding.IMPLICIT_LE,
    "1.2.840.10008.1.2.1",
    encoding.EXPLICIT_BE,
    encoding.DEFLATED_DATASET,
)


class _Unusable(Exception):
    """The dose cannot be used: the code of the finding, and why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Dose planes in ascending order: their grid, and the stored index of each."""

    grid: Grid
    order: NDArray[np.intp]


def read_dose_header(parsed: Parsed, locator: str) -> tuple[FoundDose, tuple[Finding, ...]]:
    """What an RT Dose says about itself, without its values, and what was noticed in it."""
    dataset = parsed.dataset
    notes: list[Finding] = []
    problem, grid = None, None
    try:
        if parsed.problem:
            raise _Unusable("FIL001", parsed.problem)
        grid = _read_planes(dataset, parsed.uid, notes).grid
        _check_values(dataset, parsed, grid)
    except _Unusable as reason:
        problem = reason.text
        if not parsed.problem:
            notes.append(finding(reason.code, reason.text, sop_instance_uid=parsed.uid))
    except DicomError as error:
        problem = str(error)
        notes.append(finding("RTD011", problem, sop_instance_uid=parsed.uid))
    summation = code(dataset, "DoseSummationType")
    dvhs, dvh_notes = read_stored_dvhs(dataset, parsed.uid)
    found = FoundDose(
        files=(locator,),
        inputs=(parsed.input,),
        patient=parsed.patient,
        grid=grid if problem is None else None,
        problem=problem,
        units=code(dataset, "DoseUnits"),
        summation=_SUMMATIONS.get(summation, SummationType.OTHER),
        summation_text=summation,
        dose_type=code(dataset, "DoseType"),
        frame_of_reference_uid=uid(dataset, "FrameOfReferenceUID"),
        plan_uids=references(dataset, "ReferencedRTPlanSequence"),
        structure_set_uid=next(iter(references(dataset, "ReferencedStructureSetSequence")), None),
        beam_numbers=_beams(dataset),
        stored_dvhs=dvhs,
    )
    return found, (*notes, *dvh_notes)


def load_dose(found: FoundDose) -> tuple[DoseGrid, tuple[Finding, ...]]:
    """Read the values of a dose, Gy, on its ascending grid.

    Raises
    ------
    DoseError
        The dose cannot be used; the text says why.
    """
    if found.problem or found.grid is None:
        raise DoseError(found.problem or "the dose has no grid")
    try:
        planes = []
        for stream in files.open_each(found.files):
            parsed = parse(files.read_all(stream), modality="RTDOSE")
            planes.append(_values_gy(parsed))
        values = planes[0] if len(planes) == 1 else np.concatenate(planes)
        grid = DoseGrid(
            grid=found.grid,
            values_gy=values,
            sop_instance_uid=found.uid,
            summation=found.summation,
            dose_type=found.dose_type,
            frame_of_reference_uid=found.frame_of_reference_uid,
            plan_uid=found.plan_uids[0] if len(found.plan_uids) == 1 else None,
            structure_set_uid=found.structure_set_uid,
        )
    except DoseError:
        raise
    except (_Unusable, RtplanError) as error:
        raise DoseError(str(error)) from None
    notes = []
    lowest = float(values.min())
    if lowest < 0 and found.dose_type != "ERROR":
        notes.append(
            finding("RTD008", f"the lowest dose is {lowest:.4g} Gy", sop_instance_uid=found.uid)
        )
    return grid, tuple(notes)


def join_planes(doses: Sequence[FoundDose]) -> tuple[FoundDose | None, Finding | None]:
    """One dose from single-plane doses that differ only in position along their normal.

    Parameters
    ----------
    doses : sequence of FoundDose
        At least two, usable, of one plane each, with the same references.

    Returns
    -------
    FoundDose or None, Finding or None
        None where the planes do not make one grid: the doses then stay on their own.
    """
    grids = [dose.grid for dose in doses if dose.grid is not None]
    first = grids[0]
    if len(grids) != len(doses) or any(not _same_plane(first, grid) for grid in grids):
        return None, None
    normal = first.directions[:, 2]
    offsets = np.array([float((grid.origin_mm - first.origin_mm) @ normal) for grid in grids])
    sideways = [
        float(np.abs(grid.origin_mm - first.origin_mm - offset * normal).max())
        for grid, offset in zip(grids, offsets, strict=True)
    ]
    order = np.argsort(offsets, kind="stable")
    if max(sideways) > _POSITION_MM or (np.diff(offsets[order]) <= _POSITION_MM).any():
        return None, None
    sorted_doses = [doses[index] for index in order]
    base = grids[order[0]]
    grid = Grid(
        origin_mm=base.origin_mm.copy(),
        directions=first.directions.copy(),
        axes_mm=(
            first.axes_mm[0].copy(),
            first.axes_mm[1].copy(),
            offsets[order] - offsets[order[0]],
        ),
    )
    joined = replace(
        sorted_doses[0],
        files=tuple(dose.files[0] for dose in sorted_doses),
        inputs=tuple(dose.inputs[0] for dose in sorted_doses),
        grid=grid,
    )
    note = finding(
        "RTD009", f"{len(doses)} single-plane objects joined", sop_instance_uid=joined.uid
    )
    return joined, note


_SUMMATIONS = {kind.value: kind for kind in SummationType}


def _same_plane(first: Grid, other: Grid) -> bool:
    return (
        first.shape == other.shape
        and first.shape[0] == 1
        and np.allclose(first.directions, other.directions, atol=1e-6)
        and np.allclose(first.spacing_mm, other.spacing_mm, atol=1e-6)
    )


def _beams(dataset: Dataset) -> tuple[int, ...]:
    """Beam numbers that the dose is of, from its plan reference."""
    found = []
    try:
        for plan in items(dataset, "ReferencedRTPlanSequence"):
            for group in items(plan, "ReferencedFractionGroupSequence"):
                for beam in items(group, "ReferencedBeamSequence"):
                    number = integer(beam, "ReferencedBeamNumber")
                    if number is not None:
                        found.append(number)
    except DicomError:
        return ()
    return tuple(found)


def _read_planes(dataset: Dataset, sop_instance_uid: str, notes: list[Finding]) -> Planes:
    """The grid of the stored planes, in ascending order along the normal."""
    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    if not rows or not columns:
        raise _Unusable("RTD013", "the object holds no dose grid (no Rows or Columns)")
    orientation = _needed(dataset, "ImageOrientationPatient", 6)
    position = _needed(dataset, "ImagePositionPatient", 3)
    spacing = _needed(dataset, "PixelSpacing", 2)
    if min(spacing) <= 0:
        raise _Unusable("RTD011", f"Pixel Spacing is {spacing[0]:g}, {spacing[1]:g} mm")
    directions = plane_directions(orientation)
    offsets = _plane_offsets(dataset, position, directions)
    order = np.argsort(offsets, kind="stable")
    ascending = offsets[order]
    steps = np.diff(ascending)
    if (steps <= 0).any():
        raise _Unusable("RTD003", "two dose planes have the same position")
    if not (order == np.arange(order.size)).all():
        descending = bool((order == np.arange(order.size)[::-1]).all())
        notes.append(
            finding(
                "RTD006" if descending else "RTD007",
                f"{order.size} planes, stored {'in descending' if descending else 'in no'} order",
                sop_instance_uid=sop_instance_uid,
            )
        )
    if steps.size and steps.max() - steps.min() > _UNEVEN_MM:
        notes.append(
            finding(
                "RTD012",
                f"steps between planes are {steps.min():g} to {steps.max():g} mm",
                sop_instance_uid=sop_instance_uid,
            )
        )
    grid = Grid(
        origin_mm=np.array(position) + directions[:, 2] * ascending[0],
        directions=directions,
        axes_mm=(
            np.arange(columns, dtype=np.float64) * spacing[1],
            np.arange(rows, dtype=np.float64) * spacing[0],
            ascending - ascending[0],
        ),
    )
    return Planes(grid, order)


def _needed(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...]:
    """Numbers without which a dose has no place."""
    values = decimals(dataset, keyword, count)
    if values is None:
        raise _Unusable("RTD011", f"{keyword} is missing")
    return values


def plane_directions(orientation: Sequence[float]) -> FloatArray:
    """Columns along a row, along a column, and along their cross product (PS3.3 C.7.6.2.1.1).

    Raises
    ------
    DicomError
        The two directions are not of unit length or not perpendicular.
    """
    along_row, along_column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    if (
        max(abs(lengths[0] - 1), abs(lengths[1] - 1)) > _ORTHOGONAL
        or abs(float(along_row @ along_column)) > _ORTHOGONAL
    ):
        shown = "\\".join(f"{value:g}" for value in orientation)
        raise DicomError(
            f"Image Orientation (Patient) {shown} is not two perpendicular unit vectors"
        )
    along_row = along_row / lengths[0]
    along_column = along_column - (along_row @ along_column) * along_row
    along_column = along_column / np.linalg.norm(along_column)
    return np.column_stack([along_row, along_column, np.cross(along_row, along_column)])


def _plane_offsets(
    dataset: Dataset, position: Sequence[float], directions: FloatArray
) -> FloatArray:
    """Distance of each stored plane from Image Position along the normal (PS3.3 C.8.8.3.2).

    Form a: offsets that start at 0. Form b: patient z coordinates that start at the third value
    of Image Position, for transverse planes only.
    """
    frames = _frames(dataset)
    stored = decimals(dataset, "GridFrameOffsetVector")
    if stored is None:
        if frames == 1:
            return np.zeros(1)
        raise _Unusable("RTD003", f"{frames} dose planes and no Grid Frame Offset Vector")
    if len(stored) != frames:
        raise _Unusable(
            "RTD003", f"Grid Frame Offset Vector has {len(stored)} values for {frames} dose planes"
        )
    offsets: FloatArray = np.array(stored, dtype=np.float64)
    if abs(offsets[0]) <= _POSITION_MM or frames == 1:
        return offsets - offsets[0] if frames == 1 else offsets
    along_z = float(directions[2, 2])
    if abs(offsets[0] - position[2]) <= _POSITION_MM and abs(abs(along_z) - 1) <= 1e-6:
        return np.asarray((offsets - position[2]) * np.sign(along_z), dtype=np.float64)
    raise _Unusable(
        "RTD003",
        f"Grid Frame Offset Vector starts at {offsets[0]:g}: neither 0 nor, for transverse "
        f"planes, the z coordinate {position[2]:g} of Image Position (Patient)",
    )


def _frames(dataset: Dataset) -> int:
    frames = integer(dataset, "NumberOfFrames")
    if frames is not None and frames < 1:
        raise _Unusable("RTD003", f"Number of Frames is {frames}")
    return frames or 1


@dataclass(frozen=True, slots=True)
class _Storage:
    """How the values are stored: scaling to Gy, bits, sign, count."""

    scaling: float
    bits: int
    stored_bits: int
    is_signed: bool
    count: int


def _storage(dataset: Dataset, transfer_syntax_uid: str | None) -> _Storage:
    units = code(dataset, "DoseUnits")
    if units != "GY":
        raise _Unusable("RTD001", f"Dose Units is {units or 'missing'}, expected GY")
    try:
        scaling = decimal(dataset, "DoseGridScaling")
    except DicomError as error:
        raise _Unusable("RTD002", str(error)) from None
    if scaling is None or scaling <= 0:
        shown = "missing" if scaling is None else f"{scaling:g}"
        raise _Unusable("RTD002", f"Dose Grid Scaling is {shown}")
    bits = integer(dataset, "BitsAllocated")
    stored = integer(dataset, "BitsStored")
    high = integer(dataset, "HighBit")
    samples = integer(dataset, "SamplesPerPixel")
    if bits not in (16, 32) or samples not in (None, 1):
        raise _Unusable("RTD004", f"Bits Allocated is {bits}, expected 16 or 32")
    stored = bits if stored is None else stored
    high = stored - 1 if high is None else high
    if not 1 <= stored <= bits or high != stored - 1:
        raise _Unusable(
            "RTD004", f"Bits Stored is {stored} and High Bit {high} of {bits} bits allocated"
        )
    sign = integer(dataset, "PixelRepresentation")
    if sign not in (0, 1):
        raise _Unusable("RTD004", f"Pixel Representation is {sign}, expected 0 or 1")
    if transfer_syntax_uid == encoding.EXPLICIT_BE and bits > 16:
        raise _Unusable(
            "RTD005",
            "32-bit values in explicit big endian are written in two ways that cannot be told "
            "apart",
        )
    count = _frames(dataset) * (integer(dataset, "Rows") or 0) * (integer(dataset, "Columns") or 0)
    if count * bits // 8 > MAX_PIXEL_BYTES:
        raise _Unusable("RTD004", f"the grid declares {count} values, more than can be read")
    return _Storage(scaling, bits, stored, sign == 1, count)


def _check_values(dataset: Dataset, parsed: Parsed, grid: Grid) -> None:
    """Everything about the values that can be known without decoding them."""
    storage = _storage(dataset, parsed.transfer_syntax_uid)
    if "PixelData" not in dataset:
        raise _Unusable("RTD013", "the object holds no pixel data")
    if parsed.transfer_syntax_uid in _UNCOMPRESSED:
        _native_bytes(dataset, storage)


def _native_bytes(dataset: Dataset, storage: _Storage) -> bytes:
    with foreign_faults("read the pixel data of"):
        data = bytes(dataset.get_item("PixelData").value or b"")
    expected = storage.count * storage.bits // 8
    if len(data) != expected:
        raise _Unusable(
            "RTD004",
            f"pixel data has {len(data)} bytes, {expected} are needed for {storage.count} values "
            f"of {storage.bits} bits",
        )
    return data


def _values_gy(parsed: Parsed) -> NDArray[np.float32]:
    """Values (k, j, i) in Gy, planes in ascending order."""
    if parsed.problem:
        raise _Unusable("FIL001", parsed.problem)
    dataset = parsed.dataset
    planes = _read_planes(dataset, parsed.uid, [])
    storage = _storage(dataset, parsed.transfer_syntax_uid)
    if parsed.transfer_syntax_uid in _UNCOMPRESSED:
        order = ">" if parsed.transfer_syntax_uid == encoding.EXPLICIT_BE else "<"
        kind = f"{order}{'i' if storage.is_signed else 'u'}{storage.bits // 8}"
        stored: NDArray[np.generic] = np.frombuffer(_native_bytes(dataset, storage), dtype=kind)
    else:
        stored = _decoded(dataset, parsed.transfer_syntax_uid)
    if stored.size != storage.count:
        raise _Unusable(
            "RTD004", f"pixel data decodes to {stored.size} values, expected {storage.count}"
        )
    _check_range(stored, storage)
    ordered = stored.reshape(planes.grid.shape)
    if not (planes.order == np.arange(planes.order.size)).all():
        ordered = ordered[planes.order]
    return (ordered.astype(np.float64) * storage.scaling).astype(np.float32)


def _check_range(stored: NDArray[np.generic], storage: _Storage) -> None:
    """Values must fit the bits that are said to be stored."""
    if storage.stored_bits == storage.bits:
        return
    highest = 2 ** (storage.stored_bits - storage.is_signed) - 1
    lowest = -highest - 1 if storage.is_signed else 0
    if int(stored.max()) > highest or int(stored.min()) < lowest:
        raise _Unusable("RTD004", f"values do not fit {storage.stored_bits} bits stored")


def _decoded(dataset: Dataset, transfer_syntax_uid: str | None) -> NDArray[np.generic]:
    try:
        with foreign_faults("decode"):
            return np.asarray(dataset.pixel_array)
    except DicomError as error:
        raise _Unusable(
            "RTD005",
            f"pixel data of transfer syntax {transfer_syntax_uid} cannot be decoded: {error}",
        ) from None
