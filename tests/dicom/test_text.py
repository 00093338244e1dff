"""Text: as declared, cleaned, never a crash."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.dicom.text import TextDecoder, clean, python_codec
from rtplan.errors import InputError

NAME = "肿瘤"


@pytest.mark.parametrize(
    ("declared", "raw", "text"),
    [
        ((), b"GTV ", "GTV"),
        (("ISO_IR 100",), "Tête".encode("latin-1"), "Tête"),
        (("ISO_IR 192",), NAME.encode(), NAME),
        (("GB18030",), NAME.encode("gb18030"), NAME),
        (("GBK",), NAME.encode("gbk"), NAME),
        (("", "ISO 2022 IR 58"), b"\x1b$)A" + NAME.encode("gb2312"), NAME),
        (("", "ISO 2022 IR 87"), b"\x1b$B" + "腫瘍".encode("iso2022_jp")[3:-3] + b"\x1b(B", "腫瘍"),
        (("", "ISO 2022 IR 149"), b"\x1b$)C" + "종양".encode("euc_kr"), "종양"),
        (("ISO_IR 144",), "Опухоль".encode("iso8859_5"), "Опухоль"),
    ],
)
def test_declared_text_is_read(declared: tuple[str, ...], raw: bytes, text: str) -> None:
    decoder = TextDecoder(declared)
    assert decoder.decode(raw) == text
    assert decoder.doubts == set()


@settings(deadline=None, max_examples=150)
@given(
    st.binary(max_size=40),
    st.sampled_from(
        [(), ("ISO_IR 100",), ("ISO_IR 192",), ("GB18030",), ("", "ISO 2022 IR 58"), ("NONSENSE",)]
    ),
    st.sampled_from([None, "gb18030", "utf-8"]),
)
def test_no_bytes_crash_and_no_control_character_is_left(
    raw: bytes, declared: tuple[str, ...], codec: str | None
) -> None:
    text = TextDecoder(declared, codec).decode(raw)
    assert text == clean(text)
    assert not {unicodedata.category(character) for character in text} & {"Cc", "Cf", "Cs"}


@pytest.mark.parametrize(
    ("raw", "term"), [(NAME.encode(), "UTF-8"), (NAME.encode("gbk"), "GB18030")]
)
def test_undeclared_text_names_the_character_set_that_fits(raw: bytes, term: str) -> None:
    decoder = TextDecoder(("ISO_IR 100",))
    decoder.decode(raw)
    (doubt,) = decoder.doubts
    assert f"--charset {term}" in doubt


def test_given_character_set_is_for_undeclared_text_only() -> None:
    assert TextDecoder((), "gb18030").decode(NAME.encode("gbk")) == NAME
    assert TextDecoder(("ISO_IR 192",), "gb18030").decode(NAME.encode()) == NAME


def test_given_character_set_stands_in_where_the_declared_one_does_not_fit() -> None:
    raw = NAME.encode("gb18030")
    broken = TextDecoder(("ISO_IR 192",))
    assert NAME not in broken.decode(raw)
    assert any("--charset GB18030" in doubt for doubt in broken.doubts)
    given = TextDecoder(("ISO_IR 192",), "gb18030")
    assert given.decode(raw) == NAME
    assert given.doubts == set()


def test_very_long_text_is_cut_before_it_is_looked_at() -> None:
    assert len(TextDecoder(("ISO_IR 100",)).decode(b"\xe9" * (1 << 20))) == 500


def test_controls_and_direction_marks_are_not_shown() -> None:
    assert clean("GTV\u202e1\x00\x1b[31m\n2\u200b") == "GTV 1 31m 2"


@pytest.mark.parametrize("name", ["GB18030", "ISO_IR 192", "utf-8", "iso_ir 100", "gbk"])
def test_names_of_character_sets(name: str) -> None:
    assert python_codec(name)


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13", "undefined", ""])
def test_what_is_no_character_set_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f'"{name}" is not a character set'):
        python_codec(name)


@pytest.mark.parametrize("name", ["idna", "punycode", "utf-7", "utf-16", "unicode_escape"])
def test_an_odd_character_set_never_crashes(name: str) -> None:
    assert isinstance(TextDecoder((), python_codec(name)).decode(b"\xff\\x\xe9 ab-"), str)
