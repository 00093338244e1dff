"""Outlines of masks enclose just the pixels, and never cross or touch themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rtplan.errors import GeometryError
from rtplan.geometry import masks
from rtplan.geometry.contour import Contour, Structure
from rtplan.geometry.masks import BoolArray, outlines
from rtplan.geometry.planes import signed_area_mm2, stack_planes

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9))


def drawn(*rows: str) -> BoolArray:
    """A mask from rows of dots and crosses."""
    return np.array([[mark == "#" for mark in row] for row in rows])


SHAPES = {
    "pixel": drawn("#"),
    "row": drawn("####"),
    "corner": drawn("##", "#."),
    "diagonal": drawn("#.", ".#"),
    "other diagonal": drawn(".#", "#."),
    "hole": drawn("###", "#.#", "###"),
    "hole that touches the edge": drawn(".##", "#.#", "###"),
    "two holes that touch": drawn("####", "#.##", "##.#", "####"),
    "island": drawn("#####", "#...#", "#.#.#", "#...#", "#####"),
    "island that touches": drawn("#####", "#...#", "#.#.#", "##..#", "#####"),
    "chain": drawn(".#.#.", "#.#.#", ".#.#."),
    "whole": np.ones((3, 4), dtype=bool),
    "none": np.zeros((3, 4), dtype=bool),
}
COUNTS = {
    # rings around pixels, rings around holes
    "pixel": (1, 0),
    "row": (1, 0),
    "corner": (1, 0),
    "diagonal": (2, 0),
    "other diagonal": (2, 0),
    "hole": (1, 1),
    "hole that touches the edge": (1, 1),
    "two holes that touch": (1, 2),
    "island": (2, 1),
    "island that touches": (2, 1),
    "chain": (7, 0),
    "whole": (1, 0),
    "none": (0, 0),
}


def filled(rings: tuple[NDArray[np.intp], ...], shape: tuple[int, ...]) -> BoolArray:
    """The pixels that rings enclose by the even-odd rule, edge by edge."""
    mask = np.zeros(shape, dtype=bool)
    for ring in rings:
        for (x, y), (x_next, y_next) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if x == x_next:
                mask[min(y, y_next) : max(y, y_next), x:] ^= True
    return mask


def check(mask: BoolArray) -> None:
    """What holds of the outlines of any mask."""
    rings = outlines(mask)
    assert (filled(rings, mask.shape) == mask).all()
    assert sum(signed_area_mm2(ring.astype(float)) for ring in rings) == mask.sum()
    for ring in rings:
        assert len(np.unique(ring, axis=0)) == len(ring) >= 4
        step = np.roll(ring, -1, axis=0) - ring
        assert (np.count_nonzero(step, axis=1) == 1).all()
        assert ((step * np.roll(step, -1, axis=0)).sum(axis=1) == 0).all()


@given(MASKS)
def test_outlines_enclose_just_the_pixels(mask: BoolArray) -> None:
    check(mask)


@given(MASKS, st.integers(0, 3), st.booleans())
def test_turning_a_mask_turns_its_outlines(mask: BoolArray, turns: int, flip: bool) -> None:
    turned = np.rot90(mask[::-1] if flip else mask, turns)
    sizes = sorted(signed_area_mm2(ring.astype(float)) for ring in outlines(mask))
    assert sizes == sorted(signed_area_mm2(ring.astype(float)) for ring in outlines(turned))


@pytest.mark.parametrize("name", SHAPES)
def test_shape_has_its_rings(name: str) -> None:
    check(SHAPES[name])
    areas = [signed_area_mm2(ring.astype(float)) for ring in outlines(SHAPES[name])]
    assert (sum(a > 0 for a in areas), sum(a < 0 for a in areas)) == COUNTS[name]


@given(MASKS.filter(np.any))
def test_planes_of_outlines_have_the_area_of_the_pixels(mask: BoolArray) -> None:
    """Holes, islands and corners that touch come through ``stack_planes``."""
    rings = [
        np.column_stack([ring * [0.7, 1.3], np.full(len(ring), 5.0)]) for ring in outlines(mask)
    ]
    stack = stack_planes(Structure(1, "A", contours=tuple(map(Contour, rings))))
    assert stack.planes[0].area_mm2 == pytest.approx(0.7 * 1.3 * mask.sum(), rel=1e-12)
    assert {note.code for note in stack.findings} <= {"GEO010"}


def test_place_in_a_large_mask_is_kept() -> None:
    mask = np.zeros((200, 300), dtype=bool)
    mask[150:153, 220:224] = True
    assert sorted(outlines(mask)[0].tolist()) == [[220, 150], [220, 153], [224, 150], [224, 153]]


def test_noise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks, "MOST_CORNERS", 27)
    with pytest.raises(GeometryError, match="28 corners, expected at most 27"):
        outlines(SHAPES["chain"])
    monkeypatch.setattr(masks, "MOST_CORNERS", 28)
    assert len(outlines(SHAPES["chain"])) == 7
