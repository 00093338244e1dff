"""``rtplan lesions`` where little or nothing is drawn: a plain statement and the exit code."""

import json
from pathlib import Path

import pytest

from rtplan.cli.main import main
from rtplan.dicom.write import Study, structure_set, to_bytes
from rtplan.geometry.contour import Structure
from tests.lesions.drawing import gtv, sphere, structure, structures

ONE, OTHER = sphere((0, 0, 0), 12), sphere((60, 0, 0), 12)
ORGANS = [
    structure(name, sphere((0, y, 0), 30), kind="ORGAN")
    for name, y in (("Heart", 0.0), ("Liver", 90.0))
]


def folder(tmp_path: Path, *items: Structure) -> str:
    dataset = structure_set(Study("lesions", "X^Y", "1"), structures(*items).structures)
    (tmp_path / "rs.dcm").write_bytes(to_bytes(dataset))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("items", "code", "count", "said"),
    [
        (ORGANS, 3, (None, None, None), "no target is drawn: none of the structures"),
        ([], 3, (None, None, None), "holds no structure"),
        ([gtv("GTV_1"), gtv("GTV_2")], 3, (None, None, None), "'GTV_1', 'GTV_2' without contours"),
        ([gtv("PTV_1", kind="PTV")], 3, (None, None, None), "'PTV_1' without contours"),
        (
            [gtv("PTV_1", ONE, kind="PTV"), gtv("PTV_2", OTHER, kind="PTV")],
            3,
            (2, 2, 3),
            "only clinical or planning volumes are drawn",
        ),
        ([gtv("GTV_ALL", ONE, OTHER)], 0, (2, 2, 2), None),
        ([gtv("GTV_1", ONE), gtv("GTV_2")], 3, (1, 1, 2), "GTV_2: not counted, though"),
    ],
)
def test_statement_and_exit_code(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    items: list[Structure],
    code: int,
    count: tuple[int | None, ...],
    said: str | None,
) -> None:
    path = folder(tmp_path, *items)
    assert main(["lesions", path, "--quiet", "--json", "-"]) == code
    document = json.loads(capsys.readouterr().out)
    assert tuple(document["count"][key] for key in ("lower", "best", "upper")) == count
    assert len(document["structures"]) == len(items)
    assert all(item["reason"] for item in document["structures"])
    assert main(["lesions", path, "--quiet"]) == code
    shown = capsys.readouterr().out
    if said is None:
        assert document["reason"] is None
    else:
        assert said in document["reason"]
        assert said in shown
    assert shown.startswith("No count." if count[1] is None else f"{count[1]} metasta")


def test_edited_file_that_contradicts_the_structure_set_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder(tmp_path, gtv("GTV_1", ONE), gtv("GTV_2", OTHER), *ORGANS)
    target = tmp_path / "lesions.json"
    assert main(["lesions", path, "--quiet", "--json", str(target)]) == 0
    document = json.loads(target.read_text(encoding="utf-8"))
    document["lesions"][0]["structures"] = [{"number": 3, "name": "Heart"}]
    target.write_text(json.dumps(document), encoding="utf-8")
    capsys.readouterr()
    options = ["--definition", "estro-astro-2020", "--json", "-"]
    main(["eligibility", "--lesions", str(target), *options])
    found = json.loads(capsys.readouterr().out)["findings"]
    texts = [item["text"] for item in found if item["code"] == "LES022"]
    assert any("'Heart' (number 3), which is read as organ" in text for text in texts)
    assert any("no lesion names it" in text for text in texts)
