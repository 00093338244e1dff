"""Verdicts: what is unknown never decides, what decides is named, what is drawn is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.facts import DiseaseFacts, Facts, PrimaryFacts
from rtplan.lesions.model import LesionCount, LesionReading
from rtplan.protocol.evaluate import evaluate_definition
from rtplan.protocol.load import available, load_definition
from rtplan.protocol.logic import Op, Truth
from rtplan.protocol.model import Quantity, QuantityRule
from rtplan.protocol.outcome import Known, evaluate_rule
from rtplan.protocol.result import DefinitionResult, Verdict
from rtplan.protocol.tally import tally

from . import cases
from .strategies import facts, lesions, listed, masked_facts, masked_lesions

IDS = [item.id for item in available() if item.kind == "definition"]
DEFINITIONS = {name: load_definition(name) for name in IDS}
DEFINITE = (Verdict.CONSISTENT, Verdict.NOT_CONSISTENT, Verdict.NOT_APPLICABLE)
TREATABLE = Facts(
    PrimaryFacts(site="oesophagus", histology="squamous"), DiseaseFacts(all_sites_treatable=True)
)


def evaluated(name: str, reading: LesionReading, facts: Facts = TREATABLE) -> DefinitionResult:
    return evaluate_definition(DEFINITIONS[name], reading, facts)


@settings(deadline=None, max_examples=250)
@given(st.data(), st.sampled_from(IDS))
def test_resolving_what_is_unknown_never_contradicts_a_definite_verdict(
    data: st.DataObject, name: str
) -> None:
    full_lesions, full_facts = data.draw(lesions()), data.draw(facts())
    partial = evaluated(
        name,
        listed(data.draw(masked_lesions(full_lesions))),
        data.draw(masked_facts(full_facts)),
    )
    full = evaluated(name, listed(full_lesions), full_facts)
    if partial.verdict in DEFINITE:
        assert full.verdict is partial.verdict
        assert full.state == partial.state
    else:
        assert partial.verdict is Verdict.INDETERMINATE
        assert full.state is None or full.state in partial.possible_states


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("node.left:LN_Paraaortic node.right:LN_Paraaortic", "indeterminate"),
        ("node.left:LN_Celiac node.right:LN_Celiac", "indeterminate"),
        ("node.left:LN_Sclav node.right:LN_Sclav", "not_consistent"),
        ("other other", "indeterminate"),
        ("other", "consistent"),
    ],
)
def test_what_a_name_leaves_open_is_not_decided(words: str, verdict: str) -> None:
    assert evaluated("omec-2023", cases.reading(words)).verdict == verdict


@settings(deadline=None, max_examples=80)
@given(st.data(), st.sampled_from(IDS))
def test_order_of_lesions_does_not_matter(data: st.DataObject, name: str) -> None:
    items = data.draw(masked_lesions(data.draw(lesions())))
    given_facts = data.draw(facts())
    shuffled = tuple(data.draw(st.permutations(items)))
    one, other = (evaluated(name, listed(order), given_facts) for order in (items, shuffled))
    assert one.verdict is other.verdict
    assert set(one.needs) == set(other.needs)


@settings(deadline=None, max_examples=80)
@given(lesions(), st.sampled_from(["lung", "liver", "bone", "node:LN_Ax_L", "?"]))
def test_another_lesion_never_mends_too_many(items: tuple[object, ...], word: str) -> None:
    typed = tuple(item for item in items)
    reading = listed(typed)  # type: ignore[arg-type]
    more = (*reading.lesions, cases.lesion(word, 99))
    for name in ("estro-astro-2020", "esophagus-cn-2025"):
        before, after = evaluated(name, reading), evaluated(name, listed(more))
        failed = {c.id for c in before.criteria if c.outcome.truth == "not_met" and c.decides}
        if before.verdict is Verdict.NOT_CONSISTENT and "metastasis" not in failed:
            assert after.verdict is Verdict.NOT_CONSISTENT


@settings(deadline=None, max_examples=80)
@given(lesions(), st.integers(0, 4), st.sampled_from(IDS))
def test_saying_what_was_not_drawn_never_mends_not_consistent(
    items: tuple[object, ...], undrawn: int, name: str
) -> None:
    reading = listed(items, drawn=True)  # type: ignore[arg-type]
    before = evaluated(name, reading)
    stated = replace(TREATABLE, disease=replace(TREATABLE.disease, metastases_not_drawn=undrawn))
    if before.verdict is Verdict.NOT_CONSISTENT:
        assert evaluated(name, reading, stated).verdict is Verdict.NOT_CONSISTENT


def test_consistent_on_drawn_lesions_says_so_and_names_the_fact() -> None:
    result = evaluated("estro-astro-2020", cases.reading("lung", drawn=True))
    assert result.verdict is Verdict.CONSISTENT
    assert result.scope == "of the lesions drawn"
    assert "disease.metastases_not_drawn" in result.needs
    content = result.as_json()
    criteria = content["criteria"]
    assert isinstance(criteria, list)
    assert any("disease.metastases_not_drawn" in item["needs"] for item in criteria)


def test_zero_undrawn_counts_as_stated() -> None:
    disease = replace(TREATABLE.disease, metastases_not_drawn=0)
    result = evaluated(
        "estro-astro-2020",
        cases.reading("lung", drawn=True),
        replace(TREATABLE, disease=disease),
    )
    assert result.scope is None
    assert result.needs == ()


def test_undrawn_metastases_are_added_to_the_count() -> None:
    disease = replace(TREATABLE.disease, metastases_not_drawn=3)
    stated = replace(TREATABLE, disease=disease)
    result = evaluated("estro-astro-2020", cases.reading("lung lung lung", drawn=True), stated)
    assert result.verdict is Verdict.NOT_CONSISTENT


def test_a_list_is_complete_without_a_statement() -> None:
    result = evaluated("estro-astro-2020", cases.reading("lung"))
    assert (result.scope, result.needs) == (None, ())


def test_nothing_drawn_is_not_known_to_be_no_metastasis() -> None:
    drawn = evaluated("estro-astro-2020", cases.reading("primary", drawn=True))
    complete = evaluated("estro-astro-2020", cases.reading("primary"))
    assert drawn.verdict is Verdict.INDETERMINATE
    assert "disease.metastases_not_drawn" in drawn.needs
    assert complete.verdict is Verdict.NOT_CONSISTENT


def test_no_target_is_indeterminate() -> None:
    reading = LesionReading(LesionCount(None, None, None), (), reason="no target")
    for name in IDS:
        meant = not DEFINITIONS[name].primaries or "oesophagus" in DEFINITIONS[name].primaries
        expected = Verdict.INDETERMINATE if meant else Verdict.NOT_APPLICABLE
        assert evaluated(name, reading).verdict is expected


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [(5, 5, "consistent"), (4, 5, "consistent"), (5, 6, "indeterminate")],
)
def test_both_bounds_must_decide_alike(lower: int, upper: int, verdict: str) -> None:
    reading = cases.reading("lung lung lung liver bone", drawn=True, lower=lower, upper=upper)
    result = evaluated("estro-astro-2020", reading)
    assert result.verdict == verdict
    assert ("lesions.count" in result.needs) == (verdict == "indeterminate")


def test_verdict_on_secondary_evidence_names_it() -> None:
    result = evaluated("esophagus-cn-2025", cases.reading("lung"))
    assert result.rests_on_unverified == ("lesions", "organs", "lesions-per-organ", "treatable")
    result = evaluated("omec-2023", cases.reading("lung"))
    assert result.rests_on_unverified == ()


def test_verdict_on_a_convention_of_ours_names_it() -> None:
    at_the_limit = evaluated("estro-astro-2020", cases.reading("lung lung lung lung lung regional"))
    assert at_the_limit.rests_on_unverified == ("counting.regional_nodes",)
    # However the node is counted, two are within the limit.
    far_from_it = evaluated("estro-astro-2020", cases.reading("lung regional"))
    assert far_from_it.rests_on_unverified == ()


def test_omec_pathway_follows_the_free_interval(tmp_path: Path) -> None:
    for detected, expected in (
        ("2025-01-01", {"systemic-then-restage": "met", "upfront-local-also": "not_met"}),
        ("2026-06-01", {"systemic-then-restage": "not_met", "upfront-local-also": "met"}),
    ):
        text = f"[primary]\nsite='oesophagus'\ntreated=2024-05-30\n[disease]\ndetected={detected}"
        result = evaluated("omec-2023", cases.reading("lung"), cases.facts(text, tmp_path))
        found = {item.id: str(item.outcome.truth) for item in result.pathways if item.outcome}
        assert found == expected
    result = evaluated("omec-2023", cases.reading("lung"))
    assert {str(item.outcome.truth) for item in result.pathways if item.outcome} == {"unknown"}


@pytest.mark.parametrize(
    ("detected", "expected"),
    [
        ("2024-01-15", {"systemic-then-restage": "met", "upfront-local-also": "not_met"}),
        ("2026-01-15", {"systemic-then-restage": "met", "upfront-local-also": "not_met"}),
        ("2026-01-16", {"systemic-then-restage": "unknown", "upfront-local-also": "unknown"}),
    ],
)
def test_omec_pathway_of_a_primary_that_was_not_treated(
    tmp_path: Path, detected: str, expected: dict[str, str]
) -> None:
    text = f"[primary]\nsite='oesophagus'\ndiagnosed=2024-01-15\n[disease]\ndetected={detected}"
    result = evaluated("omec-2023", cases.reading("lung"), cases.facts(text, tmp_path))
    found = {item.id: str(item.outcome.truth) for item in result.pathways if item.outcome}
    assert found == expected


@pytest.mark.parametrize("since", [("diagnosed",), ("treated",), ("diagnosed", "treated")])
@pytest.mark.parametrize("op", list(Op))
@pytest.mark.parametrize("stated", ["diagnosed", "treated", None])
def test_interval_from_one_date_holds_whatever_the_other_is(
    since: tuple[str, ...], op: Op, stated: str | None
) -> None:
    """Against every date that the missing ones may be: a diagnosis is not after a treatment."""
    days = [date(2020 + year, 1, 15) for year in range(9)]
    rule = QuantityRule(
        Quantity.MONTHS_TO_DETECTION, op, 24, since=tuple(f"primary.{name}" for name in since)
    )
    pairs = [(day, later) for day in days for later in days if day <= later]

    def truth(diagnosed: date | None, treated: date | None) -> Truth:
        disease = DiseaseFacts(detected=date(2024, 1, 15))
        given = Facts(PrimaryFacts(diagnosed=diagnosed, treated=treated), disease)
        counts = tally(cases.reading("lung"), given, DEFINITIONS["core"].counting)
        return evaluate_rule(rule, Known(counts, given, {}), {}).truth

    for day in days if stated else [None]:
        if stated == "diagnosed":
            found, worlds = truth(day, None), [pair for pair in pairs if pair[0] == day]
        else:
            found, worlds = truth(None, day), [pair for pair in pairs if day in (None, pair[1])]
        full = {truth(*world) for world in worlds}
        if found is not Truth.UNKNOWN:
            assert full == {found}
        elif since == ("diagnosed",) or since == ("treated",):
            assert len(full) > 1 or day in (days[0], days[-1])


def test_interval_from_a_later_start_is_a_least_value() -> None:
    given = Facts(
        PrimaryFacts(site="kidney", treated=date(2020, 3, 1)),
        DiseaseFacts(detected=date(2023, 3, 1)),
    )
    result = evaluated("nhs-cte", cases.reading("bone@20"), given)
    assert result.verdict is Verdict.CONSISTENT
    rule = QuantityRule(Quantity.MONTHS_TO_DETECTION, Op.MORE, 6, since=("primary.diagnosed",))
    counts = tally(cases.reading("bone@20"), given, DEFINITIONS["nhs-cte"].counting)
    assert evaluate_rule(rule, Known(counts, given, {}), {}).shown == "36 or more"
    # An untreated primary has no least interval: that to its treatment is at most the other.
    untreated = replace(given, primary=PrimaryFacts(diagnosed=date(2020, 3, 1)))
    after = replace(rule, since=("primary.treated",))
    outcome = evaluate_rule(after, Known(counts, untreated, {}), {})
    assert (outcome.truth, outcome.shown) == (Truth.UNKNOWN, "–")


@pytest.mark.parametrize(
    ("name", "words", "verdict"),
    [
        ("estro-astro-2020", "lung", "consistent"),
        ("estro-astro-2020", "lung " * 6, "not_consistent"),
        ("estro-astro-2020", "lung ? ? ? ? ?", "indeterminate"),
    ],
)
def test_any_solid_primary_is_asked_for_and_does_not_decide(
    name: str, words: str, verdict: str
) -> None:
    known = evaluated(name, cases.reading(words))
    asked = evaluated(name, cases.reading(words), Facts(disease=TREATABLE.disease))
    assert known.verdict == asked.verdict == verdict
    assert asked.needs == (*known.needs, "primary.site")


def test_large_regional_node_names_the_gap_of_its_size_alone() -> None:
    given = Facts(
        PrimaryFacts(site="oesophagus", histology="squamous", controlled=True),
        DiseaseFacts(polymetastatic_before=False),
    )
    result = evaluated("eso-shanghai-13", cases.reading("lung@20 regional@60"), given)
    assert result.needs == ("gap.node-size",)


def test_conditions_never_decide() -> None:
    result = evaluated("omec-2023", cases.reading("lung"))
    assert result.verdict is Verdict.CONSISTENT
    status = {item.id: item.as_json()["status"] for item in result.conditions}
    assert status == {"baseline-pet": "unknown", "restaging": None}


def test_state_says_what_it_presupposes_and_is_not_for_treatment_decisions() -> None:
    induced = Facts(disease=DiseaseFacts(polymetastatic_before=True, on_systemic_therapy=False))
    for many in (1, 30):
        result = evaluated("estro-eortc-2020", cases.reading("lung " * many), induced)
        assert result.state == "induced_oligorecurrence"
        assert result.summary == (
            "if the disease is oligometastatic: induced oligorecurrence; "
            "not for day-to-day treatment decisions"
        )
        assert result.as_json()["wording"] == "a state, if the disease is oligometastatic"


def test_diffuse_disease_has_no_state_and_says_why() -> None:
    disease = DiseaseFacts(polymetastatic_before=True, on_systemic_therapy=False, diffuse=True)
    result = evaluated("estro-eortc-2020", cases.reading("lung"), Facts(disease=disease))
    assert result.verdict is Verdict.INDETERMINATE
    assert (result.state, result.possible_states) == (None, ())
    assert "diffuse disease is stated" in result.summary


def test_verdict_that_rests_on_our_reading_of_one_or_the_other_says_so() -> None:
    ours = {"no-station", "no-organ"}
    adeno = replace(TREATABLE, primary=PrimaryFacts("oesophagus", histology="adenocarcinoma"))
    for name, given_facts in (("omec-2023", TREATABLE), ("esophagus-cn-2025", adeno)):
        both = evaluated(name, cases.reading("lung node:LN_Paraaortic"), given_facts)
        assert both.verdict is Verdict.NOT_CONSISTENT
        assert ours <= set(both.rests_on_unverified)
        # Where only one of the two is there, the source says as much.
        for words in ("lung", "node:LN_Paraaortic"):
            alone = evaluated(name, cases.reading(words), given_facts)
            assert alone.verdict is Verdict.CONSISTENT
            assert not ours & set(alone.rests_on_unverified)
        evidence = {c.id: c.citation.evidence.value for c in both.criteria if c.id in ours}
        assert set(evidence.values()) == {"unconfirmed"}


def test_criterion_about_metastases_of_all_organs_does_not_speak_of_one() -> None:
    result = evaluated("omec-2023", cases.reading("lung lung liver liver bone"))
    criterion = next(item for item in result.criteria if item.id == "organ-lesions")
    assert criterion.outcome.value == 5
    assert criterion.text == "At most three metastases outside lymph nodes"


def test_group_of_stations_asks_for_the_one() -> None:
    result = evaluated("omec-2023", cases.reading("node:LN_Pelvics node:LN_Pelvics"))
    assert any("LN_Pelvics of L1 may cover several stations" in note for note in result.notes)
    alone = evaluated("omec-2023", cases.reading("node:LN_Pelvics"))
    assert not any("several stations" in note for note in alone.notes)


def test_json_has_the_keys_of_the_contract() -> None:
    content = evaluated("omec-2023", cases.reading("lung lung")).as_json()
    assert {"id", "title", "verdict", "state", "criteria"} <= content.keys()
    criteria = content["criteria"]
    assert isinstance(criteria, list)
    lesions_criterion = next(item for item in criteria if item["id"] == "organ-lesions")
    assert lesions_criterion["status"] == "met"
    assert lesions_criterion["value"] == 2
    assert lesions_criterion["limit"] == "<= 3"
    assert lesions_criterion["evidence"] == "verified"
    assert lesions_criterion["source"].startswith("doi:10.1016/j.ejca.2023.02.015")


def test_criterion_of_several_rules_is_said_in_words() -> None:
    early = Facts(
        PrimaryFacts(site="breast", diagnosed=date(2024, 1, 15), treated=date(2024, 1, 30)),
        DiseaseFacts(detected=date(2024, 3, 1)),
    )
    result = evaluated("nhs-cte", cases.reading("lung@20"), early)
    assert result.verdict is Verdict.NOT_CONSISTENT
    assert result.reason == (
        "not met: More than six months without disease before the metastases, by both readings of "
        "its start"
    )
    late = replace(early, disease=DiseaseFacts(detected=date(2026, 3, 1)))
    said = evaluated("nhs-cte", cases.reading("lung@20"), late).reason
    assert "of its start: met; No metastasis in the brain: met" in said


def test_stated_number_is_a_criterion_with_value_and_unit() -> None:
    scored = evaluate_definition(
        load_definition("fong"),
        cases.reading("liver@51 liver@10"),
        Facts(PrimaryFacts(site="colorectum", cea_ng_ml=200.5)),
    )
    (cea,) = (item.as_json() for item in scored.criteria if item.id == "cea")
    assert (cea["status"], cea["value"], cea["limit"]) == ("met", 200.5, "> 200 ng/ml")
    unknown = evaluate_definition(load_definition("fong"), cases.reading("liver@51"), Facts())
    (cea,) = (item.as_json() for item in unknown.criteria if item.id == "cea")
    assert (cea["status"], cea["value"]) == ("unknown", None)
    assert cea["needs"] == ["primary.cea_ng_ml"]
