"""``rtplan lesions`` on files."""

import json
from pathlib import Path

import pytest

from rtplan.cli.main import main
from rtplan.dicom.write import Study, structure_set, to_bytes
from rtplan.geometry.contour import Structure
from tests.lesions.drawing import gtv, sphere, structures

PAIR = (gtv("GTV_1", sphere((0, 0, 0), 10)), gtv("GTV_2", sphere((60, 0, 0), 10)))
TOUCHING = (gtv("GTV_1", sphere((0, 0, 0), 10)), gtv("GTV_2", sphere((20, 0, 0), 10)))


def folder(tmp_path: Path, *items: Structure) -> str:
    study = Study("lesions", patient_name="ZZPHI^SENTINEL", patient_id="ZZPHI-ID")
    dataset = structure_set(study, structures(*items).structures)
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "rs.dcm").write_bytes(to_bytes(dataset))
    return str(tmp_path / "case")


def test_definite_count_is_printed_first_and_exits_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lesions", folder(tmp_path, *PAIR), "--quiet"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("2 metastases.")
    assert "ZZPHI" not in output


def test_two_readings_exit_3_and_name_the_pair(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lesions", folder(tmp_path, *TOUCHING), "--quiet"]) == 3
    output = capsys.readouterr().out
    assert output.startswith("2 metastases (between 1 and 2).")
    assert "GTV_1 and GTV_2 touch" in output


def test_no_target_exits_3_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder(tmp_path, gtv("Heart", sphere((0, 0, 0), 40), kind="ORGAN"))
    assert main(["lesions", path, "--quiet", "--json", "-"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["count"] == {"lower": None, "best": None, "upper": None}
    assert "no target" in document["reason"]


def test_json_is_complete_and_the_same_every_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder(tmp_path, *PAIR)
    texts = []
    for _ in range(2):
        assert main(["lesions", path, "--quiet", "--json", "-"]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert "ZZPHI" not in texts[0]
    document = json.loads(texts[0])
    assert document["schema"] == "rtplan/lesions/1"
    assert {"version", "settings", "inputs", "count", "lesions", "structures", "findings"} <= set(
        document
    )
    assert document["count"] == {"lower": 2, "best": 2, "upper": 2}
    assert [s["use"] for s in document["structures"]] == ["counted", "counted"]


def test_facts_are_heard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = tmp_path / "facts.toml"
    facts.write_text('[[lesion]]\nstructure = "GTV_2"\ncategory = "primary"\n', encoding="utf-8")
    path = folder(tmp_path, *PAIR)
    assert main(["lesions", path, "--quiet", "--facts", str(facts)]) == 0
    assert capsys.readouterr().out.startswith("1 metastasis; 1 more not counted")


def test_facts_that_name_no_lesion_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = tmp_path / "facts.toml"
    facts.write_text('[[lesion]]\nstructure = "GTV_3"\ncategory = "primary"\n', encoding="utf-8")
    path = folder(tmp_path, *PAIR)
    assert main(["lesions", path, "--quiet", "--facts", str(facts)]) == 2
    assert "nearest is 'GTV_" in capsys.readouterr().err


def test_missing_folder_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lesions", str(tmp_path / "none"), "--quiet"]) == 2
    assert capsys.readouterr().err


def test_figures_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "figures"
    path = folder(tmp_path, PAIR[0])
    assert main(["lesions", path, "--quiet", "--figures", str(target)]) == 0
    written = list(target.glob("*.png"))
    assert written
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in written)
    assert capsys.readouterr().out


def test_breast_example_has_a_cavity_and_no_metastasis(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = Path(__file__).parents[1] / "data" / "breast"
    assert main(["lesions", str(path), "--quiet", "--json", "-"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["count"] == {"lower": 0, "best": 0, "upper": 1}
    assert "cavity" in document["reason"]
