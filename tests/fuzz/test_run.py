"""The longer run counts, tells new kinds of escape from known ones, and saves what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import fuzz
from tests.fuzz.oracle import Escape
from tests.fuzz.trial import trial

TRACE = 'File "/x/rtplan/dicom/read.py", line {}, in read\nValueError: {}'


def fault(line: int, text: str) -> Escape:
    return Escape("fault", "check", f"exit 70: {text}", TRACE.format(line, text))


def test_escapes_of_one_place_are_of_one_kind(tmp_path: Path) -> None:
    tally = fuzz.Tally()
    assert len(tally.add(1, trial(1), [fault(7, "a"), fault(9, "b")])) == 1
    assert tally.add(2, trial(2), [fault(7, "c")]) == []
    assert len(tally.add(3, trial(3), [Escape("time", "check", "5.0 s")])) == 1
    assert (sum(tally.trials.values()), sum(tally.repeats.values())) == (3, 4)


def test_what_escaped_is_saved_with_its_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fuzz._note(fuzz.Tally(), tmp_path, 1, [fault(7, "a")])
    (folder,) = tmp_path.iterdir()
    assert "read.py" in (folder / "ESCAPE.txt").read_text(encoding="utf-8")
    assert {path.name for path in folder.iterdir()} == {"ESCAPE.txt", *trial(1).files}
    assert "seed 1 (structures" in capsys.readouterr().out


def test_a_run_prints_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tally = fuzz.fuzz(1, 0.0, tmp_path)
    fuzz.print_tally(tally, 1)
    assert "trials 0 from seed 1" in capsys.readouterr().out
