"""A scene: the solids, dose and image that all figures of one case are drawn from."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rtplan.case import Case, ImageSeries
from rtplan.dose.grid import DoseGrid
from rtplan.errors import GeometryError, RtplanError
from rtplan.geometry.contour import Structure, StructureSet
from rtplan.geometry.grid import FloatArray, Grid
from rtplan.geometry.solid import Solid, plane_spacing_mm, solid_of

_TARGET = re.compile(r"(GTV|CTV|PTV|ITV)", re.IGNORECASE)


class Image(Protocol):
    """An image as ``rtplan.dicom.image`` reads it: values (k, j, i) on a grid."""

    @property
    def grid(self) -> Grid:
        """Where the voxel centres are."""
        ...

    @property
    def values(self) -> NDArray[Any]:
        """Values (k, j, i): Hounsfield units of CT, arbitrary of others."""
        ...

    @property
    def modality(self) -> str:
        """CT, MR, PT, ..."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What all figures of one case share. ``levels_gy`` is empty without a dose."""

    solids: Mapping[int, Solid]
    structures: Mapping[int, Structure]
    dose: DoseGrid | None
    levels_gy: FloatArray
    image: Image | None


def scene_of(case: Case, image: Image | None, *, leave_out: Collection[int] = ()) -> Scene:
    """The scene of a case, on an image or on a plain background, without some structures."""
    solids = solids_of(case.structure_set) if case.structure_set else {}
    solids = {number: solid for number, solid in solids.items() if number not in leave_out}
    structures = {s.number: s for s in case.structure_set or ()}
    dose = case.dose
    levels = levels_of(float(dose.values_gy.max())) if dose else np.empty(0)
    return Scene(solids, structures, dose if levels.size else None, levels, image)


def solids_of(structure_set: StructureSet) -> dict[int, Solid]:
    """Solids by ROI number; a structure that has none is not drawn."""
    spacing = plane_spacing_mm(structure_set)
    solids = {}
    for structure in structure_set:
        if structure.problem is None:
            try:
                solids[structure.number] = solid_of(structure, lone_plane_mm=spacing)
            except GeometryError:
                continue
    return solids


def image_of(case: Case, *, preferred: str | None = None) -> Image | None:
    """The image to draw on, of the ``preferred`` modality if any; None where none can be read."""
    from rtplan.dicom.image import read_image

    for series in _by_preference(case, preferred):
        try:
            return read_image(series)
        except RtplanError:
            continue
    return None


def _by_preference(case: Case, preferred: str | None) -> list[ImageSeries]:
    structure_set = case.structure_set
    assert structure_set is not None
    frame = structure_set.frame_of_reference_uid
    order = {"CT": 0, "MR": 1, "PT": 2}
    usable = [
        series
        for series in case.images
        if series.grid is not None
        and len(series.files) > 1
        and (frame is None or series.frame_of_reference_uid == frame)
    ]
    referenced = structure_set.referenced_series_uids
    return sorted(
        usable,
        key=lambda s: (
            s.modality != preferred,
            s.series_uid not in referenced,
            order.get(s.modality, 3),
        ),
    )


def levels_of(highest_gy: float) -> FloatArray:
    """Round isodose levels, ascending, from about a tenth of the maximum; none without dose."""
    if not highest_gy > 0:
        return np.empty(0)
    rough = highest_gy / 8
    size = 10.0 ** np.floor(np.log10(rough))
    step = size * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * size >= rough)
    return np.asarray(np.arange(1, int(highest_gy / step) + 1) * step)


def is_target(structure: Structure) -> bool:
    kind = structure.roi_type.upper()
    return kind in ("GTV", "CTV", "PTV", "ITV") or bool(_TARGET.match(structure.name))
