"""Codes of segments as evidence of role, organ and side."""

import tomllib
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from rtplan.dicom.parse import parse
from rtplan.dicom.segmentation import read_segmentation
from rtplan.geometry.contour import Code, SegmentCodes, Structure
from rtplan.lesions.codes import read_codes
from rtplan.lesions.model import Category, Organ
from rtplan.lesions.names import Kind
from rtplan.lesions.read import read_lesions
from rtplan.lesions.roles import Evidence, Role, decide_roles
from rtplan.lesions.vocabulary import Word, vocabulary
from tests.lesions.drawing import sphere, structure, structures

DATA = Path(__file__).parents[1] / "data" / "segmentations"
ALTERED = Code("Morphologically Altered Structure", "49755003", "SCT")
TISSUE = Code("Tissue", "85756007", "SCT")
NEOPLASM = Code("Neoplasm", "108369006", "SCT")
SECONDARY = Code("Neoplasm, Secondary", "14799000", "SCT")
PRIMARY = Code("Neoplasm, Primary", "372087000", "SCT")
LEFT = Code("Left", "7771000", "SCT")
RIGHT = Code("Right", "24028007", "SCT")
LIVER = Code("Liver", "10200004", "SCT")
LUNG = Code("Lung", "39607008", "SCT")
NODE = Code("Lymph node", "59441001", "SCT")

SRT_NEOPLASM = Code("Neoplasm", "M-8FFFF", "SRT")
SRT_LIVER = Code("Liver", "T-62000", "SRT")
UNLISTED = Code("Secondary malignant neoplasm of liver", "94381002", "SCT")
EDEMA = Code("Edema", "79654002", "SCT")
OBJECT = Code("Physical object", "260787004", "SCT")


def segment(name: str, codes: SegmentCodes | None, *, number: int = 1, x: float = 0.0) -> Structure:
    return replace(structure(name, sphere((x, 0.0, 0.0), 8.0), number=number), codes=codes)


def tumour(kind: Code, *regions: Code, modifiers: tuple[Code, ...] = ()) -> SegmentCodes:
    return SegmentCodes(ALTERED, kind, modifiers, regions)


@pytest.mark.parametrize(
    ("codes", "given", "kind", "organ"),
    [
        (tumour(NEOPLASM, LIVER), "GTV", Kind.LESION, Organ.LIVER),
        (tumour(SECONDARY, LUNG), "GTV", Kind.METASTASIS, Organ.LUNG),
        (tumour(PRIMARY, LUNG), "GTV", Kind.PRIMARY, Organ.LUNG),
        (tumour(NEOPLASM, NODE), "GTV", Kind.NODE, None),
        (tumour(SRT_NEOPLASM, SRT_LIVER), "GTV", Kind.LESION, Organ.LIVER),
        (tumour(Code("Neoplasm, Secondary", "M-80006", "SNM3")), "GTV", Kind.METASTASIS, None),
        (tumour(Code("Mass", "4147007", "SCT")), "GTV", Kind.LESION, None),
        (tumour(UNLISTED), "GTV", Kind.METASTASIS, Organ.LIVER),
        (tumour(Code("GTV Nodal", "130051", "DCM")), "GTV", Kind.NODE, None),
        (tumour(Code("PTV", "228793007", "SCT")), "PTV", None, None),
        (tumour(EDEMA, Code("Brain", "12738006", "SCT")), "CONTROL", None, Organ.BRAIN),
        (tumour(Code("Necrosis", "6574001", "SCT")), "CONTROL", None, None),
        (SegmentCodes(TISSUE, LIVER), "ORGAN", None, Organ.LIVER),
        (SegmentCodes(TISSUE, Code("Liver", "T-62000", "99SDM")), "ORGAN", None, Organ.LIVER),
        (SegmentCodes(TISSUE, Code("Artery", "51114001", "SCT")), "ORGAN", None, None),
        (SegmentCodes(OBJECT, Code("Catheter", "19923001", "SCT")), "CONTROL", None, None),
        (SegmentCodes(None, Code("unheard of", "1", "99LOCAL")), "", None, None),
    ],
)
def test_codes_say_type_kind_and_organ(
    codes: SegmentCodes, given: str, kind: Kind | None, organ: Organ | None
) -> None:
    coded = read_codes(codes)
    assert coded is not None
    assert (coded.type, coded.kind) == (given, kind)
    assert (coded.part.organ if coded.part else None) == organ


def test_no_codes_say_nothing() -> None:
    assert read_codes(None) is None
    assert read_codes(SegmentCodes()) is None


@pytest.mark.parametrize(
    ("modifiers", "region", "side"),
    [
        ((LEFT,), LUNG, "left"),
        ((RIGHT,), LUNG, "right"),
        ((Code("Right and left", "51440002", "SCT"),), LUNG, None),
        ((LEFT, RIGHT), LUNG, None),
        ((Code("Left", "G-A101", "SRT"),), LUNG, "left"),
        ((Code("left", "x", "99LOCAL"),), LUNG, "left"),
        ((), Code("Left kidney", "18639004", "SCT"), "left"),
        ((), LUNG, None),
    ],
)
def test_side_is_in_the_modifier_or_the_anatomy(
    modifiers: tuple[Code, ...], region: Code, side: str | None
) -> None:
    coded = read_codes(tumour(NEOPLASM, region, modifiers=modifiers))
    assert coded is not None
    assert coded.laterality == side


@pytest.mark.parametrize(
    ("name", "codes", "role", "evidence"),
    [
        ("Segment_1", tumour(NEOPLASM), Role.GROSS, (Evidence.CODE,)),
        ("Lesion 1", tumour(SECONDARY), Role.GROSS, (Evidence.NAME, Evidence.CODE)),
        ("GTV_1", tumour(NEOPLASM), Role.GROSS, (Evidence.NAME, Evidence.CODE)),
        ("GTV_1", SegmentCodes(TISSUE, LIVER), Role.GROSS, (Evidence.NAME,)),
        ("Segment_2", SegmentCodes(TISSUE, LIVER), Role.ORGAN, (Evidence.CODE,)),
        ("Liver", SegmentCodes(TISSUE, LIVER), Role.ORGAN, (Evidence.NAME, Evidence.CODE)),
        ("Segment_3", tumour(Code("Edema", "79654002", "SCT")), Role.HELPER, (Evidence.CODE,)),
        ("ring", tumour(NEOPLASM), Role.HELPER, (Evidence.NAME,)),
        ("Segment_4", SegmentCodes(), Role.UNRECOGNISED, ()),
    ],
)
def test_role_by_codes_says_so(
    name: str, codes: SegmentCodes, role: Role, evidence: tuple[Evidence, ...]
) -> None:
    decision = decide_roles([segment(name, codes)])[0]
    assert (decision.role, decision.evidence) == (role, evidence)
    if evidence == (Evidence.CODE,):
        assert "its code is" in decision.reason or "by its code" in decision.reason


def test_name_against_code_is_a_finding_and_the_name_is_believed() -> None:
    decision = decide_roles([segment("GTV_1", SegmentCodes(TISSUE, LIVER))])[0]
    assert [f.code for f in decision.findings] == ["LES002"]


def test_name_and_code_that_tell_two_organs_or_sides_leave_them_open() -> None:
    codes = tumour(NEOPLASM, LUNG, modifiers=(LEFT,))
    lesion = read_lesions(structures(segment("GTV_liver_R", codes))).lesions[0]
    assert (lesion.organ, lesion.laterality) == (None, None)
    assert "name and codes tell two" in lesion.reason


def test_codes_that_tell_two_organs_leave_it_open() -> None:
    both = segment("1", tumour(SECONDARY, LUNG, LIVER))
    one = segment("2", tumour(UNLISTED, LIVER), number=2, x=60.0)
    found = read_lesions(structures(both, one)).lesions
    assert {le.structures[0].name: le.organ for le in found} == {"1": None, "2": Organ.LIVER}


def test_side_of_a_modifier_is_read_by_the_words_of_the_site() -> None:
    book = replace(vocabulary(), whole=dict(vocabulary().whole))
    book.add("sinistra", Word("laterality.left", "sinistra"))
    coded = read_codes(tumour(NEOPLASM, modifiers=(Code("sinistra", "x", "99LOCAL"),)), book)
    assert coded is not None
    assert coded.laterality == "left"


def test_coded_segments_are_counted_by_kind_and_organ() -> None:
    drawn = structures(
        segment("1", tumour(SECONDARY, LIVER), number=1),
        segment("2", tumour(SECONDARY, LUNG, modifiers=(LEFT,)), number=2, x=60.0),
        segment("3", tumour(PRIMARY, Code("Esophagus", "32849002", "SCT")), number=3, x=120.0),
        segment("4", tumour(Code("Necrosis", "6574001", "SCT")), number=4, x=180.0),
    )
    reading = read_lesions(drawn)
    assert reading.count.best == 2
    assert {(le.category, le.organ, le.laterality) for le in reading.lesions} == {
        (Category.ORGAN_METASTASIS, Organ.LIVER, None),
        (Category.ORGAN_METASTASIS, Organ.LUNG, "left"),
        (Category.PRIMARY, Organ.OTHER, None),
    }


@pytest.mark.parametrize(
    ("file", "roles"),
    [
        ("23x38x3.dcm", [Role.ORGAN]),
        ("liver_rle.dcm", [Role.ORGAN]),
        ("partial_overlaps.dcm", [Role.ORGAN] * 3 + [Role.HELPER, Role.ORGAN]),
        ("seg_image_ct_binary_overlap.dcm", [Role.ORGAN, Role.ORGAN]),
        ("sparse-labelmap-noppv.dcm", [Role.ORGAN]),
    ],
)
def test_segments_of_real_files_have_their_roles(file: str, roles: list[Role]) -> None:
    found, _ = read_segmentation(parse((DATA / file).read_bytes(), modality="SEG"))
    decisions = decide_roles(found)
    assert [decision.role for decision in decisions] == roles
    assert all(Evidence.CODE in decision.evidence for decision in decisions)


def test_listed_codes_are_those_of_the_standard() -> None:
    from pydicom.sr import _concepts_dict, _snomed_dict

    concepts: dict[str, Any] = _concepts_dict.concepts
    mapping = _snomed_dict.mapping
    text = resources.files("rtplan.lesions").joinpath("codes.toml").read_text(encoding="utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    listed: list[str] = [code for row in data["target"] for code in row["codes"]]
    listed += [
        c for k in ("category", "laterality", "anatomy") for cs in data[k].values() for c in cs
    ]
    assert len(listed) == len(set(listed))
    known = {
        (scheme, c) for scheme, found in concepts.items() for entry in found.values() for c in entry
    }
    for code in listed:
        scheme, value = code.split(" ")
        if scheme == "SRT":
            scheme, value = "SCT", mapping["SRT"].get(value, "")
        assert (scheme, value) in known, code
