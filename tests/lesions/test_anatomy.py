"""Where a lesion sits: organ, side, node or organ, station, regional or not."""

from dataclasses import replace

import pytest

from rtplan.facts import Facts, LesionFact, PrimaryFacts
from rtplan.geometry.contour import Structure
from rtplan.lesions.anatomy import Site
from rtplan.lesions.category import Kindred, Setting, categorise
from rtplan.lesions.model import Category, Lesion, Organ
from rtplan.lesions.names import read_name
from rtplan.lesions.read import read_lesions
from tests.lesions.drawing import Point, box, contour, gtv, ring, sphere, structure, structures

OESOPHAGUS = Facts(primary=PrimaryFacts(site="oesophagus"))


def lesion_at(at: Point, *beside: Structure, name: str = "GTV_1") -> Lesion:
    return read_lesions(structures(gtv(name, sphere(at, 8.0)), *beside)).lesions[0]


def node(name: str, *, primary: str | None = "oesophagus", subsite: str | None = None) -> Kindred:
    reading = read_name(name)
    site = Site(Organ.LYMPH_NODE, None, None, "a node by its name")
    setting = Setting(primary=primary, subsite=subsite, primary_drawn=True)
    return categorise([reading], site, setting, name)


# Organ


@pytest.mark.parametrize("organ", [organ for organ in Organ if organ is not Organ.OTHER])
def test_every_organ_of_the_contract_can_be_told_by_a_name(organ: Organ) -> None:
    name = "GTVn_1" if organ is Organ.LYMPH_NODE else f"GTV_{organ.value}_1"
    assert lesion_at((0.0, 0.0, 0.0), name=name).organ is organ


def test_organ_of_no_name_and_no_drawing_is_unknown_and_counted() -> None:
    lesion = lesion_at((0.0, 0.0, 0.0))
    assert (lesion.organ, lesion.category) == (None, Category.UNKNOWN)
    assert "no organ drawn around it, and none in its name" in lesion.reason


def test_organ_drawn_outweighs_the_name_and_says_so() -> None:
    liver = structure("Liver", box((-60.0, -60.0, -60.0), (60.0, 60.0, 60.0)), kind="ORGAN")
    lesion = lesion_at((0.0, 0.0, 0.0), liver, name="GTV_lung_1")
    assert lesion.organ is Organ.LIVER
    assert "LES013" in [f.code for f in lesion.findings]


# Side


def pair(name: str = "Lungs") -> Structure:
    """Two boxes, 30 mm apart about x = 10 mm."""
    right = box((-120.0, -60.0, -60.0), (-5.0, 60.0, 60.0))
    left = box((25.0, -60.0, -60.0), (140.0, 60.0, 60.0))
    return structure(name, [*right, *left], kind="ORGAN")


def one_lung(name: str) -> Structure:
    return structure(name, box((25.0, -60.0, -60.0), (140.0, 60.0, 60.0)), kind="ORGAN")


@pytest.mark.parametrize(("x", "side"), [(80.0, "left"), (-60.0, "right")])
def test_side_in_a_pair_is_that_of_the_midline(x: float, side: str) -> None:
    lesion = lesion_at((x, 0.0, 0.0), pair())
    assert (lesion.organ, lesion.laterality) == (Organ.LUNG, side)
    assert f"{side} of its middle" in lesion.reason


@pytest.mark.parametrize("x", [34.0, 80.0])
def test_side_is_not_told_by_one_organ_whose_name_gives_none(x: float) -> None:
    assert lesion_at((x, 0.0, 0.0), one_lung("Lung")).laterality is None


def test_side_is_not_told_where_the_pair_meets_or_the_lesion_is_near_the_middle() -> None:
    joined = structure("Lungs", box((-120.0, -60.0, -60.0), (140.0, 60.0, 60.0)), kind="ORGAN")
    assert lesion_at((80.0, 0.0, 0.0), joined).laterality is None
    assert lesion_at((25.0, 0.0, 0.0), pair()).laterality is None


def test_liver_is_no_pair() -> None:
    assert lesion_at((80.0, 0.0, 0.0), pair("Liver")).laterality is None


def test_side_of_the_organ_outweighs_that_of_the_name_and_says_so() -> None:
    lesion = lesion_at((80.0, 0.0, 0.0), one_lung("Lung_L"), name="GTV_1_R")
    assert lesion.laterality == "left"
    assert any(f.code == "LES013" and "the name says right" in f.text for f in lesion.findings)


def test_names_that_tell_two_sides_tell_none() -> None:
    ball = sphere((0.0, 0.0, 0.0), 8.0)
    drawn = structures(gtv("GTV_lung_L", ball), gtv("GTV_lung_R", ball))
    assert read_lesions(drawn).lesions[0].laterality is None


def test_paired_organs_are_one_organ_with_a_side() -> None:
    drawn = structures(
        gtv("GTV_adrenal_L", sphere((60.0, 0.0, 0.0), 8.0)),
        gtv("GTV_adrenal_R", sphere((-60.0, 0.0, 0.0), 8.0)),
    )
    found = {(le.organ, le.laterality) for le in read_lesions(drawn).lesions}
    assert found == {(Organ.ADRENAL, "left"), (Organ.ADRENAL, "right")}


# Stations: the list of AJCC 8 for the oesophagus, and what is not on it


@pytest.mark.parametrize(
    "number",
    [
        *("VI", "VII", "1R", "1L", "2R", "2L", "4R", "4L", "7", "8U", "8M", "8Lo", "9R", "9L"),
        *("15", "16", "17", "18", "19", "20"),
    ],
)
def test_stations_on_the_ajcc8_map_are_regional(number: str) -> None:
    found = node(f"GTVn AJCC8:{number}")
    assert (found.category, found.station) == (Category.REGIONAL_NODE, f"AJCC8:{number}")
    assert "AJCC 8th edition map" in found.reason


@pytest.mark.parametrize("number", ["5", "6", "10", "10R", "11", "12L", "II", "III", "IV", "V"])
def test_stations_not_on_the_ajcc8_map_are_extraregional(number: str) -> None:
    assert node(f"GTVn AJCC8:{number}").category is Category.EXTRAREGIONAL_NODE


@pytest.mark.parametrize(
    ("name", "station"),
    [
        ("LN_Paraaortic", "LN_Paraaortic"),
        ("LN_Hilar_L", "LN_Hilar"),
        ("LN_Portahepatis", "LN_Portahepatis"),
        ("GTVn 腹主动脉旁", "LN_Paraaortic"),
        ("GTVn_LN_Ax_L", None),
        ("LN_Mesenteric", None),
        ("LN_Retroperitoneals", None),
        ("GTVn neck III", None),
    ],
)
def test_anything_else_is_extraregional(name: str, station: str | None) -> None:
    found = node(name)
    assert (found.category, found.station) == (Category.EXTRAREGIONAL_NODE, station)


@pytest.mark.parametrize(
    ("name", "station"),
    [
        ("LN_Celiac", "LN_Celiac"),
        ("ganglion coeliaque", "LN_Celiac"),
        ("GTVn subcarinal", "LN_Subcarinal"),
        ("LN_Diaphragmatic", "LN_Diaphragmatic"),
        ("LN paracardial", "LN_Paracardial"),
        ("LN left gastric", "LN_Gastric_L"),
        ("食管旁淋巴结", "LN_Paraesophageal"),
    ],
)
def test_regional_stations_are_known_by_name(name: str, station: str) -> None:
    found = node(name)
    assert (found.category, found.station) == (Category.REGIONAL_NODE, station)


@pytest.mark.parametrize("subsite", ["cervical", "thoracic_upper", "thoracic_lower", "abdominal"])
def test_coeliac_is_regional_and_supraclavicular_is_asked_whatever_the_subsite(
    subsite: str,
) -> None:
    assert node("LN_Celiac", subsite=subsite).category is Category.REGIONAL_NODE
    assert node("GTVn_LN_Sclav_L", subsite=subsite).category is Category.UNKNOWN


@pytest.mark.parametrize(
    "name", ["GTVn_LN_Sclav_L", "GTVn JES:104R", "GTVnd 左锁骨上", "LK supraklavikulär"]
)
def test_supraclavicular_is_asked_and_the_reading_of_ajcc8_is_printed(name: str) -> None:
    found = node(name)
    assert (found.category, found.may_not_count) == (Category.UNKNOWN, True)
    assert "AJCC 8 reads" in found.reason
    assert "distant" in found.reason
    assert "JES 11" not in found.reason


def test_supraclavicular_of_a_mid_thoracic_primary_names_the_japanese_group() -> None:
    found = node("GTVn JES:104R", subsite="thoracic_middle")
    assert found.category is Category.UNKNOWN
    assert "JES 11 has it in group 2 for mid-thoracic primaries" in found.reason


@pytest.mark.parametrize(
    ("number", "category"),
    [
        ("101", Category.REGIONAL_NODE),
        ("107", Category.REGIONAL_NODE),
        ("16a2", Category.EXTRAREGIONAL_NODE),
        ("16b1", Category.EXTRAREGIONAL_NODE),
        *(
            (n, Category.UNKNOWN)
            for n in ("104", "105", "106recL", "106pre", "106tbL", "108", "109")
        ),
        *((n, Category.UNKNOWN) for n in ("110", "111", "112ao", "112pul", "113", "114", "1", "7")),
    ],
)
def test_japanese_stations(number: str, category: Category) -> None:
    found = node(f"GTVn JES:{number}")
    assert (found.category, found.station) == (category, f"JES:{number}")
    if category is not Category.UNKNOWN:
        assert "unconfirmed" in found.reason


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("GTVn_16a2", "write JES:16a2"),
        ("GTVn_4R", "write AJCC8:4R"),
        ("GTVnd 第7组", "write AJCC8:7 or JES:7"),
        ("GTVn_104", "write JES:104"),
    ],
)
def test_bare_number_is_unknown_and_the_systems_that_have_it_are_named(
    name: str, ways: str
) -> None:
    found = node(name)
    assert (found.category, found.station) == (Category.UNKNOWN, None)
    text = next(f.text for f in found.findings if f.code == "LES014")
    assert text.casefold().endswith(ways.casefold())


@pytest.mark.parametrize(
    ("primary", "subsite", "category"),
    [
        ("egj", "Siewert_1", Category.REGIONAL_NODE),
        ("egj", "siewert_2", Category.REGIONAL_NODE),
        ("egj", "siewert_3", Category.UNKNOWN),
        ("egj", None, Category.UNKNOWN),
        ("stomach", "siewert_1", Category.UNKNOWN),
        ("lung", None, Category.UNKNOWN),
        (None, None, Category.UNKNOWN),
    ],
)
def test_junction_is_read_as_oesophagus_where_tnm8_does_so(
    primary: str | None, subsite: str | None, category: Category
) -> None:
    found = node("GTVn AJCC8:7", primary=primary, subsite=subsite)
    assert found.category is category
    if category is Category.REGIONAL_NODE:
        assert "at most 2 cm into the stomach" in found.reason


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("GTVn regional", Category.REGIONAL_NODE),
        ("区域淋巴结", Category.REGIONAL_NODE),
        ("GTVn nonregional", Category.EXTRAREGIONAL_NODE),
        ("远处淋巴结", Category.EXTRAREGIONAL_NODE),
        ("GTVn_1", Category.UNKNOWN),
    ],
)
def test_name_may_say_whether_a_node_is_regional(name: str, category: Category) -> None:
    assert node(name, primary=None).category is category


# Facts


def test_primary_for_its_site_is_the_largest_where_no_volume_is_known() -> None:
    small, large = (
        gtv(f"GTV_esophagus_{i}", [contour(ring((x, 0.0), (r, r)), z)])
        for i, (x, r, z) in enumerate(((0.0, 3.0, 30.0), (60.0, 25.0, 0.0)), start=1)
    )
    lesions = read_lesions(structures(small, large), facts=OESOPHAGUS).lesions
    assert [lesion.volume_cc for lesion in lesions] == [None, None]
    primaries = [x.structures[0].name for x in lesions if x.category is Category.PRIMARY]
    assert primaries == ["GTV_esophagus_2"]


def test_facts_complete_and_override_and_the_lesion_says_so() -> None:
    fact = LesionFact(
        structure="GTV_1",
        category="extraregional_node",
        organ="lymph_node",
        laterality="left",
        station="JES:16a2",
    )
    drawn = structures(gtv("GTV_1", sphere((0.0, 0.0, 0.0), 8.0)))
    lesion = read_lesions(drawn, facts=replace(OESOPHAGUS, lesions=(fact,))).lesions[0]
    assert (lesion.category, lesion.organ) == (Category.EXTRAREGIONAL_NODE, Organ.LYMPH_NODE)
    assert (lesion.laterality, lesion.station) == ("left", "JES:16a2")
    assert "stated in the facts" in lesion.reason
    assert "LES015" in [f.code for f in lesion.findings]
    assert "LES012" not in [f.code for f in lesion.findings]


def test_facts_answer_what_is_asked_of_a_supraclavicular_node() -> None:
    drawn = structures(gtv("GTVn_LN_Sclav_L", sphere((0.0, 0.0, 0.0), 8.0)))
    asked = read_lesions(drawn, facts=OESOPHAGUS)
    assert (asked.count.lower, asked.count.upper) == (0, 1)
    for category, number in (("regional_node", 0), ("extraregional_node", 1)):
        fact = LesionFact(structure="GTVn_LN_Sclav_L", category=category)
        told = read_lesions(drawn, facts=replace(OESOPHAGUS, lesions=(fact,)))
        assert (told.count.lower, told.count.upper) == (number, number)
