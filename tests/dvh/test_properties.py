"""What holds of every DVH: of any body, any dose, prisms or shaped, trilinear or cubic."""

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rtplan.dose.grid import DoseGrid
from rtplan.dvh.curve import DVH, StructureDVH
from rtplan.dvh.engine import Settings, compute
from rtplan.geometry.contour import Structure
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.solid import solid_of
from tests.shapes import PRISMS, SHAPED, dose_grid, moved, redrawn, star, structure

few = settings(deadline=None, max_examples=15)
EITHER = pytest.mark.parametrize("how", [PRISMS, SHAPED], ids=["prisms", "shaped"])
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def bodies(draw: st.DrawFn) -> Structure:
    """Stars with holes on planes of an even distance, somewhere near the origin."""
    radii = draw(st.lists(st.floats(0.6, 1.0), min_size=6, max_size=16))
    sizes = draw(st.lists(st.floats(4, 9), min_size=2, max_size=5))
    spacing, start = draw(st.floats(1.5, 3.0)), draw(st.floats(-6, 0))
    hole = draw(st.sampled_from([(1.0,), (1.0, 0.4)]))
    return structure(
        [
            star(radii, start + spacing * number, size=size * part)
            for number, size in enumerate(sizes)
            for part in hole
        ]
    )


SMOOTH = ("bump", "slope")
ANY = (*SMOOTH, "clipped", "voxels")


@st.composite
def doses(draw: st.DrawFn, kinds: tuple[str, ...] = ANY) -> DoseGrid:
    """A smooth bump, a slope, one clipped at zero, or voxels that have nothing in common."""
    kind, sigma = draw(st.sampled_from(kinds)), draw(st.floats(4, 15))
    along = np.array([draw(st.floats(-1, 1)) for _ in range(3)])
    random = np.random.default_rng(draw(SEEDS))

    def field(points: FloatArray) -> FloatArray:
        if kind == "bump":
            away2 = ((points - 3 * along) ** 2).sum(axis=1)
            return np.asarray(60 * np.exp(-away2 / (2 * sigma**2)))
        if kind == "slope":
            return np.asarray(60 + points @ along)
        if kind == "clipped":
            return np.asarray(np.maximum(0.0, points @ (along + np.array([0, 0, 1.5]))))
        return np.asarray(random.random(len(points)) * 60)

    spacing = draw(st.sampled_from([(2.0, 2.0, 2.0), (2.5, 2.5, 2.5), (2.0, 2.5, 3.0)]))
    return dose_grid(field, spacing=spacing, half=16, offset=draw(st.floats(0, 2)))


def computed(drawn: Structure, dose: DoseGrid, how: Settings) -> tuple[StructureDVH, DVH]:
    result = compute(drawn, dose, settings=how)
    assert result.dvh is not None, result.reason
    return result, result.dvh


def inner_doses(dvh: DVH) -> list[float]:
    """Doses over the range of a curve, without its ends."""
    doses: list[float] = np.linspace(dvh.min_gy, dvh.max_gy, 61)[1:-1].tolist()
    return doses


def span_gy(dvh: DVH) -> float:
    return dvh.max_gy - dvh.min_gy


def apart(one: DVH, other: DVH, *, scale: float = 1.0, shift: float = 0.0) -> float:
    """Largest difference of two curves, of the volume, within 1e-4 of the range of doses."""
    near = 1e-4 * span_gy(one)
    worst = 0.0
    for dose in inner_doses(one):
        volume = other.volume_at(scale * dose + shift)
        high, low = one.volume_at(dose - near), one.volume_at(dose + near)
        worst = max(worst, volume - high, low - volume)
    return worst / one.covered_cc


@EITHER
@few
@given(drawn=bodies(), dose=doses())
def test_curve_falls_from_the_whole_volume_to_nothing(
    how: Settings, drawn: Structure, dose: DoseGrid
) -> None:
    result, dvh = computed(drawn, dose, how)
    assert (np.diff(dvh.dose_gy) >= 0).all()
    assert (np.diff(dvh.volume_cc) <= 0).all()
    assert dvh.volume_at(0.0) == dvh.volume_cc[0] == dvh.covered_cc
    assert dvh.covered_cc == pytest.approx(result.volume_cc, rel=1e-6)
    assert result.covered_cc == pytest.approx(dvh.covered_cc, rel=1e-9)
    assert dvh.volume_cc[-1] == 0
    assert dvh.volume_at(np.nextafter(dvh.max_gy, np.inf)) == 0
    for dose_gy in inner_doses(dvh):
        assert dvh.dose_at(dvh.volume_at(dose_gy)) >= dose_gy - 1e-7


@EITHER
@few
@given(drawn=bodies(), dose=doses())
def test_extremes_and_mean_are_in_order_and_within_the_dose(
    how: Settings, drawn: Structure, dose: DoseGrid
) -> None:
    _, dvh = computed(drawn, dose, how)
    low, high = float(dose.values_gy.min()), float(dose.values_gy.max())
    over = 0.0 if how is PRISMS else 0.25 * (high - low)  # a peak may lie between voxels
    assert low - over - 1e-6 <= dvh.min_gy
    assert dvh.min_gy <= dvh.mean_gy <= dvh.max_gy
    assert dvh.max_gy <= high + over + 1e-6
    assert dvh.min_gy >= 0 or low < 0


def mean_of_curve(dvh: DVH) -> float:
    return dvh.min_gy + float(np.trapezoid(dvh.volume_cc, dvh.dose_gy)) / dvh.covered_cc


@EITHER
@few
@given(drawn=bodies(), dose=doses(SMOOTH))
def test_mean_from_moments_is_the_mean_of_the_curve(
    how: Settings, drawn: Structure, dose: DoseGrid
) -> None:
    _, dvh = computed(drawn, dose, how)
    assert mean_of_curve(dvh) == pytest.approx(dvh.mean_gy, abs=1e-4 * span_gy(dvh) + 1e-6)


@EITHER
@few
@given(drawn=bodies(), dose=doses())
def test_mean_from_moments_is_nearly_the_mean_of_any_curve(
    how: Settings, drawn: Structure, dose: DoseGrid
) -> None:
    """The curve ends at the extremes; what cells at a kink smear beyond them is cut off."""
    _, dvh = computed(drawn, dose, how)
    assert mean_of_curve(dvh) == pytest.approx(dvh.mean_gy, abs=2e-2 * span_gy(dvh) + 1e-6)


@EITHER
@few
@given(drawn=bodies(), dose=doses(), scale=st.floats(0.05, 20))
def test_scaled_dose_scales_the_curve(
    how: Settings, drawn: Structure, dose: DoseGrid, scale: float
) -> None:
    _, once = computed(drawn, dose, how)
    assume(span_gy(once) > 0.1)  # less is near the last digit of a stored dose
    values = (dose.values_gy.astype(float) * scale).astype(np.float32)
    _, scaled = computed(drawn, DoseGrid(dose.grid, values), how)
    assert scaled.mean_gy == pytest.approx(scale * once.mean_gy, rel=1e-6, abs=1e-6)
    assert scaled.min_gy == pytest.approx(scale * once.min_gy, rel=1e-6, abs=1e-5)
    assert scaled.max_gy == pytest.approx(scale * once.max_gy, rel=1e-6, abs=1e-6)
    assert apart(once, scaled, scale=scale) < 1e-4


@EITHER
@few
@given(drawn=bodies(), dose=doses(), shift=st.floats(0, 50))
def test_added_dose_shifts_the_curve(
    how: Settings, drawn: Structure, dose: DoseGrid, shift: float
) -> None:
    """Above 20 Gy everywhere: nearer to zero a cubic dose is held from falling below it."""
    base = (dose.values_gy.astype(float) + 20).astype(np.float32)
    _, once = computed(drawn, DoseGrid(dose.grid, base), how)
    assume(span_gy(once) > 0.1)
    values = (base.astype(float) + shift).astype(np.float32)
    _, shifted = computed(drawn, DoseGrid(dose.grid, values), how)
    assert shifted.mean_gy == pytest.approx(once.mean_gy + shift, abs=2e-5)
    assert shifted.min_gy == pytest.approx(once.min_gy + shift, abs=2e-5)
    assert shifted.max_gy == pytest.approx(once.max_gy + shift, abs=2e-5)
    assert apart(once, shifted, shift=shift) < 1e-4


@EITHER
@few
@given(drawn=bodies(), dose=doses(), seed=SEEDS)
def test_direction_start_order_and_closing_point_do_not_matter(
    how: Settings, drawn: Structure, dose: DoseGrid, seed: int
) -> None:
    again = structure(redrawn([contour.points_mm for contour in drawn.contours], seed))
    result, dvh = computed(drawn, dose, how)
    other, redone = computed(again, dose, how)
    within = 1e-9 if how is PRISMS else 1e-3  # fields of distances are thinned from the start
    assert other.volume_cc == pytest.approx(result.volume_cc, rel=1e-9)
    assert redone.mean_gy == pytest.approx(dvh.mean_gy, abs=within * span_gy(dvh) + 1e-9)
    assert apart(dvh, redone) < within


PLACES = {
    "shift": st.tuples(*[st.floats(-400, 400)] * 3),
    "axes": st.permutations([0, 1, 2]),
    "signs": st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
}


@few
@given(drawn=bodies(), dose=doses(), **PLACES)
def test_place_and_axes_do_not_matter_to_prisms(
    drawn: Structure,
    dose: DoseGrid,
    shift: tuple[float, ...],
    axes: list[int],
    signs: tuple[float, ...],
) -> None:
    """But for how finely cells are cut, where a body ends on a plane of voxels."""
    result, dvh = computed(drawn, dose, PRISMS)
    other, elsewhere = computed(*moved(drawn, dose, np.eye(3)[axes] * signs, shift), PRISMS)
    assert other.volume_cc == pytest.approx(result.volume_cc, rel=1e-9)
    assert elsewhere.mean_gy == pytest.approx(dvh.mean_gy, abs=1e-4 * span_gy(dvh) + 1e-9)
    assert apart(dvh, elsewhere) < 1e-3


@pytest.mark.parametrize(("kinds", "within"), [(SMOOTH, 3e-3), (ANY, 6e-2)])
@few
@given(data=st.data(), drawn=bodies(), **PLACES)
def test_place_and_axes_hardly_matter_to_shapes(
    data: st.DataObject,
    kinds: tuple[str, ...],
    within: float,
    drawn: Structure,
    shift: tuple[float, ...],
    axes: list[int],
    signs: tuple[float, ...],
) -> None:
    """Levels are found from the bottom up; the axis refined first is seen where guards hold."""
    dose = data.draw(doses(kinds))
    result, dvh = computed(drawn, dose, SHAPED)
    other, elsewhere = computed(*moved(drawn, dose, np.eye(3)[axes] * signs, shift), SHAPED)
    assert other.volume_cc == pytest.approx(result.volume_cc, rel=1e-9)
    assert elsewhere.mean_gy == pytest.approx(dvh.mean_gy, abs=within * span_gy(dvh) + 1e-9)
    assert apart(dvh, elsewhere) < within


@few
@given(drawn=bodies(), dose=doses())
def test_prisms_of_polygons_are_the_oracle_s(drawn: Structure, dose: DoseGrid) -> None:
    """Area by shapely, times the thickness of each plane."""
    result, dvh = computed(drawn, dose, PRISMS)
    spacing = np.diff(np.unique([contour.points_mm[0, 2] for contour in drawn.contours]))
    area = 0.0
    for height in {contour.points_mm[0, 2] for contour in drawn.contours}:
        rings = [c.points_mm for c in drawn.contours if c.points_mm[0, 2] == height]
        polygons = [shapely.Polygon(ring) for ring in rings]
        area += polygons[0].area - sum(polygon.area for polygon in polygons[1:])
    assert result.volume_cc == pytest.approx(area * spacing[0] / 1000, rel=1e-9)
    assert dvh.covered_cc == pytest.approx(area * spacing[0] / 1000, rel=1e-9)
    assert result.volume_cc == pytest.approx(solid_of(drawn).volume_cc, rel=1e-9)


@EITHER
@few
@given(drawn=bodies(), dose=doses())
def test_curves_of_two_bodies_add_up_to_that_of_both(
    how: Settings, drawn: Structure, dose: DoseGrid
) -> None:
    beside = [contour.points_mm * [0.25, 0.25, 1] + [12, 0, 0] for contour in drawn.contours]
    both = structure([*(contour.points_mm for contour in drawn.contours), *beside])
    _, first = computed(drawn, dose, how)
    result, second = computed(structure(beside), dose, how)
    # Of what lies beyond the grid, a coarser lattice tells no more than about how much it is.
    assume(second.covered_cc == pytest.approx(result.volume_cc, rel=1e-9))
    _, together = computed(both, dose, how)
    assert together.covered_cc == pytest.approx(first.covered_cc + second.covered_cc, rel=1e-6)
    mean = first.mean_gy * first.covered_cc + second.mean_gy * second.covered_cc
    mean /= together.covered_cc
    # A larger box of dose is refined less, which matters in rough doses.
    assert together.mean_gy == pytest.approx(mean, abs=3e-2 * span_gy(together) + 1e-6)
    for dose_gy in inner_doses(together):
        total = first.volume_at(dose_gy) + second.volume_at(dose_gy)
        assert together.volume_at(dose_gy) == pytest.approx(total, abs=4e-2 * together.covered_cc)
