"""A definition evaluated on the lesions and facts of a case.

A verdict is definite only if every reading of what is known gives it. *Consistent* means consistent
with the definition as published; it never means eligible for a treatment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Set
from dataclasses import replace

from rtplan.facts import Facts
from rtplan.lesions.model import Category, Lesion, LesionReading
from rtplan.protocol.facts_file import NOT_SOLID
from rtplan.protocol.histology import is_among, settled_by
from rtplan.protocol.items import NOT_DRAWN
from rtplan.protocol.logic import Truth
from rtplan.protocol.model import (
    Among,
    Arm,
    Criterion,
    CriterionRef,
    Definition,
    DefinitionKind,
    Every,
    Evidence,
    Quantity,
    Remark,
    Rule,
    Score,
    Some,
    Tree,
)
from rtplan.protocol.outcome import Known, evaluate_rule, merged, told_by_nothing
from rtplan.protocol.read_definition import NO_STATE
from rtplan.protocol.result import (
    OF_DRAWN,
    CriterionResult,
    DefinitionResult,
    Outcome,
    RemarkResult,
    Verdict,
)
from rtplan.protocol.rules import references
from rtplan.protocol.sites import shared_sites
from rtplan.protocol.stations import is_unclear, parse_station
from rtplan.protocol.tally import Tally, is_supraclavicular, tally

_VERDICTS = {
    Truth.MET: Verdict.CONSISTENT,
    Truth.NOT_MET: Verdict.NOT_CONSISTENT,
    Truth.UNKNOWN: Verdict.INDETERMINATE,
}

_SUPRACLAVICULAR_DISTANT = ("oesophagus", "egj")
"""Primaries of the oesophagus by AJCC 8, which reads supraclavicular nodes as distant."""

_MAY_BE_EXTRAREGIONAL = (Category.EXTRAREGIONAL_NODE, Category.UNKNOWN)


def evaluate_definition(
    definition: Definition, reading: LesionReading, facts: Facts
) -> DefinitionResult:
    """What a definition says of a case.

    Parameters
    ----------
    definition : Definition
    reading : LesionReading
        With ``from_path`` the lesions are those drawn, else the list is taken as complete.
    facts : Facts
        What is not stated is unknown, and never becomes met.
    """
    if reason := _not_for(definition, facts):
        return DefinitionResult(definition, Verdict.NOT_APPLICABLE, reason, notes=definition.notes)
    counts = tally(reading, facts, definition.counting)
    known = Known(counts, facts, {gap.id: gap.text for gap in definition.gaps})
    if reason := _not_in(definition, known):
        return DefinitionResult(definition, Verdict.NOT_APPLICABLE, reason, notes=definition.notes)
    if definition.kind is DefinitionKind.PATHWAY:
        result = _listed(definition, known)
    elif definition.score is not None:
        result = _by_score(definition, definition.score, known)
    elif definition.tree is not None:
        result = _by_tree(definition, definition.tree, known)
    else:
        result = _by_arms(definition, known)
    result = _with_open_primary(_with_open_histology(result, facts), facts)
    result = _with_open_organs(result, known)
    result = _of_lesions_drawn(result, reading, facts)
    return replace(
        result,
        rests_on_unverified=_unverified(result),
        conditions=_remarks(definition.conditions, known),
        pathways=_remarks(definition.pathways, known),
        notes=(*definition.notes, *_stated_sites(counts), *_notes(reading, facts)),
    )


def _not_for(definition: Definition, facts: Facts) -> str | None:
    """Why the definition is not for this patient; None where it is, or may be."""
    site = facts.primary.site
    if site is not None and definition.primaries and site not in definition.primaries:
        return f"the primary is {site}; the definition is for {_list(definition.primaries)}"
    if site in NOT_SOLID and not definition.primaries:
        return f"the primary is {site}; the definition is for solid tumours"
    of_arms = {name for arm in definition.arms for name in arm.histologies}
    for meant in (set(definition.histologies), of_arms):
        if meant and is_among(facts.primary, meant) is Truth.NOT_MET:
            stated = facts.primary.histology
            said = f"the histology is {stated}" if stated else f"the primary is {site}"
            return f"{said}; the definition is for {_list(sorted(meant))}"
    return None


def _not_in(definition: Definition, known: Known) -> str | None:
    """Why it is not for these metastases: none of them lies where it is for."""
    if not definition.metastases_in or known.tally.open_above:
        return None
    which = Among(organs=definition.metastases_in)
    if known.tally.bounds(Quantity.METASTASES, which).high > 0:
        return None
    return f"there is no metastasis {which}; the definition is for them"


def _with_open_organs(result: DefinitionResult, known: Known) -> DefinitionResult:
    """Where there may be no metastasis in the organs that it is for, it may not be for the case."""
    definition = result.definition
    if not definition.metastases_in or definition.kind is DefinitionKind.PATHWAY:
        return result
    bounds = known.tally.bounds(Quantity.METASTASES, Among(organs=definition.metastases_in))
    if bounds.low >= 1:
        return result
    undrawn = (NOT_DRAWN,) if known.tally.open_above else ()
    return _undecided(result, merged((bounds.needs, undrawn, result.needs)))


def _undecided(result: DefinitionResult, needs: tuple[str, ...]) -> DefinitionResult:
    reason = "needs " + ", ".join(needs)
    return replace(result, verdict=Verdict.INDETERMINATE, reason=reason, needs=needs, state=None)


def _outcome(criterion: Criterion, known: Known) -> Outcome:
    return evaluate_rule(criterion.rule, known, {}) if criterion.rule else told_by_nothing()


def _results(
    definition: Definition, outcomes: Mapping[str, Outcome], *, deciding: Collection[str]
) -> tuple[CriterionResult, ...]:
    return tuple(
        CriterionResult(
            item.id,
            item.text,
            outcomes[item.id],
            item.citation,
            decides=item.id in deciding,
            working_number=item.working_number,
            own_reading=item.own_reading,
        )
        for item in definition.criteria
    )


def _listed(definition: Definition, known: Known) -> DefinitionResult:
    """A pathway: which of its conditions the case meets, and no verdict."""
    outcomes = {item.id: _outcome(item, known) for item in definition.criteria}
    counts = Counter(item.truth for item in outcomes.values())
    words = {Truth.MET: "met", Truth.NOT_MET: "not met", Truth.UNKNOWN: "not known"}
    reason = ", ".join(f"{counts[truth]} {text}" for truth, text in words.items() if counts[truth])
    return DefinitionResult(
        definition,
        Verdict.NOT_APPLICABLE,
        f"of its conditions {reason}",
        criteria=_results(definition, outcomes, deciding=()),
        needs=merged(item.needs for item in outcomes.values()),
    )


def _by_score(definition: Definition, score: Score, known: Known) -> DefinitionResult:
    """One point for each criterion met; the group is told where every open point leaves it so."""
    outcomes = {item.id: _outcome(item, known) for item in definition.criteria}
    given = [outcomes[name] for name in score.points]
    low = sum(item.truth is Truth.MET for item in given)
    high = sum(item.truth is not Truth.NOT_MET for item in given)
    groups = [group for group in score.groups if group.low <= high and group.high >= low]
    criteria = _results(definition, outcomes, deciding=score.points)
    points = f"{low}" if low == high else f"{low} to {high}"
    said = f"{points} of {len(given)} points"
    possible = tuple(group.id for group in groups)
    needs = merged(item.needs for item in given if item.truth is Truth.UNKNOWN)
    if len(groups) == 1:
        return DefinitionResult(
            definition,
            Verdict.CONSISTENT,
            f"{said}: {groups[0].text}",
            criteria,
            groups[0].id,
            possible,
            score=(low, high),
        )
    wanted = f"; needs {', '.join(needs)}" if needs else ""
    return DefinitionResult(
        definition,
        Verdict.INDETERMINATE,
        said + wanted,
        criteria,
        None,
        possible,
        needs=needs,
        score=(low, high),
    )


def _list(words: tuple[str, ...] | list[str], *, joined: str = "or") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joined} {words[-1]}"


def _by_arms(definition: Definition, known: Known) -> DefinitionResult:
    primary = known.facts.primary
    arms = [
        arm
        for arm in definition.arms
        if not arm.histologies or is_among(primary, arm.histologies) is not Truth.NOT_MET
    ]
    outcomes = {item.id: _outcome(item, known) for item in definition.criteria}
    told = {arm.id: evaluate_rule(arm.rule, known, outcomes) for arm in arms}
    own = (arm.histologies for arm in arms)
    open_histology = _open_histology(known.facts, definition.histologies, *own)
    undecided = open_histology is not None
    truth = Truth.UNKNOWN if undecided else told[arms[0].id].truth
    weak = {c.id for c in definition.criteria if c.citation.evidence is not Evidence.VERIFIED}
    support = merged(_support(arm.rule, known, outcomes, weak) for arm in arms)
    open_ = [*(outcomes[name] for name in support), *told.values()]
    needs = merged(item.needs for item in open_ if truth is Truth.UNKNOWN)
    if open_histology:
        needs = merged(((open_histology,), needs))
    used = {name for arm in arms for name in references(arm.rule)}
    found = _results(definition, outcomes, deciding=support)
    criteria = tuple(item for item in found if item.id in used)
    return DefinitionResult(
        definition,
        _VERDICTS[truth],
        _reason(truth, criteria, arms, needs),
        criteria=criteria,
        arm=arms[0].id if len(arms) == 1 and not undecided else None,
        needs=needs,
    )


def _open_histology(facts: Facts, *lists: tuple[str, ...]) -> str | None:
    """What would tell whether the histology is among those of each list; None where it is told."""
    for meant in lists:
        if meant and is_among(facts.primary, meant) is Truth.UNKNOWN:
            return settled_by(facts.primary, meant)
    return None


def _support(
    rule: Rule, known: Known, outcomes: Mapping[str, Outcome], weak: Set[str]
) -> tuple[str, ...]:
    """The criteria that a rule's truth rests on; of several sufficient ones those best verified."""
    if isinstance(rule, CriterionRef):
        return (rule.id,)
    if not isinstance(rule, (Every, Some)):
        return ()
    truth = evaluate_rule(rule, known, outcomes).truth
    alike = [i for i in rule.items if evaluate_rule(i, known, outcomes).truth is truth]
    parts = [_support(item, known, outcomes, weak) for item in alike]
    one_is_enough = truth is (Truth.MET if isinstance(rule, Some) else Truth.NOT_MET)
    if one_is_enough:
        return min(parts, key=lambda part: len(weak & set(part)))
    return merged(parts)


def _reason(
    truth: Truth, criteria: tuple[CriterionResult, ...], arms: list[Arm], needs: tuple[str, ...]
) -> str:
    if truth is Truth.UNKNOWN:
        return "needs " + ", ".join(needs)
    said = _said([item for item in criteria if item.decides])
    return f"not met: {said}" if truth is Truth.NOT_MET else said


def _said(criteria: list[CriterionResult]) -> str:
    """What decides, in a few words: each quantity or fact once, its value, its limits.

    A criterion of several rules has no value of its own: its text is said.
    """
    limits: dict[tuple[str, str], list[str]] = {}
    for criterion in criteria:
        item = criterion.outcome
        if item.what is None:
            text = criterion.text.partition(";")[0]
            limits.setdefault((text, "met" if item.truth is Truth.MET else ""), [])
            continue
        found = limits.setdefault((item.what, item.shown), [])
        if item.limit and item.counted:
            found.append(item.limit)
    return "; ".join(
        what + (f": {value}" if value else "") + (f" (limit {_readable(found)})" if found else "")
        for (what, value), found in limits.items()
    )


def _readable(limits: list[str]) -> str:
    """Limits as a reader writes them."""
    text = " or ".join(dict.fromkeys(limits)) if "==" in "".join(limits) else " and ".join(limits)
    return text.replace("<=", "≤").replace(">=", "≥").replace("== ", "")


def _by_tree(definition: Definition, tree: Tree, known: Known) -> DefinitionResult:
    """Every branch that what is known leaves open is followed; one state left is the state."""
    questions = {item.id: item for item in tree.questions}
    asked: dict[str, Outcome] = {}
    ends: dict[str, None] = {}
    waiting = [tree.start]
    while waiting:
        name = waiting.pop(0)
        if name not in questions:
            ends[name] = None
            continue
        if name in asked:
            continue
        question = questions[name]
        asked[name] = outcome = evaluate_rule(question.rule, known, {})
        if outcome.truth is not Truth.NOT_MET:
            waiting.append(question.yes)
        if outcome.truth is not Truth.MET:
            waiting.append(question.no)
    criteria = tuple(
        CriterionResult(item.id, item.text, asked[item.id], item.citation)
        for item in tree.questions
        if item.id in asked
    )
    possible = tuple(state for state, _ in tree.states if state in ends)
    if known.tally.diffuse and tree.presupposes:
        reason = f"diffuse disease is stated; a state presupposes that {tree.presupposes}"
        return DefinitionResult(definition, Verdict.INDETERMINATE, reason, criteria)
    if len(possible) == 1 and NO_STATE not in ends:
        text = _state_text(tree, possible[0])
        return DefinitionResult(
            definition, Verdict.CONSISTENT, text, criteria, possible[0], possible
        )
    needs = merged(o.needs for o in asked.values() if o.truth is Truth.UNKNOWN)
    reason = "needs " + ", ".join(needs) if needs else "the tree has no state for this combination"
    return DefinitionResult(
        definition, Verdict.INDETERMINATE, reason, criteria, None, possible, needs=needs
    )


def _state_text(tree: Tree, state: str) -> str:
    """A state with what it presupposes and what it is not for."""
    text = dict(tree.states)[state]
    if tree.presupposes:
        text = f"if {tree.presupposes}: {text}"
    return f"{text}; {tree.caveat}" if tree.caveat else text


def _with_open_primary(result: DefinitionResult, facts: Facts) -> DefinitionResult:
    """Where the primary is not known the definition may not be for it, whatever the rest says.

    One for every solid tumour keeps its verdict, but asks for the site: it may be haematological.
    """
    if facts.primary.site is not None:
        return result
    if not result.definition.primaries:
        return replace(result, needs=merged((result.needs, ("primary.site",))))
    needs = merged((("primary.site",), result.needs))
    if result.definition.kind is DefinitionKind.PATHWAY:
        return replace(result, needs=needs)
    return _undecided(result, needs)


def _with_open_histology(result: DefinitionResult, facts: Facts) -> DefinitionResult:
    """The same of the histology, where no arm asks for it."""
    open_histology = _open_histology(facts, result.definition.histologies)
    if open_histology is None or result.definition.arms:
        return result
    needs = merged(((open_histology,), result.needs))
    if result.definition.kind is DefinitionKind.PATHWAY:
        return replace(result, needs=needs)
    return _undecided(result, needs)


def _of_lesions_drawn(
    result: DefinitionResult, reading: LesionReading, facts: Facts
) -> DefinitionResult:
    stated = facts.disease.metastases_not_drawn is not None
    if result.verdict is not Verdict.CONSISTENT or stated or not reading.from_path:
        return result
    return replace(result, scope=OF_DRAWN, needs=(*result.needs, NOT_DRAWN))


def _unverified(result: DefinitionResult) -> tuple[str, ...]:
    """The criteria and counting rules under a definite verdict that are not verified."""
    if result.verdict not in (Verdict.CONSISTENT, Verdict.NOT_CONSISTENT):
        return ()
    used = [
        item
        for item in result.criteria
        if item.decides and not (item.own_reading and item.outcome.truth is Truth.MET)
    ]
    names = tuple(item.id for item in used if item.citation.evidence is not Evidence.VERIFIED)
    counting = result.definition.counting
    weak = counting.citation.evidence is not Evidence.VERIFIED
    rules = merged(item.outcome.policy for item in used)
    return names + tuple(
        f"counting.{name}" for name in rules if weak or name in counting.conventions
    )


def _remarks(remarks: tuple[Remark, ...], known: Known) -> tuple[RemarkResult, ...]:
    return tuple(
        RemarkResult(
            item.id,
            item.text,
            item.citation,
            evaluate_rule(item.rule, known, {}) if item.rule else None,
        )
        for item in remarks
    )


def _stated_sites(counts: Tally) -> tuple[str, ...]:
    """Which lesions are counted once because the facts say so."""
    return tuple(
        f"{_list(ids, joined='and')} are one site by the facts"
        for ids in shared_sites(counts.sites).values()
    )


def _notes(reading: LesionReading, facts: Facts) -> tuple[str, ...]:
    """What the list and the facts leave to be said."""
    notes = []
    if not reading.from_path and facts.disease.metastases_not_drawn:
        notes.append(
            f"{NOT_DRAWN} is {facts.disease.metastases_not_drawn}, but a list of lesions is taken "
            "as complete: put them in the list, or state 0"
        )
    for lesion in reading.lesions:
        if lesion.category is Category.UNKNOWN and is_supraclavicular(lesion.station):
            read = "AJCC 8 reads it as distant, others as regional; "
            known = read if facts.primary.site in _SUPRACLAVICULAR_DISTANT else ""
            notes.append(f"{lesion.id} is supraclavicular: {known}state its category")
        if _spreads(lesion, reading):
            notes.append(
                f"{lesion.station} of {lesion.id} may cover several stations: name the one it is in"
            )
    return tuple(notes)


def _spreads(lesion: Lesion, reading: LesionReading) -> bool:
    """Whether a node's station is a group of stations beside other nodes that may be in it."""
    station = parse_station(lesion.station)
    if station is None or not station.several or lesion.category not in _MAY_BE_EXTRAREGIONAL:
        return False
    nodes = [x.station for x in reading.lesions if x.category in _MAY_BE_EXTRAREGIONAL]
    return is_unclear(lesion.station, [name for name in nodes if name])
