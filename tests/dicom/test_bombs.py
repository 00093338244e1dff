"""Small files whose numbers ask for much: every command answers soon and in little memory.

``tests.dicom.hostile`` has what is large in bytes or in promises of length.
"""

from __future__ import annotations

import copy
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from rtplan.geometry.grid import FloatArray
from tests.dicom.hostile import deflated
from tests.fuzz.base import RD, base_files
from tests.fuzz.draft import Draft, lenient, raw
from tests.fuzz.mutate_structures import put
from tests.fuzz.oracle import check_case, write_case

SECONDS = 2.5
SPARE_BYTES = 2 << 30
"""Address space that a command may take beyond what the process has."""


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Memory is limited, so that too large an array is an error and not the machine's end."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def circle(count: int, z: float) -> list[str]:
    angle = 2 * np.pi * np.arange(count) / count
    return texts(np.column_stack([8 * np.cos(angle), 8 * np.sin(angle), np.full(count, z)]))


def texts(points: FloatArray) -> list[str]:
    return [f"{value:.6f}" for value in points.ravel()]


def a_contour_of_20000_points(draft: Draft) -> None:
    put(draft.contours()[0], circle(20_000, 0.0))


def planes_metres_apart(draft: Draft) -> None:
    for number, contour in enumerate(draft.contours()):
        values = np.array([float(text) for text in contour.ContourData]).reshape(-1, 3)
        values[:, 2] = 7000 * np.sin(number)
        put(contour, texts(values))


def a_structure_of_50_metres(draft: Draft) -> None:
    for contour in draft.contours():
        values = np.array([float(text) for text in contour.ContourData]).reshape(-1, 3)
        put(contour, texts(5000 * values))


def voxels_of_a_nanometre(draft: Draft) -> None:
    raw(draft.dose, "PixelSpacing", "1e-6\\1e-6")


def frames_a_nanometre_apart(draft: Draft) -> None:
    raw(draft.dose, "GridFrameOffsetVector", "\\".join(f"{1e-6 * k:g}" for k in range(8)))


def voxels_of_100_metres(draft: Draft) -> None:
    raw(draft.dose, "PixelSpacing", "90000\\90000")


def one_contour_2000_times(draft: Draft) -> None:
    item = draft.structures.ROIContourSequence[0]
    item.ContourSequence = list(item.ContourSequence)[:1] * 2000


def contours_nearly_alike(draft: Draft) -> None:
    """Each a little larger than the one before, so that all overlap and no two are the same."""
    first = draft.structures.ROIContourSequence[0].ContourSequence[0]
    values = np.array([float(text) for text in first.ContourData]).reshape(-1, 3)
    items = [copy.deepcopy(first) for _ in range(500)]
    for number, item in enumerate(items):
        put(item, texts(values * [1 + 1e-6 * number, 1 + 1e-6 * number, 1]))
    draft.structures.ROIContourSequence[0].ContourSequence = items


def a_scaling_beyond_all_doses(draft: Draft) -> None:
    raw(draft.dose, "DoseGridScaling", "1e308")


def planes_a_nanometre_apart(draft: Draft) -> None:
    for number, contour in enumerate(draft.contours()):
        values = np.array([float(text) for text in contour.ContourData]).reshape(-1, 3)
        values[:, 2] = 1e-6 * number
        put(contour, texts(values))


BOMBS: tuple[Callable[[Draft], None], ...] = (
    a_contour_of_20000_points,
    planes_metres_apart,
    a_structure_of_50_metres,
    one_contour_2000_times,
    contours_nearly_alike,
    a_scaling_beyond_all_doses,
    voxels_of_a_nanometre,
    frames_a_nanometre_apart,
    voxels_of_100_metres,
    planes_a_nanometre_apart,
)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_numbers_that_ask_for_much_are_answered_soon(
    bomb: Callable[[Draft], None], tmp_path: Path
) -> None:
    draft = Draft(0)
    with lenient():
        bomb(draft)
        files = draft.finish()
    case = write_case(tmp_path / "case", files)
    assert check_case(case, tmp_path / "work", commands=("doctor", "check"), seconds=SECONDS) == []


@pytest.mark.parametrize("behind", [1, 1000])
def test_bytes_behind_a_deflated_object_do_not_hang(behind: int, tmp_path: Path) -> None:
    draft = Draft(0)
    draft.explicit(RD)
    draft.edit(RD, lambda data: deflated(data, extra=1 << 20) + bytes(behind))
    with lenient():
        case = write_case(tmp_path / "case", draft.finish())
    assert check_case(case, tmp_path / "work", commands=("doctor",), seconds=SECONDS) == []


def test_the_case_that_is_made_a_bomb_of_is_sound(tmp_path: Path) -> None:
    case = write_case(tmp_path / "case", base_files())
    assert check_case(case, tmp_path / "work", commands=("doctor", "check"), seconds=SECONDS) == []
