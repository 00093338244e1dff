"""``rtplan lesions``: count the lesions of a structure set, and say why each counts."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from rtplan.cli import common, console
from rtplan.cli.main import EXIT_DONE, EXIT_NOT_EVALUATED

if TYPE_CHECKING:
    from rtplan.case import Case
    from rtplan.findings import Finding
    from rtplan.lesions.model import Lesion, LesionReading

EPILOG = """examples:
  rtplan lesions FOLDER
  rtplan lesions FOLDER --facts facts.toml --json lesions.json
  rtplan lesions FOLDER --figures figures --distance-to SpinalCord

The JSON may be edited by hand and given to: rtplan eligibility --lesions lesions.json"""

LIMITS = "A structure set shows what was drawn, not what exists."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOG
    common.add_case_arguments(parser)
    parser.add_argument("--facts", metavar="F", help="TOML file with what DICOM does not hold")
    parser.add_argument("--names", metavar="F", help="TOML file with the site's own names")
    parser.add_argument("--json", metavar="F", help="write rtplan/lesions/1 JSON (- for output)")
    parser.add_argument("--figures", metavar="DIR", help="write a figure of each lesion (PNG)")
    parser.add_argument(
        "--distance-to",
        action="append",
        default=[],
        metavar="NAME|#NUMBER",
        help="how far every lesion is from this ROI (may be repeated)",
    )


def run(args: argparse.Namespace) -> int:
    """Read, print, write; 3 where the bounds differ or no target is drawn."""
    from rtplan.cli.dvh import choose
    from rtplan.cli.eligibility import strict_reading
    from rtplan.errors import InputError
    from rtplan.lesions.files import SCHEMA, as_json
    from rtplan.lesions.read import read_lesions
    from rtplan.lesions.site_names import load_names
    from rtplan.protocol.load import load_facts

    facts = load_facts(args.facts) if args.facts else None
    book = load_names(args.names) if args.names else None
    case = common.open_case(args)
    if case.structure_set is None:
        raise InputError("there is no RT Structure Set; add one to the folder")
    organs = choose(case, args.distance_to)
    reading = read_lesions(case.structure_set, facts=facts, book=book, distances_to=organs)
    if args.strict:
        reading = strict_reading(reading)
    if args.json:
        document = common.document(
            SCHEMA,
            settings={
                "distance_to": [organ.number for organ in organs],
                "facts_sha256": common.sha256(args.facts),
                "names_sha256": common.sha256(args.names),
            },
            inputs=case.inputs,
            findings=(*case.findings, *reading.findings),
            case=case.label,
            **as_json(reading),
        )
        common.write_json(document, args.json)
    if args.figures:
        _write_figures(_figures(case, reading), args.figures)
    if args.json != "-":
        _print(reading, case.findings)
    return EXIT_DONE if reading.count.is_definite else EXIT_NOT_EVALUATED


def _print(reading: LesionReading, of_case: tuple[Finding, ...]) -> None:
    print(headline(reading))
    if reading.reason:
        console.notes("because", reading.reason.split("; "))
    if reading.lesions:
        header = ("id", "category", "organ", "structures", "volume cc", "longest mm", "short mm")
        console.table(header, [_row(le) for le in reading.lesions], right=(4, 5, 6))
        console.notes("surface to surface", [text for le in reading.lesions if (text := _near(le))])
        console.notes("why", [f"{le.id}: {le.reason}" for le in reading.lesions])
    left_out = [use for use in reading.structures if use.use != "counted"]
    console.notes("not counted", [f"{use.name} ({use.use}): {use.reason}" for use in left_out])
    own = (f for le in reading.lesions for f in le.findings)
    console.findings([*of_case, *own, *reading.findings])
    print(LIMITS)


def headline(reading: LesionReading) -> str:
    """The count with its bounds, in one sentence."""
    count = reading.count
    if count.best is None:
        return "No count."
    noun = "metastasis" if count.best == 1 else "metastases"
    bounds = "" if count.is_definite else f" (between {count.lower} and {count.upper})"
    others = [le for le in reading.lesions if not le.category.counts]
    aside = f"; {len(others)} more not counted (primary, regional nodes)" if others else ""
    return f"{count.best} {noun}{bounds}{aside}."


def _row(lesion: Lesion) -> tuple[str, ...]:
    organ = "unknown" if lesion.organ is None else lesion.organ.value.replace("_", " ")
    place = [organ, *(x for x in (lesion.laterality, lesion.station) if x)]
    return (
        lesion.id,
        lesion.category.value.replace("_", " "),
        ", ".join(place),
        ", ".join(ref.name for ref in lesion.structures),
        console.number(lesion.volume_cc, digits=2),
        console.number(lesion.longest_diameter_mm, digits=1),
        console.number(lesion.short_axis_mm, digits=1),
    )


def _near(lesion: Lesion) -> str:
    """How far it is to the nearest other lesions and to the organs asked for; empty if to none."""
    places = [*(lesion.neighbours or ()), *lesion.distances_mm]
    texts = [f"{'not known' if mm is None else f'{mm:.0f} mm'} to {name}" for name, mm in places]
    return f"{lesion.id}: {', '.join(texts)}" if texts else ""


def _figures(case: Case, reading: LesionReading) -> dict[str, bytes]:
    from rtplan.report.figures import lesion_figures, overview_figure

    overview = overview_figure(case, reading) if reading.lesions else None
    return lesion_figures(case, reading) | ({"overview.png": overview} if overview else {})


def _write_figures(figures: dict[str, bytes], folder: str) -> None:
    from pathlib import Path

    from rtplan.errors import InputError

    if not figures:
        print("no lesion is listed, so no figure is written", file=sys.stderr)
        return
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}; name another folder") from error
    for name, content in figures.items():
        common.write_bytes(str(target / name), content)
