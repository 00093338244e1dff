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


def test_controls_and_direction_marks_are_not_shown() -> None:
    assert clean("GTV\u202e1\x00\x1b[31m\n2\u200b") == "GTV 1 31m 2"


@pytest.mark.parametrize("name", ["GB18030", "ISO_IR 192", "utf-8", "iso_ir 100", "gbk"])
def test_names_of_character_sets(name: str) -> None:
    assert python_codec(name)


def test_unknown_character_set_is_refused() -> None:
    with pytest.raises(InputError, match="klingon"):
        python_codec("klingon")
