"""``rtplan doctor``: what is there, how it links, what is wrong; 0, 3 or 2."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rtplan.cli.main import main
from tests.dicom.objects import beam_dose, contour, ct, dose, plan, save, structure_set

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
    found = [content["objects"][kind] for kind in ("structure_sets", "plans", "doses")]
    assert [item["files"] for (item,) in found] == [[1], [2], [3]]
    assert [item["modality"] for item in content["inputs"]] == ["RTSTRUCT", "RTPLAN", "RTDOSE"]
    assert "ZZPHI" not in texts[0]
    assert str(tmp_path) not in texts[0]


def square(half: float, x: float = 0.0) -> tuple[tuple[float, float], ...]:
    return ((x - half, -half), (x + half, -half), (x + half, half), (x - half, half))


@pytest.mark.parametrize(
    ("rings", "kind", "said"),
    [
        (((10, 0), (5, 0)), "CLOSED_PLANAR", "2.7 cc as read, 3.6 cc (+33.3 %) if every contour"),
        (
            ((10, 0), (5, 0)),
            "CLOSEDPLANAR_XOR",
            "2.7 cc as read, 3.6 cc (+33.3 %) if every contour",
        ),
        (((5, 0), (5, 5)), "CLOSED_PLANAR", "1.35 cc as read, 0.9 cc (-33.3 %) if what two"),
        (((10, 0), (0.5, 0)), "CLOSED_PLANAR", None),
        (((5, 0), (5, 20)), "CLOSEDPLANAR_XOR", None),
    ],
    ids=["nested", "exclusive or", "overlapping", "small hole", "apart"],
)
def test_the_volume_of_another_reading_stands_beside(
    rings: tuple[tuple[float, float], ...],
    kind: str,
    said: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ds = structure_set(("GTV",))
    ds.ROIContourSequence[0].ContourSequence = [
        contour(square(half, x), z, kind) for z in (0, 3, 6) for half, x in rings
    ]
    save(tmp_path, ds)
    assert main(["doctor", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert ("GEO013" in out) == (said is not None)
    assert (said or "GTV") in out


def test_objects_are_told_apart_by_the_place_of_their_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, ct(0), structure_set(), plan(), ct(3), beam_dose(1), beam_dose(2))
    assert main(["doctor", str(tmp_path)]) == 0
    places = re.findall(r"RT .*? (1\.2\.3\.\d+) +(\d+) ", capsys.readouterr().out)
    assert places == [("1.2.3.1", "2"), ("1.2.3.2", "3"), ("1.2.3.301", "5"), ("1.2.3.302", "6")]


def test_files_that_contradict_each_other_are_named_by_their_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, structure_set(), plan(fractions=5), plan(fractions=6), plan(fractions=5))
    assert main(["doctor", str(tmp_path)]) == 3
    assert "object 1.2.3.2: 2, 3, 4 in name order" in capsys.readouterr().out


def test_a_sum_of_beams_is_called_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doses = [beam_dose(1), beam_dose(2)]
    for ds in doses:
        ds.DoseGridScaling = "0.006"
    save(tmp_path, structure_set(), plan(), *doses)
    assert main(["doctor", str(tmp_path)]) == 0
    said = "sum of 2 RT Doses with summation type BEAM; the plan's total dose"
    assert said in capsys.readouterr().out


def test_a_broken_contour_is_named_by_its_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ds = structure_set()
    ds.ROIContourSequence[1].ContourSequence[2].NumberOfContourPoints = 9
    save(tmp_path, ds)
    assert main(["doctor", str(tmp_path)]) == 3
    assert "at ROIContourSequence[1].ContourSequence[2]" in capsys.readouterr().out


def test_steps_that_differ_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path, structure_set(), ct(0), ct(3), ct(9))
    assert main(["doctor", str(tmp_path)]) == 0
    assert "4 x 3 x 3 at 0.25 x 0.5 x 3 to 6" in capsys.readouterr().out
