"""The saved corpus replayed: nothing that once escaped, and nothing of its kind, escapes again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fuzz import corpus
from tests.fuzz.oracle import report_of, write_case
from tests.fuzz.registry import MUTATIONS
from tests.fuzz.trial import judge

KEPT = corpus.kept()
BYTES = 300_000
OPEN: dict[str, str] = {}
"""Escapes that are not mended yet."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all; each trial clears it."""
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def base(work: Path) -> dict[str, Any]:
    """The report of the valid case."""
    return report_of(write_case(work / "case", corpus.valid_files()), work / "work")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(reason=OPEN[name])) if name in OPEN else name
        for name in KEPT
    ],
)
def test_nothing_escapes(name: str, base: dict[str, Any], work: Path) -> None:
    assert judge(KEPT[name], work, base, seconds=2.5) == []


def test_every_row_is_in_the_corpus_and_the_corpus_is_small() -> None:
    kept = {corpus.row_of(name) for one in KEPT.values() for name in one.names}
    assert kept >= {corpus.row_of(name) for name in MUTATIONS}
    assert sum(path.stat().st_size for path in corpus.FOLDER.iterdir()) < BYTES


def test_every_limit_of_the_valid_case_is_met(base: dict[str, Any]) -> None:
    """Else a limit that passes for nothing would not be seen."""
    assert base["verdict"]["exit_code"] == 0
    assert [row["status"] for row in base["limits"]["sets"][0]["rows"]] == ["met"] * 5
    metrics = [item["metrics"].values() for item in base["dvh"]["structures"][:2]]
    assert {value["status"] for values in metrics for value in values} == {"evaluated"}
