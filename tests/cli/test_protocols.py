"""``rtplan protocols``: list, show, validate."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtplan.cli.main import main
from tests.protocol.test_load import DEFINITION, LIMITS


def test_list_counts_rules_by_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "list"]) == 0
    out = capsys.readouterr().out
    for words in (
        *("omec-2023", "3 verified, 2 unconfirmed", "1 verified, 7 secondary, 2 unconfirmed"),
        *("tg101", "152 secondary"),
    ):
        assert words in out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("omec-2023", ["doi:10.1016/j.ejca.2023.02.015", "restaging-interval", "AJCC8"]),
        ("esophagus-cn-2025", ["nodal-counting", "secondary", "squamous", "convention of rtplan"]),
        ("estro-astro-2020", ["any solid tumour", "working number"]),
        ("estro-eortc-2020", ["decision tree", "induced_oligopersistence", "months to detection"]),
        ("tg101", ["D0.35cc[Gy]", "<= 10 Gy", "17.4; 19.2", "3 fractions", "(each side)"]),
    ],
)
def test_show_is_readable_with_sources_and_gaps(
    capsys: pytest.CaptureFixture[str], name: str, words: list[str]
) -> None:
    assert main(["protocols", "show", name]) == 0
    out = capsys.readouterr().out
    for word in (*words, "sources:", "not confirmed in the source:"):
        assert word in out


def test_show_of_an_unknown_id_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "show", "tg-101"]) == 2
    assert 'did you mean "tg101"' in capsys.readouterr().err


def test_validate_says_what_a_good_file_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    for text, words in (
        (DEFINITION, "mine.toml: a valid definition, mine: 1 rule (1 secondary), 0 stated gaps"),
        (LIMITS, "mine.toml: a valid set of dose limits, my-limits: 1 rule (1 secondary)"),
    ):
        file.write_text(text, encoding="utf-8")
        assert main(["protocols", "validate", str(file)]) == 0
        assert words in capsys.readouterr().out


def test_validate_of_a_broken_file_names_file_key_and_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(LIMITS.replace("limit = 14", "limit = -14"), encoding="utf-8")
    assert main(["protocols", "validate", str(file)]) == 2
    assert "mine.toml: limit[0].limit: -14 is below 0" in capsys.readouterr().err


def test_site_file_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(DEFINITION, encoding="utf-8")
    assert main(["protocols", "show", str(file)]) == 0
    assert "Few metastases" in capsys.readouterr().out
