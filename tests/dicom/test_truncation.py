"""A file that was cut off is refused or told, or nothing in it that is used was lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dicom import objects
from tests.dicom.truncation import KINDS, outcomes


@pytest.mark.parametrize("encoding", [(False, False), (True, True)])
@pytest.mark.parametrize("kind", KINDS)
def test_no_cut_loses_anything_in_silence(
    kind: str, encoding: tuple[bool, bool], tmp_path: Path
) -> None:
    """Every second byte, where elements begin; ``tests.dicom.truncation`` cuts at all."""
    explicit, undefined = encoding
    data = objects.to_bytes(KINDS[kind](), explicit=explicit, undefined=undefined)
    count = outcomes(data, tmp_path, step=2)
    assert count["lost in silence"] == 0
    assert count["error"] > len(data) // 4
