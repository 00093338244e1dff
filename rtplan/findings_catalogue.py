"""The catalogue of finding codes, read from ``findings.toml``."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import NamedTuple


class Entry(NamedTuple):
    """Severity, meaning and remedy of one code."""

    severity: str
    meaning: str
    remedy: str


def _load() -> dict[str, Entry]:
    text = files("rtplan").joinpath("findings.toml").read_text(encoding="utf-8")
    return {code: Entry(**entry) for code, entry in tomllib.loads(text).items()}


CATALOGUE: dict[str, Entry] = _load()
