"""The entries of a lesion list as a count sees them: what each may be, and bounds of values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto

from rtplan.lesions.model import Lesion, Organ
from rtplan.protocol.model import Among
from rtplan.protocol.stations import Station, parse_station, surely_apart

NOT_DRAWN = "disease.metastases_not_drawn"
COUNT = "lesions.count"


class Kind(Enum):
    """What an item of the list may be."""

    NOTHING = auto()
    """The primary, or no lesion of its own."""
    REGIONAL = auto()
    EXTRAREGIONAL = auto()
    ORGAN = auto()


ANYTHING = frozenset(Kind)
METASTASIS = frozenset({Kind.EXTRAREGIONAL, Kind.ORGAN})
NODE = frozenset({Kind.REGIONAL, Kind.EXTRAREGIONAL})


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the list: what it may be, and where; ``needs`` names what would settle it.

    ``lesion`` is None for what the list does not hold: undrawn metastases, and those between the
    bounds of the count.
    """

    kinds: frozenset[Kind]
    organ: Organ | None = None
    station: str | None = None
    needs: str | None = None
    lesion: Lesion | None = None

    def surely(self, kind: Kind) -> bool:
        """Whether it can be nothing else."""
        return self.kinds == {kind}

    def maybe(self, kind: Kind) -> bool:
        """Whether it can be this."""
        return kind in self.kinds


@dataclass(frozen=True, slots=True)
class Bounds:
    """A value from ``low`` to ``high`` (both possible), and what would make it one number."""

    low: float
    high: float
    needs: tuple[str, ...] = ()

    def __add__(self, other: Bounds) -> Bounds:
        needs = tuple(dict.fromkeys(self.needs + other.needs))
        return Bounds(self.low + other.low, self.high + other.high, needs)


def needs_of(items: Iterable[Item], *, because: Callable[[Item], bool]) -> tuple[str, ...]:
    """What would settle the items for which something is open, each once."""
    return tuple(dict.fromkeys(item.needs for item in items if item.needs and because(item)))


def is_open(item: Item) -> bool:
    """Whether an item may be of several kinds."""
    return len(item.kinds) > 1


def among(items: Iterable[Item], which: Among) -> tuple[Item, ...]:
    """The items with what is not among the asked ones taken out; what may be stays open."""
    of_organs = bool(which.organs)
    return tuple(_of_organs(x, which) if of_organs else _of_stations(x, which) for x in items)


def _of_organs(item: Item, which: Among) -> Item:
    kinds = item.kinds
    nodes = (Organ.LYMPH_NODE in which.organs) != which.outside
    if not nodes:
        kinds = _without(kinds, NODE)
    if Kind.ORGAN not in kinds:
        return replace(item, kinds=kinds)
    if item.organ is not None:
        inside = (item.organ in which.organs) != which.outside
        return replace(item, kinds=kinds if inside else _without(kinds, {Kind.ORGAN}))
    return replace(item, kinds=kinds | {Kind.NOTHING})


def _of_stations(item: Item, which: Among) -> Item:
    if Kind.EXTRAREGIONAL not in item.kinds:
        return item
    found = _in_stations(item.station, which.stations)
    if found is None:
        return replace(item, kinds=item.kinds | {Kind.NOTHING})
    inside = found != which.outside
    return item if inside else replace(item, kinds=_without(item.kinds, {Kind.EXTRAREGIONAL}))


def _in_stations(name: str | None, stations: Iterable[str]) -> bool | None:
    """Whether a node is in one of some stations; None where its name leaves that open."""
    place = parse_station(name)
    known = [station for x in stations if (station := parse_station(x)) is not None]
    if place is None:
        return None
    if any(_same(place, station) for station in known):
        return True
    return False if all(surely_apart(place, station) for station in known) else None


def _same(place: Station, station: Station) -> bool:
    """Whether a node's place is a station or its one side."""
    sides = place.side == station.side or not station.side
    return (place.system, place.name) == (station.system, station.name) and sides


def _without(kinds: frozenset[Kind], taken: Collection[Kind]) -> frozenset[Kind]:
    left = kinds.difference(taken)
    return left if len(left) == len(kinds) else left | {Kind.NOTHING}
