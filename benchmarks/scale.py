"""Time and memory of the whole way, from DICOM files to DVHs, for a clinical and a large case.

    python benchmarks/scale.py [--case a] [--quick] [--keep FOLDER] [--no-growth]

Case a: 30 structures, 400,000 contour points on planes 3 mm apart, dose of 180 x 120 x 160 voxels
of 2 mm. Case b: 60 structures, 1.3 million points on planes 2 mm apart, dose of 400 x 300 x 400
voxels of 1 mm, 32 bits each. Outlines are smooth and slightly irregular; some have holes, some two
rings a plane. The same files are written every time.

The DVH stage is ``compute_case`` in this process; the whole process is
``python -m rtplan dvh FOLDER --json -``, measured by the operating system for that child alone.
For prisms the stage leaves out the other readings of the data that the defaults compute beside, as
their uncertainty; the command has no option for that.
Everything runs on one thread; times are processor time, the least of several runs, beside wall
time. Growth is the DVH stage over ten times the contour points, and over ten times the covered
cells, with the exponent of the power law fitted to it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
os.environ.update(THREADS)  # read by the libraries when numpy is imported

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from rtplan.case import Case, Plan, Prescription  # noqa: E402
from rtplan.dicom.link import link  # noqa: E402
from rtplan.dicom.read import read  # noqa: E402
from rtplan.dicom.write import Study, rt_dose, structure_set, to_bytes  # noqa: E402
from rtplan.dicom.write_plan import rt_plan  # noqa: E402
from rtplan.dose.grid import DoseGrid  # noqa: E402
from rtplan.dvh.case import compute_case, settings_for  # noqa: E402
from rtplan.dvh.engine import (  # noqa: E402
    DoseInterpolation,
    EndCap,
    Interpolation,
    Settings,
)
from rtplan.geometry.contour import Contour, Structure, StructureSet  # noqa: E402
from rtplan.geometry.grid import FloatArray, Grid  # noqa: E402

PRISMS = Settings(
    Interpolation.RIGHT_PRISM,
    EndCap.HALF_SLICE,
    DoseInterpolation.TRILINEAR,
    uncertainty=False,
)
PRISM_OPTIONS = (
    "--interpolation=right_prism",
    "--end-cap=half_slice",
    "--dose-interpolation=trilinear",
    "--no-uncertainty",
)
FEWEST_POINTS = 24
PRESCRIBED_GY = 60.0


@dataclass(frozen=True, slots=True)
class Organ:
    """A body like an ellipsoid, or with a large ``power`` like a tube, in parts of the dose box.

    ``centre`` and ``half`` are (x, y, z) from -1 to 1; ``wall`` is the part of its cross-section
    that a hole leaves, 1 without a hole; ``twin`` draws it on both sides.
    """

    name: str
    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    power: float = 2.0
    wall: float = 1.0
    twin: bool = False
    roi_type: str = "ORGAN"


@dataclass(frozen=True, slots=True)
class Size:
    """How large a case is: points wanted, distance of planes in mm, voxels (i, j, k) and mm.

    With ``margin_mm`` every structure but the body is there once more, so much wider.
    """

    points: int
    plane_mm: float
    voxels: tuple[int, int, int]
    voxel_mm: float
    bits: int
    margin_mm: float = 0.0

    @property
    def half_mm(self) -> FloatArray:
        """Half the extent of the dose grid along x, y, z."""
        return np.array(self.voxels) * self.voxel_mm / 2


SIZES = {
    "a": Size(400_000, 3.0, (180, 120, 160), 2.0, 32),
    "b": Size(1_300_000, 2.0, (400, 300, 400), 1.0, 32, margin_mm=3.0),
}
ORGANS = (
    Organ("Body", (0, 0, 0), (0.9, 0.9, 0.98), 8, roi_type="EXTERNAL"),
    Organ("Bones", (0.5, 0.45, 0.1), (0.07, 0.1, 0.85), 12, wall=0.7, twin=True),
    Organ("Lung_L", (0.45, -0.05, 0.12), (0.3, 0.6, 0.66), 3),
    Organ("Lung_R", (-0.45, -0.05, 0.12), (0.3, 0.6, 0.66), 3),
    Organ("Lungs", (0.45, -0.05, 0.12), (0.3, 0.6, 0.66), 3, twin=True),
    Organ("Heart", (0.12, -0.25, -0.2), (0.3, 0.4, 0.38)),
    Organ("SpinalCord", (0, 0.55, 0), (0.035, 0.05, 0.97), 20),
    Organ("SpinalCanal", (0, 0.55, 0), (0.055, 0.08, 0.97), 20, roi_type="AVOIDANCE"),
    Organ("Esophagus", (0.03, 0.33, 0.1), (0.06, 0.07, 0.8), 12),
    Organ("Trachea", (0, 0.12, 0.55), (0.06, 0.09, 0.4), 12, wall=0.6),
    Organ("Liver", (-0.35, -0.1, -0.68), (0.45, 0.62, 0.28)),
    Organ("Stomach", (0.35, -0.2, -0.7), (0.25, 0.3, 0.25)),
    Organ("Spleen", (0.62, 0.3, -0.66), (0.14, 0.25, 0.22)),
    Organ("Kidneys", (0.35, 0.4, -0.8), (0.12, 0.2, 0.17), twin=True),
    Organ("Bowel", (0, -0.3, -0.88), (0.6, 0.45, 0.09), 4),
    Organ("Aorta", (0.06, 0.4, -0.1), (0.06, 0.09, 0.75), 12),
    Organ("GreatVes", (-0.05, -0.05, 0.35), (0.16, 0.2, 0.25)),
    Organ("Bronchus", (0.2, 0.1, 0.12), (0.15, 0.1, 0.08), twin=True),
    Organ("Chestwall_R", (-0.72, -0.05, 0.1), (0.1, 0.5, 0.62), 6),
    Organ("BrachialPlex", (0.35, 0.1, 0.8), (0.2, 0.15, 0.12), twin=True),
    Organ("Thyroid", (0.05, -0.15, 0.84), (0.1, 0.12, 0.09)),
    Organ("Larynx", (0, -0.2, 0.92), (0.1, 0.14, 0.05), 4, wall=0.5),
    Organ("Humerus_L", (0.83, 0.1, 0.75), (0.08, 0.13, 0.2), 6),
    Organ("Humerus_R", (-0.83, 0.1, 0.75), (0.08, 0.13, 0.2), 6),
    Organ("GTV_1", (-0.4, 0.1, 0.2), (0.07, 0.1, 0.08), roi_type="GTV"),
    Organ("CTV_1", (-0.4, 0.1, 0.2), (0.1, 0.14, 0.11), roi_type="CTV"),
    Organ("PTV_1", (-0.4, 0.1, 0.2), (0.13, 0.19, 0.14), roi_type="PTV"),
    Organ("GTV_2", (0.1, 0.2, 0.05), (0.03, 0.045, 0.035), roi_type="GTV"),
    Organ("PTV_2", (0.1, 0.2, 0.05), (0.055, 0.08, 0.065), roi_type="PTV"),
    Organ("NS_Ring_PTV", (-0.4, 0.1, 0.2), (0.3, 0.42, 0.3), wall=0.4, roi_type="AVOIDANCE"),
)
COUCH = Organ("Couch", (0, 0.94, 0), (0.8, 0.04, 0.98), 20, roi_type="SUPPORT")


def outline(half_u: float, half_v: float, count: int, phase: float) -> FloatArray:
    """A smooth, slightly irregular ring (n, 2) around the origin, without a crossing."""
    angle = 2 * np.pi * np.arange(count) / count
    uneven = 1 + 0.04 * np.sin(3 * angle + phase) + 0.02 * np.cos(5 * angle - 2 * phase)
    uneven += 0.006 * np.sin(11 * angle + 3 * phase)
    return np.column_stack([half_u * uneven * np.cos(angle), half_v * uneven * np.sin(angle)])


def rings_of(organ: Organ, size: Size, margin_mm: float) -> Iterator[tuple[float, FloatArray]]:
    """Per ring of an organ: its plane's z, and (centre x, centre y, half u, half v), mm."""
    box = size.half_mm
    centre, half = np.array(organ.centre) * box, np.array(organ.half) * box + margin_mm
    first = int(np.ceil((centre[2] - half[2]) / size.plane_mm))
    last = int(np.floor((centre[2] + half[2]) / size.plane_mm))
    for plane in range(first, last + 1):
        z = plane * size.plane_mm
        along = min(1.0, abs(z - centre[2]) / half[2])
        width = np.sqrt(max(0.0, 1 - along**organ.power))
        if abs(z) > box[2] - size.voxel_mm or width * half[:2].min() < 1.0:
            continue
        drift = 0.05 * half[0] * np.sin(2 * np.pi * z / (4 * half[2]))
        for side in (1.0, -1.0) if organ.twin else (1.0,):
            place = [side * (centre[0] + drift), centre[1]]
            yield z, np.array([*place, *(width * half[:2])])
            if organ.wall < 1:
                yield z, np.array([*place, *((1 - organ.wall) * width * half[:2])])


def structures_of(size: Size) -> tuple[Structure, ...]:
    """The structures of a case, with about as many points as it is to have."""
    wanted = [(organ, 0.0) for organ in ORGANS]
    if size.margin_mm:
        wanted += [(organ, size.margin_mm) for organ in (*ORGANS[1:], COUCH)]
    plans = [(organ, margin, list(rings_of(organ, size, margin))) for organ, margin in wanted]
    around = sum(2 * np.pi * np.sqrt(r[2] * r[3]) for _, _, rings in plans for _, r in rings)
    density = size.points / around
    found = []
    for number, (organ, margin, rings) in enumerate(plans, start=1):
        contours = []
        for z, (x, y, half_u, half_v) in rings:
            count = max(FEWEST_POINTS, round(density * 2 * np.pi * np.sqrt(half_u * half_v)))
            ring = np.array([x, y]) + outline(half_u, half_v, count, 0.02 * z + organ.half[0])
            contours.append(Contour(np.column_stack([ring, np.full(count, z)])))
        name = organ.name if margin == 0 else f"{organ.name}_{margin:g}mm"
        found.append(Structure(number, name, organ.roi_type, tuple(contours)))
    return tuple(found)


def dose_of(size: Size) -> DoseGrid:
    """Dose to the first target: a plateau with an edge of some mm, and beams that lead to it."""
    half = size.half_mm
    axes = [size.voxel_mm * np.arange(count, dtype=np.float64) for count in size.voxels]
    target = np.array(ORGANS[-4].centre) * half
    reach = np.array(ORGANS[-4].half) * half
    x, y, z = (
        ((axis - h + size.voxel_mm / 2 - t) / r).astype(np.float32)
        for axis, h, t, r in zip(axes, half, target, reach, strict=True)
    )
    z2 = (z**2)[:, None, None]
    distance = np.sqrt(z2 + (y**2)[:, None] + x**2)
    values = 1 / (1 + np.exp(np.minimum(6 * (distance - 1.1), 60)))
    bath = np.exp(-0.15 * distance) * (0.75 + 0.2 * np.cos(5 * np.arctan2(y[:, None], x)))
    values = PRESCRIBED_GY * (0.75 * values + 0.3 * bath * np.exp(-z2 / 8))
    grid = Grid(size.voxel_mm / 2 - half, np.eye(3), (axes[0], axes[1], axes[2]))
    values_gy: NDArray[np.float32] = np.asarray(values, dtype=np.float32)
    return DoseGrid(grid, values_gy)


def write_case(name: str, size: Size, folder: Path) -> None:
    """The three RT objects of a case; files that are there are kept."""
    if (folder / "RD.dcm").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    study = Study(f"scale-{name}", "PHANTOM^SCALE", "PHANTOM-SCALE", "Synthetic, no patient")
    drawn = structure_set(study, structures_of(size), decimals=3)
    plan = Plan("", "SCALE", fractions=30, prescriptions=(Prescription(PRESCRIBED_GY),))
    planned = rt_plan(study, plan, (), structures=drawn)
    dose = rt_dose(study, dose_of(size), plan=planned, bits=size.bits)
    for file, dataset in (("RS.dcm", drawn), ("RP.dcm", planned), ("RD.dcm", dose)):
        (folder / file).write_bytes(to_bytes(dataset))


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor and wall, and the largest resident memory, MB (0: not measured)."""

    cpu_s: float
    wall_s: float
    peak_mb: float = 0.0


def least(costs: Sequence[Cost]) -> Cost:
    """The cheapest of several runs, each figure for itself; the largest memory."""
    return Cost(
        min(cost.cpu_s for cost in costs),
        min(cost.wall_s for cost in costs),
        max(cost.peak_mb for cost in costs),
    )


def stages(case: Case, repeats: int) -> tuple[Cost, Cost]:
    """The DVH stage in this process: for prisms, and for the defaults."""
    prisms = least([_stage(case, PRISMS) for _ in range(repeats)])
    return prisms, least([_stage(case, Settings()) for _ in range(repeats)])


def _stage(case: Case, settings: Settings) -> Cost:
    structures = case.structure_set.structures if case.structure_set else ()
    wall, cpu = time.perf_counter(), time.process_time()
    results = compute_case(case, structures=structures, settings=settings_for(case, settings))
    cost = Cost(time.process_time() - cpu, time.perf_counter() - wall)
    without = [result.name for result in results if result.dvh is None]
    if without:
        raise SystemExit(f"no DVH for {', '.join(without)}")
    return cost


_LAUNCHER = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(child.pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
# A process inherits the peak of the one that starts it: so a small one does.


def whole_process(folder: Path, options: Sequence[str]) -> Cost:
    """``rtplan dvh`` on a folder, as a process of its own."""
    command = [sys.executable, "-m", "rtplan", "dvh", str(folder), "--json", "-", "--threads=1"]
    command += options
    started = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", _LAUNCHER, *command],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | THREADS,
    )
    wall = time.perf_counter() - started
    code, cpu, peak = run.stdout.split()
    if code != "0":
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    unit = 1e6 if sys.platform == "darwin" else 1e3  # ru_maxrss: bytes there, kilobytes elsewhere
    return Cost(float(cpu), wall, float(peak) / unit)


def print_case(name: str, folder: Path, repeats: int) -> None:
    """One case: the stage and the process, for prisms and for the defaults."""
    write_case(name, SIZES[name], folder)
    case = link(read(str(folder)))
    if case.structure_set is None or case.dose is None:
        raise SystemExit(f"case {name} was not read: {case.dose_problem}")
    structures = case.structure_set.structures
    points = sum(len(c.points_mm) for s in structures for c in s.contours)
    contours = sum(len(s.contours) for s in structures)
    print(
        f"\nCase {name}: {len(structures)} structures, {contours:,} contours, {points:,} points, "
        f"{case.dose.values_gy.size:,} voxels of {SIZES[name].bits} bits\n"
    )
    print("| settings | DVH stage CPU s | wall s | process CPU s | wall s | peak MB |")
    print("|---|---|---|---|---|---|")
    in_process = stages(case, repeats)
    rows = (("prisms, half slice, trilinear", PRISM_OPTIONS), ("defaults", ()))
    for (title, options), dvhs in zip(rows, in_process, strict=True):
        process = least([whole_process(folder, options) for _ in range(repeats)])
        print(
            f"| {title} | {dvhs.cpu_s:.2f} | {dvhs.wall_s:.2f} | {process.cpu_s:.2f} "
            f"| {process.wall_s:.2f} | {process.peak_mb:.0f} |",
            flush=True,
        )


def grown_points(points: float) -> Case:
    """Case a with so many contour points."""
    size = replace(SIZES["a"], points=round(points))
    return Case("growth", StructureSet("", structures=structures_of(size)), dose_of(size))


def grown_cells(cells: float) -> Case:
    """Three spheres, each of so many dose cells and all drawn with as many points."""
    voxel, planes = 2.0, 40
    radius = voxel * (cells * 3 / (4 * np.pi)) ** (1 / 3)
    steps = voxel * np.arange(int(2.4 * radius / voxel) + 2, dtype=np.float64)
    grid = Grid(np.full(3, -float(steps[-1]) / 2), np.eye(3), (steps, steps.copy(), steps.copy()))
    x = steps - steps[-1] / 2
    square = x**2 + x[:, None] ** 2 + x[:, None, None] ** 2
    dose = DoseGrid(grid, (PRESCRIBED_GY * np.exp(-square / (2 * radius**2))).astype(np.float32))
    contours = []
    for z in (radius * (2 * (np.arange(planes) + 0.5) / planes - 1)).tolist():
        half = (radius**2 - z**2) ** 0.5
        ring = outline(half, half, 400, 0.02 * z)
        contours.append(Contour(np.column_stack([ring, np.full(len(ring), z)])))
    drawn = tuple(Structure(n, f"sphere {n}", "", tuple(contours)) for n in (1, 2, 3))
    return Case("growth", StructureSet("", structures=drawn), dose)


def print_growth(steps: int, repeats: int) -> None:
    """The DVH stage over a decade of points and of cells, with the fitted exponents."""
    for title, make, first in (
        ("contour points of case a", grown_points, 1e5),
        ("covered cells of each of 3 spheres", grown_cells, 1e5),
    ):
        print(f"\n| {title} | prisms CPU s | defaults CPU s |")
        print("|---|---|---|")
        counts = first * np.geomspace(1.0, 10.0, steps)
        costs = []
        for count in counts.tolist():
            prisms, defaults = stages(make(count), repeats)
            costs.append([prisms.cpu_s, defaults.cpu_s])
            print(f"| {count:,.0f} | {prisms.cpu_s:.2f} | {defaults.cpu_s:.2f} |", flush=True)
        exponents = np.polyfit(np.log(counts), np.log(costs), 1)[0]
        print(f"| exponent | {exponents[0]:.2f} | {exponents[1]:.2f} |")


@contextmanager
def folder_of(kept: str | None) -> Iterator[Path]:
    """The folder to keep the cases in, or a temporary one."""
    if kept:
        yield Path(kept)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--case", action="append", choices=sorted(SIZES), help="only this case")
    parser.add_argument(
        "--keep", metavar="FOLDER", help="write the cases there, or use those there"
    )
    parser.add_argument("--quick", action="store_true", help="case a alone, one run of each")
    parser.add_argument("--no-growth", action="store_true", help="without the growth tables")
    args = parser.parse_args()
    names = args.case or (["a"] if args.quick else sorted(SIZES))
    repeats = 1 if args.quick else 3
    with folder_of(args.keep) as folder:
        for name in names:
            print_case(name, folder / name, repeats)
    if not args.no_growth:
        print_growth(3 if args.quick else 5, repeats)


if __name__ == "__main__":
    main()
