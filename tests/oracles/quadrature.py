"""The slow twin of the closed forms of ``phantoms``: layers of exact sections, cut as polygons.

A solid is cut into layers of constant z, each of its section as a polygon of many vertices. The
polygons are cut by a line or a circle edge by edge, and the layers added up. Nothing here knows
of a solid's axis, of elementary integrals or of where a cut starts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtplan.geometry.grid import FloatArray
from rtplan.phantoms.solids import Point, Solid

VERTICES = 240
PANELS, NODES = 40, 6


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """Edges of the sections of all layers.

    Parameters
    ----------
    start, end : (n, 3) float
        Ends of the edges, mm.
    weight : (n,) float
        Thickness of the edge's layer, mm; below 0 round a hole.
    """

    start: FloatArray
    end: FloatArray
    weight: FloatArray


def layers_of(solid: Solid) -> Layers:
    """The layers of a solid, denser towards its lowest and its highest point."""
    low, high = solid.extent_mm(np.array([0.0, 0.0, 1.0]))
    at, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(-np.pi / 2, np.pi / 2, PANELS + 1)
    half = np.diff(edges) / 2
    turn = ((edges[:-1] + edges[1:]) / 2)[:, None] + half[:, None] * at
    z = (low + high) / 2 + (high - low) / 2 * np.sin(turn)
    thickness = half[:, None] * weights * (high - low) / 2 * np.cos(turn)
    starts, ends, sizes = [], [], []
    for height, size in zip(z.ravel(), thickness.ravel(), strict=True):
        for section in solid.sections(float(height)):
            ring = section.polygon(VERTICES, area_matched=True)
            points = np.column_stack([ring, np.full(len(ring), height)])
            starts.append(points)
            ends.append(np.roll(points, -1, axis=0))
            sizes.append(np.full(len(ring), -size if section.is_hole else size))
    return Layers(np.concatenate(starts), np.concatenate(ends), np.concatenate(sizes))


def above_cc(layers: Layers, normal: FloatArray, offset_mm: float) -> float:
    """Volume, cc, where ``normal . x >= offset_mm``, for a normal that is not along z."""
    across = float(np.hypot(normal[0], normal[1]))
    ux, uy = normal[:2] / across
    limit = (offset_mm - normal[2] * layers.start[:, 2]) / across

    def turned(points: FloatArray) -> tuple[FloatArray, FloatArray]:
        return points[:, 0] * ux + points[:, 1] * uy, points[:, 1] * ux - points[:, 0] * uy

    (u0, v0), (u1, v1) = turned(layers.start), turned(layers.end)
    run = u1 - u0
    safe = np.where(run == 0, 1.0, run)
    # The area beyond the line is minus the integral of v over u clipped to it.
    c0, c1 = np.maximum(u0, limit), np.maximum(u1, limit)
    middle = v0 + ((c0 + c1) / 2 - u0) / safe * (v1 - v0)
    area = -np.where(run == 0, 0.0, middle * (c1 - c0))
    return float(area @ layers.weight) * 1e-3


def within_cc(layers: Layers, centre_mm: Point, radius_mm: float) -> float:
    """Volume, cc, within a ball."""
    centre = np.asarray(centre_mm)
    p, q = layers.start[:, :2] - centre[:2], layers.end[:, :2] - centre[:2]
    disc = np.sqrt(np.maximum(radius_mm**2 - (layers.start[:, 2] - centre[2]) ** 2, 0.0))
    step = q - p
    square = np.maximum(np.sum(step**2, axis=1), 1e-300)
    middle = -np.sum(p * step, axis=1) / square
    root = np.sqrt(np.maximum(middle**2 - (np.sum(p**2, axis=1) - disc**2) / square, 0.0))
    first, last = np.clip(middle - root, 0.0, 1.0), np.clip(middle + root, 0.0, 1.0)
    a, b = p + first[:, None] * step, p + last[:, None] * step
    # A triangle to the centre within the disc; sectors of the disc over what lies beyond it.
    inside = _cross(a, b) / 2
    sectors = disc**2 / 2 * (_angle(p, a) + _angle(b, q))
    return float((inside + sectors) @ layers.weight) * 1e-3


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def _angle(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(np.arctan2(_cross(a, b), np.sum(a * b, axis=1)))
