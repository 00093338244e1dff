"""``rtplan lesions`` on files."""

import json
from pathlib import Path

import numpy as np
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
    written = sorted(target.glob("*.png"))
    assert [p.name for p in written] == ["lesion-L1.png", "overview.png"]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in written)
    assert capsys.readouterr().out


def test_without_a_lesion_no_figure_is_written_and_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder(tmp_path, gtv("Heart", sphere((0, 0, 0), 40), kind="ORGAN"))
    target = tmp_path / "figures"
    assert main(["lesions", path, "--quiet", "--figures", str(target)]) == 3
    assert not target.exists()
    assert "no figure is written" in capsys.readouterr().err


def test_neighbours_and_distances_asked_for_are_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cord = gtv("Spinal Cord", sphere((0, 40, 0), 5), kind="ORGAN")
    far = gtv("GTV_3", sphere((0, 0, 300), 10))
    path = folder(tmp_path, *PAIR, far, cord, gtv("Empty", kind="ORGAN"))
    options = ["--quiet", "--distance-to", "spinal_cord", "--distance-to", "#5"]
    main(["lesions", path, *options, "--json", "-"])
    document = json.loads(capsys.readouterr().out)
    assert document["settings"]["distance_to"] == [4, 5]
    found = {item["structures"][0]["name"]: item for item in document["lesions"]}
    first = found["GTV_1"]
    assert first["distances_mm"] == {"Spinal Cord": pytest.approx(25, abs=0.2), "Empty": None}
    (near,) = first["neighbours"]
    assert near["id"] == found["GTV_2"]["id"]
    assert near["distance_mm"] == pytest.approx(40, abs=0.1)
    assert near["within_5_cm"]
    assert not found["GTV_3"]["neighbours"][0]["within_5_cm"]
    np.testing.assert_allclose(first["bounds_mm"], [[-10, -10, -9], [10, 10, 9]], atol=0.1)
    main(["lesions", path, *options])
    shown = capsys.readouterr().out
    other = found["GTV_2"]["id"]
    assert f": 40 mm to {other}, 25 mm to Spinal Cord, not known to Empty" in shown


def test_distance_to_what_is_not_drawn_exits_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder(tmp_path, *PAIR)
    assert main(["lesions", path, "--quiet", "--distance-to", "Heart"]) == 2
    assert "no ROI is called 'Heart'" in capsys.readouterr().err


NAMES = """
schema = "rtplan/site-names/1"

[roles]
gross = ["Boost 1"]
helper = ["GTV_2"]
"""


def test_names_of_the_site_are_heard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boost = gtv("Boost 1", sphere((0, 0, 90), 10), kind="ORGAN")
    path = folder(tmp_path, *PAIR, boost)
    names = tmp_path / "names.toml"
    names.write_text(NAMES, encoding="utf-8")
    main(["lesions", path, "--quiet", "--names", str(names), "--json", "-"])
    document = json.loads(capsys.readouterr().out)
    assert document["settings"]["names_sha256"]
    used = {item["name"]: (item["use"], item["evidence"]) for item in document["structures"]}
    assert used["Boost 1"] == ("counted", ["user"])
    assert used["GTV_2"] == ("helper", ["user"])
    assert used["GTV_1"] == ("counted", ["name", "type"])
    main(["lesions", path, "--quiet", "--json", "-"])
    plain = json.loads(capsys.readouterr().out)
    assert plain["settings"]["names_sha256"] is None
    uses = {item["name"]: item["use"] for item in plain["structures"]}
    assert (uses["Boost 1"], uses["GTV_2"]) == ("organ", "counted")


def test_names_that_cannot_be_read_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names.toml"
    names.write_text(NAMES.replace("helper", "helpers"), encoding="utf-8")
    assert main(["lesions", folder(tmp_path, *PAIR), "--quiet", "--names", str(names)]) == 2
    assert "helper" in capsys.readouterr().err


def test_breast_example_has_a_cavity_and_no_metastasis(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = Path(__file__).parents[1] / "data" / "breast"
    assert main(["lesions", str(path), "--quiet", "--json", "-"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["count"] == {"lower": 0, "best": 0, "upper": 1}
    assert "cavity" in document["reason"]
