"""Decimal strings: exact to float, and what is no number is an error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.dicom import numbers
from rtplan.dicom.numbers import parse_decimals, parse_many
from rtplan.errors import DicomError

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=64).map(repr),
    st.decimals(-1000, 1000, places=4).map(lambda value: f"{value:f}"),
    st.sampled_from(["+1", ".5", "5.", "-0", "1e-3", "1E+2", " 7 ", "0000012"]),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(NUMBERS, max_size=9), max_size=6))
def test_every_number_equals_float_of_its_text(fields: list[list[str]]) -> None:
    parsed = parse_many(["\\".join(field).encode() for field in fields])
    assert [part.values.tolist() for part in parsed] == [[float(x) for x in f] for f in fields]
    assert all(part.problem is None for part in parsed)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.from_regex(r"[+-]?[0-9]{1,8}(\.[0-9]{0,11})?", fullmatch=True), min_size=1))
def test_plain_decimals_equal_float_whatever_the_chunks(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "_CHUNK_BYTES", 20)
        parsed = parse_many([text.encode() for text in texts])
    assert [part.values.tolist() for part in parsed] == [[float(text)] for text in texts]


@pytest.mark.parametrize(
    "text",
    ["-0", "-.5", "+7.", "999999999999999", "0.99999999999999", "12345678.1234567", "-123456789",
     "123456789.25", "00000000000000001", "9007199254740993"],
)  # fmt: skip
def test_the_limits_of_the_quick_way_equal_float(text: str) -> None:
    found = parse_decimals(f"1\\{text}\\2.5".encode())
    assert [repr(x) for x in found.tolist()] == ["1.0", repr(float(text)), "2.5"]


@pytest.mark.parametrize(
    "bad",
    [b"nan\\1", b"inf", b"1\\\\2", b"1 2", b"1_0", b"0x10", b"1e400", b"--1", b"1.2.3", b"\\",
     b"1,5\\2.5", b"1,5,2", b"abc", b"1e", "１".encode()],
)  # fmt: skip
def test_what_is_no_number_spoils_only_its_own_field(bad: bytes) -> None:
    before, middle, after = parse_many([b"7", bad, b"8\\9"])
    assert middle.problem is not None
    assert middle.values.size == 0
    assert (before.values.tolist(), after.values.tolist()) == ([7.0], [8.0, 9.0])
    with pytest.raises(DicomError):
        parse_decimals(bad)


def test_comma_decimals_are_mended_and_said() -> None:
    (only,) = parse_many([b"1,5\\2\\-3,25"])
    assert only.values.tolist() == [1.5, 2.0, -3.25]
    assert only.decimal_commas


def test_one_trailing_separator_is_dropped_and_said() -> None:
    (only,) = parse_many([b"1\\2\\"])
    assert only.values.tolist() == [1.0, 2.0]
    assert only.trailing_separator
    assert parse_many([b"1\\2\\\\"])[0].problem is not None
