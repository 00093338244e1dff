"""Protocol files: what is right is read, what is wrong is named with file, key and value."""

from __future__ import annotations

import csv
from importlib import resources
from pathlib import Path

import pytest

from rtplan.errors import ProtocolError
from rtplan.protocol.load import (
    available,
    built_in_ids,
    load,
    load_definition,
    load_limits,
    load_prescriptions,
)
from rtplan.protocol.model import Evidence
from rtplan.protocol.rules import negated

DEFINITION = """
schema = "rtplan/definition/1"
id = "mine"
title = "A definition"
version = "1"

[applies_to]
primaries = ["lung"]

[[source]]
id = "paper"
text = "A paper"
doi = "10.1000/1"

[counting]
unit = "lesion"
primary = "not_counted"
regional_nodes = "not_counted"
extraregional_nodes = "per_lesion"
nodes_as_organ = "one_organ"
nodal_system = "AJCC8"
paired_organs = "one_organ"
supraclavicular = "ask"
diffuse = "not_countable"
evidence = "verified"
source = "paper"

[[criterion]]
id = "few"
text = "Few metastases"
rule = { quantity = "metastases", op = "<=", limit = 5 }
evidence = "secondary"
source = "paper"
place = "table 1"

[[arm]]
id = "all"
text = "Few metastases"
rule = "few"
"""

LIMITS = """
schema = "rtplan/limits/1"
id = "my-limits"
title = "Limits"
name = "Mine"
version = "1"

[[source]]
id = "paper"
text = "A paper"
doi = "10.1000/1"

[[limit]]
id = "cord"
structure = "SpinalCord"
metric = "D0.035cc[Gy]"
op = "<="
limit = 14
fractions = 1
evidence = "secondary"
source = "paper"
"""

BROKEN_DEFINITIONS = [
    ('op = "<="', 'op = "=<"', 'criterion[0].rule.op: "=<"', "<="),
    ("limit = 5", "limit = 4.5", "criterion[0].rule.limit: 4.5", "count"),
    ("limit = 5", 'limit = "five"', 'criterion[0].rule.limit: "five"', "number"),
    ('"metastases"', '"metastasis"', 'quantity: "metastasis"', 'did you mean "metastases"'),
    ('evidence = "secondary"', "", "criterion[0].evidence", "missing"),
    ('evidence = "secondary"', 'evidence = "sure"', 'criterion[0].evidence: "sure"', "verified"),
    ('source = "paper"\nplace', "place", "criterion[0].source", "missing"),
    ('source = "paper"\nplace', 'source = "papr"\nplace', '"papr"', 'did you mean "paper"'),
    ('place = "table 1"', 'plaec = "table 1"', "criterion[0].plaec", 'did you mean "place"'),
    ("[applies_to]", "[aplies_to]", "applies_to", '"aplies_to" is there'),
    ('["lung"]', '["lungs"]', 'applies_to.primaries[0]: "lungs"', 'did you mean "lung"'),
    ('doi = "10.1000/1"', "", "source[0].doi", "missing"),
    ('doi = "10.1000/1"', 'doi = "doi:10.1"', 'source[0].doi: "doi:10.1"', "not a DOI"),
    ('"not_counted"\nextra', '"unconfirmed"\nextra', "counting.gap", "regional_nodes"),
    ('"not_counted"\nextra', '"none"\nextra', 'counting.regional_nodes: "none"', "not_counted"),
    ('rule = "few"', 'rule = "fwe"', 'arm[0].rule: "fwe"', 'did you mean "few"'),
    ('rule = "few"', "rule = { any_of = [] }", "arm[0].rule.any_of", "list of rules"),
    (
        "rule = { quantity",
        'rule = { fact = "disease.treatable", is = true }\nother = { quantity',
        'criterion[0].rule.fact: "disease.treatable"',
        "disease.all_sites_treatable",
    ),
    (
        '{ quantity = "metastases", op = "<=", limit = 5 }',
        '{ fact = "primary.controlled", is = "yes" }',
        'criterion[0].rule.is: "yes"',
        "true nor false",
    ),
    (
        '{ quantity = "metastases", op = "<=", limit = 5 }',
        '{ quantity = "months_to_detection", op = "<=", limit = 5 }',
        "criterion[0].rule.since",
        "missing",
    ),
    ('id = "mine"', 'id = "My Def"', 'id: "My Def"', "small letters"),
    ('title = "A definition"', "title = 3", "title: 3", "not a text"),
    ('version = "1"', 'version = "1"\nauthor = "me"', 'author: unknown key (value "me")', ""),
    ("[[arm]]", "[[arms]]", "arm", "either"),
    ('version = "1"', 'version = "1"\nkind = "path"', 'kind: "path"', 'did you mean "pathway"'),
    ('version = "1"', 'version = "1"\nkind = "pathway"', "arm", "has no meaning with kind"),
    ('version = "1"', 'version = "1"\nkind = "score"', "arm", "has no meaning with kind"),
    ("[[arm]]", "[score]\ntext = 's'\n[[arm]]", "score.points", "missing"),
    ("limit = 5", 'limit = 5, in = ["lungs"]', 'rule.in[0]: "lungs"', 'did you mean "lung"'),
    ("limit = 5", 'limit = 5, in = ["lung"], outside = ["liver"]', "rule.outside", "beside in"),
    ("limit = 5", 'limit = 5, in_stations = ["LN_Celiac"]', "rule.in_stations", "no meaning"),
    ('"metastases"', '"sides"', "rule.in", "is asked of organs"),
    ('"metastases"', '"largest_diameter_mm", in_stations = ["LN_Ax_L"]', "in_stations", "no mean"),
    (
        '"metastases", op = "<="',
        '"largest_diameter_mm", op = "=="',
        'rule.op: "==" has no meaning',
        "<=",
    ),
    (
        '"metastases"',
        '"extraregional_stations", outside_stations = ["LN_Pelvics"]',
        'outside_stations[0]: "LN_Pelvics" is not one station',
        "LN_Paraaortic",
    ),
    (
        '{ quantity = "metastases", op = "<=", limit = 5 }',
        '{ gap = "interval" }',
        'criterion[0].rule.gap: "interval" is not known',
        "It is one of",
    ),
    ('unit = "lesion"', 'unit = "sites"', 'counting.unit: "sites"', 'did you mean "site"'),
    (
        'unit = "lesion"',
        'unit = "lesion"\nshared_isocentre = "one_site"',
        "counting.shared_isocentre: has no meaning",
        'unit = "site"',
    ),
    (
        'unit = "lesion"',
        'unit = "site"\ncontiguous_vertebrae = "unconfirmed"',
        "counting.gap",
        "contiguous_vertebrae",
    ),
    ('["lung"]', '["lung"]\nmetastases_in = ["lungs"]', "metastases_in[0]", 'mean "lung"'),
    ("rtplan/definition/1", "rtplan/definition/9", 'schema: "rtplan/definition/9"', "did you mean"),
]


@pytest.mark.parametrize(("old", "new", "where", "hint"), BROKEN_DEFINITIONS)
def test_broken_definition_names_file_key_and_way_out(
    tmp_path: Path, old: str, new: str, where: str, hint: str
) -> None:
    assert old in DEFINITION
    file = tmp_path / "mine.toml"
    file.write_text(DEFINITION.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load_definition(str(file))
    text = str(caught.value)
    assert text.startswith("mine.toml: ")
    assert where in text
    assert hint in text


BROKEN_LIMITS = [
    ("D0.035cc[Gy]", "V20", "limit[0].metric", "V20Gy"),
    ("D0.035cc[Gy]", "D95", 'limit[0].metric: "D95"', "D95%[Gy]"),
    ("D0.035cc[Gy]", "Dose", 'limit[0].metric: metric "Dose"', "D95%[Gy]"),
    ("limit = 14", "limit = -1", "limit[0].limit: -1", "below 0"),
    ("limit = 14", "limit = nan", "limit[0].limit: nan", "number"),
    ("fractions = 1", "fractions = 0", "limit[0].fractions: 0", "1 or more"),
    ("fractions = 1", "fractions = 1.5", "limit[0].fractions: 1.5", "whole number"),
    ("fractions = 1", "fraction = 1", "limit[0].fractions", '"fraction" is there'),
    ('op = "<="', 'op = "=="', "limit[0].op", "<="),
    ("limit = 14", "limit = 14\nconflict = [{limit = 12, text = 't'}]", "conflict[0]", "stricter"),
    ("[[limit]]", "[[limits]]", "limit", "missing"),
    ("fractions = 1", "", "limit[0].fractions", "missing"),
    ("fractions = 1", "fractions = 1\nfraction_gy = [1.8, 2]", "limit[0].fraction_gy", "beside"),
    ("fractions = 1", "fraction_gy = [2, 1.8]", "limit[0].fraction_gy: 2 to 1.8", "no range"),
    ("fractions = 1", "fraction_gy = [2]", "limit[0].fraction_gy", "[lowest, highest]"),
    ("fractions = 1", 'fraction_gy = [1, "2"]', 'limit[0].fraction_gy[1]: "2"', "not a number"),
    ("limit = 14", "limit = 14\noptimal = 14.5", "limit[0].optimal: 14.5", "not stricter"),
    ("limit = 14", "limit = 14\noptimal = 14", "limit[0].optimal: 14", "not stricter"),
]


@pytest.mark.parametrize(("old", "new", "where", "hint"), BROKEN_LIMITS)
def test_broken_limits_name_file_key_and_way_out(
    tmp_path: Path, old: str, new: str, where: str, hint: str
) -> None:
    assert old in LIMITS
    file = tmp_path / "my-limits.toml"
    file.write_text(LIMITS.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load_limits(str(file))
    text = str(caught.value)
    assert text.startswith("my-limits.toml: ")
    assert where in text
    assert hint in text


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"id = ", "is not TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"", "schema: is missing"),
        (b"a = " + b"[" * 100_000, "nested too deep"),
        (b"a." * 3_000 + b"b = 1", "a: nested too deep; write at most 40 levels"),
        (b"a = " + b"[" * 60 + b"]" * 60, "a: nested too deep"),
        (b"id = 'a'\nid = 'b'", "is not TOML: Cannot overwrite a value"),
    ],
)
def test_file_that_is_no_protocol_is_an_error(tmp_path: Path, content: bytes, hint: str) -> None:
    file = tmp_path / "odd.toml"
    file.write_bytes(content)
    with pytest.raises(ProtocolError, match=f"odd.toml: .*{hint}"):
        load(str(file))


def test_rules_within_rules_are_read_to_a_depth_that_people_write(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    rule = '{ quantity = "metastases", op = "<=", limit = 5 }'
    for depth, works in ((12, True), (60, False)):
        nested = "{ not = " * depth + rule + " }" * depth
        file.write_text(DEFINITION.replace(rule, nested), encoding="utf-8")
        if works:
            assert load_definition(str(file)).criteria[0].rule is not None
        else:
            with pytest.raises(ProtocolError, match=r"mine.toml: criterion: nested too deep"):
                load_definition(str(file))


def test_missing_file_and_unknown_id_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"gone\.toml: no such file"):
        load(str(tmp_path / "gone.toml"))
    with pytest.raises(ProtocolError, match=r'"omec-2032".*did you mean "omec-2023"'):
        load("omec-2032")
    with pytest.raises(ProtocolError, match="not a set of dose limits"):
        load_limits("omec-2023")
    with pytest.raises(ProtocolError, match="not a definition"):
        load_definition("tg101")
    with pytest.raises(ProtocolError, match='"tg101" is a set of dose limits, not a set of presc'):
        load_prescriptions("tg101")


def test_site_file_is_read_like_a_built_in_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(b"\xef\xbb\xbf" + DEFINITION.replace("\n", "\r\n").encode())
    definition = load_definition(str(file))
    assert definition.id == "mine"
    assert definition.criteria[0].citation.evidence is Evidence.SECONDARY
    assert str(definition.criteria[0].citation) == "doi:10.1000/1, table 1"


def test_double_negation_is_the_rule() -> None:
    for name in ("omec-2023", "esophagus-cn-2025", "estro-astro-2020"):
        for criterion in load_definition(name).criteria:
            if criterion.rule is not None and "==" not in str(criterion.rule):
                assert negated(negated(criterion.rule)) == criterion.rule


def test_tree_that_leads_back_to_itself_is_an_error(tmp_path: Path) -> None:
    built_in = resources.files("rtplan.protocols") / "estro-eortc-2020.toml"
    text = built_in.read_text(encoding="utf-8")
    file = tmp_path / "tree.toml"
    file.write_text(text.replace('no = "synchronous"', 'no = "metastasis"'), encoding="utf-8")
    with pytest.raises(ProtocolError, match=r"tree\.question: .* leads back to itself"):
        load(str(file))
    file.write_text(text.replace('no = "synchronous"', 'no = "none"'), encoding="utf-8")
    with pytest.raises(ProtocolError, match='"synchronous" cannot be reached'):
        load(str(file))


def test_tree_of_many_questions_is_read_in_one_pass(tmp_path: Path) -> None:
    rule = '{ quantity = "metastases", op = ">=", limit = 1 }'
    questions = "".join(
        f'[[tree.question]]\nid = "q{i}"\ntext = "Q"\nrule = {rule}\nyes = "q{i + 1}"\n'
        f'no = "q{i + 1}"\nevidence = "secondary"\nsource = "paper"\n'
        for i in range(1200)
    ).replace('"q1200"', '"s"')
    text = DEFINITION.partition("[[criterion]]")[0] + '[tree]\nstart = "q0"\n' + questions
    file = tmp_path / "mine.toml"
    file.write_text(text + '[[tree.state]]\nid = "s"\ntext = "A state"\n', encoding="utf-8")
    tree = load_definition(str(file)).tree
    assert tree is not None
    assert len(tree.questions) == 1200


IDENTIFIERS = {
    "definition": {
        "esophagus-cn-2025", "omec-2023", "estro-astro-2020", "estro-eortc-2020",
        "eortc-nsclc-2019", "sabr-comet", "sabr-comet-3", "sabr-comet-10", "nrg-br001",
        "nrg-br002", "nrg-lu002", "core", "eso-shanghai-13", "nhs-cte", "stomp", "oriole",
        "sindas", "flot5", "crc-oligo", "liver-sbrt-nhs", "liver-sbrt-scorsetti", "fong",
    },
    "pathway": {"esophagus-surgery", "esophagus-pathways", "sarcoma-lung", "liver-metastases"},
    "limits": {"tg101", "quantec", "hytec-cord", "esophagus-conventional"},
    "prescriptions": {"prescriptions"},
}  # fmt: skip


def test_built_in_files_bear_their_ids_and_load() -> None:
    entries = available()
    for kind, ids in IDENTIFIERS.items():
        assert {item.id for item in entries if item.kind == kind} == ids
    assert [item.id for item in entries] == [
        item.id for kind in IDENTIFIERS for item in entries if item.kind == kind
    ]
    for item in entries:
        loaded = load(item.id)
        assert loaded.id == item.id
        assert loaded.cited()


def test_every_entry_of_the_package_has_a_place_in_its_source() -> None:
    for item in available():
        assert all(citation.place for citation in load(item.id).cited()), item.id


def test_tg101_holds_every_row_of_the_transcription() -> None:
    """The transcription is kept beside the tests; the limits are compared row by row."""
    names = {
        "Trachea/LargeBronchus": "Trachea_Bronchus",
        "Jejunum/Ileum": "Bowel_Small",
    }
    rows = Path(__file__).parents[1] / "data" / "tg101_serial.csv"
    held = {
        (item.structure, str(item.metric), item.fractions): item.limit
        for item in load_limits("tg101").limits
    }
    with rows.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            metric = "D0.035cc" if "max" in row["metric"] else row["metric"]
            structure = names.get(row["organ"], row["organ"])
            key = (structure, f"{metric}[Gy]", int(row["fractions"]))
            assert held.pop(key) == float(row["limit_gy"]), key
    assert {name for name, _, _ in held} == {
        "Bladder_Wall",
        "Femur_Head",
        "PenileBulb",
        "Kidney_Hilum",
        "Lungs",
        "Liver",
        "Kidney_Cortex",
    }


def test_tg101_conflicts_are_shown_and_the_lowest_is_tested() -> None:
    held = {item.id: item for item in load_limits("tg101").limits}
    for name, tested, others in (
        ("lungs-dc1500cc-3fx", 10.5, [11.6]),
        ("lungs-dc1000cc-3fx", 11.4, [12.4]),
        ("liver-dc700cc-3fx", 17.1, [17.4, 19.2]),
        ("kidney-cortex-dc200cc-3fx", 14.4, [16.0]),
    ):
        assert held[name].limit == tested
        assert [item.limit for item in held[name].conflicts] == others
    assert held["liver-dc700cc-5fx"].limit == 21.0


PRESCRIPTIONS = """
schema = "rtplan/prescriptions/1"
id = "mine"
title = "Prescriptions"
name = "Mine"
version = "1"

[[source]]
id = "paper"
text = "A paper"
doi = "10.1000/1"

[[prescription]]
id = "lung"
site = "lung"
lesions = "metastases"
organs = ["lung"]
dose_gy = [45.0, 54.0]
fractions = 3
evidence = "secondary"
source = "paper"
"""


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("fractions = 3", "fractions = 2.5", "prescription[0].fractions: 2.5 to 2.5 are not whole"),
        ("fractions = 3", "fraction = 3", 'prescription[0].fractions: is missing; "fraction"'),
        ("[45.0, 54.0]", "[54.0, 45.0]", "prescription[0].dose_gy: 54 to 45 is no range"),
        ("[45.0, 54.0]", "0", "prescription[0].dose_gy: 0 to 0 is no range above 0"),
        ('["lung"]', '["lungs"]', 'prescription[0].organs[0]: "lungs" is not known; did'),
        ("[[prescription]]", "[[prescriptions]]", "prescription: is missing"),
        ('lesions = "metastases"\n', "", 'prescription[0].lesions: is missing; write "meta'),
        ('"metastases"', '"metastasis"', 'prescription[0].lesions: "metastasis" is not known; did'),
        ("organs =", 'primaries = ["lungs"]\norgans =', 'prescription[0].primaries[0]: "lungs"'),
        ('"metastases"', '"primary"', "prescription[0].primaries: is missing; with lesions"),
        (
            '"metastases"',
            '"primary"\nprimaries = ["lung"]',
            'prescription[0].organs: has no meaning with lesions = "primary"; write primaries',
        ),
    ],
)
def test_broken_prescriptions_name_file_key_and_way_out(
    tmp_path: Path, old: str, new: str, where: str
) -> None:
    assert old in PRESCRIPTIONS
    file = tmp_path / "mine.toml"
    file.write_text(PRESCRIPTIONS.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load_prescriptions(str(file))
    assert str(caught.value).startswith(f"mine.toml: {where}")


def test_bed_is_computed_only_where_dose_and_number_are_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(PRESCRIPTIONS, encoding="utf-8")
    assert load_prescriptions(str(file)).prescriptions[0].bed10_gy is None
    held = {item.id: item.bed10_gy for item in load_prescriptions("prescriptions").prescriptions}
    for name, bed in (
        ("sabr-comet-lung-54-3", 151.2),
        ("sabr-comet-lung-55-5", 115.5),
        ("sabr-comet-lung-60-8", 105.0),
        ("sabr-comet-bone-35-5", 59.5),
        ("sabr-comet-brain-40-5", 72.0),
        ("nrg-br001-central-50-5", 100.0),
        ("nrg-br001-peripheral-45-3", 112.5),
        ("sabr-comet-10-20-1", 60.0),
        ("oesophagus-50.4-28", 59.5),
        ("oesophagus-41.4-23", 48.9),
    ):
        assert held[name] == bed
    assert held["sabr-comet-liver"] is None


def test_cord_limits_by_fraction_count_with_their_conflicts() -> None:
    held = {item.fractions: item for item in load_limits("hytec-cord").limits}
    assert {number: item.limit for number, item in held.items()} == {
        1: 12.4,
        2: 17.0,
        3: 20.3,
        4: 23.0,
        5: 25.3,
    }
    conflicts = {number: [x.limit for x in item.conflicts] for number, item in held.items()}
    assert conflicts == {1: [14.0], 2: [], 3: [23.1], 4: [26.2], 5: [28.8]}


def test_sources_for_the_oesophagus_are_kept_apart() -> None:
    limits = load_limits("esophagus-conventional").limits
    for item in limits:
        assert item.id.startswith(item.citation.source.id)
    lungs = {
        (item.citation.source.id, item.optimal, item.limit)
        for item in limits
        if item.structure == "Lungs" and str(item.metric) == "V20Gy[%]"
    }
    assert lungs == {
        ("book", None, 25),
        ("nccn", None, 20),
        ("uw", 30, 35),
        ("kn-975", 20, 25),
    }


def test_built_in_protocols_have_the_names_of_their_files() -> None:
    assert sorted(built_in_ids()) == sorted(entry.id for entry in available())
