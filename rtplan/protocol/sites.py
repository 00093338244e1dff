"""Sites: which lesions the facts state to be one, where a definition counts sites and not lesions.

A named site is one, however many of its lesions are listed. It lies in one organ: where lesions of
several organs have one name, each organ counts. A lesion without a name stands for itself or shares
a site of its organ, as the counting policy leaves it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

from rtplan.facts import LesionFact
from rtplan.lesions.model import Lesion, Organ
from rtplan.protocol.items import Item, Kind

Sites = Mapping[str, str]
"""The name of the site by the id of the lesion."""


def stated_sites(lesions: Sequence[Lesion], facts: Iterable[LesionFact]) -> dict[str, str]:
    """The sites of lesions that the facts name, by lesion id.

    A structure is named as it is stored; where none is, its case and spaces do not matter.
    """
    sites: dict[str, str] = {}
    for fact in facts:
        if fact.site is None:
            continue
        found = [x for x in lesions if fact.id is None or x.id == fact.id]
        if fact.structure is not None:
            exact = [x for x in found if fact.structure in _names(x)]
            wanted = _loose(fact.structure)
            found = exact or [x for x in found if wanted in map(_loose, _names(x))]
        sites.update((x.id, fact.site) for x in found)
    return sites


def site_of(item: Item, sites: Sites) -> str | None:
    """The site that an entry of the list was stated to be in."""
    return sites.get(item.lesion.id) if item.lesion else None


def shared_sites(sites: Sites) -> dict[str, list[str]]:
    """The sites of several lesions, with their ids."""
    members: dict[str, list[str]] = {}
    for lesion, site in sites.items():
        members.setdefault(site, []).append(lesion)
    return {site: ids for site, ids in members.items() if len(ids) > 1}


def one_each(items: Sequence[Item], sites: Sites, *, by_side: bool = False) -> tuple[Item, ...]:
    """The entries with one for each site, told by its name and organ (lymph nodes are one).

    What may lie elsewhere than the others of its site stays an entry, and may be none of its own.
    """
    groups: dict[Hashable, list[Item]] = {}
    for number, item in enumerate(items):
        site, place = site_of(item, sites), _place(item, by_side=by_side)
        key = number if site is None or place is None else (site, place)
        groups.setdefault(key, []).append(item)
    shared = shared_sites(sites)
    return tuple(
        _opened(members[0]) if _floats(members[0], sites, shared) else members[0]
        for members in groups.values()
    )


def _place(item: Item, *, by_side: bool) -> Hashable:
    """Where an entry surely is; None where that is open."""
    if len(item.kinds) > 1:
        return None
    if not item.surely(Kind.ORGAN):
        return item.kinds
    if item.organ is None:
        return None
    return item.organ, item.lesion.laterality if by_side and item.lesion else None


def _floats(item: Item, sites: Sites, shared: Collection[str]) -> bool:
    """Whether it is surely a metastasis of a site with others, in an organ that is not known."""
    return item.surely(Kind.ORGAN) and item.organ is None and site_of(item, sites) in shared


def _opened(item: Item) -> Item:
    return replace(item, kinds=item.kinds | {Kind.NOTHING})


def lost(items: Iterable[Item], sites: Sites, fewer: int) -> int:
    """How many sites are gone at most where ``fewer`` of the lesions are none of their own."""
    sizes = Counter(
        site_of(item, sites) or number
        for number, item in enumerate(items)
        if Kind.NOTHING not in item.kinds and Kind.REGIONAL not in item.kinds
    )
    gone = 0
    for size in sorted(sizes.values()):
        if size > fewer:
            break
        fewer, gone = fewer - size, gone + 1
    return gone


def fewest_sites(
    items: Sequence[Item], sites: Sites, merges: Callable[[Organ | None], bool]
) -> int:
    """The fewest sites that the sure metastases outside nodes may be.

    Where lesions of an organ may share a site, those without a name may share a named one there.
    """
    sure = [item for item in items if item.surely(Kind.ORGAN)]
    placed = [item for item in sure if item.organ is not None]
    named = {(item.organ, site) for item in placed if (site := site_of(item, sites))}
    unnamed = Counter(item.organ for item in placed if site_of(item, sites) is None)
    touched = {organ for organ, _ in named}
    alone = sum(
        int(organ not in touched) if merges(organ) else number for organ, number in unnamed.items()
    )
    return max(len(named) + alone, int(bool(sure)))


def _names(lesion: Lesion) -> list[str]:
    return [ref.name for ref in lesion.structures]


def _loose(name: str) -> str:
    return " ".join(name.split()).casefold()
