"""Image series: ordered by position, split by kind, pixels rescaled on demand."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from rtplan.dicom.image import Slice, group_series, read_image, read_slice
from rtplan.dicom.inventory import FoundSeries
from rtplan.dicom.read import read
from rtplan.errors import DicomError, InputError
from tests.dicom import objects
from tests.dicom.objects import ct, to_bytes

DATA = Path(__file__).parents[1] / "data"


def slice_of(ds: Dataset, *, cut: int = 0) -> Slice:
    data = to_bytes(ds)
    data = data[: len(data) - cut]
    return read_slice(io.BytesIO(data), len(data), locator=ds.SOPInstanceUID, modality="CT")


def group(*slices: Dataset) -> tuple[tuple[FoundSeries, ...], list[str]]:
    found, notes = group_series([slice_of(ds) for ds in slices])
    return found, [note.code for note in notes]


def test_slices_are_ordered_by_position_not_by_number() -> None:
    found, notes = group(*(ct(z, number=n) for n, z in enumerate((6, 0, 3))))
    (only,) = found
    assert only.uids == ("1.2.6.1000", "1.2.6.1030", "1.2.6.1060")
    assert only.series.grid is not None
    assert only.series.grid.axes_mm[2].tolist() == [0, 3, 6]
    assert only.series.grid.spacing_mm == (0.25, 0.5, 3)
    assert notes == []


@pytest.mark.parametrize(
    ("positions", "codes"),
    [((0, 3, 6, 9), []), ((0, 3, 9, 12), ["IMG003"]), ((0, 3, 6, 9.5), ["IMG004"])],
)
def test_gaps_and_uneven_steps_are_said(positions: tuple[float, ...], codes: list[str]) -> None:
    assert group(*(ct(z) for z in positions))[1] == codes


def test_gaps_are_named_by_where_they_are() -> None:
    slices = [slice_of(ct(z)) for z in (0, 3, 6, 15, 18, 21, 30, 33, 36, 48, 51, 54, 63)]
    (note,) = group_series(slices)[1]
    assert note.text == (
        "4 gaps between slices that are usually 3 mm apart: between 6.0 and 15.0 mm, between "
        "21.0 and 30.0 mm, between 36.0 and 48.0 mm, and 1 more"
    )


def test_second_image_at_a_position_is_set_aside() -> None:
    found, notes = group(ct(0), ct(3, number=2), ct(3, uid="1.2.7.1", number=1))
    assert found[0].uids == ("1.2.6.1000", "1.2.7.1")
    assert notes == ["IMG002"]


def test_localizer_and_broken_images_are_set_aside() -> None:
    localizer, broken = ct(9), ct(12)
    localizer.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    del broken.ImagePositionPatient
    found, notes = group(ct(0), ct(3), localizer, broken)
    assert len(found[0].uids) == 2
    assert notes == ["IMG001", "IMG007"]


def test_series_is_split_by_frame_of_reference() -> None:
    other = ct(3)
    other.FrameOfReferenceUID = "1.2.9.9"
    found, notes = group(ct(0), other, ct(6))
    assert [len(item.uids) for item in found] == [2, 1]
    assert notes == ["IMG008"]


def test_tilted_series_forms_no_grid() -> None:
    tilted = ct(3)
    tilted.ImagePositionPatient = [-1, 5, 3]
    found, notes = group(ct(0), tilted)
    assert found[0].series.grid is None
    assert notes == ["IMG005"]
    with pytest.raises(InputError, match="no grid"):
        read_image(found[0].series)


def test_cut_off_pixel_data_is_seen_without_reading_it() -> None:
    assert slice_of(ct(0), cut=2).problem == "its pixel data is cut off"
    assert slice_of(ct(0)).problem is None


@pytest.mark.parametrize(("cut", "problem"), [(0, None), (2, "its pixel data is cut off")])
def test_only_the_header_of_a_large_image_is_read(cut: int, problem: str | None) -> None:
    large = ct(0)
    large.Rows = large.Columns = 2048
    large.PixelData = bytes(2 * 2048 * 2048)
    found = slice_of(large, cut=cut)
    assert found.shape == (2048, 2048)
    assert found.problem == problem


@pytest.mark.parametrize("group", [0x0009, 0x0029])
def test_an_absurdly_long_header_sets_the_image_aside(group: int) -> None:
    ds = ct(0)
    ds.add_new((group, 0x0010), "LO", "VENDOR")
    ds.add_new((group, 0x1001), "UN", bytes(5 << 20))
    try:
        problem = slice_of(ds).problem
    except DicomError as error:
        problem = str(error)
    assert problem in (
        "its pixel data is cut off",
        "an image has no SOP Instance UID or no Series Instance UID",
    )


def test_oblique_series_has_its_own_axes() -> None:
    slices = []
    for path in sorted((DATA / "orientation").glob("[0-9].dcm")):
        with path.open("rb") as stream:
            slices.append(read_slice(stream, path.stat().st_size, locator=str(path), modality="CT"))
    found, _ = group_series(slices)
    grid = found[0].series.grid
    assert grid is not None
    assert grid.shape == (3, 50, 100)
    normal = np.cross(*np.reshape(slices[0].orientation, (2, 3)))
    assert np.allclose(grid.directions[:, 2], normal, atol=1e-6)
    image = read_image(found[0].series)
    assert image.values.shape == (3, 50, 100)


def folder(tmp_path: Path) -> Path:
    slices = [ct(z) for z in (0, 3, 6, 12)]
    for n, ds in enumerate(slices):
        ds.RescaleSlope = str(1 + n)
    return objects.save(tmp_path / "in", objects.structure_set(), *slices[::-1])


def test_pixels_are_rescaled_slice_by_slice_and_the_same_from_a_zip(tmp_path: Path) -> None:
    path = folder(tmp_path)
    archive = tmp_path / "in.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(path.iterdir()):
            packed.write(file, f"sub/{file.name}")
    images = [read_image(read(str(p)).series[0].series) for p in (path, archive)]
    stored = np.stack([np.arange(12.0).reshape(3, 4) + z for z in (0, 3, 6, 12)])
    expected = stored * np.array([1, 2, 3, 4])[:, None, None] - 1000
    for image in images:
        assert np.allclose(image.values, expected)
        assert image.grid.axes_mm[2].tolist() == [0, 3, 6, 12]
        assert not image.values.flags.writeable


def test_decimal_commas_are_read_as_points_and_said(tmp_path: Path) -> None:
    """SimpleITK would read the slope as 1."""
    path = tmp_path / "in"
    path.mkdir()
    for n, z in enumerate((0, 3)):
        ds = ct(z)
        ds.PixelSpacing, ds.RescaleSlope = ["0.125", "0.25"], "2.75"
        data = objects.swapped(to_bytes(ds), b"0.125\\0.25", b"0,125\\0,25")
        (path / f"{n}").write_bytes(objects.swapped(data, b"2.75", b"2,75"))
    objects.save(path, objects.structure_set())
    inventory = read(str(path))
    assert [(note.code, note.text) for note in inventory.findings] == [
        ("FIL014", "decimal commas in PixelSpacing, RescaleSlope of 2 images")
    ]
    image = read_image(inventory.series[0].series)
    assert image.grid.spacing_mm == (0.25, 0.125, 3)
    assert image.values.max() == pytest.approx(14 * 2.75 - 1000)


def test_a_decimal_comma_in_a_later_image_is_read_as_a_point(tmp_path: Path) -> None:
    first, second = ct(0), ct(3)
    second.RescaleSlope = "2.75"
    objects.save(tmp_path, objects.structure_set(), first)
    (tmp_path / "z").write_bytes(objects.swapped(to_bytes(second), b"2.75", b"2,75"))
    image = read_image(read(str(tmp_path)).series[0].series)
    np.testing.assert_allclose(image.values[1], 2.75 * second.pixel_array - 1000.0)
