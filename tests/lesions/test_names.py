"""What structure names say."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from rtplan.lesions.model import Organ
from rtplan.lesions.names import Kind, NameReading, Stem, read_name
from rtplan.lesions.roles import decide_roles
from rtplan.lesions.siblings import among_siblings
from rtplan.lesions.vocabulary import vocabulary
from tests.lesions.drawing import sphere, structure

TABLE = tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))
BALL = sphere((0.0, 0.0, 0.0), 8.0)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("GTV1", Stem.GROSS),
        ("gtv 1a", Stem.GROSS),
        ("GTV-T", Stem.GROSS),
        ("iGTV_3", Stem.INTERNAL),
        ("IGTV", Stem.INTERNAL),
        ("ITV1", Stem.INTERNAL),
        ("CTV_High", Stem.CLINICAL),
        ("PTV_5040", Stem.PLANNING),
        ("PGTVnd1", Stem.PLANNING),
        ("pGTV", Stem.GROSS),
        ("Planungszielvolumen", Stem.PLANNING),
        ("Gross Tumour Volume", Stem.GROSS),
        ("大体肿瘤", Stem.GROSS),
        ("Met 3", None),
        ("Lung_L", None),
    ],
)
def test_stem_is_read(name: str, stem: Stem | None) -> None:
    assert read_name(name).stem is stem


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("GTV1", "1"),
        ("GTV_1", "1"),
        ("GTV_01", "1"),
        ("gtv 1a", "1a"),
        ("Met 3", "3"),
        ("Lesion-02", "2"),
        ("mets_liver_2", "2"),
        ("肝转移灶2", "2"),
        ("GTV_A", "a"),
        ("PTV_12", "12"),
        ("PTV_5040", None),
        ("PTV60", None),
        ("PTV_50p4Gy", None),
        ("GTV_00", None),
        ("GTV_T50", None),
        ("GTV", None),
        ("GTV_ALL", None),
    ],
)
def test_label_is_the_number_of_the_lesion_not_a_dose_or_phase(
    name: str, label: str | None
) -> None:
    assert read_name(name).label == label


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("GTVp", Kind.PRIMARY),
        ("GTV_primary", Kind.PRIMARY),
        ("Primaertumor", Kind.PRIMARY),
        ("原发灶", Kind.PRIMARY),
        ("GTVn", Kind.NODE),
        ("GTVnd2", Kind.NODE),
        ("GTV N1", Kind.NODE),
        ("Lymphknoten links", Kind.NODE),
        ("ganglion sus-claviculaire gauche", Kind.NODE),
        ("adenopatía", Kind.NODE),
        ("左锁骨上淋巴结", Kind.NODE),
        ("Met 3", Kind.METASTASIS),
        ("Lebermetastase 2", Kind.METASTASIS),
        ("Métastase hépatique", Kind.METASTASIS),
        ("metástasis ósea", Kind.METASTASIS),
        ("肝转移灶", Kind.METASTASIS),
        ("Lesion-02", Kind.LESION),
        ("病灶1", Kind.LESION),
        ("Rundherd rechts", Kind.LESION),
        ("Heart", None),
    ],
)
def test_kind_of_tumour_is_read_in_five_languages(name: str, kind: Kind | None) -> None:
    assert read_name(name).kind is kind


@pytest.mark.parametrize(
    ("name", "organ", "side"),
    [
        ("GTV_lung_L", Organ.LUNG, "left"),
        ("GTV_RUL", Organ.LUNG, "right"),
        ("Lungenmetastase re", Organ.LUNG, "right"),
        ("poumon gauche", Organ.LUNG, "left"),
        ("pulmón derecho", Organ.LUNG, "right"),
        ("双肺", Organ.LUNG, None),
        ("mets_liver_2", Organ.LIVER, None),
        ("métastase hépatique", Organ.LIVER, None),
        ("Hígado", Organ.LIVER, None),
        ("GTV_Nebenniere li", Organ.ADRENAL, "left"),
        ("肾上腺L", Organ.ADRENAL, "left"),
        ("左肾", Organ.KIDNEY, "left"),
        ("Glnd_Adrenal_R", Organ.ADRENAL, "right"),
        ("Knochenmetastase", Organ.BONE, None),
        ("腰椎转移", Organ.BONE, None),
        ("os iliaque", Organ.BONE, None),
        ("Hirnmetastase 1", Organ.BRAIN, None),
        ("Lobe_Frontal_L", Organ.BRAIN, "left"),
        ("Esophagus", Organ.OTHER, None),
        ("GTV_1", None, None),
    ],
)
def test_organ_and_side_are_read_in_five_languages(
    name: str, organ: Organ | None, side: str | None
) -> None:
    reading = read_name(name)
    assert (reading.organ, reading.laterality) == (organ, side)


@pytest.mark.parametrize(
    ("name", "station"),
    [
        ("LN_Paraaortic", "LN_Paraaortic"),
        ("GTVn_LN_Sclav_L", "LN_Sclav"),
        ("GTVn_AJCC8:16", "AJCC8:16"),
        ("GTVn JES 16a2", "JES:16a2"),
        ("GTVn_104R_JES", "JES:104R"),
        ("LN AJCC8_4R", "AJCC8:4R"),
        ("锁骨上淋巴结", "LN_Sclav"),
        ("GTVn_16", None),
        ("GTVn_16a2", None),
        ("GTVn_4R", None),
        ("Diaphragm", None),
    ],
)
def test_station_needs_its_system(name: str, station: str | None) -> None:
    found = read_name(name).station
    assert (found.name if found else None) == station


def test_bare_station_is_noticed() -> None:
    assert read_name("GTVn_16a2").bare_station == "16a2"


@pytest.mark.parametrize("name", ["Lungs-GTV", "Liver-PTV", "PTV-GTV", "Liver minus GTV"])
def test_one_volume_without_another_is_no_target(name: str) -> None:
    assert read_name(name).subtracts


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("GTV_ALL", "is_union"),
        ("PTV_total", "is_union"),
        ("GTV gesamt", "is_union"),
        ("zPTV_ring", "not_for_evaluation"),
        ("_PTV", "not_for_evaluation"),
        ("GTV+5mm", "expanded"),
        ("95%", "dose_only"),
        ("50 Gy", "dose_only"),
    ],
)
def test_marks_in_a_name_are_seen(name: str, flag: str) -> None:
    assert getattr(read_name(name), flag)
    assert not getattr(read_name("GTV_1"), flag)


@pytest.mark.parametrize("name", ["GTV_CT", "GTV_PET", "GTV_MR", "GTV mri"])
def test_imaging_is_a_variant(name: str) -> None:
    assert read_name(name).variants


@pytest.mark.parametrize("name", ["", " ", "___", "\x00", "🙂", "a" * 500, "GTV" * 100, "1" * 400])
def test_any_text_can_be_read(name: str) -> None:
    assert isinstance(read_name(name), NameReading)


LISTED = [(name, group) for group in TABLE["group"] for name in group["names"]]
LANGUAGES = ("en", "zh", "de", "fr", "es")


def test_table_holds_three_hundred_names_in_five_languages() -> None:
    assert len({name for name, told in LISTED if told["language"] in LANGUAGES}) >= 300
    for language in LANGUAGES:
        assert sum(told["language"] == language for _, told in LISTED) >= 100
    assert sum(told["source"] == "published" for _, told in LISTED) >= 300


def differs(name: str, told: dict[str, Any]) -> str | None:
    """How a name of the table is read otherwise than it says; None where it is not."""
    decision = decide_roles([structure(name, BALL, number=1)])[0]
    reading = decision.name
    found = {
        "kind": reading.kind,
        "organ": reading.organ,
        "side": reading.laterality,
        "label": reading.label,
        "union": reading.is_union,
        "variant": bool(reading.variants),
        "phase": reading.phase is not None or reading.phase_like,
        "maybe_primary": reading.maybe_primary,
        "sure": decision.sure,
    }
    wrong = {key: found[key] for key in found if key in told and found[key] != told[key]}
    if decision.role not in told["role"]:
        return f"{decision.role}: {decision.reason}"
    return f"{wrong}" if wrong else None


@pytest.mark.parametrize("number", range(len(TABLE["group"])))
def test_names_of_the_table_have_their_roles(number: int) -> None:
    told = TABLE["group"][number]
    wrong = {name: text for name in told["names"] if (text := differs(name, told))}
    assert not wrong


TYPES = {
    "gross": "GTV",
    "clinical": "CTV",
    "planning": "PTV",
    "cavity": "CTV",
    "organ": "ORGAN",
    "helper": "CONTROL",
    "external": "EXTERNAL",
    "support": "SUPPORT",
    "marker": "MARKER",
    "isodose": "DOSE_REGION",
}


def test_type_that_agrees_changes_no_role_of_the_table() -> None:
    wrong = [
        (name, decision.role, decision.reason)
        for name, told in LISTED
        if len(told["role"]) == 1 and (kind := TYPES.get(told["role"][0]))
        for decision in decide_roles([structure(name, BALL, kind=kind, number=1)])
        if decision.role != told["role"][0]
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("name", "stem", "kind"),
    [
        ("lptv54", Stem.PLANNING, None),
        ("RCTVnode65", Stem.CLINICAL, Kind.NODE),
        ("ALLPTV", Stem.PLANNING, None),
        ("livermet2", None, Kind.METASTASIS),
        ("GTV_L_N", Stem.GROSS, Kind.NODE),
        ("GTV65N", Stem.GROSS, Kind.NODE),
    ],
)
def test_what_is_written_together_is_taken_apart(
    name: str, stem: Stem | None, kind: Kind | None
) -> None:
    reading = read_name(name)
    assert (reading.stem, reading.kind) == (stem, kind)


@pytest.mark.parametrize(
    ("name", "shared"),
    [
        ("mandible and PTV65", True),
        ("L parotid IN PTV60", True),
        ("PTV60 and larynx", True),
        ("Air in PTV", True),
        ("PTV lung and liver", False),
        ("GTV in liver", False),
        ("PTV in liver", False),
        ("CTV prostate and SV", False),
        ("PTV x 3 lung", False),
        ("met in lung PTV", False),
    ],
)
def test_part_shared_of_organ_and_target_is_no_target(name: str, shared: bool) -> None:
    assert read_name(name).shared is shared


@pytest.mark.parametrize("name", ["GTV_R_Inguinal", "GTV_R_Ing_LN", "GTV_L_Ung", "GTV s b"])
def test_letter_of_a_side_is_not_read_into_the_next_word(name: str) -> None:
    reading = read_name(name)
    assert not reading.has("helper")
    assert not reading.has("cavity")


ORGANS = tomllib.loads(
    resources.files("rtplan.lesions").joinpath("organs.toml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("style", ["GTV_{}_2", "GTV_R_{}", "{} met 2", "Metastase {}", "{}转移灶"])
def test_every_word_for_an_organ_tells_it_and_hides_no_tumour(style: str) -> None:
    wrong = {}
    for part in ORGANS["part"]:
        for word in part["words"]:
            reading = read_name(style.format(word.strip("*")))
            tumour = reading.stem is Stem.GROSS or reading.kind in (Kind.METASTASIS, Kind.NODE)
            aside = [t for t in ("helper", "cavity", "union", "matter") if reading.has(t)]
            organ = part.get("organ") in (None, reading.organ) or reading.kind is Kind.NODE
            if not tumour or (aside and aside != ["matter"]) or not organ or reading.subtracts:
                wrong[reading.name] = (reading.stem, reading.kind, reading.organ, aside)
    assert not wrong


@pytest.mark.parametrize("name", ["Body-PTV", "E-PTV_50", "Ext-PTV", "External-PTV"])
def test_body_without_its_target_is_no_target(name: str) -> None:
    assert read_name(name).subtracts


@pytest.mark.parametrize("name", ["PTV_Eval_7000-08", "CTVp2-05", "PTV_20Gy-03"])
def test_crop_from_the_skin_is_no_label(name: str) -> None:
    label = read_name(name).label
    assert label is None or "." not in label
    assert label != name[-1]


@pytest.mark.parametrize(
    ("name", "station"),
    [
        ("GTVn AJCC8:VI", "AJCC8:VI"),
        ("LN JES 112pul", "JES:112pul"),
        ("LN JES11:104", "JES:104"),
        ("LN JES 11", "JES:11"),
        ("GTVnd TNM8 20", "AJCC8:20"),
    ],
)
def test_system_and_number_are_told_apart(name: str, station: str) -> None:
    found = read_name(name).station
    assert found is not None
    assert found.name == station


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("GTVn_104", "104"),
        ("GTVnd 第7组", "7"),
        ("GTVn No.7", "7"),
        ("GTVn 110组", "110"),
        ("GTVn_2", None),
    ],
)
def test_station_number_without_its_system_is_bare(name: str, bare: str | None) -> None:
    reading = read_name(name)
    assert (reading.station, reading.bare_station) == (None, bare)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("GTV 2024-03", None),
        ("GTV_20240301", None),
        ("GTV 03/2024", None),
        ("GTV 12.03.24", None),
        ("GTV 2 2024-03-01", "2"),
        ("2024.03.01 Met 3", "3"),
        ("GTV 1.2.3", "1.2.3"),
        ("GTV 12", "12"),
    ],
)
def test_a_date_is_no_number(name: str, label: str | None) -> None:
    assert read_name(name).label == label


@pytest.mark.parametrize(
    ("names", "labels", "sides"),
    [
        (("GTV K", "GTV L", "GTV M"), ("k", "l", "m"), (None, None, None)),
        (("PTV_P", "PTV_Q", "PTV_R"), ("p", "q", "r"), (None, None, None)),
        (("GTV L", "GTV R"), (None, None), ("left", "right")),
        (("GTV L", "GTV M", "GTV R"), (None, None, None), ("left", None, "right")),
        (("GTV K", "PTV L", "GTV M"), ("k", None, None), (None, "left", None)),
    ],
)
def test_letters_in_a_row_are_labels(
    names: tuple[str, ...], labels: tuple[str | None, ...], sides: tuple[str | None, ...]
) -> None:
    found = among_siblings([read_name(name) for name in names], vocabulary())
    assert tuple(name.label for name in found) == labels
    assert tuple(name.laterality for name in found) == sides
    assert tuple(name.name for name in found) == names
