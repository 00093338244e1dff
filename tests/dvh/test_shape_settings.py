"""Interpolation and end caps as settings of the engine and of the command."""

import json
from pathlib import Path

import numpy as np
import pytest

from rtplan.cli.main import main
from rtplan.dvh.engine import EndCap, Interpolation, Settings, compute
from rtplan.geometry.contour import Structure
from rtplan.phantoms.drawing import Pen, draw
from rtplan.phantoms.fields import LinearField, truth
from rtplan.phantoms.solids import Sphere
from tests.shapes import PRISMS, dose_grid

SHAPE = Settings(Interpolation.SHAPE_BASED, EndCap.ROUNDED)
CENTRE = (0.0, 0.0, 0.0)


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("gradient", [(0.0, 0.0, 1.0), (0.6, 0.48, 0.64)])
def test_curve_of_a_small_sphere_is_within_a_tenth_of_a_point(
    phase: float, gradient: tuple[float, float, float]
) -> None:
    solid = Sphere(CENTRE, 3.0)
    field = LinearField(CENTRE, 50.0, gradient)
    drawn = Structure(1, "GTV", contours=draw(solid, Pen(spacing_mm=1.0, phase=phase)))
    dvh = compute(drawn, dose_grid(field.dose_gy, spacing=1.0, half=8), settings=SHAPE).dvh
    assert dvh is not None
    exact = truth(solid, field)
    doses = np.linspace(exact.min_gy, exact.max_gy, 101)
    ours = np.array([dvh.volume_at(float(dose)) for dose in doses])
    assert np.abs(ours - exact.volume_at(doses)).max() < 1e-3 * solid.volume_cc
    assert dvh.min_gy == pytest.approx(exact.min_gy, abs=0.03)
    assert dvh.max_gy == pytest.approx(exact.max_gy, abs=0.03)


def test_settings_are_in_the_json() -> None:
    assert SHAPE.as_json()["interpolation"] == "shape_based"
    assert SHAPE.as_json()["end_cap"] == "rounded"
    assert Settings() == SHAPE
    assert PRISMS.as_json()["interpolation"] == "right_prism"
    assert PRISMS.as_json()["end_cap"] == "half_slice"


def test_command_takes_both_options(tmp_path: Path) -> None:
    from rtplan.phantoms import build

    build("sphere-linear", tmp_path / "case")
    volumes = []
    for options in (["--interpolation", "right_prism", "--end-cap", "half_slice"], []):
        target = tmp_path / "dvh.json"
        main(["dvh", str(tmp_path / "case"), "--json", str(target), *options])
        document = json.loads(target.read_text(encoding="utf-8"))
        volumes.append(document["structures"][0]["volume_cc"])
    exact = 4 / 3 * np.pi * 12**3 / 1000
    assert abs(volumes[1] / exact - 1) < abs(volumes[0] / exact - 1)
