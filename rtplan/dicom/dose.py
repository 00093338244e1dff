"""RT Dose (PS3.3 C.8.8.3): its header, its planes, and its values in Gy.

The header is read for every dose found, the values only for the one that is used. What is missing
or contradicts itself makes the dose unusable with a reason; nothing is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtplan.dicom import encoding, files
from rtplan.dicom.dose_planes import Unusable, frames_of, read_planes
from rtplan.dicom.inventory import FoundDose
from rtplan.dicom.parse import (
    Parsed,
    code,
    decimal,
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
from rtplan.geometry.grid import Grid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_PIXEL_BYTES = 2 << 30
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
    except (Unusable, RtplanError) as error:
        raise DoseError(str(error)) from None
    return grid, tuple(_doubts(found, grid))


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
            "RTD014", f"Dose Type is {dose_type[:24]!r}, expected {_PHYSICAL} or {_EFFECTIVE}"
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
    if count * bits // 8 > MAX_PIXEL_BYTES:
        raise Unusable("RTD004", f"the grid declares {count} values, more than can be read")
    return _Storage(scaling, bits, stored, sign == 1, count)


def _check_values(dataset: Dataset, parsed: Parsed, grid: Grid) -> None:
    """Everything about the values that can be known without decoding them."""
    storage = _storage(dataset, parsed.transfer_syntax_uid)
    if "PixelData" not in dataset:
        raise Unusable("RTD013", "the object holds no pixel data")
    if parsed.transfer_syntax_uid in _UNCOMPRESSED:
        _native_bytes(dataset, storage)


def _native_bytes(dataset: Dataset, storage: _Storage) -> bytes:
    with foreign_faults("read the pixel data of"):
        data = bytes(dataset.get_item("PixelData").value or b"")
    expected = storage.count * storage.bits // 8
    if len(data) != expected:
        raise Unusable(
            "RTD004",
            f"pixel data has {len(data)} bytes, {expected} are needed for {storage.count} values "
            f"of {storage.bits} bits",
        )
    return data


def _values_gy(parsed: Parsed) -> NDArray[np.float32]:
    """Values (k, j, i) in Gy, planes in ascending order."""
    if parsed.problem:
        raise Unusable("FIL001", parsed.problem)
    dataset = parsed.dataset
    planes = read_planes(dataset, parsed.uid, [])
    storage = _storage(dataset, parsed.transfer_syntax_uid)
    if parsed.transfer_syntax_uid in _UNCOMPRESSED:
        order = ">" if parsed.transfer_syntax_uid == encoding.EXPLICIT_BE else "<"
        kind = f"{order}{'i' if storage.is_signed else 'u'}{storage.bits // 8}"
        stored: NDArray[np.generic] = np.frombuffer(_native_bytes(dataset, storage), dtype=kind)
    else:
        stored = _decoded(dataset, parsed.transfer_syntax_uid)
    if stored.size != storage.count:
        raise Unusable(
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
        raise Unusable("RTD004", f"values do not fit {storage.stored_bits} bits stored")


def _decoded(dataset: Dataset, transfer_syntax_uid: str | None) -> NDArray[np.generic]:
    try:
        with foreign_faults("decode"):
            return np.asarray(dataset.pixel_array)
    except DicomError as error:
        raise Unusable(
            "RTD005",
            f"pixel data of transfer syntax {transfer_syntax_uid} cannot be decoded: {error}",
        ) from None
