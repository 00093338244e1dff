"""``rtplan protocols``: list, show, validate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtplan.cli.main import main
from rtplan.protocol.load import load_definition
from tests.protocol.test_extend import DEFINITION as EXTENDING
from tests.protocol.test_extend import written
from tests.protocol.test_load import DEFINITION, LIMITS


def test_list_counts_rules_by_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "list"]) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for start, end in (
        ("id kind title", "rules verified secondary unconfirmed"),
        ("omec-2023 definition OMEC", "5 3 2"),
        ("esophagus-cn-2025 definition Chinese", "10 1 7 2"),
        ("sarcoma-lung pathway", ""),
        ("tg101 limits AAPM", "154 2 152"),
        ("prescriptions prescriptions Doses", "24 17 7"),
    ):
        assert [row for row in rows if row.startswith(start) and row.endswith(end)], start


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("omec-2023", ["doi:10.1016/j.ejca.2023.02.015", "restaging-interval", "AJCC8"]),
        ("esophagus-cn-2025", ["nodal-counting", "secondary", "squamous", "convention of rtplan"]),
        ("estro-astro-2020", ["any solid tumour", "working number"]),
        ("estro-eortc-2020", ["decision tree", "induced_oligopersistence", "months to detection"]),
        ("tg101", ["D0.35cc[Gy]", "<= 10 Gy", "17.4; 19.2", "3 fractions", "(each side)"]),
        ("quantec", ["1.8 to 2 Gy a fraction", "V45Gy[cc]", "69 Gy for 50 %"]),
        ("esophagus-conventional", ["optimal", "kn-975", "28 fractions", "rtog-0436"]),
        ("hytec-cord", ["4 fractions", "myelopathy", "26.2"]),
        ("prescriptions", ["151.2 Gy", "45 to 60", "3 to 8", "recommends nothing"]),
        ("prescriptions", ["metastases in adrenal", "breast, lung, prostate", "primaries"]),
        ("fong", ["groups:", "low risk: 0 to 2 points"]),
        ("sarcoma-lung", ["gives no verdict", "no fact of rtplan tells it"]),
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
    for text, words in (
        (DEFINITION, "mine.toml: a valid definition, mine: 1 rule (1 secondary), 0 stated gaps\n"),
        (LIMITS, "mine.toml: a valid set of dose limits, my-limits: 1 rule (1 secondary)"),
    ):
        file = written(tmp_path, text, "mine.toml")
        assert main(["protocols", "validate", file]) == 0
        assert words in capsys.readouterr().out


def test_validate_of_a_broken_file_names_file_key_and_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, LIMITS.replace("limit = 14", "limit = -14"), "mine.toml")
    assert main(["protocols", "validate", file]) == 2
    assert "mine.toml: limit[0].limit: -14 is below 0" in capsys.readouterr().err


def test_site_file_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, DEFINITION, "mine.toml")
    assert main(["protocols", "show", file]) == 0
    assert "Few metastases" in capsys.readouterr().out


def test_validate_names_slips_of_a_valid_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, DEFINITION, "mine.toml")
    assert main(["protocols", "validate", file]) == 0
    said = "look at again:\n  mine.toml: criterion: no criterion asks for a metastasis"
    assert said in capsys.readouterr().out


def test_slip_is_an_error_with_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, DEFINITION, "mine.toml")
    assert main(["protocols", "validate", file, "--strict"]) == 2
    assert "mine.toml: 1 to look at again, an error with --strict" in capsys.readouterr().err
    some = 'op = ">=", limit = 1 }'
    written(tmp_path, DEFINITION.replace('op = "<=", limit = 5 }', some), "mine.toml")
    assert main(["protocols", "validate", file, "--strict"]) == 0


def test_text_of_a_site_file_cannot_move_the_cursor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = DEFINITION.replace('"A definition"', '"\\u001b[2J"').replace(
        'text = "Few metastases"', 'text = "\\u001b[31m\\u202e"'
    )
    file = written(tmp_path, hostile.replace('version = "1"', 'version = "\\u001b"'), "mine.toml")
    assert main(["protocols", "show", file]) == 0
    assert main(["protocols", "validate", file]) == 0
    out = capsys.readouterr().out
    assert "⟨U+001B⟩[2J" in out
    assert not {chr(0x1B), chr(0x202E)} & {*out}


def test_file_that_extends_another_is_shown_with_what_it_extends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, EXTENDING)
    assert main(["protocols", "show", file]) == 0
    out = capsys.readouterr().out
    base = f"omec-2023, version {load_definition('omec-2023').version}"
    for words in (f"extends {base}", "At most two metastases", "paired organs: each"):
        assert words in out
    assert main(["protocols", "validate", file]) == 0
    assert f"it extends {base}" in capsys.readouterr().out
    kept = EXTENDING.splitlines(keepends=True)
    written(tmp_path, "".join(x for x in kept if "At most two" not in x))
    assert main(["protocols", "validate", file]) == 0
    slip = 'ours.toml: criterion["organ-lesions"].text: the rule is changed, the text is still'
    assert slip in capsys.readouterr().out


def test_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "schema"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    kinds = [item["properties"]["schema"]["const"] for item in content["oneOf"]]
    assert kinds == ["rtplan/definition/1", "rtplan/limits/1", "rtplan/prescriptions/1"]
