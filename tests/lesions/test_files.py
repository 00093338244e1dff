"""Lesions files, both ways."""

import json
from pathlib import Path

import pytest

from rtplan.errors import InputError
from rtplan.lesions.files import SCHEMA, as_json, from_json, load_reading
from rtplan.lesions.model import Category, Organ
from rtplan.lesions.read import read_lesions
from tests.lesions.drawing import gtv, sphere, structures

LEAST = {"id": "L1", "category": "organ_metastasis", "organ": "lung"}


def document(**changes: object) -> dict[str, object]:
    return {"schema": SCHEMA, "lesions": [LEAST | changes]}


def test_written_reading_is_read_back() -> None:
    reading = read_lesions(
        structures(
            gtv("GTVp", sphere((0, 0, 0), 20)),
            gtv("GTVn_JES:16a2", sphere((0, 0, -90), 4)),
            gtv("GTV_1", sphere((60, 0, 0), 8)),
            gtv("GTV_2", sphere((76, 0, 0), 8)),
        )
    )
    body = as_json(reading)
    text = json.dumps({"schema": SCHEMA, **body, "findings": []}, allow_nan=False)
    back = from_json(json.loads(text), "lesions.json")
    assert back.count == reading.count
    assert not back.from_path
    assert as_json(back) == body
    assert [use.evidence for use in back.structures] == [("name", "type")] * 4


@pytest.mark.parametrize("evidence", ["name", [3]])
def test_evidence_that_is_no_list_of_texts_is_named(evidence: object) -> None:
    item = {"number": 1, "name": "GTV", "use": "counted", "reason": "", "evidence": evidence}
    content = document() | {"structures": [item]}
    with pytest.raises(InputError, match=r"structures\[0\]\.evidence: found"):
        from_json(content, "f")
    assert from_json(document() | {"structures": [{"name": "GTV"}]}, "f").structures[0].use == ""


def test_hand_written_file_needs_schema_id_category_and_organ_only(tmp_path: Path) -> None:
    path = tmp_path / "lesions.json"
    lesions = [LEAST, {"id": "b", "category": "primary", "organ": None}]
    path.write_text(json.dumps({"schema": SCHEMA, "lesions": lesions}), encoding="utf-8")
    reading = load_reading(path)
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (1, 1, 1)
    assert [le.category for le in reading.lesions] == [Category.ORGAN_METASTASIS, Category.PRIMARY]
    assert reading.lesions[0].organ is Organ.LUNG


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '{"schema": 1, "schema": 2, "lesions": []}',
            "the key 'schema' stands twice; write it once",
        ),
        (
            '{"lesions": [{"id": "L1", "organ": "lung", "organ": 1}]}',
            "the key 'organ' of 'L1' stands twice",
        ),
    ],
)
def test_key_given_twice_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "lesions.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"lesions.json: {words}"):
        load_reading(file)


def test_site_is_not_passed_over_but_sent_to_the_facts() -> None:
    with pytest.raises(InputError, match=r'lesions\[0\]\.site: .* facts file; .* id = "L1" and'):
        from_json(document(site="T5-T6"), "f")


def test_empty_list_is_no_metastasis() -> None:
    assert from_json({"schema": SCHEMA, "lesions": []}, "f").count.best == 0


def test_count_that_does_not_fit_the_list_gives_way_with_a_finding() -> None:
    reading = from_json(document() | {"count": {"lower": 3, "best": 3, "upper": 3}}, "f")
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (1, 1, 1)
    assert [f.code for f in reading.findings] == ["LES017"]


def test_bounds_that_fit_the_list_are_kept() -> None:
    reading = from_json(document() | {"count": {"lower": 0, "best": 1, "upper": 2}}, "f")
    assert (reading.count.lower, reading.count.upper) == (0, 2)


def test_bare_station_is_unknown_with_a_finding() -> None:
    node = {"category": "extraregional_node", "organ": "lymph_node"}
    reading = from_json(document(**node, station="16"), "f")
    assert reading.lesions[0].station is None
    assert [f.code for f in reading.findings] == ["LES014"]
    kept = from_json(document(**node, station="JES:16a2"), "f")
    assert kept.lesions[0].station == "JES:16a2"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected an object"),
        ({}, r"schema: found None; expected 'rtplan/lesions/1'"),
        ({"schema": "rtplan/dvh/1", "lesions": []}, "schema: found 'rtplan/dvh/1'"),
        ({"schema": SCHEMA}, "lesions is missing"),
        ({"schema": SCHEMA, "lesions": None}, "lesions: found null"),
        (document(category="regional_node"), r"organ: found 'lung' with category 'regional_node'"),
        (
            document(category="extraregional_node", organ="liver"),
            r"organ: found 'liver' with category 'extraregional_node'",
        ),
        (document(organ="lymph_node"), r"organ: found 'lymph_node' with category 'organ_meta"),
        ({"schema": SCHEMA, "lesions": {}}, r"lesions: found an object; expected a list"),
        (
            {"schema": SCHEMA, "lesions": [{"id": "L1", "category": "primary"}]},
            r"lesions\[0\]\.organ is missing",
        ),
        (document(category="metastasis"), r"lesions\[0\]\.category: 'metastasis'.*nearest is"),
        (document(organ="lungs"), r"lesions\[0\]\.organ: 'lungs'.*nearest is 'lung'"),
        (document(catgory="x"), r"lesions\[0\]\.catgory: no such key; the nearest is 'category'"),
        (document(id=3), r"lesions\[0\]\.id: found 3"),
        (document(volume_cc="2"), r"lesions\[0\]\.volume_cc: found '2'; expected a number"),
        (document(volume_cc=-1), r"volume_cc: found -1"),
        (document(longest_diameter_mm=True), r"longest_diameter_mm: found True"),
        (document(centroid_mm=[1, 2]), r"centroid_mm: found \[1, 2\]"),
        (document(laterality="both"), r"laterality: found 'both'"),
        (document(station="AJCC8:7"), r"station: 'AJCC8:7' on a lesion that is no node"),
        ({"schema": SCHEMA, "lesions": [LEAST, LEAST]}, r"lesions\[1\]\.id: 'L1' is used twice"),
        (document() | {"count": {"lower": 1.5}}, r"count\.lower: found 1\.5"),
        (document() | {"count": {"upper": 2**63}}, r"count\.upper: found .*at most 1000"),
        (document(volume_cc=10**400), r"volume_cc: found 1000"),
    ],
)
def test_wrong_content_names_file_key_and_value(content: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        from_json(content, "lesions.json")
    assert str(raised.value).startswith("lesions.json")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"9" * 5000])
def test_file_that_is_no_json_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lesions.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"lesions\.json"):
        load_reading(path)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_reading(tmp_path / "none.json")
