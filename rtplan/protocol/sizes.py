"""Sizes of metastases and the distance of the closest two, as intervals.

What a source does not say leaves both readings open: a diameter in a plane or in space, a distance
from surface to surface or from centre to centre.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from rtplan.lesions.model import Lesion
from rtplan.protocol.items import COUNT, Bounds, Item, Kind, is_open, needs_of
from rtplan.protocol.model import Quantity

Range = tuple[float, float]
NOT_KNOWN: Range = (0.0, math.inf)


@dataclass(frozen=True, slots=True)
class Counted:
    """The kinds of lesions that a policy counts, and those that it may count."""

    surely: frozenset[Kind]
    maybe: frozenset[Kind]

    def split(self, items: Iterable[Item]) -> tuple[list[Item], list[Item]]:
        """The items that are counted whatever is open, and all that may be."""
        possible = [item for item in items if item.kinds & self.maybe]
        return [item for item in possible if item.kinds <= self.surely], possible


def largest(items: Sequence[Item], fewer: int, quantity: Quantity, counted: Counted) -> Bounds:
    """Bounds of the largest size of the counted items; 0 where there is none.

    Two bodies that may be one lesion may be larger together, and one that may be two is smaller.
    """
    sure, possible = counted.split(items)
    lows = sorted((_size(i.lesion, quantity)[0] for i in sure), reverse=True)
    low = 0.0 if _divisible(items) else (lows[fewer] if len(lows) > fewer else 0.0)
    high = max((_size(i.lesion, quantity)[1] for i in possible), default=0.0)
    if fewer:
        high = math.inf if possible else high
    needs = needs_of(possible, because=lambda i: is_open(i) or i.lesion is None)
    needs += tuple(
        f"lesion.{i.lesion.id}.{_key(quantity)}"
        for i in possible
        if i.lesion and _is_wide(i, quantity)
    )
    return Bounds(low, high, needs + ((COUNT,) if fewer else ()))


def closest_pair(items: Sequence[Item], fewer: int, counted: Counted) -> Bounds:
    """Bounds of the distance, mm, of the two closest counted items; infinite without two.

    Of one that may be two neither centre is known.
    """
    sure, possible = counted.split(items)
    low = min((_distance(a, b)[0] for a, b in combinations(possible, 2)), default=math.inf)
    high = min((_distance(a, b)[1] for a, b in combinations(sure, 2)), default=math.inf)
    needs = needs_of(possible, because=lambda i: is_open(i) or i.lesion is None)
    needs += tuple(
        f"lesion.{i.lesion.id}.centroid_mm"
        for i in possible
        if len(possible) > 1 and i.lesion and i.lesion.centroid_mm is None
    )
    if fewer:
        return Bounds(low, math.inf, (*needs, COUNT))
    return Bounds(low, math.inf if _divisible(items) else high, needs)


def _divisible(items: Iterable[Item]) -> bool:
    """Whether one of the lesions may be two."""
    return any(i.lesion is None and i.needs == COUNT for i in items)


def _key(quantity: Quantity) -> str:
    return "volume_cc" if quantity is Quantity.LARGEST_VOLUME_CC else "longest_diameter_mm"


def _size(lesion: Lesion | None, quantity: Quantity) -> Range:
    """What a lesion's size may be by what is known of it."""
    if lesion is None:
        return NOT_KNOWN
    if quantity is Quantity.LARGEST_VOLUME_CC:
        return NOT_KNOWN if lesion.volume_cc is None else (lesion.volume_cc, lesion.volume_cc)
    plane, space = lesion.longest_diameter_mm, lesion.longest_3d_mm
    known = [length for length in (plane, space) if length is not None]
    return (min(known), max(known)) if known else NOT_KNOWN


def _is_wide(item: Item, quantity: Quantity) -> bool:
    low, high = _size(item.lesion, quantity)
    return low != high


def _distance(one: Item, other: Item) -> Range:
    """From surface to surface (or what is left of the way between centres) to centre to centre."""
    if one.lesion is None or other.lesion is None:
        return NOT_KNOWN
    centres = _between_centres(one.lesion, other.lesion)
    surface = _between_surfaces(one.lesion, other.lesion)
    known = [mm for mm in (surface, centres) if mm is not None]
    low = min(known) if surface is not None else _least(one.lesion, other.lesion, centres)
    return low, max(known) if centres is not None else math.inf


def _between_centres(one: Lesion, other: Lesion) -> float | None:
    if one.centroid_mm is None or other.centroid_mm is None:
        return None
    return math.dist(one.centroid_mm, other.centroid_mm)


def _between_surfaces(one: Lesion, other: Lesion) -> float | None:
    for lesion, name in ((one, other.id), (other, one.id)):
        for neighbour, mm in lesion.neighbours or ():
            if neighbour == name:
                return mm
    return None


def _least(one: Lesion, other: Lesion, centres: float | None) -> float:
    """The least that surfaces may be apart: no point of a lesion is farther than its diameter."""
    if centres is None or one.longest_3d_mm is None or other.longest_3d_mm is None:
        return 0.0
    return max(0.0, centres - one.longest_3d_mm - other.longest_3d_mm)
