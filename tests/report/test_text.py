"""Text and numbers as a reader sees them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.report.text import (
    LONGEST_NAME,
    beside,
    lesion_figure,
    number,
    plain,
    plus_minus,
    shortened,
    visible,
    volume,
)

any_text = st.text(st.characters(codec=None))
doses = st.floats(0.0, 200.0)


@settings(deadline=None, max_examples=200)
@given(any_text)
def test_nothing_invisible_is_left(text: str) -> None:
    categories = {unicodedata.category(character) for character in visible(text)}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@settings(deadline=None, max_examples=100)
@given(any_text)
def test_making_visible_twice_changes_nothing_more(text: str) -> None:
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize("name", ["肝转移灶", "王小明", "Œsophage", "GTV_1 (boost)", "Größe µ"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert visible(name) == name


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=600))
def test_a_shortened_name_is_never_longer_than_a_line(text: str) -> None:
    short = shortened(text)
    assert short == text if len(text) <= LONGEST_NAME else len(short) < LONGEST_NAME + 20


@settings(deadline=None, max_examples=300)
@given(doses, doses)
def test_rounding_never_hides_on_which_side_of_a_limit_a_value_is(
    value: float, limit: float
) -> None:
    shown = float(beside(value, limit))
    if abs(value - limit) > 1e-7:
        assert (shown > limit) == (value > limit)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_refused(value: float) -> None:
    for show in (number, plain, volume):
        with pytest.raises(ValueError, match="is not a number to show"):
            show(value)


@settings(deadline=None, max_examples=200)
@given(st.floats(-1e6, 1e6))
def test_only_zero_reads_as_zero(value: float) -> None:
    assert (float(number(value).replace("−", "-")) == 0) == (value == 0)


def test_negative_zero_has_no_sign() -> None:
    assert number(-0.0) == "0.00"


@pytest.mark.parametrize("identifier", ["../../etc", "L1/../x", "", "L12345", "l1", "L1\n"])
def test_an_id_that_is_not_ours_gives_no_part_of_a_file_name(identifier: str) -> None:
    assert lesion_figure(identifier, 7) == "lesion-n7.png"


@settings(deadline=None, max_examples=300)
@given(doses, st.floats(0.0, 1e4))
def test_an_uncertainty_never_reads_as_zero_nor_finer_than_its_value(
    value: float, uncertainty: float
) -> None:
    shown = number(value)
    text = plus_minus(shown, uncertainty)
    assert text.startswith("± ")
    figure = text.removeprefix("± ").removeprefix("<")
    assert float(figure) > 0
    if "e" not in shown:
        assert len(figure.partition(".")[2]) <= len(shown.partition(".")[2])
    if "<" in text:
        assert uncertainty < float(figure)
    else:
        assert float(figure) == pytest.approx(uncertainty, rel=0.06, abs=0.005)


@pytest.mark.parametrize(
    ("shown", "uncertainty", "text"),
    [
        ("54.20", 1.26, "± 1.3"),
        ("54.20", 126.0, "± 130"),
        ("54.20", 0.0449, "± 0.04"),
        ("54.20", 0.0, "± <0.01"),
        ("23.004", 0.0049, "± 0.005"),
        ("13944.4", 0.02, "± <0.1"),
    ],
)
def test_uncertainties_are_rounded_as_their_values(
    shown: str, uncertainty: float, text: str
) -> None:
    assert plus_minus(shown, uncertainty) == text


@pytest.mark.parametrize("uncertainty", [-0.1, float("nan"), float("inf")])
def test_what_is_no_uncertainty_is_refused(uncertainty: float) -> None:
    with pytest.raises(ValueError, match="is no uncertainty"):
        plus_minus("1.00", uncertainty)
