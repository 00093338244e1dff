"""``rtplan demo``: a synthetic patient, built and checked from end to end."""

from __future__ import annotations

import argparse

from rtplan.cli import check, common
from rtplan.cli.main import EXIT_DONE

PATIENT = "esophagus-oligomet"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = "example:\n  rtplan demo --out rtplan-demo"
    parser.add_argument(
        "--out", metavar="DIR", default="rtplan-demo", help="folder to write (default %(default)s)"
    )
    parser.add_argument("--quiet", action="store_true", help="print results only, no progress")


def run(args: argparse.Namespace) -> int:
    """Build the patient, check it, write the report; 0 whatever its verdicts."""
    from pathlib import Path

    from rtplan.phantoms import build
    from rtplan.report.content import report_json

    out = Path(args.out)
    with common.progress(args) as progress:
        build(PATIENT, out / "dicom", progress=progress)
    options = ["--facts", str(out / "dicom" / "facts.toml"), "--out", str(out / "report")]
    arguments = check.check_arguments(str(out / "dicom"), options + ["--quiet"] * args.quiet)
    checked = check.check(arguments, common.open_case(arguments))
    report = report_json(checked)
    check.write(arguments, checked, report)
    check.show(report, arguments.out)
    return EXIT_DONE
