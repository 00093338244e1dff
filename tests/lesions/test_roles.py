"""The roles of structures."""

import pytest

from rtplan.geometry.contour import Contour, GeometricType, Structure
from rtplan.lesions.roles import Decision, Role, decide_roles
from tests.lesions.drawing import sphere, structure

BALL = sphere((0.0, 0.0, 0.0), 8.0)


def role_of(name: str, kind: str = "") -> Decision:
    return decide_roles([structure(name, BALL, kind=kind, number=1)])[0]


@pytest.mark.parametrize(
    ("name", "kind", "role"),
    [
        ("GTV_1", "GTV", Role.GROSS),
        ("GTV_1", "", Role.GROSS),
        ("GTV_1", "ORGAN", Role.GROSS),
        ("Met 3", "", Role.GROSS),
        ("mets_liver_2", "GTV", Role.GROSS),
        ("肝转移灶", "", Role.GROSS),
        ("unnamed", "GTV", Role.GROSS),
        ("ITV_2", "", Role.INTERNAL),
        ("iGTV", "GTV", Role.INTERNAL),
        ("CTV1", "CTV", Role.CLINICAL),
        ("GTV+5mm", "CTV", Role.CLINICAL),
        ("unnamed", "CTV", Role.CLINICAL),
        ("PTV_50Gy", "PTV", Role.PLANNING),
        ("PTV_opt", "PTV", Role.PLANNING),
        ("Tumor Bed", "CTV", Role.CAVITY),
        ("GTVtb", "GTV", Role.CAVITY),
        ("瘤床", "CTV", Role.CAVITY),
        ("Liver", "ORGAN", Role.ORGAN),
        ("Lungs-GTV", "", Role.ORGAN),
        ("Lung_L", "", Role.ORGAN),
        ("脊髓", "", Role.ORGAN),
        ("GTV_ring", "", Role.HELPER),
        ("zPTV_shell", "PTV", Role.HELPER),
        ("PTV-GTV", "PTV", Role.HELPER),
        ("Tumor Bed Block", "GTV", Role.HELPER),
        ("SpinalCord_PRV05", "", Role.HELPER),
        ("BODY", "EXTERNAL", Role.EXTERNAL),
        ("Body", "", Role.EXTERNAL),
        ("体表", "", Role.EXTERNAL),
        ("CouchSurface", "SUPPORT", Role.SUPPORT),
        ("CouchSurface", "", Role.SUPPORT),
        ("Isodose 95%", "", Role.ISODOSE),
        ("95%", "", Role.ISODOSE),
        ("50Gy", "DOSE_REGION", Role.ISODOSE),
        ("fiducial 1", "", Role.MARKER),
        ("xyz", "", Role.UNRECOGNISED),
    ],
)
def test_role_follows_name_and_type(name: str, kind: str, role: Role) -> None:
    decision = role_of(name, kind)
    assert decision.role is role, decision.reason
    assert decision.reason


@pytest.mark.parametrize(
    ("name", "kind"), [("GTV_1", "ORGAN"), ("Tumor Bed Block", "GTV"), ("GTV_ring", "GTV")]
)
def test_contradiction_of_name_and_type_is_a_finding(name: str, kind: str) -> None:
    assert "LES002" in [f.code for f in role_of(name, kind).findings]


def test_structure_without_contours_is_empty_and_a_target_says_so() -> None:
    target, organ = decide_roles([Structure(1, "GTV_1", "GTV"), Structure(2, "Heart", "ORGAN")])
    assert (target.role, organ.role) == (Role.EMPTY, Role.EMPTY)
    assert [f.code for f in target.findings] == ["LES001"]
    assert not organ.findings


def test_points_are_a_marker_even_if_typed_as_target() -> None:
    point = Contour(BALL[0].points_mm[:1].copy(), GeometricType.POINT)
    assert decide_roles([Structure(1, "iso", "GTV", (point,))])[0].role is Role.MARKER


def test_structure_with_a_problem_is_unreadable() -> None:
    broken = Structure(1, "GTV_1", "GTV", tuple(BALL), problem="coordinates cannot be read")
    decision = decide_roles([broken])[0]
    assert decision.role is Role.UNREADABLE
    assert "coordinates cannot be read" in decision.reason


def test_tens_are_phases_only_beside_a_phase_zero() -> None:
    with_zero = decide_roles([structure(n, BALL, number=1) for n in ("GTV_00", "GTV_50")])
    without = decide_roles([structure(n, BALL, number=1) for n in ("GTV_9", "GTV_10")])
    assert [d.name.phase for d in with_zero] == ["00", "50"]
    assert [d.name.label for d in without] == ["9", "10"]


def test_unrecognised_structure_is_a_finding() -> None:
    assert [f.code for f in role_of("xyz").findings] == ["LES020"]
