"""The synthetic adult: an oesophageal primary, five metastases, a stereotactic plan.

The disease was chosen for its definitions: five metastases in three organs, at most two in one.
The dose was chosen for its limits: one rib beside the left lung lesion gets a little too much.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from rtplan.case import Plan, Prescription
from rtplan.dicom.write_plan import Beam
from rtplan.dose.grid import DoseGrid
from rtplan.geometry.contour import Contour, GeometricType, Structure
from rtplan.geometry.grid import FloatArray

from . import anatomy, ct
from .implicit import (
    Box,
    Shape,
    Values,
    contours_of,
    drawn_volume_cc,
    either,
    ellipsoid,
    sample,
    within,
)
from .model import TRUTH_SCHEMA, Phantom, axial_grid
from .solids import Point

SLICE_MM = 3.0
_PIXEL_MM = 1.7
_DOSE_MM = 2.5
_FRACTIONS = 5
_CTV_MM, _PTV_MM = 3.0, 7.0
_FINE_MM = 0.5
_SKIN_MM = 5.0
_GTV_COLOUR, _CTV_COLOUR, _PTV_COLOUR = (255, 40, 40), (255, 150, 0), (0, 200, 255)


@dataclass(frozen=True, slots=True)
class Tumour:
    """A tumour: an ellipsoid with half-axes ``half_mm`` turned by ``turn_deg`` about z."""

    label: str
    organ: str
    laterality: str | None
    centre_mm: Point
    half_mm: Point
    turn_deg: float
    dose_gy: float
    hu: float

    def shape(self, margin_mm: float = 0.0) -> Shape:
        """The tumour with its half-axes longer by a margin."""
        half = tuple(part + margin_mm for part in self.half_mm)
        return ellipsoid(self.centre_mm, half, turn_deg=self.turn_deg)

    def box(self, margin_mm: float = 0.0) -> Box:
        """A box round the tumour and its margin, with room to spare."""
        reach = max(self.half_mm) + margin_mm + 2
        x, y, z = ((part - reach, part + reach) for part in self.centre_mm)
        return Box(x, y, z)

    @property
    def volume_cc(self) -> float:
        """Volume of the ellipsoid, cc."""
        return 4e-3 / 3 * np.pi * float(np.prod(self.half_mm))


PRIMARY = Tumour("p", "oesophagus", None, (-5.0, 30.5, -6.0), (13.0, 11.5, 24.0), 0.0, 0.0, 42.0)
METASTASES: tuple[Tumour, ...] = (
    Tumour("1_Lung_L", "lung", "left", (121.0, 20.0, 6.0), (7.0, 8.0, 7.5), 25.0, 50.0, 34.0),
    Tumour("2_Lung_R", "lung", "right", (-78.0, 30.0, 52.0), (4.5, 5.5, 5.0), 0.0, 50.0, 30.0),
    Tumour("3_Liver", "liver", None, (-98.0, 8.0, -98.0), (10.0, 8.5, 9.5), -30.0, 50.0, 22.0),
    Tumour("4_Liver", "liver", None, (-62.0, -40.0, -126.0), (6.0, 7.0, 6.5), 15.0, 50.0, 26.0),
    Tumour("5_Bone", "bone", None, (8.0, 46.0, -135.0), (7.5, 6.5, 7.0), 0.0, 35.0, 70.0),
)

FACTS = """\
# What the DICOM files do not say of this synthetic patient.
[primary]
site = "oesophagus"
subsite = "thoracic_middle"
histology = "squamous"
controlled = true
diagnosed = 2024-01-15
treated = 2024-05-30

[disease]
detected = 2025-03-01
polymetastatic_before = false
oligometastatic_before = false
on_systemic_therapy = false
progressing = false
diffuse = false
lifetime_metastases = 5
metastases_not_drawn = 0
all_sites_treatable = true
mdt_discussed = true
imaging = ["FDG_PET_CT", "brain_MRI"]
"""


def patient(name: str, description: str) -> Phantom:
    """The synthetic adult.

    Parameters
    ----------
    name, description : str
        As the catalogue has them.
    """
    axes = _axes()
    parts = _sample_organs(axes)
    structures = _structures(axes, parts)
    tumours = [(t.shape(), t.box(), t.hu) for t in (PRIMARY, *METASTASES)]
    hu = ct.hounsfield(axes, parts, tumours)
    dose = dose_grid()
    numbers = {structure.name: structure.number for structure in structures}
    prescriptions = tuple(
        Prescription(t.dose_gy, numbers[f"PTV{t.label}"], "Dose Reference Sequence")
        for t in METASTASES
    )
    beams = tuple(
        Beam(n, f"ARC_{t.label}", t.centre_mm, _peak_gy(dose, t) / _FRACTIONS)
        for n, t in enumerate(METASTASES, 1)
    )
    return Phantom(
        name=name,
        description=description,
        image=axial_grid(axes.x_mm, axes.y_mm, axes.z_mm),
        hu=hu,
        structures=structures,
        dose=dose,
        plan=Plan("", "SBRT 5 lesions", _FRACTIONS, prescriptions=prescriptions),
        beams=beams,
        truth=_truth(name, description, structures),
        facts_toml=FACTS,
        dose_bits=16,
        decimals=2,
    )


def _axes() -> ct.Axes:
    across: FloatArray = (np.arange(256, dtype=np.float64) - 127.5) * _PIXEL_MM
    slices = round((anatomy.TOP_MM - anatomy.BOTTOM_MM) / SLICE_MM) + 1
    planes: FloatArray = anatomy.BOTTOM_MM + SLICE_MM * np.arange(slices, dtype=np.float64)
    return ct.Axes(across, across, planes)


def _sample_organs(axes: ct.Axes) -> ct.Parts:
    everywhere = (slice(None), slice(None), slice(None))
    body = axes.sample(anatomy.body, everywhere)
    shell = np.maximum(body.values, -_SKIN_MM - body.values)
    parts = {
        "BODY": (everywhere, body),
        "Skin": (everywhere, replace(body, values=shell)),
        "cavity": (everywhere, axes.sample(anatomy.cavity, everywhere)),
    }
    for organ in anatomy.ORGANS:
        part = axes.part(organ.box)
        parts[organ.name] = (part, axes.sample(organ.shape, part))
    return parts


def _structures(axes: ct.Axes, parts: ct.Parts) -> tuple[Structure, ...]:
    """Every ROI, numbered from 1: the body, targets, organs, helpers."""
    drawn: list[tuple[str, str, tuple[int, int, int], tuple[Contour, ...]]] = []
    drawn.append(("BODY", "EXTERNAL", (160, 220, 160), _draw_part(axes, parts, "BODY")))
    drawn.append(("GTVp", "GTV", (200, 0, 120), _draw_tumour(axes, PRIMARY, 0.0)))
    ptv: list[Contour] = []
    for tumour in METASTASES:
        for prefix, margin, colour in (
            ("GTV", 0.0, _GTV_COLOUR),
            ("CTV", _CTV_MM, _CTV_COLOUR),
            ("PTV", _PTV_MM, _PTV_COLOUR),
        ):
            contours = _draw_tumour(axes, tumour, margin)
            drawn.append((f"{prefix}{tumour.label}", prefix, colour, contours))
            if prefix == "PTV":
                ptv.extend(contours)
    drawn.append(("PTV_total", "PTV", (0, 120, 255), tuple(ptv)))
    for organ in anatomy.ORGANS:
        if organ.colour is not None:
            contours = _draw_part(axes, parts, organ.name)
            drawn.append((organ.name, organ.roi_type, organ.colour, contours))
    lungs = sum((contours for name, _, _, contours in drawn if name.startswith("Lung_")), ())
    drawn.append(("Skin", "ORGAN", (190, 160, 140), _draw_part(axes, parts, "Skin")))
    drawn.append(("Lungs", "ORGAN", (80, 170, 240), lungs))
    drawn.append(("zz_Ring", "CONTROL", (150, 150, 150), _draw_ring(axes)))
    isocentres = tuple(
        Contour(np.array([t.centre_mm], dtype=float), GeometricType.POINT) for t in METASTASES
    )
    drawn.append(("Isocenter", "ISOCENTER", (255, 255, 255), isocentres))
    return tuple(
        Structure(number, name, roi_type, contours, colour)
        for number, (name, roi_type, colour, contours) in enumerate(drawn, 1)
    )


def _draw_part(axes: ct.Axes, parts: ct.Parts, name: str) -> tuple[Contour, ...]:
    part, sampled = parts[name]
    return contours_of(sampled, axes.z_mm[part[0]])


def _draw_tumour(axes: ct.Axes, tumour: Tumour, margin_mm: float) -> tuple[Contour, ...]:
    box = tumour.box(margin_mm)
    planes = axes.z_mm[axes.part(box)[0]]
    x, y = (np.arange(low, high + _FINE_MM, _FINE_MM) for low, high in (box.x_mm, box.y_mm))
    return contours_of(sample(tumour.shape(margin_mm), x, y, planes), planes, tolerance_mm=0.02)


def _draw_ring(axes: ct.Axes) -> tuple[Contour, ...]:
    """A shell 10 to 25 mm outside the planning volumes: a helper of optimisation."""
    inner, outer = _PTV_MM + 10, _PTV_MM + 25
    boxes = [t.box(outer) for t in METASTASES]
    spans = [
        (min(span[0] for span in along), max(span[1] for span in along))
        for along in (
            [b.x_mm for b in boxes],
            [b.y_mm for b in boxes],
            [b.z_mm for b in boxes],
        )
    ]

    def shell(x: Values, y: Values, z: Values) -> Values:
        far = reduce(either, (t.shape(outer)(x, y, z) for t in METASTASES))
        near = reduce(either, (t.shape(inner)(x, y, z) for t in METASTASES))
        return np.maximum(np.maximum(far, -near), anatomy.body(x, y, z) + 1)

    x, y = (np.arange(low, high + 2.0, 2.0) for low, high in spans[:2])
    planes = axes.z_mm[within(axes.z_mm, spans[2])]
    return contours_of(sample(shell, x, y, planes), planes)


def dose_grid() -> DoseGrid:
    """The planned dose: a sum of single-target doses on a grid of 2.5 mm, nowhere clipped."""
    x = np.arange(-192.5, 192.6, _DOSE_MM)
    y = np.arange(-122.5, 125.1, _DOSE_MM)
    z = np.arange(anatomy.BOTTOM_MM - 2.5, anatomy.TOP_MM + 2.6, _DOSE_MM)
    total = sum((sample(_dose_of(t), x, y, z).values for t in METASTASES), np.float32(0))
    values: NDArray[np.float32] = np.asarray(total, dtype=np.float32)
    return DoseGrid(axial_grid(x, y, z), values)


def _dose_of(tumour: Tumour) -> Shape:
    """Dose of one target: the prescription at the surface of its planning volume.

    A logistic fall-off across the surface, centred where the dose is half its plateau, and a
    slowly fading bath of scattered dose.
    """
    surface = tumour.shape(_PTV_MM)
    at_surface, width = 0.78, 4.6
    middle = width * np.log(at_surface / (1 - at_surface))
    cx, cy, cz = tumour.centre_mm

    def dose(x: Values, y: Values, z: Values) -> Values:
        edge = np.exp(np.minimum((surface(x, y, z) - middle) / width, 60.0))
        away2 = (x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2
        bath = 0.05 / (1 + away2 / 45.0**2)
        return np.asarray(tumour.dose_gy * (1 / at_surface / (1 + edge) + bath), np.float32)

    return dose


def _peak_gy(dose: DoseGrid, tumour: Tumour) -> float:
    """Dose at the grid point nearest to the middle of a tumour, Gy."""
    away = dose.grid.coordinates_mm(np.array([tumour.centre_mm]))[0] / _DOSE_MM
    i, j, k = (round(float(part)) for part in away)
    return float(dose.values_gy[k, j, i])


def _truth(name: str, description: str, structures: tuple[Structure, ...]) -> dict[str, object]:
    lesions = [
        {
            "structure": f"GTV{t.label}",
            "category": "organ_metastasis",
            "organ": t.organ,
            "laterality": t.laterality,
            "centroid_mm": list(t.centre_mm),
            "volume_cc": t.volume_cc,
            "longest_diameter_mm": 2 * max(t.half_mm),
            "prescription_gy": t.dose_gy,
        }
        for t in METASTASES
    ]
    primary = {
        "structure": f"GTV{PRIMARY.label}",
        "category": "primary",
        "organ": None,
        "centroid_mm": list(PRIMARY.centre_mm),
        "volume_cc": PRIMARY.volume_cc,
    }
    drawn = [
        {
            "number": s.number,
            "name": s.name,
            "half_slice_prisms_cc": drawn_volume_cc(s.contours, SLICE_MM) if s.closed else None,
        }
        for s in structures
    ]
    return {
        "schema": TRUTH_SCHEMA,
        "name": name,
        "description": description,
        "metastases": len(METASTASES),
        "organs": sorted({t.organ for t in METASTASES}),
        "lesions": [*lesions, primary],
        "fractions": _FRACTIONS,
        "drawn": {"spacing_mm": SLICE_MM, "structures": drawn},
        # What the disease and the dose were chosen for.
        "designed": {
            "definitions": {"esophagus-cn-2025": "consistent", "omec-2023": "not_consistent"},
            "limits": {"tg101": {"violated": [{"structure": "Rib", "metric": "D0.035cc[Gy]"}]}},
        },
    }
