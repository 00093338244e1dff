"""``rtplan phantom``: synthetic DICOM-RT with known truth."""

from __future__ import annotations

import argparse

from rtplan.cli import common
from rtplan.cli.main import EXIT_DONE


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = (
        "examples:\n"
        "  rtplan phantom list\n"
        "  rtplan phantom sphere-linear --out sphere\n\n"
        "truth.json beside the DICOM files says what is true of the phantom."
    )
    parser.add_argument("name", metavar="NAME", help="a phantom's name, or 'list'")
    parser.add_argument("--out", metavar="DIR", help="folder to write; empty or not there yet")
    parser.add_argument("--quiet", action="store_true", help="print results only, no progress")


def run(args: argparse.Namespace) -> int:
    """List the phantoms, or write one.

    Raises
    ------
    InputError
        No phantom of that name, no ``--out``, or a folder that cannot be used.
    """
    from rtplan.errors import InputError
    from rtplan.phantoms import build, catalogue

    if args.name == "list":
        entries = catalogue()
        width = max(len(entry.name) for entry in entries)
        for entry in entries:
            print(f"{entry.name:<{width}}  {entry.description}")
        return EXIT_DONE
    if args.out is None:
        raise InputError(f"say where to write it: rtplan phantom {args.name} --out DIR")
    with common.progress(args) as progress:
        written = build(args.name, args.out, progress=progress)
    images = sum(name.endswith(".dcm") for name in written)
    print(f"wrote {images} DICOM files and truth.json of {args.name} to {args.out}")
    return EXIT_DONE
