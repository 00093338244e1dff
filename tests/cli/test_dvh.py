"""``rtplan dvh``: numbers, files, exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtplan.cli.dvh import _missing
from rtplan.cli.main import main
from rtplan.dvh.curve import StructureDVH
from rtplan.geometry.contour import Contour, GeometricType, Structure

BREAST = Path(__file__).parents[1] / "data" / "breast"


def dvh(*options: str, path: Path = BREAST, target: Path) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON document of a run."""
    code = main(["dvh", str(path), "--json", str(target), *options])
    document: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return code, document


def test_document_is_the_contract_s(tmp_path: Path) -> None:
    options = ["--roi", "Tumor Bed", "--metric", "D95", "--metric", "V5Gy"]
    code, document = dvh(*options, target=tmp_path / "dvh.json")
    assert code == 0
    assert document["schema"] == "rtplan/dvh/1"
    assert {"version", "settings", "inputs", "structures", "findings"} <= set(document)
    assert document["settings"]["end_cap"] == "rounded"
    (bed,) = document["structures"]
    assert bed["name"] == "Tumor Bed"
    assert bed["volume_cc"] == pytest.approx(12.81, rel=0.04)  # the planning system's volume
    assert set(bed["metrics"]) == {"D95%[Gy]", "V5Gy[%]"}
    assert bed["metrics"]["V5Gy[%]"] == {
        "value": 100.0,
        "uncertainty": 0.0,
        "uncertainty_reason": None,
        "status": "evaluated",
        "reason": None,
    }
    curve = bed["dvh"]
    assert len(curve["dose_gy"]) == len(curve["volume_cc"]) <= 1000
    assert curve["volume_cc"][0] == pytest.approx(bed["covered_cc"])
    assert curve["volume_cc"][-1] == 0
    assert curve["dose_gy"][0] == pytest.approx(bed["dose_gy"]["min"], abs=1e-6)
    assert curve["dose_gy"][-1] == pytest.approx(bed["dose_gy"]["max"], abs=1e-6)


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    dvh(target=tmp_path / "one.json")
    dvh(target=tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_empty_roi_is_null_with_its_reason_and_3_when_asked(tmp_path: Path) -> None:
    code, document = dvh("--roi", "Areola", target=tmp_path / "dvh.json")
    assert code == 3
    (areola,) = document["structures"]
    assert areola["volume_cc"] is None
    assert areola["dvh"] is None
    assert areola["dose_gy"] == {"min": None, "mean": None, "max": None}
    assert areola["reason"] == "it has no contours"


def test_empty_roi_does_not_count_where_none_was_asked(tmp_path: Path) -> None:
    assert dvh(target=tmp_path / "dvh.json")[0] == 0


def test_roi_of_contours_too_short_counts_where_none_was_asked() -> None:
    """It was drawn, and what was drawn cannot be evaluated; points and lines are no volume."""
    short, point = np.zeros((2, 3)), np.zeros((1, 3))
    broken = Structure(1, "GTV", "GTV", (Contour(short),))
    marker = Structure(2, "Marker", "MARKER", (Contour(point, GeometricType.POINT),))
    for structure, expected in ((broken, True), (marker, False)):
        result = StructureDVH(structure.number, structure.name, "", None, None, None, "why")
        assert _missing([result], [{}], [structure], asked=False) is expected


def test_unknown_roi_and_metric_are_2_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dvh", str(BREAST), "--roi", "Hart"]) == 2
    assert "no ROI is called 'Hart'; there are" in capsys.readouterr().err
    assert main(["dvh", str(BREAST), "--metric", "V20"]) == 2
    assert 'write "V20Gy" or "V20%"' in capsys.readouterr().err


def test_json_to_standard_output_is_nothing_but_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dvh", str(BREAST), "--roi", "#9", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["structures"][0]["number"] == 9


def test_csv_and_plot_are_written(tmp_path: Path) -> None:
    files = ["--csv", str(tmp_path / "dvh.csv"), "--plot", str(tmp_path / "dvh.svg")]
    assert main(["dvh", str(BREAST), *files]) == 0
    with (tmp_path / "dvh.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["structure_name"] for row in rows} >= {"Tumor Bed"}
    assert (tmp_path / "dvh.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_dose_of_another_frame_of_reference_leaves_volumes(tmp_path: Path) -> None:
    from pydicom import dcmread

    folder = tmp_path / "case"
    folder.mkdir()
    for name in ("rtss.dcm", "rtplan.dcm", "rtdose.dcm"):
        dataset = dcmread(BREAST / name)
        if name == "rtdose.dcm":
            dataset.FrameOfReferenceUID = "1.2.3.4"
        dataset.save_as(folder / name)
    code, document = dvh(path=folder, target=tmp_path / "dvh.json")
    assert code == 3
    bed = next(item for item in document["structures"] if item["name"] == "Tumor Bed")
    assert bed["volume_cc"] > 12
    assert bed["dvh"] is None
    assert "frame of reference" in bed["reason"]


def test_curves_go_to_standard_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dvh", str(BREAST), "--csv", "-"]) == 0
    assert capsys.readouterr().out.startswith("structure_number,structure_name")


def test_place_that_cannot_be_written_is_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--json", "--csv", "--plot"):
        assert main(["dvh", str(BREAST), option, str(tmp_path)]) == 2
        assert "cannot write" in capsys.readouterr().err


def test_strict_gives_no_number_where_there_is_a_warning(tmp_path: Path) -> None:
    code, document = dvh("--strict", target=tmp_path / "dvh.json")
    assert code == 3
    assert {item["severity"] for item in document["findings"]} <= {"error", "info"}


def test_roi_asked_twice_is_given_once(tmp_path: Path) -> None:
    _, document = dvh("--roi", "Scar", "--roi", "#8", target=tmp_path / "dvh.json")
    assert [item["number"] for item in document["structures"]] == [8]


def test_no_progress_where_output_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dvh", str(BREAST)]) == 0
    assert capsys.readouterr().err == ""


def test_progress_stops_with_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    import argparse
    import sys
    import threading

    from rtplan.cli import common

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    before = threading.active_count()
    with common.progress(argparse.Namespace(quiet=False)) as report:
        report(1, 2, "working")
    assert threading.active_count() == before


def test_error_of_another_roi_does_not_touch_what_was_asked(tmp_path: Path) -> None:
    """Two ROIs with one number are an error; the sound one beside them is evaluated."""
    from pydicom import dcmread

    folder = tmp_path / "case"
    folder.mkdir()
    for name in ("rtss.dcm", "rtplan.dcm", "rtdose.dcm"):
        dataset = dcmread(BREAST / name)
        if name == "rtss.dcm":
            dataset.StructureSetROISequence[0].ROINumber = 8
        dataset.save_as(folder / name)
    code, document = dvh("--roi", "Tumor Bed", path=folder, target=tmp_path / "dvh.json")
    assert code == 0
    assert "error" in {item["severity"] for item in document["findings"]}
    assert document["structures"][0]["dvh"] is not None
    assert dvh("--roi", "Tumor Bed", "--strict", path=folder, target=tmp_path / "dvh.json")[0] == 3


def test_a_plot_is_not_written_under_the_suffix_of_another_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "dvh.png"
    with pytest.raises(SystemExit) as stop:
        main(["dvh", str(tmp_path), "--plot", str(plot)])
    assert stop.value.code == 2
    assert "a plot is SVG" in capsys.readouterr().err
    assert not plot.exists()
