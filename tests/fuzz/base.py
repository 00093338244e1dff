"""The small valid case that every mutation starts from: three ROIs, a plan, a dose, a CT."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from rtplan.case import Plan, Prescription
from rtplan.dicom.write import Study, ct_series, rt_dose, structure_set, to_bytes
from rtplan.dicom.write_plan import Beam, rt_plan
from rtplan.dose.grid import DoseGrid
from rtplan.geometry.contour import Contour, GeometricType, Structure
from rtplan.geometry.grid import Grid
from rtplan.phantoms.model import axial_grid

Files = dict[str, bytes]
"""The files of a case by name."""
RS, RP, RD = "RS.dcm", "RP.dcm", "RD.dcm"
CTS = ("CT0.dcm", "CT1.dcm", "CT2.dcm")
SENTINEL = "ZZPHI"
"""Stands in every attribute of the patient, and must stand in nothing that is written."""
BIRTH_DATE = "19431109"
FACTS = """\
[primary]
site = "oesophagus"
histology = "squamous"
controlled = true
diagnosed = 2024-01-15
treated = 2024-05-30
node_positive = true
cea_ng_ml = 3.5
egfr_mutated = false

[disease]
detected = 2025-03-01
metastases_not_drawn = 0
polymetastatic_before = false
progressing = false
uninvolved_liver_cc = 1250.5
extrahepatic_controlled = true
"""
LIMITS = """\
schema = "rtplan/limits/1"
id = "fuzz"
title = "Limits of the small case, all met"
name = "fuzz"
version = "1"

[[source]]
id = "own"
text = "made for the tests"
url = "https://example.org"
"""
_LIMIT = """
[[limit]]
id = "{id}"
structure = "{structure}"
label = "{structure}"
metric = "{metric}"
op = "{op}"
limit = {limit}
fractions = 5
endpoint = "none"
evidence = "unconfirmed"
source = "own"
place = "here"
"""
_ROWS = (
    ("GTV1_Lung_L", "D95%[Gy]", ">=", 15.0),
    ("GTV1_Lung_L", "Max[Gy]", "<=", 40.0),
    ("SpinalCord", "D0.035cc[Gy]", "<=", 30.0),
    ("SpinalCord", "Mean[Gy]", "<=", 25.0),
    ("SpinalCord", "V20Gy[%]", "<=", 50.0),
)
_POINT = Contour(np.array([[-6.0, -5.0, 0.0]]), GeometricType.POINT)


def limits_text() -> str:
    """A limits file whose every limit the valid case meets."""
    rows = [
        _LIMIT.format(id=f"limit-{number}", structure=structure, metric=metric, op=op, limit=limit)
        for number, (structure, metric, op, limit) in enumerate(_ROWS)
    ]
    return LIMITS + "".join(rows)


@cache
def base_files() -> Files:
    """The files of the case by name; not to be changed."""
    study = Study("fuzz", f"{SENTINEL}^NAME", f"{SENTINEL}-ID", f"{SENTINEL} study")
    images = ct_series(study, *_image())
    structures = structure_set(study, _structures(), images=images, decimals=2)
    plan = Plan("", "PLAN", 5, prescriptions=(Prescription(30.0, 1),))
    beams = (Beam(1, "ARC_1", (0.0, 0.0, 0.0), 3.0), Beam(2, "ARC_2", (0.0, 0.0, 0.0), 3.0))
    planned = rt_plan(study, plan, beams, structures=structures)
    dose = rt_dose(study, _dose(), plan=planned, bits=16)
    found = dict(zip((*CTS, RS, RP, RD), (*images, structures, planned, dose), strict=True))
    for dataset in found.values():
        dataset.PatientBirthDate = BIRTH_DATE
        dataset.OtherPatientIDs = f"{SENTINEL}-2"
        dataset.InstitutionName = f"{SENTINEL} hospital"
    return {name: to_bytes(dataset) for name, dataset in found.items()}


def _image() -> tuple[Grid, NDArray[np.int16]]:
    across, along = 6.0 * np.arange(8) - 21, 6.0 * np.arange(len(CTS)) - 6
    grid = axial_grid(across, across, along)
    return grid, np.full(grid.shape, 40, dtype=np.int16)


def _structures() -> tuple[Structure, ...]:
    return (
        Structure(1, "GTV1_Lung_L", "GTV", _prism(7.0, (-6.0, -5.0), 7, 4), (255, 0, 0)),
        Structure(2, "SpinalCord", "ORGAN", _prism(4.0, (-8.0, 10.0), 5, 3), (0, 0, 255)),
        Structure(3, "Isocentre", "ISOCENTER", (_POINT,)),
    )


def _prism(
    radius_mm: float, centre_mm: tuple[float, float], sides: int, planes: int
) -> tuple[Contour, ...]:
    angle = 2 * np.pi * np.arange(sides) / sides + 0.3
    ring = np.array(centre_mm) + radius_mm * np.column_stack([np.cos(angle), np.sin(angle)])
    return tuple(
        Contour(np.column_stack([ring, np.full(sides, 3.0 * (k - (planes - 1) // 2))]))
        for k in range(planes)
    )


def _dose() -> DoseGrid:
    x, y, z = (4.0 * (np.arange(count) - (count - 1) / 2) for count in (12, 10, 8))
    square = (z**2)[:, None, None] + ((y + 5) ** 2)[:, None] + (x + 6) ** 2
    values = (2 + 32 * np.exp(-square / 200)).astype(np.float32)
    return DoseGrid(axial_grid(x, y, z), values)
