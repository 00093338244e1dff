"""Histologies: a general one neither fulfils nor fails a narrower one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import pytest

from rtplan.errors import ProtocolError
from rtplan.facts import Facts, PrimaryFacts
from rtplan.protocol import histology
from rtplan.protocol.evaluate import evaluate_definition
from rtplan.protocol.facts_file import HISTOLOGIES, SITES
from rtplan.protocol.histology import is_among, overlap, settled_by
from rtplan.protocol.load import load_definition
from rtplan.protocol.logic import Truth
from rtplan.protocol.model import Definition
from rtplan.protocol.result import Verdict

from . import cases
from .test_kinds import PATHWAY, SCORED
from .test_load import DEFINITION

LUNG_ONLY = 'primaries = ["any_solid"]\nhistologies = ["non_small_cell"]'


def test_every_word_has_its_kinds() -> None:
    assert set(histology._KINDS) == set(HISTOLOGIES)


@pytest.mark.parametrize(
    ("stated", "wanted", "truth"),
    [
        ("squamous", "non_small_cell", "met"),
        ("adenocarcinoma", "non_small_cell", "met"),
        ("non_small_cell", "non_small_cell", "met"),
        ("small_cell", "non_small_cell", "not_met"),
        ("other", "non_small_cell", "unknown"),
        (None, "non_small_cell", "unknown"),
        ("non_small_cell", "squamous", "unknown"),
        ("non_small_cell", "small_cell", "not_met"),
        ("non_small_cell", "squamous adenocarcinoma other", "met"),
        ("non_small_cell", "other", "unknown"),
        ("other", "small_cell", "unknown"),
        ("other", "squamous adenocarcinoma", "not_met"),
        ("small_cell", "other", "met"),
    ],
)
def test_histology_of_the_lung(stated: str | None, wanted: str, truth: str) -> None:
    assert is_among(PrimaryFacts("lung", histology=stated), wanted.split()) == truth


def test_carcinoma_elsewhere_is_no_non_small_cell_carcinoma() -> None:
    for word in ("squamous", "adenocarcinoma", "small_cell", "other", None):
        given = PrimaryFacts("oesophagus", histology=word)
        assert is_among(given, ["non_small_cell"]) is Truth.NOT_MET
    somewhere = PrimaryFacts(histology="squamous")
    assert is_among(somewhere, ["non_small_cell"]) is Truth.UNKNOWN
    assert settled_by(somewhere, ["non_small_cell"]) == "primary.site"
    assert settled_by(PrimaryFacts(), ["non_small_cell"]) == "primary.histology"


def test_knowing_more_never_turns_what_was_told() -> None:
    words = [*HISTOLOGIES, None]
    for wanted in _some(HISTOLOGIES):
        for site in ("lung", "breast"):
            for word in words:
                less = PrimaryFacts(None, histology=word)
                if word == "non_small_cell" and site != "lung":
                    continue  # the facts file refuses it
                more = PrimaryFacts(site, histology=word)
                for vague in (less, PrimaryFacts(site), PrimaryFacts()):
                    told = is_among(vague, wanted)
                    assert told in (Truth.UNKNOWN, is_among(more, wanted)), (vague, more, wanted)


def _some(words: Iterable[str]) -> list[tuple[str, ...]]:
    listed = list(words)
    return [x for size in range(1, len(listed) + 1) for x in combinations(listed, size)]


def test_non_small_cell_is_refused_elsewhere_than_in_the_lung(tmp_path: Path) -> None:
    for site in SITES:
        text = f"primary = {{site = '{site}', histology = 'non_small_cell'}}"
        if site == "lung":
            assert cases.facts(text, tmp_path).primary.histology == "non_small_cell"
            continue
        with pytest.raises(ProtocolError, match="it is of the lung"):
            cases.facts(text, tmp_path)


def definition(folder: Path, text: str) -> Definition:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return load_definition(str(file))


def arms(one: str, other: str) -> str:
    first = DEFINITION.replace('rule = "few"', f'rule = "few"\nhistologies = ["{one}"]')
    return f'{first}\n[[arm]]\nid = "b"\ntext = "b"\nrule = "few"\nhistologies = ["{other}"]\n'


def test_arms_of_a_general_and_a_narrower_histology_overlap(tmp_path: Path) -> None:
    assert overlap(["non_small_cell"], ["other"])
    definition(tmp_path, arms("non_small_cell", "small_cell"))
    with pytest.raises(ProtocolError, match='"squamous" has two arms'):
        definition(tmp_path, arms("non_small_cell", "squamous"))


@pytest.mark.parametrize(
    ("stated", "arm", "verdict"),
    [
        ("squamous", "b", Verdict.CONSISTENT),
        ("small_cell", None, Verdict.NOT_APPLICABLE),
        ("non_small_cell", None, Verdict.INDETERMINATE),
        (None, None, Verdict.INDETERMINATE),
    ],
)
def test_general_histology_chooses_no_arm(
    tmp_path: Path, stated: str | None, arm: str | None, verdict: Verdict
) -> None:
    text = arms("adenocarcinoma", "squamous")
    given = Facts(PrimaryFacts("lung", histology=stated))
    result = evaluate_definition(definition(tmp_path, text), cases.reading("lung"), given)
    assert (result.verdict, result.arm) == (verdict, arm)
    if verdict is Verdict.INDETERMINATE:
        assert result.needs == ("primary.histology",)


def test_score_and_pathway_ask_for_an_open_histology(tmp_path: Path) -> None:
    for text, verdict in ((SCORED, "consistent"), (PATHWAY, "not_applicable")):
        found = definition(tmp_path, text.replace('primaries = ["lung"]', LUNG_ONLY))
        assert found.histologies == ("non_small_cell",)
        for word, needed in (("squamous", False), ("other", True), (None, True)):
            given = Facts(PrimaryFacts("lung", histology=word))
            result = evaluate_definition(found, cases.reading("lung liver"), given)
            assert ("primary.histology" in result.needs) == needed
            told = "indeterminate" if needed and verdict == "consistent" else verdict
            assert result.verdict == told
        elsewhere = Facts(PrimaryFacts("breast"))
        result = evaluate_definition(found, cases.reading("lung liver"), elsewhere)
        assert "the primary is breast; the definition is for non_small_cell" in result.reason
