"""Text in DICOM files: decoded as declared, cleaned for display, never the cause of a crash.

What a file declares (Specific Character Set, PS3.3 C.12.1.1.2) is used. Where nothing is declared,
or what is declared does not fit the bytes, the text is kept readable and a finding names the
character set that would fit.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

from rtplan.errors import InputError

_ESCAPE = re.compile("\x1b[$()]{0,2}[\x20-\x7e]")
_SINGLE_BYTE = ("", "ISO_IR 6", "ISO 2022 IR 6", "ISO_IR 100", "ISO 2022 IR 100")
_CANDIDATES = (("UTF-8", "utf-8"), ("GB18030", "gb18030"))
_MAX_CHARACTERS = 500
_MAX_BYTES = 1 << 16
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def python_codec(name: str) -> str:
    """The Python codec of a character set given as a DICOM term or a codec name.

    Raises
    ------
    InputError
        The name is neither.

    Examples
    --------
    >>> python_codec("ISO_IR 192")
    'utf-8'
    """
    import pydicom.charset

    known: dict[str, str] = pydicom.charset.python_encoding
    term = name.strip().upper()
    for candidate in (known.get(term) if term else None, name.strip()):
        if candidate and _is_text(candidate):
            return codecs.lookup(candidate).name
    raise InputError(
        f'--charset "{name}" is not a character set; write one such as GB18030, ISO_IR 192, '
        "ISO_IR 100 or utf-8"
    )


def _is_text(codec: str) -> bool:
    """Whether a name is a codec, and one that gives text, as ``hex`` does not."""
    try:
        b"A".decode(codec)
    except UnicodeDecodeError:
        return True
    except (LookupError, ValueError):
        return False
    return True


def clean(text: str) -> str:
    """Text fit to be shown: no escapes, control or direction characters, no outer spaces."""
    text = _ESCAPE.sub("", text)
    kept = (c if unicodedata.category(c) not in _UNSEEN else " " for c in text)
    return "".join(kept).strip()[:_MAX_CHARACTERS]


@dataclass(slots=True)
class TextDecoder:
    """Decodes the text of one object; notes in ``doubts`` what did not fit.

    Parameters
    ----------
    declared : sequence of str
        Values of Specific Character Set; empty where it is absent.
    undeclared : str or None
        Codec to use for text that has no declared character set, whose declared one is a
        single-byte default that many systems write without meaning it, or does not fit.
    """

    declared: Sequence[str] = ()
    undeclared: str | None = None
    doubts: set[str] = field(default_factory=set)

    def decode(self, raw: bytes) -> str:
        """The text of a value field, cleaned for display."""
        raw = raw[:_MAX_BYTES].rstrip(b"\0 ")
        if raw.isascii() and b"\x1b" not in raw:
            return clean(raw.decode("ascii"))
        plain = all(term.strip().upper() in _SINGLE_BYTE for term in self.declared)
        if plain and self.undeclared:
            try:
                return clean(raw.decode(self.undeclared))
            except UnicodeError:
                self.doubts.add(f"some text is not valid {self.undeclared}; read as declared")
        if plain:
            self._suggest(raw)
            return clean(raw.decode("latin-1"))
        return clean(self._decode_declared(raw))

    def _decode_declared(self, raw: bytes) -> str:
        import pydicom.charset

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                encodings = pydicom.charset.convert_encodings(list(self.declared))
                text = pydicom.charset.decode_bytes(raw, encodings, set())
            except Exception:  # noqa: BLE001  (any fault of a foreign decoder: keep the text)
                text = None
        if text is None or "�" in text:
            if self.undeclared and _fits(raw, self.undeclared):
                return raw.decode(self.undeclared)
            term = "\\".join(self.declared)
            self.doubts.add(f'some text does not fit its declared character set "{clean(term)}"')
            self._suggest(raw)
            text = text or raw.decode("latin-1")
        return str(text)

    def _suggest(self, raw: bytes) -> None:
        """Note which character set the bytes would fit."""
        if b"\x1b" in raw:
            return
        for term, codec in _CANDIDATES:
            try:
                text = raw.decode(codec)
            except UnicodeError:
                continue
            if term != "UTF-8" and not _looks_ideographic(raw, text):
                continue
            declared = "\\".join(self.declared) or "none"
            self.doubts.add(
                f"some text is not ASCII, its declared character set is {clean(declared)}, and "
                f"its bytes are valid {term}; if names look wrong, try --charset {term}"
            )
            return


def _fits(raw: bytes, codec: str) -> bool:
    try:
        raw.decode(codec)
    except UnicodeError:
        return False
    return True


def _looks_ideographic(raw: bytes, text: str) -> bool:
    """Letters without case, from high bytes in pairs; accented Latin text has them singly."""
    runs = re.findall(rb"[\x80-\xff]+", raw)
    return all(len(run) % 2 == 0 for run in runs) and any(
        unicodedata.category(character) == "Lo" for character in text
    )
