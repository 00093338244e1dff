"""Time and memory of reading: a folder of 1,000 files, 3 million contour numbers, hostile files.

    python -m benchmarks.reading [--files 1000] [--pixels 512] [--folder FOLDER] [--bombs]

The folder holds CT slices with pixel data, a structure set of 3 million numbers, a plan and a dose
of 8 million voxels; it is written to a temporary place first. *headers* scans the slices, the plan
and the dose, *folder* everything, both through ``read``; *numbers* parses the coordinates of all
contours alone. They run on one thread: processor time, the least of three runs, beside wall time.
*doctor* is the whole command, with the values of the dose and the volumes, in a process of its own.
``--bombs`` adds the table of hostile files, ``python -m tests.dicom.hostile``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
os.environ.update(THREADS)  # read by the libraries when numpy is imported

import numpy as np  # noqa: E402

from benchmarks.common import heading, line  # noqa: E402
from rtplan.case import Plan, Prescription  # noqa: E402
from rtplan.dicom.numbers import parse_many  # noqa: E402
from rtplan.dicom.parse import items, parse, raw_value  # noqa: E402
from rtplan.dicom.read import read  # noqa: E402
from rtplan.dicom.write import Study, ct_series, rt_dose, structure_set, to_bytes  # noqa: E402
from rtplan.dicom.write_plan import rt_plan  # noqa: E402
from rtplan.dose.grid import DoseGrid  # noqa: E402
from rtplan.geometry.contour import Contour, Structure  # noqa: E402
from rtplan.geometry.grid import Grid  # noqa: E402
from tests.dicom.hostile import measure  # noqa: E402

PRESCRIBED_GY = 60.0
ROIS, PLANES, POINTS = 20, 100, 500
"""A million points, three million numbers."""
OBJECTS = ("RS.dcm", "RP.dcm", "RD.dcm")


def lattice(step_mm: float, across: int, slices: int, *, apart_mm: float) -> Grid:
    """A grid of square slices around the origin."""
    axes = [
        step * np.arange(n, dtype=np.float64)
        for step, n in ((step_mm, across), (step_mm, across), (apart_mm, slices))
    ]
    return Grid(
        np.array([-steps[-1] / 2 for steps in axes]), np.eye(3), (axes[0], axes[1], axes[2])
    )


def structures() -> tuple[Structure, ...]:
    """Ellipses that waver, with coordinates of three decimals."""
    angle = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    found = []
    for number in range(1, ROIS + 1):
        contours = []
        for z in np.arange(PLANES) - PLANES / 2:
            radius = (10 + number) * (1 + 0.1 * np.sin(3 * angle + z / 9))
            ring = np.column_stack(
                [radius * np.cos(angle), 0.8 * radius * np.sin(angle), np.full(POINTS, z)]
            )
            contours.append(Contour(ring))
        found.append(Structure(number, f"Organ_{number}", "ORGAN", tuple(contours)))
    return tuple(found)


def write(folder: Path, files: int, pixels: int) -> None:
    """The folder, of so many files in all, slices of ``pixels`` x ``pixels``."""
    folder.mkdir(parents=True, exist_ok=True)
    study = Study("reading", "PHANTOM^READING", "PHANTOM-READING", "Synthetic, no patient")
    slices = files - len(OBJECTS)
    grid = lattice(500 / pixels, pixels, slices, apart_mm=1.0)
    images = ct_series(study, grid, np.zeros(grid.shape, dtype=np.int16))
    for number, image in enumerate(images):
        (folder / f"CT{number:04}.dcm").write_bytes(to_bytes(image))
    drawn = structure_set(study, structures(), images=images, decimals=3)
    plan = Plan("", "READING", fractions=30, prescriptions=(Prescription(PRESCRIBED_GY),))
    planned = rt_plan(study, plan, (), structures=drawn)
    box = lattice(2.0, 200, 200, apart_mm=2.0)
    values = np.full(box.shape, PRESCRIBED_GY, dtype=np.float32)
    dose = rt_dose(study, DoseGrid(box, values), plan=planned, structures=drawn)
    for name, dataset in zip(OBJECTS, (drawn, planned, dose), strict=True):
        (folder / name).write_bytes(to_bytes(dataset))


def fastest(work: Callable[[], object], runs: int = 3) -> tuple[float, float]:
    """Processor and wall seconds of the quickest of some runs."""
    costs = []
    for _ in range(runs):
        began = time.process_time(), time.perf_counter()
        work()
        costs.append((time.process_time() - began[0], time.perf_counter() - began[1]))
    return min(costs)


def coordinates(folder: Path) -> list[bytes]:
    """Contour Data of all contours, as stored."""
    dataset = parse((folder / OBJECTS[0]).read_bytes(), modality="RTSTRUCT").dataset
    return [
        raw_value(contour, "ContourData")
        for roi in items(dataset, "ROIContourSequence")
        for contour in items(roi, "ContourSequence")
    ]


def print_costs(folder: Path) -> None:
    """The table of what was measured, each beside its target."""
    fields = coordinates(folder)
    count = sum(field.count(b"\\") + 1 for field in fields)
    parts = parse_many(fields)
    if sum(part.values.size for part in parts) != count or any(part.problem for part in parts):
        raise SystemExit("the coordinates were not all read")
    files = sum(1 for _ in folder.iterdir())
    heading("reading; targets: folder 3 s, numbers 1 s", ("what", "CPU s", "wall s", "peak MiB"))
    line(
        (
            f"numbers: {count:,} of {len(fields):,} contours",
            *fastest(lambda: parse_many(fields)),
            "",
        )
    )
    line((f"folder: {files:,} files", *fastest(lambda: _whole(folder, files)), ""))
    held = folder.with_name(f"{folder.name}-RS.dcm")
    (folder / OBJECTS[0]).rename(held)
    try:
        line((f"headers: {files - 1:,} files", *fastest(lambda: _whole(folder, files - 1)), ""))
    finally:
        held.rename(folder / OBJECTS[0])
    code, said, seconds, peak = measure(folder)
    if code:
        raise SystemExit(f"rtplan doctor ended with {code}: {said}")
    line(("doctor, in its own process", seconds, "", peak))


def _whole(folder: Path, files: int) -> None:
    """Read a folder; SystemExit where a file of it was not taken in."""
    inventory = read(str(folder))
    slices = sum(len(item.series.files) for item in inventory.series)
    objects = (*inventory.structure_sets, *inventory.plans, *inventory.doses)
    if slices + len(objects) != files or any(item.problem for item in inventory.doses):
        raise SystemExit(f"of {files} files only {slices} slices and {len(objects)} were read")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--pixels", type=int, default=512, help="rows and columns of a slice")
    parser.add_argument("--folder", type=Path, help="where to write it; temporary if not given")
    parser.add_argument("--bombs", action="store_true", help="hostile files too, some minutes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as place:
        folder = Path(place) / "case"
        write(folder, args.files, args.pixels)
        print_costs(folder)
    if args.bombs:
        subprocess.run([sys.executable, "-m", "tests.dicom.hostile"], check=True)


if __name__ == "__main__":
    main()
