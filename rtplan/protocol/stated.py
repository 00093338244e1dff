"""What the facts file states, beside the lesions: what it completes and what it contradicts."""

from __future__ import annotations

from dataclasses import replace

from rtplan.facts import Facts
from rtplan.findings import Finding, finding
from rtplan.lesions.model import LesionCount, LesionReading
from rtplan.lesions.override import apply_facts

NO_LESIONS = LesionReading(
    LesionCount(None, None, None), (), reason="there is no RT Structure Set, so nothing is counted"
)
"""What is known of the lesions where there is no structure set: nothing."""


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


def contradictions(reading: LesionReading, facts: Facts) -> tuple[Finding, ...]:
    """Stated facts that cannot be true of the lesions counted."""
    lifetime, present = facts.disease.lifetime_metastases, reading.count.lower
    if lifetime is None or present is None:
        return ()
    undrawn = facts.disease.metastases_not_drawn or 0 if reading.from_path else 0
    if lifetime >= present + undrawn:
        return ()
    counted = f"{present} counted" + (f" and {undrawn} not drawn" if undrawn else "")
    text = (
        f"disease.lifetime_metastases is {lifetime}, but {counted}: those of a lifetime include "
        "the present ones"
    )
    return (finding("FCT001", text),)
