"""Structure sets: joined by number, contours as stored, a bad contour stops its own ROI only."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from rtplan.dicom.limits import Limits, within
from rtplan.dicom.parse import parse
from rtplan.dicom.structures import read_structure_set
from rtplan.errors import DicomError
from rtplan.findings import Finding
from rtplan.geometry.contour import GeometricType, StructureSet
from tests.dicom import objects
from tests.dicom.objects import contour, roi_contours, swapped, to_bytes

DATA = Path(__file__).parents[1] / "data"


def read(data: bytes, codec: str | None = None) -> tuple[StructureSet, tuple[Finding, ...]]:
    return read_structure_set(parse(data, modality="RTSTRUCT", codec=codec))


def codes(notes: tuple[Finding, ...]) -> set[str]:
    return {note.code for note in notes}


@pytest.mark.parametrize("explicit", [False, True])
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("preamble", [False, True])
def test_every_encoding_gives_the_same_structures(
    explicit: bool, undefined: bool, preamble: bool
) -> None:
    data = to_bytes(
        objects.structure_set(), explicit=explicit, undefined=undefined, preamble=preamble
    )
    found, notes = read(data)
    first = found.structures[0]
    assert [(s.number, s.name, s.roi_type, s.colour) for s in found] == [
        (1, "GTV", "GTV", (255, 0, 10)),
        (2, "Cord", "ORGAN", (255, 0, 10)),
    ]
    assert first.contours[1].points_mm.tolist() == [[x, y, 3.0] for x, y in objects.SQUARE]
    assert found.frame_of_reference_uid == objects.FRAME
    assert found.referenced_series_uids == (objects.SERIES,)
    assert found.label == "LABEL"
    assert notes == ()


def test_order_of_the_sequences_does_not_matter() -> None:
    ds = objects.structure_set(("A", "B", "C"))
    ds.ROIContourSequence = list(ds.ROIContourSequence)[::-1]
    ds.RTROIObservationsSequence = list(ds.RTROIObservationsSequence)[::-1]
    for number, item in enumerate(ds.ROIContourSequence):
        item.ContourSequence[0].ContourData[2] = 100 + number
    found, _ = read(to_bytes(ds))
    assert [s.contours[0].points_mm[0, 2] for s in found] == [102, 101, 100]
    assert found.structures[0].roi_type == "GTV"


BREAKS: dict[str, tuple[bytes, bytes, str]] = {
    "nan": (b"10.0\\0.0\\3", b"nan0\\0.0\\3", "RTS002"),
    "inf": (b"10.0\\0.0\\3", b"-inf\\0.0\\3", "RTS002"),
    "text": (b"10.0\\0.0\\3", b"abcd\\0.0\\3", "RTS002"),
    "empty component": (b"10.0\\0.0\\3", b"10.0\\\\.0\\3", "RTS002"),
    "one number less": (b"10.0\\0.0\\3", b"10.000.0\\3", "RTS002"),
    "points lost": (b"\\10.0\\10.0\\3.0\\0.0\\10.0\\3.0", b" " * 27, "RTS003"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_bad_coordinates_stop_their_own_roi_only(name: str) -> None:
    old, new, code = BREAKS[name]
    ds = objects.structure_set()
    ds.ROIContourSequence[1].ContourSequence[1].ContourData[2] = 4
    data = to_bytes(ds)
    place = data.index(old)
    found, notes = read(data[:place] + new + data[place + len(old) :])
    bad, good = found.structures
    assert bad.problem is not None
    assert codes(notes) == {code}
    assert good.problem is None
    assert len(good.closed) == 3
    assert any(note.roi_number == 1 and note.severity == "error" for note in notes)


@pytest.mark.parametrize("value", ["1e200", "-100001"])
def test_coordinates_far_beyond_any_patient_stop_their_own_roi_only(value: str) -> None:
    ds = objects.structure_set()
    ds.ROIContourSequence[0].ContourSequence[1].ContourData[4] = value
    found, notes = read(to_bytes(ds))
    assert "100000 mm" in (found.structures[0].problem or "")
    assert found.structures[1].problem is None
    assert [(note.code, note.roi_number) for note in notes] == [("RTS002", 1)]


def test_coordinates_of_100_metres_are_kept() -> None:
    ds = objects.structure_set()
    ds.ROIContourSequence[0].ContourSequence[1].ContourData[4] = "-100000"
    found, notes = read(to_bytes(ds))
    assert found.structures[0].problem is None
    assert notes == ()


def test_declared_number_of_points_must_agree() -> None:
    ds = objects.structure_set()
    ds.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints = 5
    found, notes = read(to_bytes(ds))
    assert "5" in (found.structures[0].problem or "")
    assert codes(notes) == {"RTS003"}
    assert notes[0].path == "ROIContourSequence[0].ContourSequence[0]"


def test_missing_number_of_points_is_no_error() -> None:
    ds = objects.structure_set()
    del ds.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints
    found, notes = read(to_bytes(ds))
    assert found.structures[0].problem is None
    assert codes(notes) == {"RTS018"}


def test_duplicate_roi_number_stops_both() -> None:
    ds = objects.structure_set(("A", "B", "C"))
    ds.StructureSetROISequence[1].ROINumber = 1
    found, notes = read(to_bytes(ds))
    assert [s.problem is None for s in found] == [False, False, True]
    assert {"RTS004", "RTS007", "RTS012"} <= codes(notes)


def test_contours_stored_twice_stop_the_roi() -> None:
    ds = objects.structure_set()
    ds.ROIContourSequence[1].ReferencedROINumber = 1
    found, notes = read(to_bytes(ds))
    assert found.structures[0].problem is not None
    assert codes(notes) == {"RTS013", "RTS001"}


def _empty_sequence(ds: Dataset) -> None:
    ds.ROIContourSequence[0].ContourSequence = []


def _no_sequence(ds: Dataset) -> None:
    del ds.ROIContourSequence[0].ContourSequence


def _no_item(ds: Dataset) -> None:
    del ds.ROIContourSequence[0]


@pytest.mark.parametrize("empty", [_empty_sequence, _no_sequence, _no_item])
def test_roi_without_contours_is_listed_and_said(empty: Callable[[Dataset], None]) -> None:
    ds = objects.structure_set()
    empty(ds)
    found, notes = read(to_bytes(ds))
    assert found.structures[0].contours == ()
    assert found.structures[0].problem is None
    assert [(note.code, note.roi_number) for note in notes] == [("RTS001", 1)]


def test_structure_set_without_contours_is_an_error() -> None:
    ds = objects.structure_set()
    del ds.ROIContourSequence
    found, notes = read(to_bytes(ds))
    assert len(found.structures) == 2
    assert "RTS014" in codes(notes)
    assert any(note.severity == "error" for note in notes)


def test_points_and_open_contours_are_kept_and_never_closed() -> None:
    ds = objects.structure_set()
    ds.ROIContourSequence[0].ContourSequence = [
        contour([(1, 2)], 0, "POINT"),
        contour(objects.SQUARE, 0, "OPEN_PLANAR"),
        contour(objects.SQUARE, 0, "OPEN_NONPLANAR"),
        contour(objects.SQUARE, 0, "CLOSEDPLANAR_XOR"),
    ]
    found, _ = read(to_bytes(ds))
    first = found.structures[0]
    assert [c.kind for c in first.contours] == [
        GeometricType.POINT,
        GeometricType.OPEN_PLANAR,
        GeometricType.OPEN_NONPLANAR,
        GeometricType.CLOSEDPLANAR_XOR,
    ]
    assert len(first.closed) == 1


def test_unknown_geometric_type_stops_the_roi() -> None:
    ds = objects.structure_set()
    ds.ROIContourSequence[0].ContourSequence[0].ContourGeometricType = "SPLINE"
    found, notes = read(to_bytes(ds))
    assert "SPLINE" in (found.structures[0].problem or "")
    assert codes(notes) == {"RTS011"}


def test_repeated_first_point_is_dropped_from_closed_contours_only() -> None:
    ring = [*objects.SQUARE, objects.SQUARE[0]]
    ds = objects.structure_set()
    ds.ROIContourSequence[0].ContourSequence = [
        contour(ring, 0),
        contour(ring, 1, "OPEN_PLANAR"),
        contour(ring[:2], 2),
    ]
    found, notes = read(to_bytes(ds))
    assert [len(c.points_mm) for c in found.structures[0].contours] == [4, 5, 2]
    assert codes(notes) == {"RTS010", "RTS008"}


def test_comma_decimals_are_mended_with_a_warning() -> None:
    data = to_bytes(objects.structure_set(("GTV",)))
    old = b"0.0\\0.0\\6.0\\10.0\\0.0\\6.0\\10.0\\10.0\\6.0\\0.0\\10.0\\6.0"
    found, notes = read(swapped(data, old, old.replace(b".", b",")))
    assert found.structures[0].contours[2].points_mm[1].tolist() == [10.0, 0.0, 6.0]
    assert [(note.code, note.severity.value) for note in notes] == [("RTS005", "warning")]


def test_contour_data_of_unknown_representation_is_read() -> None:
    """Long contours in explicit files are stored as UN (note to (3006,0050))."""
    tag = b"\x06\x30\x50\x00"
    whole = to_bytes(objects.structure_set(("GTV",)), explicit=True, undefined=True)
    parts = whole.split(tag + b"DS")
    rebuilt = parts[0] + b"".join(
        tag + b"UN\0\0" + part[:2] + b"\0\0" + part[2:] for part in parts[1:]
    )
    found, notes = read(rebuilt)
    assert notes == ()
    assert len(found.structures[0].closed) == 3


def test_rois_of_one_name_are_both_kept() -> None:
    found, notes = read(to_bytes(objects.structure_set(("Lesion01", "Lesion01"))))
    assert [found.display_name(s) for s in found] == ["Lesion01 #1", "Lesion01 #2"]
    assert codes(notes) == {"RTS015"}


def test_contradictory_observations_give_no_type() -> None:
    ds = objects.structure_set()
    ds.RTROIObservationsSequence[1].ReferencedROINumber = 1
    found, notes = read(to_bytes(ds))
    assert found.structures[0].roi_type == ""
    assert codes(notes) == {"RTS017"}


def _no_observations(ds: Dataset) -> bytes:
    del ds.RTROIObservationsSequence
    return to_bytes(ds)


def _empty_observations(ds: Dataset) -> bytes:
    ds.RTROIObservationsSequence = []
    return to_bytes(ds)


def _cut_before_observations(ds: Dataset) -> bytes:
    data = to_bytes(ds)
    return data[: data.index(b"\x06\x30\x80\x00")]


@pytest.mark.parametrize("lose", [_no_observations, _empty_observations, _cut_before_observations])
def test_lost_observations_are_said_and_contours_stay(lose: Callable[[Dataset], bytes]) -> None:
    found, notes = read(lose(objects.structure_set()))
    assert [(s.roi_type, len(s.closed), s.problem) for s in found] == [("", 3, None)] * 2
    assert [(note.code, note.severity.value) for note in notes] == [("RTS020", "warning")]


def test_item_without_roi_number_is_listed_and_not_evaluated() -> None:
    ds = objects.structure_set()
    del ds.StructureSetROISequence[0].ROINumber
    found, notes = read(to_bytes(ds))
    assert [(s.number, s.name, s.problem is None) for s in found] == [
        (-1, "GTV", False),
        (2, "Cord", True),
    ]
    assert "RTS019" in codes(notes)


@pytest.mark.parametrize(
    ("number", "said"), [(b"10.00000000000001", ["RTS021"]), (b"10.0000000000001", [])]
)
def test_long_coordinates_are_read_in_full_and_said(number: bytes, said: list[str]) -> None:
    data = to_bytes(objects.structure_set(("GTV",)))
    old = b"0.0\\0.0\\6.0\\10.0\\0.0\\6.0\\10.0\\10.0\\6.0\\0.0\\10.0\\6.0"
    new = b"0\\0\\6\\" + number + b"\\0\\6\\10\\9\\6\\0\\9\\6"
    found, notes = read(swapped(data, old, new.ljust(len(old))))
    assert found.structures[0].contours[2].points_mm[1, 0] == float(number)
    assert [note.code for note in notes] == said


@pytest.mark.parametrize("explicit", [False, True])
def test_contour_data_beyond_64_kilobytes(explicit: bool) -> None:
    """PS3.3, note to (3006,0050): in explicit files as UN; the standard's writers do so."""
    angles = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    ring = [(round(50 * np.cos(a), 3), round(50 * np.sin(a), 3)) for a in angles]
    ds = objects.structure_set(("GTV",))
    item = contour(ring, 0)
    text = "\\".join(f"{value:.3f}" for x, y in ring for value in (x, y, 0.0))
    del item.ContourData
    item.add_new(0x30060050, "UN", (text + " " * (len(text) % 2)).encode())
    ds.ROIContourSequence[0].ContourSequence = [item]
    data = to_bytes(ds, explicit=explicit)
    assert len(text) > 65534
    found, notes = read(data)
    assert notes == ()
    assert np.array_equal(found.structures[0].contours[0].points_mm[:, :2], ring)


def test_length_of_a_long_contour_that_wrapped_at_64_kilobytes_stops_the_set() -> None:
    """Some writers store the length in the 16 bits of DS, modulo 65536."""
    ds = objects.structure_set(("GTV",))
    text = "\\".join(["1.000"] * 12_000) + " "
    item = ds.ROIContourSequence[0].ContourSequence[0]
    del item.ContourData
    item.add_new(0x30060050, "UN", text.encode())
    data = to_bytes(ds, explicit=True)
    long = b"UN\0\0" + len(text).to_bytes(4, "little")
    assert data.count(long) == 1
    found, _ = read(data.replace(long, b"DS" + (len(text) % 65536).to_bytes(2, "little")))
    assert all(s.problem and "contradict" in s.problem for s in found)


def test_private_and_unknown_attributes_do_not_matter() -> None:
    ds = objects.structure_set(("GTV",))
    ds.add_new(0x30090010, "LO", "VENDOR")
    ds.add_new(0x30091001, "UN", b"\x01\x02\x03\x04")
    data = to_bytes(ds, explicit=True)
    odd = swapped(data, b"\x09\x30\x10\x00LO", b"\x09\x30\x10\x00CM")
    found, notes = read(odd)
    assert len(found.structures[0].closed) == 3
    assert notes == ()


def test_cut_off_file_stops_every_structure() -> None:
    data = to_bytes(objects.structure_set())
    found, _ = read(data[: data.rindex(b"GTV") - 200])
    assert all(s.problem and "cut off" in s.problem for s in found)


def test_names_of_undeclared_bytes_never_crash() -> None:
    data = to_bytes(objects.structure_set(("ABCDEFGH",)))
    chinese = swapped(data, b"ABCDEFGH", "肿瘤靶区".encode("gb18030"))
    ds, _ = read(chinese)
    assert ds.structures[0].name == "肿瘤靶区".encode("gb18030").decode("latin-1")
    named, _ = read(chinese, codec="gb18030")
    assert named.structures[0].name == "肿瘤靶区"
    parsed = parse(chinese, modality="RTSTRUCT")
    read_structure_set(parsed)
    assert any("--charset GB18030" in doubt for doubt in parsed.text.doubts)


@pytest.mark.parametrize(
    ("path", "rois", "contours"),
    [("breast/rtss.dcm", 4, 48), ("proton/rtss.dcm", 5, 125), ("pydicom/rtstruct.dcm", 3, 5)],
)
def test_real_structure_sets(path: str, rois: int, contours: int) -> None:
    found, _ = read((DATA / path).read_bytes())
    assert len(found.structures) == rois
    assert sum(len(s.contours) for s in found) == contours
    assert all(s.problem is None for s in found)


def test_coordinates_of_a_large_set_are_read_in_one_pass() -> None:
    """Not a benchmark: number by number this would take many seconds."""
    rng = np.random.default_rng(1)
    ds = objects.structure_set(("GTV",))
    text = "\\".join(f"{value:.2f}" for value in rng.uniform(-300, 300, 30_000))
    item = Dataset()
    item.ContourGeometricType = "CLOSED_PLANAR"
    item.NumberOfContourPoints = 10_000
    item.add_new(0x30060050, "UN", text.encode())
    ds.ROIContourSequence[0].ContourSequence = Sequence([item] * 10)
    data = to_bytes(ds)
    began = time.process_time()
    found, _ = read(data)
    assert time.process_time() - began < 2
    points = found.structures[0].contours[0].points_mm
    assert points.ravel().tolist() == [float(value) for value in text.split("\\")]


def test_roi_contours_helper_is_joined_by_number() -> None:
    ds = objects.structure_set()
    ds.ROIContourSequence.append(roi_contours(contour(objects.SQUARE, 0), number=9))
    _, notes = read(to_bytes(ds))
    assert codes(notes) == {"RTS007"}


def test_a_structure_set_of_absurdly_many_rois_is_refused() -> None:
    with within(Limits(rois=2)):
        assert read(to_bytes(objects.structure_set(("A", "B"))))[1] == ()
        with pytest.raises(DicomError, match="lists 3 ROIs"):
            read(to_bytes(objects.structure_set(("A", "B", "C"))))
