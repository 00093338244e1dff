"""The volume of a body: that of the solid which histograms are made of unless another is asked for.

Contours pass into each other and ends are rounded (``geometry.shape``). Most bodies are one outline
a plane, on even planes: their areas alone tell the volume.
"""

from __future__ import annotations

import numpy as np

from rtplan.errors import GeometryError
from rtplan.geometry.contour import Contour, Structure
from rtplan.geometry.convention import EndCap, Interpolation
from rtplan.geometry.profile import Profile, between, beyond, departures
from rtplan.geometry.shape import FEWEST_CONTOURS, MUCH_NEARER
from rtplan.geometry.solid import solid_of
from rtplan.lesions.bodies import Body

_EVEN_MM = 0.05
Beside = tuple[float, float] | None
"""Distance, mm, and area, mm², of the contour beyond a plane."""


def volume_cc(body: Body, *, slab_mm: float | None = None) -> float | None:
    """Volume of a body, cc; None where no thickness is known, or its contours make no solid.

    Parameters
    ----------
    body : Body
    slab_mm : float, optional
        Thickness of voxels, where the contours are their outlines (``Structure.slab_mm``).
    """
    if not body.thickness_known:
        return None
    if slab_mm is None and _is_chain(body):
        return _of_areas(body) / 1000.0
    return of_solid_cc(body, slab_mm=slab_mm)


def of_solid_cc(body: Body, *, slab_mm: float | None = None) -> float | None:
    """As ``volume_cc``, of any body of known thickness."""
    import shapely

    parts, section = shapely.get_parts(body.sections, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    contours = []
    for ring, height in zip(rings, body.positions_mm[section[part]].tolist(), strict=True):
        uv = shapely.get_coordinates(ring)[:-1]
        contours.append(Contour(np.column_stack([uv, np.full(len(uv), height)]) @ body.axes.T))
    # A body's ends reach half a spacing beyond its contours.
    spacing = 2 * float(body.positions_mm[0] - body.low_mm[0])
    try:
        return solid_of(
            Structure(0, "", contours=tuple(contours), slab_mm=slab_mm),
            lone_plane_mm=spacing,
            interpolation=Interpolation.SHAPE_BASED,
            end_cap=EndCap.ROUNDED,
        ).volume_cc
    except GeometryError:
        return None


def _is_chain(body: Body) -> bool:
    """Whether each plane has one outline that passes into the next, and planes are even."""
    import shapely

    gaps = np.diff(body.positions_mm)
    if gaps.size < FEWEST_CONTOURS - 1 or np.ptp(gaps) > min(_EVEN_MM, 0.1 * gaps.min()):
        return False
    if (shapely.get_type_id(body.sections) != shapely.GeometryType.POLYGON).any():
        return False
    return bool(shapely.intersects(body.sections[:-1], body.sections[1:]).all())


def _of_areas(body: Body) -> float:
    """Volume of a chain, mm³: its stretches between contours, and what lies beyond the last."""
    import shapely

    areas: list[float] = shapely.area(body.sections).tolist()
    gaps: list[float] = np.diff(body.positions_mm).tolist()
    stretches = [_around(areas, gaps, index) for index in range(len(gaps))]
    power = _power(stretches)
    within = sum(_total_mm3(between(*stretch, power=power)) for stretch in stretches)
    ends = _end(areas, gaps, power) + _end(areas[::-1], gaps[::-1], power)
    return within + ends


def _around(
    areas: list[float], gaps: list[float], index: int
) -> tuple[Beside, tuple[float, float], Beside, float]:
    """Contour before, areas at both ends, contour after and length of a stretch."""
    before = (gaps[index - 1], areas[index - 1]) if index else None
    after = (gaps[index + 1], areas[index + 2]) if index + 1 < len(gaps) else None
    return before, (areas[index], areas[index + 1]), after, gaps[index]


def _power(stretches: list[tuple[Beside, tuple[float, float], Beside, float]]) -> int:
    """Which power of the areas is nearest to a parabola, 1 or 2 (``geometry.shape``)."""
    plain, squared = 0.0, 0.0
    for before, areas, after, gap in stretches:
        if before is not None and after is not None:
            one, two = departures(before, areas, after, gap)
            plain, squared = plain + one, squared + two
    return 2 if squared < MUCH_NEARER * plain else 1


def _end(areas: list[float], gaps: list[float], power: int) -> float:
    """Volume beyond the first contour, mm³: a rounded end, or half a slice where it is flat."""
    cap = beyond(areas[0], (gaps[0], areas[1]), (gaps[1], areas[2]), gaps[0], power=power)
    return areas[0] * gaps[0] / 2 if cap is None else _total_mm3(cap)


def _total_mm3(profile: Profile) -> float:
    """Volume of a profile: in closed form where its area is a parabola."""
    if profile.power != 1:
        return profile.total_mm3
    s = profile.length_mm
    return s * (profile.start + s * (profile.slope / 2 + s * profile.bend / 6))
