"""The DVH engine: exact coverage, a dose that bends, no sampling.

A solid is cut into layers on the lattice of the dose (``dvh.stacks``); each dose cell contributes
the volume that the solid covers of it, at the dose of the covered part's centroid, spread over
the width that the dose gradient and the extent of that part give (``dvh.cells``). Small structures
are computed on a locally refined lattice.

Volume is exact for the solid, and the same geometry gives volume and dose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rtplan.dose.grid import DoseGrid
from rtplan.dose.sampling import Field, field_in_frame, grid_order, whole_rows
from rtplan.dose.spline import around, bowed, cell_means, on_nodes_of, refined_around
from rtplan.dvh.cells import Parts, Sums, smooth_blocks
from rtplan.dvh.curve import DVH, Alternative, Open, StructureDVH
from rtplan.dvh.metrics import COVERED
from rtplan.dvh.stacks import CHUNK_CELLS, Faces, Lattice, stacks
from rtplan.errors import GeometryError
from rtplan.findings import Finding, finding
from rtplan.geometry.contour import Structure
from rtplan.geometry.convention import EndCap as EndCap
from rtplan.geometry.convention import Interpolation as Interpolation
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import BoolArray
from rtplan.geometry.solid import Drawn, Slab, Solid

TARGET_CELLS = 50_000
"""Cells that the box around a small structure is cut into, about."""
CUBIC_CELLS = 100_000
"""The same, for the cubic dose."""
ROUGH_CELLS = 200_000
"""Cells where second differences of the dose are more than ROUGH of its range (their root mean
square, along the axis where it is largest)."""
ROUGH = 0.02
MAX_REFINEMENT = 8
BOWED_VOXELS = 4_000_000
"""Voxels around a structure up to which peaks between them are part of the uncertainty."""


class DoseInterpolation(StrEnum):
    """What the dose is between voxel centres; ``CUBIC`` is guarded, as ``dose.spline`` says."""

    TRILINEAR = "trilinear"
    CUBIC = "cubic"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a DVH is computed; printed with every result.

    ``lone_plane_mm`` is the thickness of a structure drawn on one plane (``geometry.solid``);
    ``uncertainty`` says whether other readings of the data are computed beside.
    """

    interpolation: Interpolation = Interpolation.SHAPE_BASED
    end_cap: EndCap = EndCap.ROUNDED
    dose_interpolation: DoseInterpolation = DoseInterpolation.CUBIC
    lone_plane_mm: float | None = None
    uncertainty: bool = True

    def as_json(self) -> dict[str, object]:
        """The settings as JSON, units in the names."""
        return {
            "interpolation": self.interpolation.value,
            "end_cap": self.end_cap.value,
            "dose_interpolation": self.dose_interpolation.value,
            "lone_plane_mm": self.lone_plane_mm,
            "uncertainty": self.uncertainty,
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
        drawn = Drawn(structure, lone_plane_mm=settings.lone_plane_mm)
        solids = _Solids.of(drawn, settings)
    except GeometryError as error:
        notes = []
        if structure.closed:
            text = f"{structure.name!r}: {error}"
            notes.append(finding("GEO012", text, roi_number=structure.number))
        return _result(structure, None, None, None, str(error), notes)
    volume = solids.volume_cc
    dvh, others = _readings(solids, dose, settings)
    notes = list(solids.body.findings)
    if dose is None:
        return _result(structure, volume, None, None, "there is no usable dose", notes, others)
    if dvh is None:
        reason = "it lies outside the dose grid"
        if min(dose.grid.shape) < 2:
            reason = "the dose grid is one voxel thick: between its voxel centres lies nothing"
        return _result(structure, volume, 0.0, None, reason, notes, others)
    covered = min(dvh.covered_cc, volume)
    if volume - covered > COVERED * volume:
        text = (
            f"{structure.name!r}: {100 * (1 - covered / volume):.2g} % of its volume lies "
            "outside the dose grid"
        )
        notes.append(finding("DVH001", text, roi_number=structure.number))
    return _result(structure, volume, covered, dvh, None, notes, others)


def integrate(
    solid: Solid,
    dose: DoseGrid,
    *,
    dose_interpolation: DoseInterpolation = DoseInterpolation.TRILINEAR,
) -> DVH | None:
    """The DVH of a solid in a dose grid, or None where the grid does not reach it."""
    view = _View.of(dose, solid.axes, solid.bounds_mm, dose_interpolation)
    return None if view is None else _summed(solid, view.cut(view.refinement()))[0].dvh()


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """The dose around a structure.

    ``field`` is the dose for extremes, ``means`` for what cells hold; ``linear`` the trilinear
    dose at the same nodes and ``reach`` the dose for its extremes, which without nodes between
    voxels is bowed; None where they are not asked for. ``target``: how many cells a small structure
    is to be cut into, about. ``factor``: into how many parts cells are to be cut along the normal;
    along u and v they are. ``smooth`` are the ``smooth_blocks``.
    """

    field: Field
    means: Field
    linear: Field | None
    reach: Field | None
    target: int
    factor: int = 1
    smooth: BoolArray | None = None

    @classmethod
    def of(
        cls,
        dose: DoseGrid,
        axes: FloatArray,
        box: tuple[FloatArray, FloatArray],
        interpolation: DoseInterpolation,
        *,
        linear: bool = False,
    ) -> _View | None:
        """The dose over a box from a low to a high corner (u, v, n), mm, also the trilinear one if
        asked for; None where it does not reach it."""
        is_cubic = interpolation is DoseInterpolation.CUBIC
        box = whole_rows(dose.grid, axes, *box)
        fields = (_cubic if is_cubic else _trilinear)(dose, axes, box, linear=linear)
        if fields is None or min(fields[0].values_gy.shape) < 2:
            return None
        view = cls(*fields, CUBIC_CELLS if is_cubic else TARGET_CELLS)
        return view if np.isfinite(view.field.values_gy).any() else None

    def cut(self, factor: int) -> _View:
        """Each cell cut into ``factor`` parts along each axis."""
        kept = {id(field): field.refined(factor) for field in self._fields}
        field, means, *rest = (kept[id(field)] for field in self._fields)
        linear, reach = rest if rest else (None, None)
        smooth = smooth_blocks(field) if factor == 1 else None
        return _View(field, means, linear, reach, self.target, factor, smooth)

    @property
    def _fields(self) -> tuple[Field, ...]:
        both = self.field, self.means
        if self.linear is None or self.reach is None:
            return both
        return *both, self.linear, self.reach

    def refinement(self) -> int:
        """Into how many parts to cut each cell edge, so that the box holds about ``target`` cells;
        more where the dose is rough."""
        cells, target = np.prod([size - 1 for size in self.field.values_gy.shape]), self.target
        if cells < ROUGH_CELLS and _is_rough(self.field):
            target = ROUGH_CELLS
        parts = max(1, int((target / cells) ** (1 / 3)))
        if cells * (parts * (parts + 1)) ** 1.5 < target:  # the ratio to one part more is less
            parts += 1
        return min(parts, MAX_REFINEMENT)


def _summed(solid: Solid, view: _View, *, linear: bool = False) -> list[Sums]:
    """Sums of a solid over the dose, and over the trilinear dose if asked for."""
    lattice = Lattice(view.field.u_mm, view.field.v_mm, view.field.n_mm, view.factor)
    sums = [Sums(view.field, view.means)]
    if linear and view.linear is not None and view.reach is not None:
        sums.append(Sums(view.reach, view.linear))
    for found in stacks(solid, lattice):
        if isinstance(found, Faces):
            for some in sums:
                some.reach(found)
        else:
            parts = Parts.of(found, view.field, view.factor, view.smooth)
            for some in sums:
                some.add(parts)
    return sums


@dataclass(frozen=True, slots=True, eq=False)
class _Solids:
    """A solid and other readings of the same contours.

    What is computed is ``body`` and its flat ``ends``, the lower and the upper ones; ``further``
    is as much again beyond each. ``other`` are prisms where it is shape-based, and the other way
    round. Where no other readings are asked for, all of it is ``body``. ``box`` are corners (u, v,
    n) around all, mm.
    """

    body: Solid
    ends: tuple[Solid, ...]
    further: tuple[Solid, ...]
    other: Solid | None
    box: tuple[FloatArray, FloatArray]

    @classmethod
    def of(cls, drawn: Drawn, settings: Settings) -> _Solids:
        """What a structure stands for under some settings; raises what ``Drawn.solid`` does."""
        solid = drawn.solid(settings.interpolation, settings.end_cap)
        corners = zip(solid.bounds_mm, drawn.reach_mm, strict=True)
        low, high = (np.append(corner[:2], reach) for corner, reach in corners)
        if not settings.uncertainty:
            return cls(solid, (), (), None, (low, high))
        other = None
        if drawn.slab_mm is None:
            is_shaped = settings.interpolation is Interpolation.SHAPE_BASED
            other = drawn.solid(*(_PRISMS if is_shaped else _SHAPED))
        body = Solid(solid.axes, solid.body, solid.findings, solid.lofts)
        sides: tuple[list[Slab], list[Slab]] = ([], [])
        for slab in solid.flat_ends:
            sides[slab.low_mm >= slab.plane.position_mm].append(slab)
        ends = tuple(Solid(solid.axes, tuple(side)) for side in sides if side)
        further = tuple(Solid(solid.axes, tuple(map(_further, side))) for side in sides if side)
        return cls(body, ends, further, other, (low, high))

    @property
    def volume_cc(self) -> float:
        """Volume of the body and its ends, cc."""
        return self.body.volume_cc + sum(end.volume_cc for end in self.ends)

    def readings(self) -> Iterator[tuple[tuple[Solid, ...], float]]:
        """What other readings of the contours are made of, and their volumes, cc.

        Each of the flat ends may be shorter or longer by a half slice, whatever the other is.
        """
        if self.other is not None:
            yield (self.other,), self.other.volume_cc
        choices = [((), (end, more)) for end, more in zip(self.ends, self.further, strict=True)]
        for chosen in product(*choices) if choices else ():
            parts = (self.body, *(part for ends in chosen for part in ends))
            yield parts, sum(part.volume_cc for part in parts)


_SHAPED = Interpolation.SHAPE_BASED, EndCap.ROUNDED
_PRISMS = Interpolation.RIGHT_PRISM, EndCap.HALF_SLICE


def _further(slab: Slab) -> Slab:
    """As much again beyond a flat end."""
    thickness = slab.thickness_mm
    if slab.low_mm >= slab.plane.position_mm:
        return Slab(slab.high_mm, slab.high_mm + thickness, slab.plane)
    return Slab(slab.low_mm - thickness, slab.low_mm, slab.plane)


def _readings(
    solids: _Solids, dose: DoseGrid | None, settings: Settings
) -> tuple[DVH | None, tuple[Alternative, ...]]:
    """The DVH of a structure, and other readings of the same contours and doses.

    Other readings are: prisms for shapes and shapes for prisms; flat ends a half slice shorter
    and longer; the other interpolation of the dose.
    """
    more, view = settings.uncertainty, None
    is_cubic = settings.dose_interpolation is DoseInterpolation.CUBIC
    axes, box = solids.body.axes, solids.box
    if dose is not None:
        view = _View.of(dose, axes, box, settings.dose_interpolation, linear=more and is_cubic)
    readings = list(solids.readings()) if more else []
    if view is None or dose is None:
        return None, tuple(Alternative(Open.SLICES, volume, None) for _, volume in readings)
    factor = view.refinement()
    fine = view.cut(factor)
    own = (solids.body, *solids.ends)
    known = {id(part): _summed(part, fine, linear=more) for part in own}
    dvh = _added(known[id(part)][0] for part in own).dvh()
    if not more:
        return dvh, ()
    known |= {id(part): _summed(part, fine) for part in solids.further}
    if solids.other is not None:  # a lattice of half as many lines tells how far it is off
        coarse = view.cut(factor // 2) if factor > 1 else fine
        known[id(solids.other)] = _summed(solids.other, coarse)
    slices = [_added(known[id(part)][0] for part in parts) for parts, _ in readings]
    found = [
        Alternative(Open.SLICES, volume, sums.dvh())
        for (_, volume), sums in zip(readings, slices, strict=True)
    ]
    if is_cubic:
        otherwise = _added(known[id(part)][1] for part in own)
    else:
        cubic = _View.of(dose, axes, box, DoseInterpolation.CUBIC)
        assert cubic is not None  # it reaches as far as the trilinear dose
        cubic = cubic.cut(cubic.refinement())
        otherwise = _added(_summed(part, cubic)[0] for part in own)
    return dvh, (*found, Alternative(Open.DOSE, solids.volume_cc, otherwise.dvh()))


def _added(sums: Iterable[Sums]) -> Sums:
    """Sums of several parts together."""
    return reduce(lambda one, other: one + other, sums)


_Fields = tuple[Field, Field, Field | None, Field | None]


def _trilinear(
    dose: DoseGrid, axes: FloatArray, box: tuple[FloatArray, FloatArray], *, linear: bool
) -> _Fields | None:
    """The trilinear dose over a box, as the fields of ``_View``."""
    field = field_in_frame(dose, axes, *box)
    if field is None:
        return None
    return (field, field, field, field) if linear else (field, field, None, None)


def _cubic(
    dose: DoseGrid, axes: FloatArray, box: tuple[FloatArray, FloatArray], *, linear: bool
) -> _Fields | None:
    """The cubic dose over a box, as the fields of ``_View``."""
    finer = refined_around(dose, axes, *box)
    has_nodes = finer is not dose
    if has_nodes or grid_order(dose.grid, axes) is None:
        both = finer, cell_means(finer)
    else:
        both = around(dose, axes, *box)
    field, means = (field_in_frame(some, axes, *box) for some in both)
    if field is None or means is None:
        return None
    plain = field
    if not has_nodes and _is_rough(field):
        # Without new nodes between voxels, means of cells say nothing where edges are not resolved.
        means, plain = field, means
    if not linear:
        return field, means, None, None
    if has_nodes:
        straight = field_in_frame(on_nodes_of(finer.grid, dose), axes, *box)
        return field, means, straight, straight
    is_small = both[0].values_gy.size <= BOWED_VOXELS
    return field, means, plain, field_in_frame(bowed(both[0]), axes, *box) if is_small else plain


def _without_volume(structure: Structure, reason: str) -> StructureDVH:
    return _result(structure, None, None, None, reason, [])


def _result(
    structure: Structure,
    volume: float | None,
    covered: float | None,
    dvh: DVH | None,
    reason: str | None,
    notes: list[Finding],
    alternatives: tuple[Alternative, ...] = (),
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
        alternatives=alternatives,
    )


def _is_rough(field: Field) -> bool:
    """Whether second differences of the dose are more than ROUGH of its range."""
    values = field.values_gy
    span = float(np.nanmax(values) - np.nanmin(values))
    rough = max(_root_mean_square_bend(values, axis) for axis in range(3))
    return rough > ROUGH * span


def _root_mean_square_bend(values: NDArray[np.floating], axis: int) -> float:
    """Root mean square of the second differences along an axis where they are known, else 0."""
    total, count = 0.0, 0
    size = max(4, CHUNK_CELLS // values[0].size)
    for start in range(0, len(values) - (2 if axis == 0 else 0), size):
        bend = np.diff(values[start : start + size + (2 if axis == 0 else 0)], 2, axis=axis)
        square = float(np.vdot(bend, bend))
        if not np.isfinite(square):
            bend = bend[np.isfinite(bend)]
            square = float(np.vdot(bend, bend))
        total, count = total + square, count + bend.size
    return float(np.sqrt(total / count)) if count else 0.0
