"""RT Dose: positions and values hand-worked; what contradicts itself is not used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian

from rtplan.dicom import parse as parsing
from rtplan.dicom.dose import load_dose, read_dose_header
from rtplan.dicom.inventory import FoundDose
from rtplan.dicom.parse import parse
from rtplan.dicom.read import read
from rtplan.dose.grid import DoseGrid, SummationType
from rtplan.errors import DoseError
from rtplan.findings import Finding
from tests.dicom import objects
from tests.dicom.objects import to_bytes

DATA = Path(__file__).parents[1] / "data"


def header(data: bytes, path: Path | None = None) -> tuple[FoundDose, tuple[Finding, ...]]:
    if path is not None:
        path.write_bytes(data)
    return read_dose_header(parse(data, modality="RTDOSE"), str(path))


def load(ds: Dataset, folder: Path, *, explicit: bool = False) -> DoseGrid:
    found, _ = header(to_bytes(ds, explicit=explicit), folder / "dose")
    return load_dose(found)[0]


@pytest.mark.parametrize("explicit", [False, True])
def test_values_and_positions(tmp_path: Path, explicit: bool) -> None:
    dose = load(objects.dose(), tmp_path, explicit=explicit)
    assert dose.values_gy[2, 1, 0] == pytest.approx(14.0)  # index 2*6 + 1*2 + 0, 100 * 0.01 each
    assert dose.grid.shape == (4, 3, 2)
    # Pixel Spacing is rows, then columns: 2 mm between rows (y), 3 mm between columns (x).
    assert dose.grid.position_mm(np.array([[1.0, 2.0, 3.0]])).tolist() == [[-2.0, -2.0, 19.0]]
    assert dose.summation is SummationType.PLAN
    assert dose.plan_uid == objects.RP_UID


OFFSETS: dict[str, tuple[list[float], list[float], list[int], set[str]]] = {
    "form a": ([0, 4, 8, 12], [7, 11, 15, 19], [0, 1, 2, 3], set()),
    "form b": ([7, 11, 15, 19], [7, 11, 15, 19], [0, 1, 2, 3], set()),
    "descending": ([0, -4, -8, -12], [-5, -1, 3, 7], [3, 2, 1, 0], {"RTD006"}),
    "form b descending": ([7, 3, -1, -5], [-5, -1, 3, 7], [3, 2, 1, 0], {"RTD006"}),
    "unsorted": ([0, 8, 4, 12], [7, 11, 15, 19], [0, 2, 1, 3], {"RTD007"}),
    "uneven": ([0, 4, 8, 16], [7, 11, 15, 23], [0, 1, 2, 3], {"RTD012"}),
}


@pytest.mark.parametrize("name", OFFSETS)
def test_planes_and_their_data_are_sorted_together(name: str, tmp_path: Path) -> None:
    offsets, z, order, codes = OFFSETS[name]
    ds = objects.dose()
    ds.GridFrameOffsetVector = offsets
    found, notes = header(to_bytes(ds), tmp_path / "dose")
    dose, _ = load_dose(found)
    index = np.stack([np.zeros(4), np.zeros(4), np.arange(4.0)], axis=1)
    assert dose.grid.position_mm(index)[:, 2].tolist() == z
    assert (dose.values_gy[:, 0, 0] / 6).round().astype(int).tolist() == order
    assert {note.code for note in notes} == codes


@pytest.mark.parametrize(
    "orientation",
    [
        [1, 0, 0, 0, 1, 0],
        [-1, 0, 0, 0, -1, 0],
        [1, 0, 0, 0, -1, 0],
        [0, 1, 0, -1, 0, 0],
        [1, 0, 0, 0, 0, -1],
        [0.8, 0.6, 0, -0.6, 0.8, 0],
    ],
)
def test_any_orientation_follows_the_image_plane_equation(
    orientation: list[float], tmp_path: Path
) -> None:
    ds = objects.dose()
    ds.ImageOrientationPatient = orientation
    dose = load(ds, tmp_path)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    i, j, k = 1, 2, 3
    expected = np.array([-5, -6, 7]) + 3 * i * row + 2 * j * column
    expected = expected + 4 * k * np.cross(row, column)
    assert np.allclose(dose.grid.position_mm(np.array([[i, j, k]], dtype=float)), expected)
    assert dose.values_gy[k, j, i] == pytest.approx(k * 6 + j * 2 + i)


def test_absolute_offsets_of_a_turned_grid_follow_patient_z(tmp_path: Path) -> None:
    ds = objects.dose()
    ds.ImageOrientationPatient = [1, 0, 0, 0, -1, 0]
    ds.GridFrameOffsetVector = [7, 11, 15, 19]
    dose = load(ds, tmp_path)
    assert dose.grid.position_mm(np.array([[0.0, 0.0, 0.0]]))[0, 2] == 19
    assert dose.values_gy[0, 0, 0] == pytest.approx(18)


@pytest.mark.parametrize("kind", ["<u2", "<i2", "<u4", "<i4"])
def test_stored_types(kind: str, tmp_path: Path) -> None:
    stored = np.arange(24, dtype=kind).reshape(4, 3, 2) * 1000
    if "i" in kind:
        stored[0, 0, 0] = -500
    ds = objects.dose(stored)
    found, _ = header(to_bytes(ds), tmp_path / "dose")
    dose, notes = load_dose(found)
    assert np.allclose(dose.values_gy, stored * 0.01, rtol=1e-6)
    assert {note.code for note in notes} == ({"RTD008"} if "i" in kind else set())


def _set(keyword: str, value: object) -> Callable[[Dataset], None]:
    def change(ds: Dataset) -> None:
        setattr(ds, keyword, value)

    return change


def _without(keyword: str) -> Callable[[Dataset], None]:
    def change(ds: Dataset) -> None:
        delattr(ds, keyword)

    return change


UNUSABLE: dict[str, tuple[Callable[[Dataset], None], str]] = {
    "relative units": (_set("DoseUnits", "RELATIVE"), "RTD001"),
    "no units": (_without("DoseUnits"), "RTD001"),
    "no scaling": (_without("DoseGridScaling"), "RTD002"),
    "zero scaling": (_set("DoseGridScaling", "0"), "RTD002"),
    "negative scaling": (_set("DoseGridScaling", "-1"), "RTD002"),
    "empty scaling": (_set("DoseGridScaling", None), "RTD002"),
    "no offsets": (_without("GridFrameOffsetVector"), "RTD003"),
    "too few offsets": (_set("GridFrameOffsetVector", [0, 4, 8]), "RTD003"),
    "equal offsets": (_set("GridFrameOffsetVector", [0, 4, 4, 8]), "RTD003"),
    "offsets of no form": (_set("GridFrameOffsetVector", [3, 4, 5, 6]), "RTD003"),
    "pixel data short": (_set("PixelData", bytes(90)), "RTD004"),
    "pixel data long": (_set("PixelData", bytes(120)), "RTD004"),
    "no pixel data": (_without("PixelData"), "RTD013"),
    "8 bits": (_set("BitsAllocated", 8), "RTD004"),
    "high bit": (_set("HighBit", 20), "RTD004"),
    "absurd size": (_set("Rows", 65535), "RTD004"),
    "no rows": (_without("Rows"), "RTD013"),
    "no position": (_without("ImagePositionPatient"), "RTD011"),
    "no orientation": (_without("ImageOrientationPatient"), "RTD011"),
    "skew orientation": (_set("ImageOrientationPatient", [1, 0, 0, 0.5, 1, 0]), "RTD011"),
    "dose difference": (_set("DoseType", "ERROR"), "RTD014"),
    "unknown dose type": (_set("DoseType", "BIOLOGICAL"), "RTD014"),
    "offsets too close": (_set("GridFrameOffsetVector", [0, 4, 4.001, 8]), "RTD003"),
    "zero spacing": (_set("PixelSpacing", [0, 1]), "RTD011"),
    "voxels of metres": (_set("PixelSpacing", [2000, 1]), "RTD011"),
    "far away": (_set("ImagePositionPatient", [0, 0, "1e6"]), "RTD011"),
    "far offsets": (_set("GridFrameOffsetVector", [0, 1, 2, "1e6"]), "RTD011"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_missing_or_contradicts_makes_the_dose_unusable(name: str) -> None:
    change, code = UNUSABLE[name]
    ds = objects.dose()
    change(ds)
    found, notes = header(to_bytes(ds))
    assert found.problem
    assert found.grid is None
    assert [note.code for note in notes if note.severity == "error"] == [code]
    with pytest.raises(DoseError, match=r".+"):
        load_dose(found)


@pytest.mark.parametrize(
    ("dose_type", "code"), [("PHYSICAL", None), ("EFFECTIVE", "RTD015"), ("", "RTD016")]
)
def test_a_weighted_dose_or_one_of_unknown_kind_is_used_with_a_warning(
    dose_type: str, code: str | None, tmp_path: Path
) -> None:
    ds = objects.dose()
    ds.DoseType = dose_type
    found, _ = header(to_bytes(ds), tmp_path / "dose")
    dose, notes = load_dose(found)
    assert dose.values_gy.max() == pytest.approx(23)
    assert [(n.code, n.severity.value) for n in notes] == ([(code, "warning")] if code else [])


def test_a_dose_without_a_dose_type_is_used_with_a_warning(tmp_path: Path) -> None:
    ds = objects.dose()
    del ds.DoseType
    found, _ = header(to_bytes(ds), tmp_path / "dose")
    assert [note.code for note in load_dose(found)[1]] == ["RTD016"]


def test_decimal_commas_are_mended_and_said(tmp_path: Path) -> None:
    ds = objects.dose()
    ds.DoseGridScaling = "0.0125"
    ds.PixelSpacing = ["2.25", "3"]
    data = objects.swapped(to_bytes(ds), b"0.0125", b"0,0125")
    data = objects.swapped(data, b"2.25", b"2,25")
    found, notes = header(data, tmp_path / "dose")
    assert [(n.code, n.severity.value) for n in notes] == [("FIL014", "warning")]
    assert "DoseGridScaling, PixelSpacing" in notes[0].text
    dose, _ = load_dose(found)
    assert dose.values_gy.max() == pytest.approx(2300 * 0.0125)
    assert dose.grid.spacing_mm == (3, 2.25, 4)


@pytest.mark.parametrize(
    ("scaling", "reason"),
    [("1e9", "highest dose"), ("1e308", "highest dose"), ("1e-300", "0 everywhere")],
)
def test_a_scaling_that_is_far_off_is_refused(scaling: str, reason: str, tmp_path: Path) -> None:
    ds = objects.dose()
    ds.DoseGridScaling = scaling
    with pytest.raises(DoseError, match=reason):
        load(ds, tmp_path)


def test_planes_a_hundredth_of_a_millimetre_apart_are_kept() -> None:
    ds = objects.dose()
    ds.GridFrameOffsetVector = [0, 0.02, 0.04, 0.06]
    assert header(to_bytes(ds))[0].problem is None


@pytest.mark.parametrize(
    ("z", "orientation", "doubtful"),
    [
        (0, [1, 0, 0, 0, -1, 0], True),  # normal to -z: offsets to -12, z coordinates to +12
        (0, [1, 0, 0, 0, 1, 0], False),  # both readings end at z = 12
        (7, [1, 0, 0, 0, -1, 0], False),  # no z coordinates: they would start at 7
        (0, [1, 0, 0, 0, 0, -1], False),  # z coordinates are for transverse planes only
    ],
)
def test_offsets_of_two_readings_are_said(
    z: float, orientation: list[float], doubtful: bool
) -> None:
    ds = objects.dose()
    ds.ImagePositionPatient = [-5, -6, z]
    ds.ImageOrientationPatient = orientation
    found, notes = header(to_bytes(ds))
    normal = np.cross(orientation[:3], orientation[3:])
    assert found.grid is not None
    end = found.grid.position_mm(np.array([[0.0, 0.0, 3.0]]))[0]
    assert end.tolist() == ([-5, -6, z] + 12 * normal).tolist()
    assert [(n.code, n.severity.value) for n in notes] == [("RTD018", "warning")] * doubtful


def test_offsets_of_form_b_need_transverse_planes() -> None:
    ds = objects.dose()
    ds.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    ds.GridFrameOffsetVector = [7, 11, 15, 19]
    assert "Grid Frame Offset Vector" in (header(to_bytes(ds))[0].problem or "")


def test_values_beyond_the_bits_stored_are_refused(tmp_path: Path) -> None:
    ds = objects.dose()
    ds.BitsStored, ds.HighBit = 8, 7
    found, _ = header(to_bytes(ds), tmp_path / "dose")
    with pytest.raises(DoseError, match="8 bits"):
        load_dose(found)


def test_cut_off_dose_is_not_used() -> None:
    found, _ = header(to_bytes(objects.dose())[:-8])
    assert "cut off" in (found.problem or "")


def gy(path: str, tmp_path: Path) -> FoundDose:
    """A real dose of relative units, said to be in Gy, so that its values can be read."""
    data = (DATA / path).read_bytes()
    assert data.count(b"RELATIVE") == 1
    return header(data.replace(b"RELATIVE", b"GY      "), tmp_path / path.replace("/", "_"))[0]


def test_compressed_values_equal_the_plain_ones(tmp_path: Path) -> None:
    plain, packed = (gy(f"pydicom/rtdose{x}.dcm", tmp_path) for x in ("", "_rle"))
    assert plain.problem is None
    assert np.array_equal(load_dose(plain)[0].values_gy, load_dose(packed)[0].values_gy)


def test_big_endian_of_32_bits_is_refused(tmp_path: Path) -> None:
    found = gy("pydicom/rtdose_expb.dcm", tmp_path)
    assert "big endian" in (found.problem or "")


def test_big_endian_of_16_bits_is_read(tmp_path: Path) -> None:
    stored = np.arange(24, dtype="<u2").reshape(4, 3, 2) * 300
    ds = objects.dose(stored)
    ds.PixelData = stored.astype(">u2").tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    ds.save_as(tmp_path / "dose", enforce_file_format=True)
    found, notes = header((tmp_path / "dose").read_bytes(), tmp_path / "dose")
    assert notes == ()
    assert np.allclose(load_dose(found)[0].values_gy, stored * 0.01)


def test_single_frame_with_offsets_for_many_is_refused() -> None:
    found, _ = header((DATA / "pydicom/rtdose_1frame.dcm").read_bytes())
    assert "15 values for 1" in (found.problem or "")


def test_real_dose_and_its_stored_dvhs() -> None:
    path = DATA / "breast/rtdose.dcm"
    found, notes = header(path.read_bytes())
    assert notes == ()
    assert [dvh.roi_number for dvh in found.stored_dvhs] == [8, 9, 10]
    bed = found.stored_dvhs[1]
    assert bed.volume_cc[0] == pytest.approx(12.809, abs=1e-3)
    assert bed.dose_gy[-1] == pytest.approx(14.58)
    assert (np.diff(bed.volume_cc) <= 1e-6).all()
    assert read_dose_header(parse(path.read_bytes(), modality="RTDOSE"), str(path))


def dvh_item(**changes: object) -> Dataset:
    item, roi = Dataset(), Dataset()
    roi.ReferencedROINumber = 1
    roi.DVHROIContributionType = "INCLUDED"
    item.DVHReferencedROISequence = [roi]
    item.DVHType = "CUMULATIVE"
    item.DoseUnits = "GY"
    item.DVHVolumeUnits = "CM3"
    item.DVHDoseScaling = 2
    item.DVHNumberOfBins = 3
    item.DVHData = [1, 10, 1, 6, 1, 1]
    for keyword, value in changes.items():
        setattr(item, keyword, value)
    return item


def test_stored_dvh_is_bin_widths_and_volumes() -> None:
    ds = objects.dose()
    ds.DVHSequence = [
        dvh_item(),
        dvh_item(DVHType="DIFFERENTIAL", DVHData=[1, 4, 1, 5, 1, 1]),
        dvh_item(DVHData=[0, 10, 1, 6, 1, 1]),
    ]
    found, notes = header(to_bytes(ds))
    cumulative, differential, high_edges = found.stored_dvhs
    assert notes == ()
    assert cumulative.dose_gy.tolist() == [0, 2, 4, 6]
    assert cumulative.volume_cc.tolist() == [10, 6, 1, 0]
    assert differential.volume_cc.tolist() == [10, 6, 1, 0]
    assert high_edges.dose_gy.tolist() == [0, 2, 4]
    assert high_edges.volume_cc.tolist() == [10, 6, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"DVHVolumeUnits": "PERCENT"},
        {"DoseUnits": "RELATIVE"},
        {"DVHType": "NATURAL"},
        {"DVHDoseScaling": None},
        {"DVHData": [1, 10, 1]},
        {"DVHData": [1, 6, 1, 10, 1, 1]},
        {"DVHData": [1, 6, -1, 5, 1, 1]},
        {"DVHReferencedROISequence": []},
    ],
)
def test_a_stored_dvh_that_cannot_be_compared_is_left_out(changes: dict[str, object]) -> None:
    ds = objects.dose()
    ds.DVHSequence = [dvh_item(**changes), dvh_item()]
    found, notes = header(to_bytes(ds))
    assert len(found.stored_dvhs) == 1
    assert [note.code for note in notes] == ["RTD010"]


def test_decimal_commas_in_a_stored_dvh_are_read_as_points_and_said() -> None:
    ds = objects.dose()
    ds.DVHSequence = [dvh_item(DVHDoseScaling="1.125")]
    found, notes = header(objects.swapped(to_bytes(ds), b"1.125", b"1,125"))
    assert [(note.code, note.text) for note in notes] == [
        ("FIL014", "decimal commas in 1 stored DVHs")
    ]
    assert found.stored_dvhs[0].dose_gy.tolist() == [0, 1.125, 2.25, 3.375]


def single_planes(*positions: float) -> list[Dataset]:
    planes = []
    for place, z in enumerate(positions):
        ds = objects.dose(np.full((1, 3, 2), place, dtype="<u4"), uid=f"1.2.3.3{place}")
        ds.ImagePositionPatient = [0, 0, z]
        planes.append(ds)
    return planes


def test_a_lost_plane_among_single_plane_objects_is_refused(tmp_path: Path) -> None:
    inventory = read(str(objects.save(tmp_path, *single_planes(0, 3, 9, 12))))
    (joined,) = inventory.doses
    assert "planes 2 and 3 lie 6 mm apart, others 3 mm" in (joined.problem or "")
    with pytest.raises(DoseError, match="may be missing"):
        load_dose(joined)
    errors = [note for note in inventory.findings if note.severity == "error"]
    assert [(n.code, n.sop_instance_uid) for n in errors] == [("RTD017", joined.uid)]


def test_slightly_uneven_single_planes_are_joined_and_said(tmp_path: Path) -> None:
    inventory = read(str(objects.save(tmp_path, *single_planes(0, 2, 5, 7))))
    (joined,) = inventory.doses
    assert joined.problem is None
    assert {note.code for note in inventory.findings} == {"RTD009", "RTD012"}


def test_single_plane_objects_are_joined_in_order_of_position(tmp_path: Path) -> None:
    planes = []
    for place, z in enumerate((8.0, 0.0, 4.0)):
        ds = objects.dose(np.full((1, 3, 2), round(z) + 1, dtype="<u4"), uid=f"1.2.3.3{place}")
        ds.ImagePositionPatient = [0, 0, z]
        ds.DoseGridScaling = "0.5" if place else "0.25"
        planes.append(ds)
    inventory = read(str(objects.save(tmp_path / "in", *planes)))
    (joined,) = inventory.doses
    dose, _ = load_dose(joined)
    assert dose.values_gy[:, 0, 0].tolist() == [0.5, 2.5, 2.25]
    assert dose.grid.axes_mm[2].tolist() == [0, 4, 8]
    assert "RTD009" in {note.code for note in inventory.findings}
    assert len(joined.inputs) == 3


@pytest.mark.parametrize("kind", ["<u2", "<i4"])
@pytest.mark.parametrize("offsets", [[0, 4, 8, 12], [0, -4, -8, -12]])
def test_values_left_in_the_file_are_those_read_with_it(
    kind: str, offsets: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = objects.dose(np.arange(24, dtype=kind).reshape(4, 3, 2) * 7)
    ds.GridFrameOffsetVector = offsets
    whole = load(ds, tmp_path)
    monkeypatch.setattr(parsing, "LARGE_BYTES", 16)
    data = to_bytes(ds)
    found, _ = header(data, tmp_path / "dose")
    left, _ = load_dose(found)
    np.testing.assert_array_equal(left.values_gy, whole.values_gy)
    (tmp_path / "dose").write_bytes(data[:-9])
    with pytest.raises(DoseError, match="ends within the pixel data"):
        load_dose(found)


def test_doses_are_the_stored_integers_times_the_scaling_rounded_once(tmp_path: Path) -> None:
    stored = np.random.default_rng(1).integers(0, 2**31, (4, 3, 2)).astype("<u4")
    ds = objects.dose(stored)
    ds.DoseGridScaling = "3.0517578e-8"
    expected = (stored.astype(np.float64) * 3.0517578e-8).astype(np.float32)
    np.testing.assert_array_equal(load(ds, tmp_path).values_gy, expected)
