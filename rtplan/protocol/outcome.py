"""Rules evaluated over what is known: a truth of three, and what would settle it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from rtplan.facts import Facts, PrimaryFacts
from rtplan.protocol.histology import HISTOLOGY, is_among, settled_by
from rtplan.protocol.items import NOT_DRAWN, Bounds
from rtplan.protocol.logic import Truth, both, compare, either, opposite
from rtplan.protocol.model import (
    CriterionRef,
    Every,
    ExtraregionalNodes,
    FactRule,
    GapRule,
    Merging,
    NodesAsOrgan,
    PairedOrgans,
    Quantity,
    QuantityRule,
    RegionalNodes,
    Rule,
    Some,
)
from rtplan.protocol.months import months_between
from rtplan.protocol.result import Outcome
from rtplan.protocol.tally import Tally

DETECTED = "disease.detected"
DIAGNOSED = "primary.diagnosed"


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
            if rule.quantity.fact is not None:
                return _stated_number(rule, rule.quantity.fact, known)
            timed = rule.quantity is Quantity.MONTHS_TO_DETECTION
            return _months(rule, known) if timed else _of_lesions(rule, known)
        case FactRule():
            return _fact(rule, known)
        case GapRule(gap):
            reason = f"{known.gaps[gap]} (not confirmed in the source)"
            return Outcome(Truth.UNKNOWN, needs=(f"gap.{gap}",), reason=reason)
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


def told_by_nothing() -> Outcome:
    """The outcome of a criterion that no fact of rtplan can tell."""
    return Outcome(Truth.UNKNOWN, reason="rtplan holds no fact that tells it")


def _of_lesions(rule: QuantityRule, known: Known) -> Outcome:
    """A count or size against its limit; an undrawn lesion may turn *too few*: not decided then."""
    tally = known.tally
    bounds = tally.bounds(rule.quantity, rule.among)
    truth = _compared(rule, bounds)
    policy = _policy_used(rule, tally, truth)
    needs = bounds.needs if truth is Truth.UNKNOWN else ()
    if truth is Truth.UNKNOWN and rule.at_limit_gap:
        needs = (*needs, f"gap.{rule.at_limit_gap}")
    stated = rule.quantity is Quantity.LIFETIME_METASTASES and tally.lifetime is not None
    if tally.open_above and not stated:
        if truth is Truth.NOT_MET:
            truth = _compared(rule, _with_undrawn(bounds, rule.quantity))
        if truth is not Truth.NOT_MET:
            needs = (*needs, NOT_DRAWN)
    exact = bounds.low == bounds.high and math.isfinite(bounds.high)
    return Outcome(
        truth,
        what=rule.words,
        value=bounds.low if bounds.low == bounds.high else None,
        limit=_limit(rule),
        low=bounds.low,
        high=bounds.high,
        needs=tuple(dict.fromkeys(needs)),
        reason=None if exact else _why_open(rule, bounds, tally),
        counted=True,
        policy=policy,
    )


def _limit(rule: QuantityRule) -> str:
    return f"{rule.op.value} {rule.limit:g} {rule.quantity.unit}".rstrip()


def _compared(rule: QuantityRule, bounds: Bounds) -> Truth:
    return compare(
        bounds.low, bounds.high, rule.op, rule.limit, at_limit_decides=rule.at_limit_gap is None
    )


def _with_undrawn(bounds: Bounds, quantity: Quantity) -> Bounds:
    """What the value may be with more metastases than were drawn."""
    if quantity is Quantity.CLOSEST_PAIR_MM:
        return Bounds(0.0, bounds.high)
    return Bounds(bounds.low, math.inf)


def _why_open(rule: QuantityRule, bounds: Bounds, tally: Tally) -> str | None:
    """Why a value is not one number."""
    if tally.diffuse and math.isinf(bounds.high):
        return "diffuse disease is stated, which cannot be counted"
    if bounds.low == bounds.high:
        return "there are no two metastases"
    unit = f" {rule.quantity.unit}".rstrip()
    high = f"{bounds.high:.4g}{unit}" if math.isfinite(bounds.high) else _ANY[unit.strip()]
    return f"{bounds.low:.4g} to {high} by what is known"


_ANY = {"": "any number", "mm": "any length", "cc": "any volume"}


def _policy_used(rule: QuantityRule, tally: Tally, truth: Truth) -> tuple[str, ...]:
    """The counting rules without which the truth would be another."""
    used = ["diffuse"] if tally.diffuse else []
    for name, unconfirmed in _COUNTING_RULES.items():
        # The copies differ from the policy in this rule only, so that it alone is put to the test.
        open_ = replace(tally, policy=replace(tally.policy, **{name: unconfirmed}))
        if _compared(rule, open_.bounds(rule.quantity, rule.among)) is not truth:
            used.append(name)
    return tuple(used)


_COUNTING_RULES: dict[str, Any] = {
    "regional_nodes": RegionalNodes.UNCONFIRMED,
    "extraregional_nodes": ExtraregionalNodes.UNCONFIRMED,
    "nodes_as_organ": NodesAsOrgan.UNCONFIRMED,
    "paired_organs": PairedOrgans.UNCONFIRMED,
    "contiguous_vertebrae": Merging.UNCONFIRMED,
    "shared_isocentre": Merging.UNCONFIRMED,
}


def _stated_number(rule: QuantityRule, fact: str, known: Known) -> Outcome:
    """A number of the facts against its limit."""
    stated = _stated(fact, known.facts)
    if not isinstance(stated, (int, float)):
        return Outcome(Truth.UNKNOWN, rule.quantity.words, limit=_limit(rule), needs=(fact,))
    value = float(stated)
    truth = _compared(rule, Bounds(value, value))
    needs = (f"gap.{rule.at_limit_gap}",) if truth is Truth.UNKNOWN else ()
    return Outcome(
        truth, rule.quantity.words, value, _limit(rule), low=value, high=value, needs=needs
    )


def _months(rule: QuantityRule, known: Known) -> Outcome:
    """An interval against its limit; with several starts all readings must agree."""
    end = known.facts.disease.detected
    missing = tuple(name for name in rule.since if _stated(name, known.facts) is None)
    words, limit, gap = rule.quantity.words, _limit(rule), rule.at_limit_gap
    if end is None:
        return Outcome(Truth.UNKNOWN, words, limit=limit, needs=(*missing, DETECTED))
    spans = [_months_since(name, known.facts.primary, end) for name in rule.since]
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    truth = compare(low, high, rule.op, rule.limit, at_limit_decides=gap is None)
    needs: tuple[str, ...] = ()
    reason: str | None = None
    if truth is Truth.UNKNOWN and missing:
        needs = missing
    elif truth is Truth.UNKNOWN and gap:
        needs, reason = (f"gap.{gap}",), known.gaps[gap]
    elif truth is Truth.UNKNOWN:
        needs = rule.since
        reason = f"{low:.1f} to {high:.1f} months, by where the interval starts"
    value = low if low == high else None
    least, most = (low, high) if math.isfinite(low) else (None, None)
    return Outcome(truth, words, value, limit, low=least, high=most, needs=needs, reason=reason)


def _months_since(name: str, primary: PrimaryFacts, end: date) -> tuple[float, float]:
    """Bounds of the months from a start to a day: a primary is diagnosed before it is treated."""
    diagnosed, treated = primary.diagnosed, primary.treated
    start, other = (diagnosed, treated) if name == DIAGNOSED else (treated, diagnosed)
    if start is not None:
        months = months_between(start, end)
        return months, months
    if other is None:
        return -math.inf, math.inf
    months = months_between(other, end)
    return (months, math.inf) if name == DIAGNOSED else (-math.inf, months)


def _fact(rule: FactRule, known: Known) -> Outcome:
    stated = _stated(rule.fact, known.facts)
    if rule.includes:
        done = isinstance(stated, tuple) and rule.values[0] in stated
        truth = Truth.MET if done else Truth.UNKNOWN
        value: bool | str | None = True if done else None
    elif rule.fact == HISTOLOGY:
        return _histology(rule, known)
    elif stated is None:
        truth, value = Truth.UNKNOWN, None
    else:
        truth = Truth.MET if stated in rule.values else Truth.NOT_MET
        value = stated if isinstance(stated, (bool, str)) else None
    if rule.negated:
        truth = opposite(truth)
    needs = (rule.fact,) if truth is Truth.UNKNOWN else ()
    return Outcome(truth, _fact_words(rule), value, _values(rule), needs=needs)


def _fact_words(rule: FactRule) -> str:
    return rule.fact.removeprefix("disease.").replace(".", " ").replace("_", " ")


def _values(rule: FactRule) -> str:
    words = " or ".join(_word(value) for value in rule.values)
    return f"{'not ' if rule.negated else ''}{words}"


def _histology(rule: FactRule, known: Known) -> Outcome:
    """A histology among some; a general one may be a narrower one, and may not."""
    primary = known.facts.primary
    wanted = [word for word in rule.values if isinstance(word, str)]
    truth = is_among(primary, wanted)
    needs = (settled_by(primary, wanted),) if truth is Truth.UNKNOWN else ()
    if rule.negated:
        truth = opposite(truth)
    return Outcome(truth, _fact_words(rule), primary.histology, _values(rule), needs=needs)


def _stated(name: str, facts: Facts) -> object:
    table, key = name.split(".")
    return getattr(facts.primary if table == "primary" else facts.disease, key)


def _word(value: bool | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
