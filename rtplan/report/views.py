"""A view plane: a flat cut through the patient, and what images and solids show on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray, Grid, read_only
from rtplan.geometry.solid import Slab, Solid

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_PARALLEL = 1e-3
_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))


@dataclass(frozen=True, slots=True, eq=False)
class ViewPlane:
    """A plane through ``origin_mm``, spanned by two unit vectors at a right angle.

    Parameters
    ----------
    name : str
    origin_mm : (3,) float
        The middle of the view, mm, patient LPS.
    right, up : (3,) float
        What points to the right and to the top of the view.
    """

    name: str
    origin_mm: FloatArray
    right: FloatArray
    up: FloatArray

    def __post_init__(self) -> None:
        for array in (self.origin_mm, self.right, self.up):
            read_only(array)

    @property
    def normal(self) -> FloatArray:
        """The unit vector that points at the viewer, (3,)."""
        return np.cross(self.right, self.up)

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """The patient's side at the left, right, bottom and top edge: R, L, A, P, I or S."""
        return (
            _side(-self.right),
            _side(self.right),
            _side(-self.up),
            _side(self.up),
        )


def _side(direction: FloatArray) -> str:
    axis = int(np.abs(direction).argmax())
    return _LETTERS[axis][int(direction[axis] > 0)]


def three_views(centre_mm: FloatArray) -> tuple[ViewPlane, ViewPlane, ViewPlane]:
    """Axial (from the feet), coronal (from the front) and sagittal (from the left) through a point.

    >>> [view.letters for view in three_views(np.zeros(3))]
    [('R', 'L', 'P', 'A'), ('R', 'L', 'I', 'S'), ('A', 'P', 'I', 'S')]
    """
    x, y, z = np.eye(3)
    return (
        ViewPlane("axial", centre_mm.copy(), x.copy(), -y),
        ViewPlane("coronal", centre_mm.copy(), x.copy(), z.copy()),
        ViewPlane("sagittal", centre_mm.copy(), y.copy(), z.copy()),
    )


def sample_plane(
    grid: Grid, values: NDArray[Any], view: ViewPlane, *, half_mm: float, count: int
) -> NDArray[np.float32]:
    """Values of a grid on a square of a view plane, interpolated linearly.

    Parameters
    ----------
    grid : Grid
        Any orientation, any handedness, uneven steps allowed.
    values : (k, j, i) array
        At the voxel centres of ``grid``.
    view : ViewPlane
    half_mm : float
        The square reaches this far from the view's origin, mm.
    count : int
        Samples along each side, at the centres of ``count`` equal cells.

    Returns
    -------
    (count, count) float32
        Row 0 is the bottom, column 0 the left of the view. NaN beyond the outermost voxels'
        outer faces; within half a voxel of them the outermost value holds.
    """
    from scipy.ndimage import map_coordinates

    steps = (np.arange(count) + 0.5) * (2 * half_mm / count) - half_mm
    across, along = np.meshgrid(steps, steps)
    middle = grid.coordinates_mm(view.origin_mm)
    right, up = view.right @ grid.directions, view.up @ grid.directions
    index = np.empty((3, count, count))
    inside = np.ones((count, count), dtype=bool)
    for axis, centres in enumerate(grid.axes_mm):
        at = middle[axis] + across * right[axis] + along * up[axis]
        first, last = _end_steps(centres)
        inside &= (at >= -first / 2) & (at <= centres[-1] + last / 2)
        index[2 - axis] = np.interp(at, centres, np.arange(centres.size))
    sampled = map_coordinates(values, index, output=np.float32, order=1, mode="nearest")
    sampled[~inside] = np.nan
    return np.asarray(sampled)


def greatest_along(
    grid: Grid, values: NDArray[Any], view: ViewPlane
) -> tuple[NDArray[Any], FloatArray, FloatArray] | None:
    """The greatest value along the lines of sight of a view, for every column of voxels.

    Returns
    -------
    ((m, n) array, (n,) float, (m,) float) or None
        The values, row 0 at the bottom, column 0 at the left of the view, and where their centres
        are to the right of and above the view's origin, mm, ascending. None where the grid's axes
        are not along those of the view.
    """
    turned = np.array([view.right, view.up, view.normal]) @ grid.directions
    right, up, along = np.abs(turned).argmax(axis=1).tolist()
    if np.abs(np.abs(turned) - np.eye(3)[[right, up, along]]).max() > _PARALLEL:
        return None
    flat = values.max(axis=2 - along)
    # What is left is in (k, j, i) order.
    rows = flat if right < up else flat.T
    places = []
    for axis, (grid_axis, direction) in enumerate(((right, view.right), (up, view.up))):
        start = float((grid.origin_mm - view.origin_mm) @ direction)
        place = start + turned[axis, grid_axis] * grid.axes_mm[grid_axis]
        if place[0] > place[-1]:
            place, rows = place[::-1], np.flip(rows, axis=1 - axis)
        places.append(place)
    return rows, places[0], places[1]


def _end_steps(centres: FloatArray) -> tuple[float, float]:
    """First and last step of a grid axis, mm; a lone plane has next to no extent."""
    if centres.size == 1:
        return 1e-3, 1e-3
    return float(centres[1] - centres[0]), float(centres[-1] - centres[-2])


def section(solid: Solid, view: ViewPlane, *, half_mm: float) -> BaseGeometry:
    """Where a view plane cuts a solid, in the view's (right, up) coordinates, mm.

    A cut along the slabs is a contour; a cut across them has the steps of the contour planes,
    as no surface between them is known.

    Parameters
    ----------
    half_mm : float
        Only what lies within this distance of the view's origin, along either axis, is asked for;
        what lies beyond may be missing.
    """
    import shapely

    frame = _SlabFrame.of(solid, view)
    reach = half_mm * 2**0.5
    pieces = [
        frame.piece(slab, reach)
        for slab in solid.slabs
        if slab.high_mm >= frame.offset[2] - reach and slab.low_mm <= frame.offset[2] + reach
    ]
    return shapely.union_all([piece for piece in pieces if not piece.is_empty])


def shadow(solid: Solid, view: ViewPlane) -> BaseGeometry:
    """The outline of a whole solid as seen along a view's normal, in (right, up) mm.

    Each slab's parts are taken as their convex hulls, which is exact where the view looks along
    the contour planes.
    """
    import shapely

    frame = _SlabFrame.of(solid, view)
    hulls: list[BaseGeometry] = []
    for slab in solid.slabs:
        for ring in slab.plane.rings:
            uvh = np.array([np.column_stack([ring, np.full(len(ring), h)]) for h in _ends(slab)])
            points = (uvh.reshape(-1, 3) - frame.offset) @ frame.matrix
            hulls.append(shapely.MultiPoint(points).convex_hull)
    return shapely.union_all(hulls)


def _ends(slab: Slab) -> tuple[float, float]:
    return slab.low_mm, slab.high_mm


@dataclass(frozen=True, slots=True, eq=False)
class _SlabFrame:
    """How view coordinates (s, t) become slab coordinates: ``offset + matrix @ (s, t)``.

    ``offset`` is (3,) and ``matrix`` (3, 2), rows u, v and h (height along the slabs' normal).
    """

    offset: FloatArray
    matrix: FloatArray

    @classmethod
    def of(cls, solid: Solid, view: ViewPlane) -> _SlabFrame:
        spans = np.column_stack([view.right, view.up])
        return cls(view.origin_mm @ solid.axes, solid.axes.T @ spans)

    def piece(self, slab: Slab, reach: float) -> BaseGeometry:
        """One slab's part of the section."""
        import shapely

        across = self.matrix[:2]
        slope = self.matrix[2]
        if np.linalg.norm(slope) < _PARALLEL and not self._within(slab):
            return shapely.Polygon()
        if abs(np.linalg.det(across)) < _PARALLEL:
            return self._rectangles(slab, reach)
        back = np.linalg.inv(across)
        shift = -back @ self.offset[:2]
        whole = shapely.affinity.affine_transform(slab.plane.polygon(), [*back.ravel(), *shift])
        if np.linalg.norm(slope) < _PARALLEL:
            return whole
        return whole.intersection(self._strip(slab, reach))

    def _within(self, slab: Slab) -> bool:
        return slab.low_mm <= float(self.offset[2]) < slab.high_mm

    def _strip(self, slab: Slab, reach: float) -> BaseGeometry:
        """The strip of the view between the slab's faces."""
        import shapely

        slope = self.matrix[2]
        steep = np.linalg.norm(slope)
        climb = slope / steep
        level = np.array([-climb[1], climb[0]])
        low, high = (float((end - self.offset[2]) / steep) for end in _ends(slab))
        corners = [(low, -reach), (low, reach), (high, reach), (high, -reach)]
        return shapely.Polygon([c * climb + p * level for c, p in corners])

    def _rectangles(self, slab: Slab, reach: float) -> BaseGeometry:
        """The section where the view stands upright on the slabs: a rectangle per chord."""
        import shapely

        climb = self.matrix[2] / np.linalg.norm(self.matrix[2])
        level = np.array([climb[1], -climb[0]])
        low, high = (end - self.offset[2] for end in _ends(slab))
        boxes = [
            shapely.Polygon([p * level + h * climb for p, h in corners])
            for start, stop in self._chords(slab, self.matrix[:2] @ level).tolist()
            if stop > -reach and start < reach
            for corners in [((start, low), (stop, low), (stop, high), (start, high))]
        ]
        return boxes[0] if len(boxes) == 1 else shapely.union_all(boxes)

    def _chords(self, slab: Slab, along: FloatArray) -> FloatArray:
        """Where a line through the offset runs inside a slab's rings: (n, 2) from, to, mm.

        The rings never cross, so that the line is inside between every other crossing.
        """
        frame = np.array([along, (-along[1], along[0])]).T
        crossings = []
        for ring in slab.plane.rings:
            local = (ring - self.offset[:2]) @ frame
            is_left = local[:, 1] >= 0
            hit = np.flatnonzero(is_left != np.append(is_left[1:], is_left[0]))
            position, side = local[hit].T
            after, other = local[(hit + 1) % len(local)].T
            crossings.append(position + side / (side - other) * (after - position))
        return np.sort(np.concatenate(crossings)).reshape(-1, 2)
