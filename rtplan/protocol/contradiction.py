"""Rules of a definition that cannot be met together, so that no patient is ever consistent.

A rule is taken apart into *ways*: sets of plain demands that are enough for it. A way is impossible
where two of its demands exclude each other, or one asks what no patient has. Only what follows from
the numbers alone is told, whatever the counting policy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rtplan.protocol.describe import rule_text
from rtplan.protocol.logic import Op
from rtplan.protocol.model import (
    Among,
    Criterion,
    CriterionRef,
    Definition,
    Every,
    FactRule,
    Quantity,
    QuantityRule,
    Question,
    Remark,
    Rule,
    Some,
)

MOST_WAYS = 500
"""A rule with more ways than this is not looked through: nobody writes one by hand."""

_AT_MOST_AS_MANY = {
    Quantity.ORGAN_METASTASES: (Quantity.METASTASES, Quantity.LIFETIME_METASTASES),
    Quantity.NONNODAL_ORGANS: (
        Quantity.ORGANS,
        Quantity.ORGAN_METASTASES,
        Quantity.METASTASES,
        Quantity.LIFETIME_METASTASES,
    ),
    Quantity.ORGANS: (Quantity.METASTASES, Quantity.LIFETIME_METASTASES),
    Quantity.MOST_IN_ONE_ORGAN: (Quantity.METASTASES, Quantity.LIFETIME_METASTASES),
    Quantity.METASTASES: (Quantity.LIFETIME_METASTASES,),
}
"""What each is never more than, of the same metastases."""

_OF_A_PART = (
    Quantity.METASTASES,
    Quantity.ORGANS,
    Quantity.MOST_IN_ONE_ORGAN,
    Quantity.ORGAN_METASTASES,
    Quantity.NONNODAL_ORGANS,
    Quantity.EXTRAREGIONAL_STATIONS,
    Quantity.LARGEST_DIAMETER_MM,
    Quantity.LARGEST_VOLUME_CC,
)
"""Of some metastases never more than of all."""


@dataclass(frozen=True, slots=True)
class _Demand:
    """A plain rule, and the criterion or arm that it stands in."""

    where: str
    rule: QuantityRule | FactRule


Way = tuple[_Demand, ...]


class _TooMany(Exception):
    """A rule with more ways than are looked through."""


def contradictions(definition: Definition) -> Iterator[str]:
    """What can never be met, or always is: one sentence each, beginning with the key."""
    criteria = {item.id: item.rule for item in definition.criteria if item.rule is not None}
    lists: dict[str, Sequence[Criterion | Remark | Question]] = {
        "criterion": definition.criteria,
        "condition": definition.conditions,
        "pathway": definition.pathways,
        "tree.question": definition.tree.questions if definition.tree else (),
    }
    for kind, entries in lists.items():
        for item in entries:
            if item.rule is not None:
                yield from _of_rule(f'{kind}["{item.id}"].rule', item.rule, {}, definition)
    for arm in definition.arms:
        yield from _of_rule(f'arm["{arm.id}"].rule', arm.rule, criteria, definition)


def _of_rule(
    where: str, rule: Rule, criteria: Mapping[str, Rule], definition: Definition
) -> Iterator[str]:
    """Every smallest part of a rule that is impossible, and demands that decide nothing."""
    if isinstance(rule, CriterionRef):  # what a criterion asks by itself is told of the criterion
        return
    if isinstance(rule, (Every, Some)):
        inner = [text for x in rule.items for text in _of_rule(where, x, criteria, definition)]
        if inner:
            yield from inner
            return
    if isinstance(rule, QuantityRule) and _interval(rule) == _whole(rule.quantity):
        yield f"{where}: {rule_text(rule)} holds for every patient; turn the operator or remove it"
    if pair := _pair_of(rule, criteria, definition, where):
        if len({demand.where for demand in pair}) > 1 or pair[0].where == where:
            yield f"{where}: {_said(pair, definition)}"
    elif isinstance(rule, Every):
        yield from _idle(where, rule, criteria)


def _said(pair: tuple[_Demand, ...], definition: Definition) -> str:
    asked = [f"{rule_text(demand.rule)} ({demand.where})" for demand in pair]
    if len(pair) == 2:
        what = f"{asked[0]} and {asked[1]} exclude each other, so nothing can meet both"
        return f"{what}; turn an operator, or put them in any_of"
    if isinstance(pair[0].rule, FactRule):
        sites = ", ".join(definition.primaries)
        return f"{asked[0]} is none of applies_to.primaries ({sites}), so nothing can meet it"
    return f"{asked[0]} can never hold; turn the operator"


def _pair_of(
    rule: Rule, criteria: Mapping[str, Rule], definition: Definition, where: str
) -> tuple[_Demand, ...] | None:
    """Demands of the first way that exclude each other, if every way has such."""
    try:
        found = [_excluding(way, definition) for way in _ways(rule, criteria, where)]
    except _TooMany:
        return None
    return found[0] if found and all(found) else None


def _ways(rule: Rule, criteria: Mapping[str, Rule], where: str) -> list[Way]:
    """The ways to meet a rule. What is never told (a gap, a list) demands nothing here."""
    match rule:
        case QuantityRule() | FactRule(includes=False):
            return [(_Demand(where, rule),)]
        case CriterionRef(name) if name in criteria:
            return _ways(criteria[name], criteria, f'criterion["{name}"]')
        case Some(items):
            ways = [way for item in items for way in _ways(item, criteria, where)]
        case Every(items):
            ways = [()]
            for item in items:
                more = _ways(item, criteria, where)
                if len(ways) * len(more) > MOST_WAYS:
                    raise _TooMany
                ways = [one + other for one in ways for other in more]
        case _:
            return [()]
    if len(ways) > MOST_WAYS:
        raise _TooMany
    return ways


def _excluding(way: Way, definition: Definition) -> tuple[_Demand, ...] | None:
    """One demand that nobody meets, or two that exclude each other; None where there are none."""
    for index, one in enumerate(way):
        if _impossible(one, definition):
            return (one,)
        for other in way[:index]:
            if _exclude(other.rule, one.rule):
                return (other, one)
    return None


def _impossible(demand: _Demand, definition: Definition) -> bool:
    rule = demand.rule
    if isinstance(rule, QuantityRule):
        return _meet(_interval(rule), _whole(rule.quantity)) is None
    of_others = rule.fact == "primary.site" and bool(definition.primaries)
    return of_others and not rule.negated and not {*rule.values} & {*definition.primaries}


def _exclude(one: QuantityRule | FactRule, other: QuantityRule | FactRule) -> bool:
    if isinstance(one, QuantityRule) and isinstance(other, QuantityRule):
        return _numbers_exclude(one, other)
    if isinstance(one, FactRule) and isinstance(other, FactRule) and one.fact == other.fact:
        return _values_exclude(one, other)
    return False


def _values_exclude(one: FactRule, other: FactRule) -> bool:
    """Words of a site and truths exclude each other; a histology may be one of another."""
    if one.fact == "primary.histology":
        return False
    if one.negated and other.negated:
        return all(isinstance(x, bool) for x in one.values) and {*one.values} != {*other.values}
    if one.negated or other.negated:
        inside, outside = (other, one) if one.negated else (one, other)
        return {*inside.values} <= {*outside.values}
    return not {*one.values} & {*other.values}


def _numbers_exclude(one: QuantityRule, other: QuantityRule) -> bool:
    if one.since != other.since:
        return False
    if one.quantity is other.quantity and one.among == other.among:
        return _meet(_interval(one), _interval(other)) is None
    return _too_few(one, other) or _too_few(other, one)


def _too_few(part: QuantityRule, whole: QuantityRule) -> bool:
    """Whether a part is asked to be more than what it is a part of may be."""
    fewer = whole.quantity in _AT_MOST_AS_MANY.get(part.quantity, ())
    of_a_part = part.quantity is whole.quantity and part.quantity in _OF_A_PART
    if not (fewer or of_a_part) or whole.among not in (part.among, Among()):
        return False
    least, most = _interval(part), _interval(whole)
    return _meet(least, _Interval(-math.inf, most.high, high_open=most.high_open)) is None


def _idle(where: str, rule: Every, criteria: Mapping[str, Rule]) -> Iterator[str]:
    """Demands that another one beside them already contains."""
    named = [(name, _plain(item, criteria)) for item in rule.items for name in [_name(item)]]
    plain = [(name, item) for name, item in named if item is not None]
    for name, item in plain:
        for other_name, other in plain:
            alike = (item.quantity, item.since, item.among) == (
                other.quantity,
                other.since,
                other.among,
            )
            if item != other and alike and _within(_interval(other), _interval(item)):
                who = f'criterion["{name}"].rule' if name else where
                by = f' (criterion["{other_name}"])' if other_name else ""
                yield (
                    f"{who}: {rule_text(item)} never decides beside {rule_text(other)}{by}; turn "
                    "an operator or remove one"
                )


def _name(rule: Rule) -> str | None:
    return rule.id if isinstance(rule, CriterionRef) else None


def _plain(rule: Rule, criteria: Mapping[str, Rule]) -> QuantityRule | None:
    found = criteria.get(rule.id) if isinstance(rule, CriterionRef) else rule
    return found if isinstance(found, QuantityRule) else None


@dataclass(frozen=True, slots=True)
class _Interval:
    """Values from ``low`` to ``high``, each end in it unless open."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False


def _whole(quantity: Quantity) -> _Interval:
    """All values that a quantity can have."""
    if quantity is Quantity.MONTHS_TO_DETECTION:
        return _Interval(-math.inf, math.inf)
    return _Interval(0.0, 2.0 if quantity is Quantity.SIDES else math.inf)


def _interval(rule: QuantityRule) -> _Interval:
    """The values that meet a rule; of counts with closed ends."""
    whole, limit, step = _whole(rule.quantity), rule.limit, float(rule.quantity.is_count)
    strict = not step
    match rule.op:
        case Op.EQUAL:
            return _Interval(limit, limit)
        case Op.AT_MOST:
            return _Interval(whole.low, min(limit, whole.high))
        case Op.LESS:
            return _Interval(whole.low, min(limit - step, whole.high), high_open=strict)
        case Op.AT_LEAST:
            return _Interval(max(limit, whole.low), whole.high)
        case _:
            return _Interval(max(limit + step, whole.low), whole.high, low_open=strict)


def _meet(one: _Interval, other: _Interval) -> _Interval | None:
    """What is in both; None where nothing is."""
    low, high = max(one.low, other.low), min(one.high, other.high)
    low_open = any(x.low_open and x.low == low for x in (one, other))
    high_open = any(x.high_open and x.high == high for x in (one, other))
    if low > high or (low == high and (low_open or high_open)):
        return None
    return _Interval(low, high, low_open, high_open)


def _within(inner: _Interval, outer: _Interval) -> bool:
    return _meet(inner, outer) == inner
