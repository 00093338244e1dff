"""What the facts file states, beside the lesions: what it completes and what it contradicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rtplan.facts import Facts
from rtplan.findings import Finding, finding
from rtplan.lesions.model import Category, Lesion, LesionCount, LesionReading, Organ
from rtplan.lesions.override import NODAL, apply_facts
from rtplan.protocol.sites import shared_sites, stated_sites
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
    texts = (
        *_fewer_in_a_lifetime(reading, facts),
        *_in_another_region(reading, facts),
        *_site_in_several_organs(reading, facts),
    )
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


def _site_in_several_organs(reading: LesionReading, facts: Facts) -> Iterator[str]:
    """Sites of which the lesions lie in different organs."""
    sites = shared_sites(stated_sites(reading.lesions, facts.lesions))
    for ids in sites.values():
        places = {x.id: _where(x) for x in reading.lesions if x.id in ids}
        known = {name: place for name, place in places.items() if place}
        if len(set(known.values())) > 1:
            told = ", ".join(f"{name} in {place}" for name, place in known.items())
            yield f"one site is stated for lesions of several organs ({told}): each organ counts"


def _where(lesion: Lesion) -> str | None:
    """The organ of a metastasis as sites are told apart; None where it is not known."""
    if lesion.category in NODAL:
        return Organ.LYMPH_NODE.value
    if lesion.category is not Category.ORGAN_METASTASIS or lesion.organ is None:
        return None
    return lesion.organ.value


_REGIONS = {
    Category.REGIONAL_NODE: "regional",
    Category.EXTRAREGIONAL_NODE: "extraregional",
}
