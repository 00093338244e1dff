"""Pieces of a structure name: words, numbers and single Chinese characters, folded for matching."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_CJK = "\u3400-\u9fff\uf900-\ufaff"
_PIECE = re.compile(rf"[{_CJK}]|\d+|[^\W\d_{_CJK}]+")
_CAMEL = re.compile(r"(?<=[a-z]{2})(?=[A-Z])")
_PREFIXED = re.compile(r"(?<![A-Za-z])([pn])(GTV|CTV|PTV)(?![a-z])")


@dataclass(frozen=True, slots=True)
class Piece:
    """A folded piece of a name, and whether it followed the one before without a separator."""

    text: str
    joined: bool


def fold(text: str) -> str:
    """Compatibility characters plain, accents and control characters off; case kept.

    >>> fold("Lésion ①")
    'Lesion 1'
    """
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text))
    kept = [c for c in plain if unicodedata.category(c) not in ("Mn", "Cc", "Cf")]
    return unicodedata.normalize("NFC", "".join(kept))


def fold_word(text: str) -> str:
    """A word of the vocabulary as its pieces are compared: lower case, no separators."""
    return "".join(piece.text for piece in pieces(text))


def pieces(name: str) -> tuple[Piece, ...]:
    """Pieces of a name, lower case: split at separators, digits, camel case and Chinese characters.

    ``pGTV`` reads as ``GTVp`` (in capitals, ``PGTV`` is the planning volume of a GTV).

    >>> [p.text for p in pieces("Lung_L-GTV1a")]
    ['lung', 'l', 'gtv', '1', 'a']
    >>> [p.text for p in pieces("pGTV 肝2")]
    ['gtvp', '肝', '2']
    """
    text = _PREFIXED.sub(r"\2\1", fold(name))
    text = _CAMEL.sub(" ", text)
    return tuple(
        Piece(m.group().lower(), m.start() > 0 and text[m.start() - 1].isalnum())
        for m in _PIECE.finditer(text)
    )
