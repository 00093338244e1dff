"""The same anatomy in the same dose has the same DVH, however the patient lay and it is stored."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from rtplan.case import Plan
from rtplan.dicom.link import link
from rtplan.dicom.read import read
from rtplan.dicom.write import Study, rt_dose, structure_set, to_bytes
from rtplan.dicom.write_plan import rt_plan
from rtplan.dose.grid import DoseGrid
from rtplan.dvh.case import compute_case
from rtplan.dvh.curve import StructureDVH
from rtplan.dvh.engine import Settings, compute
from rtplan.dvh.metrics import evaluate, parse
from rtplan.geometry.contour import Structure
from rtplan.geometry.grid import FloatArray, Grid
from tests.shapes import PRISMS, SHAPED, circle, dose_grid, moved, stored_along, structure

SAME = 1e-6
"""Relative difference of two DVHs that are the same."""
STORED = {PRISMS: SAME, SHAPED: SAME}
"""The same where only the storage of the dose differs."""
TURNED = {PRISMS: 1e-9, SHAPED: 5e-4}
"""The same where the body turns within its frame: guards of the cubic dose take axes in turn."""
METRICS = [parse(text) for text in ("D98%", "D50%", "D2%", "D0.1cc", "V30Gy", "Mean", "Min", "Max")]
DOWN = {"S": (0, 1, 0), "P": (0, -1, 0), "DR": (-1, 0, 0), "DL": (1, 0, 0)}
"""Direction in the patient (LPS) that points to the floor: lying on the back, the front, a side."""
FIRST = {"HF": (0, 0, 1), "FF": (0, 0, -1)}
"""Direction in the patient that points into the machine."""
POSITIONS = [first + lying for first in FIRST for lying in DOWN]


def axes_of(position: str) -> FloatArray:
    """Columns: along rows, along columns and along frames of axial images of a patient.

    Rows run to the right of one who looks into the machine, columns to the floor: the table of
    PS3.17 FFF.1.2.2.2 gives the same.
    """
    down, into = np.array(DOWN[position[2:]], float), np.array(FIRST[position[:2]], float)
    return np.column_stack([np.cross(down, into), down, into])


def anatomy() -> Structure:
    """An irregular body with an eccentric hole, no symmetry in any direction."""
    rings, angle = [], 2 * np.pi * np.arange(60) / 60
    for z in np.arange(-8.63, 10, 2.5):
        radius = np.sqrt(100 - (z - 0.4) ** 2)
        outline = radius * (1 + 0.12 * np.cos(3 * angle + 0.4) + 0.05 * np.sin(5 * angle))
        x, y = 1.3 + outline * np.cos(angle), 0.8 * outline * np.sin(angle) - 0.7
        rings.append(np.round(np.column_stack([x, y, np.full(60, z)]), 6))
        if abs(z) < 5:
            rings.append(np.round(circle(2.5, z, points=40, centre=(2.0, -1.0)), 6))
    return structure(rings)


def bump(points: FloatArray) -> FloatArray:
    """A dose that is curved and different along all axes."""
    x, y, z = points.T
    peak = np.exp(-((x - 3) ** 2 / 200 + (y + 2) ** 2 / 120 + (z - 1.5) ** 2 / 90))
    return np.asarray(50 * peak + 5 + 0.1 * x)


def slope(points: FloatArray) -> FloatArray:
    return np.asarray(30 + points @ np.array([0.5, -0.4, 0.6]))


BODY, DOSE = anatomy(), dose_grid(bump, spacing=(2.0, 2.5, 3.0))


def differences(first: StructureDVH, other: StructureDVH) -> dict[str, float]:
    """Relative differences of volume, curve (of the volume) and metrics."""
    one, two = first.dvh, other.dvh
    assert one is not None
    assert two is not None
    assert first.volume_cc is not None
    assert other.volume_cc is not None
    doses = np.linspace(one.min_gy, one.max_gy, 203)[1:-1].tolist()
    curve = [abs(one.volume_at(dose) - two.volume_at(dose)) for dose in doses]
    found = {
        "volume": abs(other.volume_cc / first.volume_cc - 1),
        "covered": abs(two.covered_cc / one.covered_cc - 1),
        "curve": max(curve) / one.covered_cc,
    }
    for metric in METRICS:
        value, again = evaluate(metric, first).value, evaluate(metric, other).value
        assert value is not None
        assert again is not None
        found[str(metric)] = abs(again / value - 1)
    return found


def assert_same(first: StructureDVH, other: StructureDVH, within: float) -> None:
    found = differences(first, other)
    worst = max(found, key=lambda name: found[name])
    assert found[worst] < within, f"{worst} differs by {found[worst]:.1e}; {found}"


def test_positions_are_eight_right_handed_and_as_the_standard_has_them() -> None:
    axes = {position: axes_of(position) for position in POSITIONS}
    assert len({matrix.tobytes() for matrix in axes.values()}) == 8
    assert all(np.linalg.det(matrix) == pytest.approx(1) for matrix in axes.values())
    orientation = {name: matrix[:, :2].T.ravel().tolist() for name, matrix in axes.items()}
    assert orientation["HFS"] == [1, 0, 0, 0, 1, 0]
    assert orientation["FFS"] == [-1, 0, 0, 0, 1, 0]
    assert orientation["HFP"] == [-1, 0, 0, 0, -1, 0]
    assert orientation["HFDR"] == [0, 1, 0, -1, 0, 0]
    assert orientation["FFDL"] == [0, 1, 0, 1, 0, 0]


def test_difference_sees_a_dose_on_the_wrong_side() -> None:
    """What would pass if an axis were flipped in storage but not in position."""
    for axis in range(3):
        flipped = replace(DOSE, values_gy=np.ascontiguousarray(np.flip(DOSE.values_gy, axis=axis)))
        found = differences(straight(PRISMS), compute(BODY, flipped, settings=PRISMS))
        assert found["curve"] > 1e-3
        assert found["volume"] == 0


EITHER = pytest.mark.parametrize("settings", [PRISMS, SHAPED], ids=["prisms", "shaped"])


@cache
def straight(settings: Settings) -> StructureDVH:
    return compute(BODY, DOSE, settings=settings)


@EITHER
@pytest.mark.parametrize("position", POSITIONS)
def test_dose_stored_as_in_each_position(position: str, settings: Settings) -> None:
    stored = compute(BODY, stored_along(DOSE, axes_of(position)), settings=settings)
    assert_same(straight(settings), stored, STORED[settings])


@EITHER
@pytest.mark.parametrize("position", POSITIONS)
def test_patient_coordinates_turned_as_in_each_position(position: str, settings: Settings) -> None:
    """Contours and dose together; the dose stored along its own or along the patient's axes."""
    body, dose = moved(BODY, DOSE, axes_of(position), (12.5, -230.0, 871.25))
    if settings is PRISMS:
        assert_same(straight(settings), compute(body, dose, settings=settings), TURNED[settings])
    along = compute(body, stored_along(dose, np.eye(3)), settings=settings)
    assert_same(straight(settings), along, TURNED[settings])


@EITHER
@pytest.mark.parametrize(
    ("order", "sign"),
    [
        ((1, 2, 0), (1, 1, 1)),  # sagittal contours
        ((2, 0, 1), (1, -1, 1)),  # coronal ones, mirrored
        ((0, 1, 2), (-1, 1, 1)),
        ((2, 1, 0), (-1, -1, -1)),
    ],
)
def test_axes_permuted_and_mirrored_with_the_contours(
    order: tuple[int, ...], sign: tuple[int, ...], settings: Settings
) -> None:
    turn = np.eye(3)[list(order)] * np.array(sign, float)
    turned = compute(*moved(BODY, DOSE, turn), settings=settings)
    assert_same(straight(settings), turned, TURNED[settings])


def rotation(about: tuple[float, float, float], degrees: float) -> FloatArray:
    axis = np.array(about) / np.linalg.norm(about)
    return np.asarray(Rotation.from_rotvec(np.radians(degrees) * axis).as_matrix())


@EITHER
@pytest.mark.parametrize("degrees", [3.0, 40.0])
def test_tilted_scan_whose_rows_stay_level(degrees: float, settings: Settings) -> None:
    """Contours and dose tilted about the row axis: the frame of the contours is the grid's."""
    turned = compute(*moved(BODY, DOSE, rotation((1, 0, 0), degrees)), settings=settings)
    assert_same(straight(settings), turned, max(SAME, TURNED[settings]))


@EITHER
@pytest.mark.parametrize(
    ("about", "degrees"), [((1, 2, 3), 25.0), ((0, 0, 1), 45.0), ((1, 0, 0), 0.01)]
)
def test_everything_turned_obliquely_within_what_resampling_allows(
    about: tuple[float, float, float], degrees: float, settings: Settings
) -> None:
    """Resampled at up to a tenth of its spacing, a dose loses the tip of its voxels."""
    turned = compute(*moved(BODY, DOSE, rotation(about, degrees)), settings=settings)
    assert_same(straight(settings), turned, 5e-3)
    found = differences(straight(settings), turned)
    assert found["volume"] < SAME
    assert found["curve"] < 2e-3


@EITHER
@pytest.mark.parametrize("degrees", [0.0005, 0.5, 45.0])
def test_dose_grid_oblique_to_the_contours_within_what_sampling_allows(
    degrees: float, settings: Settings
) -> None:
    """A linear dose is the same between the voxels of any grid."""
    turn = rotation((1, 2, 3), degrees)
    level = compute(BODY, dose_grid(slope), settings=settings)
    oblique = compute(BODY, dose_grid(slope, directions=turn), settings=settings)
    assert_same(level, oblique, 5e-4)


# From files


def from_files(folder: Path, drawn: Structure, dose: DoseGrid, position: str) -> StructureDVH:
    """The DVH of what ``rtplan`` reads back from an RT Structure Set, RT Plan and RT Dose."""
    write(folder, drawn, dose, position)
    return computed(folder, PRISMS)


def write(
    folder: Path,
    drawn: Structure,
    dose: DoseGrid,
    position: str,
    *,
    offsets: list[float] | None = None,
) -> None:
    study = Study(position, "PHANTOM^POSITION", "PHANTOM", patient_position=position)
    contours = structure_set(study, [drawn])
    plan = rt_plan(study, Plan("", "plan", 5), (), structures=contours)
    doses = rt_dose(study, dose, plan=plan)
    if offsets is not None:
        doses.GridFrameOffsetVector = offsets
    folder.mkdir()
    for name, dataset in (("RS", contours), ("RP", plan), ("RD", doses)):
        (folder / f"{name}.dcm").write_bytes(to_bytes(dataset))


def computed(folder: Path, settings: Settings) -> StructureDVH:
    case = link(read(str(folder)))
    assert case.structure_set is not None
    assert case.dose is not None, case.dose_problem
    (result,) = compute_case(case, structures=case.structure_set.structures, settings=settings)
    return result


@pytest.mark.parametrize("position", POSITIONS)
def test_files_of_each_position(position: str, tmp_path: Path) -> None:
    stored = stored_along(DOSE, axes_of(position))
    assert_same(straight(PRISMS), from_files(tmp_path / "stored", BODY, stored, position), SAME)
    body, dose = moved(BODY, DOSE, axes_of(position), (12.5, -230.0, 871.25))
    assert_same(straight(PRISMS), from_files(tmp_path / "moved", body, dose, position), SAME)


@pytest.mark.parametrize("position", ["HFS", "FFS", "HFDL", "FFP"])
@pytest.mark.parametrize("uneven", [False, True], ids=["even", "uneven"])
@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize("absolute", [False, True], ids=["offsets", "coordinates"])
def test_files_with_frames_in_every_order_and_both_forms_of_offsets(
    position: str, *, uneven: bool, descending: bool, absolute: bool, tmp_path: Path
) -> None:
    """Grid Frame Offset Vector (3004,000C): from the first frame, or as patient coordinates."""
    shift = (0.0, 0.0, 500.0)  # coordinates that no offset could be
    body, dose = moved(BODY, DOSE, np.eye(3), shift)
    if uneven:
        dose = without_frames(dose, (1, 2, 12))
    level = compute(body, dose, settings=PRISMS)
    axes = axes_of(position) * ([1, 1, -1] if descending else [1, 1, 1])
    stored = stored_along(dose, axes)
    heights = stored.grid.origin_mm[2] + stored.grid.axes_mm[2] * axes[2, 2]
    assert (np.diff(heights)[0] < 0) == (descending != position.startswith("FF"))
    offsets = np.round(heights, 6).tolist() if absolute else None
    write(tmp_path / "case", body, stored, position, offsets=offsets)
    assert_same(level, computed(tmp_path / "case", PRISMS), SAME)


def without_frames(dose: DoseGrid, left_out: tuple[int, ...]) -> DoseGrid:
    kept = np.delete(np.arange(dose.grid.shape[0]), left_out)
    across, down, along = dose.grid.axes_mm
    start = dose.grid.directions[:, 2] * along[kept[0]]
    axes = (across.copy(), down.copy(), along[kept] - along[kept[0]])
    grid = Grid(dose.grid.origin_mm + start, dose.grid.directions.copy(), axes)
    return replace(dose, grid=grid, values_gy=dose.values_gy[kept])


@EITHER
@pytest.mark.parametrize("position", ["FFP", "HFDL"])
def test_uneven_frames_stored_as_in_a_position(position: str, settings: Settings) -> None:
    dose = without_frames(DOSE, (1, 2, 12))
    stored = stored_along(dose, axes_of(position))
    level, other = (compute(BODY, each, settings=settings) for each in (dose, stored))
    assert_same(level, other, STORED[settings])
