"""What every test has: the last line of a run says what came out and where."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pytest_unconfigure(config: pytest.Config) -> None:
    """One line after everything else: where the results of the run lie."""
    results = config.getoption("xmlpath", None)
    if results and not hasattr(config, "workerinput"):
        shown = Path(results).resolve()
        shown = shown.relative_to(ROOT) if shown.is_relative_to(ROOT) else shown
        print(f"rtplan: the tests have run; each one's result is in {shown}")
