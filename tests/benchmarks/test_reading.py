"""The reading benchmark writes what it says, and sees where a file was not taken in."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import reading


def test_a_small_folder_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reading, "ROIS", 1)
    monkeypatch.setattr(reading, "PLANES", 3)
    folder = tmp_path / "case"
    reading.write(folder, 5, 16)
    reading.print_costs(folder)
    out = capsys.readouterr().out
    assert "numbers: 4,500 of 3 contours" in out
    assert "folder: 5 files" in out
    assert "headers: 4 files" in out
    (folder / "CT0001.dcm").write_bytes(b"")
    with pytest.raises(SystemExit, match="of 5 files only 1 slices and 3 were read"):
        reading.print_costs(folder)
