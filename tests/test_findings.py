"""The catalogue of findings and its page say the same, and nothing uses a code it lacks."""

import re
from pathlib import Path

import pytest

from rtplan.findings import Severity, catalogue_markdown, finding
from rtplan.findings_catalogue import CATALOGUE

ROOT = Path(__file__).parents[1]


def test_docs_page_is_the_catalogue() -> None:
    """To renew it, write what ``rtplan.findings.catalogue_markdown()`` returns to the page."""
    assert (ROOT / "docs" / "findings.md").read_text(encoding="utf-8") == catalogue_markdown()


@pytest.mark.parametrize("code", CATALOGUE)
def test_entry_is_complete(code: str) -> None:
    entry = CATALOGUE[code]
    assert re.fullmatch(r"[A-Z]{3}\d{3}", code)
    assert Severity(entry.severity)
    assert entry.meaning.endswith(".")
    assert entry.remedy.endswith(".")


def test_every_code_in_the_sources_is_catalogued_and_used() -> None:
    used = set()
    for path in (ROOT / "rtplan").rglob("*.py"):
        used |= set(re.findall(r'"([A-Z]{3}\d{3})"', path.read_text(encoding="utf-8")))
    assert used == set(CATALOGUE)


def test_json_leaves_out_what_is_not_known() -> None:
    item = finding("GEO001", "overlap", roi_number=3)
    assert item.as_json() == {
        "code": "GEO001",
        "severity": "warning",
        "text": "overlap",
        "where": {"roi_number": 3},
    }
