"""The table of pitfalls is complete: every row has its test, every code is in the catalogue."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from rtplan.findings_catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "dicom.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]


def test_every_pitfall_has_a_row() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 58))
    assert all(len(row) == 5 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_codes_and_tests_of_a_row_exist(row: list[str]) -> None:
    codes, tests = row[3].split(), re.findall(r"`(\S+)::(\S+)`", row[4])
    assert codes == ["–"] or set(codes) <= set(CATALOGUE)
    assert tests
    for file, name in tests:
        tree = ast.parse((ROOT / "tests" / f"{file}.py").read_text(encoding="utf-8"))
        assert name in {x.name for x in tree.body if isinstance(x, ast.FunctionDef)}, (file, name)


def test_every_code_of_files_and_objects_is_in_the_table() -> None:
    named = {code for row in ROWS for code in row[3].split()}
    read = {code for code in CATALOGUE if code[:3] in ("FIL", "IMG", "RTS", "RTD")}
    beside = {"RTS011", "RTD013", "RTD015", "RTD016"}  # found since; tested with the others
    assert read - named == beside


def test_nothing_stored_is_ever_run() -> None:
    """No pickle, no evaluation of text, no loader that builds objects."""
    refused = re.compile(
        r"\b(pickle|marshal|shelve|yaml|dill|joblib)\b|\b(eval|exec|compile)\(|allow_pickle=True"
    )
    for path in [*(ROOT / "rtplan").rglob("*.py"), *(ROOT / "phantoms").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            words = []
            if isinstance(node, ast.Import | ast.ImportFrom):
                words = [ast.unparse(node)]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                words = [f"{node.func.id}("]
            elif isinstance(node, ast.keyword):
                words = [f"{node.arg}={ast.unparse(node.value)}"]
            assert not any(refused.search(word) for word in words), (path, words)


def test_the_parser_is_one_without_known_faults() -> None:
    """CVE-2026-32711: before 3.0.2 a DICOMDIR could lead out of its folder."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (bound,) = [x for x in project["dependencies"] if x.startswith("pydicom")]
    lowest = tuple(int(part) for part in bound.removeprefix("pydicom>=").split("."))
    assert lowest >= (3, 0, 2)
