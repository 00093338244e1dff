"""The roles of structures."""

import pytest

from rtplan.geometry.contour import Contour, GeometricType, Structure
from rtplan.lesions.roles import Decision, Evidence, Role, decide_roles
from tests.lesions.drawing import box, ellipsoid, gtv, sphere, structure, structures

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


def test_number_after_ptv_is_a_crop_unless_its_like_has_another() -> None:
    alone = decide_roles([structure(n, BALL, number=1) for n in ("PTV", "PTV-03")])
    numbered = decide_roles([structure(n, BALL, number=1) for n in ("PTV-01", "PTV-02")])
    assert [d.name.label for d in alone] == [None, None]
    assert [d.name.label for d in numbered] == ["1", "2"]


def test_unrecognised_structure_is_a_finding() -> None:
    assert [f.code for f in role_of("xyz").findings] == ["LES020"]


@pytest.mark.parametrize(
    ("name", "kind", "evidence"),
    [
        ("GTV_1", "", (Evidence.NAME,)),
        ("GTV_1", "GTV", (Evidence.NAME, Evidence.TYPE)),
        ("GTV_1", "ORGAN", (Evidence.NAME,)),
        ("unnamed", "GTV", (Evidence.TYPE,)),
        ("Met 3", "GTV", (Evidence.NAME, Evidence.TYPE)),
        ("Liver", "GTV", (Evidence.TYPE,)),
        ("xyz", "", ()),
    ],
)
def test_decision_names_its_evidence(name: str, kind: str, evidence: tuple[Evidence, ...]) -> None:
    assert role_of(name, kind).evidence == evidence


WIDE = [*ellipsoid((0.0, 0.0, 0.0), (45.0, 45.0, 12.0)), *sphere((0.0, 0.0, 0.0), 12.0)]
SHELL = [*ellipsoid((0.0, 0.0, 0.0), (30.0, 30.0, 12.0)), *sphere((0.0, 0.0, 0.0), 12.0)]


@pytest.mark.parametrize(("name", "kind"), [("PTV_A", "PTV"), ("CTV2", "CTV"), ("xyz", "GTV")])
@pytest.mark.parametrize("contours", [SHELL, WIDE], ids=["thin", "wide"])
def test_target_that_is_hollow_around_another_is_a_helper(
    name: str, kind: str, contours: list[Contour]
) -> None:
    inner = gtv("GTV_1", sphere((0.0, 0.0, 0.0), 8.0))
    drawn = structures(structure(name, contours, kind=kind), inner)
    hollow, solid = decide_roles(drawn)
    assert (hollow.role, hollow.evidence) == (Role.HELPER, (Evidence.GEOMETRY,))
    assert "hollow, around 'GTV_1'" in hollow.reason
    assert hollow.aside is (kind == "GTV")
    assert solid.role is Role.GROSS


def test_hollow_target_around_nothing_and_necrotic_tumour_stay() -> None:
    alone = decide_roles(structures(structure("PTV_A", SHELL, kind="PTV")))[0]
    necrotic = decide_roles(
        structures(gtv("GTV_1", SHELL), gtv("GTV_2", sphere((0.0, 0.0, 0.0), 8.0)))
    )[0]
    assert (alone.role, necrotic.role) == (Role.PLANNING, Role.GROSS)


def test_margin_around_a_tumour_and_two_pieces_on_a_plane_are_not_hollow() -> None:
    two = [*sphere((-20.0, 0.0, 0.0), 9.0), *sphere((20.0, 0.0, 0.0), 9.0)]
    solid = structures(
        structure("PTV_A", sphere((0.0, 0.0, 0.0), 15.0), kind="PTV"),
        structure("PTV_B", two, kind="PTV"),
        gtv("GTV_1", sphere((0.0, 0.0, 0.0), 8.0)),
    )
    assert [d.role for d in decide_roles(solid)] == [Role.PLANNING, Role.PLANNING, Role.GROSS]


BODY = box((-200.0, -120.0, -150.0), (200.0, 120.0, 150.0), step=10.0)


@pytest.mark.parametrize("external", [True, False])
def test_gross_tumour_as_large_as_the_body_is_set_aside(external: bool) -> None:
    large = gtv("GTV_1", box((-195.0, -118.0, -140.0), (195.0, 118.0, 140.0), step=10.0))
    items = [large, structure("BODY", BODY, kind="EXTERNAL")] if external else [large]
    decision = decide_roles(structures(*items))[0]
    assert (decision.role, decision.aside) == (Role.EXTERNAL, True)
    assert "as large as the body" in decision.reason


def test_union_that_spans_the_body_is_not_as_large_as_it() -> None:
    ends = [*sphere((-180.0, -100.0, -120.0), 12.0), *sphere((180.0, 100.0, 120.0), 12.0)]
    union = decide_roles(structures(gtv("GTV_ALL", ends), structure("BODY", BODY)))[0]
    assert union.role is Role.GROSS


def test_planning_volume_of_the_whole_body_stays_one() -> None:
    assert decide_roles(structures(structure("PTV_TBI", BODY, kind="PTV")))[0].role is Role.PLANNING
