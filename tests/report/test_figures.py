"""Figures: the same bytes, no warning whatever the names, honest where something is missing."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from rtplan.case import Case
from rtplan.dose.grid import DoseGrid
from rtplan.geometry.contour import Contour, StructureSet
from rtplan.lesions.model import LesionReading, StructureRef, StructureUse
from rtplan.report import drawing
from rtplan.report.drawing import Space, drawable, labels
from rtplan.report.dvh_plot import MOST_CURVES, dvh_plot
from rtplan.report.figures import _cuts, _subtitle, _title, lesion_figures
from rtplan.report.overview import overview_figure
from rtplan.report.scene import levels_of, scene_of
from rtplan.report.views import three_views

MakeCase = Callable[..., tuple[Case, LesionReading]]
Report = dict[str, Any]


@pytest.fixture
def no_cjk_font(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system without a Chinese font."""
    monkeypatch.setattr(drawing, "_OTHER_FONTS", ())
    drawing.fonts.cache_clear()
    yield
    drawing.fonts.cache_clear()


def pixels(content: bytes) -> Any:
    return np.asarray(PillowImage.open(io.BytesIO(content)).convert("RGB"))


def one(case: Case, reading: LesionReading, **options: Any) -> bytes:
    """The figure of the first lesion alone."""
    first = dataclasses.replace(reading, lesions=reading.lesions[:1])
    return lesion_figures(case, first, **options)["lesion-L1.png"]


def test_every_lesion_has_a_figure_of_its_own_name(make_case: MakeCase, ct: Any) -> None:
    figures = lesion_figures(*make_case(), image=ct)
    assert list(figures) == ["lesion-L1.png", "lesion-L2.png"]
    for content in figures.values():
        height, width, _ = pixels(content).shape
        assert width == 1404
        assert 450 < height < 700


def test_figures_are_the_same_bytes_twice(make_case: MakeCase, ct: Any) -> None:
    case, reading = make_case()
    assert one(case, reading, image=ct) == one(case, reading, image=ct)
    assert overview_figure(case, reading) == overview_figure(case, reading)


def test_figures_leave_matplotlib_as_it_was(make_case: MakeCase) -> None:
    before = dict(matplotlib.rcParams)
    one(*make_case())
    assert dict(matplotlib.rcParams) == before


def test_hostile_names_are_drawn_without_a_warning(
    make_case: MakeCase, hostile_names: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    for first, second in zip(hostile_names[::2], hostile_names[1::2], strict=False):
        case, reading = make_case((first, second))
        one(case, reading)
    assert capfd.readouterr() == ("", "")


def test_a_lesion_id_not_ours_is_no_file_name(make_case: MakeCase) -> None:
    case, reading = make_case()
    lesions = tuple(dataclasses.replace(x, id="../" + x.id) for x in reading.lesions)
    figures = lesion_figures(case, dataclasses.replace(reading, lesions=lesions))
    assert list(figures) == ["lesion-n1.png", "lesion-n2.png"]


def test_a_lesion_without_a_place_has_no_figure(make_case: MakeCase) -> None:
    case, reading = make_case()
    lost = tuple(dataclasses.replace(x, centroid_mm=None) for x in reading.lesions)
    reading = dataclasses.replace(reading, lesions=lost)
    assert lesion_figures(case, reading) == {}
    assert overview_figure(case, reading) is None


def test_without_a_structure_set_there_is_nothing_to_draw(make_case: MakeCase) -> None:
    case, reading = make_case()
    bare = dataclasses.replace(case, structure_set=None)
    assert lesion_figures(bare, reading) == {}
    assert overview_figure(bare, reading) is None


def test_a_case_without_dose_or_image_still_shows_its_contours(make_case: MakeCase) -> None:
    case, reading = make_case()
    shown = pixels(one(dataclasses.replace(case, dose=None), reading))
    assert (shown == 255).all(axis=2).any()  # the lesion's outline, white on the background
    assert (shown == (0x20, 0x26, 0x2D)).all(axis=2).sum() > 100_000


def test_a_dose_of_zero_is_not_washed(make_case: MakeCase) -> None:
    case, reading = make_case()
    assert case.dose is not None
    nothing = DoseGrid(case.dose.grid, np.zeros(case.dose.grid.shape, np.float32))
    without = one(dataclasses.replace(case, dose=None), reading)
    assert one(dataclasses.replace(case, dose=nothing), reading) == without


def test_an_image_elsewhere_is_not_drawn(make_case: MakeCase, ct: Any) -> None:
    case, reading = make_case()
    grid = dataclasses.replace(ct.grid, origin_mm=ct.grid.origin_mm + 5000.0)
    away = one(case, reading, image=dataclasses.replace(ct, grid=grid))
    with_image = one(case, reading, image=ct)
    assert (pixels(away)[100:400, 50:400] != pixels(with_image)[100:400, 50:400]).any()


def test_other_modalities_are_windowed_by_their_own_values(make_case: MakeCase, ct: Any) -> None:
    mr = dataclasses.replace(ct, values=ct.values * 1000.0, modality="MR")
    assert one(*make_case(), image=mr)


def test_helpers_are_not_drawn(make_case: MakeCase) -> None:
    case, reading = make_case()
    use = StructureUse(4, "PTV_lung", "helper", "made for planning")
    without = dataclasses.replace(reading, structures=(use,))
    assert one(case, reading) != one(case, without)


def test_the_title_says_the_size_and_the_nearest_lesion(make_case: MakeCase) -> None:
    case, reading = make_case()
    first = reading.lesions[0]
    near = dataclasses.replace(first, short_axis_mm=20.0, neighbours=(("L2", 112.4),))
    assert _title(near) == "L1 · lung · right · 7.2 cc · 24 × 20 mm"
    assert _title(first) == "L1 · lung · right · 7.2 cc"
    assert _subtitle({"no image"}, near).endswith("; nearest L2, 112 mm")
    shown = dataclasses.replace(reading, lesions=(near,))
    assert one(case, shown) != one(case, reading)


def test_lesions_of_one_structure_are_told_apart(make_case: MakeCase) -> None:
    case, reading = make_case()
    assert case.structure_set is not None
    third, fifth = (case.structure_set.structures[index] for index in (2, 4))
    centre = (-30.0, 10.0, 60.0)
    beside = tuple(
        Contour(c.points_mm - np.array(reading.lesions[1].centroid_mm) + np.array(centre))
        for c in fifth.contours
    )
    both = dataclasses.replace(third, contours=(*third.contours, *beside))
    structures = StructureSet("1.2.3", structures=(both,))
    second = dataclasses.replace(
        reading.lesions[1], structures=(StructureRef(3, both.name),), centroid_mm=centre
    )
    lesions = (reading.lesions[0], second)
    scene = scene_of(Case("c", structure_set=structures), None)
    axial = three_views(np.array(centre))[0]
    cuts = _cuts(scene, lesions, axial, 60.0)
    assert set(cuts) == {(3, "L1"), (3, "L2")}
    # The view's middle is that of the second lesion; the first lies 40 mm to the patient's right.
    assert cuts[3, "L2"].centroid.coords[0] == pytest.approx((0, 0), abs=1e-6)
    assert cuts[3, "L1"].centroid.x == pytest.approx(-40, abs=1e-6)


def test_what_surrounds_the_whole_view_is_not_in_the_key(make_case: MakeCase) -> None:
    case, reading = make_case()
    view = three_views(np.array(reading.lesions[0].centroid_mm))[0]
    cuts = _cuts(scene_of(case, None), reading.lesions, view, 60.0)
    assert (1, None) not in cuts
    assert (1, None) in _cuts(scene_of(case, None), reading.lesions, view, 120.0)


def test_what_lies_just_beyond_the_view_is_not_in_the_key(make_case: MakeCase) -> None:
    case, reading = make_case()
    view = three_views(np.array([0.0, 0.0, 60.0]))[0]  # the first lesion ends 58 mm to the right
    reach = {
        half: set(_cuts(scene_of(case, None), reading.lesions, view, half)) for half in (57, 59)
    }
    assert (3, "L1") not in reach[57]
    assert (3, "L1") in reach[59]


def test_an_empty_structure_does_not_stop_the_others(make_case: MakeCase) -> None:
    case, reading = make_case()
    assert case.structure_set is not None
    empty = tuple(
        dataclasses.replace(s, contours=()) if s.number == 3 else s for s in case.structure_set
    )
    structure_set = dataclasses.replace(case.structure_set, structures=empty)
    assert one(dataclasses.replace(case, structure_set=structure_set), reading)


@pytest.mark.parametrize("highest", [0.01, 2.0, 7.3, 45.0, 61.2, 150.0])
def test_isodose_levels_are_round_and_few(highest: float) -> None:
    levels = levels_of(highest)
    assert 4 <= len(levels) <= 8
    assert levels[-1] <= highest
    assert np.allclose(np.diff(levels), levels[0])


def test_without_dose_there_are_no_levels() -> None:
    assert levels_of(0.0).size == 0


def comments(svg: bytes) -> str:
    """The texts of an SVG whose letters are outlines; matplotlib keeps them as comments."""
    return svg.decode()


def test_the_plot_is_sound_svg_and_the_same_bytes_twice(sample: Report) -> None:
    structures = sample["dvh"]["structures"]
    plot = dvh_plot(structures)
    assert plot == dvh_plot(structures)
    root = ElementTree.fromstring(plot)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not root.findall(".//{http://www.w3.org/2000/svg}script")
    assert b"<dc:date>" not in plot


def test_targets_are_kept_and_what_is_left_out_is_named(
    make_report: Callable[[str], Report],
) -> None:
    structures = make_report("violated")["dvh"]["structures"]
    plot = comments(dvh_plot(structures))
    assert "GTV_lung" in plot
    missing = "Organ_6, SpinalCord, Organ_5, Organ_4, Organ_3, Organ_2 and 2 more."
    assert f"Not shown: {missing}" in plot
    organs = sum(item["dvh"] is not None and item["type"] == "ORGAN" for item in structures)
    assert organs - MOST_CURVES == 6 + 2


def test_a_curve_of_a_part_says_so(make_report: Callable[[str], Report]) -> None:
    structures = make_report("violated")["dvh"]["structures"]
    partial = [item for item in structures if item["name"] == "Organ_3"]
    assert "Partly outside the dose grid" in comments(dvh_plot(partial))
    assert "Partly outside" not in comments(dvh_plot(structures[:3]))


def test_a_plot_without_curves_says_so() -> None:
    assert "No structure has a dose-volume histogram" in comments(dvh_plot([]))


def test_hostile_names_leave_a_sound_svg(
    make_report: Callable[[str], Report], hostile_names: tuple[str, ...]
) -> None:
    structure = make_report("fine")["dvh"]["structures"][0]
    named = [structure | {"name": n, "number": i} for i, n in enumerate(hostile_names)]
    ElementTree.fromstring(dvh_plot(named))


@pytest.mark.usefixtures("no_cjk_font")
def test_without_a_chinese_font_the_number_tells_the_structure(
    make_report: Callable[[str], Report],
) -> None:
    assert drawable("肝转移灶", number=12) == "#12"
    assert drawable("GTV 肝转移 2", number=12) == "#12 GTV … 2"
    structure = make_report("fine")["dvh"]["structures"][0]
    assert dvh_plot([structure | {"name": "肝转移灶"}])


@given(
    st.lists(
        st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.floats(0, 3), st.floats(0, 3)), max_size=30
    )
)
def test_no_two_labels_overlap_and_none_leaves_the_view(
    items: list[tuple[float, float, float, float]],
) -> None:
    taken = [(-10.0, 8.0, -6.0, 10.0)]
    space = Space((-10.0, -10.0, 10.0, 10.0), taken)
    for x, y, width, height in items:
        middle = space.place((x, y, x + width, y + height), 2.0, 1.0)
        if middle is not None:
            taken.append((middle[0] - 1, middle[1] - 0.5, middle[0] + 1, middle[1] + 0.5))
    boxes = np.array(taken)
    assert (np.abs(boxes) <= 10 + 1e-9).all()
    for index, box in enumerate(boxes):
        others = np.delete(boxes, index, axis=0)
        apart = (box[:2] >= others[:, 2:] - 1e-9) | (box[2:] <= others[:, :2] + 1e-9)
        assert apart.any(axis=1).all()


def test_no_two_labels_are_alike() -> None:
    names = dict(enumerate(["GTV", "GTV", "N" * 300, "N" * 301, "", "Heart"]))
    assert len(set(labels(names).values())) == len(names)
