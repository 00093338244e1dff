"""Scores, pathways, gaps within rules, and definitions for metastases of some organs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtplan.facts import DiseaseFacts, Facts
from rtplan.protocol.evaluate import evaluate_definition
from rtplan.protocol.load import load_definition
from rtplan.protocol.model import Definition
from rtplan.protocol.result import DefinitionResult, Verdict

from . import cases
from .test_load import DEFINITION

SCORE = """
kind = "score"
schema"""

SCORED = (
    DEFINITION.replace('rule = "few"', "").partition("[[arm]]")[0].replace("\nschema", SCORE, 1)
    + """
[[criterion]]
id = "large"
text = "The largest is larger than 50 mm"
rule = { quantity = "organs", op = ">=", limit = 2 }
evidence = "verified"
source = "paper"

[[criterion]]
id = "laboratory"
text = "A value that no fact tells"
evidence = "verified"
source = "paper"

[score]
text = "A point each"
points = ["few", "large", "laboratory"]

[[score.group]]
id = "low"
text = "low: 0 or 1"
from = 0
to = 1

[[score.group]]
id = "high"
text = "high: 2 or 3"
from = 2
to = 3
"""
)

PATHWAY = SCORED.partition("[score]")[0].replace('"score"', '"pathway"')
SURE = Facts(disease=DiseaseFacts(all_sites_treatable=True))


def definition(folder: Path, text: str) -> Definition:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return load_definition(str(file))


def evaluated(folder: Path, text: str, words: str, *, site: str = "lung") -> DefinitionResult:
    given = cases.facts(f"primary.site = '{site}'", folder)
    return evaluate_definition(definition(folder, text), cases.reading(words), given)


@pytest.mark.parametrize(
    ("words", "score", "state"),
    [
        ("lung liver", (2, 3), "high"),
        ("lung", (1, 2), None),
        ("lung lung lung lung lung lung", (0, 1), "low"),
    ],
)
def test_score_names_a_group_where_every_open_point_leaves_it(
    tmp_path: Path, words: str, score: tuple[int, int], state: str | None
) -> None:
    result = evaluated(tmp_path, SCORED, words)
    assert (result.score, result.state) == (score, state)
    assert result.verdict is (Verdict.CONSISTENT if state else Verdict.INDETERMINATE)
    content = result.as_json()
    assert content["score"] == {"lower": score[0], "upper": score[1]}
    assert content["possible_states"] == ([state] if state else ["low", "high"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("from = 2", "from = 3", "leaves a hole or overlaps; expected 2"),
        ("to = 3", "to = 4", "ends at the highest score, 3"),
        ('"laboratory"]', '"labratory"]', 'did you mean "laboratory"'),
    ],
)
def test_broken_score_is_an_error(tmp_path: Path, old: str, new: str, words: str) -> None:
    from rtplan.errors import ProtocolError

    with pytest.raises(ProtocolError, match=words):
        definition(tmp_path, SCORED.replace(old, new, 1))


def test_pathway_lists_its_conditions_and_gives_no_verdict(tmp_path: Path) -> None:
    result = evaluated(tmp_path, PATHWAY, "lung lung lung lung lung lung")
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert result.wording == "conditions listed, no verdict"
    statuses = {item.id: item.outcome.truth.value for item in result.criteria}
    assert statuses == {"few": "not_met", "large": "not_met", "laboratory": "unknown"}
    assert not any(item.decides for item in result.criteria)
    assert result.as_json()["kind"] == "pathway"
    assert result.rests_on_unverified == ()


def test_pathway_for_another_primary_lists_nothing(tmp_path: Path) -> None:
    result = evaluated(tmp_path, PATHWAY, "lung", site="breast")
    assert result.criteria == ()
    assert result.wording == "not applicable"
    assert "the primary is breast" in result.reason


OF_LIVER = DEFINITION.replace('["lung"]', '["lung"]\nmetastases_in = ["liver"]')


@pytest.mark.parametrize(
    ("words", "verdict", "need"),
    [
        ("lung", "not_applicable", None),
        ("liver lung", "consistent", None),
        ("?liver", "indeterminate", "lesion.L1.category"),
        ("anywhere", "indeterminate", "lesion.L1.organ"),
        ("liver lung lung lung lung lung", "not_consistent", None),
    ],
)
def test_definition_for_metastases_of_an_organ(
    tmp_path: Path, words: str, verdict: str, need: str | None
) -> None:
    result = evaluated(tmp_path, OF_LIVER, words)
    assert result.verdict == verdict
    assert need is None or need in result.needs


def test_what_is_drawn_elsewhere_does_not_rule_out_the_organ(tmp_path: Path) -> None:
    given = cases.facts("primary.site = 'lung'", tmp_path)
    drawn = cases.reading("lung", drawn=True)
    result = evaluate_definition(definition(tmp_path, OF_LIVER), drawn, given)
    assert result.verdict is Verdict.INDETERMINATE
    assert "disease.metastases_not_drawn" in result.needs


@pytest.mark.parametrize(
    ("words", "rests"),
    [("bone " * 6, ("few", "counting.contiguous_vertebrae")), ("lung " * 6, ("few",))],
)
def test_verdict_says_that_it_rests_on_how_sites_are_told_apart(
    tmp_path: Path, words: str, rests: tuple[str, ...]
) -> None:
    own = 'unit = "site"\ncontiguous_vertebrae = "each"\nconventions = ["contiguous_vertebrae"]'
    text = DEFINITION.replace('unit = "lesion"', own)
    result = evaluated(tmp_path, text, words)
    assert (result.verdict, result.rests_on_unverified) == (Verdict.NOT_CONSISTENT, rests)


@pytest.mark.parametrize(
    ("histology", "verdict"), [("squamous", "consistent"), ("adenocarcinoma", "not_applicable")]
)
def test_histology_that_no_arm_is_for_is_not_applicable(
    tmp_path: Path, histology: str, verdict: str
) -> None:
    both = '["lung"]\nhistologies = ["squamous", "adenocarcinoma"]'
    text = DEFINITION.replace('["lung"]', both)
    text = text.replace('rule = "few"', 'rule = "few"\nhistologies = ["squamous"]')
    given = cases.facts(f"primary.site = 'lung'\nprimary.histology = '{histology}'", tmp_path)
    result = evaluate_definition(definition(tmp_path, text), cases.reading("lung"), given)
    assert result.verdict == verdict


WITH_GAP = (
    DEFINITION.replace(
        '{ quantity = "metastases", op = "<=", limit = 5 }',
        '{ any_of = [{ quantity = "metastases", op = "<=", limit = 5 }, { gap = "more" }] }',
    )
    + '\n[[gap]]\nid = "more"\ntext = "Whether six are few"\n'
)


def test_gap_within_a_rule_is_never_met_and_never_not_met(tmp_path: Path) -> None:
    assert evaluated(tmp_path, WITH_GAP, "lung").verdict is Verdict.CONSISTENT
    result = evaluated(tmp_path, WITH_GAP, "lung lung lung lung lung lung")
    assert result.verdict is Verdict.INDETERMINATE
    assert result.needs == ("gap.more",)
    opposite = WITH_GAP.replace("{ any_of", "{ not = { any_of").replace(
        '"more" }] }', '"more" }] } }'
    )
    assert evaluated(tmp_path, opposite, "lung").verdict is Verdict.NOT_CONSISTENT
    six = evaluated(tmp_path, opposite, "lung lung lung lung lung lung")
    assert six.verdict is Verdict.INDETERMINATE


def test_gap_of_an_arm_itself_is_named(tmp_path: Path) -> None:
    text = WITH_GAP.replace('rule = "few"', 'rule = { all_of = ["few", { gap = "more" }] }')
    result = evaluated(tmp_path, text, "lung")
    assert (result.verdict, result.needs) == (Verdict.INDETERMINATE, ("gap.more",))
