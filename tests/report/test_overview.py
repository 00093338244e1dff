"""The overview: where lesions and their names stand."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from rtplan.case import Case
from rtplan.lesions.model import LesionReading
from rtplan.report.overview import _overview, _spread, overview_figure
from rtplan.report.scene import solids_of
from rtplan.report.views import shadow, three_views

MakeCase = Callable[..., tuple[Case, LesionReading]]


def drawn(case: Case, reading: LesionReading, image: Any = None) -> Any:
    """The overview as a figure of matplotlib, laid out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    assert case.structure_set is not None
    view = three_views(np.zeros(3))[1]
    shadows = {n: shadow(solid, view) for n, solid in solids_of(case.structure_set).items()}
    figure = _overview(case.structure_set, reading.lesions, shadows, image, view)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return figure


def many(reading: LesionReading, number: int) -> LesionReading:
    """A reading of so many lesions, three quarters of them at one height on the patient's left."""
    rng = np.random.default_rng(number)
    lesions = []
    for index in range(number):
        x, z = rng.uniform(-100, 100), rng.uniform(-140, 140)
        at = (x, 0.0, z) if index % 4 == 0 else (abs(x), 0.0, 20.0)
        lesion = reading.lesions[index % 2]
        lesions.append(dataclasses.replace(lesion, id=f"L{index + 1}", centroid_mm=at))
    return dataclasses.replace(reading, lesions=tuple(lesions))


@pytest.mark.parametrize("number", [1, 2, 9, 25])
def test_names_are_all_there_and_never_overlap(make_case: MakeCase, number: int) -> None:
    case, reading = make_case()
    figure = drawn(case, many(reading, number))
    texts = [text for text in figure.axes[0].texts if text.get_text().startswith("L")]
    names = [text for text in texts if text.get_text() != "L"]
    assert len(names) == number
    boxes = np.array([text.get_window_extent().extents for text in texts])
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= figure.bbox.size).all()
    for index, box in enumerate(boxes):
        others = np.delete(boxes, index, axis=0)
        apart = (box[:2] >= others[:, 2:]) | (box[2:] <= others[:, :2])
        assert apart.any(axis=1).all()


def test_right_is_at_the_left_and_both_axes_have_one_scale(make_case: MakeCase) -> None:
    figure = drawn(*make_case())
    axes = figure.axes[0]
    letters = {text.get_text(): text.get_position()[0] for text in axes.texts}
    assert letters["R"] < 0 < letters["L"]
    assert letters["L1"] < 0 < letters["L2"]  # by their places in the patient
    origin, right, up = axes.transData.transform([(0, 0), (1, 0), (0, 1)])
    assert right[0] - origin[0] == pytest.approx(up[1] - origin[1], rel=1e-3)


def test_a_ct_shines_through_and_other_images_do_not(make_case: MakeCase, ct: Any) -> None:
    case, reading = make_case()
    plain = overview_figure(case, reading)
    assert plain is not None
    with_ct = overview_figure(case, reading, image=ct)
    assert with_ct not in (None, plain)
    mr = dataclasses.replace(ct, modality="MR")
    assert overview_figure(case, reading, image=mr) == plain


def test_bone_is_dark_in_the_projection(make_case: MakeCase, ct: Any) -> None:
    content = overview_figure(*make_case(), image=ct)
    assert content is not None
    shown = np.asarray(PillowImage.open(io.BytesIO(content)).convert("L"), dtype=float)
    height, width = shown.shape
    middle = shown[height // 3 : height // 2, width // 2 - 8 : width // 2 + 8].mean()
    beside = shown[height // 3 : height // 2, width // 3 : width // 3 + 16].mean()
    assert middle < 190 < beside


HEIGHTS = st.lists(st.floats(-50, 50), min_size=1, max_size=30)


@given(HEIGHTS, st.floats(0.1, 5))
def test_heights_are_spread_within_their_room(heights: list[float], gap: float) -> None:
    falling = sorted(heights, reverse=True)
    gap = min(gap, 99.0 / len(falling))
    found = np.array(_spread(falling, gap, -50.0, 50.0))
    assert (found <= 50 + 1e-9).all()
    assert (found >= -50 - 1e-9).all()
    assert (-np.diff(found) >= gap - 1e-9).all()


@given(HEIGHTS)
def test_heights_that_are_apart_stay(heights: list[float]) -> None:
    falling = sorted({float(round(height)) for height in heights}, reverse=True)
    assert _spread(falling, 1.0, -50.0, 50.0) == pytest.approx(falling)
