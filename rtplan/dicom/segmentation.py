"""Segmentations: a DICOM SEG as a structure set, its segments outlined along their voxels' edges.

Binary, fractional and label map segmentations (PS3.3 A.51, A.88) in any frame order; frames may be
left out and segments may overlap. A segment that cannot be trusted sets ``Structure.problem``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtplan.dicom.inventory import FoundStructureSet, Inventory, counted, uid_end
from rtplan.dicom.limits import allowed
from rtplan.dicom.notes import Notes
from rtplan.dicom.parse import (
    NO_PATIENT,
    Parsed,
    code,
    foreign_faults,
    integer,
    items,
    shown_code,
    text,
    uid,
)
from rtplan.dicom.seg_frames import Frames, Refused, Stack, read_frames, stack_of, stored_frames
from rtplan.errors import DicomError, GeometryError
from rtplan.findings import Finding, finding
from rtplan.geometry.contour import Code, Contour, SegmentCodes, Structure, StructureSet
from rtplan.geometry.masks import BoolArray, outlines
from rtplan.geometry.raster import IndexArray

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MODALITY = "SEG"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
OCCUPIED = 0.5
"""From this part of Maximum Fractional Value on, a voxel of a fractional segment belongs to it."""

_BITS = {"BINARY": (1,), "FRACTIONAL": (8,), "LABELMAP": (8, 16)}
_BACKGROUND = ("125040", "DCM")
_EDGES = -0.5  # a pixel reaches half a pixel to either side of its centre

Values = NDArray[np.unsignedinteger]


@dataclass(slots=True)
class _Segment:
    """What is stored about one segment."""

    number: int
    name: str
    codes: SegmentCodes
    colour: tuple[int, int, int] | None
    contours: list[Contour] = field(default_factory=list)
    planes: set[int] = field(default_factory=set)
    problem: str | None = None

    def spoil(self, reason: str) -> None:
        """Keep the first reason why this segment cannot be evaluated."""
        self.problem = self.problem or reason


def read_segmentation(parsed: Parsed) -> tuple[StructureSet, tuple[Finding, ...]]:
    """The segments of a parsed segmentation as structures, and what was noticed in it.

    Contours are CLOSED_PLANAR rings along the edges of voxels, so that they enclose just the area
    of the voxels; holes are rings within. ``Structure.slab_mm`` is the distance of the planes.

    Raises
    ------
    DicomError
        Its list of segments cannot be read at all.
    """
    dataset = parsed.dataset
    notes = Notes(parsed.uid)
    segments = _read_segments(parsed, notes)
    slab = None
    try:
        if parsed.problem:
            raise DicomError(parsed.problem)
        slab = _read_outlines(parsed, segments, notes)
    except DicomError as error:
        if not parsed.problem:
            notes.add(error.code if isinstance(error, Refused) else "SEG003", str(error))
        for segment in segments:
            segment.spoil(str(error))
    _note_segments(segments, notes)
    frame = uid(dataset, "FrameOfReferenceUID")
    structures = tuple(
        Structure(
            number=segment.number,
            name=segment.name,
            contours=() if segment.problem else tuple(segment.contours),
            colour=segment.colour,
            frame_of_reference_uid=frame,
            problem=segment.problem,
            slab_mm=slab,
            codes=segment.codes,
        )
        for segment in segments
    )
    return (
        StructureSet(
            sop_instance_uid=parsed.uid,
            label=text(dataset, "ContentLabel", parsed.text),
            structures=structures,
            frame_of_reference_uid=frame,
            referenced_series_uids=_referenced_series(dataset),
        ),
        tuple(notes.found),
    )


def without_segmentations(inventory: Inventory) -> tuple[Inventory, tuple[Finding, ...]]:
    """An inventory without the segmentations that an RT Structure Set stands for.

    Of the same frame of reference or patient, the RT Structure Set is used; each segmentation
    that is left out for it is told.
    """
    sets = inventory.structure_sets
    drawn = [item for item in sets if item.input.modality != MODALITY]
    frames = {item.structure_set.frame_of_reference_uid for item in drawn} - {None}
    patients = {item.patient for item in drawn} - {NO_PATIENT}

    def is_out(item: FoundStructureSet) -> bool:
        return item.input.modality == MODALITY and (
            item.structure_set.frame_of_reference_uid in frames or item.patient in patients
        )

    notes = tuple(
        finding(
            "SEG012",
            f"segmentation {uid_end(item.uid)} "
            f"({counted(len(item.structure_set.structures), 'segment')}) is "
            "not used, for there is an RT Structure Set; name it with --structure-set to use it",
            sop_instance_uid=item.uid,
        )
        for item in sets
        if is_out(item)
    )
    kept = tuple(item for item in sets if not is_out(item))
    return (replace(inventory, structure_sets=kept) if notes else inventory), notes


def _read_segments(parsed: Parsed, notes: Notes) -> list[_Segment]:
    """The Segment Sequence (0062,0002), without what is said to be background."""
    sequence = items(parsed.dataset, "SegmentSequence")
    if len(sequence) > allowed().rois:
        raise DicomError(
            f"it lists {len(sequence)} segments, expected at most {allowed().rois} (--limit rois)"
        )
    padding = _padding(parsed) if _is_label_map(parsed) else None
    segments = []
    for index, item in enumerate(sequence):
        number = integer(item, "SegmentNumber")
        segment = _Segment(
            # A segment without a number stays in the list: a target must not vanish from a count.
            number=-(index + 1) if number is None else number,
            name=text(item, "SegmentLabel", parsed.text),
            codes=_codes(item, parsed),
            colour=_colour(item),
        )
        if number is None:
            segment.spoil("it has no usable segment number, so its frames are not known")
            notes.add("SEG008", "a segment has no number", segment.number)
        kind = segment.codes.kind
        if _is_label_map(parsed) and (
            number == padding or (kind and (kind.value, kind.scheme) == _BACKGROUND)
        ):
            notes.add("SEG013", f"segment {number} is the background", number)
        else:
            segments.append(segment)
    for number, times in Counter(segment.number for segment in segments).items():
        if times > 1:
            notes.add("SEG008", f"{times} segments have number {number}", number)
            for segment in segments:
                if segment.number == number:
                    segment.spoil(f"segment number {number} is used {times} times")
    if not segments:
        notes.add("SEG008", "the Segment Sequence holds no segment")
    return segments


def _codes(item: Dataset, parsed: Parsed) -> SegmentCodes:
    """What a segment is, in codes; what is not stated stays empty."""

    def every(within: Dataset, keyword: str) -> tuple[Code, ...]:
        return tuple(
            Code(
                meaning=text(entry, "CodeMeaning", parsed.text),
                value=text(entry, "CodeValue", parsed.text)
                or text(entry, "LongCodeValue", parsed.text),
                scheme=text(entry, "CodingSchemeDesignator", parsed.text),
            )
            for entry in items(within, keyword)
        )

    category = every(item, "SegmentedPropertyCategoryCodeSequence")
    kind = every(item, "SegmentedPropertyTypeCodeSequence")
    kinds = items(item, "SegmentedPropertyTypeCodeSequence")
    return SegmentCodes(
        category=category[0] if category else None,
        kind=kind[0] if kind else None,
        modifiers=every(kinds[0], "SegmentedPropertyTypeModifierCodeSequence") if kinds else (),
        regions=every(item, "AnatomicRegionSequence"),
        algorithm=code(item, "SegmentAlgorithmType"),
    )


def _colour(item: Dataset) -> tuple[int, int, int] | None:
    """Recommended Display CIELab Value (0062,000D) as RGB; None where it is absent or no colour."""
    from highdicom.color import CIELabColor

    try:
        with foreign_faults("read the colour of"):
            stored = [int(part) for part in item.get("RecommendedDisplayCIELabValue") or ()]
            return CIELabColor.from_dicom_value(stored).to_rgb(clip=True) if stored else None
    except DicomError:  # it only decorates
        return None


def _read_outlines(parsed: Parsed, segments: Sequence[_Segment], notes: Notes) -> float | None:
    """Give the segments the outlines of their voxels; the distance of the planes.

    Raises
    ------
    DicomError
        As ``read_frames``, ``stack_of`` and ``stored_frames``; or the type of the segmentation is
        none of the standard's.
    """
    kind = "LABELMAP" if _is_label_map(parsed) else code(parsed.dataset, "SegmentationType")
    if kind not in _BITS:
        raise Refused("SEG003", f"Segmentation Type is {shown_code(kind)}")
    frames = read_frames(parsed, _BITS[kind])
    stack = stack_of(frames, notes.found)
    points = 0
    for segment, frame, mask in _masks(kind, frames, stack, segments, notes):
        try:
            rings = outlines(mask)
        except GeometryError as error:
            notes.add("SEG003", str(error), segment.number)
            segment.spoil(str(error))
            continue
        segment.contours += _contours(rings, stack, frame)
        points += sum(map(len, rings))
        if points > allowed().outline_points:
            raise Refused(
                "SEG003",
                f"its outlines have more than {allowed().outline_points} corners "
                "(--limit outline_points)",
            )
    return stack.slab_mm


def _contours(rings: Sequence[IndexArray], stack: Stack, frame: int) -> list[Contour]:
    """Rings (n, 2) of corners of a frame's pixel lattice as contours, mm, patient LPS."""
    if not rings:
        return []
    lattice = np.concatenate(rings) + _EDGES
    points = stack.first_mm[frame] + lattice @ np.stack([stack.to_right_mm, stack.to_below_mm])
    ends = np.cumsum([len(ring) for ring in rings])[:-1]
    return [Contour(part) for part in np.split(points, ends)]


def _masks(
    kind: str, frames: Frames, stack: Stack, segments: Sequence[_Segment], notes: Notes
) -> Iterator[tuple[_Segment, int, BoolArray]]:
    """The pixels of each segment on each frame that has any of it."""
    usable = {item.number: item for item in segments if item.problem is None}
    if kind == "LABELMAP":
        yield from _labelled(frames, stack, usable, notes)
        return
    belongs = _fraction(frames, notes) if kind == "FRACTIONAL" else _is_set
    owner = _owners(frames, stack, usable, {item.number for item in segments}, notes)
    for index, values in stored_frames(frames, [item is not None for item in owner]):
        segment = owner[index]
        assert segment is not None
        yield segment, index, belongs(values)


def _owners(
    frames: Frames, stack: Stack, usable: dict[int, _Segment], listed: set[int], notes: Notes
) -> list[_Segment | None]:
    """The segment of each frame; None where it has none that can be used."""
    owner: list[_Segment | None] = []
    lost: Counter[int | None] = Counter()
    for number, plane in zip(frames.segments(), stack.plane.tolist(), strict=True):
        segment = None if number is None else usable.get(number)
        owner.append(segment)
        lost[number] += number not in listed
        if segment is not None:
            if plane in segment.planes:
                text = "several of its frames lie on one plane (phases or tiles)"
                if segment.problem is None:
                    notes.add("SEG007", text, segment.number)
                segment.spoil(text)
            segment.planes.add(plane)
    if nameless := lost.pop(None, 0):
        raise Refused("SEG003", f"{nameless} frames name no segment")
    if absent := sorted(number for number, times in lost.items() if times and number is not None):
        notes.add("SEG009", f"frames refer to absent segment numbers {absent}")
    return [item if item is not None and item.problem is None else None for item in owner]


def _labelled(
    frames: Frames, stack: Stack, usable: dict[int, _Segment], notes: Notes
) -> Iterator[tuple[_Segment, int, BoolArray]]:
    """The pixels of each label of a label map: their values are segment numbers."""
    if len(np.unique(stack.plane)) < len(frames):
        raise Refused("SEG007", "several frames of the label map lie on one plane")
    known = {0, _padding(frames.parsed)}
    known |= {
        integer(item, "SegmentNumber") for item in items(frames.parsed.dataset, "SegmentSequence")
    }
    strange: Counter[int] = Counter()
    for index, values in stored_frames(frames, [True] * len(frames)):
        count = np.bincount(values.ravel())
        for number in np.flatnonzero(count).tolist():
            if number in usable:
                yield usable[number], index, values == number
            elif number not in known:
                strange[number] += int(count[number])
    if strange:
        text = f"{strange.total()} voxels have values of no segment: {sorted(strange)[:5]}"
        notes.add("SEG009", text)


def _padding(parsed: Parsed) -> int | None:
    """Pixel Padding Value (0028,0120): the value of what is no segment; None where not stated."""
    with foreign_faults("read Pixel Padding Value of"):
        value = parsed.dataset.get("PixelPaddingValue")
    return value if isinstance(value, int) else None


def _is_set(values: Values) -> BoolArray:
    return np.asarray(values != 0)


def _fraction(frames: Frames, notes: Notes) -> Callable[[Values], BoolArray]:
    """Which values of a fractional segmentation belong to a segment."""
    dataset = frames.parsed.dataset
    highest = integer(dataset, "MaximumFractionalValue")
    if not highest or highest < 0:
        raise Refused("SEG003", "a fractional segmentation states no Maximum Fractional Value")
    least = int(np.ceil(OCCUPIED * highest))
    meaning = code(dataset, "SegmentationFractionalType").lower() or "fraction"
    notes.add(
        "SEG005",
        f"voxels whose {meaning} is at least {OCCUPIED:g} were taken: values from {least} on, of "
        f"{highest}",
    )
    return lambda values: np.asarray(values >= least)


def _is_label_map(parsed: Parsed) -> bool:
    return parsed.sop_class_uid == LABEL_MAP


def _note_segments(segments: Sequence[_Segment], notes: Notes) -> None:
    """Segments without voxels or names, and names that several have."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for segment in segments:
        numbers[segment.name].append(segment.number)
        if not segment.contours and segment.problem is None:
            notes.add("SEG006", "the segment has no voxel", segment.number)
        if not segment.name:
            notes.add("RTS016", "the segment has no label", segment.number)
    for name, same in sorted(numbers.items()):
        if name and len(same) > 1:
            notes.add("RTS015", f'"{name}" is the label of segment numbers {same}')


def _referenced_series(dataset: Dataset) -> tuple[str, ...]:
    """Series that the segments were drawn on, in stored order."""
    found = (uid(item, "SeriesInstanceUID") for item in items(dataset, "ReferencedSeriesSequence"))
    return tuple(dict.fromkeys(item for item in found if item))
