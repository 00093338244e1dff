"""An RT Structure Set (PS3.3 A.19, C.8.8.5, C.8.8.6, C.8.8.8) as structures with contours.

ROI, ROI contour and observation are joined by ROI number, never by their place in a list.
Coordinates of all contours are parsed in one pass over their stored bytes. A contour that cannot
be trusted sets ``Structure.problem``: that structure is not evaluated, the others are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rtplan.dicom.limits import allowed
from rtplan.dicom.notes import Notes
from rtplan.dicom.numbers import Decimals, parse_many
from rtplan.dicom.parse import (
    Parsed,
    code,
    decimals,
    foreign_faults,
    integer,
    items,
    raw_value,
    shown_code,
    text,
    uid,
)
from rtplan.errors import DicomError
from rtplan.findings import Finding
from rtplan.geometry.contour import Contour, GeometricType, Structure, StructureSet

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SHORTEST_RING = 3
_DECIMAL_CHARACTERS = 16
_FARTHEST_MM = 100_000.0
_KINDS = {kind.value: kind for kind in GeometricType}


@dataclass(slots=True)
class _RawContour:
    """One item of a Contour Sequence, coordinates not yet parsed."""

    path: str
    data: bytes
    kind: GeometricType | None
    kind_text: str
    declared_points: int | None
    problem: str | None = None


@dataclass(slots=True)
class _Roi:
    """What is stored about one ROI, gathered from the three sequences."""

    number: int
    name: str
    frame_of_reference_uid: str | None
    roi_type: str = ""
    colour: tuple[int, int, int] | None = None
    raw: list[_RawContour] = field(default_factory=list)
    contours: list[Contour] = field(default_factory=list)
    problem: str | None = None

    def spoil(self, reason: str) -> None:
        """Keep the first reason why this structure cannot be evaluated."""
        self.problem = self.problem or reason


def read_structure_set(parsed: Parsed) -> tuple[StructureSet, tuple[Finding, ...]]:
    """The structure set of a parsed RT Structure Set, and what was noticed in it.

    Raises
    ------
    DicomError
        Its ROI list cannot be read at all.
    """
    dataset = parsed.dataset
    notes = Notes(parsed.uid)
    rois = _read_rois(parsed, notes)
    by_number: dict[int, list[_Roi]] = defaultdict(list)
    for roi in rois:
        by_number[roi.number].append(roi)
    for number, same in by_number.items():
        if len(same) > 1:
            notes.add("RTS004", f"{len(same)} ROIs have number {number}", number)
            for roi in same:
                roi.spoil(f"ROI number {number} is used {len(same)} times in the structure set")
    _read_roi_contours(dataset, by_number, notes)
    _read_observations(dataset, by_number, notes)
    _parse_contours(rois, notes)
    for roi in rois:
        if parsed.problem:
            roi.spoil(parsed.problem)
        _note_roi(roi, notes)
    _note_names(rois, notes)
    structures = tuple(
        Structure(
            number=roi.number,
            name=roi.name,
            roi_type=roi.roi_type,
            contours=tuple(roi.contours),
            colour=roi.colour,
            frame_of_reference_uid=roi.frame_of_reference_uid,
            problem=roi.problem,
        )
        for roi in rois
    )
    return (
        StructureSet(
            sop_instance_uid=parsed.uid,
            label=text(dataset, "StructureSetLabel", parsed.text),
            structures=structures,
            frame_of_reference_uid=_frame_of_reference(dataset, rois),
            referenced_series_uids=_referenced_series(dataset),
        ),
        tuple(notes.found),
    )


def _read_rois(parsed: Parsed, notes: Notes) -> list[_Roi]:
    """The Structure Set ROI Sequence (3006,0020)."""
    rois = []
    sequence = items(parsed.dataset, "StructureSetROISequence")
    if len(sequence) > allowed().rois:
        raise DicomError(
            f"it lists {len(sequence)} ROIs, expected at most {allowed().rois} (--limit rois)"
        )
    for index, item in enumerate(sequence):
        path = f"StructureSetROISequence[{index}]"
        number = _number(item, "ROINumber", path, notes)
        roi = _Roi(
            # An ROI without a number stays in the list: a target must not vanish from a count.
            number=-(index + 1) if number is None else number,
            name=text(item, "ROIName", parsed.text),
            frame_of_reference_uid=uid(item, "ReferencedFrameOfReferenceUID"),
        )
        if number is None:
            roi.spoil("it has no usable ROI number, so its contours are not known")
        rois.append(roi)
    if not rois:
        notes.add("RTS014", "the Structure Set ROI Sequence holds no ROI")
    return rois


def _read_roi_contours(dataset: Dataset, by_number: dict[int, list[_Roi]], notes: Notes) -> None:
    """The ROI Contour Sequence (3006,0039), joined to the ROIs by number."""
    sequence = items(dataset, "ROIContourSequence")
    if not sequence:
        notes.add("RTS014", "the structure set has no ROI Contour Sequence, so no contour")
    seen: Counter[int] = Counter()
    for index, item in enumerate(sequence):
        path = f"ROIContourSequence[{index}]"
        number = _number(item, "ReferencedROINumber", path, notes)
        if number is None:
            continue
        seen[number] += 1
        targets = by_number.get(number, [])
        if not targets:
            notes.add("RTS007", f"contours refer to absent ROI number {number}", path=path)
            continue
        for roi in targets:
            if seen[number] > 1:
                roi.spoil(f"the contours of ROI number {number} are stored more than once")
                continue
            try:
                roi.colour = _colour(item)
                roi.raw = _raw_contours(item, path)
            except DicomError as error:
                roi.spoil(f"its contours cannot be read: {error}")
                notes.add("RTS002", str(error), number, path)
    for number, count in seen.items():
        if count > 1:
            notes.add("RTS013", f"{count} ROI Contour items refer to ROI {number}", number)


def _raw_contours(item: Dataset, path: str) -> list[_RawContour]:
    found, most = [], allowed().contour_points
    for index, contour in enumerate(items(item, "ContourSequence")):
        kind_text = code(contour, "ContourGeometricType")
        kind = _KINDS.get(kind_text)
        raw = _RawContour(
            path=f"{path}.ContourSequence[{index}]",
            data=raw_value(contour, "ContourData"),
            kind=kind,
            kind_text=kind_text,
            declared_points=None,
        )
        if raw.data.count(b"\\") >= 3 * most:
            raw.data = b""
            raw.problem = f"Contour Data holds more than {most} points (--limit contour_points)"
        try:
            raw.declared_points = integer(contour, "NumberOfContourPoints")
        except DicomError as error:
            raw.problem = str(error)
        found.append(raw)
    return found


def _read_observations(dataset: Dataset, by_number: dict[int, list[_Roi]], notes: Notes) -> None:
    """The RT ROI Observations Sequence (3006,0080): the interpreted type of each ROI."""
    types: dict[int, set[str]] = defaultdict(set)
    orphans: list[int] = []
    sequence = items(dataset, "RTROIObservationsSequence")
    if not sequence and by_number:
        notes.add("RTS020", "the structure set has no RT ROI Observations, so no ROI has a type")
    for index, item in enumerate(sequence):
        number = _number(item, "ReferencedROINumber", f"RTROIObservationsSequence[{index}]", notes)
        if number is None:
            continue
        if number in by_number:
            types[number].add(code(item, "RTROIInterpretedType"))
        else:
            orphans.append(number)
    if orphans:
        notes.add("RTS012", f"observations refer to absent ROI numbers {sorted(set(orphans))}")
    for number, same in by_number.items():
        stated = types.get(number, set()) - {""}
        if len(stated) > 1:
            notes.add("RTS017", f"its observations say {', '.join(sorted(stated))}", number)
        elif stated:
            for roi in same:
                roi.roi_type = next(iter(stated))


def _parse_contours(rois: Sequence[_Roi], notes: Notes) -> None:
    """All coordinates of all ROIs in one pass, then each contour on its own."""
    flat = [raw for roi in rois for raw in roi.raw]
    longest = _longest(raw.data for raw in flat)
    if longest > _DECIMAL_CHARACTERS:
        notes.add("RTS021", f"coordinates of up to {longest} characters")
    parsed = iter(parse_many([raw.data for raw in flat]))
    for roi in rois:
        tally: Counter[str] = Counter()
        for raw in roi.raw:
            _add_contour(roi, raw, next(parsed), tally, notes)
        for mark, (finding_code, words) in _TALLIED.items():
            if tally[mark]:
                notes.add(finding_code, f"{tally[mark]} {words}", roi.number)


_TALLIED = {
    "comma": ("RTS005", "contours with a comma as decimal separator, read as points"),
    "separator": ("RTS006", "contours end in a separator that was dropped"),
    "undeclared": ("RTS018", "contours do not state their number of points"),
    "repeated": ("RTS010", "closed contours repeat their first point at the end; dropped"),
    "thin": ("RTS008", f"closed contours have fewer than {_SHORTEST_RING} points"),
    "empty": ("RTS009", "contours hold no coordinates"),
}


def _longest(fields: Iterable[bytes]) -> int:
    """Characters of the longest coordinate."""
    joined = b"\\".join([b"", *(field.strip(b" \0") for field in fields), b""])
    ends = np.flatnonzero(np.frombuffer(joined, dtype=np.uint8) == ord("\\"))
    return int(np.diff(ends).max(initial=1)) - 1


def _add_contour(
    roi: _Roi, raw: _RawContour, numbers: Decimals, tally: Counter[str], notes: Notes
) -> None:
    problem = _contour_problem(raw, numbers)
    if problem is not None:
        finding_code, reason = problem
        notes.add(finding_code, reason, roi.number, raw.path)
        roi.spoil(f"a contour cannot be used: {reason}")
        return
    tally["comma"] += numbers.decimal_commas
    tally["separator"] += numbers.trailing_separator
    if numbers.values.size == 0:
        tally["empty"] += 1
        return
    tally["undeclared"] += raw.declared_points is None
    points = numbers.values.reshape(-1, 3)
    assert raw.kind is not None
    if raw.kind.is_closed and len(points) > 1 and (points[0] == points[-1]).all():
        points = points[:-1]
        tally["repeated"] += 1
    tally["thin"] += raw.kind.is_closed and len(points) < _SHORTEST_RING
    roi.contours.append(Contour(points.copy(), raw.kind))


def _contour_problem(raw: _RawContour, numbers: Decimals) -> tuple[str, str] | None:
    """Finding code and reason why a contour cannot be used, or None."""
    if raw.problem:
        return "RTS003", raw.problem
    if numbers.problem:
        return "RTS002", f"Contour Data: {numbers.problem}"
    size = numbers.values.size
    farthest = float(np.abs(numbers.values).max(initial=0.0))
    if farthest > _FARTHEST_MM:
        return (
            "RTS002",
            f"Contour Data holds a coordinate of size {farthest:g} mm, expected at most "
            f"{_FARTHEST_MM:g} mm",
        )
    if size % 3:
        return "RTS003", f"Contour Data holds {size} numbers, which is not a multiple of 3"
    if raw.declared_points is not None and raw.declared_points != size // 3:
        return (
            "RTS003",
            f"Number of Contour Points is {raw.declared_points}, "
            f"Contour Data holds {size // 3} points",
        )
    if raw.kind is None and size:
        return "RTS011", f"Contour Geometric Type is {shown_code(raw.kind_text)}"
    return None


def _note_roi(roi: _Roi, notes: Notes) -> None:
    if not roi.contours and roi.problem is None:
        notes.add("RTS001", "the ROI has no contours", roi.number)
    if not roi.name:
        notes.add("RTS016", "the ROI has no name", roi.number)


def _note_names(rois: Sequence[_Roi], notes: Notes) -> None:
    count = Counter(roi.name for roi in rois if roi.name)
    for name, times in sorted(count.items()):
        if times > 1:
            numbers = [roi.number for roi in rois if roi.name == name]
            notes.add("RTS015", f'"{name}" is the name of ROI numbers {numbers}')


def _number(item: Dataset, keyword: str, path: str, notes: Notes) -> int | None:
    """An ROI number; None with a finding where it is missing or no number."""
    try:
        number = integer(item, keyword)
        reason = f"{keyword} is missing"
    except DicomError as error:
        number, reason = None, str(error)
    if number is None:
        notes.add("RTS019", reason, path=f"{path}.{keyword}")
    return number


def _colour(item: Dataset) -> tuple[int, int, int] | None:
    """ROI Display Color (3006,002A); None where it is absent or no colour."""
    values = _tolerant(lambda: decimals(item, "ROIDisplayColor", 3))
    if values is None or not all(0 <= value <= 255 for value in values):
        return None
    red, green, blue = (round(value) for value in values)
    return red, green, blue


def _tolerant(
    read: Callable[[], tuple[float, ...] | None],
) -> tuple[float, ...] | None:
    """A value that only decorates: None where it cannot be read."""
    try:
        return read()
    except DicomError:
        return None


def _frame_of_reference(dataset: Dataset, rois: Sequence[_Roi]) -> str | None:
    """The frame of reference that most ROIs name, else the object's own."""
    count = Counter(roi.frame_of_reference_uid for roi in rois if roi.frame_of_reference_uid)
    if count:
        return min(count, key=lambda value: (-count[value], value))
    for item in items(dataset, "ReferencedFrameOfReferenceSequence"):
        found = uid(item, "FrameOfReferenceUID")
        if found:
            return found
    return uid(dataset, "FrameOfReferenceUID")


def _referenced_series(dataset: Dataset) -> tuple[str, ...]:
    """Series that the contours were drawn on, in stored order."""
    found: dict[str, None] = {}
    with foreign_faults("read the references of"):
        for frame in items(dataset, "ReferencedFrameOfReferenceSequence"):
            for study in items(frame, "RTReferencedStudySequence"):
                for series in items(study, "RTReferencedSeriesSequence"):
                    series_uid = uid(series, "SeriesInstanceUID")
                    if series_uid:
                        found[series_uid] = None
    return tuple(found)
