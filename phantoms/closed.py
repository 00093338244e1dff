"""Phantoms of one solid in a linear dose, with the exact DVH beside the files.

Every solid is 24 mm high and wide, as in the test of Nelms et al. 2015 (doi:10.1118/1.4923175):
a dose of 16 Gy in the middle that rises by 1 Gy/mm, so 4 to 28 Gy along an axis. The dose grid is
trilinear-exact; what an engine gets wrong is geometry or integration.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtplan.case import Plan, Prescription
from rtplan.dicom.write_plan import Beam
from rtplan.dose.grid import DoseGrid
from rtplan.geometry.contour import Structure
from rtplan.geometry.grid import Grid

from .drawing import Pen, draw, drawn_volume_cc
from .fields import LinearField, Truth, truth
from .model import TRUTH_SCHEMA, Phantom, axial_grid, coordinates_mm
from .solids import Cone, Cylinder, Hollow, Point, Solid, Sphere

CENTRE: Point = (0.0, 0.0, 0.0)
SPHERE = Sphere(CENTRE, 12.0)
CYLINDER = Cylinder(CENTRE, 12.0, 24.0)
CONE = Cone((0.0, 0.0, -12.0), 12.0, 24.0)
HOLLOW_SPHERE = Hollow(SPHERE, Sphere(CENTRE, 8.0))
TUBE = Hollow(CYLINDER, Cylinder(CENTRE, 8.0, 24.0))

ALONG_Z = LinearField(CENTRE, 16.0, (0.0, 0.0, 1.0))
ALONG_X = LinearField(CENTRE, 16.0, (1.0, 0.0, 0.0))
# The middle is hotter, so that the corners of the dose grid stay above 0.
OBLIQUE = LinearField(CENTRE, 30.0, (0.6, 0.48, 0.64))

DEFAULT_PEN = Pen(spacing_mm=0.5)
_FRACTIONS = 5


def solid_phantom(
    name: str,
    description: str,
    solid: Solid,
    *,
    field: LinearField,
    pen: Pen = DEFAULT_PEN,
    roi_name: str = "Solid",
) -> Phantom:
    """The phantom of a solid within 15 mm of the origin, in a linear dose.

    Parameters
    ----------
    name, description : str
    solid : Solid
    field : LinearField
        At least 0 Gy up to 15 mm from the origin along each axis.
    pen : Pen
        How the solid is drawn; the CT slices are on the same planes.
    roi_name : str
    """
    structure = Structure(1, roi_name, "ORGAN", draw(solid, pen), (230, 80, 60))
    pixels = np.arange(-19.5, 20.0, 1.0)
    image = axial_grid(pixels, pixels, pen.planes_mm(-15.0, 15.0))
    nodes = np.arange(-15.0, 15.1, 2.5)
    dose_grid = axial_grid(nodes, nodes, nodes)
    x, y, z = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    points = np.stack([x, y, z], axis=-1)
    values = field.dose_gy(points).transpose(2, 1, 0).astype(np.float32)
    exact = truth(solid, field)
    return Phantom(
        name=name,
        description=description,
        image=image,
        hu=_hounsfield(solid, image),
        structures=(structure,),
        dose=DoseGrid(dose_grid, np.ascontiguousarray(values)),
        plan=Plan("", "linear", _FRACTIONS, prescriptions=(Prescription(16.0, 1),)),
        beams=(Beam(1, "ARC", CENTRE, 16.0 / _FRACTIONS),),
        truth={
            "schema": TRUTH_SCHEMA,
            "name": name,
            "description": description,
            "structures": [_truth_json(structure, solid, exact, pen)],
        },
    )


def _hounsfield(solid: Solid, image: Grid) -> NDArray[np.int16]:
    """Water, and the solid 60 HU above it."""
    x, y, z = coordinates_mm(image)
    hu = np.zeros(image.shape, dtype=np.int16)
    for k, height in enumerate(z):
        for ring in solid.rings(float(height)):
            square = (x - ring.centre_mm[0]) ** 2 + ((y - ring.centre_mm[1]) ** 2)[:, None]
            hu[k][square <= ring.radius_mm**2] = 0 if ring.is_hole else 60
    return hu


def _truth_json(structure: Structure, solid: Solid, exact: Truth, pen: Pen) -> dict[str, object]:
    dose = np.linspace(exact.min_gy, exact.max_gy, 241)
    near_max = min(0.035, exact.volume_cc)
    read = {f"D{p}%[Gy]": exact.dose_at(exact.volume_cc * p / 100) for p in (99, 98, 95, 50, 5, 2)}
    return {
        "number": structure.number,
        "name": structure.name,
        "volume_cc": exact.volume_cc,
        "drawn": {
            "spacing_mm": pen.spacing_mm,
            "holes": pen.holes.value,
            "half_slice_prisms_cc": drawn_volume_cc(solid, pen),
        },
        "dose_gy": {"min": exact.min_gy, "mean": exact.mean_gy, "max": exact.max_gy},
        "metrics": {**read, "D0.035cc[Gy]": exact.dose_at(near_max)},
        "dvh": {"dose_gy": dose.tolist(), "volume_cc": exact.volume_at(dose).tolist()},
    }
