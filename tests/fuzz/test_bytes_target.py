"""What the byte-level fuzzer runs, on some damaged files, without atheris."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtplan.dicom import link
from tests.fuzz.base import base_files
from tests.fuzz.bytes_target import NAMES, Target, seeds
from tests.fuzz.bytewise import mangle


def test_damaged_bytes_raise_nothing_but_rtplans_own_errors(tmp_path: Path) -> None:
    target = Target(tmp_path)
    for name, data in seeds().items():
        target(data)
        for seed in range(8):
            target(data[:1] + mangle(data[1:], seed + 1000 * len(name)))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == base_files()


def test_every_kind_of_file_is_among_the_seeds(tmp_path: Path) -> None:
    assert {name.rpartition("-")[0] for name in seeds()} == set(NAMES)
    assert len({data[0] for data in seeds().values()}) == len(seeds())
    Target(tmp_path)(b"")


def test_what_is_no_error_of_rtplans_own_goes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(inventory: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(link, "link", broken)
    with pytest.raises(KeyError):
        Target(tmp_path)(seeds()["RS.dcm-0"])
