"""``rtplan eligibility``: verdicts, reasons, exit codes; from a lesions file and from DICOM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtplan.cli.eligibility import _seen
from rtplan.cli.main import main

FACTS = """
[primary]
site = "oesophagus"
histology = "squamous"
diagnosed = 2024-01-15
treated = 2024-05-30

[disease]
detected = 2025-03-01
polymetastatic_before = false
oligometastatic_before = false
on_systemic_therapy = false
all_sites_treatable = true
"""

DATA = Path(__file__).parents[1] / "data"


def lesions(folder: Path, *kinds: tuple[str, str | None]) -> str:
    """The path of a lesions file of (category, organ) pairs."""
    content = {
        "schema": "rtplan/lesions/1",
        "lesions": [
            {"id": f"L{number}", "category": category, "organ": organ}
            for number, (category, organ) in enumerate(kinds, start=1)
        ],
    }
    path = folder / "lesions.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def facts(folder: Path, text: str = FACTS) -> str:
    path = folder / "facts.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


LUNG = ("organ_metastasis", "lung")
LIVER = ("organ_metastasis", "liver")


def run_json(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, Any]]:
    code = main(["eligibility", *args, "--json", "-"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("kinds", "code", "verdict"),
    [
        ([LUNG, LUNG], 0, "consistent"),
        ([LUNG, LIVER], 1, "not_consistent"),
        ([LUNG, ("unknown", None)], 3, "indeterminate"),
    ],
)
def test_exit_code_follows_the_verdict(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kinds: list[tuple[str, str | None]],
    code: int,
    verdict: str,
) -> None:
    found, content = run_json(
        capsys,
        *("--lesions", lesions(tmp_path, *kinds)),
        *("--facts", facts(tmp_path)),
        *("--definition", "omec-2023"),
    )
    assert found == code
    assert content["schema"] == "rtplan/eligibility/1"
    assert [item["verdict"] for item in content["definitions"]] == [verdict]


def test_not_applicable_is_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "primary.site = 'lung'"
    code, content = run_json(
        capsys,
        *("--lesions", lesions(tmp_path, LUNG)),
        *("--facts", facts(tmp_path, text)),
        *("--definition", "omec-2023"),
    )
    assert code == 0
    assert content["definitions"][0]["verdict"] == "not_applicable"
    assert "the primary is lung" in content["definitions"][0]["reason"]


def test_all_prints_a_table_and_where_definitions_disagree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lesions(tmp_path, LUNG, LUNG, LIVER)
    assert main(["eligibility", "--lesions", path, "--all", "--facts", facts(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("lesions file: 3 metastases")
    for words in (
        "The definitions disagree",
        "  consistent: esophagus-cn-2025, estro-astro-2020",
        "if the disease is oligometastatic: metachronous oligorecurrence; not for day-to-day",
        "  not consistent: ",
        "what decides (not met):",
        "  neither metastases outside lymph nodes lie in one organ (here 2, asked exactly 1) nor "
        "one extraregional lymph node station is involved (here 0, asked exactly 1): omec-2023",
        "  at least four metastases (here 3, asked at least 4): sabr-comet-10",
        "all 5 criteria met [not verified: criteria lesions, organs, lesions per organ, treatable]",
        "doi:10.1016/j.ejca.2023.02.015",
        "not offered for day-to-day treatment decisions",
        "not a medical device",
    ):
        assert words in out
    assert "eligible for treatment." in out
    assert out.count("eligible") == 1


def test_consistent_from_dicom_is_of_the_lesions_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rtplan.phantoms import build

    case = tmp_path / "case"
    build("esophagus-oligomet", case)
    code, content = run_json(
        capsys, str(case), "--facts", facts(tmp_path), "--definition", "estro-astro-2020"
    )
    assert code == 0
    (result,) = content["definitions"]
    assert result["verdict"] == "consistent"
    assert result["scope"] == "of the lesions drawn"
    assert any("disease.metastases_not_drawn" in c["needs"] for c in result["criteria"])
    assert content["count"] == {"lower": 5, "best": 5, "upper": 5}
    assert content["inputs"]
    stated = facts(tmp_path, FACTS + "metastases_not_drawn = 1\n")
    code, content = run_json(
        capsys, str(case), "--facts", stated, "--definition", "estro-astro-2020"
    )
    assert code == 1


def test_names_of_the_site_decide_what_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rtplan.phantoms import build

    case, names = tmp_path / "case", tmp_path / "names.toml"
    build("esophagus-oligomet", case)
    asked = str(case), "--facts", facts(tmp_path), "--definition", "estro-astro-2020"
    _, plain = run_json(capsys, *asked)
    gone = plain["lesions"][1]["structures"][0]["name"]
    text = f'schema = "rtplan/site-names/1"\n[roles]\nhelper = ["{gone}"]\n'
    names.write_text(text, encoding="utf-8")
    _, content = run_json(capsys, *asked, "--names", str(names))
    assert content["settings"]["names_sha256"]
    kept = [one["name"] for lesion in content["lesions"] for one in lesion["structures"]]
    assert gone not in kept
    assert any(one["name"] == gone for x in plain["lesions"] for one in x["structures"])


def test_path_may_follow_the_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, content = run_json(capsys, "--definition", "omec-2023", str(DATA / "breast"))
    assert code == 3
    assert [item["id"] for item in content["definitions"]] == ["omec-2023"]


def test_facts_complete_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = FACTS + '\n[[lesion]]\nid = "L2"\ncategory = "primary"\n'
    path = lesions(tmp_path, LUNG, ("unknown", None))
    code, content = run_json(
        capsys,
        *("--lesions", path, "--facts", facts(tmp_path, text), "--definition", "omec-2023"),
    )
    assert code == 0
    assert content["count"]["best"] == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--definition", "omec-2023"], "give either PATH or --lesions"),
        (["x", "--lesions", "y", "--all"], "both was given"),
        (["--lesions", "LESIONS", "--definition", "omec"], 'did you mean "omec-2023"'),
        (["--lesions", "LESIONS", "--definition", "tg101"], "not a definition"),
        (["--lesions", "LESIONS", "--all", "--facts", "gone.toml"], "gone.toml: no such file"),
        (["--lesions", "gone.json", "--all"], "gone.json"),
        (["--lesions", "LESIONS", "--all", "--names", "n.toml"], "--names is for PATH"),
    ],
)
def test_unusable_request_is_2_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], args: list[str], words: str
) -> None:
    path = lesions(tmp_path, LUNG)
    assert main(["eligibility", *(path if arg == "LESIONS" else arg for arg in args)]) == 2
    assert words in capsys.readouterr().err


def test_order_of_lesions_gives_the_same_definitions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = facts(tmp_path)
    found = []
    for ids in (("L1", "L2", "L3"), ("L3", "L1", "L2")):
        path = Path(lesions(tmp_path, LUNG, LIVER, LUNG))
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {item["id"]: item for item in content["lesions"]}
        content["lesions"] = [known[name] for name in ids]
        path.write_text(json.dumps(content), encoding="utf-8")
        found.append(run_json(capsys, "--lesions", str(path), "--all", "--facts", given)[1])
    assert found[0]["definitions"] == found[1]["definitions"]


def test_more_metastases_than_in_a_lifetime_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lesions(tmp_path, LUNG, LUNG, LUNG)
    for stated, code, found in ((3, 0, []), (1, 3, ["FCT001"])):
        given = facts(tmp_path, FACTS + f"lifetime_metastases = {stated}\n")
        asked = ("--lesions", path, "--facts", given, "--definition", "omec-2023")
        result, content = run_json(capsys, *asked)
        assert (result, [item["code"] for item in content["findings"]]) == (code, found)
    assert "is 1, but 3 counted" in content["findings"][0]["text"]
    assert main(["eligibility", *asked]) == 3
    assert "FCT001: disease.lifetime_metastases is 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("category", "station", "site", "code"),
    [
        ("regional_node", "LN_Paraaortic", "oesophagus", 3),
        ("extraregional_node", "AJCC8:7", "oesophagus", 3),
        ("extraregional_node", "LN_Paraaortic", "oesophagus", 0),
        ("regional_node", "LN_Paraaortic", "stomach", 0),
    ],
)
def test_category_against_the_station_is_an_error(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    category: str,
    station: str,
    site: str,
    code: int,
) -> None:
    node = {"id": "L1", "category": category, "organ": "lymph_node", "station": station}
    more = {"id": "L2", "category": "organ_metastasis", "organ": "lung"}
    content: dict[str, Any] = {"schema": "rtplan/lesions/1", "lesions": [node, more]}
    path = tmp_path / "nodes.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    given = facts(tmp_path, FACTS.replace('"oesophagus"', f'"{site}"'))
    asked = ("--lesions", str(path), "--facts", given, "--definition", "estro-astro-2020")
    result, content = run_json(capsys, *asked)
    found = [item["code"] for item in content["findings"]]
    assert (result, found) == (code, ["FCT001"] if code else [])


def test_strict_makes_doubts_about_the_lesions_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {
        "schema": "rtplan/lesions/1",
        "count": {"lower": 7, "best": 7, "upper": 7},
        "lesions": [{"id": "L1", "category": "organ_metastasis", "organ": "lung"}],
    }
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    asked = ("--lesions", str(path), "--facts", facts(tmp_path), "--definition", "omec-2023")
    code, loose = run_json(capsys, *asked)
    assert (code, loose["findings"][0]["severity"]) == (0, "warning")
    code, strict = run_json(capsys, *asked, "--strict")
    assert (code, strict["findings"][0]["severity"]) == (3, "error")


def test_warnings_about_the_lesions_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A verdict stands beside what casts doubt on the count, a code with at most three texts."""
    case, names = DATA / "breast", "also seen in the structure set or list:"
    asked = str(case), "--definition", "omec-2023"
    _, content = run_json(capsys, *asked)
    warned = [x for x in content["findings"] if x["severity"] == "warning"]
    assert warned
    main(["eligibility", *asked])
    _, _, out = capsys.readouterr().out.partition(names)
    seen = out.split("\n\n")[0]
    assert {line.split(":")[0].strip() for line in seen.splitlines() if line} == {
        item["code"] for item in warned
    }
    assert warned[0]["text"] in seen
    five = [
        {"code": "LES020", "severity": "warning", "text": f"t{n}", "where": {}} for n in range(5)
    ]
    lines = _seen([*five, {"code": "LES002", "severity": "info", "text": "x", "where": {}}])
    assert lines[:3] == ["LES020: t0", "LES020: t1", "LES020: t2"]
    assert lines[3:] == ["LES020: and 2 more; all are in the JSON"]


def test_all_is_read_in_ten_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Worst first, where they disagree, pathways, what is for other patients, then reasons."""
    path = lesions(tmp_path, LUNG, LUNG, LIVER)
    main(["eligibility", "--lesions", path, "--all", "--facts", facts(tmp_path)])
    out = capsys.readouterr().out
    table, _, rest = out.partition("not applicable:")
    rows = [line.split()[0] for line in table.splitlines() if line.startswith(" ") and line.split()]
    ids = ("omec-2023", "nhs-cte", "estro-astro-2020", "estro-eortc-2020", "esophagus-surgery")
    places = [rows.index(name) for name in ids]
    assert places == sorted(places)
    heads = (
        "estro-eortc-2020",
        "The definitions disagree:",
        "what decides",
        "pathway (no verdict)",
    )
    places = [table.index(words) for words in heads]
    assert places == sorted(places)
    assert table.count("metachronous oligorecurrence") == 1
    assert "core" not in rows
    assert "  the primary is oesophagus: " in rest
    assert "core, crc-oligo" in rest.splitlines()[1]
    assert "sarcoma-lung" not in rest.splitlines()[1]
    assert "pathways not applicable:\n  the primary is oesophagus: sarcoma-lung\n" in rest
    assert "\ncore: CORE" not in out
    assert "pathway (no verdict)" in table


def test_pathway_asked_for_is_listed_without_a_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = (
        *("--lesions", lesions(tmp_path, LUNG, LIVER), "--facts", facts(tmp_path)),
        *("--definition", "esophagus-surgery"),
    )
    code, content = run_json(capsys, *asked)
    (item,) = content["definitions"]
    assert (code, item["verdict"], item["kind"]) == (0, "not_applicable", "pathway")
    assert {c["status"] for c in item["criteria"]} <= {"met", "not_met", "unknown"}
    assert main(["eligibility", *asked]) == 0
    out = capsys.readouterr().out
    assert "conditions listed, no verdict: " in out
    assert "does not decide" not in out


def test_what_cannot_be_told_says_in_words_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lesions(tmp_path, LUNG, ("organ_metastasis", None))
    main(["eligibility", "--lesions", path, "--definition", "omec-2023"])
    out = capsys.readouterr().out
    assert "needs site of the primary; organ of L2" in out
