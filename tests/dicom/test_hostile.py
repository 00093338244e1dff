"""Files made to exhaust memory or time are refused; ``tests.dicom.hostile`` has more of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtplan.dicom.dose import load_dose, read_dose_header
from rtplan.dicom.image import read_image
from rtplan.dicom.limits import Limits, within
from rtplan.dicom.parse import parse
from rtplan.dicom.pixels import syntax_name
from rtplan.dicom.read import read
from rtplan.dicom.structures import read_structure_set
from rtplan.errors import DicomError, DoseError
from tests.dicom import hostile, objects
from tests.dicom.objects import to_bytes

DATA = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("sequences nested 100,000 deep", "FIL003"),
        ("length of 4 GiB, 100 bytes there", "FIL001"),
        ("dose of 65535 x 65535 x 9999", "RTD003"),
        ("RLE dose of 600 MiB", "RTD005"),
        ("deflated structure set of 2 GiB", "FIL003"),
    ],
)
def test_a_bomb_takes_little_memory_and_time(name: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(hostile.SMALL[name]())
    exit_code, said, seconds, peak = hostile.measure(path)
    assert (exit_code, said) == (3, code)
    assert seconds < 10
    assert peak < 250


def test_deflated_objects_are_read(tmp_path: Path) -> None:
    plain = [to_bytes(ds, explicit=True) for ds in (objects.structure_set(), objects.dose())]
    whole, _ = read_structure_set(parse(plain[0], modality="RTSTRUCT"))
    packed, notes = read_structure_set(parse(hostile.deflated(plain[0]), modality="RTSTRUCT"))
    assert notes == ()
    assert [c.points_mm.tolist() for s in packed for c in s.contours] == [
        c.points_mm.tolist() for s in whole for c in s.contours
    ]
    path = tmp_path / "dose"
    path.write_bytes(hostile.deflated(plain[1]))
    found, _ = read_dose_header(parse(path.read_bytes(), modality="RTDOSE"), str(path))
    assert np.allclose(load_dose(found)[0].values_gy.ravel(), np.arange(24))


def test_a_deflated_image_is_read_within_the_limit(tmp_path: Path) -> None:
    (tmp_path / "ct").write_bytes(hostile.ct_of(hostile.MIB))
    (tmp_path / "rs").write_bytes(to_bytes(objects.structure_set()))
    (series,) = read(str(tmp_path)).series
    assert np.allclose(read_image(series.series).values.ravel(), np.arange(12) - 1000)
    with within(Limits(deflated_mib=1)):
        inventory = read(str(tmp_path))
    assert inventory.series == ()
    assert [note.code for note in inventory.findings] == ["FIL003"]


@pytest.mark.parametrize("cut", [2, 40, 100])
def test_deflated_data_that_is_cut_off_is_refused(cut: int) -> None:
    data = hostile.deflated(to_bytes(objects.structure_set(), explicit=True))
    with pytest.raises(DicomError, match="cut off"):
        parse(data[:-cut], modality="RTSTRUCT")


def test_too_many_elements_are_refused() -> None:
    with within(Limits(elements=1000)):
        assert parse(to_bytes(objects.structure_set()), modality="RTSTRUCT").problem is None
        with pytest.raises(DicomError, match="more than 1000 elements"):
            parse(hostile.many_elements(2000), modality="RTSTRUCT")


def test_zeros_behind_the_data_set_are_not_parsed() -> None:
    parsed = parse(hostile.many_elements(0) + bytes(1 << 20), modality="RTSTRUCT")
    assert parsed.problem is None
    assert "00000000" not in {f"{element.tag:08x}" for element in parsed.dataset}


@pytest.mark.parametrize(
    "text", [b"1\\" * 3_000_000 + b"1", b"\\" * 3_100_000], ids=["numbers", "separators"]
)
def test_a_contour_of_too_many_points_stops_its_roi(text: bytes) -> None:
    found, notes = read_structure_set(parse(hostile.contour_of(text), modality="RTSTRUCT"))
    assert "more than 1000000 points" in (found.structures[0].problem or "")
    assert "RTS003" in {note.code for note in notes}


def rle(frames: int) -> bytes:
    return hostile.rle_dose(frames, rows=16, columns=16)


def test_rle_frames_are_read(tmp_path: Path) -> None:
    path = tmp_path / "dose"
    path.write_bytes(rle(3))
    found, notes = read_dose_header(parse(path.read_bytes(), modality="RTDOSE"), str(path))
    assert (found.problem, notes) == (None, ())
    assert np.allclose(load_dose(found)[0].values_gy, 257 * 0.01)


def test_rle_of_fewer_frames_than_promised_is_refused(tmp_path: Path) -> None:
    data = rle(3)
    frame = data[data.rindex(b"\xfe\xff\x00\xe0") : data.rindex(b"\xfe\xff\xdd\xe0")]
    path = tmp_path / "dose"
    path.write_bytes(data.replace(frame * 3, frame * 2))
    found, _ = read_dose_header(parse(path.read_bytes(), modality="RTDOSE"), str(path))
    with pytest.raises(DoseError, match=r"RLE pixel data|decodes to 512 values"):
        load_dose(found)


def test_rle_that_promises_too_much_is_refused() -> None:
    with within(Limits(rle_mib=1)):
        found, notes = read_dose_header(parse(hostile.rle_dose(1), modality="RTDOSE"), "")
    assert "2097152 bytes, expected at most 1 MiB" in (found.problem or "")
    assert [note.code for note in notes] == ["RTD005"]


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        ("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless"),
        ("1.2.840.10008.1.2.4.90", "JPEG 2000"),
        ("1.2.840.10008.1.2.4.70", "JPEG Lossless"),
        ("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000"),
        ("1.2.3.4", "unknown transfer syntax"),
    ],
)
def test_other_compression_is_refused_by_name(uid: str, name: str) -> None:
    data = hostile.with_syntax(rle(3), uid, lambda body: body)
    found, notes = read_dose_header(parse(data, modality="RTDOSE"), "")
    assert [note.code for note in notes] == ["RTD005"]
    assert name in (found.problem or "")
    assert uid in syntax_name(uid)
