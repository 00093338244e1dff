"""Rules evaluated over what is known: a truth of three, and what would settle it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from rtplan.facts import Facts
from rtplan.protocol.logic import Truth, both, compare, either, opposite
from rtplan.protocol.model import (
    CriterionRef,
    Every,
    ExtraregionalNodes,
    FactRule,
    NodesAsOrgan,
    QuantityRule,
    RegionalNodes,
    Rule,
    Some,
)
from rtplan.protocol.months import months_between
from rtplan.protocol.result import Outcome
from rtplan.protocol.tally import NOT_DRAWN, Tally

DETECTED = "disease.detected"


@dataclass(frozen=True, slots=True)
class Known:
    """What a rule is evaluated on."""

    tally: Tally
    facts: Facts
    gaps: Mapping[str, str]


def evaluate_rule(rule: Rule, known: Known, criteria: Mapping[str, Outcome]) -> Outcome:
    """The outcome of a rule; ``criteria`` are those that it may name."""
    match rule:
        case QuantityRule():
            return _count(rule, known) if rule.quantity.is_count else _months(rule, known)
        case FactRule():
            return _fact(rule, known)
        case CriterionRef(name):
            return criteria[name]
        case Every(items):
            parts = [evaluate_rule(item, known, criteria) for item in items]
            return _joined(both(part.truth for part in parts), parts)
        case Some(items):
            parts = [evaluate_rule(item, known, criteria) for item in items]
            return _joined(either(part.truth for part in parts), parts)


def _joined(truth: Truth, parts: list[Outcome]) -> Outcome:
    relevant = [part for part in parts if part.truth is truth]
    return Outcome(
        truth,
        needs=merged(part.needs for part in relevant),
        counted=any(part.counted for part in relevant),
        policy=merged(part.policy for part in relevant),
    )


def merged(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """All texts of some groups, each once, in order."""
    return tuple(dict.fromkeys(item for group in groups for item in group))


def _count(rule: QuantityRule, known: Known) -> Outcome:
    """A count against its limit. An undrawn lesion may turn *too few*, so that is not decided."""
    tally = known.tally
    bounds = tally.bounds(rule.quantity)
    truth = compare(bounds.low, bounds.high, rule.op, rule.limit)
    policy = _policy_used(rule, tally, truth)
    needs = bounds.needs if truth is Truth.UNKNOWN else ()
    reason = None
    if tally.open_above:
        if truth is Truth.NOT_MET:
            truth = compare(bounds.low, math.inf, rule.op, rule.limit)
        if truth is not Truth.NOT_MET:
            needs = (*needs, NOT_DRAWN)
    if tally.diffuse and math.isinf(bounds.high):
        reason = "diffuse disease is stated, which cannot be counted"
    elif bounds.low != bounds.high:
        high = f"{bounds.high:g}" if math.isfinite(bounds.high) else "any number"
        reason = f"{bounds.low:g} to {high} by what is known"
    return Outcome(
        truth,
        what=rule.quantity.words,
        value=bounds.low if bounds.low == bounds.high else None,
        limit=f"{rule.op.value} {rule.limit:g}",
        low=bounds.low,
        high=bounds.high,
        needs=tuple(dict.fromkeys(needs)),
        reason=reason,
        counted=True,
        policy=policy,
    )


def _policy_used(rule: QuantityRule, tally: Tally, truth: Truth) -> tuple[str, ...]:
    """The counting rules without which the truth would be another."""
    used = ["diffuse"] if tally.diffuse else []
    for name, unconfirmed in _NODE_RULES.items():
        # The copies differ from the policy in this rule only, so that it alone is put to the test.
        open_ = replace(tally, policy=replace(tally.policy, **{name: unconfirmed}))
        bounds = open_.bounds(rule.quantity)
        if compare(bounds.low, bounds.high, rule.op, rule.limit) is not truth:
            used.append(name)
    return tuple(used)


_NODE_RULES: dict[str, Any] = {
    "regional_nodes": RegionalNodes.UNCONFIRMED,
    "extraregional_nodes": ExtraregionalNodes.UNCONFIRMED,
    "nodes_as_organ": NodesAsOrgan.UNCONFIRMED,
}


def _months(rule: QuantityRule, known: Known) -> Outcome:
    """An interval against its limit; with several starts all readings must agree."""
    limit = f"{rule.op.value} {rule.limit:g} months"
    end = known.facts.disease.detected
    starts = {name: _stated(name, known.facts) for name in rule.since}
    dates = {name: day for name, day in starts.items() if isinstance(day, date)}
    missing = tuple(name for name in rule.since if name not in dates)
    if end is None or missing:
        absent = missing if end is not None else (*missing, DETECTED)
        return Outcome(Truth.UNKNOWN, rule.quantity.words, limit=limit, needs=absent)
    values = [months_between(day, end) for day in dates.values()]
    low, high = min(values), max(values)
    truth = compare(low, high, rule.op, rule.limit, at_limit_decides=rule.at_limit_gap is None)
    reason: str | None = None
    needs: tuple[str, ...] = ()
    if truth is Truth.UNKNOWN:
        needs = (f"gap.{rule.at_limit_gap}",) if rule.at_limit_gap else rule.since
        reason = (
            known.gaps[rule.at_limit_gap]
            if rule.at_limit_gap
            else f"{low:.1f} to {high:.1f} months, by where the interval starts"
        )
    value = low if low == high else None
    return Outcome(
        truth,
        rule.quantity.words,
        value,
        limit,
        low=low,
        high=high,
        needs=needs,
        reason=reason,
    )


def _fact(rule: FactRule, known: Known) -> Outcome:
    stated = _stated(rule.fact, known.facts)
    words = " or ".join(_word(value) for value in rule.values)
    limit = f"{'not ' if rule.negated else ''}{words}"
    if rule.includes:
        done = isinstance(stated, tuple) and rule.values[0] in stated
        truth = Truth.MET if done else Truth.UNKNOWN
        value: bool | str | None = True if done else None
    elif stated is None:
        truth, value = Truth.UNKNOWN, None
    else:
        truth = Truth.MET if stated in rule.values else Truth.NOT_MET
        value = stated if isinstance(stated, (bool, str)) else None
    if rule.negated:
        truth = opposite(truth)
    needs = (rule.fact,) if truth is Truth.UNKNOWN else ()
    what = rule.fact.split(".")[1].replace("_", " ")
    return Outcome(truth, what, value, limit, needs=needs)


def _stated(name: str, facts: Facts) -> object:
    table, key = name.split(".")
    return getattr(facts.primary if table == "primary" else facts.disease, key)


def _word(value: bool | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
