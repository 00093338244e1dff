"""An edit of a lesions file that contradicts the structure set is a finding."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from rtplan.lesions.files import SCHEMA, as_json, from_json
from rtplan.lesions.model import LesionReading
from rtplan.lesions.read import read_lesions
from tests.lesions.drawing import gtv, sphere, structure, structures

SET = structures(
    gtv("GTVp", sphere((0, 0, 0), 20)),
    gtv("GTV_liver_1", sphere((60, 0, 0), 8)),
    gtv("Met 2", sphere((120, 0, 0), 8)),
    structure("Heart", sphere((200, 0, 0), 30), kind="ORGAN"),
)


def written() -> dict[str, Any]:
    """The document of the set, as ``rtplan lesions --json`` writes it."""
    return {"schema": SCHEMA, **copy.deepcopy(as_json(read_lesions(SET))), "findings": []}


def codes(reading: LesionReading) -> list[str]:
    return [f.code for f in reading.findings]


def lesion(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The lesion of a structure."""
    lesions: list[dict[str, Any]] = document["lesions"]
    return next(item for item in lesions if item["structures"][0]["name"] == name)


def test_file_as_written_contradicts_nothing() -> None:
    assert codes(from_json(written(), "f")) == []


def test_hand_written_file_without_structures_contradicts_nothing() -> None:
    bare = {"id": "L1", "category": "organ_metastasis", "organ": "lung"}
    reference = bare | {"structures": [{"number": 7, "name": "GTV_lung_1"}]}
    assert codes(from_json({"schema": SCHEMA, "lesions": [bare]}, "f")) == []
    assert codes(from_json({"schema": SCHEMA, "lesions": [reference]}, "f")) == []


def _rename(document: dict[str, Any]) -> None:
    lesion(document, "Met 2")["structures"][0]["name"] = "Met 3"


def _point_at_organ(document: dict[str, Any]) -> None:
    lesion(document, "Met 2")["structures"].append({"number": 4, "name": "Heart"})


def _remove(document: dict[str, Any]) -> None:
    document["lesions"].remove(lesion(document, "Met 2"))
    document["count"] = None


def _copy(document: dict[str, Any]) -> None:
    document["lesions"].append(lesion(document, "Met 2") | {"id": "L9"})
    document["count"] = None


def _primary_as_metastasis(document: dict[str, Any]) -> None:
    lesion(document, "GTVp")["category"] = "organ_metastasis"
    document["count"] = None


def _other_organ(document: dict[str, Any]) -> None:
    lesion(document, "GTV_liver_1")["organ"] = "lung"


def _short_axis(document: dict[str, Any]) -> None:
    lesion(document, "Met 2")["short_axis_mm"] = 40.0


def _in_plane(document: dict[str, Any]) -> None:
    lesion(document, "Met 2")["longest_diameter_mm"] = 30.0


def _volume(document: dict[str, Any]) -> None:
    lesion(document, "Met 2")["volume_cc"] = 14.0


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (_rename, r"'Met 3' \(number 3\), which is not among the structures"),
        (_point_at_organ, r"'Heart' \(number 4\), which is read as organ"),
        (_remove, r"'Met 2' \(number 3\) is 'counted' .* no lesion names it"),
        (_copy, r"lesions 'L\d' and 'L9' are at the same place"),
        (_primary_as_metastasis, r"'organ_metastasis', but 'GTVp' is named as the primary"),
        (_other_organ, r"in 'lung', but the name 'GTV_liver_1' tells 'liver'"),
        (_short_axis, r"short axis of 40 mm"),
        (_in_plane, r"is 30 mm long in one plane and 16 mm in space"),
        (_volume, r"14 cc, more than a ball"),
    ],
)
def test_edit_that_contradicts_is_a_finding(
    edit: Callable[[dict[str, Any]], None], text: str
) -> None:
    document = written()
    edit(document)
    reading = from_json(document, "f.json")
    (note,) = [f for f in reading.findings if f.code == "LES022"]
    assert note.text.startswith("f.json: ")
    assert re.search(text, note.text)


def test_finding_of_an_edit_is_written_and_read_once() -> None:
    document = written()
    _volume(document)
    once = from_json(document, "f.json")
    stored = [{"code": f.code, "severity": f.severity.value, "text": f.text} for f in once.findings]
    again = from_json(document | {"findings": stored}, "f.json")
    assert codes(again) == codes(once)


def test_sensible_edits_raise_nothing() -> None:
    document = written()
    item = lesion(document, "Met 2")
    item |= {"category": "organ_metastasis", "organ": "lung", "laterality": "left"}
    assert codes(from_json(document, "f")) == []
