"""Nodal stations by name: which names are surely one station, and which are surely two.

A station is known only with its system. Names that cover several stations (``LN_Pelvics``), ranges
of levels and names without a system leave the number open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rtplan.facts import PrimaryFacts
from rtplan.lesions.vocabulary import Station as ListedStation
from rtplan.lesions.vocabulary import vocabulary
from rtplan.protocol.toml_table import read_toml

_STATION = re.compile(r"(?:(AJCC8|JES|JES11|JES12|custom):(\S+)|(LN)_(\S+))", re.IGNORECASE)
_NAME_SIDE = re.compile(r"(.+)_([lr])")
_NUMBER_SIDE = re.compile(r"(\d+(?:rec|tb)?)([lr])")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Station:
    """A named place of nodes; ``several`` where the name covers more than one station.

    ``side`` is ``"l"``, ``"r"`` or empty; all texts are in small letters.
    """

    system: str
    name: str
    side: str
    several: bool


@dataclass(frozen=True, slots=True)
class _Groups:
    """The table of group names: what each holds, the names that are none, those without sides."""

    singular: frozenset[str]
    single: tuple[str, ...]
    midline: tuple[str, ...]
    holds: dict[str, tuple[str, ...]]


@cache
def _groups() -> _Groups:
    file = Path(__file__).with_name("station_groups.toml")
    root = read_toml(file, name=file.name)
    holds = {_bare(t.need("name")): _bares(t.texts("holds")) for t in root.tables("group")}
    singular, single, midline = (_bares(root.texts(k)) for k in ("singular", "single", "midline"))
    return _Groups(frozenset(singular), single, midline, holds)


def _bares(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(_bare(name) for name in names)


def _bare(name: str) -> str:
    return name.removeprefix("LN_").casefold()


def parse_station(text: str | None) -> Station | None:
    """The station that a text names; None where it has no known system.

    >>> parse_station("LN_Hilar_L")
    Station(system='ln', name='hilar', side='l', several=False)
    >>> parse_station("LN_Pelvics").several, parse_station("16")
    (True, None)
    """
    match = _STATION.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    system, number, named, name = match.groups()
    name = (number or name).casefold()
    side = ""
    if sided := (_NAME_SIDE if named else _NUMBER_SIDE).fullmatch(name):
        name, side = sided.groups()
    several = "-" in name or (named is not None and _covers_several(name))
    return Station((system or named).casefold()[:3], name, side, several)


def _covers_several(name: str) -> bool:
    """Whether a TG-263 name, without prefix and side, covers several stations."""
    groups = _groups()
    plural = name.endswith("s") and name not in groups.singular
    return name in groups.holds or plural


def is_one_station(text: str | None) -> bool:
    """Whether a text names one station of a known system.

    >>> [is_one_station(name) for name in ("LN_Portahepatis", "LN_Neck_II-V", "LN_Ax_Pectorals_L")]
    [True, False, False]
    """
    station = parse_station(text)
    return station is not None and not station.several


def surely_apart(one: Station, other: Station) -> bool:
    """Whether two names cannot be of the same station.

    Names of different systems may be; so may a name and its own subdivision, subdivisions of one
    number, a name without a side and the same with one, the two sides of a station in the midline,
    and a group and what lies in it.
    """
    if one.system != other.system:
        return False
    sides = {one.side, other.side} == {"l", "r"}
    if sides and not (_in_midline(one) or _in_midline(other)):
        return True
    if one.name == other.name or _related(one.name, other.name):
        return False
    if one.several:
        return _outside(one, other)
    return _outside(other, one) if other.several else True


def _in_midline(station: Station) -> bool:
    """Whether a station, or the whole that it is part of, has no sides of its own."""
    return any(station.name.startswith(name) for name in _groups().midline)


def _related(one: str, other: str) -> bool:
    """Whether two names are of one whole: 16a2 and 16b1, Ax and Ax_Apical."""
    first, second = _NUMBER.match(one), _NUMBER.match(other)
    if first and second:
        return first[0] == second[0]
    return one.startswith(other) or other.startswith(one)


def _outside(group: Station, other: Station) -> bool:
    """Whether a station, or all of another group, lies outside a group."""
    known = _groups()
    reach = _reach(group)
    if not reach:
        return False
    if not other.several:
        named = any(other.name.startswith(item) for item in (*known.single, *_held()))
        return named and not any(other.name.startswith(item) for item in reach)
    beyond = _reach(other)
    return bool(beyond) and not any(
        a.startswith(b) or b.startswith(a) for a in reach for b in beyond
    )


def _reach(group: Station) -> tuple[str, ...]:
    """What a group holds; a part of a known region is taken as all of it; empty if not known."""
    known = _groups()
    region = group.name.split("_")[0]
    whole = (region,) if region in known.single else ()
    return known.holds.get(group.name) or known.holds.get(region) or whole


def _held() -> tuple[str, ...]:
    return tuple(item for holds in _groups().holds.values() for item in holds)


def fewest_stations(texts: Sequence[str | None]) -> int:
    """The least number of stations: as many as are surely apart from each other.

    >>> fewest_stations(["LN_Pelvics", "LN_Pelvics"]), fewest_stations(["LN_Pelvics", "LN_Ax_L"])
    (1, 2)
    """
    stations = {found for text in texts if (found := parse_station(text))}
    order = sorted(stations, key=lambda s: (s.several, not s.side, s.system, -len(s.name), s.name))
    apart: dict[str, list[Station]] = {}
    for station in order:
        chosen = apart.setdefault(station.system, [])
        if all(surely_apart(station, other) for other in chosen):
            chosen.append(station)
    return max((len(chosen) for chosen in apart.values()), default=int(bool(texts)))


def most_stations(texts: Iterable[str | None]) -> int:
    """The greatest number: each node that is not surely in one station may be in another.

    >>> most_stations(["LN_Pelvics", "LN_Pelvics"]), most_stations(["LN_Celiac", "LN_Celiac", None])
    (2, 2)
    """
    known = list(texts)
    return len({text and parse_station(text) for text in known if is_one_station(text)}) + sum(
        not is_one_station(text) for text in known
    )


def is_unclear(text: str | None, listed: Sequence[str | None]) -> bool:
    """Whether a station leaves the number of stations open; ``listed`` are all, itself included.

    >>> is_unclear("LN_Hilar", ["LN_Hilar", "LN_Hilar_R"]), is_unclear("LN_Ax_L", ["LN_Ax_L"])
    (True, False)
    """
    own = parse_station(text)
    found = [parse_station(other) for other in listed]
    alike = [s for s in found if own is None or s is None or not surely_apart(own, s)]
    if own is None or own.several:
        return len(alike) > 1
    return any(other != own for other in alike)


def sure_region(text: str | None, primary: PrimaryFacts) -> str | None:
    """``"regional"`` or ``"extraregional"`` where a station surely is that for a primary.

    None where the list of stations has no verified statement on it, or none for this primary. A
    station that is not listed by itself takes the region of the groups that hold it.

    >>> oesophagus = PrimaryFacts(site="oesophagus")
    >>> [sure_region(name, oesophagus) for name in ("AJCC8:7", "LN_Iliac_Ext_L", "LN_Sclav_L")]
    ['regional', 'extraregional', None]
    """
    station = parse_station(text)
    if station is None or _listed_site(primary) not in vocabulary().primaries:
        return None
    known = _regions()
    if own := known.get((station.system, station.name)):
        return own if own in ("regional", "extraregional") else None
    groups = [name for name, holds in _groups().holds.items() if station.name.startswith(holds)]
    told = {known[key] for name in groups if (key := (station.system, name)) in known}
    return told.pop() if told in ({"regional"}, {"extraregional"}) else None


def _listed_site(primary: PrimaryFacts) -> str | None:
    """The site whose list of regional stations holds for a primary."""
    subsite = (primary.subsite or "").strip().casefold()
    rows = (x for x in vocabulary().alike if x.site == primary.site and subsite in x.subsites)
    return next((row.like for row in rows), primary.site)


@cache
def _regions() -> dict[tuple[str, str], str]:
    """The region of each listed station by system and name; not verified is ``"ask"``."""
    found: dict[tuple[str, str], str] = {}
    for item in _listed_stations():
        if station := parse_station(item.name):
            region = item.region if item.evidence == "verified" else "ask"
            key = (station.system, station.name)
            found[key] = region if found.get(key, region) == region else "ask"
    return found


def _listed_stations() -> list[ListedStation]:
    book = vocabulary()
    loose = [word for _, word in (*book.ends, *book.within)]
    lists = (*book.whole.values(), *book.begins.values(), loose)
    named = [word.station for words in lists for word in words if word.station]
    return [*named, *(x for numbers in book.numbered.values() for x in numbers.values())]
