"""The cases of the scale benchmark are as large as they say, and its measurements run."""

from pathlib import Path

import pytest

from benchmarks import scale
from rtplan.dicom.link import link
from rtplan.dicom.read import read
from rtplan.geometry.planes import stack_planes


@pytest.mark.parametrize(("name", "structures"), [("a", 30), ("b", 60)])
def test_cases_have_the_points_they_promise(name: str, structures: int) -> None:
    drawn = scale.structures_of(scale.SIZES[name])
    points = sum(len(contour.points_mm) for each in drawn for contour in each.contours)
    assert len(drawn) == structures
    assert points == pytest.approx(scale.SIZES[name].points, rel=0.01)


def test_no_structure_is_drawn_with_a_doubt() -> None:
    codes = {
        note.code
        for structure in scale.structures_of(scale.SIZES["a"])
        for note in stack_planes(structure).findings
    }
    assert codes <= {"GEO010"}  # holes


def test_a_small_case_is_written_read_and_timed(tmp_path: Path) -> None:
    small = scale.Size(12_000, 12.0, (45, 30, 40), 8.0, 16)
    scale.write_case("small", small, tmp_path)
    case = link(read(str(tmp_path)))
    assert case.dose is not None
    assert case.dose.values_gy.max() == pytest.approx(scale.PRESCRIBED_GY, rel=0.1)
    assert case.structure_set is not None
    assert len(case.structure_set.structures) == 30
    cost = scale.whole_process(tmp_path, ["--roi=Heart", *scale.PRISM_OPTIONS])
    assert 0 < cost.cpu_s < 60
    assert cost.peak_mb > 10
