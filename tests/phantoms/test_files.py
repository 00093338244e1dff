"""Phantoms as files: linked, valid, the same every time, and never over other files."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from rtplan.cli.main import main
from rtplan.errors import InputError
from rtplan.phantoms import build, catalogue, make
from rtplan.phantoms.files import file_names, render

SMALL = [entry.name for entry in catalogue() if entry.name != "esophagus-oligomet"]


def test_names_are_unique_and_described() -> None:
    entries = catalogue()
    assert len({entry.name for entry in entries}) == len(entries)
    assert all(entry.description for entry in entries)


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match="'sphere-linear'"):
        make("spere-linear")


def test_objects_refer_to_one_another(tmp_path: Path) -> None:
    written = build("sphere-linear", tmp_path)
    assert sorted(written) == sorted(
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    )
    images = [pydicom.dcmread(path) for path in sorted(tmp_path.glob("CT/*"))]
    structures, plan, dose = (
        pydicom.dcmread(tmp_path / name) for name in ("RS.dcm", "RP.dcm", "RD.dcm")
    )
    assert dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == plan.SOPInstanceUID
    assert (
        plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == structures.SOPInstanceUID
    )
    objects = [*images, structures, plan, dose]
    assert len({item.FrameOfReferenceUID for item in objects}) == 1
    assert len({item.StudyInstanceUID for item in objects}) == 1
    assert len({item.SOPInstanceUID for item in objects}) == len(objects)
    assert {str(item.PatientName) for item in objects} == {"PHANTOM^sphere-linear"}
    planes = {float(image.ImagePositionPatient[2]) for image in images}
    drawn = {
        float(contour.ContourData[2])
        for contour in structures.ROIContourSequence[0].ContourSequence
    }
    assert drawn < planes


@pytest.mark.parametrize("name", ["cone-linear", "hollow-sphere-xor"])
def test_the_same_bytes_every_time(name: str) -> None:
    def digest() -> str:
        joined = hashlib.sha256()
        for file, data in render(make(name)):
            joined.update(file.encode())
            joined.update(data)
        return joined.hexdigest()

    assert digest() == digest()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt"):
        build("sphere-linear", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_phantom_may_be_written_again_but_not_over_another(tmp_path: Path) -> None:
    first = build("sphere-linear", tmp_path)
    assert build("sphere-linear", tmp_path) == first
    with pytest.raises(InputError, match="empty folder"):
        build("cone-linear", tmp_path / "CT")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="is a file"):
        build("sphere-linear", tmp_path / "out")


def test_progress_counts_up_to_the_number_of_files(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    written = build(
        "cone-linear", tmp_path, progress=lambda done, total, text: seen.append((done, total))
    )
    assert seen == [(n, len(written)) for n in range(1, len(written) + 1)]


@pytest.mark.parametrize("name", SMALL)
def test_truth_is_finite_and_falls(name: str) -> None:
    phantom = make(name)
    (structure,) = json.loads(json.dumps(phantom.truth, allow_nan=False))["structures"]
    curve = np.array(structure["dvh"]["volume_cc"])
    assert curve[0] == pytest.approx(structure["volume_cc"])
    assert curve[-1] == pytest.approx(0.0, abs=1e-9)
    assert (np.diff(curve) <= 1e-12).all()
    drawn = structure["drawn"]["half_slice_prisms_cc"]
    assert drawn == pytest.approx(structure["volume_cc"], rel=1e-3)
    assert len(file_names(phantom)) == phantom.image.shape[0] + 4


@pytest.mark.parametrize("name", SMALL)
def test_dose_grid_reaches_all_that_is_drawn(name: str) -> None:
    phantom = make(name)
    half_slice = 0.25
    for structure in phantom.structures:
        for contour in structure.contours:
            inside = phantom.dose.grid.coordinates_mm(contour.points_mm)
            last = np.array([axis[-1] for axis in phantom.dose.grid.axes_mm])
            assert (inside >= half_slice).all()
            assert (inside <= last - half_slice).all()


def test_command_lists_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phantom", "list"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [entry.name for entry in catalogue()]
    out = tmp_path / "out"
    assert main(["phantom", "tube-nested", "--out", str(out)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("wrote ")
    assert last.endswith(str(out))
    assert (out / "truth.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing-like-it", "--out", "x"], "no phantom is called"),
        (["sphere-linear"], "--out DIR"),
    ],
)
def test_command_that_cannot_be_done_is_unusable(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["phantom", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
def test_dciodvfy_finds_no_error(tmp_path: Path) -> None:
    build("hollow-sphere-nested", tmp_path)
    # It stops on a dose of 32 bits a voxel (an assertion of its own).
    for name in ("CT/CT_0001.dcm", "RS.dcm", "RP.dcm"):
        done = subprocess.run(
            ["dciodvfy", "-new", str(tmp_path / name)], capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        assert "Error" not in said, said
        assert "Warning" not in said, said
