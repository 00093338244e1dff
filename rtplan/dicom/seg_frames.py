"""The frames of a segmentation: where each lies in the patient, and the values it stores.

PS3.3 C.7.6.16 (functional groups) and C.8.20.2. Frames may be stored in any order and left out
where nothing is segmented. Everything that can be known without decoding is checked first, and
pixel data is decoded a frame at a time.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtplan.dicom import encoding
from rtplan.dicom.dose_planes import plane_directions
from rtplan.dicom.limits import allowed
from rtplan.dicom.parse import (
    Parsed,
    decimals,
    foreign_faults,
    integer,
    items,
    raw_value,
    with_commas,
)
from rtplan.dicom.pixels import RLE, syntax_name
from rtplan.errors import DicomError
from rtplan.findings import Finding, finding
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import IndexArray

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


_DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
_EXPLICIT_LE = "1.2.840.10008.1.2.1"
_NATIVE = (
    None,
    encoding.IMPLICIT_LE,
    _EXPLICIT_LE,
    encoding.EXPLICIT_BE,
    encoding.DEFLATED_DATASET,
)
_SIZE_MARKERS = {
    # Start of frame of JPEG-LS, and size of JPEG 2000: where rows and columns follow it.
    "1.2.840.10008.1.2.4.80": (b"\xff\xf7", 5, 2),
    "1.2.840.10008.1.2.4.90": (b"\xff\x51", 6, 4),
}
_MARKER_BYTES = 1 << 12
_SAME_MM = 1e-3
_NEAREST_MM = 0.001
_WIDEST_MM = 1_000.0
_FARTHEST_MM = 100_000.0
_ROUNDED_MM = 0.1
"""Positions are stored with one decimal or more."""
_AGREE = 0.01
"""Distances of planes that differ by less than this part say the same."""
_OFF = 0.2
"""Planes may lie off an even stack by this part of its spacing: stored positions are rounded."""


class Refused(DicomError):
    """The segmentation, or a part of it, cannot be used: the code of the finding, and why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Frames (n) as planes of a stack.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    to_right_mm, to_below_mm : (3,) float
        From a pixel to the next of its row, and to the next of its column, mm, patient LPS.
    first_mm : (n, 3) float
        Centre of the first pixel of each frame, mm, patient LPS.
    plane : (n,) int
        Which plane each frame lies on, from 0; planes without frame are counted.
    slab_mm : float or None
        Distance of neighbouring planes; None where nothing tells it.
    """

    shape: tuple[int, int]
    to_right_mm: FloatArray
    to_below_mm: FloatArray
    first_mm: FloatArray
    plane: IndexArray
    slab_mm: float | None


_PLACES = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SpacingBetweenSlices", "SliceThickness"),
}
"""Functional groups that give frames a place, with their numbers."""


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of a segmentation as its header describes them, checked against the bytes."""

    parsed: Parsed
    shape: tuple[int, int]
    bits: int
    groups: tuple[Dataset, ...]
    shared: Dataset | None

    def __len__(self) -> int:
        return len(self.groups)

    def each(self, group: str, keyword: str, count: int) -> list[tuple[float, ...] | None]:
        """Numbers of a functional group for each frame; None where it has none."""
        common = _in_group(self.shared, group, keyword, count)
        return [_in_group(item, group, keyword, count) or common for item in self.groups]

    def commas(self) -> list[str]:
        """Those numbers of functional groups that are written with a decimal comma."""
        found: set[str] = set()
        for item in (self.shared, *self.groups):
            for group, keywords in _PLACES.items():
                named = items(item, group) if item is not None else []
                found.update(with_commas(named[0], keywords) if named else ())
        return sorted(found)

    def segments(self) -> list[int | None]:
        """Referenced Segment Number of each frame; None where it names none."""
        found = []
        for item in (self.shared, *self.groups):
            named = items(item, "SegmentIdentificationSequence") if item is not None else []
            found.append(integer(named[0], "ReferencedSegmentNumber") if named else None)
        return [found[0] if number is None else number for number in found[1:]]


def read_frames(parsed: Parsed, bits_allowed: Collection[int]) -> Frames:
    """The frames of a parsed segmentation; nothing is decoded.

    Raises
    ------
    Refused
        Rows, columns, bits and number of frames contradict the pixel data or the functional
        groups, are more than is read here, or the pixel data is in a form that cannot be read.
    """
    dataset = parsed.dataset
    rows, columns = integer(dataset, "Rows") or 0, integer(dataset, "Columns") or 0
    count = integer(dataset, "NumberOfFrames")
    count = 1 if count is None else count
    bits = integer(dataset, "BitsAllocated") or 0
    if min(rows, columns, count) < 1:
        raise Refused("SEG003", f"it declares {count} frames of {rows} x {columns} pixels")
    most = allowed()
    if rows * columns > most.frame_pixels or rows * columns * count > most.segmentation_pixels:
        raise Refused(
            "SEG003",
            f"it declares {count} frames of {rows} x {columns} pixels, expected at most "
            f"{most.frame_pixels} pixels in a frame and {most.segmentation_pixels} in all "
            "(--limit frame_pixels, segmentation_pixels)",
        )
    samples = integer(dataset, "SamplesPerPixel")
    if (
        bits not in bits_allowed
        or integer(dataset, "PixelRepresentation")
        or samples not in (1, None)
    ):
        raise Refused(
            "SEG003",
            f"its pixels have {bits} bits and {samples} samples, expected unsigned values of "
            f"{' or '.join(map(str, bits_allowed))} bits and 1 sample",
        )
    groups = items(dataset, "PerFrameFunctionalGroupsSequence")
    if len(groups) != count:
        raise Refused("SEG003", f"it has {count} frames and describes {len(groups)}")
    _check_pixels(parsed, rows * columns * count * bits)
    shared = items(dataset, "SharedFunctionalGroupsSequence")
    return Frames(parsed, (rows, columns), bits, tuple(groups), shared[0] if shared else None)


def _check_pixels(parsed: Parsed, needed_bits: int) -> None:
    """Whether the pixel data can be read, and is as long as is promised."""
    syntax = parsed.transfer_syntax_uid
    if syntax not in (*_NATIVE, RLE, _DEFLATED_FRAMES, *_SIZE_MARKERS):
        raise Refused("SEG004", f"pixel data is stored as {syntax_name(syntax)}")
    length = len(raw_value(parsed.dataset, "PixelData"))
    if not length:
        raise Refused("SEG003", "it holds no pixel data")
    if syntax in _NATIVE and length * 8 < needed_bits:
        raise Refused(
            "SEG003", f"pixel data has {length} bytes, {-(-needed_bits // 8)} are promised"
        )


def stack_of(frames: Frames, notes: list[Finding]) -> Stack:
    """Where the frames lie; what is doubtful is added to ``notes``.

    Raises
    ------
    Refused
        Frames have no place in the patient, or form no stack of even, parallel planes.
    DicomError
        A position cannot be read.
    """
    first = _needed(frames, "PlanePositionSequence", "ImagePositionPatient", 3)
    orientation = _needed(frames, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    spacing = _needed(frames, "PixelMeasuresSequence", "PixelSpacing", 2)
    if np.ptp(orientation, axis=0).max() > 1e-4 or np.ptp(spacing, axis=0).max() > 1e-6:
        raise Refused("SEG002", "its frames differ in orientation or pixel spacing")
    if spacing.min() < _NEAREST_MM or spacing.max() > _WIDEST_MM:
        raise Refused("SEG001", f"Pixel Spacing is {spacing[0, 0]:g}, {spacing[0, 1]:g} mm")
    if np.abs(first).max() > _FARTHEST_MM:
        raise Refused("SEG001", f"a frame lies {np.abs(first).max():g} mm from the origin")
    if commas := frames.commas():
        text = f"decimal commas in {', '.join(commas)}"
        notes.append(finding("FIL014", text, sop_instance_uid=frames.parsed.uid))
    directions = plane_directions(tuple(orientation[0].tolist()))
    plane, slab = _planes(frames, first, orientation[0], directions[:, 2], notes)
    return Stack(
        shape=frames.shape,
        to_right_mm=directions[:, 0] * spacing[0, 1],
        to_below_mm=directions[:, 1] * spacing[0, 0],
        first_mm=first,
        plane=plane,
        slab_mm=slab,
    )


def _planes(
    frames: Frames,
    first_mm: FloatArray,
    orientation: FloatArray,
    normal: FloatArray,
    notes: list[Finding],
) -> tuple[IndexArray, float | None]:
    """Which plane each frame lies on, and the distance of neighbouring planes."""
    stated, thickness = (_common(frames, key) for key in ("SpacingBetweenSlices", "SliceThickness"))
    gaps = np.diff(np.sort(first_mm @ normal))
    gaps = gaps[gaps > _SAME_MM]

    def note(text: str, code: str = "SEG010") -> None:
        notes.append(finding(code, text, sop_instance_uid=frames.parsed.uid))

    if not gaps.size:
        if stated is None:
            known = f"Slice Thickness, {thickness:g} mm" if thickness else "nothing"
            note(f"its frames lie on one plane; {known} tells how thick it is", "SEG011")
        return np.zeros(len(first_mm), dtype=np.intp), stated or thickness
    nearest = float(gaps.min())
    spacing = _agreeing(gaps, stated)
    plane = None if spacing is None else _even(first_mm, orientation, spacing)
    if spacing is None or plane is None:
        spacing = float(gaps.sum() / np.round(gaps / nearest).sum())
        plane = _even(first_mm, orientation, spacing)
        if plane is None:
            raise Refused(
                "SEG002",
                f"its planes form no even stack: distances are {nearest:g} to {gaps.max():g} mm",
            )
        if stated is not None:
            note(f"Spacing Between Slices is {stated:g} mm, but planes lie {nearest:g} mm apart")
        elif thickness and nearest > thickness + _ROUNDED_MM:
            note(f"planes lie {nearest:g} mm apart, and Slice Thickness is {thickness:g} mm")
    if nearest > 1.5 * spacing:
        note(f"no two planes are neighbours: {nearest:g} mm apart, {spacing:g} mm is stated")
    return plane, spacing


def _agreeing(gaps: FloatArray, stated: float | None) -> float | None:
    """The distance of neighbours that ``stated`` stands for: itself, or the mean if it is rounded.

    None where it is not stated, or not what the planes have.
    """
    if stated is None:
        return None
    total, steps = float(gaps.sum()), float(np.maximum(np.round(gaps / stated), 1.0).sum())
    if abs(total - steps * stated) <= _ROUNDED_MM:
        return stated
    return total / steps if math.isclose(total, steps * stated, rel_tol=_AGREE) else None


def _even(first_mm: FloatArray, orientation: FloatArray, spacing: float) -> IndexArray | None:
    """The plane of each frame in a stack of even spacing; None where they form none."""
    from highdicom.spatial import get_volume_positions

    positions = np.round(first_mm, 3)
    with foreign_faults("place the frames of"):
        _, plane = get_volume_positions(
            positions.tolist(),
            orientation.tolist(),
            rtol=_OFF,
            allow_missing_positions=True,
            allow_duplicate_positions=True,
            spacing_hint=spacing,
        )
    if plane is None or len(set(plane)) < len(np.unique(positions, axis=0)):
        return None
    return np.asarray(plane, dtype=np.intp)


def _needed(frames: Frames, group: str, keyword: str, count: int) -> FloatArray:
    """Numbers of a functional group that every frame needs, (n, count)."""
    values = frames.each(group, keyword, count)
    if any(value is None for value in values):
        raise Refused("SEG001", f"{keyword} is missing")
    return np.array(values, dtype=float)


def _common(frames: Frames, keyword: str) -> float | None:
    """A length of the Pixel Measures that is the same for all frames, mm; None if it is not."""
    values = set(frames.each("PixelMeasuresSequence", keyword, 1))
    value = values.pop() if len(values) == 1 else None
    length = abs(value[0]) if value is not None else 0.0
    return length if _NEAREST_MM <= length <= _WIDEST_MM else None


def _in_group(
    item: Dataset | None, group: str, keyword: str, count: int
) -> tuple[float, ...] | None:
    sequence = items(item, group) if item is not None else []
    return decimals(sequence[0], keyword, count) if sequence else None


def stored_frames(
    frames: Frames, wanted: Sequence[bool]
) -> Iterator[tuple[int, NDArray[np.unsignedinteger]]]:
    """Index and stored values (rows, columns) of the frames that are wanted, in stored order.

    Raises
    ------
    Refused
        A frame cannot be decoded, or holds another number of pixels than is promised.
    """
    for index, data in enumerate(_stored_bytes(frames)):
        if wanted[index]:
            yield index, _decoded(frames, index, data)


def _stored_bytes(frames: Frames) -> Iterator[bytes]:
    """The stored bytes of each frame."""
    from pydicom.encaps import generate_frames

    parsed, count = frames.parsed, len(frames)
    data = raw_value(parsed.dataset, "PixelData")
    if parsed.transfer_syntax_uid in _NATIVE:
        if parsed.transfer_syntax_uid == encoding.EXPLICIT_BE and _is_words(parsed.dataset):
            data = np.frombuffer(data[: len(data) // 2 * 2], dtype=">u2").astype("<u2").tobytes()
        bits = frames.shape[0] * frames.shape[1] * frames.bits
        for index in range(count):
            yield data[index * bits // 8 : -(-(index + 1) * bits // 8)]
        return
    found = 0
    with foreign_faults("read the pixel data of"):
        for frame in generate_frames(data, number_of_frames=count):
            found += 1
            yield frame
    if found != count:
        raise Refused("SEG003", f"pixel data holds {found} frames, {count} are promised")


def _is_words(dataset: Dataset) -> bool:
    with foreign_faults("read the pixel data of"):
        return bool(dataset["PixelData"].VR == "OW")


def _decoded(frames: Frames, index: int, data: bytes) -> NDArray[np.unsignedinteger]:
    """The values of one frame."""
    syntax = frames.parsed.transfer_syntax_uid
    try:
        if frames.bits == 1 and syntax == RLE:
            return _bits(_decode(data, RLE, _packed_shape(frames.shape), 8).ravel(), frames.shape)
        if syntax == _DEFLATED_FRAMES:
            data = _inflated(data, frames)
            if frames.bits == 1:
                return _bits(np.frombuffer(data, dtype=np.uint8), frames.shape)
        _check_marker(syntax, data, frames.shape)
        native = syntax in _NATIVE or syntax == _DEFLATED_FRAMES
        plain = _EXPLICIT_LE if native or syntax is None else syntax
        return _decode(data, plain, frames.shape, frames.bits, index)
    except Refused:
        raise
    except DicomError as error:
        text = f"{syntax_name(syntax or _EXPLICIT_LE)} pixel data cannot be decoded: {error}"
        raise Refused("SEG004", text) from None


def _decode(
    data: bytes, syntax: str, shape: tuple[int, int], bits: int, index: int = 0
) -> NDArray[np.unsignedinteger]:
    from highdicom.frame import decode_frame

    with foreign_faults("decode"):
        values = decode_frame(
            data,
            transfer_syntax_uid=syntax,
            rows=shape[0],
            columns=shape[1],
            samples_per_pixel=1,
            bits_allocated=bits,
            bits_stored=bits,
            photometric_interpretation="MONOCHROME2",
            pixel_representation=0,
            index=index,
        )
    if values.shape != shape:
        raise Refused("SEG003", f"a frame has {values.shape} pixels, expected {shape}")
    return np.asarray(values)


def _packed_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the bytes that hold the bits of a frame; decoders know no bits in RLE."""
    rows, columns = shape
    if columns % 8 == 0:
        return rows, columns // 8
    packed = 1, -(-rows * columns // 8)
    if packed[1] > np.iinfo(np.uint16).max:
        raise Refused("SEG004", f"pixel data is RLE of single bits, {rows} x {columns} of them")
    return packed


def _bits(data: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The bits of bytes, the lowest first, as an image (PS3.5 8.2.5)."""
    count = shape[0] * shape[1]
    bits = np.unpackbits(data, count=count, bitorder="little")
    return np.asarray(bits.reshape(shape))


def _inflated(data: bytes, frames: Frames) -> bytes:
    """A deflated frame (PS3.5 8.2.16), of just the length that is promised."""
    expected = -(-frames.shape[0] * frames.shape[1] * frames.bits // 8)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(data, expected + 2)
    except zlib.error:
        raise Refused("SEG004", "a deflated frame is damaged") from None
    if not expected <= len(plain) <= expected + 1:
        raise Refused("SEG003", f"a frame inflates to {len(plain)} bytes, expected {expected}")
    return plain[:expected]


def _check_marker(syntax: str | None, data: bytes, shape: tuple[int, int]) -> None:
    """Whether a codestream has the size that is promised, before a decoder makes room for it."""
    if syntax not in _SIZE_MARKERS:
        return
    marker, skip, width = _SIZE_MARKERS[syntax]
    start = data.find(marker, 0, _MARKER_BYTES)
    sizes = data[start + skip : start + skip + 2 * width]
    found = [int.from_bytes(part, "big") for part in (sizes[:width], sizes[width:])]
    if syntax.endswith("90"):
        found.reverse()  # JPEG 2000 gives the columns first
    if start < 0 or tuple(found) != shape:
        raise Refused("SEG003", f"a codestream has {found} pixels, expected {list(shape)}")
