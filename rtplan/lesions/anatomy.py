"""Where a lesion sits: organ and laterality by overlap with the organs drawn, else by name.

Organs are located by area: the part of the lesion's volume inside an organ's contours. Where an
organ is drawn without the tumour in it, the part of a rim around the lesion counts instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rtplan.errors import GeometryError
from rtplan.findings import Finding, finding
from rtplan.geometry.contour import Contour, Structure
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import PlaneStack, stack_planes
from rtplan.lesions.bodies import Body
from rtplan.lesions.model import Organ
from rtplan.lesions.names import Kind, NameReading
from rtplan.lesions.roles import Decision, Role
from rtplan.lesions.shape import Boxes, boxes_of
from rtplan.lesions.vocabulary import Part

INSIDE = 0.5
"""Part of a lesion inside an organ from which it belongs to the organ."""
RIM_MM = 3.0
"""Width of the rim that is looked at where the organ leaves out the tumour."""
MIDLINE_MM = 10.0
"""Distance from the middle of a pair beyond which a lesion surely lies on one side."""
_PLANES = 25  # planes of a body that are looked at
_NEAR_PLANES = 0.75  # of an organ's spacing: how far its plane may be from the lesion's


@dataclass(frozen=True, slots=True, eq=False)
class DrawnOrgan:
    """An organ that can locate lesions; ``stack`` holds the planes nearest to theirs.

    ``spacing_mm`` is the distance between all its planes; None where the stack holds them all.
    """

    structure: Structure
    name: NameReading
    part: Part
    stack: PlaneStack
    spacing_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Where a lesion sits, and why; ``part`` is the organ as the vocabulary has it."""

    organ: Organ | None
    part: Part | None
    laterality: str | None
    reason: str
    findings: tuple[Finding, ...] = ()


def organs_near(
    decisions: Iterable[tuple[Structure, Decision]], bodies: Sequence[Body]
) -> tuple[DrawnOrgan, ...]:
    """The organ structures that come near any of the bodies, with the planes that are compared."""
    if not bodies:
        return ()
    boxes = np.array([_patient_box(body) for body in bodies])
    low, high = boxes[:, 0] - 2 * RIM_MM, boxes[:, 1] + 2 * RIM_MM
    heights = np.unique(np.concatenate([body.positions_mm[_selection(body)] for body in bodies]))
    found = []
    for structure, decision in decisions:
        part = decision.name.part
        if decision.role is not Role.ORGAN or part is None or not part.overlap or not part.organ:
            continue
        near = _contours_near(structure, low, high, heights)
        if near is None:
            continue
        kept, spacing = near
        try:
            stack = stack_planes(replace(structure, contours=kept))
        except GeometryError:
            continue
        found.append(DrawnOrgan(structure, decision.name, part, stack, spacing))
    return tuple(found)


def _selection(body: Body) -> NDArray[np.intp]:
    """The planes of a body that are looked at: all, or of many an even selection."""
    last = len(body.positions_mm) - 1
    return np.unique(np.linspace(0, last, min(_PLANES, last + 1)).round().astype(np.intp))


def _patient_box(body: Body) -> FloatArray:
    low, high = body.bounds_mm
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T @ body.axes.T
    return np.array([corners.min(axis=0), corners.max(axis=0)])


def _contours_near(
    structure: Structure, low: FloatArray, high: FloatArray, heights: FloatArray
) -> tuple[tuple[Contour, ...], float | None] | None:
    """Contours on the axial planes nearest to the heights, and the planes' spacing in mm.

    None where no contour is near any box; all contours where they are not axial. All contours of
    a plane are kept: which ring is a hole depends on the others.
    """
    contours = structure.closed
    if structure.problem is not None or not contours:
        return None
    ends = np.array([[c.points_mm.min(axis=0), c.points_mm.max(axis=0)] for c in contours])
    if not ((ends[:, None, 0] < high) & (ends[:, None, 1] > low)).all(axis=2).any():
        return None
    if not (ends[:, 1, 2] - ends[:, 0, 2] < 0.1).all():
        return contours, None
    height = np.round(ends[:, 0, 2], 1)
    planes = np.unique(height)
    if len(planes) == 1:
        return contours, None
    nearest = np.unique(planes[np.abs(heights[:, None] - planes[None, :]).argmin(axis=1)])
    kept = tuple(contours[i] for i in np.flatnonzero(np.isin(height, nearest)).tolist())
    return kept, float(np.median(np.diff(planes)))


def part_inside(body: Body, organ: DrawnOrgan, *, rim: bool = False) -> float | None:
    """Part of a body's volume, or of a rim around it, inside an organ; None where not comparable.

    Each plane of the body (of many, an even selection) is compared with the organ's nearest.
    """
    import shapely

    if np.abs(body.axes - organ.stack.axes).max() > 1e-3:
        return None
    planes = organ.stack.planes
    at = np.array([plane.position_mm for plane in planes])
    spacing = organ.spacing_mm
    if spacing is None:
        spacing = float(np.median(np.diff(at))) if len(at) > 1 else float("inf")
    some = _selection(body)
    position = body.positions_mm[some]
    nearest = np.abs(position[:, None] - at[None, :]).argmin(axis=1)
    height = (body.high_mm - body.low_mm)[some]
    sections = body.sections[some]
    if rim:
        sections = shapely.difference(shapely.buffer(sections, RIM_MM), sections)
    inside = 0.0
    for i, k in enumerate(nearest.tolist()):
        if abs(position[i] - at[k]) <= _NEAR_PLANES * spacing:
            shared = shapely.intersection(sections[i], planes[k].polygon())
            inside += float(shapely.area(shared)) * float(height[i])
    total = float((shapely.area(sections) * height).sum())
    return inside / total if total > 0 else None


def locate(
    body: Body, names: Sequence[NameReading], organs: Sequence[DrawnOrgan], label: str
) -> Site:
    """Organ and laterality of a lesion.

    Parameters
    ----------
    body : Body
        The lesion's representative body.
    names : sequence of NameReading
        The names of its structures, the representative's first.
    organs : sequence of DrawnOrgan
    label : str
        How to call the lesion in a finding.
    """
    told = next((n for n in names if n.organ is not None), None)
    side = _side_told(names)
    if any(n.kind is Kind.NODE or n.station is not None for n in names):
        return Site(Organ.LYMPH_NODE, None, side, "a node by its name")
    drawn = _drawn_around(body, organs)
    if drawn is None:
        if told is None and (two := next((n for n in names if n.rivals), None)):
            text = " and ".join(part.words[0] for part in two.rivals)
            who = "name tells" if two.by_code is None else "name and codes tell"
            return Site(None, None, side, f"no organ drawn around it; its {who} two ({text})")
        if told is None or told.part is None:
            return Site(None, None, side, "no organ drawn around it, and none in its name")
        word = told.part_word or told.level
        how = f"organ by name ({word!r})" if word else f"organ by code ({told.part.words[0]})"
        return Site(told.organ, told.part, side, how)
    organ, share, how = drawn
    reason = f"{share:.0%} of {how} lies in {organ.structure.name!r}"
    notes: list[Finding] = []
    if told is not None and told.organ is not organ.part.organ:
        text = f"{label}: the name says {told.organ}, but {reason}"
        notes.append(finding("LES013", text))
    seen = organ.name.laterality
    if seen is None and (seen := _side_in_pair(body, organ)):
        reason += f", {seen} of its middle"
    if seen and side and seen != side:
        notes.append(finding("LES013", f"{label}: the name says {side}, but {reason} ({seen})"))
    return Site(organ.part.organ, organ.part, seen or side, reason, tuple(notes))


def _side_told(names: Sequence[NameReading]) -> str | None:
    """The side that the names tell; None where they tell two."""
    sides = {name.laterality for name in names} - {None}
    return next(iter(sides)) if len(sides) == 1 else None


def _side_in_pair(body: Body, organ: DrawnOrgan) -> str | None:
    """The side of a body in a pair drawn as one structure, such as Lungs; None where not sure.

    The middle of the pair is that of its box. The two organs must not meet there on the planes of
    the body, and all of the body must lie beyond ``MIDLINE_MM`` of it. In patient LPS coordinates
    left is positive, however the patient lies.
    """
    boxes = boxes_of(organ.structure) if organ.part.paired else None
    if boxes is None:
        return None
    low, high = _patient_box(body)
    middle = 0.5 * float(boxes.low[:, 0].min() + boxes.high[:, 0].max())
    if not _is_pair(boxes, middle, float(low[2]), float(high[2])):
        return None
    if low[0] > middle + MIDLINE_MM:
        return "left"
    return "right" if high[0] < middle - MIDLINE_MM else None


def _is_pair(boxes: Boxes, middle: float, low: float, high: float) -> bool:
    """Whether contours between two heights lie on both sides of a middle, and none across it."""
    at = (boxes.plane >= low - RIM_MM) & (boxes.plane <= high + RIM_MM)
    left, right = boxes.low[at, 0] > middle, boxes.high[at, 0] < middle
    return bool(left.any() and right.any() and (left | right).all())


def _drawn_around(body: Body, organs: Sequence[DrawnOrgan]) -> tuple[DrawnOrgan, float, str] | None:
    """The organ that holds most of a body, or of its rim, if it holds half of it."""
    for rim, how in ((False, "it"), (True, "the rim around it")):
        shares = [(part_inside(body, organ, rim=rim), organ) for organ in organs]
        held = [(share, organ) for share, organ in shares if share is not None and share >= INSIDE]
        if held:
            # Of organs that hold it alike, one with a side tells more than a pair.
            best = max(
                held,
                key=lambda item: (
                    round(item[0], 2),
                    item[1].name.laterality is not None,
                    -item[1].structure.number,
                ),
            )
            return best[1], best[0], how
    return None
