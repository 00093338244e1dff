"""What structure names say."""

import pytest

from rtplan.lesions.model import Organ
from rtplan.lesions.names import Kind, NameReading, Stem, read_name


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
