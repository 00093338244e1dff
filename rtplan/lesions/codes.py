"""What the codes of a segment say: what it is drawn for, the kind of tumour, the organ, the side.

A code that ``codes.toml`` lists says what is written there. Any other is read by its meaning, as a
structure's name is. Where name and codes disagree on organ or side, neither is taken.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources

from rtplan.geometry.contour import Code, SegmentCodes
from rtplan.lesions.names import Kind, NameReading, read_name, rivals_of
from rtplan.lesions.vocabulary import Part, Vocabulary

_ALTERED, _TISSUE = "altered", "tissue"


@dataclass(frozen=True, slots=True)
class Coded:
    """What codes say: ``type`` is the RT ROI Interpreted Type that they amount to, or empty.

    ``text`` says it in a sentence; ``part`` and ``laterality`` are those of the anatomy, ``rivals``
    the organs where the codes tell more than one.
    """

    type: str
    text: str
    kind: Kind | None = None
    part: Part | None = None
    rivals: tuple[Part, ...] = ()
    laterality: str | None = None


@dataclass(frozen=True, slots=True)
class _Book:
    """``codes.toml``: by code the type and kind, the category, the side, the word of anatomy."""

    schemes: dict[str, str] = field(default_factory=dict)
    targets: dict[str, tuple[str, Kind | None]] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)
    sides: dict[str, str] = field(default_factory=dict)
    anatomy: dict[str, str] = field(default_factory=dict)

    def key(self, code: Code) -> str:
        scheme = code.scheme.strip().upper()
        return f"{self.schemes.get(scheme, scheme)} {code.value.strip()}".casefold()


@cache
def _book() -> _Book:
    text = resources.files("rtplan.lesions").joinpath("codes.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    book = _Book(schemes={old: new for new, olds in data["schemes"].items() for old in olds})
    for row in data["target"]:
        kind = Kind(row["kind"]) if "kind" in row else None
        book.targets.update((code.casefold(), (row["type"], kind)) for code in row["codes"])
    for name, table in (
        ("category", book.categories),
        ("laterality", book.sides),
        ("anatomy", book.anatomy),
    ):
        table.update((c.casefold(), word) for word, codes in data[name].items() for c in codes)
    return book


def read_codes(codes: SegmentCodes | None, words: Vocabulary | None = None) -> Coded | None:
    """What the codes of a segment say; None where there are none.

    Parameters
    ----------
    codes : SegmentCodes or None
    words : Vocabulary, optional
        The vocabulary that code meanings are read by.

    Examples
    --------
    >>> coded = read_codes(SegmentCodes(
    ...     category=Code("Morphologically Altered Structure", "49755003", "SCT"),
    ...     kind=Code("Neoplasm, Secondary", "14799000", "SCT"),
    ...     modifiers=(Code("Left", "7771000", "SCT"),),
    ...     regions=(Code("Lung", "39607008", "SCT"),)))
    >>> coded.type, coded.kind.value, coded.part.organ.value, coded.laterality
    ('GTV', 'metastasis', 'lung', 'left')
    """
    if codes is None or (codes.kind is None and codes.category is None):
        return None
    book = _book()
    category = "" if codes.category is None else book.categories.get(book.key(codes.category), "")
    places = [_read(code, words) for code in codes.regions]
    own = None if codes.kind is None else _read(codes.kind, words)
    read = places if own is None else [*places, own]
    listed = None if codes.kind is None else book.targets.get(book.key(codes.kind))
    given, kind = listed or (_type_of(own, category), _kind_of(own))
    if any(name.kind is Kind.NODE for name in read) and kind is not Kind.PRIMARY:
        kind = Kind.NODE
    parts = [part for name in read for part in (name.rivals or (name.part,)) if part is not None]
    return Coded(
        type=given,
        text=f"its code is {_shown(codes.kind or codes.category)}",
        kind=kind,
        part=next(iter(parts), None),
        rivals=rivals_of(parts),
        laterality=_side(codes.modifiers, read, words),
    )


def _read(code: Code, words: Vocabulary | None) -> NameReading:
    """A code's anatomy or meaning as a name."""
    book = _book()
    return read_name(book.anatomy.get(book.key(code), code.meaning), book=words)


def _type_of(own: NameReading | None, category: str) -> str:
    """The type that a code not listed amounts to, by its meaning and its category."""
    if own is not None and (own.stem or own.kind in (Kind.METASTASIS, Kind.PRIMARY, Kind.LESION)):
        return "GTV"
    if category == _ALTERED:
        return "GTV" if own is not None and (own.part or own.kind) else ""
    return "ORGAN" if category == _TISSUE else "CONTROL" if category else ""


def _kind_of(own: NameReading | None) -> Kind | None:
    return None if own is None else own.kind


def _side(
    modifiers: tuple[Code, ...], read: list[NameReading], words: Vocabulary | None
) -> str | None:
    """The side that the modifiers say, else the anatomy itself; None for both."""
    book = _book()
    coded = {book.sides.get(book.key(code)) or _read(code, words).laterality for code in modifiers}
    sides = coded - {None} or {name.laterality for name in read} - {None}
    side = next(iter(sides)) if len(sides) == 1 else None
    return side if side in ("left", "right") else None


def _shown(code: Code | None) -> str:
    return "not given" if code is None else f"{code.meaning} ({code.scheme} {code.value})"


def _differ(one: Part, other: Part) -> bool:
    """Whether two parts are known organs and not the same."""
    return None not in (one.organ, other.organ) and one.organ is not other.organ


def with_codes(name: NameReading, coded: Coded | None) -> NameReading:
    """A name's reading with what codes say beyond it."""
    if coded is None:
        return name
    told: dict[str, str] = {}
    kind, part, side, rivals = name.kind, name.part, name.laterality, name.rivals
    if coded.kind is not None and kind in (None, Kind.LESION) and coded.kind is not kind:
        kind, told["kind"] = coded.kind, coded.kind.value
    if coded.part is not None and part is None:
        part, told["organ"] = coded.part, coded.part.words[0]
        rivals = (*rivals, *coded.rivals)
    elif coded.part is not None and part is not None and _differ(part, coded.part):
        rivals = tuple(dict.fromkeys((*rivals, part, coded.part)))
        told["organ"] = coded.part.words[0]
    if coded.laterality is not None:
        if side is None:
            told["side"] = coded.laterality
        side = coded.laterality if side in (None, coded.laterality) else None
    by_code = f"{', '.join(told.values())} by code" if told else name.by_code
    return replace(name, kind=kind, part=part, laterality=side, rivals=rivals, by_code=by_code)
