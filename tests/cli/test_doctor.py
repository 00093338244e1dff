"""``rtplan doctor``: what is there, how it links, what is wrong; 0, 3 or 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtplan.cli.main import main
from tests.dicom.objects import dose, plan, save, structure_set

DATA = Path(__file__).parents[1] / "data"


def test_sound_case_is_0_and_says_how_it_links(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(DATA / "breast")]) == 0
    out = capsys.readouterr().out
    for words in ("4 ROIs", "7 fractions", "the plan's total dose", "Tumor Bed", "RTS001"):
        assert words in out
    assert out.index("warning RTS001") < out.index("info FIL004")


def test_error_is_3_and_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    relative = dose()
    relative.DoseUnits = "RELATIVE"
    save(tmp_path, structure_set(("A", "A")), plan(), relative)
    assert main(["doctor", str(tmp_path)]) == 3
    out = capsys.readouterr().out
    assert "dose: not used: Dose Units is RELATIVE" in out
    assert out.index("error RTD001") < out.index("warning RTS015")
    assert "ZZPHI" not in out


def test_strict_makes_warnings_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path, structure_set(("A", "A")))
    assert main(["doctor", str(tmp_path)]) == 0
    assert main(["doctor", str(tmp_path), "--strict"]) == 3
    assert "error RTS015" in capsys.readouterr().out


def test_doubt_is_2_and_what_was_found_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, structure_set(), structure_set(uid="1.2.3.10"))
    assert main(["doctor", str(tmp_path)]) == 2
    shown = capsys.readouterr()
    assert "2 ROIs" in shown.out
    assert "--structure-set" in shown.err
    assert main(["doctor", str(tmp_path), "--structure-set", "3.10"]) == 0


def test_damaged_file_alone_is_3(tmp_path: Path) -> None:
    (tmp_path / "plan").write_bytes((DATA / "pydicom/rtplan_truncated.dcm").read_bytes())
    assert main(["doctor", str(tmp_path)]) == 3


def test_missing_folder_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "/no/such/folder"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_json_is_complete_and_the_same_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, structure_set(), plan(), dose())
    texts = []
    for _ in range(2):
        assert main(["doctor", str(tmp_path), "--json", "-"]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    content = json.loads(texts[0])
    assert content["schema"] == "rtplan/doctor/1"
    assert content["case"]["dose_is_plans"] is True
    assert [item["modality"] for item in content["inputs"]] == ["RTSTRUCT", "RTPLAN", "RTDOSE"]
    assert "ZZPHI" not in texts[0]
    assert str(tmp_path) not in texts[0]
