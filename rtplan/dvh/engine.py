"""The DVH engine: exact coverage, linear dose, no sampling.

Each slab of a solid is cut at the dose planes; each dose cell contributes the volume that the
solid covers of it, at the dose of the covered part's centroid, spread evenly over the width that
the dose gradient and the extent of that part give (variance of a uniform distribution). Small
structures are computed on a locally refined grid, which is exact: the dose is trilinear.

Volume is exact for the polygon prisms, and the same geometry gives volume and dose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from rtplan.dose.grid import DoseGrid
from rtplan.dose.sampling import Field, field_in_frame
from rtplan.dose.spline import cell_means, refined_around
from rtplan.dvh.curve import DVH, StructureDVH
from rtplan.dvh.histogram import RampHistogram
from rtplan.dvh.metrics import COVERED
from rtplan.errors import GeometryError
from rtplan.findings import Finding, finding
from rtplan.geometry.contour import Structure
from rtplan.geometry.convention import EndCap as EndCap
from rtplan.geometry.convention import Interpolation as Interpolation
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import Coverage, IndexArray, Lines, cover
from rtplan.geometry.solid import Slab, Solid, solid_of

TARGET_CELLS = 50_000
MAX_REFINEMENT = 8
CHUNK_CELLS = 100_000


NANOGRAY = 9
"""Decimals of a dose in Gy beyond which nothing is kept of its extremes."""


class DoseInterpolation(StrEnum):
    """What the dose is between voxel centres; ``CUBIC`` is guarded, as ``dose.spline`` says."""

    TRILINEAR = "trilinear"
    CUBIC = "cubic"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a DVH is computed; printed with every result.

    ``lone_plane_mm`` is the thickness of a structure drawn on one plane (``geometry.solid``).
    """

    interpolation: Interpolation = Interpolation.RIGHT_PRISM
    end_cap: EndCap = EndCap.HALF_SLICE
    dose_interpolation: DoseInterpolation = DoseInterpolation.TRILINEAR
    lone_plane_mm: float | None = None

    def as_json(self) -> dict[str, object]:
        """The settings as JSON, units in the names."""
        return {
            "interpolation": self.interpolation.value,
            "end_cap": self.end_cap.value,
            "dose_interpolation": self.dose_interpolation.value,
            "lone_plane_mm": self.lone_plane_mm,
        }


def compute(
    structure: Structure, dose: DoseGrid | None, *, settings: Settings | None = None
) -> StructureDVH:
    """Volume and, where there is a dose, the DVH of one structure.

    Never raises for what a structure holds: what cannot be computed is None, with ``reason``.

    Parameters
    ----------
    structure : Structure
    dose : DoseGrid or None
        In the structure's frame of reference; None for volumes alone.
    settings : Settings, optional
    """
    settings = settings or Settings()
    if structure.problem is not None:
        return _without_volume(structure, structure.problem)
    try:
        solid = solid_of(
            structure,
            lone_plane_mm=settings.lone_plane_mm,
            interpolation=settings.interpolation,
            end_cap=settings.end_cap,
        )
    except GeometryError as error:
        return _without_volume(structure, str(error))
    notes = list(solid.findings)
    volume = solid.volume_cc
    if dose is None:
        return _result(structure, volume, None, None, "there is no usable dose", notes)
    dvh = integrate(solid, dose, dose_interpolation=settings.dose_interpolation)
    if dvh is None:
        reason = "it lies outside the dose grid"
        if min(dose.grid.shape) < 2:
            reason = "the dose grid is one voxel thick: between its voxel centres lies nothing"
        return _result(structure, volume, 0.0, None, reason, notes)
    covered = min(dvh.covered_cc, volume)
    if volume - covered > COVERED * volume:
        text = (
            f"{structure.name!r}: {100 * (1 - covered / volume):.2g} % of its volume lies "
            "outside the dose grid"
        )
        notes.append(finding("DVH001", text, roi_number=structure.number))
    return _result(structure, volume, covered, dvh, None, notes)


def integrate(
    solid: Solid,
    dose: DoseGrid,
    *,
    dose_interpolation: DoseInterpolation = DoseInterpolation.TRILINEAR,
) -> DVH | None:
    """The DVH of a solid in a dose grid, or None where the grid does not reach it."""
    low, high = _bounds(solid)
    fields = _fields(dose, solid.axes, low, high, dose_interpolation=dose_interpolation)
    if fields is None or min(fields[0].values_gy.shape) < 2:
        return None
    factor = _refinement(fields[0], low, high)
    field = fields[0].refined(factor)
    means = field if fields[1] is fields[0] else fields[1].refined(factor)
    known = np.isfinite(field.values_gy)
    if not known.any():
        return None
    histogram = RampHistogram(
        float(np.min(field.values_gy, where=known, initial=np.inf)),
        float(np.max(field.values_gy, where=known, initial=-np.inf)),
    )
    sums = _Sums(histogram)
    lines = Lines(field.u_mm), Lines(field.v_mm)
    for slabs in _chunks(solid, lines[0].cells * lines[1].cells):
        coverage = cover([slab.plane.rings for slab in slabs], *lines)
        _integrate_slabs(slabs, coverage, field, means, factor, sums)
    return sums.dvh()


def _fields(
    dose: DoseGrid,
    axes: FloatArray,
    low: FloatArray,
    high: FloatArray,
    *,
    dose_interpolation: DoseInterpolation,
) -> tuple[Field, Field] | None:
    """Dose over a box for the extremes, and for what cells hold: the same if it is trilinear."""
    finer = dose
    if dose_interpolation is DoseInterpolation.CUBIC:
        finer = refined_around(dose, axes, low, high)
    field = field_in_frame(finer, axes, low, high)
    means = field if finer is dose else field_in_frame(cell_means(finer), axes, low, high)
    return None if field is None or means is None else (field, means)


class _Sums:
    """What is added up over a structure: ramps, volume, first moment, extremes."""

    def __init__(self, histogram: RampHistogram) -> None:
        self.histogram = histogram
        self.volume_mm3 = 0.0
        self.moment = 0.0
        self.low_gy, self.high_gy = np.inf, -np.inf

    def add(self, volume: FloatArray, centre_gy: FloatArray, width_gy: FloatArray) -> None:
        self.histogram.add(volume, centre_gy, width_gy)
        self.volume_mm3 += float(volume.sum())
        self.moment += float((volume * centre_gy).sum())

    def reach(self, values_gy: FloatArray) -> None:
        """Let the extremes include values (NaN left out)."""
        if values_gy.size:
            self.low_gy = float(np.fmin(self.low_gy, np.fmin.reduce(values_gy)))
            self.high_gy = float(np.fmax(self.high_gy, np.fmax.reduce(values_gy)))

    def dvh(self) -> DVH | None:
        if not self.volume_mm3 > 0:
            return None
        mean = self.moment / self.volume_mm3
        if self.low_gy > self.high_gy:  # no face could be seen (an oblique grid's rim)
            self.low_gy = self.high_gy = mean
        # A step of uniform dose must not be smeared by the rounding of interpolation.
        low, high = round(self.low_gy, NANOGRAY), round(self.high_gy, NANOGRAY)
        mean = min(max(mean, low), high)
        dose, volume = self.histogram.cumulative(self.volume_mm3, low, high)
        return DVH(dose, volume / 1000.0, mean)


def _without_volume(structure: Structure, reason: str) -> StructureDVH:
    return _result(structure, None, None, None, reason, [])


def _result(
    structure: Structure,
    volume: float | None,
    covered: float | None,
    dvh: DVH | None,
    reason: str | None,
    notes: list[Finding],
) -> StructureDVH:
    return StructureDVH(
        number=structure.number,
        name=structure.name,
        roi_type=structure.roi_type,
        volume_cc=volume,
        covered_cc=covered,
        dvh=dvh,
        reason=reason,
        findings=tuple(notes),
    )


def _bounds(solid: Solid) -> tuple[FloatArray, FloatArray]:
    """Corners (u, v, n) of the box around a solid, mm."""
    points = np.concatenate([ring for slab in solid.slabs for ring in slab.plane.rings])
    low = np.append(points.min(axis=0), min(slab.low_mm for slab in solid.slabs))
    high = np.append(points.max(axis=0), max(slab.high_mm for slab in solid.slabs))
    return low, high


def _refinement(field: Field, low: FloatArray, high: FloatArray) -> int:
    """Into how many parts to cut each cell edge, so that the box holds about TARGET_CELLS."""
    sizes = [len(field.u_mm) - 1, len(field.v_mm) - 1, len(field.n_mm) - 1]
    return int(np.clip(round((TARGET_CELLS / np.prod(sizes)) ** (1 / 3)), 1, MAX_REFINEMENT))


def _chunks(solid: Solid, cells_per_slab: int) -> Iterator[tuple[Slab, ...]]:
    """Slabs in groups whose cells stay within CHUNK_CELLS, at least one slab each."""
    size = max(1, CHUNK_CELLS // max(1, cells_per_slab))
    for start in range(0, len(solid.slabs), size):
        yield solid.slabs[start : start + size]


def _cuts(slab: Slab, nodes: FloatArray, factor: int) -> FloatArray:
    """Positions at which a slab is cut: its faces within the grid, dose planes, refinement."""
    low, high = max(slab.low_mm, nodes[0]), min(slab.high_mm, nodes[-1])
    if not high > low:
        return np.empty(0)
    between = nodes[(nodes > low) & (nodes < high)]
    cuts = np.concatenate([[low], between, [high]])
    if factor == 1:
        return cuts
    steps = np.diff(nodes)[np.searchsorted(nodes, cuts[:-1], side="right") - 1] / factor
    parts = [
        np.linspace(a, b, max(1, int(np.ceil((b - a) / step - 1e-9))), endpoint=False)
        for (a, b), step in zip(pairwise(cuts), steps, strict=True)
    ]
    return np.concatenate([*parts, [high]])


def _integrate_slabs(
    slabs: tuple[Slab, ...],
    coverage: Coverage,
    field: Field,
    means: Field,
    factor: int,
    sums: _Sums,
) -> None:
    """Add a chunk of slabs, a few sub-slabs at a time; extremes on the slabs' own cuts."""
    size = max(1, CHUNK_CELLS // coverage.fraction[0].size)
    cuts = [_cuts(slab, field.n_mm, factor) for slab in slabs]
    owner = np.repeat(np.arange(len(slabs)), [max(0, c.size - 1) for c in cuts])
    low = np.concatenate([c[:-1] for c in cuts])
    high = np.concatenate([c[1:] for c in cuts])
    for start in range(0, owner.size, size):
        part = slice(start, start + size)
        _add_cells(owner[part], low[part], high[part], coverage, means, sums)
    faces = cuts if factor == 1 else [_cuts(slab, field.n_mm, 1) for slab in slabs]
    owner = np.repeat(np.arange(len(slabs)), [face.size for face in faces])
    position = np.concatenate(faces)
    for start in range(0, owner.size, size):
        part = slice(start, start + size)
        _reach_faces(owner[part], position[part], coverage, field, sums)


def _planes_at(field: Field, position: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Dose (m, nv, nu) at positions (m,) along n, and its slope there, Gy per mm."""
    lower = np.clip(np.searchsorted(field.n_mm, position, side="right") - 1, 0, field.n_mm.size - 2)
    step = field.n_mm[lower + 1] - field.n_mm[lower]
    weight = ((position - field.n_mm[lower]) / step)[:, None, None]
    below = field.values_gy[lower].astype(float)
    rise = field.values_gy[lower + 1] - below
    return below + weight * rise, rise / step[:, None, None]


def _add_cells(
    owner: IndexArray,
    low: FloatArray,
    high: FloatArray,
    coverage: Coverage,
    field: Field,
    sums: _Sums,
) -> None:
    """Add the covered part of every cell of some sub-slabs, with its dose and spread."""
    thickness = high - low
    dose, slope = _planes_at(field, (low + high) / 2)
    fraction, u, v = coverage.fraction[owner], coverage.u[owner], coverage.v[owner]
    corner, right = dose[:, :-1, :-1], dose[:, :-1, 1:]
    up, opposite = dose[:, 1:, :-1], dose[:, 1:, 1:]
    along_u, along_v = right - corner, up - corner
    twist = opposite - right - along_v
    centre = corner + along_u * u + (along_v + twist * u) * v
    rise = 0.25 * (slope[:, :-1, :-1] + slope[:, :-1, 1:] + slope[:, 1:, :-1] + slope[:, 1:, 1:])
    spread_u = (along_u + twist * v) * (1 - np.abs(2 * u - 1))
    spread_v = (along_v + twist * u) * (1 - np.abs(2 * v - 1))
    spread_n = rise * thickness[:, None, None]
    width = np.sqrt(spread_u**2 + spread_v**2 + spread_n**2)
    area = np.diff(field.v_mm)[:, None] * np.diff(field.u_mm)
    volume = fraction * area * thickness[:, None, None]
    use = (volume > 0) & np.isfinite(centre) & np.isfinite(width)
    sums.add(volume[use], centre[use], width[use])


def _reach_faces(
    owner: IndexArray, position: FloatArray, coverage: Coverage, field: Field, sums: _Sums
) -> None:
    """Let minimum and maximum reach the inside nodes and the contours on some faces of slabs."""
    dose, _ = _planes_at(field, position)
    sums.reach(dose[coverage.node_inside[owner]])
    first, last = coverage.edge_start[owner], coverage.edge_start[owner + 1]
    count = last - first
    face = np.repeat(np.arange(owner.size), count)
    point = np.arange(face.size) + np.repeat(first - np.cumsum(count) + count, count)
    width = field.u_mm.size
    corner = face * (field.v_mm.size * width)
    corner += coverage.edge_row[point] * width + coverage.edge_column[point]
    u, v, flat = coverage.edge_u[point], coverage.edge_v[point], dose.ravel()
    lower = flat[corner] * (1 - u) + flat[corner + 1] * u
    upper = flat[corner + width] * (1 - u) + flat[corner + width + 1] * u
    sums.reach(lower * (1 - v) + upper * v)
