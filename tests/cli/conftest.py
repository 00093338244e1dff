"""The synthetic patient, built once for all tests of commands."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the demo patient: DICOM-RT, facts.toml, truth.json."""
    from rtplan.phantoms import build

    folder = tmp_path_factory.mktemp("patient") / "dicom"
    build("esophagus-oligomet", folder)
    return folder
