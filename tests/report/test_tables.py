"""CSV: numbers untouched, text harmless."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.report.tables import DVH_COLUMNS, METRIC_COLUMNS, dvh_csv, metrics_csv, neutral

Report = dict[str, Any]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@settings(deadline=None, max_examples=200)
@given(st.text())
def test_no_text_cell_starts_like_a_formula(text: str) -> None:
    assert not neutral(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert neutral(text) in (text, "'" + text)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_that_starts_like_a_formula_gets_an_apostrophe(
    start: str, make_report: Callable[[str], Report]
) -> None:
    structures = make_report("fine")["dvh"]["structures"]
    structures[0]["name"] = start + "1+1"
    for text in (dvh_csv(structures), metrics_csv(structures)):
        assert rows(text)[0]["structure_name"] == "'" + start + "1+1"


def test_numbers_are_written_in_full_and_never_quoted(
    make_report: Callable[[str], Report],
) -> None:
    structures = make_report("fine")["dvh"]["structures"][:1]
    structures[0]["metrics"]["D95%[Gy]"]["value"] = -0.1234567890123456
    structures[0]["dvh"]["dose_gy"][0] = -1e-17
    metric = {row["metric"]: row for row in rows(metrics_csv(structures))}["D95%[Gy]"]
    assert metric["value"] == "-0.1234567890123456"
    assert rows(dvh_csv(structures))[0]["dose_gy"] == "-1e-17"


def test_the_curve_comes_back_as_it_was(make_report: Callable[[str], Report]) -> None:
    structure = make_report("fine")["dvh"]["structures"][2]
    table = rows(dvh_csv([structure]))
    assert tuple(table[0]) == DVH_COLUMNS
    assert [float(row["dose_gy"]) for row in table] == structure["dvh"]["dose_gy"]
    assert [float(row["volume_cc"]) for row in table] == structure["dvh"]["volume_cc"]
    assert float(table[0]["volume_percent"]) == pytest.approx(100.0)


def test_percent_is_of_the_whole_structure_where_the_grid_leaves_part_out(
    make_report: Callable[[str], Report],
) -> None:
    structure = make_report("fine")["dvh"]["structures"][2]
    structure["volume_cc"] *= 2
    assert float(rows(dvh_csv([structure]))[0]["volume_percent"]) == pytest.approx(50.0)


def test_what_was_not_evaluated_is_an_empty_cell_with_its_reason(
    make_report: Callable[[str], Report],
) -> None:
    structures = make_report("nothing")["dvh"]["structures"]
    table = rows(metrics_csv(structures))
    assert tuple(table[0]) == METRIC_COLUMNS
    missing = [row for row in table if row["status"] == "not_evaluated"]
    assert len(missing) == 9  # all but the volume of the second structure
    assert {row["value"] for row in missing} == {""}
    assert all(row["reason"] for row in missing)
    assert rows(dvh_csv(structures)) == []


def test_volume_and_doses_come_before_the_metrics_asked_for(
    make_report: Callable[[str], Report],
) -> None:
    structure = make_report("fine")["dvh"]["structures"][0]
    table = rows(metrics_csv([structure]))
    assert [row["metric"] for row in table] == [
        *("Volume[cc]", "Min[Gy]", "Mean[Gy]", "Max[Gy]"),
        *("D95%[Gy]", "D2%[Gy]", "D0.035cc[Gy]"),
    ]
    assert [row["unit"] for row in table] == ["cc"] + ["Gy"] * 6


def test_hostile_names_survive_the_round_trip(
    hostile_names: tuple[str, ...], make_report: Callable[[str], Report]
) -> None:
    structure = make_report("fine")["dvh"]["structures"][0]
    for name in hostile_names:
        read = rows(metrics_csv([structure | {"name": name}]))[0]["structure_name"]
        assert read == neutral(name)
