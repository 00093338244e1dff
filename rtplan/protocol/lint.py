"""What is valid in a protocol file and still likely to be a slip.

Each slip is one sentence: the key that it is about, what was found, what to do. A slip of rules
that contradict each other is found in ``contradiction``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations, islice

from rtplan.dvh.metrics import Kind
from rtplan.facts import Facts, PrimaryFacts
from rtplan.lesions.model import LesionCount, LesionReading, Organ
from rtplan.protocol.contradiction import contradictions
from rtplan.protocol.describe import rule_text
from rtplan.protocol.dose_model import Limit, LimitSet, Prescription, PrescriptionSet, Treated
from rtplan.protocol.evaluate import evaluate_definition
from rtplan.protocol.facts_file import HISTOLOGIES, SITES
from rtplan.protocol.load import (
    Protocol,
    ProtocolKind,
    available,
    built_in_ids,
    load,
    load_limits,
)
from rtplan.protocol.logic import Op
from rtplan.protocol.model import (
    Arm,
    Citation,
    Criterion,
    Definition,
    DefinitionKind,
    QuantityRule,
    Question,
    Remark,
    Rule,
)
from rtplan.protocol.naming import SIDES, aliases
from rtplan.protocol.result import Verdict
from rtplan.protocol.toml_table import nearest

NO_METASTASIS = LesionReading(LesionCount(0, 0, 0), (), from_path=False)

UPPER = (Op.AT_MOST, Op.LESS)
LOWER = (Op.AT_LEAST, Op.MORE)

HIGHEST_DOSE_GY = 150.0
"""No organ is limited to more; a limit beyond it is likely to be in cGy."""

LARGEST_IN_CM = 12.0
"""A largest size of a metastasis up to this many millimetres is likely to be meant in cm."""

COVERAGE_PERCENT = 50.0
"""A dose to at least this part of a target is its coverage; to less, its hot spot."""

NEAR_MAXIMUM_CC = 0.1
"""Largest volume, cc, of which the dose stands for the maximum."""

_TARGET = re.compile(r"I?(GTV|CTV|PTV|ITV)", re.ASCII)


def lint(loaded: Protocol) -> tuple[str, ...]:
    """What to look at again in a file that was read without an error.

    Examples
    --------
    >>> lint(load("omec-2023"))
    ()
    """
    if isinstance(loaded, Definition):
        found = _of_definition(loaded)
    elif isinstance(loaded, LimitSet):
        found = _of_limits(loaded)
    else:
        found = _of_prescriptions(loaded)
    return tuple(dict.fromkeys((*_under_a_known_id(loaded), *found)))


def _under_a_known_id(item: Protocol) -> Iterator[str]:
    """A file that would print its own rules under the name of a published one."""
    if item.id in built_in_ids() and load(item.id) != item:
        yield (
            f'id: "{item.id}" is the id of a protocol of the package, and this file says something '
            "else; give it an id of its own"
        )


def _of_definition(item: Definition) -> Iterator[str]:
    yield from _without_place([(_at("criterion", c), c.citation) for c in item.criteria])
    remarks = (x.citation for x in (*item.conditions, *item.pathways))
    yield from _sources_unused(item, (*item.cited(), item.counting.citation, *remarks))
    yield from _said_otherwise(item)
    yield from _in_centimetres(item)
    yield from _asked_twice(item)
    yield from _without_effect(item)
    yield from contradictions(item)
    yield from _without_metastasis(item)


def _at(
    kind: str, entry: Arm | Criterion | Remark | Question | Limit | Prescription, key: str = ""
) -> str:
    """The key of an entry as messages call it: by its id, since places move."""
    return f'{kind}["{entry.id}"]' + (f".{key}" if key else "")


def _ruled(item: Definition) -> Iterator[tuple[str, Criterion | Remark | Question]]:
    """Everything with a rule and a text of its own, with the list that it is in."""
    yield from (("criterion", entry) for entry in item.criteria)
    yield from (("condition", entry) for entry in item.conditions)
    yield from (("pathway", entry) for entry in item.pathways)
    yield from (("tree.question", entry) for entry in (item.tree.questions if item.tree else ()))


# --- what the text of a criterion says against what its rule asks

_WORDS = {
    Op.AT_MOST: "at most|up to|(?:no|not) more than|(?:no|not) over|a maximum of",
    Op.LESS: "fewer than|less than|below|under",
    Op.AT_LEAST: "at least|(?:no|not) (?:fewer|less) than|(?:no|not) below|a minimum of",
    Op.MORE: "more than|over|above",
}
_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen", "twenty",
)  # fmt: skip
_UNITS = {
    "mm": {"mm": 1.0, "cm": 10.0},
    "cc": {"cc": 1.0, "ml": 1.0, "cm3": 1.0, "cm³": 1.0},
    "months": {"month": 1.0, "months": 1.0, "year": 12.0, "years": 12.0},
}
_SAID = re.compile(
    r"\b(?:"
    + "|".join(rf"(?P<{op.name}>{words})" for op, words in _WORDS.items())
    + r")\s+(?:(?P<number>\d+(?:\.\d+)?|"
    + "|".join(_NUMBERS)
    + r")\b)?\s*(?P<unit>[A-Za-z³]+\d?)?",
    re.IGNORECASE,
)


def _said_otherwise(item: Definition) -> Iterator[str]:
    """Texts that say "at most" (and perhaps a number) over a rule that asks something else."""
    for kind, entry in _ruled(item):
        rule, said = entry.rule, list(_SAID.finditer(entry.text))
        if not isinstance(rule, QuantityRule) or len(said) != 1 or rule.op is Op.EQUAL:
            continue
        op, number = _op_and_number(said[0], rule)
        asked = _whole_ends(rule.op, rule.limit, rule)
        if number is None:
            agrees = (op in UPPER) == (rule.op in UPPER)
        else:
            agrees = asked == _whole_ends(op, number, rule)
        if not agrees:
            words = said[0].group().strip()
            yield (
                f'{_at(kind, entry, "rule")}: asks {rule_text(rule)}, but the text says "{words}"; '
                "turn the operator, or correct the number or the text"
            )


def _op_and_number(said: re.Match[str], rule: QuantityRule) -> tuple[Op, float | None]:
    """What a text asks for: its number is told only in the unit of the rule, or with none."""
    op = next(op for op in _WORDS if said[op.name])
    word, unit = said["number"], (said["unit"] or "").casefold()
    if word is None:
        return op, None
    number = float(_NUMBERS.index(word.casefold())) if word.isalpha() else float(word)
    if rule.quantity.is_count:
        return op, number
    factor = _UNITS[rule.quantity.unit].get(unit) if rule.quantity.unit in _UNITS else None
    return op, None if factor is None else number * factor


def _whole_ends(op: Op, limit: float, rule: QuantityRule) -> tuple[Op, float]:
    """An operator and its limit; of counts, fewer than four is at most three."""
    if rule.quantity.is_count and op is Op.LESS:
        return Op.AT_MOST, limit - 1
    if rule.quantity.is_count and op is Op.MORE:
        return Op.AT_LEAST, limit + 1
    return op, limit


def _in_centimetres(item: Definition) -> Iterator[str]:
    for kind, entry in _ruled(item):
        rule = entry.rule
        if not isinstance(rule, QuantityRule) or rule.quantity.unit != "mm":
            continue
        if 0 < rule.limit <= LARGEST_IN_CM:
            yield (
                f"{_at(kind, entry, 'rule.limit')}: {rule.limit:g} is in millimetres; write "
                f"{10 * rule.limit:g} if centimetres are meant"
            )


# --- what stands twice, or decides nothing


def _asked_twice(item: Definition) -> Iterator[str]:
    """Criteria and conditions that ask the very same; steps of a pathway may."""
    asked: dict[Rule, str] = {}
    for kind, entry in _ruled(item):
        if entry.rule is None or kind in ("pathway", "tree.question"):
            continue
        if entry.rule in asked:
            yield (
                f"{_at(kind, entry, 'rule')}: asks the same as {asked[entry.rule]}; "
                "remove one of them"
            )
        asked.setdefault(entry.rule, _at(kind, entry))


def _without_effect(item: Definition) -> Iterator[str]:
    """What is written and never used: criteria of no point, arms for nobody."""
    if item.score:
        for criterion in item.criteria:
            if criterion.id not in item.score.points:
                yield (
                    f"{_at('criterion', criterion)}: gives no point; name it in score.points, "
                    "or write it as a [[condition]]"
                )
    for question in item.tree.questions if item.tree else ():
        if question.yes == question.no:
            yield (
                f"{_at('tree.question', question)}: yes and no both lead to "
                f'"{question.yes}", so it asks nothing; write where each of them leads'
            )
    for arm in item.arms:
        if arm.histologies and all(_is_for_nobody(item, name) for name in arm.histologies):
            yield (
                f"{_at('arm', arm, 'histologies')}: {', '.join(arm.histologies)} is not among "
                "applies_to.histologies, so the arm is never used; add it there or remove the arm"
            )


def _verdict(item: Definition, histology: str) -> Verdict:
    """The verdict on a patient of one histology without any metastasis."""
    primary = PrimaryFacts(site=(item.primaries or SITES)[0], histology=histology)
    return evaluate_definition(item, NO_METASTASIS, Facts(primary=primary)).verdict


def _is_for_nobody(item: Definition, histology: str) -> bool:
    return not item.metastases_in and _verdict(item, histology) is Verdict.NOT_APPLICABLE


def _without_metastasis(item: Definition) -> Iterator[str]:
    """A patient without any metastasis is not to be consistent."""
    if item.kind is not DefinitionKind.DEFINITION or not item.arms or item.metastases_in:
        return
    several = len(_histologies(item)) > 1
    for histology in _histologies(item):
        if _verdict(item, histology) in (Verdict.CONSISTENT, Verdict.INDETERMINATE):
            whose = f" (histology: {histology})" if several else ""
            yield (
                f"criterion: no criterion asks for a metastasis{whose}, so a patient without any "
                'may be consistent; add { quantity = "metastases", op = ">=", limit = 1 }'
            )


def _histologies(item: Definition) -> tuple[str, ...]:
    """One histology for each arm."""
    first = [arm.histologies[0] for arm in item.arms if arm.histologies]
    return tuple(first) or (*item.histologies[:1],) or HISTOLOGIES[:1]


# --- dose limits


def _of_limits(item: LimitSet) -> Iterator[str]:
    yield from _without_place([(_at("limit", x), x.citation) for x in item.limits])
    yield from _sources_unused(item, item.cited())
    known = _known_structures()
    for limit in item.limits:
        yield from _without_synonym(limit, known)
        yield from _turned_round(limit)
        yield from _in_another_unit(limit)
    for limits in _of_one_curve(item.limits):
        for index, limit in enumerate(limits):
            notes = (text for one in limits[:index] for text in _against(one, limit))
            yield from islice(notes, 1)


def _of_one_curve(limits: Sequence[Limit]) -> Iterable[list[Limit]]:
    """Limits of one structure from one source."""
    found: dict[tuple[object, ...], list[Limit]] = {}
    for limit in limits:
        found.setdefault((limit.structure, limit.sides, limit.citation.source.id), []).append(limit)
    return found.values()


def _against(one: Limit, other: Limit) -> Iterator[str]:
    """What is odd of a limit beside another of the same structure."""
    if (one.fractions, one.fraction_gy) == (other.fractions, other.fraction_gy):
        yield from _beside(one, other)
    elif _falling(one, other):
        yield (
            f"{_at('limit', other, 'limit')}: {_asked(other)} in {other.fractions} fractions, "
            f"but {one.limit:g} in {one.fractions} ({_at('limit', one)}): more fractions "
            "usually bear more dose; are the two swapped?"
        )


def _without_synonym(limit: Limit, known: frozenset[str]) -> Iterator[str]:
    if limit.structure not in known and not _is_target(limit):
        near = nearest(limit.structure, known)
        hint = f'did you mean "{near}"?' if near else "write the TG-263 name if there is one"
        yield (
            f'{_at("limit", limit, "structure")}: "{limit.structure}" has no synonym, so only a '
            f"structure of this very name matches; {hint}"
        )


def _is_target(limit: Limit) -> bool:
    return _TARGET.match(limit.structure) is not None


def _turned_round(limit: Limit) -> Iterator[str]:
    """Operators that ask for more dose to an organ, or for less coverage of a target."""
    metric, upper = limit.metric, limit.op in UPPER
    if metric.kind is Kind.VOLUME:
        return
    if metric.kind is Kind.MAX and not upper:
        what = "asks for a maximum dose of at least this"
    elif _is_target(limit) and _is_coverage(limit) and upper:
        what = "limits the coverage of a target from above"
    elif _is_target(limit):
        return
    elif metric.kind is Kind.COLD_VOLUME and upper:
        what = "limits the volume that is spared from above"
    elif metric.kind is not Kind.COLD_VOLUME and not upper:
        what = "asks for at least this dose or volume in an organ"
    else:
        return
    turned = {Op.AT_MOST: ">=", Op.LESS: ">", Op.AT_LEAST: "<=", Op.MORE: "<"}[limit.op]
    yield f'{_at("limit", limit, "op")}: "{limit.op}" on {metric} {what}; write "{turned}"?'


def _is_coverage(limit: Limit) -> bool:
    """Whether more of a metric is better in a target."""
    metric = limit.metric
    if metric.kind is Kind.DOSE:
        return metric.at_unit == "%" and (metric.at or 0.0) >= COVERAGE_PERCENT
    if metric.kind is Kind.VOLUME_AT_DOSE:
        return metric.unit == "%" and limit.limit >= COVERAGE_PERCENT
    return metric.kind is Kind.MIN


def _in_another_unit(limit: Limit) -> Iterator[str]:
    unit, value = limit.metric.unit, limit.limit
    if unit == "Gy" and value > HIGHEST_DOSE_GY:
        yield (
            f"{_at('limit', limit, 'limit')}: {value:g} Gy is more than any organ is limited to; "
            f"write {value / 100:g} if cGy are meant"
        )
    if unit == "%" and 0 < value < 1:
        yield (
            f"{_at('limit', limit, 'limit')}: {value:g} is in percent; write {100 * value:g} if a "
            "share is meant"
        )


def _beside(one: Limit, other: Limit) -> Iterator[str]:
    """Two limits of one structure that repeat each other, or cannot hold together."""
    both = f"beside {_at('limit', one)}"
    if one.metric == other.metric:
        if (one.op in UPPER) == (other.op in UPPER):
            yield (
                f"{_at('limit', other, 'metric')}: the same metric of the same structure stands "
                f"twice, {both}; remove one, or write the milder value as conflict or optimal"
            )
        elif _apart(one, other):
            yield (
                f"{_at('limit', other, 'op')}: {_asked(other)} can never be met {both}, "
                f"{_asked(one)}; turn one of them"
            )
    elif _swapped(one, other):
        yield (
            f"{_at('limit', other, 'limit')}: {_asked(other)} {both}, {_asked(one)}: one of them "
            "never decides, since a curve only falls; are the two swapped?"
        )


def _asked(limit: Limit) -> str:
    return f"{limit.metric} {limit.op} {limit.limit:g}"


def _apart(one: Limit, other: Limit) -> bool:
    """Whether a least and a highest value leave nothing between them."""
    lower, upper = (one, other) if one.op in LOWER else (other, one)
    strict = Op.MORE in (one.op, other.op) or Op.LESS in (one.op, other.op)
    return lower.limit > upper.limit or (strict and lower.limit == upper.limit)


def _swapped(one: Limit, other: Limit) -> bool:
    """Two highest values of one curve of which the wrong one is always the stricter.

    Of doses only a near-maximum dose is looked at: published limits of larger volumes do cross.
    """
    if one.op not in UPPER or other.op not in UPPER:
        return False
    first, second = (_place_on_curve(x) for x in (one, other))
    if first is None or second is None or first[0] != second[0] or first[1] == second[1]:
        return False
    smaller, larger = (one, other) if first[1] < second[1] else (other, one)
    near_maximum = min(first[1], second[1]) <= NEAR_MAXIMUM_CC
    of_dose = smaller.metric.kind is not Kind.VOLUME_AT_DOSE
    return smaller.limit < larger.limit and (near_maximum or not of_dose)


def _place_on_curve(limit: Limit) -> tuple[tuple[str, str | None, str], float] | None:
    """The curve that a metric is read from, and where; None where it is no point of a curve."""
    metric = limit.metric
    if metric.kind is Kind.MAX:
        return ("D", "cc", metric.unit), 0.0
    if metric.kind in (Kind.DOSE, Kind.VOLUME_AT_DOSE) and metric.at is not None:
        return (metric.kind.value, metric.at_unit, metric.unit), metric.at
    return None


def _falling(one: Limit, other: Limit) -> bool:
    """Whether a dose in more fractions is limited to less than in fewer."""
    if one.metric != other.metric or one.fractions is None or other.fractions is None:
        return False
    fewer, more = (one, other) if one.fractions < other.fractions else (other, one)
    upper = one.op in UPPER and other.op in UPPER and one.metric.unit == "Gy"
    return upper and fewer.fractions != more.fractions and fewer.limit > more.limit


@cache
def _known_structures() -> frozenset[str]:
    """The names that rtplan has synonyms for, and those of its own limits."""
    sets = [load_limits(entry.id) for entry in available() if entry.kind is ProtocolKind.LIMITS]
    own = {limit.structure for item in sets for limit in item.limits}
    named = set(aliases().values())
    bare = {name.removesuffix(f"_{side}") for name in named for side in SIDES}
    return frozenset(own | named | bare)


# --- prescriptions, and what all files have


def _of_prescriptions(item: PrescriptionSet) -> Iterator[str]:
    cited = [(_at("prescription", x), x.citation) for x in item.prescriptions]
    yield from _without_place(cited)
    yield from _sources_unused(item, item.cited())
    for prescription in item.prescriptions:
        yield from _site_otherwise(prescription)
    for one, other in combinations(item.prescriptions, 2):
        if replace(one, id=other.id, citation=other.citation) == other:
            yield (
                f"{_at('prescription', other)}: prescribes the same for the same as "
                f"{_at('prescription', one)}; remove one, or name in condition what tells them "
                "apart"
            )


def _site_otherwise(item: Prescription) -> Iterator[str]:
    """A site that says in words what no key of the entry says."""
    site = item.site.casefold()
    is_of_primary = re.match(r"primary\b", site) is not None
    if is_of_primary != (item.lesions is Treated.PRIMARY):
        other = Treated.PRIMARY if is_of_primary else Treated.METASTASES
        yield (
            f'{_at("prescription", item, "lesions")}: "{item.lesions}", but the site reads '
            f'"{item.site}"; write "{other}", or another site'
        )
    for name in dict.fromkeys((*map(str, Organ), *SITES)):
        if re.search(rf"\b{name.replace('_', ' ')}\b", site) is None or name == Organ.OTHER:
            continue
        if name not in (*item.organs, *item.primaries):
            key = "primaries" if is_of_primary else "organs"
            yield (
                f'{_at("prescription", item, key)}: the site reads "{item.site}", but {name} is '
                "not among the organs or primaries that it is listed for; add it, or write another "
                "site"
            )


def _without_place(cited: Sequence[tuple[str, Citation]]) -> Iterator[str]:
    for name, citation in cited:
        if citation.place is None:
            yield f"{name}.place: no place in the source; write place = (table, page, section)"


def _sources_unused(item: Protocol, cited: Sequence[Citation]) -> Iterator[str]:
    used = {citation.source.id for citation in cited}
    for source in item.sources:
        if source.id not in used and not item.extends:
            yield (
                f'source["{source.id}"]: the source is named by no entry; cite it where it is '
                "used, or remove it"
            )
