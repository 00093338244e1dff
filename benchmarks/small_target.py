"""One small target beside a peer: truth, rtplan and dicompyler-core, on the same files.

    python -m benchmarks.small_target [--plot docs/dvh-small-target.png]

A sphere of 3 mm on contour planes 1 mm apart, in a Gaussian dose (sigma = R) on voxels of 1 mm, at
eight placements of planes and grid, written as RT Structure Set and RT Dose and read back by both
programs. dicompyler-core is an optional peer and is left out, with a line that says so, where it
is not installed; it is called with its defaults. Its curve starts at the volume of the voxels whose
centres are inside; like ours it is taken relative to its own volume. Time is from files to curve.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import DEFAULT, PRISMS, dose_of, drawn, heading, line, placements, relative
from rtplan.case import Plan, Prescription
from rtplan.dicom.link import link
from rtplan.dicom.read import read
from rtplan.dicom.write import Study, rt_dose, structure_set, to_bytes
from rtplan.dicom.write_plan import Beam, rt_plan
from rtplan.dvh.engine import Settings, compute
from rtplan.geometry.grid import FloatArray
from rtplan.phantoms.drawing import Pen
from rtplan.phantoms.fields import GaussianField, Truth, truth
from rtplan.phantoms.solids import Sphere
from rtplan.report.drawing import COLOURS, LINE, QUIET, png, style

CENTRE = (0.0, 0.0, 0.0)
RADIUS = 3.0
SPACING = 1.0
SPHERE = Sphere(CENTRE, RADIUS)
FIELD = GaussianField(CENTRE, 30.0, RADIUS)
VERTICES = 120
DOSES = np.linspace(0.0, 30.6, 307)
PEER = "dicompyler-core"
TRUTH = "#c3ccd6"

# From a folder with RS.dcm and RD.dcm: volume cc, and its part (n,) at each of DOSES.
Program = Callable[[Path], tuple[float, FloatArray]]


def write(folder: Path, placement: tuple[float, ...]) -> None:
    """The target and its dose as files, at one placement of planes and grid."""
    phase, *grid = placement
    study = Study("small-target", "PHANTOM^small", "PHANTOM-small")
    pen = Pen(SPACING, phase=phase, vertices=VERTICES, area_matched=False)
    structures = structure_set(study, [drawn(SPHERE, pen)])
    plan = rt_plan(
        study,
        Plan("", "small", 1, prescriptions=(Prescription(18.0, 1),)),
        (Beam(1, "ARC", CENTRE, 18.0),),
        structures=structures,
    )
    dose = dose_of(FIELD.dose_gy, SPACING, half_mm=3 * RADIUS, placement=grid)
    for name, dataset in (
        ("RS", structures),
        ("RP", plan),
        ("RD", rt_dose(study, dose, plan=plan)),
    ):
        (folder / f"{name}.dcm").write_bytes(to_bytes(dataset))


def rtplan_with(settings: Settings) -> Program:
    """rtplan from files to curve."""

    def program(folder: Path) -> tuple[float, FloatArray]:
        case = link(read(str(folder)))
        if case.structure_set is None:
            raise SystemExit("no structure set was read")
        result = compute(next(iter(case.structure_set)), case.dose, settings=settings)
        if result.dvh is None or result.volume_cc is None:
            raise SystemExit(f"no DVH: {result.reason}")
        return result.volume_cc, relative(result.dvh, DOSES)

    return program


def dicompyler(folder: Path) -> tuple[float, FloatArray]:
    """dicompyler-core with its defaults, from files to curve."""
    import pydicom.dicomio

    # Version 0.5.6 asks pydicom for its reader under the name it had before pydicom 3.
    vars(pydicom.dicomio).setdefault("read_file", pydicom.dcmread)
    dvhcalc: Any = importlib.import_module("dicompylercore.dvhcalc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        curve = dvhcalc.get_dvh(str(folder / "RS.dcm"), str(folder / "RD.dcm"), 1)
    counts = np.asarray(curve.counts, dtype=float)
    at = np.asarray(curve.bins[: counts.size], dtype=float)
    return float(curve.volume), np.interp(DOSES, at, counts / counts[0], right=0.0)


def programs() -> dict[str, Program]:
    """What is compared; a peer only where it is installed."""
    found = {
        "rtplan, default": rtplan_with(Settings()),
        "rtplan, default, no uncertainty": rtplan_with(DEFAULT),
        "rtplan, prism, trilinear": rtplan_with(PRISMS),
    }
    if importlib.util.find_spec("dicompylercore") is None:
        print(f"{PEER} is not installed and is left out")
        return found
    logging.getLogger("dicompylercore").setLevel(logging.ERROR)
    return {**found, PEER: dicompyler}


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """One program over the placements: volumes cc (n,), curves (n, doses), processor time ms."""

    name: str
    volume_cc: FloatArray
    curves: FloatArray
    milliseconds: float

    def curve_pp(self, wanted: FloatArray) -> FloatArray:
        """Largest error of each curve, percentage points."""
        return np.asarray(100 * np.abs(self.curves - wanted).max(axis=1))


def wanted(exact: Truth) -> FloatArray:
    """The true part (n,) of the volume at each of DOSES."""
    volume = np.asarray(exact.volume_at(np.clip(DOSES, exact.min_gy, exact.max_gy)))
    return np.asarray(np.where(exact.max_gy < DOSES, 0.0, volume / exact.volume_cc))


def runs(count: int = 8) -> Iterator[Runs]:
    """Every program on the same files."""
    chosen = programs()
    found: dict[str, list[tuple[float, FloatArray]]] = {name: [] for name in chosen}
    spent = dict.fromkeys(chosen, 0.0)
    with tempfile.TemporaryDirectory() as temporary:
        for number, placement in enumerate(placements(count).tolist()):
            folder = Path(temporary) / str(number)
            folder.mkdir()
            write(folder, tuple(placement))
            for name, program in chosen.items():
                if number == 0:
                    program(folder)  # imports are not what is compared
                started = time.process_time()
                found[name].append(program(folder))
                spent[name] += 1000 * (time.process_time() - started) / count
    for name, results in found.items():
        volumes, curves = zip(*results, strict=True)
        yield Runs(name, np.array(volumes), np.stack(curves), spent[name])


def plot(every: list[Runs], exact: Truth) -> bytes:
    """Curves at all placements over the truth, as PNG."""
    from matplotlib.figure import Figure

    share = 100 * wanted(exact)
    with style():
        figure = Figure(figsize=(6.6, 4.0))
        axes = figure.add_axes((0.095, 0.135, 0.88, 0.75))
        axes.plot(DOSES, share, color=TRUTH, linewidth=6, label="truth (closed form)")
        for name, colour in ((PEER, COLOURS[0]), ("rtplan, default", COLOURS[1])):
            for item in (item for item in every if item.name == name):
                label = f"{name}: at most {item.curve_pp(wanted(exact)).max():.1f} points off"
                look: dict[str, Any] = {"color": colour, "linewidth": 1.1}
                axes.plot(DOSES, 100 * item.curves[0], label=label, **look)
                axes.plot(DOSES, 100 * item.curves[1:].T, **look)
        axes.set(xlim=(14, 30.6), ylim=(0, 103), xlabel="Dose (Gy)")
        axes.set_ylabel("Volume (% of the structure)")
        axes.set_title(
            f"Sphere of {RADIUS:g} mm, contours and dose voxels every {SPACING:g} mm: "
            f"{len(every[0].curves)} placements",
            loc="left", fontsize=10, pad=8,
        )  # fmt: skip
        axes.grid(color=LINE, linewidth=0.7)
        axes.tick_params(colors=QUIET, length=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="lower left", fontsize=8.5)
        return png(figure, dpi=160)


def main() -> None:
    """Print the table and, where asked for, write the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--plot", metavar="FILE", help="write the plot (PNG)")
    args = parser.parse_args()
    exact = truth(SPHERE, FIELD)
    every = list(runs())
    heading(
        f"Sphere of {RADIUS:g} mm, planes and voxels {SPACING:g} mm, Gaussian sigma = R, from "
        "files (target with the default: curve within 0.7 pp)",
        ("program", "volume %", "curve pp, worst (median)", "CPU ms", "CPU as a ratio"),
    )
    for item in every:
        percent = 100 * (item.volume_cc / exact.volume_cc - 1)
        error = item.curve_pp(wanted(exact))
        ratio = item.milliseconds / every[-1].milliseconds
        line(
            (
                item.name,
                f"{percent.min():+.2f} .. {percent.max():+.2f}",
                f"{error.max():.2f} ({np.median(error):.2f})",
                f"{item.milliseconds:.0f}",
                f"{ratio:.2f}",
            )
        )
    if args.plot:
        Path(args.plot).write_bytes(plot(every, exact))


if __name__ == "__main__":
    main()
