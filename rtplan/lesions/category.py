"""What kind of tumour a lesion is: by its names, its site, and the primary that is known.

Nothing is assumed about supraclavicular nodes, nor about a station whose numbering system is not
given: such a lesion stays of unknown category until the user's facts say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtplan.facts import PrimaryFacts
from rtplan.findings import Finding, finding
from rtplan.lesions.anatomy import Site
from rtplan.lesions.model import Category, Organ
from rtplan.lesions.names import Kind, NameReading
from rtplan.lesions.vocabulary import Part, Station, vocabulary


@dataclass(frozen=True, slots=True)
class Kindred:
    """The category of a lesion and why.

    ``may_not_count``: another reading would not count it. ``by_site``: it is taken for the primary
    for nothing but its site.
    """

    category: Category
    reason: str
    station: str | None = None
    may_not_count: bool = False
    findings: tuple[Finding, ...] = ()
    by_site: bool = False


def primary_site(facts: PrimaryFacts, named: Sequence[NameReading]) -> str | None:
    """The primary's site: stated, or told by the name of a structure that is the primary."""
    if facts.site is not None:
        return facts.site
    told = {n.part.site for n in named if n.kind is Kind.PRIMARY and n.part and n.part.site}
    return next(iter(told)) if len(told) == 1 else None


@dataclass(frozen=True, slots=True)
class Setting:
    """What the whole structure set and the facts say about the disease.

    ``primary`` is the primary's site as in the facts file. ``primary_drawn`` says whether a
    structure is named as the primary; ``others_named`` whether any is named as a metastasis or a
    node, so that a plain GTV beside it may be the primary; ``alone`` whether there is but one
    lesion; ``primary_taken`` whether it cannot be the primary for its site alone. ``subsite`` is
    the primary's.
    """

    primary: str | None = None
    primary_drawn: bool = False
    others_named: bool = False
    alone: bool = False
    primary_taken: bool = False
    subsite: str | None = None


def categorise(names: Sequence[NameReading], site: Site, setting: Setting, label: str) -> Kindred:
    """The category of one lesion, from the names of its structures (the representative's first).

    ``label`` is how to call the lesion in a finding.
    """
    primary = setting.primary
    kinds = [n.kind for n in names if n.kind not in (None, Kind.LESION)]
    if Kind.PRIMARY in kinds:
        word = next(n for n in names if n.kind is Kind.PRIMARY)
        if _is_elsewhere(site, primary):
            text = f"the primary by the name {word.name!r}, but not in its organ ({primary})"
            return _unknown(text, label, may_not_count=True)
        return Kindred(Category.PRIMARY, f"the primary by the name {word.name!r}")
    if site.organ is Organ.LYMPH_NODE:
        return _node(names, setting, label)
    if Kind.METASTASIS in kinds:
        return Kindred(Category.ORGAN_METASTASIS, "a metastasis by its name")
    bone = site.organ is Organ.BONE
    maybe = next((n for n in names if n.maybe_primary and not (bone and n.level)), None)
    if maybe is not None and not (site.part and site.part.site and site.part.site == primary):
        text = f"the name {maybe.name!r} may say that it is the primary"
        return _unknown(text, label, may_not_count=True)
    if site.organ is not None:
        return _in_organ(site, site.organ, setting, label)
    plain = setting.others_named and not setting.primary_drawn
    rivals = [part for n in names for part in n.rivals]
    return _unknown(
        "neither name nor site says whether it is a metastasis or the primary",
        label,
        may_not_count=(plain and all(n.mark is None for n in names))
        or any(_may_be_primary_of(part, primary) for part in rivals),
    )


def _may_be_primary_of(part: Part, primary: str | None) -> bool:
    """Whether a tumour in an organ may be the primary; of no stated one, where it is likely."""
    if primary is None:
        return part.organ is Organ.OTHER and (part.site is not None or bool(part.near))
    return primary == part.site or primary in part.near


_NEIGHBOURS = {"oesophagus", "egj", "stomach"}


def _is_elsewhere(site: Site, primary: str | None) -> bool:
    """Whether a lesion lies in an organ that the primary is not in."""
    part = site.part
    if part is None or primary is None or _may_be_primary_of(part, primary):
        return False
    if part.organ is Organ.OTHER:
        return part.site is not None and not {part.site, primary} <= _NEIGHBOURS
    return True


def _in_organ(site: Site, organ: Organ, setting: Setting, label: str) -> Kindred:
    own = site.part.site if site.part is not None else None
    primary = setting.primary
    where = (
        f"gross tumour in {_text(organ)}"
        if organ is not Organ.OTHER or not own
        else (f"gross tumour in {own}")
    )
    if own is not None and own == primary and not setting.primary_drawn:
        if organ is Organ.OTHER and setting.primary_taken:
            text = f"in the primary's own organ ({primary}), but not the likeliest primary there"
            return _unknown(text, label, may_not_count=True)
        if organ is Organ.OTHER:
            text = f"in the primary's own organ ({primary}), where metastases are rare"
            return Kindred(Category.PRIMARY, text, by_site=True)
        text = f"in the organ of the primary ({primary}): the primary or a metastasis"
        return _unknown(text, label, may_not_count=True)
    near = site.part is not None and _may_be_primary_of(site.part, primary)
    if own != primary and primary is not None and near:
        text = f"{where}, where the primary ({primary}) may reach"
        return _unknown(text, label, may_not_count=not setting.primary_drawn)
    if organ is Organ.OTHER and near:
        text = f"{where}, where a primary is likelier than a metastasis"
        return _unknown(text, label, may_not_count=not setting.primary_drawn)
    if primary is not None:
        return Kindred(Category.ORGAN_METASTASIS, f"{where}; the primary is elsewhere ({primary})")
    if setting.primary_drawn:
        return Kindred(Category.ORGAN_METASTASIS, f"{where}; the primary is drawn on its own")
    if setting.alone and own is not None:
        return _unknown(f"{where}, the only tumour drawn; no primary is stated", label)
    return Kindred(Category.ORGAN_METASTASIS, f"{where}; no primary is stated there")


def _text(organ: Organ) -> str:
    return organ.value.replace("_", " ")


def _unknown(
    text: str, label: str, *, may_not_count: bool = False, station: str | None = None
) -> Kindred:
    note = finding("LES012", f"{label}: {text}; counted, as category unknown")
    return Kindred(Category.UNKNOWN, text, station, may_not_count, (note,))


def _node(names: Sequence[NameReading], setting: Setting, label: str) -> Kindred:
    """Regional or extraregional: by the name's own word, else by an explicit station."""
    station = next((n.station for n in names if n.station is not None), None)
    place = station.name if station and not station.group else None
    region = next((n.region for n in names if n.region), None)
    if region is not None:
        regional = region == "regional"
        category = Category.REGIONAL_NODE if regional else Category.EXTRAREGIONAL_NODE
        return Kindred(category, f"a node, {region} by its name", place)
    if station is None:
        bare = next((n.bare_station for n in names if n.bare_station), None)
        found = _unknown("a node whose station is not known", label, may_not_count=True)
        if bare is None:
            return found
        known = [s for s, numbers in vocabulary().numbered.items() if bare.lower() in numbers]
        ways = " or ".join(f"{system}:{bare}" for system in known or ("AJCC8", "JES"))
        text = f"{label}: station {bare!r} has no numbering system; write {ways}"
        note = finding("LES014", text)
        return Kindred(found.category, found.reason, None, True, (*found.findings, note))
    return _by_station(station, place, setting, label)


def _by_station(station: Station, place: str | None, setting: Setting, label: str) -> Kindred:
    primary, alike = _listed_as(setting)
    where = f"a node of station {place}"
    if station.group:
        where = f"a node of the group {station.name}, which is not one station"
    if primary is None:
        text = f"{where}; regional or not depends on the primary, not stated"
    elif primary not in vocabulary().primaries:
        text = f"{where}; no list of regional stations is held for {primary}"
    elif station.region == "ask":
        remark = station.remark(setting.subsite)
        text = f"{where}: {station.source}" + (f"; {remark}" if remark else "")
    else:
        regional = station.region == "regional"
        category = Category.REGIONAL_NODE if regional else Category.EXTRAREGIONAL_NODE
        word = "regional" if regional else "extraregional"
        doubt = "" if station.evidence == "verified" else f" ({station.evidence})"
        text = f"{where}, {word} for {setting.primary}{doubt}: {station.source}{alike}"
        return Kindred(category, text, place)
    return _unknown(text, label, may_not_count=True, station=place)


def _listed_as(setting: Setting) -> tuple[str | None, str]:
    """The site whose list of stations holds for the primary, and why if it is another."""
    subsite = (setting.subsite or "").strip().casefold()
    for row in vocabulary().alike:
        if row.site == setting.primary and subsite in row.subsites:
            return row.like, f"; {row.source}"
    return setting.primary, ""
