"""The examples in the docstrings of the phantoms hold."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["solid", "solids", "boxes", "fields", "drawing", "registry"])
def test_examples_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"rtplan.phantoms.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
