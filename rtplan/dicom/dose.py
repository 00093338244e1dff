"""RT Dose (PS3.3 C.8.8.3): its header, its planes, and its values in Gy.

The header is read for every dose found, the values only for the one that is used. What is missing
or contradicts itself makes the dose unusable with a reason; nothing is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from rtplan.dicom import encoding, files, pixels
from rtplan.dicom.dose_planes import Unusable, frames_of, read_planes
from rtplan.dicom.inventory import FoundDose
from rtplan.dicom.limits import MIB, allowed
from rtplan.dicom.parse import (
    Parsed,
    code,
    decimal,
    foreign_faults,
    integer,
    items,
    parse,
    read_open,
    shown_code,
    uid,
    with_commas,
)
from rtplan.dicom.plan import references
from rtplan.dicom.stored_dvh import read_stored_dvhs
from rtplan.dose.grid import DoseGrid, SummationType
from rtplan.errors import DicomError, DoseError, RtplanError
from rtplan.findings import Finding, finding
from rtplan.geometry.grid import Grid

if TYPE_CHECKING:
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset

_HIGHEST_GY = 1e6
_NUMBERS = (
    "DoseGridScaling",
    "GridFrameOffsetVector",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "PixelSpacing",
)
_PHYSICAL, _EFFECTIVE = "PHYSICAL", "EFFECTIVE"
_UNCOMPRESSED = (
    None,
    encoding.IMPLICIT_LE,
    "1.2.840.10008.1.2.1",
    encoding.EXPLICIT_BE,
    encoding.DEFLATED_DATASET,
)


def read_dose_header(parsed: Parsed, locator: str) -> tuple[FoundDose, tuple[Finding, ...]]:
    """What an RT Dose says about itself, without its values, and what was noticed in it."""
    dataset = parsed.dataset
    notes: list[Finding] = []
    problem, grid = None, None
    try:
        if parsed.problem:
            raise Unusable("FIL001", parsed.problem)
        _check_dose_type(dataset)
        grid = read_planes(dataset, parsed.uid, notes).grid
        _check_values(dataset, parsed, grid)
    except Unusable as reason:
        problem = reason.text
        if not parsed.problem:
            notes.append(finding(reason.code, reason.text, sop_instance_uid=parsed.uid))
    except DicomError as error:
        problem = str(error)
        notes.append(finding("RTD011", problem, sop_instance_uid=parsed.uid))
    if commas := with_commas(dataset, _NUMBERS):
        text = f"decimal commas in {', '.join(commas)}"
        notes.append(finding("FIL014", text, sop_instance_uid=parsed.uid))
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
        with foreign_faults("hold the values of"):
            values = _read_values(found)
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
    except RtplanError as error:
        raise DoseError(str(error)) from None
    return grid, tuple(_doubts(found, grid))


def _read_values(found: FoundDose) -> NDArray[np.float32]:
    """Values of all files: summed where they are of beams, else planes one after the other."""
    parts = (_values_gy(stream) for stream in files.open_each(found.files))
    if not found.is_sum:
        planes = list(parts)
        values = planes[0] if len(planes) == 1 else np.concatenate(planes)
    else:
        values = next(parts)
        for part in parts:
            values += part
    if not values.any():
        raise Unusable("RTD020", "the dose is 0 everywhere")
    return values


def _doubts(found: FoundDose, dose: DoseGrid) -> list[Finding]:
    """What is doubtful about a dose that is used."""
    doubts = []
    if found.dose_type == _EFFECTIVE:
        doubts.append(("RTD015", f"Dose Type is {_EFFECTIVE}"))
    elif not found.dose_type:
        doubts.append(("RTD016", "Dose Type is missing; the dose was taken as physical"))
    lowest = float(dose.values_gy.min())
    if lowest < 0:
        doubts.append(("RTD008", f"the lowest dose is {lowest:.4g} Gy"))
    return [finding(code, text, sop_instance_uid=found.uid) for code, text in doubts]


def _check_dose_type(dataset: Dataset) -> None:
    """Dose Type (3004,0004): ERROR is a difference or an uncertainty, and no dose."""
    dose_type = code(dataset, "DoseType")
    if dose_type == "ERROR":
        raise Unusable(
            "RTD014", "Dose Type is ERROR: the values are a difference or an uncertainty, no dose"
        )
    if dose_type not in ("", _PHYSICAL, _EFFECTIVE):
        raise Unusable(
            "RTD014", f"Dose Type is {shown_code(dose_type)}, expected {_PHYSICAL} or {_EFFECTIVE}"
        )


_SUMMATIONS = {kind.value: kind for kind in SummationType}


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
        raise Unusable("RTD001", f"Dose Units is {units or 'missing'}, expected GY")
    try:
        scaling = decimal(dataset, "DoseGridScaling")
    except DicomError as error:
        raise Unusable("RTD002", str(error)) from None
    if scaling is None or scaling <= 0:
        shown = "missing" if scaling is None else f"{scaling:g}"
        raise Unusable("RTD002", f"Dose Grid Scaling is {shown}")
    bits = integer(dataset, "BitsAllocated")
    stored = integer(dataset, "BitsStored")
    high = integer(dataset, "HighBit")
    samples = integer(dataset, "SamplesPerPixel")
    if bits not in (16, 32) or samples not in (None, 1):
        raise Unusable("RTD004", f"Bits Allocated is {bits}, expected 16 or 32")
    stored = bits if stored is None else stored
    high = stored - 1 if high is None else high
    if not 1 <= stored <= bits or high != stored - 1:
        raise Unusable(
            "RTD004", f"Bits Stored is {stored} and High Bit {high} of {bits} bits allocated"
        )
    sign = integer(dataset, "PixelRepresentation")
    if sign not in (0, 1):
        raise Unusable("RTD004", f"Pixel Representation is {sign}, expected 0 or 1")
    if transfer_syntax_uid == encoding.EXPLICIT_BE and bits > 16:
        raise Unusable(
            "RTD005",
            "32-bit values in explicit big endian are written in two ways that cannot be told "
            "apart",
        )
    count = (
        frames_of(dataset) * (integer(dataset, "Rows") or 0) * (integer(dataset, "Columns") or 0)
    )
    if count * bits // 8 > allowed().values_mib * MIB:
        raise Unusable(
            "RTD004",
            f"the grid declares {count} values of {bits} bits, more than {allowed().values_mib} "
            "MiB (--limit values_mib)",
        )
    return _Storage(scaling, bits, stored, sign == 1, count)


def _check_values(dataset: Dataset, parsed: Parsed, grid: Grid) -> None:
    """Everything about the values that can be known without decoding them."""
    storage = _storage(dataset, parsed.transfer_syntax_uid)
    if "PixelData" not in dataset:
        raise Unusable("RTD013", "the object holds no pixel data")
    if parsed.transfer_syntax_uid in _UNCOMPRESSED:
        _check_length(dataset, storage)
    else:
        needed = storage.count * storage.bits // 8
        pixels.check_compressed(dataset, parsed.transfer_syntax_uid, needed)


def _check_length(dataset: Dataset, storage: _Storage) -> RawDataElement:
    """The stored pixel data, of just the length that is needed."""
    with foreign_faults("read the pixel data of"):
        stored = cast("RawDataElement", dataset.get_item("PixelData", keep_deferred=True))
        length = stored.length if stored.value is None else len(stored.value)
    expected = storage.count * storage.bits // 8
    if length != expected:
        raise Unusable(
            "RTD004",
            f"pixel data has {length} bytes, {expected} are needed for {storage.count} values "
            f"of {storage.bits} bits",
        )
    return stored


def _values_gy(stream: BinaryIO) -> NDArray[np.float32]:
    """Values (k, j, i) in Gy of an open file, planes in ascending order.

    Uncompressed planes are read one after the other, so that the values are in memory once.
    """
    syntax = encoding.read_start(stream.read(files.HEAD_BYTES)).transfer_syntax_uid
    if syntax in _UNCOMPRESSED and syntax != encoding.DEFLATED_DATASET:
        dataset = read_open(stream)
    else:
        parsed = parse(files.read_all(stream), modality="RTDOSE")
        if parsed.problem:
            raise Unusable("FIL001", parsed.problem)
        dataset = parsed.dataset
    planes = read_planes(dataset, uid(dataset, "SOPInstanceUID") or "", [])
    storage = _storage(dataset, syntax)
    values = np.empty(planes.grid.shape, dtype=np.float32)
    plane_gy = np.empty(planes.grid.shape[1:])
    extremes = []
    stored = _stored_planes(stream, dataset, storage, syntax)
    with np.errstate(over="ignore"):  # such doses are refused below
        for target, plane in zip(np.argsort(planes.order).tolist(), stored, strict=True):
            extremes += [int(plane.min()), int(plane.max())]
            plane_gy[...] = plane.reshape(plane_gy.shape)
            plane_gy *= storage.scaling
            values[target] = plane_gy
    _check_range(min(extremes), max(extremes), storage)
    _check_highest(min(extremes), max(extremes), storage)
    return values


def _stored_planes(
    stream: BinaryIO, dataset: Dataset, storage: _Storage, transfer_syntax_uid: str | None
) -> Iterator[NDArray[np.generic]]:
    """The stored values, plane by plane, each (j * i,)."""
    frames = frames_of(dataset)
    size = storage.count // frames
    if transfer_syntax_uid not in _UNCOMPRESSED:
        yield from pixels.decode(dataset, storage.count).reshape(frames, size)
        return
    order = ">" if transfer_syntax_uid == encoding.EXPLICIT_BE else "<"
    kind = np.dtype(f"{order}{'i' if storage.is_signed else 'u'}{storage.bits // 8}")
    pixel_data = _check_length(dataset, storage)
    if transfer_syntax_uid == encoding.DEFLATED_DATASET:
        with foreign_faults("read the pixel data of"):
            pixel_data = cast("RawDataElement", dataset.get_item("PixelData"))
    if pixel_data.value is not None:
        yield from np.frombuffer(pixel_data.value, dtype=kind).reshape(frames, size)
        return
    stream.seek(pixel_data.value_tell)
    for _ in range(frames):
        plane = stream.read(size * kind.itemsize)
        if len(plane) != size * kind.itemsize:
            raise Unusable("FIL001", "the file ends within the pixel data")
        yield np.frombuffer(plane, dtype=kind)


def _check_highest(lowest: int, highest: int, storage: _Storage) -> None:
    """A Dose Grid Scaling that is far off shows in the highest dose."""
    highest_gy = float(max(abs(highest), abs(lowest))) * storage.scaling
    if highest_gy > _HIGHEST_GY:
        raise Unusable(
            "RTD019", f"the highest dose is {highest_gy:g} Gy, expected at most {_HIGHEST_GY:g} Gy"
        )


def _check_range(lowest: int, highest: int, storage: _Storage) -> None:
    """Values must fit the bits that are said to be stored."""
    most = 2 ** (storage.stored_bits - storage.is_signed) - 1
    least = -most - 1 if storage.is_signed else 0
    if highest > most or lowest < least:
        raise Unusable("RTD004", f"values do not fit {storage.stored_bits} bits stored")
