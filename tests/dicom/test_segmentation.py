"""Segmentations are structure sets: every voxel, in every encoding, and nothing in silence."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import SimpleITK
from highdicom.seg import Segmentation, SegmentDescription, segread
from numpy.typing import NDArray
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.sr.codedict import codes as known
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from rtplan.case import Case, Prescription
from rtplan.cli.main import main
from rtplan.dicom import seg_frames
from rtplan.dicom.link import Choice, link
from rtplan.dicom.parse import parse
from rtplan.dicom.read import read
from rtplan.dicom.segmentation import read_segmentation
from rtplan.dvh.engine import Settings, compute
from rtplan.findings import Finding
from rtplan.geometry.contour import Code, Structure, StructureSet
from rtplan.geometry.planes import stack_planes
from rtplan.lesions.bodies import bodies_of
from tests.dicom.objects import ct, dose, plan, save, structure_set, swapped

DATA = Path(__file__).parents[1] / "data" / "segmentations"
FOLDER_UID, SEG_UID = "1.2.5.9", "1.2.3.9"
VOXEL_CC = 2 * 1.5 * 3 / 1000


def read_file(name: str) -> tuple[StructureSet, tuple[Finding, ...]]:
    return read_segmentation(parse((DATA / name).read_bytes(), modality="SEG"))


def to_bytes(ds: Dataset) -> bytes:
    stream = DicomBytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return bytes(stream.getvalue())


def read_object(ds: Dataset) -> tuple[StructureSet, list[str]]:
    found, notes = read_segmentation(parse(to_bytes(ds), modality="SEG"))
    return found, [note.code for note in notes]


def volume_cc(structure: Structure) -> float:
    """Area of the rings times the thickness that each stands for."""
    assert structure.slab_mm is not None
    planes = stack_planes(structure).planes
    return sum(plane.area_mm2 for plane in planes) * structure.slab_mm / 1000


def rasterised(
    structure: Structure, origin: NDArray[Any], steps: NDArray[Any], shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """The voxels (k, j, i) whose centres lie within the rings of their plane.

    ``origin`` is the centre of the first voxel, the rows of ``steps`` lead along k, j and i.
    """
    stack = stack_planes(structure)
    index = np.indices(shape).reshape(3, -1).T
    centres = ((origin + index @ steps) @ stack.axes).reshape(*shape, 3)
    mask = np.zeros(shape, dtype=bool)
    for plane in stack.planes:
        layer = int(np.abs(centres[:, 0, 0, 2] - plane.position_mm).argmin())
        assert abs(centres[layer, 0, 0, 2] - plane.position_mm) < 1e-3
        area = plane.polygon()
        shapely.prepare(area)
        mask[layer] = shapely.contains_xy(area, centres[layer, ..., 0], centres[layer, ..., 1])
    return mask


REFERENCES = [
    *((f"liver_{way}.dcm", 1, "liver_seg.nrrd", 1) for way in ("rle", "deflate", "j2k")),
    ("liver_nonbyte_aligned_rle.dcm", 1, "liver_seg.nrrd", 1),
    ("liver_nonbyte_aligned_deflate.dcm", 1, "liver_seg.nrrd", 1),
    ("23x38x3.dcm", 1, "23x38x3.nrrd", 1),
    ("24x38x3.dcm", 1, "24x38x3.nrrd", 1),
    *(("partial_overlaps.dcm", n, "partial_overlaps-1.nrrd", n) for n in (1, 4, 5)),
    ("partial_overlaps.dcm", 2, "partial_overlaps-2.nrrd", 2),
    ("partial_overlaps.dcm", 3, "partial_overlaps-3.nrrd", 3),
    ("sparse-labelmap-noppv.dcm", 1, "sparse_labelmap_noppv_seg.nrrd", 1),
    ("sparse-labelmap-ppv5.dcm", 1, "sparse_labelmap_ppv5_seg.nrrd", 1),
]


@pytest.mark.parametrize(("file", "number", "reference", "label"), REFERENCES)
def test_voxels_and_volume_are_those_of_the_reference(
    file: str, number: int, reference: str, label: int
) -> None:
    sitk: Any = SimpleITK
    image = sitk.ReadImage(str(DATA / reference))
    expected = sitk.GetArrayFromImage(image) == label
    steps = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    structure = {item.number: item for item in read_file(file)[0]}[number]
    found = rasterised(structure, np.array(image.GetOrigin()), steps.T[::-1], expected.shape)
    np.testing.assert_array_equal(found, expected)
    voxel_cc = float(np.prod(image.GetSpacing())) / 1000
    assert volume_cc(structure) == pytest.approx(expected.sum() * voxel_cc, rel=1e-9)


@pytest.mark.parametrize("name", ["ct_binary_overlap", "ct_true_fractional"])
def test_segments_are_those_of_another_reader(name: str) -> None:
    file = f"seg_image_{name}.dcm"
    other = segread(DATA / file)
    for structure in read_file(file)[0]:
        volume = other.get_volume(segment_numbers=[structure.number], rescale_fractional=True)
        expected = volume.array[..., 0] >= 0.5
        steps = volume.affine[:3, :3].T
        found = rasterised(structure, volume.affine[:3, 3], steps, expected.shape)
        np.testing.assert_array_equal(found, expected)


def test_what_a_segment_is_said_to_be_is_kept() -> None:
    found, _ = read_file("partial_overlaps.dcm")
    assert [(item.number, item.name) for item in found][3] == (4, "LIGHT_BLUE")
    said = found.structures[3].codes
    assert said is not None
    assert said.category == Code("Morphologically Altered Structure", "49755003", "SCT")
    assert said.kind is not None
    assert said.kind.meaning == "Edema"
    assert said.algorithm == "MANUAL"
    assert found.structures[3].colour == (140, 224, 228)
    assert (
        found.frame_of_reference_uid
        == "1.2.392.200103.20080913.113635.3.2009.6.22.21.44.34.23882.1"
    )
    assert found.referenced_series_uids == (
        "1.2.392.200103.20080913.113635.1.2009.6.22.21.43.10.23430.1",
    )


def test_background_of_a_label_map_is_no_structure() -> None:
    found, notes = read_file("sparse-labelmap-ppv5.dcm")
    assert [item.name for item in found] == ["Liver"]
    assert [note.code for note in notes] == ["SEG013", "SEG010"]


def test_padding_of_a_label_map_is_no_structure() -> None:
    ds = dcmread(DATA / "sparse-labelmap-ppv5.dcm")
    ds.PixelPaddingValue = 1
    found, codes = read_object(ds)
    assert [item.name for item in found] == []
    assert codes.count("SEG013") == 2


def test_fractional_states_its_threshold() -> None:
    _, notes = read_file("seg_image_ct_true_fractional.dcm")
    assert [note.code for note in notes] == ["SEG005"]
    assert "probability is at least 0.5" in notes[0].text
    assert "values from 128 on, of 255" in notes[0].text


def test_segmentation_without_a_place_in_the_patient_is_refused() -> None:
    found, notes = read_file("seg_image_cr_binary.dcm")
    assert [note.code for note in notes] == ["SEG001"]
    assert [item.problem for item in found] == ["ImagePositionPatient is missing"]


# Segmentations of our own: GTV and Liver overlap, and planes 0, 5 and 7 of 8 have neither. Frames
# are no whole number of bytes.

ROWS, COLUMNS = 33, 35
IN_GTV, IN_LIVER = np.zeros((2, 8, ROWS, COLUMNS), dtype=np.uint8)
IN_GTV[1:4, 10:16, 12:20] = 1
IN_LIVER[1:5, 2:14, 3:30] = 1
IN_LIVER[2, 5, 5] = 0
IN_LIVER[2, 14, 30] = 1
IN_LIVER[6, 30, 1:3] = 1
ORIENTATIONS = {
    "axial": (1, 0, 0, 0, 1, 0),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "oblique": (0.8, 0.6, 0, -0.48, 0.64, 0.6),
}


def source(orientation: str = "axial", step_mm: float = 3.0) -> list[Dataset]:
    """The image series that it was drawn on: 8 slices."""
    right, below = np.array(ORIENTATIONS[orientation]).reshape(2, 3)
    slices = []
    for k in range(8):
        ds = ct(k)
        ds.Rows, ds.Columns = ROWS, COLUMNS
        ds.PixelSpacing = [2, 1.5]
        ds.ImageOrientationPatient = list(ORIENTATIONS[orientation])
        place = np.array([-1.0, -2.0, 5.0]) + k * step_mm * np.cross(right, below)
        ds.ImagePositionPatient = [float(f"{x:.6f}") for x in place]
        ds.PixelData = bytes(2 * ROWS * COLUMNS)
        ds.SliceThickness = step_mm
        for keyword in (
            *("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "PatientBirthDate"),
            *("PatientSex", "ReferringPhysicianName", "PositionReferenceIndicator"),
        ):
            setattr(ds, keyword, None)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slices.append(ds)
    return slices


def made(kind: str = "BINARY", *, orientation: str = "axial", **options: Any) -> Dataset:
    """A segmentation as highdicom writes it, segments 1 and 2."""
    both = np.stack([IN_GTV, IN_LIVER], axis=-1)
    pixels: NDArray[Any] = both
    if kind == "LABELMAP":
        pixels = np.where(IN_GTV, 1, 2 * IN_LIVER).astype(np.uint8)
    elif kind == "FRACTIONAL":
        pixels = both * 0.75 + 0.25 * np.roll(both, 1, axis=2)
        options.setdefault("max_fractional_value", 100)
    described = [
        SegmentDescription(
            1, "GTV_1", known.SCT.MorphologicallyAbnormalStructure, known.SCT.Neoplasm, "MANUAL"
        ),
        SegmentDescription(2, "Liver", known.SCT.Organ, known.SCT.Liver, "MANUAL"),
    ]
    written = Segmentation(
        options.pop("slices", None) or source(orientation),
        pixels,
        kind,
        described,
        FOLDER_UID,
        9,
        SEG_UID,
        1,
        "maker",
        "model",
        "1",
        "1",
        **options,
    )
    return dcmread(DicomBytesIO(to_bytes(written)))


def volumes(found: StructureSet) -> list[float]:
    return [round(volume_cc(item) / VOXEL_CC, 9) for item in found]


COUNTS = [float(IN_GTV.sum()), float(IN_LIVER.sum())]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_has_its_voxels(orientation: str) -> None:
    found, codes = read_object(made(orientation=orientation))
    right, below = np.array(ORIENTATIONS[orientation]).reshape(2, 3)
    steps = np.stack([3 * np.cross(right, below), 2 * below, 1.5 * right])
    for structure, expected in zip(found, (IN_GTV, IN_LIVER), strict=True):
        mask = rasterised(structure, np.array([-1.0, -2.0, 5.0]), steps, expected.shape)
        np.testing.assert_array_equal(mask, expected)
        notes = stack_planes(structure).findings
        assert {note.code for note in notes} <= {"GEO010"}
    assert volumes(found) == COUNTS
    assert codes == []


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless])
@pytest.mark.parametrize("kind", ["FRACTIONAL", "LABELMAP"])
def test_every_encoding_gives_the_same_voxels(kind: str, syntax: str) -> None:
    found, codes = read_object(made(kind, transfer_syntax_uid=syntax))
    overlap = float((IN_GTV & IN_LIVER).sum())
    less = 0.0 if kind == "FRACTIONAL" else overlap
    assert overlap > 0
    assert volumes(found) == [COUNTS[0], COUNTS[1] - less]
    assert codes == (["SEG005"] if kind == "FRACTIONAL" else ["SEG013"])


def test_big_endian_words_give_the_same_voxels() -> None:
    ds = made("LABELMAP")
    ds.PixelData = ds.pixel_array.astype(">u2").tobytes()
    ds["PixelData"].VR = "OW"
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    stream = DicomBytesIO()
    dcmwrite(stream, ds, implicit_vr=False, little_endian=False)
    found, _ = read_segmentation(parse(stream.getvalue(), modality="SEG"))
    assert volumes(found)[0] == COUNTS[0]


def test_frames_in_any_order_and_planes_left_out_change_nothing() -> None:
    whole, sparse = made(omit_empty_frames=False), made(omit_empty_frames=True)
    assert int(whole.NumberOfFrames) == 16
    assert int(sparse.NumberOfFrames) == 8
    shuffled = made()
    order = np.random.default_rng(0).permutation(8)
    frames = shuffled.pixel_array[order]
    items = [shuffled.PerFrameFunctionalGroupsSequence[int(n)] for n in order]
    shuffled.PerFrameFunctionalGroupsSequence = items
    shuffled.PixelData = np.packbits(frames.ravel(), bitorder="little").tobytes()
    for ds in (whole, sparse, shuffled):
        found, codes = read_object(ds)
        assert volumes(found) == COUNTS
        assert [item.slab_mm for item in found] == [pytest.approx(3.0)] * 2
        assert codes == []


def test_positions_rounded_by_the_writer_are_an_even_stack() -> None:
    ds = made(slices=source(step_mm=0.625))
    for item in ds.PerFrameFunctionalGroupsSequence:
        place = item.PlanePositionSequence[0].ImagePositionPatient
        place[2] = round(float(place[2]), 1)
    found, codes = read_object(ds)
    assert [item.slab_mm for item in found] == [0.625] * 2
    assert codes == []


def test_stated_distance_that_is_rounded_gives_way_to_the_positions() -> None:
    ds = made(slices=source(step_mm=8 / 3))
    spaced(2.645)(ds)
    found, codes = read_object(ds)
    assert [item.slab_mm for item in found] == [pytest.approx(8 / 3, abs=1e-6)] * 2
    assert codes == []


def spaced(mm: float | None) -> Callable[[Dataset], None]:
    def change(ds: Dataset) -> None:
        measures = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.pop("SpacingBetweenSlices", None)
        if mm is not None:
            measures.SpacingBetweenSlices = mm

    return change


@pytest.mark.parametrize(
    ("mm", "slab_mm", "expected"),
    [
        (None, 3.0, []),
        (3.0, 3.0, []),
        (-3.0, 3.0, []),
        (3.2, 3.0, ["SEG010"]),  # planes lie where they lie
        (4.0, 3.0, ["SEG010"]),
        (100.0, 3.0, ["SEG010"]),
        (1.0, 1.0, ["SEG010"]),  # even, but no two planes are neighbours
    ],
)
def test_distance_of_planes(mm: float | None, slab_mm: float, expected: list[str]) -> None:
    ds = made()
    spaced(mm)(ds)
    found, codes = read_object(ds)
    assert [item.slab_mm for item in found] == [pytest.approx(slab_mm)] * 2
    assert codes == expected


def test_a_single_plane_tells_where_its_thickness_is_from() -> None:
    found, notes = read_file("seg_image_ct_binary_single_frame.dcm")
    assert [item.slab_mm for item in found] == [5.0]
    assert notes == ()
    ds = dcmread(DATA / "seg_image_ct_binary_single_frame.dcm")
    spaced(None)(ds)
    found, codes = read_object(ds)
    thickness = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness
    assert [item.slab_mm for item in found] == [float(thickness)]
    assert codes == ["SEG011"]
    del ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness
    found, codes = read_object(ds)
    assert [item.slab_mm for item in found] == [None]
    assert codes == ["SEG011"]


def test_decimal_commas_are_read_as_points_and_said() -> None:
    ds = made()
    sound, _ = read_object(ds)
    measures = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    spacing = "\\".join(f"{float(value):.3f}" for value in measures.PixelSpacing)
    measures.PixelSpacing = spacing.split("\\")
    data = swapped(to_bytes(ds), spacing.encode(), spacing.replace(".", ",").encode())
    found, notes = read_segmentation(parse(data, modality="SEG"))
    assert [(note.code, note.text) for note in notes] == [
        ("FIL014", "decimal commas in PixelSpacing")
    ]
    assert volumes(found) == volumes(sound)


def frame(ds: Any, index: int) -> Any:
    return ds.PerFrameFunctionalGroupsSequence[index]


def attribute(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda ds: setattr(ds, keyword, value)


def uneven(ds: Dataset) -> None:
    frame(ds, 0).PlanePositionSequence[0].ImagePositionPatient = [-1, -2, 9.3]


def twice(ds: Dataset) -> None:
    place = frame(ds, 1).PlanePositionSequence[0].ImagePositionPatient
    frame(ds, 0).PlanePositionSequence[0].ImagePositionPatient = place


def nameless(ds: Dataset) -> None:
    del frame(ds, 0).SegmentIdentificationSequence


def cut_pixels(ds: Dataset) -> None:
    ds.PixelData = ds.PixelData[:-10]


def turned(ds: Dataset) -> None:
    common = ds.SharedFunctionalGroupsSequence[0]
    for index in range(int(ds.NumberOfFrames)):
        frame(ds, index).PlaneOrientationSequence = common.PlaneOrientationSequence
    other = Dataset()
    other.ImageOrientationPatient = [0, 1, 0, 1, 0, 0]
    frame(ds, 2).PlaneOrientationSequence = [other]


BROKEN = {
    "rows": (attribute("Rows", 65535), "SEG003", "1 2", "2293725 are promised"),
    "frames": (attribute("NumberOfFrames", 6), "SEG003", "1 2", "6 frames and describes 8"),
    "no frames": (attribute("NumberOfFrames", 0), "SEG003", "1 2", "0 frames"),
    "bits": (attribute("BitsAllocated", 8), "SEG003", "1 2", "8 bits"),
    "type": (attribute("SegmentationType", "OTHER"), "SEG003", "1 2", "'OTHER'"),
    "pixels": (cut_pixels, "SEG003", "1 2", "bytes, 1155 are promised"),
    "uneven": (uneven, "SEG002", "1 2", "no even stack"),
    "turned": (turned, "SEG002", "1 2", "differ in orientation"),
    "twice": (twice, "SEG007", "1", "on one plane"),
    "nameless": (nameless, "SEG003", "1 2", "name no segment"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_contradicts_itself_is_not_evaluated(name: str) -> None:
    change, code, spoilt, words = BROKEN[name]
    ds = made()
    change(ds)
    found, notes = read_segmentation(parse(to_bytes(ds), modality="SEG"))
    assert [str(item.number) for item in found if item.problem] == spoilt.split()
    assert not any(item.contours for item in found if item.problem)
    assert [note.code for note in notes if note.severity == "error"] == [code]
    assert words in " ".join(note.text for note in notes)


def test_hostile_sizes_are_refused_before_anything_is_made_for_them() -> None:
    ds = made("FRACTIONAL", transfer_syntax_uid=RLELossless)
    ds.Rows = ds.Columns = 65535
    data = to_bytes(ds)
    parsed = parse(data, modality="SEG")
    read_segmentation(parsed)
    tracemalloc.start()
    _, notes = read_segmentation(parsed)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "SEG003" in [note.code for note in notes]
    assert peak < 2 << 20


@pytest.mark.parametrize("name", ["JPEG 2000", "JPEG-LS"])
def test_codestream_of_another_size_is_not_decoded(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "JPEG 2000":
        ds: Dataset = dcmread(DATA / "liver_j2k.dcm")
        ds.Rows, ds.Columns = 256, 1024
        words = "a codestream has [512, 512] pixels, expected [256, 1024]"
    else:
        ds = made("FRACTIONAL", transfer_syntax_uid=JPEGLSLossless)
        ds.Rows, ds.Columns = 35, 33
        words = "a codestream has [33, 35] pixels, expected [35, 33]"
    monkeypatch.setattr(seg_frames, "_decode", None)
    _, notes = read_segmentation(parse(to_bytes(ds), modality="SEG"))
    assert words in [note.text for note in notes]


@pytest.mark.parametrize("file", ["liver_rle", "liver_deflate", "liver_j2k"])
def test_damaged_pixel_data_is_an_error_or_other_voxels(file: str) -> None:
    data = bytearray((DATA / f"{file}.dcm").read_bytes())
    middle = data.rindex(b"\xfe\xff\x00\xe0") + 100
    data[middle : middle + 200] = bytes(np.random.default_rng(1).integers(0, 256, 200, np.uint8))
    found, notes = read_segmentation(parse(bytes(data), modality="SEG"))
    structure = found.structures[0]
    if structure.problem is None:
        assert volume_cc(structure) != pytest.approx(70.3619, rel=1e-5)
    else:
        assert [note.code for note in notes] in (["SEG003"], ["SEG004"])
        assert structure.contours == ()


def test_encoding_that_cannot_be_read_is_refused_by_name() -> None:
    ds = made("FRACTIONAL", transfer_syntax_uid=RLELossless)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    found, notes = read_segmentation(parse(to_bytes(ds), modality="SEG"))
    assert [note.code for note in notes] == ["SEG004"]
    assert "JPEG Baseline" in notes[0].text
    assert all(item.problem == notes[0].text for item in found)


def test_fraction_without_a_highest_value_is_refused() -> None:
    ds = made("FRACTIONAL")
    del ds.MaximumFractionalValue
    assert read_object(ds)[1] == ["SEG003"]


def test_a_segment_without_voxels_or_number_stays_in_the_list() -> None:
    ds = made()
    extra = Dataset()
    extra.SegmentLabel = "GTV_2"
    again = Dataset()
    again.SegmentLabel, again.SegmentNumber = "Liver", 3
    ds.SegmentSequence = [*ds.SegmentSequence, extra, again]
    found, codes = read_object(ds)
    assert [item.number for item in found] == [1, 2, -3, 3]
    assert [item.problem is None for item in found] == [True, True, False, True]
    assert sorted(codes) == ["RTS015", "SEG006", "SEG008"]


def test_segments_of_one_number_are_not_evaluated() -> None:
    ds = made()
    ds.SegmentSequence[1].SegmentNumber = 1
    found, codes = read_object(ds)
    assert all(item.problem for item in found)
    assert codes[0] == "SEG008"


def test_frames_and_labels_of_no_segment_are_told() -> None:
    for kind in ("BINARY", "LABELMAP"):
        ds = made(kind)
        ds.SegmentSequence = [item for item in ds.SegmentSequence if item.SegmentNumber != 2]
        found, codes = read_object(ds)
        assert volumes(found) == COUNTS[:1]
        assert codes == (["SEG009"] if kind == "BINARY" else ["SEG013", "SEG009"])


def test_a_file_that_is_cut_off_gives_no_numbers() -> None:
    found, _ = read_segmentation(parse(to_bytes(made())[:-20], modality="SEG"))
    assert [item.name for item in found] == ["GTV_1", "Liver"]
    assert all("cut off" in str(item.problem) for item in found)


@pytest.mark.parametrize("file", sorted({file for file, *_ in REFERENCES}))
@pytest.mark.parametrize("settings", [Settings(), Settings(uncertainty=False)])
def test_a_segment_has_the_volume_of_its_voxels(file: str, settings: Settings) -> None:
    for structure in read_file(file)[0]:
        result = compute(structure, None, settings=settings)
        assert result.volume_cc == pytest.approx(volume_cc(structure), rel=1e-9)
        assert result.alternatives == ()


def test_an_empty_plane_parts_bodies() -> None:
    liver = read_object(made())[0].structures[1]
    bodies = bodies_of(stack_planes(liver), slab_mm=liver.slab_mm)
    assert sorted(round(body.volume_cc / VOXEL_CC) for body in bodies) == [1, 2, IN_LIVER.sum() - 3]


# With images, dose and plan.


def total_dose() -> Dataset:
    ds = dose(np.full((12, 10, 10), 2500, dtype="<u4"), structures=None)
    ds.ImagePositionPatient = [-6, -6, -3]
    ds.PixelSpacing = [8, 8]
    ds.GridFrameOffsetVector = [3 * k for k in range(12)]
    return ds


def folder_of(folder: Path, *objects: Dataset) -> Path:
    save(folder, *source(), plan(), total_dose(), *objects)
    (folder / "segmentation").write_bytes(to_bytes(made()))
    return folder


def linked(folder: Path, choice: Choice | None = None) -> Case:
    return link(read(str(folder)), choice=choice)


def test_a_segmentation_is_the_structure_set_of_a_case(tmp_path: Path) -> None:
    case = linked(folder_of(tmp_path))
    assert case.structure_set is not None
    assert [item.name for item in case.structure_set] == ["GTV_1", "Liver"]
    assert [item.modality for item in case.inputs] == ["SEG", "RTPLAN", "RTDOSE"]
    assert case.dose is not None
    assert [len(series.files) for series in case.images] == [8]


def test_commands_read_a_segmentation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(folder_of(tmp_path))
    for command in ("doctor", "dvh", "lesions"):
        assert main([command, folder]) == 0
        out = capsys.readouterr().out
        assert "GTV_1" in out
        assert "ZZPHI" not in out


def test_the_rt_structure_set_is_used_unless_the_segmentation_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, structure_set())
    drawn, chosen = linked(folder), linked(folder, Choice(structure_set="3.9"))
    assert drawn.structure_set is not None
    assert drawn.structure_set.label == "LABEL"
    assert [note.code for note in drawn.findings] == ["SEG012"]
    assert chosen.structure_set is not None
    assert chosen.structure_set.sop_instance_uid == SEG_UID
    assert "SEG012" not in {note.code for note in chosen.findings}


def test_roi_numbers_of_the_plan_are_not_those_of_segments(tmp_path: Path) -> None:
    prescribed = plan()
    prescribed.DoseReferenceSequence[0].DoseReferenceStructureType = "VOLUME"
    prescribed.DoseReferenceSequence[0].ReferencedROINumber = 1
    save(tmp_path, prescribed)
    (tmp_path / "segmentation").write_bytes(to_bytes(made()))
    case = linked(tmp_path)
    assert case.structure_set is not None
    assert case.plan is not None
    assert [(item.dose_gy, item.roi_number) for item in case.plan.prescriptions] == [(25.0, None)]
    assert isinstance(case.plan.prescriptions[0], Prescription)
