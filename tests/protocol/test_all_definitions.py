"""What holds of every definition that rtplan ships, whatever the case.

Cases are drawn with everything known (sizes, sides and places too), then some of it is hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.facts import DiseaseFacts, Facts, LesionFact, PrimaryFacts
from rtplan.lesions.model import Category, Lesion, LesionReading, Organ
from rtplan.protocol.evaluate import evaluate_definition
from rtplan.protocol.facts_file import IMAGING
from rtplan.protocol.histology import overlap
from rtplan.protocol.logic import Op, Truth
from rtplan.protocol.model import (
    Definition,
    DefinitionKind,
    Every,
    Quantity,
    QuantityRule,
    Rule,
    Some,
)
from rtplan.protocol.outcome import Known, evaluate_rule
from rtplan.protocol.result import DefinitionResult, Verdict
from rtplan.protocol.tally import tally

from . import cases
from .strategies import listed
from .test_vignettes import DEFINITIONS, VIGNETTES

IDS = sorted(DEFINITIONS)
VERDICTS = [name for name in IDS if DEFINITIONS[name].kind is not DefinitionKind.PATHWAY]
EXPECTED = {
    "esophagus-cn-2025", "omec-2023", "estro-astro-2020", "estro-eortc-2020", "eortc-nsclc-2019",
    "sabr-comet", "sabr-comet-3", "sabr-comet-10", "nrg-br001", "nrg-br002", "nrg-lu002", "core",
    "eso-shanghai-13", "nhs-cte", "stomp", "oriole", "sindas", "flot5", "crc-oligo",
    "liver-sbrt-nhs", "liver-sbrt-scorsetti", "fong", "esophagus-surgery", "esophagus-pathways",
    "sarcoma-lung", "liver-metastases",
}  # fmt: skip

ORGANS = (Organ.LUNG, Organ.LIVER, Organ.BONE, Organ.BRAIN, Organ.OVARY, Organ.SOFT_TISSUE)
STATIONS = ("LN_Paraaortic", "LN_Ax_L", "LN_Celiac")
KINDS = tuple(item for item in Category if item is not Category.UNKNOWN)
SPECIFIC = ("squamous", "adenocarcinoma")
GENERAL = {
    "squamous": "non_small_cell",
    "adenocarcinoma": "non_small_cell",
    "small_cell": "other",
}
"""What a histology of the lung may be called by one who knows less of it."""
SIZES = st.sampled_from([5.0, 5.0, 30.0, 30.0, 49.0, 50.0, 51.0, 60.0, 61.0])
DAYS = (date(2024, 1, 15), date(2024, 7, 15), date(2024, 9, 1), date(2026, 8, 1))
SIZED = ("longest_diameter_mm", "longest_3d_mm", "volume_cc", "laterality", "centroid_mm")
NOT_OF_LESIONS = (
    Quantity.MONTHS_TO_DETECTION,
    Quantity.CEA_NG_ML,
    Quantity.UNINVOLVED_LIVER_CC,
)
Case = tuple[str, Facts, tuple[Lesion, ...]]


@st.composite
def known_cases(draw: st.DrawFn, names: list[str], *, most: int = 6) -> Case:
    """A definition, and a case of which everything is known: mostly one that it is for."""
    name = draw(st.sampled_from(names))
    definition = DEFINITIONS[name]
    organs = draw(st.sets(st.sampled_from(ORGANS), min_size=1, max_size=3))
    places = sorted(organs | set(definition.metastases_in))
    numbers = range(1, draw(st.integers(0, most)) + 1)
    items = tuple(draw(_lesion(n, places)) for n in numbers)
    named = [(item.id, draw(st.sampled_from([None, "a", "b", "c", "d"]))) for item in items]
    sites = tuple(LesionFact(id=lesion, site=site) for lesion, site in named if site)
    return name, replace(draw(_facts(definition)), lesions=sites), items


@st.composite
def _lesion(draw: st.DrawFn, number: int, organs: list[Organ]) -> Lesion:
    """A lesion of which everything is known, mostly a metastasis in one of some organs."""
    category = draw(st.sampled_from((*KINDS, *[Category.ORGAN_METASTASIS] * 6)))
    organ, station = Organ.LYMPH_NODE, None
    if category is Category.PRIMARY:
        organ = Organ.OTHER
    elif category is Category.ORGAN_METASTASIS:
        organ = draw(st.sampled_from(organs))
    else:
        station = draw(st.sampled_from(STATIONS))
    size = draw(SIZES)
    return Lesion(
        f"L{number}",
        category,
        organ,
        laterality=draw(st.sampled_from(["left", "right"])),
        station=station,
        longest_diameter_mm=size,
        longest_3d_mm=size,
        volume_cc=draw(st.sampled_from([10.0, 250.0])),
        centroid_mm=(draw(st.sampled_from([0.0, 40.0, 90.0])), 10.0 * number, 0.0),
    )


@st.composite
def _facts(draw: st.DrawFn, definition: Definition) -> Facts:
    sites = definition.primaries or ("breast", "colorectum")
    histologies = tuple(
        name
        for name in SPECIFIC
        if not definition.histologies or overlap([name], definition.histologies)
    )
    diagnosed = date(2024, 1, 15)
    primary = PrimaryFacts(
        site=draw(st.sampled_from([*sites * 4, "kidney"])),
        histology=draw(st.sampled_from([*histologies * 4, "small_cell", "other"])),
        controlled=draw(_mostly_true()),
        diagnosed=diagnosed,
        treated=draw(st.sampled_from([diagnosed, date(2024, 5, 30)])),
        node_positive=draw(st.booleans()),
        cea_ng_ml=draw(st.sampled_from([3.5, 200.0, 200.5])),
        egfr_mutated=draw(_mostly_true()),
    )
    disease = DiseaseFacts(
        detected=draw(st.sampled_from(DAYS)),
        polymetastatic_before=draw(st.booleans()),
        oligometastatic_before=draw(st.booleans()),
        on_systemic_therapy=draw(st.booleans()),
        progressing=draw(st.booleans()),
        diffuse=False,
        lifetime_metastases=draw(st.sampled_from([3, 3, 8, 9])),
        metastases_not_drawn=0,
        all_sites_treatable=draw(_mostly_true()),
        r0_feasible=draw(st.booleans()),
        mdt_discussed=draw(st.booleans()),
        uninvolved_liver_cc=draw(st.sampled_from([1400.0, 1400.0, 1000.0, 700.0])),
        extrahepatic_controlled=draw(_mostly_true()),
        imaging=draw(st.sampled_from([IMAGING, IMAGING, ()])),
    )
    return Facts(primary, disease)


def _mostly_true() -> st.SearchStrategy[bool]:
    return st.sampled_from([True, True, True, False])


@st.composite
def fewer_facts(draw: st.DrawFn, full: Facts) -> Facts:
    """Facts with some of them not known."""

    def masked(table: Any) -> Any:
        hidden = draw(st.sets(st.sampled_from([item.name for item in fields(table)]), max_size=3))
        return _without(table, hidden)

    primary = full.primary
    if primary.site == "lung" and draw(st.booleans()):
        known = primary.histology or ""
        primary = replace(primary, histology=GENERAL.get(known, primary.histology))
    sites = full.lesions if draw(st.booleans()) else ()
    return Facts(masked(primary), masked(full.disease), sites)


def _without(table: Any, names: set[str]) -> Any:
    return replace(table, **{name: () if name == "imaging" else None for name in names})


@st.composite
def vaguer(draw: st.DrawFn, items: tuple[Lesion, ...]) -> tuple[Lesion, ...]:
    """Lesions with kinds, organs, sizes, sides and places of some not known."""
    found = []
    for item in items:
        hidden = draw(st.sets(st.sampled_from(SIZED), max_size=2))
        unknown: dict[str, Any] = dict.fromkeys(hidden)
        item = replace(item, **unknown)
        if draw(st.integers(0, 3)) == 0:
            item = replace(item, category=Category.UNKNOWN, organ=None, station=None)
        found.append(item)
    return tuple(found)


def evaluated(name: str, reading: LesionReading, facts: Facts) -> DefinitionResult:
    return evaluate_definition(DEFINITIONS[name], reading, facts)


def each_left_out(facts: Facts) -> Iterator[tuple[str, Facts]]:
    """The facts with each that is stated left out, and its name."""
    for table in ("primary", "disease"):
        stated = getattr(facts, table)
        for item in fields(stated):
            if getattr(stated, item.name) not in (None, ()):
                less = _without(stated, {item.name})
                yield f"{table}.{item.name}", replace(facts, **{table: less})


def leaves(rule: Rule | None) -> Iterator[Rule]:
    """The rules that have no rules in them."""
    if isinstance(rule, Every | Some):
        for item in rule.items:
            yield from leaves(item)
    elif rule is not None:
        yield rule


def fails_from_below(name: str, reading: LesionReading, facts: Facts) -> bool:
    """Whether another lesion could fulfil what is not: too few, or too far apart."""
    definition = DEFINITIONS[name]
    known = Known(tally(reading, facts, definition.counting), facts, {})
    for criterion in definition.criteria:
        for leaf in leaves(criterion.rule):
            if not isinstance(leaf, QuantityRule) or leaf.quantity in NOT_OF_LESIONS:
                continue
            found = evaluate_rule(leaf, known, {})
            upper = leaf.op in (Op.AT_MOST, Op.LESS) or (found.low or 0) > leaf.limit
            far = leaf.quantity is Quantity.CLOSEST_PAIR_MM
            if found.truth is Truth.NOT_MET and (far or not upper):
                return True
    return False


def test_every_definition_of_the_contract_is_there() -> None:
    assert set(IDS) == EXPECTED


@pytest.mark.parametrize("name", IDS)
def test_every_statement_has_its_place_in_a_source(name: str) -> None:
    definition = DEFINITIONS[name]
    remarks = (*definition.conditions, *definition.pathways)
    cited = (*definition.cited(), *(item.citation for item in remarks))
    assert all(citation.place for citation in (*cited, definition.counting.citation))


@pytest.mark.parametrize("name", VERDICTS)
def test_nothing_known_is_not_consistent(name: str) -> None:
    for words in ("", "?", "? ? ?"):
        assert evaluated(name, cases.reading(words), Facts()).verdict is not Verdict.CONSISTENT


@settings(deadline=None, max_examples=100)
@given(known_cases(VERDICTS, most=0))
def test_without_a_metastasis_nothing_is_consistent(case: Case) -> None:
    name, facts, _ = case
    for words in ("", "primary", "primary regional@20 regional@10"):
        assert evaluated(name, cases.reading(words), facts).verdict is not Verdict.CONSISTENT


@settings(deadline=None, max_examples=60)
@given(known_cases(VERDICTS))
def test_an_unknown_fact_never_turns_a_verdict_to_consistent(case: Case) -> None:
    name, facts, items = case
    if evaluated(name, listed(items), facts).verdict is not Verdict.CONSISTENT:
        for _, less in each_left_out(facts):
            assert evaluated(name, listed(items), less).verdict is not Verdict.CONSISTENT


def test_an_unknown_fact_never_mends_a_vignette(tmp_path: Path) -> None:
    for name, case in VIGNETTES:
        if case["verdict"] == "consistent":
            continue
        reading = cases.reading(case["lesions"], apart_mm=case.get("apart_mm"))
        for fact, less in each_left_out(cases.facts(case["facts"], tmp_path)):
            # Diffuse disease that nobody stated is not assumed (docs/protocols.md).
            if fact != "disease.diffuse":
                verdict = evaluated(name, reading, less).verdict
                assert verdict is not Verdict.CONSISTENT, (name, case["claim"], fact)


@settings(deadline=None, max_examples=200)
@given(st.data(), known_cases(IDS))
def test_resolving_never_contradicts_a_definite_verdict(data: st.DataObject, case: Case) -> None:
    name, facts, items = case
    full = evaluated(name, listed(items), facts)
    less = evaluated(name, listed(data.draw(vaguer(items))), data.draw(fewer_facts(facts)))
    if less.verdict is not Verdict.INDETERMINATE:
        assert (full.verdict, full.state) == (less.verdict, less.state)
    elif full.state is not None:
        assert full.state in less.possible_states
    known = {item.id: item.outcome.truth for item in full.criteria}
    for item in less.criteria:
        truth = item.outcome.truth
        assert truth is Truth.UNKNOWN or known.get(item.id, truth) is truth


@settings(deadline=None, max_examples=60)
@given(st.data(), known_cases(IDS))
def test_order_of_lesions_does_not_matter(data: st.DataObject, case: Case) -> None:
    name, facts, items = case
    some = data.draw(vaguer(items))
    one = evaluated(name, listed(some), facts)
    other = evaluated(name, listed(tuple(data.draw(st.permutations(some)))), facts)
    assert (one.verdict, one.state) == (other.verdict, other.state)
    assert set(one.needs) == set(other.needs)
    truths = [[item.outcome.truth for item in result.criteria] for result in (one, other)]
    assert truths[0] == truths[1]


@settings(deadline=None, max_examples=150)
@given(st.data(), known_cases(VERDICTS, most=8))
def test_another_lesion_never_mends_too_many(data: st.DataObject, case: Case) -> None:
    name, facts, items = case
    extra = data.draw(_lesion(99, list(ORGANS)))
    before = evaluated(name, listed(items), facts)
    if before.verdict is Verdict.NOT_CONSISTENT and not fails_from_below(
        name, listed(items), facts
    ):
        after = evaluated(name, listed((*items, extra)), facts)
        assert after.verdict is Verdict.NOT_CONSISTENT


@pytest.mark.parametrize("word", ["lung@10", "liver@10", "brain@10", "node@10:LN_Ax_L", "?"])
def test_another_lesion_never_mends_a_vignette(word: str, tmp_path: Path) -> None:
    for name, case in VIGNETTES:
        if case["verdict"] != "not_consistent":
            continue
        facts = cases.facts(case["facts"], tmp_path)
        reading = cases.reading(case["lesions"])
        if not fails_from_below(name, reading, facts):
            more = cases.reading(f"{case['lesions']} {word}")
            assert evaluated(name, more, facts).verdict is Verdict.NOT_CONSISTENT, case["claim"]


@pytest.mark.parametrize(
    ("name", "case"),
    [item for item in VIGNETTES if item[1]["verdict"] == "consistent"],
    ids=lambda item: item if isinstance(item, str) else str(item["claim"]),
)
def test_a_fact_left_out_of_a_consistent_vignette_is_asked_for(
    name: str, case: dict[str, Any], tmp_path: Path
) -> None:
    facts = cases.facts(case["facts"], tmp_path)
    reading = cases.reading(case["lesions"], apart_mm=case.get("apart_mm"))
    for fact, less in each_left_out(facts):
        result = evaluated(name, reading, less)
        if result.verdict is Verdict.CONSISTENT:
            assert result.state == case.get("state")
        else:
            assert result.verdict is Verdict.INDETERMINATE
            assert fact in result.needs
