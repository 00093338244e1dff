"""What the page says at a glance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rtplan.report.summary import (
    Kind,
    by_verdict,
    elsewhere,
    findings_of,
    metric_columns,
    not_evaluated,
    reason_of,
    regimen_answers,
    regimen_groups,
    regimen_word,
    status_of,
    unmet_of,
    verdict_strip,
)

Report = dict[str, Any]


def counts(report: Report) -> dict[Kind, int]:
    return {tile.kind: tile.count for tile in verdict_strip(report)}


def test_each_limit_and_definition_is_counted_once(make_report: Callable[[str], Report]) -> None:
    assert counts(make_report("violated")) == {
        Kind.VIOLATED: 2,
        Kind.INCONSISTENT: 1,
        Kind.UNTOLD: 9,  # seven limits, one definition, one error in the input
        Kind.MET: 3,
    }


def test_a_limit_set_that_was_not_evaluated_counts_as_not_told(
    make_report: Callable[[str], Report],
) -> None:
    found = counts(make_report("nothing"))
    assert found == {Kind.VIOLATED: 0, Kind.INCONSISTENT: 0, Kind.UNTOLD: 2, Kind.MET: 0}


def test_a_report_of_nothing_has_four_zeros(make_report: Callable[[str], Report]) -> None:
    assert set(counts(make_report("bare")).values()) == {0}


def test_an_unknown_status_is_never_shown_as_met() -> None:
    assert status_of("passed").kind is Kind.UNTOLD


def test_an_undetermined_lesion_count_is_counted_as_not_told(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("fine")
    before = counts(report)[Kind.UNTOLD]
    report["verdict"]["lines"][-1]["status"] = "indeterminate"
    assert counts(report)[Kind.UNTOLD] == before + 1


def test_findings_are_worst_first_and_each_once(make_report: Callable[[str], Report]) -> None:
    report = make_report("violated")
    report["findings"] += report["findings"]
    found = findings_of(report)
    order = ["error", "warning", "info"]
    assert [order.index(item["severity"]) for item in found] == [0, 1, 1, 2]


def test_limits_not_evaluated_are_grouped_by_reason(make_report: Callable[[str], Report]) -> None:
    rows = make_report("violated")["limits"]["sets"][0]["rows"]
    for row in rows[-3:]:
        row["reason"] = "the structure is empty"
    groups = not_evaluated(rows)
    assert [len(group.rows) for group in groups] == [1, 1, 1, 1, 3]
    assert groups[-1].reason == "the structure is empty"


def test_a_missing_metric_has_a_note_unless_the_structure_says_it(
    make_report: Callable[[str], Report],
) -> None:
    first, second, third, _ = make_report("fine")["dvh"]["structures"]
    gone = {"value": None, "uncertainty": None, "status": "not_evaluated"}
    first["metrics"]["D95%[Gy]"] = gone | {"reason": "smaller than 0.035 cc"}
    second |= {"reason": "no dose"}
    second["metrics"]["D95%[Gy]"] = gone | {"reason": "no dose"}
    columns = metric_columns([first, second, third])
    assert columns.names == ("D95%[Gy]", "D2%[Gy]", "D0.035cc[Gy]")
    assert columns.notes == ("smaller than 0.035 cc",)
    assert columns.note(first, first["metrics"]["D95%[Gy]"]) == 1
    assert columns.note(second, second["metrics"]["D95%[Gy]"]) is None


def test_limits_within_uncertainty_are_counted_beside_their_answer(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("violated")
    before = {tile.kind: tile.what for tile in verdict_strip(report)}
    report["limits"]["sets"][0]["rows"][2]["within_uncertainty"] = True
    after = {tile.kind: tile.what for tile in verdict_strip(report)}
    assert after[Kind.VIOLATED] == before[Kind.VIOLATED] + ", 1 within uncertainty"
    assert after[Kind.MET] == before[Kind.MET]


def test_volume_and_extremes_have_no_second_column(make_report: Callable[[str], Report]) -> None:
    first = make_report("fine")["dvh"]["structures"][0]
    known = first["metrics"]["D2%[Gy]"]
    first["metrics"] |= {"Volume[cc]": known, "Max[Gy]": known | {"value": None, "reason": "x"}}
    columns = metric_columns([first])
    assert columns.names == ("D95%[Gy]", "D2%[Gy]", "D0.035cc[Gy]")
    assert columns.notes == ()


def test_an_uncertainty_that_is_not_known_has_a_note(make_report: Callable[[str], Report]) -> None:
    first = make_report("fine")["dvh"]["structures"][0]
    metrics = first["metrics"]
    metrics["D95%[Gy]"]["uncertainty_reason"] = "smaller than 0.035 cc"
    columns = metric_columns([first])
    assert columns.notes == ("± not known: smaller than 0.035 cc",)
    assert columns.note(first, metrics["D95%[Gy]"]) == 1
    assert columns.note(first, metrics["D2%[Gy]"]) is None


FEW = {
    "text": "At most four metastases; nodes aside",
    "shown": "5",
    "limit": "<= 4",
    "decides": True,
    "status": "not_met",
}
"""A criterion that is not met."""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([{}], "not met: at most four metastases (here 5, asked at most 4)"),
        ([{}, {"status": "met"}], "not met: at most four metastases (here 5, asked at most 4)"),
        ([{}, {"decides": False}], "not met: at most four metastases (here 5, asked at most 4)"),
        (
            [{"text": "One organ", "shown": "2", "limit": "== 1"}, {"text": "EGFR", "shown": "–"}],
            "neither one organ (here 2, asked exactly 1) nor EGFR",
        ),
        ([{"text": "Controlled", "shown": "no", "limit": "true"}], "not met: controlled (here no)"),
        ([], "as it says"),
    ],
)
def test_what_is_not_met_says_value_and_demand(changes: list[Report], said: str) -> None:
    item: Report = {"verdict": "not_consistent", "reason": "as it says"}
    assert reason_of(item | {"criteria": [FEW | change for change in changes]}) == said


def test_what_is_met_is_not_said_to_be_met_twice() -> None:
    none = FEW | {"text": "No metastasis in the brain; x", "status": "met"}
    item = {"verdict": "consistent", "reason": "metastases: 5; No metastasis in the brain: met"}
    said = reason_of(item | {"criteria": [none]})
    assert said == "metastases: 5; no metastasis in the brain"
    assert unmet_of(item | {"criteria": [none]}) is None


def test_definitions_are_worst_first_and_a_state_last() -> None:
    verdicts = (("a", "consistent", "x"), ("b", "consistent", None), ("c", "not_consistent", None))
    made = [{"id": name, "verdict": said, "state": state} for name, said, state in verdicts]
    assert [item["id"] for item in by_verdict(made)] == ["c", "b", "a"]


def test_regimens_and_pathways_are_not_counted(make_report: Callable[[str], Report]) -> None:
    report = make_report("fine")
    before = counts(report)
    report["prescriptions"]["lesions"][0]["status"] = "not_among"
    report["eligibility"]["pathways"][0]["criteria"][0]["status"] = "not_met"
    assert counts(report) == before


def test_lesions_with_one_answer_are_together(make_report: Callable[[str], Report]) -> None:
    report = make_report("fine")
    rows = report["prescriptions"]["lesions"]
    rows.append(rows[0] | {"lesion": "L3"})
    assert [ids for ids, _ in regimen_answers(report)] == [("L1", "L3"), ("L2",)]
    first, second = regimen_groups(report)
    assert (first.site, first.lesions) == ("lung", ("L1", "L3"))
    assert first.matched == {"lung-54-3": (), "lung-50-5": ("L1", "L3")}
    assert [item["id"] for item in second.regimens] == ["any-30-3"]
    rows[2]["text"] = "another answer"
    assert [ids for ids, _ in regimen_answers(report)] == [("L1",), ("L2",), ("L3",)]
    assert regimen_groups(report)[0].lesions == ("L1", "L3")


def test_a_range_is_not_called_a_regimen(make_report: Callable[[str], Report]) -> None:
    row = make_report("fine")["prescriptions"]["lesions"][0]
    words = [regimen_word(row | {"is_range": value}) for value in (False, True)]
    assert words == ["among them", "within a range of them"]
    words = [regimen_word(row | {"status": x}) for x in ("not_among", "not_evaluated")]
    assert words == ["not among them", "not evaluated"]


def test_what_is_for_other_patients_is_grouped_by_why(make_report: Callable[[str], Report]) -> None:
    surgery, sarcoma = make_report("fine")["eligibility"]["pathways"]
    assert elsewhere([surgery, sarcoma, sarcoma | {"id": "bone"}]) == (
        ("the primary is lung", ("sarcoma", "bone")),
    )
