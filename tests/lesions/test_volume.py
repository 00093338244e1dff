"""A body's volume from its areas alone is that of the solid of its contours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.geometry.contour import Contour
from rtplan.geometry.planes import stack_planes
from rtplan.lesions.bodies import Body, bodies_of
from rtplan.lesions.volume import _is_chain, of_solid_cc, volume_cc
from tests.lesions.drawing import box, contour, ellipsoid, gtv, ring, sphere


def bodies(contours: list[Contour]) -> tuple[Body, ...]:
    return bodies_of(stack_planes(gtv("GTV", contours)), usual_mm=3.0)


def lying_cylinder(radius: float, length: float, step: float) -> list[Contour]:
    heights = np.arange(-radius + step / 2, radius, step)
    half = np.sqrt(radius**2 - heights**2)
    return [
        contour(np.array([[-length, -w], [length, -w], [length, w], [-length, w]]) / 2, z)
        for w, z in zip(2 * half, heights, strict=True)
    ]


def hollow(radius: float, wall: float) -> list[Contour]:
    return [
        drawn
        for z in range(0, 30, 3)
        for drawn in (
            contour(ring((0, 0), (radius, radius)), z),
            contour(ring((0, 0), (radius - wall, radius - wall)), z),
        )
    ]


@pytest.mark.parametrize(
    "contours",
    [
        sphere((0, 0, 0), 12),
        sphere((0, 0, 1), 5, step=2.0),
        ellipsoid((4, 4, 4), (20, 8, 60), step=2.5),
        box((0, 0, 0), (10, 20, 30)),
        lying_cylinder(12, 60, 3.0),
        hollow(15, 4),
        [contour(ring((0, 0), (r, r)), 3.0 * k) for k, r in enumerate((0.3, 6, 9, 9, 8, 0.5))],
    ],
    ids=["ball", "small ball", "ellipsoid", "box", "lying cylinder", "hollow", "tips"],
)
def test_areas_alone_tell_the_volume_of_an_even_body(contours: list[Contour]) -> None:
    (body,) = bodies(contours)
    assert _is_chain(body)
    assert volume_cc(body) == pytest.approx(of_solid_cc(body), rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(
    radii=st.lists(st.floats(0.5, 30), min_size=3, max_size=12),
    drift=st.floats(-1, 1),
    step=st.sampled_from([1.0, 2.5, 3.0]),
)
def test_areas_alone_tell_the_volume_of_any_even_body(
    radii: list[float], drift: float, step: float
) -> None:
    contours = [
        contour(ring((drift * k / 4, 0), (r, r), n=24), k * step) for k, r in enumerate(radii)
    ]
    for body in bodies_of(stack_planes(gtv("GTV", contours)), usual_mm=step):
        assert volume_cc(body) == pytest.approx(of_solid_cc(body), rel=1e-9)


@pytest.mark.parametrize(
    "contours",
    [
        sphere((0, 0, 0), 12, skip=[3.0]),
        sphere((0, 0, 0), 2.5),
        [
            *box((0, 0, 0), (10, 10, 30)),
            *box((20, 0, 0), (30, 10, 30)),
            *box((0, 0, 33), (30, 10, 60)),
        ],
    ],
    ids=["a plane is missing", "two planes", "two legs"],
)
def test_other_bodies_are_made_solid(contours: list[Contour]) -> None:
    found = bodies(contours)
    assert not any(_is_chain(body) for body in found)
    volumes = [volume_cc(body) for body in found]
    assert None not in volumes
    assert volumes == [of_solid_cc(body) for body in found]
