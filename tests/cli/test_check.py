"""``rtplan check`` and ``demo``: the whole path on the synthetic patient and on real files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rtplan.case import Case, Plan, Prescription
from rtplan.cli.main import main
from rtplan.dicom.write import Study, structure_set, to_bytes
from rtplan.dvh.curve import StructureDVH
from rtplan.findings import finding
from rtplan.lesions.model import Category, Lesion, LesionCount, LesionReading, Organ
from rtplan.protocol.load import available, load_prescriptions
from rtplan.protocol.prescribed import compare_prescriptions
from rtplan.report.content import Checked, Line, exit_code, headline, limit_line, report_json
from tests.lesions.drawing import gtv, sphere, structures

BREAST = Path(__file__).parents[1] / "data" / "breast"


@pytest.fixture(scope="module")
def report(patient: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of the synthetic patient with its facts."""
    target = tmp_path_factory.mktemp("report") / "report.json"
    facts = str(patient / "facts.toml")
    assert main(["check", str(patient), "--facts", facts, "--json", str(target)]) == 1
    content: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return content


def test_synthetic_patient_gets_the_verdicts_it_was_made_for(
    report: dict[str, Any], patient: Path
) -> None:
    truth = json.loads((patient / "truth.json").read_text(encoding="utf-8"))
    count = report["lesions"]["count"]
    assert count == {"lower": 5, "best": 5, "upper": 5}
    assert len([x for x in report["lesions"]["lesions"] if x["category"] != "primary"]) == 5
    verdicts = {x["id"]: x["verdict"] for x in report["eligibility"]["definitions"]}
    assert verdicts["esophagus-cn-2025"] == "consistent"
    assert verdicts["omec-2023"] == "not_consistent"
    assert verdicts["estro-astro-2020"] == "consistent"
    assert truth["schema"]


def test_one_limit_is_violated_and_none_passes_without_a_structure(report: dict[str, Any]) -> None:
    (limits,) = report["limits"]["sets"]
    assert limits["fractions"] == 5
    violated = [row for row in limits["rows"] if row["status"] == "violated"]
    assert [row["structure"] for row in violated] == ["Rib"]
    for row in limits["rows"]:
        if row["matched"] is None:
            assert row["status"] == "not_evaluated"
            assert row["value"] is None
            assert row["reason"]
        assert row["source"]
        assert row["evidence"] in ("verified", "secondary", "unconfirmed")


def test_volumes_are_those_of_the_truth(report: dict[str, Any], patient: Path) -> None:
    truth = json.loads((patient / "truth.json").read_text(encoding="utf-8"))
    volumes = {x["name"]: x["volume_cc"] for x in report["dvh"]["structures"]}
    checked = 0
    for lesion in truth["lesions"]:
        name = lesion["structure"]
        assert volumes[name] == pytest.approx(lesion["volume_cc"], rel=0.05)
        checked += 1
    assert checked >= 5


def test_report_holds_no_number_that_is_not_finite_and_no_identity(
    report: dict[str, Any],
) -> None:
    text = json.dumps(report, allow_nan=False)
    assert "PHANTOM" not in text


def test_real_case_with_7_fractions_is_not_evaluated_and_says_so(tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert main(["check", str(BREAST), "--out", str(out)]) == 3
    content = json.loads((out / "report.json").read_text(encoding="utf-8"))
    (limits,) = content["limits"]["sets"]
    assert limits["status"] == "not_evaluated"
    assert "7 fractions" in limits["reason"]
    assert not any(row["status"] == "met" for row in limits["rows"])
    stored = {item["name"]: item for item in content["dvh"]["stored"]}
    assert abs(stored["Tumor Bed"]["volume_difference_percent"]) < 3
    assert abs(stored["Tumor Bed"]["mean_difference_gy"]) < 0.02
    names = {path.name for path in out.iterdir()}
    assert {"report.html", "report.json", "dvh.csv", "metrics.csv", "figures"} <= names


def test_every_limit_is_not_evaluated_without_a_plan(tmp_path: Path, patient: Path) -> None:
    for name in ("RS.dcm", "RD.dcm"):
        (tmp_path / name).write_bytes((patient / name).read_bytes())
    target = tmp_path / "report.json"
    assert main(["check", str(tmp_path), "--json", str(target), "--definition", "omec-2023"]) == 3
    content = json.loads(target.read_text(encoding="utf-8"))
    for limits in content["limits"]["sets"]:
        assert all(row["status"] == "not_evaluated" for row in limits["rows"])


def test_structure_set_alone_still_counts_lesions(tmp_path: Path, patient: Path) -> None:
    (tmp_path / "rs").write_bytes((patient / "RS.dcm").read_bytes())
    target = tmp_path / "report.json"
    assert main(["check", str(tmp_path), "--json", str(target)]) in (1, 3)
    content = json.loads(target.read_text(encoding="utf-8"))
    assert content["lesions"]["count"]["best"] == 5
    assert {"neighbours", "bounds_mm", "distances_mm"} <= set(content["lesions"]["lesions"][0])
    assert content["objects"]["dose"] is None
    assert content["objects"]["dose_problem"]
    assert all(item["volume_cc"] or item["reason"] for item in content["dvh"]["structures"])


def test_names_of_the_site_are_heard(tmp_path: Path) -> None:
    study = Study("check", patient_name="X^Y", patient_id="1")
    drawn = structures(gtv("GTV_1", sphere((0, 0, 0), 10)), gtv("GTV_2", sphere((50, 0, 0), 10)))
    case, names, target = tmp_path / "case", tmp_path / "names.toml", tmp_path / "report.json"
    case.mkdir()
    (case / "rs").write_bytes(to_bytes(structure_set(study, drawn.structures)))
    text = 'schema = "rtplan/site-names/1"\n[roles]\nhelper = ["GTV_2"]\n'
    names.write_text(text, encoding="utf-8")
    asked = ["check", str(case), "--definition", "omec-2023", "--names", str(names)]
    assert main([*asked, "--json", str(target)]) == 3
    content = json.loads(target.read_text(encoding="utf-8"))
    used = {x["name"]: (x["use"], x["evidence"]) for x in content["lesions"]["structures"]}
    assert used == {"GTV_1": ("counted", ["name", "type"]), "GTV_2": ("helper", ["user"])}
    assert content["settings"]["names_sha256"]
    names.write_text(text.replace("roles", "role"), encoding="utf-8")
    assert main(asked) == 2


def test_dose_used_is_told(report: dict[str, Any]) -> None:
    used = report["objects"]["dose"]["used"]
    assert used == "RT Dose with summation type PLAN, the dose of the plan"


def test_definition_without_a_structure_set_cannot_be_told(tmp_path: Path, patient: Path) -> None:
    (tmp_path / "rd").write_bytes((patient / "RD.dcm").read_bytes())
    target = tmp_path / "report.json"
    facts = str(patient / "facts.toml")
    asked = ["check", str(tmp_path), "--facts", facts, "--json", str(target)]
    assert main([*asked, "--definition", "omec-2023"]) == 3
    content = json.loads(target.read_text(encoding="utf-8"))
    (result,) = content["eligibility"]["definitions"]
    assert result["verdict"] == "indeterminate"
    assert "lesions" in result["needs"]
    assert content["lesions"] is None
    assert [
        line["status"] for line in content["verdict"]["lines"] if line["subject"] == "omec-2023"
    ] == ["indeterminate"]


def test_strict_makes_warnings_of_lesions_and_structures_errors(tmp_path: Path) -> None:
    content = {}
    for option in ([], ["--strict"]):
        target = tmp_path / "report.json"
        assert main(["check", str(BREAST), "--json", str(target), *option]) == 3
        report = json.loads(target.read_text(encoding="utf-8"))
        content[bool(option)] = report
    warned = {x["code"] for x in content[False]["findings"] if x["severity"] == "warning"}
    assert any(code.startswith("LES") for code in warned)
    lines = {x["subject"] for x in content[True]["verdict"]["lines"] if x["status"] == "error"}
    assert warned <= lines
    assert not [x for x in content[True]["findings"] if x["severity"] == "warning"]
    for part in ("lesions", "dvh"):
        assert '"severity": "warning"' not in json.dumps(content[True][part])


def test_strict_makes_warnings_of_geometry_and_histograms_errors(
    tmp_path: Path, patient: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtplan.dvh import case as module

    compute = module.compute_case

    def warned(*args: Any, **kwargs: Any) -> tuple[StructureDVH, ...]:
        found = (finding("GEO001", "contours overlap"), finding("DVH001", "steep"))
        return tuple(replace(item, findings=found) for item in compute(*args, **kwargs))

    monkeypatch.setattr(module, "compute_case", warned)
    (tmp_path / "rs").write_bytes((patient / "RS.dcm").read_bytes())
    target = tmp_path / "report.json"
    for option, expected in ([], False), (["--strict"], True):
        assert main(["check", str(tmp_path), "--json", str(target), *option]) in (1, 3)
        lines = json.loads(target.read_text(encoding="utf-8"))["verdict"]["lines"]
        assert (["error", "GEO001"] in [[x["status"], x["subject"]] for x in lines]) is expected


def test_state_in_the_verdict_says_what_it_is_not_for(report: dict[str, Any]) -> None:
    line = next(x for x in report["verdict"]["lines"] if x["subject"] == "estro-eortc-2020")
    assert "if the disease is oligometastatic: " in line["text"]
    assert "not for day-to-day treatment decisions" in line["text"]


def test_reasons_say_what_the_status_does_not(report: dict[str, Any]) -> None:
    lines = [x for x in report["verdict"]["lines"] if x["status"] != "not_applicable"]
    of = {x["subject"]: x["text"] for x in lines}
    for text in of.values():
        assert not text.startswith(("consistent", "not consistent", "cannot be told"))
    assert of["nhs-cte"].startswith("not met: at most three metastases outside the brain (here 5")
    assert of["omec-2023"].startswith("neither metastases outside lymph nodes lie in one organ (")
    assert of["sabr-comet-10"].endswith("primary controlled: yes; no metastasis in the brain")
    assert of["esophagus-cn-2025"].endswith("; counting rule paired organs")
    definitions = [x["subject"] for x in lines if x["status"] == "consistent"]
    assert definitions[-1] == "estro-eortc-2020"


def test_report_holds_the_site_of_the_primary(report: dict[str, Any]) -> None:
    assert report["primary"] == {"site": "oesophagus"}


def shown_report(*limits: dict[str, Any]) -> dict[str, Any]:
    """A report of dose limits alone, as the screen needs it."""
    return {
        "case": "case-0",
        "verdict": {"headline": "met", "lines": []},
        "limits": {"sets": list(limits)},
        "eligibility": {"definitions": [], "pathways": []},
        "prescriptions": None,
        "objects": {"dose": None, "dose_problem": "none"},
    }


def test_one_fraction_is_one_fraction(capsys: pytest.CaptureFixture[str]) -> None:
    from rtplan.cli.check import show

    row = {
        "status": "met",
        "structure": "Heart",
        "matched": None,
        "metric": "D2%[Gy]",
        "value": 1.0,
        "op": "<=",
        "limit": 2.0,
        "unit": "Gy",
        "evidence": "secondary",
        "uncertainty": None,
        "within_uncertainty": None,
    }
    limits = {"id": "own", "fractions": 1, "source": "doi:10.1000/1", "rows": [row]}
    show(shown_report(limits), None)
    assert "own, 1 fraction (" in capsys.readouterr().out


def test_a_limit_within_uncertainty_is_printed_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    from rtplan.cli.check import show

    row = {
        "structure": "Heart",
        "matched": None,
        "metric": "D2%[Gy]",
        "op": "<=",
        "limit": 2.0,
        "unit": "Gy",
        "evidence": "secondary",
    }
    near = {"value": 1.96, "uncertainty": 0.0412, "status": "met", "within_uncertainty": True}
    far = {"value": 9.0, "uncertainty": 1.26, "status": "violated", "within_uncertainty": False}
    limits = {"id": "own", "fractions": 5, "source": "doi:10.1000/1", "rows": [row | near]}
    limits["rows"].append(row | far)  # type: ignore[attr-defined]
    show(shown_report(limits), None)
    printed = capsys.readouterr().out
    assert printed.count("within uncertainty") == 1
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert "met, within uncertainty Heart D2%[Gy] 1.96 ± 0.04 <= 2 Gy secondary" in lines
    assert "violated Heart D2%[Gy] 9.00 ± 1.3 <= 2 Gy secondary" in lines


def test_verdict_line_counts_what_is_within_uncertainty() -> None:
    row = {
        "structure": "Rib",
        "metric": "D1cc[Gy]",
        "op": "<=",
        "limit": 35.0,
        "unit": "Gy",
        "value": 35.4,
        "uncertainty": 0.62,
        "within_uncertainty": True,
        "status": "violated",
    }
    met = row | {"value": 3.0, "within_uncertainty": False, "status": "met"}
    line = limit_line({"id": "own", "status": "evaluated", "rows": [row, met, met]})
    assert line.status == "violated"
    assert line.text == (
        "1 violated (1 within uncertainty), 2 met, 0 not evaluated: "
        "Rib D1cc[Gy] 35.40 ± 0.62, limit ≤ 35 Gy, within uncertainty"
    )


def test_optimal_values_have_a_column_where_there_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from rtplan.cli.check import show

    row = {
        "structure": "Heart",
        "matched": None,
        "metric": "Mean[Gy]",
        "op": "<=",
        "limit": 30.0,
        "unit": "Gy",
        "evidence": "secondary",
        "uncertainty": None,
        "within_uncertainty": None,
        "status": "met",
        "value": 26.004,
    }
    limits = {"id": "own", "fractions": 5, "source": "doi:10.1000/1", "rows": [row]}
    show(shown_report(limits), None)
    assert "optimal" not in capsys.readouterr().out
    aimed = [
        row | {"optimal": 26.0, "optimal_met": False},
        row | {"optimal": 28.0, "optimal_met": True},
    ]
    show(shown_report(limits | {"rows": [row, *aimed]}), None)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "met Heart Mean[Gy] 26.004 <= 30 Gy not met: <= 26 Gy secondary" in lines
    assert "met Heart Mean[Gy] 26.00 <= 30 Gy met: <= 28 Gy secondary" in lines
    line = limit_line({"id": "own", "status": "evaluated", "rows": aimed})
    assert (line.status, line.text) == ("met", "0 violated, 2 met (1 not optimal), 0 not evaluated")


def test_regimens_are_beside_every_lesion(report: dict[str, Any]) -> None:
    found = report["prescriptions"]
    rows = {row["lesion"]: row for row in found["lesions"]}
    assert list(rows) == [item["id"] for item in report["lesions"]["lesions"]]
    assert {row["status"] for row in rows.values()} == {"met", "not_among", "not_evaluated"}
    of = {row["site"]: row for row in rows.values()}
    assert of["lung"]["planned"]["dose_gy"] == 50.0
    assert (of["lung"]["status"], of["lung"]["matches"]) == ("not_among", [])
    assert not [item["id"] for item in found["regimens"] if item["id"].startswith("nrg-br001")]
    assert of["bone"]["planned"]["dose_gy"] == 35.0
    assert of["liver"]["is_range"]
    assert "no prescription of the RT Plan" in of["oesophagus"]["reason"]
    known = {item["id"] for item in found["regimens"]}
    assert known == {name for row in rows.values() for name in row["regimens"]}
    assert all(item["evidence"] and item["source"] for item in found["regimens"])


def test_regimens_change_no_verdict_and_no_exit_code() -> None:
    reading = LesionReading(
        LesionCount(1, 1, 1), (Lesion("L1", Category.ORGAN_METASTASIS, Organ.LUNG),)
    )
    held = load_prescriptions("prescriptions")
    seen = set()
    for prescribed in ((54.0,), (18.0,), ()):
        plan = Plan("1.2", fractions=3, prescriptions=tuple(map(Prescription, prescribed)))
        case = Case("case-0", plan=plan)
        result = compare_prescriptions(held, case, reading, primary_site="breast")
        checked = Checked(case, reading, (), (), (), (), {}, prescribed=result)
        content: Any = report_json(checked)
        assert content["verdict"]["exit_code"] == 0
        assert content["verdict"] == report_json(replace(checked, prescribed=None))["verdict"]
        seen.add(content["prescriptions"]["lesions"][0]["status"])
    assert seen == {"met", "not_among", "not_evaluated"}


def test_pathways_are_apart_and_give_no_verdict(report: dict[str, Any]) -> None:
    parts = report["eligibility"]
    assert {item["kind"] for item in parts["pathways"]} == {"pathway"}
    assert "pathway" not in {item["kind"] for item in parts["definitions"]}
    of = {item["id"]: item for item in parts["pathways"]}
    assert set(of) == {x.id for x in available() if x.kind == "pathway"}
    told = {item["id"]: item["status"] for item in of["esophagus-surgery"]["criteria"]}
    assert set(told.values()) == {"met", "unknown"}
    assert of["sarcoma-lung"]["criteria"] == []
    assert not set(of) & {line["subject"] for line in report["verdict"]["lines"]}


def test_several_values_may_follow_an_option_and_path_after_them(
    tmp_path: Path, patient: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rs").write_bytes((patient / "RS.dcm").read_bytes())
    target, facts = tmp_path / "report.json", str(patient / "facts.toml")
    kept = ["--facts", facts, "--json", str(target)]
    asked = (
        [
            str(tmp_path),
            "--limits",
            "tg101",
            "quantec",
            "--definition",
            "omec-2023",
            "sarcoma-lung",
        ],
        [
            "--definition",
            "omec-2023",
            "sarcoma-lung",
            "--limits",
            "tg101",
            "quantec",
            str(tmp_path),
        ],
        [
            *("--limits", "tg101", "--definition", "omec-2023", "sarcoma-lung", str(tmp_path)),
            *("--limits", "quantec", "--limits", "tg101"),
        ],
    )
    for options in asked:
        assert main(["check", *kept, *options]) == 1
        settings = json.loads(target.read_text(encoding="utf-8"))["settings"]
        assert settings["limits"] == ["tg101", "quantec"]
        assert settings["definitions"] == ["omec-2023", "sarcoma-lung"]
    printed = capsys.readouterr().out
    assert "pathways not applicable to this patient: sarcoma-lung" in printed
    assert "L2, L3 (lung): not evaluated: there is no RT Plan" in printed


@pytest.mark.parametrize("options", [[], ["--limits", "tg101"], ["--limits", "tg101", "own.toml"]])
def test_check_without_a_path_is_2_with_the_way_out(
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text("", encoding="utf-8")
    assert main(["check", *options]) == 2
    assert "PATH is missing: give a folder" in capsys.readouterr().err


def test_demo_is_0_and_says_where_its_report_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out), "--quiet"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("report/report.html")
    assert (out / "report" / "report.html").stat().st_size > 100_000
    assert main(["demo", "--out", str(out), "--quiet"]) == 0  # again over itself


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((), 0),
        (("consistent", "met", "counted", "not_applicable"), 0),
        (("consistent", "indeterminate"), 3),
        (("not_evaluated",), 3),
        (("error",), 3),
        (("violated", "not_evaluated"), 1),
        (("not_consistent", "met"), 1),
    ],
)
def test_exit_code_is_the_contract_s(statuses: tuple[str, ...], code: int) -> None:
    lines = [Line(status, "subject", "text") for status in statuses]
    assert exit_code(lines) == code
    assert headline(lines)
