"""Sections of the page: regimens, definitions, pathways, limits; and what a narrow screen shows."""

from __future__ import annotations

import re
from collections.abc import Callable

from rtplan.report.html import render
from tests.report.test_html import Page, Report


def part(page: str, start: str, stop: str) -> str:
    """The text of the sections from one to another."""
    return Page(page[page.index(f'id="{start}"') : page.index(f'id="{stop}"')]).text


def test_regimens_stand_beside_each_lesion_as_information(
    make_report: Callable[[str], Report],
) -> None:
    page = render(make_report("fine"), {})
    assert "plan 50 Gy in 5 fractions; published regimens: among them" in part(
        page, "lesions", "regimens"
    ).replace("  ", " ")
    shown = part(page, "regimens", "definitions")
    assert "Information and no advice" in shown
    assert "L1 lung 50 Gy in 5 fractions 100 = among them the answer for lung" in shown
    assert "L2 liver — — ? not evaluated the answer for liver" in shown
    assert "2 published for lung L1" in shown
    assert "50 Gy in 5 fractions 100 L1 lung: central A study protocol verified" in shown
    assert "54 Gy in 3 fractions 151.2 lung: peripheral" in shown
    assert (
        'class="badge met"' not in page[page.index('id="regimens"') : page.index('<h2 id="h-def')]
    )


def test_without_lesions_there_is_no_section_of_regimens(
    make_report: Callable[[str], Report],
) -> None:
    for kind in ("no_lesions", "bare"):
        assert 'id="regimens"' not in render(make_report(kind), {})
    report = make_report("fine")
    report["prescriptions"] = None
    assert 'id="regimens"' not in render(report, {})


def test_pathways_list_their_conditions_and_those_for_others_stand_in_one_line(
    make_report: Callable[[str], Report],
) -> None:
    page = render(make_report("fine"), {})
    shown = part(page, "pathways", "limits")
    assert "The pathway of surgery surgery 1 met · 0 not met · 1 not known" in shown
    assert "✓ met At most three lesions in one organ (one)" in shown
    assert "needs whether complete resection of all disease is feasible" in shown
    assert "Not applicable to this patient: sarcoma (the primary is lung)" in shown
    assert "The pathway of sarcoma" not in shown
    assert "surgery" not in part(page, "definitions", "pathways")


def test_mandatory_and_optimal_values_are_both_shown_and_which_is_met(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("violated")
    rows = report["limits"]["sets"][0]["rows"]
    rows[1] |= {"value": 19.004, "optimal": 19.0, "optimal_met": False}
    shown = part(render(report, {}), "limits", "dvh")
    assert "✓ met , optimal value met too SpinalCord" in shown
    assert "≤ 23 Gy optimal ≤ 18 Gy" in shown
    assert "✓ met , optimal value not met Esophagus" in shown
    assert "19.004" in shown  # rounding hides no difference to the optimal value either
    assert "a missed optimal value violates nothing" in shown
    rows[2] |= {"optimal": 10.0, "optimal_met": False}
    assert "✕ violated , optimal" not in part(render(report, {}), "limits", "dvh")


def test_without_optimal_values_nothing_is_said_of_them(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("violated")
    report["limits"]["sets"][0]["rows"][0] |= {"optimal": None, "optimal_met": None}
    assert "optimal" not in part(render(report, {}), "limits", "dvh")


def test_wide_tables_are_stacked_on_a_narrow_screen(make_report: Callable[[str], Report]) -> None:
    page = render(make_report("violated"), {})
    for name in ("lesions", "answers", "regimens", "criteria", "limits", "reasons"):
        assert f'<table class="stacked {name}">' in page
        assert f".{name} tr {{ grid-template-columns: " in page
    rows = page[page.index('class="stacked limits"') :].split("</table>")[0].split("<tr")[1:]
    assert all(row.count('class="status"') == row.count('class="organ"') == 1 for row in rows)


def test_state_is_named_once_and_what_is_not_verified_in_words(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("fine")
    item = report["eligibility"]["definitions"][0]
    item |= {"state": "metachronous_oligorecurrence", "reason": "metachronous oligorecurrence; x"}
    item["rests_on_unverified"] = ["one-organ", "counting.paired_organs"]
    text = part(render(report, {}), "definitions", "pathways")
    assert text.count("oligorecurrence") == 1
    assert "criterion one organ; counting rule paired organs" in text
    item["reason"] = "another"
    text = part(render(report, {}), "definitions", "pathways")
    assert text.count("oligorecurrence") == 1


def test_counts_of_a_pathway_do_not_break(make_report: Callable[[str], Report]) -> None:
    page = render(make_report("fine"), {})
    counted = page[page.index('id="pathways"') :].split("</summary>")[0]
    assert re.findall(r'<span class="nowrap">(\d+ [a-z ]+)</span>', counted) == [
        "1 met",
        "0 not met",
        "1 not known",
    ]
