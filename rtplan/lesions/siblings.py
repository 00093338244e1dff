"""What the names of one structure set tell of each other: sides, phases, labels, crops."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from rtplan.lesions.names import NameReading, Stem, read_name
from rtplan.lesions.pieces import fold, fold_word
from rtplan.lesions.vocabulary import Vocabulary

_LETTER = re.compile(r"^(.*\w)[\s_-]+([A-Za-z])\s*$")
_ROW = 3  # letters: M beside N may be metastasis and node


def among_siblings(names: Sequence[NameReading], book: Vocabulary) -> list[NameReading]:
    """The readings of a structure set's names, each as its siblings show it.

    L1 beside R1 is a side and no vertebra; tens beside a phase 0 are phases; a number after
    ``n - 1`` is a label and no dose; PTV-01 beside PTV-02 is the first of two; the L of GTV K,
    GTV L, GTV M is no side.
    """
    lettered = _with_letters(names, book)
    seen = _with_numbers_for_crops(_without_false_levels(lettered, book))
    phased = {_stem_key(name) for name in seen if name.phase}
    numbers = {(name.stem, number) for name in seen for number in _numbers(name)}
    return [_among(name, phased, numbers) for name in seen]


def _with_letters(names: Sequence[NameReading], book: Vocabulary) -> list[NameReading]:
    """Names in which the last letter stands in a row of three or more, and so is a label."""
    ends = [_LETTER.match(fold(name.name)) for name in names]
    found: dict[str, set[str]] = defaultdict(set)
    for end in ends:
        if end is not None:
            found[fold_word(end[1])].add(end[2].lower())
    return [
        replace(read_name(end[1], book=book), name=name.name, label=end[2].lower())
        if end is not None
        and name.label is None
        and name.stem is not None
        and _is_in_row(end[2].lower(), found[fold_word(end[1])])
        else name
        for name, end in zip(names, ends, strict=True)
    ]


def _is_in_row(letter: str, letters: set[str]) -> bool:
    """Whether a letter is one of three of the alphabet in a row."""
    at = ord(letter)
    starts = range(at - _ROW + 1, at + 1)
    return any(all(chr(start + k) in letters for k in range(_ROW)) for start in starts)


def _without_false_levels(names: Sequence[NameReading], book: Vocabulary) -> list[NameReading]:
    """Names in which L1 beside R1 is a side, and T10 beside T50 a phase, not a vertebra."""
    phased = {_stem_key(name) for name in names if name.phase}
    right = any(n.laterality == "right" and n.label and n.part is None and n.stem for n in names)
    return [
        read_name(name.name, levels=False, book=book)
        if (name.level == "t10" and _stem_key(name) in phased)
        or (right and name.level is not None and name.level.startswith("l") and not name.part_word)
        else name
        for name in names
    ]


def _with_numbers_for_crops(names: Sequence[NameReading]) -> list[NameReading]:
    """Names in which PTV-01 beside PTV-02 is the first of two, not cropped by 1 mm."""
    crops: dict[object, set[str]] = defaultdict(set)
    for name in names:
        if name.crop is not None:
            crops[_stem_key(name)].add(name.crop)
    return [
        replace(name, label=str(int(name.crop)), crop=None)
        if name.crop is not None and name.label is None and len(crops[_stem_key(name)]) > 1
        else name
        for name in names
    ]


def _stem_key(name: NameReading) -> tuple[object, ...]:
    return name.stem, name.kind, name.part_word, name.laterality


def _numbers(name: NameReading) -> list[int]:
    label = int(name.label) if name.label is not None and name.label.isdecimal() else None
    return [n for n in (label, name.number) if n is not None]


def _among(
    name: NameReading,
    phased: set[tuple[object, ...]],
    numbers: set[tuple[Stem | None, int]],
) -> NameReading:
    """A name among its siblings: tens beside a phase 0 are phases, a number after n - 1 a label."""
    if name.phase_like and _stem_key(name) in phased:
        return replace(name, phase=name.label, label=None)
    if name.number is not None and name.label is None and (name.stem, name.number - 1) in numbers:
        return replace(name, label=str(name.number), number=None)
    return name
