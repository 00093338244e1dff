"""Every definition on patients worked out by hand, kept as data in vignettes.toml."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rtplan.protocol.evaluate import evaluate_definition
from rtplan.protocol.load import available, load_definition

from . import cases

VIGNETTES: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "vignettes.toml").read_text(encoding="utf-8")
)["case"]


@pytest.mark.parametrize(
    "case", VIGNETTES, ids=[f"{case['definition']}: {case['claim']}" for case in VIGNETTES]
)
def test_vignette(case: dict[str, Any], tmp_path: Path) -> None:
    result = evaluate_definition(
        load_definition(case["definition"]),
        cases.reading(case["lesions"]),
        cases.facts(case["facts"], tmp_path),
    )
    assert result.verdict == case["verdict"], result.reason
    assert result.state == case.get("state")
    assert set(case.get("needs", ())) <= set(result.needs)
    json.dumps(result.as_json(), allow_nan=False)


@pytest.mark.parametrize("name", [item.id for item in available() if item.kind == "definition"])
def test_every_definition_has_a_vignette_of_each_verdict(name: str) -> None:
    verdicts = {case["verdict"] for case in VIGNETTES if case["definition"] == name}
    # A tree names a state or cannot: it is never inconsistent.
    wanted = {"consistent", "indeterminate"}
    if load_definition(name).tree is None:
        wanted.add("not_consistent")
    assert wanted <= verdicts
