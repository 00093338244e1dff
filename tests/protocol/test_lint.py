"""What is valid and still likely a slip."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtplan.protocol.lint import lint
from rtplan.protocol.load import available, load

from .test_load import DEFINITION, LIMITS


@pytest.mark.parametrize(
    ("text", "old", "new", "words"),
    [
        (DEFINITION, "", "", "no criterion asks for a metastasis"),
        (DEFINITION, 'place = "table 1"', "", "few: no place in the source"),
        (DEFINITION, "[[arm]]", "[[source]]\nid = 'b'\ntext = 'b'\nurl = 'u'\n[[arm]]", '"b" is'),
        (LIMITS, '"SpinalCord"', '"SpinalCrod"', 'did you mean "SpinalCord"'),
    ],
)
def test_slip_is_named(tmp_path: Path, text: str, old: str, new: str, words: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    assert any(words in note for note in lint(load(str(file))))


def test_limit_that_stands_twice_is_named(tmp_path: Path) -> None:
    _, _, limit = LIMITS.partition("[[limit]]")
    file = tmp_path / "mine.toml"
    again = limit.replace('"cord"', '"cord-again"')
    file.write_text(f"{LIMITS}\n[[limit]]{again}", encoding="utf-8")
    assert any("cord-again: the same metric" in note for note in lint(load(str(file))))


def test_each_arm_asks_for_a_metastasis(tmp_path: Path) -> None:
    arms = DEFINITION.replace('rule = "few"', 'rule = "few"\nhistologies = ["squamous"]') + (
        '\n[[criterion]]\nid = "some"\ntext = "A metastasis"\nplace = "table 1"\n'
        'rule = { quantity = "metastases", op = ">=", limit = 1 }\n'
        'evidence = "secondary"\nsource = "paper"\n'
        '[[arm]]\nid = "other"\ntext = "Some"\nrule = "some"\nhistologies = ["other"]\n'
    )
    file = tmp_path / "mine.toml"
    file.write_text(arms, encoding="utf-8")
    (note,) = lint(load(str(file)))
    assert "(histology: squamous)" in note


def test_files_of_the_package_have_no_slip() -> None:
    for entry in available():
        assert lint(load(entry.id)) == (), entry.id
