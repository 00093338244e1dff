"""Whether the stated uncertainty holds the truth: metrics of solids with closed forms.

    python -m benchmarks.uncertainty [--quick]

Solids, doses and dose grid of ``benchmarks.closed_forms``, planes 1, 2 and 3 mm apart at four
phases, the default settings. For each metric: in how many cases the true value lies within the
uncertainty, in how many it lies further off by more than 0.2 % of its value, and the median of the
uncertainty. What lies furthest outside is listed. Vertices of the drawn polygons lie up to 0.4 um
off the solid, so 0.001 Gy or cc more than the uncertainty still counts as within.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from benchmarks.closed_forms import FIELDS, GRID, PHASES, SLICES, SOLIDS
from benchmarks.common import computed, dose_of, drawn, heading, line
from rtplan.dvh.engine import Settings
from rtplan.dvh.metrics import evaluate, parse
from rtplan.phantoms.drawing import Pen
from rtplan.phantoms.fields import Truth, truth

METRICS = ("Volume", "Min", "Max", "Mean", "D98%", "D95%", "D50%", "D2%", "D0.035cc")
SLACK = 2e-3
DRAWN = 1e-3
"""Gy or cc that the drawing of the solids alone may be off by."""


@dataclass(frozen=True, slots=True)
class Value:
    """One metric in one case, with its truth; the uncertainty is NaN where it is not known."""

    text: str
    metric: str
    value: float
    uncertainty: float
    true: float

    @property
    def outside(self) -> float:
        """By how much the truth lies outside the uncertainty, part of the true value."""
        off = abs(self.value - self.true) - self.uncertainty
        return off / abs(self.true) if off > DRAWN else 0.0


def _true(metric: str, exact: Truth) -> float:
    """The true value of a metric of METRICS, Gy or cc."""
    known = {
        "Volume": exact.volume_cc,
        "Min": exact.min_gy,
        "Max": exact.max_gy,
        "Mean": exact.mean_gy,
    }
    if metric in known:
        return float(known[metric])
    at = metric[1:]
    volume = float(at[:-2]) if at.endswith("cc") else float(at[:-1]) / 100 * exact.volume_cc
    return float(exact.dose_at(volume))


def values(
    slices: Sequence[float] = SLICES,
    *,
    solids: Sequence[str] = tuple(SOLIDS),
    phases: Sequence[float] = PHASES,
) -> Iterator[Value]:
    """Every metric of every case."""
    for name, spacing, phase in product(solids, slices, phases):
        structure = drawn(SOLIDS[name], Pen(spacing, phase=phase))
        for along, field in FIELDS.items():
            exact = truth(SOLIDS[name], field)
            dose = dose_of(field.dose_gy, GRID, half_mm=22.0, placement=0.37)
            result, _, _ = computed(structure, dose, replace(Settings(), lone_plane_mm=spacing))
            text = f"{name}, planes {spacing:g}, phase {phase:g}, dose {along}"
            for metric in METRICS:
                found = evaluate(parse(metric), result)
                if found.value is None:
                    raise SystemExit(f"{text}: {metric} was not evaluated")
                open_by = np.nan if found.uncertainty is None else found.uncertainty
                yield Value(text, metric, found.value, open_by, _true(metric, exact))


def main() -> None:
    """Print the table and the worst cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="planes 3 mm apart only")
    found = list(values(SLICES[2:] if parser.parse_args().quick else SLICES))
    heading(
        "Uncertainty and truth, default settings (no target)",
        ("metric", "cases", "truth within %", "further off by 0.2 % or more, %", "not known",
         "median uncertainty, Gy or cc"),
    )  # fmt: skip
    for metric in METRICS:
        every = [item for item in found if item.metric == metric]
        known = [item for item in every if np.isfinite(item.uncertainty)]
        within = 100 * np.mean([item.outside == 0 for item in known])
        far = 100 * np.mean([item.outside > SLACK for item in known])
        middle = np.median([item.uncertainty for item in known])
        unknown = len(every) - len(known)
        line((metric, len(every), f"{within:.0f}", f"{far:.0f}", unknown, f"{middle:.3f}"))
    heading("Furthest outside", ("case", "metric", "value", "uncertainty", "truth"))
    known = [item for item in found if np.isfinite(item.uncertainty)]
    for item in sorted(known, key=lambda item: -item.outside)[:12]:
        numbers = (item.value, item.uncertainty, item.true)
        line((item.text, item.metric, *(f"{number:.3f}" for number in numbers)))


if __name__ == "__main__":
    main()
