"""Lesion lists in shorthand: one word a lesion, ``lung``, ``node:LN_Paraaortic``, ``regional``."""

from __future__ import annotations

from pathlib import Path

from rtplan.facts import Facts
from rtplan.lesions.model import Category, Lesion, LesionCount, LesionReading, Organ
from rtplan.protocol.facts_file import load_facts


def lesion(word: str, number: int) -> Lesion:
    """A lesion from its word; ``?`` of unknown category, ``?liver`` in a known organ."""
    kind, _, station = word.partition(":")
    match kind:
        case "primary":
            category, organ = Category.PRIMARY, Organ.OTHER
        case "regional":
            category, organ = Category.REGIONAL_NODE, Organ.LYMPH_NODE
        case "node":
            category, organ = Category.EXTRAREGIONAL_NODE, Organ.LYMPH_NODE
        case "anywhere":
            return Lesion(f"L{number}", Category.ORGAN_METASTASIS, None)
        case "?":
            return Lesion(f"L{number}", Category.UNKNOWN, None)
        case _ if kind.startswith("?"):
            category, organ = Category.UNKNOWN, Organ(kind[1:])
        case _:
            category, organ = Category.ORGAN_METASTASIS, Organ(kind)
    return Lesion(f"L{number}", category, organ, station=station or None)


def reading(
    words: str, *, drawn: bool = False, lower: int | None = None, upper: int | None = None
) -> LesionReading:
    """A reading of the words' lesions, with the count that follows from them unless given."""
    lesions = tuple(lesion(word, i) for i, word in enumerate(words.split(), start=1))
    best = sum(item.category.counts for item in lesions)
    count = LesionCount(best if lower is None else lower, best, best if upper is None else upper)
    return LesionReading(count, lesions, from_path=drawn)


def facts(text: str, folder: Path) -> Facts:
    """Facts from the text of a facts file."""
    file = folder / "facts.toml"
    file.write_text(text, encoding="utf-8")
    return load_facts(file)
