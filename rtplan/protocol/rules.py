"""The rule language of protocol files, read into values. Small, declarative, never executed.

A rule is a table:

- ``{ quantity = "metastases", op = "<=", limit = 5 }``
- ``{ fact = "disease.all_sites_treatable", is = true }``, or ``one_of = [...]`` for words
- ``{ fact = "disease.imaging", includes = "FDG_PET_CT" }``
- ``{ all_of = [...] }``, ``{ any_of = [...] }``, ``{ not = {...} }``
- where criteria are combined, also the id of a criterion, in quotes

Negation is pushed down to the leaves on reading, so that evaluation sees none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from rtplan.facts import DiseaseFacts, PrimaryFacts
from rtplan.protocol.facts_file import HISTOLOGIES, IMAGING, SITES
from rtplan.protocol.logic import Op
from rtplan.protocol.model import (
    CriterionRef,
    Every,
    FactRule,
    Quantity,
    QuantityRule,
    Rule,
    Some,
)
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
_LEAF_KEYS = ("quantity", "fact", "all_of", "any_of", "not")


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
    if quantity.is_count:
        if limit < 0 or limit != int(limit):
            table.fail("limit", f"{limit:g} is not a count; counts are whole and 0 or more")
        if since:
            table.fail("since", f'has no meaning for "{quantity.value}"')
    elif not since:
        table.fail("since", "is missing: name the facts from which months run")
    if op is Op.EQUAL and gap:
        table.fail("at_limit_gap", "has no meaning with ==")
    return QuantityRule(quantity, op, limit, since=since, at_limit_gap=gap)


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
        case Every(items):
            return Some(tuple(negated(item) for item in items))
        case Some(items):
            return Every(tuple(negated(item) for item in items))
        case CriterionRef():
            raise ValueError(f"criterion {rule.id} cannot be negated")


_READERS = {"quantity": _quantity, "fact": _fact, "all_of": _every, "any_of": _some, "not": _not}


def references(rule: Rule) -> tuple[str, ...]:
    """The criteria that a rule names, in order."""
    match rule:
        case CriterionRef(name):
            return (name,)
        case Every(items) | Some(items):
            return tuple(name for item in items for name in references(item))
        case _:
            return ()
