"""A list of lesions completed by what the facts file states about them."""

from __future__ import annotations

from dataclasses import replace

from rtplan.facts import Facts
from rtplan.lesions.model import LesionCount, LesionReading
from rtplan.lesions.override import apply_facts


def with_stated(reading: LesionReading, facts: Facts) -> LesionReading:
    """The reading with the ``[[lesion]]`` facts in place, its count moved by what they change.

    For a list read from a file; a structure set is read with the facts in hand.

    Raises
    ------
    NamingError
        A fact that names no lesion of the list.
    """
    if not facts.lesions:
        return reading
    lesions, _ = apply_facts(reading.lesions, facts.lesions)
    before = sum(item.category.counts for item in reading.lesions)
    change = sum(item.category.counts for item in lesions) - before
    count = reading.count
    moved = LesionCount(
        *(
            None if number is None else max(0, number + change)
            for number in (count.lower, count.best, count.upper)
        )
    )
    return replace(reading, lesions=tuple(lesions), count=moved)
