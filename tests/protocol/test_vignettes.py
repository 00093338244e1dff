"""Every definition on patients worked out by hand, kept as data: one file a definition."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rtplan.protocol.evaluate import evaluate_definition
from rtplan.protocol.load import available, load_definition
from rtplan.protocol.model import DefinitionKind

from . import cases

KEYS = {"claim", "lesions", "facts", "verdict", "state", "needs", "criteria", "apart_mm", "drawn"}
FILES = sorted((Path(__file__).parent / "vignettes").glob("*.toml"))
VIGNETTES: list[tuple[str, dict[str, Any]]] = [
    (file.stem, case)
    for file in FILES
    for case in tomllib.loads(file.read_text(encoding="utf-8"))["case"]
]
DEFINITIONS = {item.id: load_definition(item.id) for item in available() if item.kind.has_criteria}


@pytest.mark.parametrize(
    ("name", "case"), VIGNETTES, ids=[f"{name}: {case['claim']}" for name, case in VIGNETTES]
)
def test_vignette(name: str, case: dict[str, Any], tmp_path: Path) -> None:
    assert set(case) <= KEYS
    lesions = cases.reading(
        case["lesions"], apart_mm=case.get("apart_mm"), drawn=case.get("drawn", False)
    )
    facts = cases.facts(case["facts"], tmp_path)
    result = evaluate_definition(DEFINITIONS[name], lesions, facts)
    assert result.verdict == case["verdict"], result.reason
    assert result.state == case.get("state")
    assert set(case.get("needs", ())) <= set(result.needs)
    found = {item.id: item.outcome.truth for item in result.criteria}
    wanted = case.get("criteria", {})
    assert {key: found[key] for key in wanted} == wanted
    json.dumps(result.as_json(), allow_nan=False)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_definition_has_a_vignette_of_each_verdict(name: str) -> None:
    mine = [case for file, case in VIGNETTES if file == name]
    assert len(mine) >= 3
    definition = DEFINITIONS[name]
    if definition.kind is DefinitionKind.PATHWAY:
        # It lists conditions: each that a fact tells is seen met and not met, and one unknown.
        seen = {pair for case in mine for pair in case.get("criteria", {}).items()}
        told = [item.id for item in definition.criteria if item.rule is not None]
        assert seen >= {(item, status) for item in told for status in ("met", "not_met")}
        assert "unknown" in {status for _, status in seen}
        return
    # A tree names a state, and a score a group, or cannot: neither is ever inconsistent.
    wanted = {"consistent", "indeterminate"}
    if definition.arms:
        wanted.add("not_consistent")
    assert wanted <= {case["verdict"] for case in mine}


def test_every_vignette_file_is_of_a_definition() -> None:
    assert {file.stem for file in FILES} <= set(DEFINITIONS)
