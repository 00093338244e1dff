"""The band holds every reading of the data, and is not drawn where one is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rtplan.dvh.curve import DVH, Alternative, Open, StructureDVH
from rtplan.report.band import band_json
from rtplan.report.dvh_plot import dvh_plot

Report = dict[str, Any]


def ramp(low: float, high: float, volume: float) -> DVH:
    """Dose from ``low`` to ``high`` Gy, evenly spread over the volume."""
    return DVH(np.array([low, high]), np.array([volume, 0.0]), (low + high) / 2)


OWN = StructureDVH(
    1,
    "GTV",
    "GTV",
    10.0,
    10.0,
    ramp(10, 30, 10.0),
    alternatives=(
        Alternative(Open.SLICES, 12.0, ramp(12, 32, 12.0)),
        Alternative(Open.DOSE, 10.0, ramp(9, 30, 10.0)),
    ),
)


def test_band_reaches_from_the_smallest_to_the_largest_part_of_the_volume() -> None:
    band = band_json(OWN)
    assert band is not None
    assert band["dose_gy"] == [9.0, 10.0, 12.0, 30.0, 32.0]
    assert band["high_percent"] == [100.0, 100.0, 100.0, 10.0, 0.0]
    assert band["low_percent"] == [100.0, pytest.approx(95.238), pytest.approx(85.714), 0.0, 0.0]


def test_band_holds_the_curve_itself() -> None:
    band = band_json(OWN)
    assert OWN.dvh is not None
    assert band is not None
    own = 100 * np.interp(band["dose_gy"], OWN.dvh.dose_gy, OWN.dvh.volume_cc, right=0.0) / 10.0
    assert (np.array(band["low_percent"]) <= own + 1e-3).all()
    assert (np.array(band["high_percent"]) >= own - 1e-3).all()


@pytest.mark.parametrize(
    "structure",
    [
        replace(OWN, alternatives=()),
        replace(OWN, alternatives=(*OWN.alternatives, Alternative(Open.SLICES, 0.0, None))),
        replace(OWN, dvh=None),
    ],
)
def test_without_every_reading_there_is_no_band(structure: StructureDVH) -> None:
    assert band_json(structure) is None


def test_band_is_shaded_in_the_plot_and_explained(make_report: Callable[[str], Report]) -> None:
    structures = make_report("fine")["dvh"]["structures"]
    plain = dvh_plot(structures).decode()
    assert "Shaded" not in plain
    structures[0]["band"] = band_json(OWN)
    shaded = dvh_plot(structures).decode()
    assert "Shaded: where the curve may run by what the data leave open." in shaded
    assert shaded.count("FillBetween") + shaded.count("PolyCollection") > plain.count(
        "FillBetween"
    ) + plain.count("PolyCollection")
