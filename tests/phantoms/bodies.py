"""Solids of every kind, upright, lying and oblique, for the tests of their cuts and sections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from rtplan.geometry.grid import FloatArray
from rtplan.phantoms.solids import (
    Axes,
    Box,
    Capsule,
    Cone,
    Cylinder,
    Ellipsoid,
    Hollow,
    Point,
    Solid,
    Sphere,
    Torus,
    turned_axes,
)

MIDDLE: Point = (1.0, -2.0, 3.0)
ASIDE: Point = (4.0, 1.0, 1.5)
OBLIQUE: Point = (0.3, -0.5, 0.7)
LYING: Point = (0.8, 0.6, 0.0)
TURNED = turned_axes((1.0, 2.0, -1.0), 40.0)

SOLIDS: dict[str, Solid] = {
    "sphere": Sphere(MIDDLE, 12.0),
    "hollow sphere": Hollow(Sphere(MIDDLE, 12.0), Sphere((1.0, -1.0, 5.0), 6.0)),
    "ellipsoid": Ellipsoid(MIDDLE, (15.0, 8.0, 6.0)),
    "turned ellipsoid": Ellipsoid(MIDDLE, (15.0, 8.0, 6.0), TURNED),
    "prolate spheroid": Ellipsoid(MIDDLE, (6.0, 14.0, 6.0), TURNED),
    "oblate spheroid": Ellipsoid(MIDDLE, (6.0, 14.0, 14.0), TURNED),
    "cylinder": Cylinder(MIDDLE, 12.0, 24.0),
    "lying cylinder": Cylinder(MIDDLE, 12.0, 24.0, LYING),
    "oblique cylinder": Cylinder(MIDDLE, 12.0, 24.0, OBLIQUE),
    "leaning disc": Cylinder(MIDDLE, 12.0, 8.0, (0.8, 0.2, 0.5)),
    "cone": Cone(MIDDLE, 12.0, 24.0),
    "lying cone": Cone(MIDDLE, 12.0, 24.0, LYING),
    "oblique cone": Cone(MIDDLE, 12.0, 24.0, OBLIQUE),
    "downward cone": Cone(MIDDLE, 12.0, 24.0, (0.2, 0.1, -0.9)),
    "capsule": Capsule(MIDDLE, 6.0, 20.0),
    "lying capsule": Capsule(MIDDLE, 6.0, 20.0, LYING),
    "oblique capsule": Capsule(MIDDLE, 6.0, 20.0, OBLIQUE),
    "leaning capsule": Capsule(MIDDLE, 9.0, 6.0, (0.8, 0.2, 0.3)),
    "box": Box(MIDDLE, (24.0, 18.0, 10.0)),
    "turned box": Box(MIDDLE, (24.0, 18.0, 10.0), TURNED),
    "torus": Torus(MIDDLE, 10.0, 4.0),
    "oblique torus": Torus(MIDDLE, 10.0, 4.0, OBLIQUE),
}
# Solids whose sections by planes of constant z are known.
DRAWN = [name for name in SOLIDS if name != "oblique torus"]
# Solids that are cut by balls about any point; the others about a point of their own.
ANY_BALL = [name for name in SOLIDS if "torus" not in name and not name.endswith("ellipsoid")]

DIRECTIONS: dict[str, FloatArray] = {
    "x": np.array([1.0, 0.0, 0.0]),
    "y": np.array([0.0, -1.0, 0.0]),
    "near z": np.array([0.006, 0.008, np.sqrt(1 - 1e-4)]),
    "oblique": np.array([0.6, 0.48, 0.64]),
    "down": np.array([0.36, -0.48, -0.8]),
}


def turned(solid: Solid, turn: Rotation) -> Solid:
    """A solid turned about the origin of the patient."""

    def point(position: Point) -> Point:
        x, y, z = (float(part) for part in turn.apply(np.asarray(position)))
        return x, y, z

    def axes(own: Axes) -> Axes:
        first, second, third = (point(direction) for direction in own)
        return first, second, third

    match solid:
        case Sphere():
            return replace(solid, centre_mm=point(solid.centre_mm))
        case Hollow():
            return Hollow(turned(solid.outer, turn), turned(solid.inner, turn))
        case Cone():
            return replace(solid, apex_mm=point(solid.apex_mm), axis=point(solid.axis))
        case Cylinder() | Capsule() | Torus():
            return replace(solid, centre_mm=point(solid.centre_mm), axis=point(solid.axis))
        case Ellipsoid() | Box():
            return replace(solid, centre_mm=point(solid.centre_mm), axes=axes(solid.axes))
        case _:
            raise TypeError(type(solid).__name__)
