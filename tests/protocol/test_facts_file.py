"""The facts file: unknown keys and impossible facts are errors, nothing is filled in."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from rtplan.errors import ProtocolError
from rtplan.facts import Facts

from . import cases

FULL = """
[primary]
site = "oesophagus"
subsite = "thoracic_middle"
histology = "squamous"
controlled = true
diagnosed = 2024-01-15
treated = 2024-05-30
node_positive = true
cea_ng_ml = 3.5
egfr_mutated = false

[disease]
detected = 2025-03-01
polymetastatic_before = false
oligometastatic_before = false
on_systemic_therapy = false
progressing = false
diffuse = false
lifetime_metastases = 2
metastases_not_drawn = 0
all_sites_treatable = true
r0_feasible = true
mdt_discussed = true
uninvolved_liver_cc = 1200
extrahepatic_controlled = true
imaging = ["FDG_PET_CT", "brain_MRI"]

[[lesion]]
structure = "GTV_2"
category = "organ_metastasis"
organ = "lung"
site = "left lung"
"""


def test_full_file_is_read(tmp_path: Path) -> None:
    facts = cases.facts(FULL, tmp_path)
    assert facts.primary.site == "oesophagus"
    assert facts.primary.diagnosed == date(2024, 1, 15)
    assert facts.disease.metastases_not_drawn == 0
    assert facts.disease.imaging == ("FDG_PET_CT", "brain_MRI")
    assert (facts.primary.node_positive, facts.primary.egfr_mutated) == (True, False)
    assert (facts.primary.cea_ng_ml, facts.disease.uninvolved_liver_cc) == (3.5, 1200.0)
    assert facts.disease.extrahepatic_controlled is True
    assert (facts.lesions[0].organ, facts.lesions[0].site) == ("lung", "left lung")


def test_empty_file_knows_nothing(tmp_path: Path) -> None:
    assert cases.facts("", tmp_path) == Facts()


def test_metastasis_may_be_found_six_months_before_its_primary(tmp_path: Path) -> None:
    for day in (date(2023, 7, 15), date(2024, 1, 2)):
        facts = cases.facts(FULL.replace("2025-03-01", day.isoformat()), tmp_path)
        assert facts.disease.detected == day


@pytest.mark.parametrize(
    ("old", "new", "where", "hint"),
    [
        ("histology", "histolgy", "primary.histolgy", 'did you mean "histology"'),
        ('"squamous"', '"adeno"', 'primary.histology: "adeno"', 'did you mean "adenocarcinoma"'),
        ("2025-03-01", "2019-03-01", "disease.detected: 2019-03-01", "more than 6 months before"),
        ("2025-03-01", "2023-07-14", "disease.detected: 2023-07-14", "2024-01-15"),
        ("node_positive", "node_postive", "primary.node_postive", 'mean "node_positive"'),
        ("cea_ng_ml", "cea", "primary.cea", 'did you mean "cea_ng_ml"'),
        ("egfr_mutated", "egfr_mutation", "primary.egfr_mutation", 'mean "egfr_mutated"'),
        ("uninvolved_liver_cc", "liver_cc", "disease.liver_cc", 'mean "uninvolved_liver_cc"'),
        ("extrahepatic_controlled", "extrahepatic", "disease.extra", '"extrahepatic_controlled"'),
        ("treated = 2024-05-30", "extrahepatic_controlled = true", "primary.extra", "disease.extr"),
        ("imaging =", "cea_ng_ml = 3\nimaging =", "disease.cea_ng_ml", '"primary.cea_ng_ml"'),
        ('site = "left', 'sit = "left', "lesion[0].sit", 'did you mean "site"'),
        ("cea_ng_ml = 3.5", "cea_ng_ml = -3.5", "primary.cea_ng_ml: -3.5", "below 0"),
        ("cea_ng_ml = 3.5", "cea_ng_ml = true", "primary.cea_ng_ml: true", "not a number"),
        ("cea_ng_ml = 3.5", "cea_ng_ml = nan", "primary.cea_ng_ml: nan", "not a number"),
        ("cea_ng_ml = 3.5", 'cea_ng_ml = "3.5"', 'primary.cea_ng_ml: "3.5"', "not a number"),
        ("_cc = 1200", "_cc = inf", "disease.uninvolved_liver_cc: inf", "not a number"),
        ("node_positive = true", "node_positive = 1", "primary.node_positive: 1", "true nor false"),
        ("controlled = true", "controlled = false", "disease.extrahepatic_controlled", "false and"),
        ("squamous", "small-cell", 'primary.histology: "small-cell"', 'did you mean "small_cell"'),
        ("squamous", "nsclc", 'primary.histology: "nsclc"', "non_small_cell"),
        ("squamous", "non_small_cell", 'primary.histology: "non_small_cell"', "of the lung"),
        ('site = "left lung"', "site = 3", "lesion[0].site: 3", "not a text"),
        ("[primary]", "[primry]", "primry", 'did you mean "primary"'),
        ("squamous", "squamos", 'primary.histology: "squamos"', 'did you mean "squamous"'),
        ("oesophagus", "esophagus", 'primary.site: "esophagus"', 'did you mean "oesophagus"'),
        ("thoracic_middle", "middle", 'primary.subsite: "middle"', "thoracic_middle"),
        ("treated = 2024-05-30", "treated = 2023-05-30", "treated: 2023-05-30", "before"),
        ("treated = 2024-05-30", 'treated = "2024-05-30"', "primary.treated", "without quotes"),
        ("treated = 2024-05-30", "treated = 2024-05-30T10:00:00", "primary.treated", "not a date"),
        ("treated = 2024-05-30", "detected = 2024-05-30", "primary.detected", "disease.detected"),
        ("controlled = true", 'controlled = "yes"', 'primary.controlled: "yes"', "true nor false"),
        ("controlled = true", "controlled = 1", "primary.controlled: 1", "true nor false"),
        ("drawn = 0", "drawn = -1", "disease.metastases_not_drawn: -1", "whole number"),
        ("drawn = 0", "drawn = 1001", "disease.metastases_not_drawn: 1001", "at most 1000"),
        ("drawn = 0", f"drawn = 0x{'f' * 5000}", "disease.metastases_not_drawn", "at most 1000"),
        ("drawn = 0", "drawn = " + "9" * 5000, "facts.toml", "is not TOML that can be read"),
        ("site", "site" + ".b" * 20, "primary.site", "is not a text"),
        ("site", "site" + ".b" * 2000, "primary", "nested too deep"),
        ("drawn = 0", "drawn = true", "disease.metastases_not_drawn: true", "whole number"),
        ("drawn = 0", "drawn = 3", "disease.lifetime_metastases: 2", "less than"),
        ('"FDG_PET_CT"', '"FDG_PETCT"', 'imaging[0]: "FDG_PETCT"', 'did you mean "FDG_PET_CT"'),
        ('["FDG_PET_CT", "brain_MRI"]', '"FDG_PET_CT"', "disease.imaging", "not a list"),
        ('"lung"', '"lungs"', 'lesion[0].organ: "lungs"', 'did you mean "lung"'),
        ('"organ_metastasis"', '"regional_node"', 'lesion[0].organ: "lung"', "no organ"),
        ('organ = "lung"', 'organ = "lymph_node"', "lesion[0].organ", "extraregional_node"),
        ('organ = "lung"', 'station = "7"', 'lesion[0].station: "7"', "it has none"),
        ('structure = "GTV_2"', "", "lesion[0].structure", "missing"),
        ("[[lesion]]", "[lesion]", "lesion", "[[lesion]]"),
        (
            "[[lesion]]",
            '[[lesion]]\nstructure = "GTV_2"\norgan = "bone"\n[[lesion]]',
            'lesion[1].structure: "GTV_2"',
            "two [[lesion]] tables",
        ),
    ],
)
def test_wrong_facts_name_file_key_and_value(
    tmp_path: Path, old: str, new: str, where: str, hint: str
) -> None:
    assert old in FULL
    with pytest.raises(ProtocolError) as caught:
        cases.facts(FULL.replace(old, new, 1), tmp_path)
    text = str(caught.value)
    assert text.startswith("facts.toml: ")
    assert where in text
    assert hint in text
