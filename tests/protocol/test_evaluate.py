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
from rtplan.protocol.result import DefinitionResult, Verdict

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
