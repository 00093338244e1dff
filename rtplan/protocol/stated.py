"""What the facts file states, beside the lesions: what it completes and what it contradicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rtplan.facts import Facts
from rtplan.findings import Finding, finding
from rtplan.lesions.model import Category, LesionCount, LesionReading
from rtplan.lesions.override import apply_facts
from rtplan.protocol.stations import sure_region

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
    texts = (*_fewer_in_a_lifetime(reading, facts), *_in_another_region(reading, facts))
    return tuple(finding("FCT001", text) for text in texts)


def _fewer_in_a_lifetime(reading: LesionReading, facts: Facts) -> Iterator[str]:
    lifetime, present = facts.disease.lifetime_metastases, reading.count.lower
    if lifetime is None or present is None:
        return
    undrawn = facts.disease.metastases_not_drawn or 0 if reading.from_path else 0
    if lifetime >= present + undrawn:
        return
    counted = f"{present} counted" + (f" and {undrawn} not drawn" if undrawn else "")
    yield (
        f"disease.lifetime_metastases is {lifetime}, but {counted}: those of a lifetime include "
        "the present ones"
    )


def _in_another_region(reading: LesionReading, facts: Facts) -> Iterator[str]:
    """Nodes whose category is not that of their station for the primary's site."""
    for lesion in reading.lesions:
        said = _REGIONS.get(lesion.category)
        surely = sure_region(lesion.station, facts.primary) if said else None
        if surely and surely != said:
            yield (
                f"{lesion.id} has category {lesion.category.value}, but its station "
                f"{lesion.station} is {surely} for a primary of {facts.primary.site}"
            )


_REGIONS = {
    Category.REGIONAL_NODE: "regional",
    Category.EXTRAREGIONAL_NODE: "extraregional",
}
