"""``rtplan dvh``: dose-volume histograms and metrics of the structures of a case."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rtplan.cli import common
from rtplan.cli.main import EXIT_DONE, EXIT_NOT_EVALUATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtplan.case import Case
    from rtplan.dvh.curve import StructureDVH
    from rtplan.dvh.engine import Settings
    from rtplan.dvh.metrics import MetricValue
    from rtplan.geometry.contour import Structure

EPILOG = """examples:
  rtplan dvh FOLDER
  rtplan dvh FOLDER --roi Heart --roi '#3' --metric 'D0.035cc[Gy]' --metric 'V20Gy[%]'
  rtplan dvh FOLDER --json dvh.json --csv dvh.csv --plot dvh.svg"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOG
    common.add_case_arguments(parser)
    parser.add_argument(
        "--roi", action="append", metavar="NAME|#NUMBER", help="only this ROI (may be repeated)"
    )
    parser.add_argument(
        "--metric", action="append", metavar="M", default=[], help="a metric, such as D95%%[Gy]"
    )
    parser.add_argument("--json", metavar="F", help="write rtplan/dvh/1 JSON (- for output)")
    parser.add_argument("--csv", metavar="F", help="write the curves as CSV")
    parser.add_argument("--plot", metavar="F", type=_svg, help="write a plot (SVG)")
    parser.add_argument(
        "--interpolation",
        choices=["right_prism", "shape_based"],
        default="shape_based",
        help="between planes (default %(default)s)",
    )
    parser.add_argument(
        "--end-cap",
        choices=["none", "half_slice", "half_slice_capped", "rounded"],
        default="rounded",
        help="beyond the last planes (default %(default)s)",
    )
    parser.add_argument(
        "--dose-interpolation",
        choices=["trilinear", "cubic"],
        default="cubic",
        help="between voxels (default %(default)s)",
    )
    parser.add_argument(
        "--no-uncertainty",
        action="store_true",
        help="leave out how much contours and dose leave open; takes less time",
    )
    parser.add_argument(
        "--threads",
        type=threads,
        metavar="N",
        default=1,
        help="structures computed at a time; the results are the same (default %(default)s)",
    )


def threads(text: str) -> int:
    """A number of threads as written.

    Raises
    ------
    argparse.ArgumentTypeError
        It is no whole number from 1 on.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of threads; write 1 or more")
    return int(text)


def _svg(path: str) -> str:
    """The path of a plot.

    Raises
    ------
    argparse.ArgumentTypeError
        Its suffix is that of another format.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in ("", ".svg"):
        raise argparse.ArgumentTypeError(f"a plot is SVG, and the name ends in {suffix!r}")
    return path


def run(args: argparse.Namespace) -> int:
    """Compute, print, write; 3 where something asked for was not evaluated."""
    from rtplan.dvh.case import compute_case, strict
    from rtplan.dvh.document import evaluate_all, structure_json
    from rtplan.dvh.metrics import parse
    from rtplan.findings import has_errors

    metrics = [parse(text) for text in args.metric]
    case = common.open_case(args)
    structures = choose(case, args.roi)
    settings = _settings(args, case)
    with common.progress(args) as progress:
        results = compute_case(
            case,
            structures=structures,
            settings=settings,
            threads=args.threads,
            progress=progress,
        )
    if args.strict:
        results = tuple(strict(result, common.raised(result.findings)) for result in results)
    prescription = prescribed_gy(case)
    values = [evaluate_all(r, metrics, prescription_gy=prescription) for r in results]
    rows = [structure_json(r, v) for r, v in zip(results, values, strict=True)]
    document = common.document(
        "rtplan/dvh/1",
        settings=settings.as_json() | {"prescription_gy": prescription},
        inputs=case.inputs,
        findings=case.findings,
        case=case.label,
        structures=rows,
    )
    # Files before the screen: a reader that closes the pipe early loses none of them.
    _write(args, document, rows)
    if "-" not in (args.json, args.csv, args.plot):
        _print(case, results, values)
    missing = _missing(results, values, structures, asked=args.roi is not None)
    if missing or (args.strict and has_errors(case.findings)):
        return EXIT_NOT_EVALUATED
    return EXIT_DONE


def _write(
    args: argparse.Namespace, document: dict[str, object], rows: list[dict[str, object]]
) -> None:
    """Write the files asked for."""
    from rtplan.report.tables import dvh_csv

    if args.json:
        common.write_json(document, args.json)
    if args.csv:
        common.write_bytes(args.csv, dvh_csv(rows).encode("utf-8", "backslashreplace"))
    if args.plot:
        from rtplan.report.dvh_plot import dvh_plot

        common.write_bytes(args.plot, dvh_plot(rows))


def _settings(args: argparse.Namespace, case: Case) -> Settings:
    """How the DVHs of a case are to be computed."""
    from rtplan.dvh.case import settings_for
    from rtplan.dvh.engine import DoseInterpolation, EndCap, Interpolation, Settings

    asked = Settings(
        Interpolation(args.interpolation),
        EndCap(args.end_cap),
        DoseInterpolation(args.dose_interpolation),
        uncertainty=not args.no_uncertainty,
    )
    return settings_for(case, asked)


def choose(case: Case, wanted: Sequence[str] | None) -> tuple[Structure, ...]:
    """The structures named, or all of them.

    Raises
    ------
    InputError, NamingError
        No structure set; a name that is none of its ROIs, or of several.
    """
    from rtplan.errors import InputError, NamingError
    from rtplan.protocol.naming import normalised
    from rtplan.report.text import shortened, visible

    if case.structure_set is None:
        raise InputError("there is no RT Structure Set; add one to the folder")
    structures = case.structure_set.structures
    if wanted is None:
        return structures
    chosen: list[Structure] = []
    for text in wanted:
        found = [s for s in structures if f"#{s.number}" == text]
        found = found or [s for s in structures if s.name == text]
        found = found or [s for s in structures if normalised(s.name) == normalised(text)]
        if not found:
            names = ", ".join(f"{shortened(visible(s.name))} (#{s.number})" for s in structures)
            raise NamingError(f"no ROI is called {shortened(visible(text))!r}; there are {names}")
        if len(found) > 1 and text.startswith("#"):
            raise NamingError(f"{len(found)} ROIs have the number {text}; none can be chosen")
        if len(found) > 1:
            numbers = ", ".join(f"#{s.number}" for s in found)
            raise NamingError(f"{len(found)} ROIs are called {text!r}; choose one of {numbers}")
        chosen += [s for s in found if s not in chosen]
    return tuple(chosen)


def prescribed_gy(case: Case) -> float | None:
    """The plan's prescribed dose where it has exactly one, in Gy."""
    doses = {item.dose_gy for item in case.plan.prescriptions} if case.plan else set()
    return doses.pop() if len(doses) == 1 and case.dose_is_plans else None


def _missing(
    results: Sequence[StructureDVH],
    values: Sequence[dict[str, MetricValue]],
    structures: Sequence[Structure],
    *,
    asked: bool,
) -> bool:
    """Whether something asked for has no number.

    Without --roi, ROIs that were not drawn or hold only points and lines do not count.
    """
    from rtplan.dvh.metrics import Status

    for result, numbers, structure in zip(results, values, structures, strict=True):
        is_drawn = any(contour.kind.is_closed for contour in structure.contours)
        if not asked and not is_drawn and structure.problem is None:
            continue
        if result.dvh is None:
            return True
        if any(value.status is Status.NOT_EVALUATED for value in numbers.values()):
            return True
    return False


def _with_uncertainty(value: MetricValue) -> str:
    """A metric's value and, where it is known, its uncertainty."""
    from rtplan.cli import console
    from rtplan.report.text import plus_minus

    shown = console.number(value.value)
    return (
        shown if value.value is None else f"{shown} {plus_minus(shown, value.uncertainty)}".rstrip()
    )


def _print(
    case: Case, results: Sequence[StructureDVH], values: Sequence[dict[str, MetricValue]]
) -> None:
    """The table of structures, then what is missing and why."""
    from rtplan.cli import console

    metrics = list(values[0]) if values else []
    rows, notes = [], []
    for result, numbers in zip(results, values, strict=True):
        dvh = result.dvh
        doses = (dvh.min_gy, dvh.mean_gy, dvh.max_gy) if dvh else (None, None, None)
        row = [result.name, console.number(result.volume_cc), console.number(result.covered_cc)]
        row += [console.number(value, digits=2) for value in doses]
        row += [_with_uncertainty(numbers[m]) for m in metrics]
        rows.append([str(result.number), *row])
        if result.reason:
            notes.append(f"{result.name}: {result.reason}")
        notes += [
            f"{result.name}: {metric} not evaluated: {value.reason}"
            for metric, value in numbers.items()
            if value.reason and value.reason != result.reason
        ]
    header = ["#", "structure", "volume cc", "in grid cc", "min Gy", "mean Gy", "max Gy", *metrics]
    console.table(header, rows, right=range(2, len(header)))
    console.notes("not evaluated", notes)
    console.findings([*case.findings, *(f for r in results for f in r.findings)])
    sys.stdout.flush()
