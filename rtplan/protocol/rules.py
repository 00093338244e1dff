"""The rule language of protocol files, read into values. Small, declarative, never executed.

A rule is a table:

- ``{ quantity = "metastases", op = "<=", limit = 5 }``, with ``in = ["lung"]`` or
  ``outside = ["brain"]`` for some organs only
  (a number that the facts state is a quantity too: ``cea_ng_ml``)
- ``{ fact = "disease.all_sites_treatable", is = true }``, or ``one_of = [...]`` for words
- ``{ fact = "disease.imaging", includes = "FDG_PET_CT" }``
- ``{ gap = "interval" }``: what the source leaves open, unknown whatever the case
- ``{ all_of = [...] }``, ``{ any_of = [...] }``, ``{ not = {...} }``
- where criteria are combined, also the id of a criterion, in quotes

Negation is pushed down to the leaves on reading, so that evaluation sees none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from rtplan.facts import DiseaseFacts, PrimaryFacts
from rtplan.lesions.model import Organ
from rtplan.protocol.facts_file import HISTOLOGIES, IMAGING, SITES
from rtplan.protocol.logic import Op
from rtplan.protocol.model import (
    Among,
    CriterionRef,
    Every,
    FactRule,
    GapRule,
    Quantity,
    QuantityRule,
    Rule,
    Some,
)
from rtplan.protocol.stations import parse_station
from rtplan.protocol.toml_table import Table

FACTS: dict[str, str] = {
    f"{table}.{item.name}": str(item.type)
    for kind, table in ((PrimaryFacts, "primary"), (DiseaseFacts, "disease"))
    for item in fields(kind)
}
"""Every fact by full name, with its type as annotated."""

TRUTH_FACTS = tuple(name for name, kind in FACTS.items() if kind.startswith("bool"))
WORD_FACTS: dict[str, tuple[str, ...]] = {"primary.site": SITES, "primary.histology": HISTOLOGIES}
LIST_FACTS: dict[str, tuple[str, ...]] = {"disease.imaging": IMAGING}
START_FACTS = ("primary.diagnosed", "primary.treated")

_OPPOSITE = {
    Op.AT_MOST: Op.MORE,
    Op.MORE: Op.AT_MOST,
    Op.LESS: Op.AT_LEAST,
    Op.AT_LEAST: Op.LESS,
}
PAIRED = (Organ.LUNG, Organ.KIDNEY, Organ.ADRENAL, Organ.OVARY)
"""Organs with a left and a right one."""

_OF_STATIONS = (Quantity.EXTRAREGIONAL_STATIONS,)
_OF_ALL = (
    Quantity.LIFETIME_METASTASES,
    Quantity.MONTHS_TO_DETECTION,
    Quantity.CLOSEST_PAIR_MM,
    Quantity.CEA_NG_ML,
    Quantity.UNINVOLVED_LIVER_CC,
)
_LEAF_KEYS = ("quantity", "fact", "gap", "all_of", "any_of", "not")


@dataclass(frozen=True, slots=True)
class Names:
    """What rules of a file may refer to: gaps, and criteria where these are combined."""

    gaps: Collection[str] = ()
    criteria: Collection[str] = ()


def read_rule(table: Table, key: str, names: Names) -> Rule:
    """The rule under a key.

    Raises
    ------
    ProtocolError
        No rule, or one that names a quantity, fact, value or criterion that does not exist.
    """
    raw = table.raw(key, required=True)
    if isinstance(raw, str):
        return _reference(table, key, raw, names)
    inner = table.table(key, required=True)
    if inner is None:
        table.fail(key, "is missing")
    kinds = [kind for kind in _LEAF_KEYS if kind in inner]
    if len(kinds) != 1:
        found = " and ".join(kinds) if kinds else "none of them"
        inner.raw("quantity")
        for kind in _LEAF_KEYS:
            inner.raw(kind)
        if not kinds:
            inner.done()
        table.fail(key, f"a rule has one of {', '.join(_LEAF_KEYS)}; found {found}")
    rule = _READERS[kinds[0]](inner, names)
    inner.done()
    return rule


def _reference(table: Table, key: str, name: str, names: Names) -> Rule:
    if not names.criteria:
        table.fail(key, f'"{name}": a criterion is named only where criteria are combined')
    table.choice(key, names.criteria)
    return CriterionRef(name)


def _quantity(table: Table, names: Names) -> Rule:
    quantity = table.member("quantity", Quantity)
    op = table.member("op", Op)
    limit = table.number("limit")
    since = table.texts("since", options=START_FACTS)
    gap = table.choice("at_limit_gap", names.gaps) if "at_limit_gap" in table else None
    if limit < 0:
        table.fail("limit", f"{limit:g} is below 0")
    if quantity.is_count and limit != int(limit):
        table.fail("limit", f"{limit:g} is not a count; counts are whole and 0 or more")
    if quantity is Quantity.MONTHS_TO_DETECTION and not since:
        table.fail("since", "is missing: name the facts from which months run")
    if quantity is not Quantity.MONTHS_TO_DETECTION and since:
        table.fail("since", f'has no meaning for "{quantity.value}"')
    if op is Op.EQUAL and gap:
        table.fail("at_limit_gap", "has no meaning with ==")
    if op is Op.EQUAL and (quantity.is_size or quantity.fact):
        table.fail("op", f'"==" has no meaning for "{quantity.value}"; write "<=" or ">="')
    among = _among(table, quantity)
    return QuantityRule(quantity, op, limit, since=since, at_limit_gap=gap, among=among)


def _among(table: Table, quantity: Quantity) -> Among:
    """Which metastases: of organs under ``in`` or ``outside``, or of stations."""
    organs = [item.value for item in (PAIRED if quantity is Quantity.SIDES else Organ)]
    inside, outside = (table.texts(key, options=organs) for key in ("in", "outside"))
    here, elsewhere = (table.texts(key) for key in ("in_stations", "outside_stations"))
    keys = ("in", "outside", "in_stations", "outside_stations")
    given = [key for key in keys if key in table]
    if quantity is Quantity.SIDES and given != ["in"]:
        table.fail("in", f'"{quantity.value}" is asked of organs: in = ["lung"]')
    if not given:
        return Among()
    if len(given) > 1:
        table.fail(given[1], f"is given beside {given[0]}; write one of them")
    of_stations = given[0].endswith("_stations")
    if quantity in _OF_ALL or of_stations != (quantity in _OF_STATIONS):
        table.fail(given[0], f'has no meaning for "{quantity.value}"')
    for index, name in enumerate((*here, *elsewhere)):
        station = parse_station(name)
        if station is None or station.several:
            table.fail(
                f"{given[0]}[{index}]", f'"{name}" is not one station; write as "LN_Paraaortic"'
            )
    return Among(
        organs=tuple(Organ(name) for name in (*inside, *outside)),
        stations=(*here, *elsewhere),
        outside=given[0].startswith("outside"),
    )


def _fact(table: Table, names: Names) -> Rule:
    fact = table.choice("fact", (*TRUTH_FACTS, *WORD_FACTS, *LIST_FACTS), required=True) or ""
    if fact in LIST_FACTS:
        value = table.choice("includes", LIST_FACTS[fact], required=True) or ""
        return FactRule(fact, (value,), includes=True)
    if fact in WORD_FACTS:
        values = table.texts("one_of", options=WORD_FACTS[fact])
        if not values:
            table.fail("one_of", f'is missing: the values of "{fact}" that fulfil the rule')
        return FactRule(fact, values)
    flag = table.flag("is")
    if flag is None:
        table.fail("is", "is missing: true or false")
    return FactRule(fact, (flag,))


def _of_gap(table: Table, names: Names) -> Rule:
    return GapRule(table.choice("gap", names.gaps, required=True) or "")


def _several(table: Table, key: str, names: Names) -> tuple[Rule, ...]:
    raw = table.raw(key)
    if not isinstance(raw, list) or not raw:
        table.fail(key, "is not a list of rules")
    items = Table(
        {f"{key}[{index}]": item for index, item in enumerate(raw)}, file=table.file, at=table.at
    )
    return tuple(read_rule(items, f"{key}[{index}]", names) for index in range(len(raw)))


def _every(table: Table, names: Names) -> Rule:
    return Every(_several(table, "all_of", names))


def _some(table: Table, names: Names) -> Rule:
    return Some(_several(table, "any_of", names))


def _not(table: Table, names: Names) -> Rule:
    if isinstance(table.raw("not"), str):
        table.fail("not", "a criterion cannot be negated; write the opposite as a criterion")
    return negated(read_rule(table, "not", Names(gaps=names.gaps)))


def negated(rule: Rule) -> Rule:
    """The opposite of a rule, without a negation above its leaves."""
    match rule:
        case QuantityRule(op=Op.EQUAL):
            return Some((replace(rule, op=Op.LESS), replace(rule, op=Op.MORE)))
        case QuantityRule():
            return replace(rule, op=_OPPOSITE[rule.op])
        case FactRule():
            return replace(rule, negated=not rule.negated)
        case GapRule():
            return rule
        case Every(items):
            return Some(tuple(negated(item) for item in items))
        case Some(items):
            return Every(tuple(negated(item) for item in items))
        case CriterionRef():
            raise ValueError(f"criterion {rule.id} cannot be negated")


_READERS = {
    "quantity": _quantity,
    "fact": _fact,
    "gap": _of_gap,
    "all_of": _every,
    "any_of": _some,
    "not": _not,
}


def references(rule: Rule) -> tuple[str, ...]:
    """The criteria that a rule names, in order."""
    match rule:
        case CriterionRef(name):
            return (name,)
        case Every(items) | Some(items):
            return tuple(name for item in items for name in references(item))
        case _:
            return ()
