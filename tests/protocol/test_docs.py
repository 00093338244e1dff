"""The examples of docs/protocols.md are valid files, and every fact is described."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from rtplan.facts import DiseaseFacts, LesionFact, PrimaryFacts
from rtplan.protocol.facts_file import HISTOLOGIES
from rtplan.protocol.load import load
from rtplan.protocol.rules import FACTS
from rtplan.protocol.words import need_words

from . import cases

PAGE = Path(__file__).parents[2] / "docs" / "protocols.md"


def test_examples_of_the_page_load(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    ids = []
    for number, text in enumerate(x for x in examples if "schema" in x):
        file = tmp_path / f"example{number}.toml"
        file.write_text(text, encoding="utf-8")
        ids.append(load(str(file)).id)
    assert ids == ["my-definition", "my-limits", "my-prescriptions", "our-limits"]


def test_facts_of_the_page_load(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (text,) = (x for x in examples if "schema" not in x)
    facts = cases.facts(text, tmp_path)
    assert facts.primary.cea_ng_ml == 3.5
    assert facts.lesions[0].site == "T5-T6"


def test_every_fact_and_histology_is_described() -> None:
    _, _, page = PAGE.read_text(encoding="utf-8").partition("## The facts file")
    named = set(re.findall(r"`(\w+)`", page))
    for kind in (PrimaryFacts, DiseaseFacts, LesionFact):
        assert {item.name for item in fields(kind)} <= named, kind
    assert set(HISTOLOGIES) <= named


def test_every_fact_that_is_asked_for_has_its_words() -> None:
    assert [name for name in FACTS if need_words(name, {}) == name] == []
