"""Writing a report: complete files, our own names, nothing left of another case."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.errors import InputError
from rtplan.report.json_text import dump_json
from rtplan.report.write import write_figures, write_report

Report = dict[str, Any]
FIGURES = {"dvh.svg": b"<svg/>", "overview.png": b"1", "lesion-L1.png": b"2"}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_every_sample_is_written_in_full(sample: Report, tmp_path: Path) -> None:
    names = write_report(sample, FIGURES, tmp_path / "out")
    assert names == (
        *("report.html", "report.json", "dvh.csv", "metrics.csv"),
        *("figures/dvh.svg", "figures/lesion-L1.png", "figures/overview.png"),
    )
    found = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*")}
    assert found == {*names, "figures"}


def test_the_json_is_the_report_and_the_same_bytes_twice(sample: Report, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_report(sample, FIGURES, tmp_path / folder)
    files = [tmp_path / folder / "report.json" for folder in ("a", "b")]
    assert json.loads(files[0].read_text("utf-8")) == sample
    for name in ("report.json", "report.html", "dvh.csv", "metrics.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@settings(deadline=None, max_examples=100)
@given(json_values)
def test_json_text_reads_back_as_what_was_written(value: object) -> None:
    text = dump_json(value).encode("utf-8", "backslashreplace")
    assert json.loads(text) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_number_that_is_not_finite(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json({"a": [value]})


@pytest.mark.parametrize(
    "name", ["../x.png", "王小明.png", "lesion-L1.svg", "a/b.png", "dvh.svg\n"]
)
def test_a_figure_with_a_name_not_ours_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown name"):
        write_figures({name: b""}, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()


def test_figures_of_an_earlier_report_are_removed_and_other_files_kept(tmp_path: Path) -> None:
    write_figures(FIGURES | {"lesion-L2.png": b"old"}, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    assert write_figures(FIGURES, tmp_path) == tuple(sorted(FIGURES))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*FIGURES, "notes.txt"])


def test_a_place_that_cannot_be_written_is_an_input_error(
    make_report: Callable[[str], Report], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        write_report(make_report("fine"), {}, tmp_path / "file")
