"""What every test has: the last line of a run says what came out and where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# A change must not fail for an example that its predecessor was only lucky not to draw: in
# continuous integration the examples are fixed, everywhere else they are new at each run.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_unconfigure(config: pytest.Config) -> None:
    """One line after everything else: where the results of the run lie."""
    results = config.getoption("xmlpath", None)
    if results and not hasattr(config, "workerinput"):
        shown = Path(results).resolve()
        shown = shown.relative_to(ROOT) if shown.is_relative_to(ROOT) else shown
        print(f"rtplan: the tests have run; each one's result is in {shown}")
