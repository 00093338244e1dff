"""Counts of metastases as intervals: everything that the lesion list leaves open, as bounds.

Each lesion becomes an *item* with the kinds of tumour it may be. A quantity's lower bound takes
the reading with fewest, the upper bound the one with most; both follow the counting policy of a
definition. Bounds are never too narrow; where several things are open at once they may be wider
than the best possible.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from rtplan.facts import Facts
from rtplan.lesions.model import Category, Lesion, LesionReading, Organ
from rtplan.protocol.items import (
    ANYTHING,
    COUNT,
    METASTASIS,
    NODE,
    NOT_DRAWN,
    Bounds,
    Item,
    Kind,
    among,
    is_open,
    needs_of,
)
from rtplan.protocol.model import (
    Among,
    Counting,
    ExtraregionalNodes,
    Merging,
    NodesAsOrgan,
    PairedOrgans,
    Quantity,
    RegionalNodes,
    Supraclavicular,
    Unit,
)
from rtplan.protocol.organs import most_in_own_organ, nonnodal_organs, sides
from rtplan.protocol.sites import (
    Sites,
    fewest_sites,
    lost,
    one_each,
    site_of,
    stated_sites,
)
from rtplan.protocol.sizes import Counted, closest_pair, largest
from rtplan.protocol.stations import (
    fewest_stations,
    is_one_station,
    is_unclear,
    most_stations,
)

LIFETIME = "disease.lifetime_metastases"
SITES = "lesions.sites"

_SUPRACLAVICULAR = re.compile(r"LN_Sclav\w*|JES(?:11|12)?:104[RL]?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tally:
    """The items of one reading under one counting policy.

    Parameters
    ----------
    items : tuple of Item
    fewer : int
        How many of the sure metastases may not be lesions of their own.
    policy : Counting
    open_above : bool
        True where nobody stated how many metastases were not drawn: every count is of the lesions
        drawn and has no upper bound for the disease.
    unlimited : bool
        True where there is no list at all, so that nothing bounds a count from above.
    diffuse : bool
        Diffuse disease is stated: it cannot be counted.
    lifetime : int or None
        Metastases ever, as stated.
    sites : mapping of str to str
        Where the policy counts sites: those that the facts name, by the id of the lesion.
    """

    items: tuple[Item, ...]
    fewer: int
    policy: Counting
    open_above: bool
    unlimited: bool
    diffuse: bool
    lifetime: int | None = None
    sites: Sites = field(default_factory=dict)

    def bounds(self, quantity: Quantity, which: Among | None = None) -> Bounds:
        """The bounds of a quantity, of all metastases or of those ``which``."""
        asked = replace(self, items=among(self.items, which)) if which else self
        bounds = _QUANTITIES[quantity](asked)
        if self.diffuse:
            bounds = _with_diffuse(bounds, quantity, bool(which))
        if self.unlimited:
            low = 0.0 if quantity is Quantity.CLOSEST_PAIR_MM else bounds.low
            return Bounds(low, math.inf, (*bounds.needs, "lesions"))
        return bounds


def tally(reading: LesionReading, facts: Facts, policy: Counting) -> Tally:
    """The items of a reading, with the facts that concern the count.

    ``metastases_not_drawn`` is added to a count from a structure set. A lesions file is taken as
    complete, so there the number only widens the bounds.
    """
    # In the order of their ids, so that what is needed does not depend on the order of the list.
    lesions = sorted(reading.lesions, key=lambda lesion: (len(lesion.id), lesion.id))
    items = [_item(lesion, policy) for lesion in lesions]
    counted = sum(lesion.category.counts for lesion in reading.lesions)
    sure = sum(item.kinds <= METASTASIS for item in items)
    lower, upper = reading.count.lower, reading.count.upper
    more = max(0, (counted if upper is None else upper) - counted)
    fewer = _fewer(sure, counted, lower, from_path=reading.from_path)
    items += [Item(METASTASIS | {Kind.NOTHING}, needs=COUNT)] * more
    undrawn = facts.disease.metastases_not_drawn
    kinds = METASTASIS if reading.from_path else METASTASIS | {Kind.NOTHING}
    items += [Item(kinds, needs=NOT_DRAWN)] * (undrawn or 0)
    return Tally(
        items=tuple(items),
        fewer=fewer,
        policy=policy,
        open_above=reading.from_path and undrawn is None,
        unlimited=reading.count.best is None,
        diffuse=facts.disease.diffuse is True,
        lifetime=facts.disease.lifetime_metastases,
        sites=stated_sites(lesions, facts.lesions) if policy.unit is Unit.SITE else {},
    )


def _fewer(sure: int, counted: int, lower: int | None, *, from_path: bool) -> int:
    """How many of the sure metastases the lower bound of the count may leave out.

    A structure set may show two bodies of one lesion, and what the lower bound leaves out may be
    any of them. A list has what it lists, unless its lower bound is below that.
    """
    if lower is None:
        return 0
    return min(sure, max(0, (counted if from_path else sure) - lower))


def _item(lesion: Lesion, policy: Counting) -> Item:
    return replace(_kinds_of(lesion, policy), lesion=lesion)


def _kinds_of(lesion: Lesion, policy: Counting) -> Item:
    organ = None if lesion.organ is Organ.LYMPH_NODE else lesion.organ
    needs = f"lesion.{lesion.id}."
    match lesion.category:
        case Category.PRIMARY:
            return Item(frozenset({Kind.NOTHING}))
        case Category.REGIONAL_NODE:
            return Item(frozenset({Kind.REGIONAL}), station=_with_side(lesion))
        case Category.EXTRAREGIONAL_NODE:
            kind = frozenset({Kind.EXTRAREGIONAL})
            return Item(kind, station=_with_side(lesion), needs=needs + "station")
        case Category.ORGAN_METASTASIS if lesion.organ is not Organ.LYMPH_NODE:
            return Item(frozenset({Kind.ORGAN}), organ=organ, needs=needs + "organ")
    needs += "category"
    if lesion.organ is Organ.LYMPH_NODE:
        return Item(_node_kinds(lesion, policy), station=_with_side(lesion), needs=needs)
    if lesion.organ is not None:
        return Item(frozenset({Kind.ORGAN, Kind.NOTHING}), organ=organ, needs=needs)
    return Item(ANYTHING, station=_with_side(lesion), needs=needs)


def _with_side(lesion: Lesion) -> str | None:
    """The station, with the lesion's side where a TG-263 name leaves it out."""
    side = {"left": "_L", "right": "_R"}.get(lesion.laterality or "", "")
    station = lesion.station
    if station and station.upper().startswith("LN_") and not station.endswith(("_L", "_R")):
        return station + side
    return station


def _node_kinds(lesion: Lesion, policy: Counting) -> frozenset[Kind]:
    """A node not known to be regional or not: only a supraclavicular one may have a policy."""
    if is_supraclavicular(lesion.station):
        if policy.supraclavicular is Supraclavicular.REGIONAL:
            return frozenset({Kind.REGIONAL})
        if policy.supraclavicular is Supraclavicular.EXTRAREGIONAL:
            return frozenset({Kind.EXTRAREGIONAL})
    return NODE


def is_supraclavicular(station: str | None) -> bool:
    """Whether a station is supraclavicular, where sources differ on regional or not.

    >>> is_supraclavicular("LN_Sclav_L"), is_supraclavicular("JES:104R"), is_supraclavicular("7")
    (True, True, False)
    """
    return station is not None and _SUPRACLAVICULAR.fullmatch(station) is not None


def _with_diffuse(bounds: Bounds, quantity: Quantity, some: bool) -> Bounds:
    """Diffuse disease has no number; of some organs, or sizes, it is not known which it changes."""
    needs = (*bounds.needs, "disease.diffuse")
    match quantity:
        case Quantity.EXTRAREGIONAL_STATIONS:
            return bounds
        case Quantity.CLOSEST_PAIR_MM:
            return Bounds(0.0, bounds.high, needs)
        case Quantity.ORGANS | Quantity.NONNODAL_ORGANS if not some:
            return Bounds(max(1.0, bounds.low), math.inf, needs)
        case Quantity.SIDES:
            return Bounds(bounds.low, 2, needs)
        case _ if some or quantity.is_size:
            return Bounds(bounds.low, math.inf, needs)
    return Bounds(math.inf, math.inf, bounds.needs)


def _fewer_needs(t: Tally) -> tuple[str, ...]:
    return (COUNT,) if t.fewer else ()


def _with_fewer(t: Tally, bounds: Bounds) -> Bounds:
    return replace(bounds, needs=bounds.needs + _fewer_needs(t))


def _joined(t: Tally, *, by_side: bool = False) -> Tally:
    """The tally with one item for each stated site."""
    if not t.sites:
        return t
    fewer = lost(t.items, t.sites, t.fewer)
    return replace(t, items=one_each(t.items, t.sites, by_side=by_side), fewer=fewer)


def _organ_metastases(t: Tally) -> Bounds:
    joined = _joined(t)
    low = max(0, sum(item.surely(Kind.ORGAN) for item in joined.items) - joined.fewer)
    high = sum(item.maybe(Kind.ORGAN) for item in joined.items)
    needs = needs_of(t.items, because=lambda i: is_open(i) and i.maybe(Kind.ORGAN))
    least = max(0, _fewest_sites(t) - joined.fewer)
    return _as_sites(t, Bounds(low, high, needs + _fewer_needs(t)), least)


def _fewest_sites(t: Tally) -> int:
    """The fewest sites that the sure metastases outside nodes may be."""
    return fewest_sites(t.items, t.sites, lambda organ: _merges(t, organ))


def _merges(t: Tally, organ: Organ | None) -> bool:
    """Whether several lesions of an organ may be one site."""
    apart = Merging.EACH
    vertebrae = t.policy.contiguous_vertebrae is not apart and organ is Organ.BONE
    return vertebrae or t.policy.shared_isocentre is not apart


def _merges_any(t: Tally) -> bool:
    merging = (t.policy.contiguous_vertebrae, t.policy.shared_isocentre)
    return t.policy.unit is Unit.SITE and any(item is not Merging.EACH for item in merging)


def _as_sites(t: Tally, bounds: Bounds, least: float) -> Bounds:
    """A count of lesions as one of sites, at least ``least``."""
    if not _merges_any(t) or least >= bounds.low:
        return bounds
    unconfirmed = Merging.UNCONFIRMED in (t.policy.contiguous_vertebrae, t.policy.shared_isocentre)
    needs = (SITES, f"gap.{t.policy.gap}") if unconfirmed else (SITES,)
    return Bounds(least, bounds.high, bounds.needs + needs)


def _nonnodal_organs(t: Tally) -> Bounds:
    return _with_fewer(t, nonnodal_organs(t.items, t.fewer, t.policy.paired_organs))


def _sides(t: Tally) -> Bounds:
    return _with_fewer(t, sides(t.items, t.fewer))


def _most_in_one_organ(t: Tally) -> Bounds:
    paired = t.policy.paired_organs
    joined = _joined(t, by_side=paired is not PairedOrgans.ONE_ORGAN)
    own = _with_fewer(t, most_in_own_organ(joined.items, joined.fewer, paired))
    named = [item for item in joined.items if site_of(item, t.sites)]
    surely = most_in_own_organ(named, joined.fewer, paired).low
    own = _as_sites(t, own, min(own.low, max(1, surely)))
    if t.policy.nodes_as_organ is NodesAsOrgan.NO_ORGAN:
        return own
    nodes = _node_units(joined)
    least = own.low
    if t.policy.nodes_as_organ is NodesAsOrgan.ONE_ORGAN:
        least = max(least, nodes.low - joined.fewer)
    return Bounds(least, max(own.high, nodes.high), (own + nodes).needs)


def _lifetime(t: Tally) -> Bounds:
    present = _metastases(t)
    if t.lifetime is None:
        return Bounds(present.low, math.inf, (*present.needs, LIFETIME))
    stated = float(t.lifetime)
    if present.high <= stated:
        return Bounds(stated, stated)
    # More may be there than were stated: the statement or the list is wrong.
    return Bounds(max(stated, present.low), present.high, present.needs)


def _counted(t: Tally) -> Counted:
    """The kinds of lesions whose size or distance a definition asks for."""
    surely, maybe = {Kind.ORGAN}, set(METASTASIS)
    if t.policy.extraregional_nodes is not ExtraregionalNodes.UNCONFIRMED:
        surely.add(Kind.EXTRAREGIONAL)
    if t.policy.regional_nodes is not RegionalNodes.NOT_COUNTED:
        maybe.add(Kind.REGIONAL)
    if t.policy.regional_nodes is RegionalNodes.COUNTED:
        surely.add(Kind.REGIONAL)
    return Counted(frozenset(surely), frozenset(maybe))


def _with_gap(t: Tally, bounds: Bounds) -> Bounds:
    """A size or distance with its gap; whether nodes are an organ does not change it."""
    placed = replace(t, policy=replace(t.policy, nodes_as_organ=NodesAsOrgan.NO_ORGAN))
    return replace(bounds, needs=bounds.needs + _gap(placed))


def _largest(quantity: Quantity) -> Callable[[Tally], Bounds]:
    return lambda t: _with_gap(t, largest(t.items, t.fewer, quantity, _counted(t)))


def _closest_pair(t: Tally) -> Bounds:
    return _with_gap(t, closest_pair(t.items, t.fewer, _counted(t)))


def _stations(t: Tally) -> Bounds:
    sure = [item.station for item in t.items if item.surely(Kind.EXTRAREGIONAL)]
    possible = [item for item in t.items if item.maybe(Kind.EXTRAREGIONAL)]
    names = [item.station for item in possible]
    unclear = {name for name in set(names) if is_unclear(name, names)}
    needs = needs_of(possible, because=lambda i: is_open(i) or i.station in unclear)
    low = max(0, fewest_stations(sure) - t.fewer)
    return Bounds(low, most_stations(names), needs + _fewer_needs(t))


def _node_units(t: Tally) -> Bounds:
    """What the nodes add to the number of metastases, each item once at most."""
    regional, extraregional = t.policy.regional_nodes, t.policy.extraregional_nodes
    per_station = extraregional is ExtraregionalNodes.PER_STATION
    sure_regional = sum(item.surely(Kind.REGIONAL) for item in t.items)
    sure_extraregional = [item for item in t.items if item.surely(Kind.EXTRAREGIONAL)]
    low = {
        RegionalNodes.NOT_COUNTED: 0,
        RegionalNodes.UNCONFIRMED: 0,
        RegionalNodes.ALL_AS_ONE: min(1, sure_regional),
        RegionalNodes.COUNTED: sure_regional,
    }[regional] + {
        ExtraregionalNodes.UNCONFIRMED: 0,
        ExtraregionalNodes.PER_LESION: len(sure_extraregional),
        ExtraregionalNodes.PER_STATION: fewest_stations([i.station for i in sure_extraregional]),
    }[extraregional]
    alone = [item for item in t.items if _counts_alone(t, item)]
    grouped = [item for item in t.items if not _counts_alone(t, item)]
    high = len(alone)
    if regional is RegionalNodes.ALL_AS_ONE:
        high += any(item.maybe(Kind.REGIONAL) for item in grouped)
    if per_station:
        high += most_stations(i.station for i in grouped if i.maybe(Kind.EXTRAREGIONAL))
    stations = [item.station for item in t.items if item.maybe(Kind.EXTRAREGIONAL)]
    unclear_stations = {name for name in set(stations) if is_unclear(name, stations)}

    def undecided(item: Item) -> bool:
        unclear = item.maybe(Kind.EXTRAREGIONAL) and item.station in unclear_stations
        placeless = per_station and unclear
        return placeless or (is_open(item) and bool(item.kinds & _counted_kinds(t)))

    bounds = Bounds(low, high, needs_of(t.items, because=undecided) + _gap(t))
    merged = t.policy.shared_isocentre is not Merging.EACH
    named = {site_of(item, t.sites) for item in sure_extraregional} - {None}
    return _as_sites(t, bounds, min(low, max(len(named), 1))) if merged else bounds


def _counted_kinds(t: Tally) -> frozenset[Kind]:
    """The kinds of nodes that the policy counts, or may count."""
    if t.policy.regional_nodes is RegionalNodes.NOT_COUNTED:
        return frozenset({Kind.EXTRAREGIONAL})
    return NODE


def _counts_alone(t: Tally, item: Item) -> bool:
    """Whether an item may add one to the nodes by itself, whatever the others are."""
    regional = t.policy.regional_nodes in (RegionalNodes.COUNTED, RegionalNodes.UNCONFIRMED)
    if regional and item.maybe(Kind.REGIONAL):
        return True
    if not item.maybe(Kind.EXTRAREGIONAL):
        return False
    per_station = t.policy.extraregional_nodes is ExtraregionalNodes.PER_STATION
    return not per_station or not is_one_station(item.station)


def _gap(t: Tally) -> tuple[str, ...]:
    """The gap in the source, where a node is there that it leaves uncounted or counted."""
    open_kinds = set()
    if t.policy.regional_nodes is RegionalNodes.UNCONFIRMED:
        open_kinds.add(Kind.REGIONAL)
    if t.policy.extraregional_nodes is ExtraregionalNodes.UNCONFIRMED:
        open_kinds.add(Kind.EXTRAREGIONAL)
    if t.policy.nodes_as_organ is NodesAsOrgan.UNCONFIRMED:
        open_kinds |= _counted_kinds(t)
    return (f"gap.{t.policy.gap}",) if any(item.kinds & open_kinds for item in t.items) else ()


def _metastases(t: Tally) -> Bounds:
    joined = _joined(t)
    organ, nodes = _organ_metastases(t), _node_units(joined)
    per_lesion = t.policy.extraregional_nodes is ExtraregionalNodes.PER_LESION
    # An item that is a metastasis of either kind counts one, whichever it is.
    either = sum(item.kinds == METASTASIS for item in joined.items) if per_lesion else 0
    if _merges_any(t):
        low = max(_fewest_sites(t) + nodes.low, min(either, 1))
    else:
        low = sum(item.surely(Kind.ORGAN) for item in joined.items) + nodes.low + either
    low = max(0, low - joined.fewer)
    # An item of several kinds counts once at most, not once for each kind.
    twice = sum(item.maybe(Kind.ORGAN) and _counts_alone(t, item) for item in joined.items)
    high = max(organ.high + nodes.high - twice, low)
    return Bounds(low, high, (organ + nodes).needs)


def _organs(t: Tally) -> Bounds:
    own = _nonnodal_organs(t)
    if t.policy.nodes_as_organ is NodesAsOrgan.NO_ORGAN:
        return own
    nodes = _node_units(t)
    sure = t.policy.nodes_as_organ is NodesAsOrgan.ONE_ORGAN and nodes.low > t.fewer
    both = own + Bounds(int(sure), int(nodes.high > 0), nodes.needs)
    # A lesion that may be a node or in an organ is in one of them only.
    most = sum(bool(item.kinds & (_counted_kinds(t) | {Kind.ORGAN})) for item in t.items)
    return replace(both, high=min(both.high, most))


_QUANTITIES: dict[Quantity, Callable[[Tally], Bounds]] = {
    Quantity.METASTASES: _metastases,
    Quantity.ORGANS: _organs,
    Quantity.MOST_IN_ONE_ORGAN: _most_in_one_organ,
    Quantity.ORGAN_METASTASES: _organ_metastases,
    Quantity.NONNODAL_ORGANS: _nonnodal_organs,
    Quantity.EXTRAREGIONAL_STATIONS: _stations,
    Quantity.LIFETIME_METASTASES: _lifetime,
    Quantity.SIDES: _sides,
    Quantity.LARGEST_DIAMETER_MM: _largest(Quantity.LARGEST_DIAMETER_MM),
    Quantity.LARGEST_VOLUME_CC: _largest(Quantity.LARGEST_VOLUME_CC),
    Quantity.CLOSEST_PAIR_MM: _closest_pair,
}
