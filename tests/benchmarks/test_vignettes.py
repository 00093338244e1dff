"""The table of vignettes counts what it should."""

from pathlib import Path

import pytest

from benchmarks import vignettes

CASE = """\
[[case]]
claim = "{claim}"
lesions = "liver@30"
facts = "primary.site = 'breast'"
verdict = "{verdict}"
"""


def test_a_wrong_verdict_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CASE.format(claim="right", verdict="not_applicable")
    text += CASE.format(claim="another primary", verdict="consistent")
    (tmp_path / "fong.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(vignettes, "VIGNETTES", tmp_path)
    vignettes.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[2:] == [
        "| fong | 2 | 1 | 0 | 0 | 1 | 1 |",
        "| **all** | 2 | 1 | 0 | 0 | 1 | 1 |",
        "fong: another primary: not_applicable",
    ]
