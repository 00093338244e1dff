"""Limits are stated, can be set, and hold for what they bound."""

from __future__ import annotations

import sys
import time
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from rtplan.cli.main import main
from rtplan.dicom.dose import load_dose, read_dose_header
from rtplan.dicom.image import read_image
from rtplan.dicom.limits import (
    MIB,
    Limits,
    allowed,
    bounded_memory,
    listing,
    parse_limits,
    table_markdown,
    within,
)
from rtplan.dicom.parse import parse
from rtplan.dicom.read import read
from rtplan.errors import DoseError, InputError
from tests.dicom import hostile, objects
from tests.dicom.objects import save, to_bytes

ROOT = Path(__file__).parents[2]


def test_the_documented_limits_are_those_that_hold() -> None:
    assert table_markdown() in (ROOT / "docs" / "dicom.md").read_text(encoding="utf-8")
    assert all(f"{item.name}={item.default}" in listing() for item in fields(Limits))


def test_limits_hold_within_their_block_only() -> None:
    with within(Limits(rois=7)):
        assert allowed().rois == 7
        with within(replace(allowed(), files=3)):
            assert (allowed().rois, allowed().files) == (7, 3)
    assert allowed() == Limits()


def test_texts_change_the_limits_they_name() -> None:
    assert parse_limits(["rois=5", "file_mib=1", "rois=6"]) == Limits(rois=6, file_mib=1)
    assert parse_limits([]) == Limits()


@pytest.mark.parametrize(
    "text",
    [
        *("rois", "rois=", "rois=0", "rois=-1", "rois=1.5", "rois=1e9", "rois=٣", "roi=1", "=1"),
        *("rois=1000000000001", f"rois={1:016}{9:030}"),
    ],
)
def test_other_texts_are_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(InputError, match=r"rois=10000"):
        parse_limits([text])


def test_the_option_holds_for_every_reader_of_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, objects.structure_set(("A", "B")))
    with within(Limits()):
        assert main(["doctor", str(tmp_path)]) == 0
        assert main(["doctor", str(tmp_path), "--limit", "rois=1"]) == 3
        assert "lists 2 ROIs, expected at most 1 (--limit rois)" in capsys.readouterr().out
        assert main(["lesions", str(tmp_path), "--limit", "rois=1"]) == 2
        assert main(["doctor", str(tmp_path), "--limit", "roi=1"]) == 2
        assert "there are: files=200000" in capsys.readouterr().err


def test_reading_for_too_long_stops_and_names_the_slowest_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, objects.structure_set(), objects.plan(), objects.dose())
    clock = iter([0.0, 0.0, 7.0, 9.0, 9.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with (
        within(Limits(read_s=8)),
        pytest.raises(InputError, match=r"1 of 3 files not read.*file 1 of 3.*took 7 s"),
    ):
        read(str(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux alone")
def test_memory_beyond_the_limit_is_refused_and_given_back() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with (
        within(Limits(memory_mib=64)),
        pytest.raises(InputError, match="memory_mib=64"),
        bounded_memory(),
    ):
        np.ones(256 * MIB, dtype=np.uint8)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    with within(Limits(memory_mib=64)), bounded_memory():
        np.ones(MIB, dtype=np.uint8)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux alone")
def test_a_dose_beyond_the_memory_is_not_used_and_the_rest_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of 0.5 MiB in RLE whose values take 128 MiB."""
    dose = hostile.rle_dose(8, rows=2048, columns=2048)
    save(tmp_path, objects.structure_set(), objects.plan())
    (tmp_path / "dose").write_bytes(dose)
    with within(Limits()):
        code = main(["doctor", str(tmp_path), "--limit", "memory_mib=96"])
    out = capsys.readouterr().out
    assert code == 3
    assert "there is not enough memory" in out  # to decode it, or to keep what was decoded
    assert "GTV" in out


def test_values_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    ds = objects.dose(np.zeros((2, 600, 600), dtype="<u4"))
    with within(Limits(values_mib=1)):
        found, notes = read_dose_header(parse(to_bytes(ds), modality="RTDOSE"), "")
    assert [note.code for note in notes] == ["RTD004"]
    with pytest.raises(DoseError, match="values_mib"):
        load_dose(found)
    wide = [objects.ct(z) for z in (0, 3)]
    for slice_ in wide:
        slice_.Rows = slice_.Columns = 600
        slice_.PixelData = bytes(2 * 600 * 600)
    (series,) = read(str(save(tmp_path, objects.structure_set(), *wide))).series
    assert read_image(series.series).values.shape == (2, 600, 600)
    with within(Limits(values_mib=1)), pytest.raises(InputError, match="values_mib"):
        read_image(series.series)


def test_files_and_members_beyond_the_limit_are_findings(tmp_path: Path) -> None:
    large = to_bytes(objects.structure_set(uid="1.2.3.77")) + bytes(MIB)
    folder = save(tmp_path / "folder", objects.structure_set())
    (folder / "large").write_bytes(large)
    archive = tmp_path / "z"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("rs", to_bytes(objects.structure_set()))
        packed.writestr("large", large)
    for path, code in ((folder, "FIL003"), (archive, "FIL008")):
        assert len(read(str(path)).structure_sets) == 2
        with within(Limits(file_mib=1)):
            inventory = read(str(path))
        assert [note.code for note in inventory.findings] == [code]
        assert len(inventory.structure_sets) == 1
    with within(Limits(archive_mib=1)), pytest.raises(InputError, match="archive_mib"):
        read(str(archive))


def test_other_limits_hold() -> None:
    data = to_bytes(objects.structure_set())
    with within(Limits(nesting=2)):
        assert "deeper than 2 levels" in (parse(data, modality="").problem or "")
    with within(Limits(contour_points=3)):
        from rtplan.dicom.structures import read_structure_set

        found, notes = read_structure_set(parse(data, modality=""))
        assert {note.code for note in notes} == {"RTS003"}
        assert all("contour_points" in (item.problem or "") for item in found)
