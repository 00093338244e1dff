"""Rules, citations and doses in words, as ``rtplan protocols show`` prints them."""

from __future__ import annotations

from collections.abc import Sequence

from rtplan.protocol.dose_model import Limit, Prescription
from rtplan.protocol.model import (
    Citation,
    CriterionRef,
    Every,
    Evidence,
    FactRule,
    GapRule,
    QuantityRule,
    Rule,
)


def rule_text(rule: Rule) -> str:
    """A rule in one line of words.

    >>> from rtplan.protocol.load import load_definition
    >>> rule_text(load_definition("omec-2023").criteria[1].rule)
    'metastases outside nodes <= 3'
    """
    match rule:
        case QuantityRule():
            since = f" since {' and '.join(rule.since)}" if rule.since else ""
            limit = f"{rule.limit:g} {rule.quantity.unit}".rstrip()
            gap = f" (at the limit: gap {rule.at_limit_gap})" if rule.at_limit_gap else ""
            return f"{rule.words}{since} {rule.op.value} {limit}{gap}"
        case FactRule():
            words = " or ".join(
                str(value).lower() if isinstance(value, bool) else value for value in rule.values
            )
            verb = "includes" if rule.includes else "is"
            return f"{rule.fact} {verb} {'not ' if rule.negated else ''}{words}"
        case GapRule(gap):
            return f"cannot be told (gap {gap})"
        case CriterionRef(name):
            return name
        case Every(items):
            return "(" + " and ".join(rule_text(item) for item in items) + ")"
        case _:
            return "(" + " or ".join(rule_text(item) for item in rule.items) + ")"


def evidence_counts(cited: Sequence[Citation]) -> str:
    """How many entries stand on which evidence: ``2 verified, 3 secondary``."""
    counts = [(sum(c.evidence is kind for c in cited), kind.value) for kind in Evidence]
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def span(low: float, high: float) -> str:
    """A number, or the two ends of a range.

    >>> span(3, 3), span(45.0, 60.0)
    ('3', '45 to 60')
    """
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def limit_heading(limit: Limit) -> str:
    """What a limit is for: a number of fractions, or doses per fraction."""
    if limit.fraction_gy is not None:
        return f"{span(*limit.fraction_gy)} Gy a fraction"
    return f"{limit.fractions} fraction{'' if limit.fractions == 1 else 's'}"


def bed_text(item: Prescription) -> str:
    """BED10 of a prescription, or a dash where it is not one number."""
    return "–" if item.bed10_gy is None else f"{item.bed10_gy:g} Gy"


def lesions_text(item: Prescription) -> str:
    """Which lesions a prescription is listed for: the primary, or metastases, and in which organs.

    >>> from rtplan.protocol.load import load_prescriptions
    >>> lesions_text(load_prescriptions("prescriptions").prescriptions[0])
    'metastases in lung'
    """
    organs = " or ".join(organ.value.replace("_", " ") for organ in item.organs)
    return item.lesions.value + (f" in {organs}" if organs else "")
