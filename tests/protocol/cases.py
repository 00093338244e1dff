"""Lesion lists in shorthand: one word a lesion, ``lung``, ``node:LN_Paraaortic``, ``regional``.

A word may go on with a side, ``lung.left``, and sizes, ``liver@45`` (mm, in a plane and in space),
``liver@45/55`` (in a plane, in space), ``bone@60~110`` (with a volume in cc).
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from rtplan.facts import Facts
from rtplan.lesions.model import Category, Lesion, LesionCount, LesionReading, Organ
from rtplan.protocol.facts_file import load_facts

_WORD = re.compile(
    r"(?P<kind>\??[a-z_]*)(?:\.(?P<side>[a-z]+))?"
    r"(?:@(?P<plane>[\d.]+)(?:/(?P<space>[\d.]+))?(?:~(?P<volume>[\d.]+))?)?"
    r"(?::(?P<station>\S+))?"
)


def lesion(word: str, number: int) -> Lesion:
    """A lesion from its word; ``?`` of unknown category, ``?liver`` in a known organ."""
    found = _WORD.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is no word for a lesion")
    category, organ = _place(found["kind"])
    plane = _number(found["plane"])
    return Lesion(
        f"L{number}",
        category,
        organ,
        laterality=found["side"],
        station=found["station"],
        longest_diameter_mm=plane,
        longest_3d_mm=_number(found["space"]) or plane,
        volume_cc=_number(found["volume"]),
    )


def _place(kind: str) -> tuple[Category, Organ | None]:
    match kind:
        case "primary":
            return Category.PRIMARY, Organ.OTHER
        case "regional":
            return Category.REGIONAL_NODE, Organ.LYMPH_NODE
        case "node":
            return Category.EXTRAREGIONAL_NODE, Organ.LYMPH_NODE
        case "anywhere":
            return Category.ORGAN_METASTASIS, None
        case "?":
            return Category.UNKNOWN, None
        case _ if kind.startswith("?"):
            return Category.UNKNOWN, Organ(kind[1:])
        case _:
            return Category.ORGAN_METASTASIS, Organ(kind)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def reading(
    words: str,
    *,
    drawn: bool = False,
    lower: int | None = None,
    upper: int | None = None,
    apart_mm: float | None = None,
) -> LesionReading:
    """A reading of the words' lesions, with the count that follows from them unless given.

    ``apart_mm`` sets the lesions that far apart on a line, as points.
    """
    lesions = tuple(lesion(word, i) for i, word in enumerate(words.split(), start=1))
    if apart_mm is not None:
        lesions = _on_a_line(lesions, apart_mm)
    best = sum(item.category.counts for item in lesions)
    count = LesionCount(best if lower is None else lower, best, best if upper is None else upper)
    return LesionReading(count, lesions, from_path=drawn)


def _on_a_line(lesions: tuple[Lesion, ...], apart_mm: float) -> tuple[Lesion, ...]:
    places = [(index * apart_mm, 0.0, 0.0) for index in range(len(lesions))]
    return tuple(
        replace(
            item,
            centroid_mm=place,
            neighbours=tuple(
                (other.id, abs(there[0] - place[0]))
                for other, there in zip(lesions, places, strict=True)
                if other is not item
            ),
        )
        for item, place in zip(lesions, places, strict=True)
    )


def facts(text: str, folder: Path) -> Facts:
    """Facts from the text of a facts file."""
    file = folder / "facts.toml"
    file.write_text(text, encoding="utf-8")
    return load_facts(file)
