"""``rtplan check``: the whole path, from a folder of DICOM-RT to a report."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rtplan.cli import common
from rtplan.cli.eligibility import show_pathways, strict_reading
from rtplan.report.summary import STATUSES, is_elsewhere, is_listed, regimen_answers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rtplan.case import Case
    from rtplan.facts import Facts
    from rtplan.lesions.model import LesionReading
    from rtplan.report.content import Checked

EPILOG = """examples:
  rtplan check FOLDER --facts facts.toml --out report
  rtplan check FOLDER --definition omec-2023 --limits tg101 quantec --json -

Without --definition every definition and pathway of the package is checked; without --limits,
tg101. What a pathway or a published regimen says changes no exit code."""

PRESCRIPTIONS = "prescriptions"
"""The set of published regimens that stands beside the lesions."""

METRICS = (
    *("Volume[cc]", "Min[Gy]", "Mean[Gy]", "Max[Gy]"),
    *("D98%[Gy]", "D95%[Gy]", "D50%[Gy]", "D2%[Gy]", "D0.035cc[Gy]"),
)
"""Metrics of every structure in the report: its volume and extremes with their uncertainty, ICRU
83 near-minimum, median, near-maximum, and the near-point dose of ICRU 91."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOG
    parser.add_argument("path", metavar="PATH", nargs="?", help="folder, file or zip with DICOM-RT")
    common.add_reading_arguments(parser)
    common.add_several(parser, "--definition", metavar="ID", help="definition or pathway to check")
    common.add_several(parser, "--limits", metavar="ID|FILE", help="dose limits to check")
    parser.add_argument("--facts", metavar="F", help="TOML file of what DICOM does not hold")
    parser.add_argument("--names", metavar="F", help="TOML file with the site's own names")
    parser.add_argument("--out", metavar="DIR", help="write report.html and what belongs to it")
    parser.add_argument("--json", metavar="F", help="write the report as JSON (- for output)")
    parser.add_argument("--figures", metavar="DIR", help="write the figures alone")


def run(args: argparse.Namespace) -> int:
    """Check, print the verdicts, write what was asked for."""
    from rtplan.report.content import report_json

    _sort_out(args)
    checked = check(args, common.open_case(args))
    report: dict[str, Any] = report_json(checked)
    # Files before the screen: a reader that closes the pipe early loses no report.
    if args.figures or args.out:
        write(args, checked, report)
    if args.json:
        common.write_json(report, args.json)
    if args.json != "-":
        show(report, args.out)
    return int(report["verdict"]["exit_code"])


def _sort_out(args: argparse.Namespace) -> None:
    """PATH may stand after the values of --definition or --limits; InputError without one."""
    from rtplan.errors import InputError

    args.path = common.path_after(args.path, args.definition, args.limits)
    if args.path is None:
        raise InputError("PATH is missing: give a folder, file or zip with DICOM-RT")


def check(args: argparse.Namespace, case: Case) -> Checked:
    """Everything the package can say of a case."""
    from rtplan.dvh.case import compute_case, settings_for, strict
    from rtplan.dvh.document import evaluate_all
    from rtplan.dvh.engine import Settings
    from rtplan.dvh.metrics import parse
    from rtplan.facts import Facts
    from rtplan.protocol.evaluate import evaluate_definition
    from rtplan.protocol.limits import evaluate_limits
    from rtplan.protocol.load import (
        available,
        load_definition,
        load_facts,
        load_limits,
        load_prescriptions,
    )
    from rtplan.protocol.prescribed import compare_prescriptions
    from rtplan.protocol.stated import NO_LESIONS
    from rtplan.report.content import Checked

    ids = args.definition or [entry.id for entry in available() if entry.kind.has_criteria]
    definitions = [load_definition(name) for name in dict.fromkeys(ids)]
    limits = [load_limits(name) for name in dict.fromkeys(args.limits or ["tg101"])]
    prescriptions = load_prescriptions(PRESCRIPTIONS)
    facts: Facts = load_facts(args.facts) if args.facts else Facts()
    structures = case.structure_set.structures if case.structure_set else ()
    settings = settings_for(case, Settings())
    with common.progress(args) as progress:
        progress(0, 1, "counting lesions")
        reading = _reading(args, case, facts)
        dvhs = compute_case(case, structures=structures, settings=settings, progress=progress)
    if args.strict:
        reading = strict_reading(reading) if reading else None
        dvhs = tuple(strict(item, common.raised(item.findings)) for item in dvhs)
    metrics = [parse(text) for text in METRICS]
    return Checked(
        case=case,
        reading=reading,
        definitions=tuple(
            evaluate_definition(item, reading or NO_LESIONS, facts) for item in definitions
        ),
        limits=tuple(evaluate_limits(item, case, dvhs) for item in limits),
        dvhs=dvhs,
        metrics=tuple(evaluate_all(item, metrics, prescription_gy=None) for item in dvhs),
        settings=settings.as_json()
        | {
            "definitions": [item.id for item in definitions],
            "limits": [item.id for item in limits],
            "prescriptions": prescriptions.id,
            "facts_sha256": common.sha256(args.facts),
            "names_sha256": common.sha256(args.names),
        },
        primary_site=facts.primary.site,
        prescribed=compare_prescriptions(
            prescriptions, case, reading, primary_site=facts.primary.site
        ),
    )


def _reading(args: argparse.Namespace, case: Case, facts: Facts) -> LesionReading | None:
    """The lesions of a case with what the facts say against them; None without a structure set."""
    from dataclasses import replace

    from rtplan.lesions.read import read_lesions
    from rtplan.lesions.site_names import load_names
    from rtplan.protocol.stated import contradictions

    book = load_names(args.names) if args.names else None
    if case.structure_set is None:
        return None
    reading = read_lesions(case.structure_set, facts=facts, book=book)
    return replace(reading, findings=(*reading.findings, *contradictions(reading, facts)))


def write(args: argparse.Namespace, checked: Checked, report: dict[str, Any]) -> None:
    """Write the figures and, with --out, the report."""
    from rtplan.report.dvh_plot import dvh_plot
    from rtplan.report.figures import lesion_figures
    from rtplan.report.overview import overview_figure
    from rtplan.report.write import write_figures, write_report

    figures: dict[str, bytes] = {}
    with common.progress(args) as progress:
        progress(0, 1, "drawing")
        if checked.reading is not None:
            figures |= lesion_figures(checked.case, checked.reading)
            overview = overview_figure(checked.case, checked.reading)
            figures |= {"overview.png": overview} if overview else {}
        if any(structure.dvh for structure in checked.dvhs):
            figures["dvh.svg"] = dvh_plot(report["dvh"]["structures"])
    if args.figures:
        write_figures(figures, args.figures)
    if args.out:
        write_report(report, figures, args.out)


def show(report: dict[str, Any], out: str | None) -> None:
    """Print the verdict, its reasons, the limits that matter, and where the report is."""
    from rtplan.cli import console

    verdict = report["verdict"]
    print(f"{report['case']}: {verdict['headline']}\n")
    rows, others = [], []
    for line in verdict["lines"]:
        if line["status"] == "not_applicable":
            others.append(line["subject"])
            continue
        status = STATUSES.get(line["status"])
        word = f"{status.symbol} {status.word}" if status else line["status"]
        rows.append([word, line["subject"], line["text"]])
    console.table(["verdict", "of", "why"], rows)
    if others:
        print(f"not applicable to this patient: {', '.join(others)}\n")
    _show_pathways(report["eligibility"]["pathways"])
    _show_regimens(report)
    for limits in report["limits"]["sets"]:
        _show_rows(limits)
    dose = report["objects"]["dose"]
    print(f"dose used: {dose['used'] if dose else report['objects']['dose_problem']}")
    print("rtplan supports decisions of qualified clinicians. It is not a medical device.")
    if out:
        print(f"report: {out}/report.html")


def _show_pathways(pathways: Sequence[Mapping[str, Any]]) -> None:
    show_pathways([item for item in pathways if is_listed(item)])
    if others := [item["id"] for item in pathways if is_elsewhere(item)]:
        print(f"pathways not applicable to this patient: {', '.join(others)}\n")


def _show_regimens(report: Mapping[str, Any]) -> None:
    """Whether what the plan prescribes is among the published regimens, one line for each site."""
    from rtplan.cli import console

    lines = []
    for ids, row in regimen_answers(report):
        site = "" if row["site"] is None else f" ({row['site'].replace('_', ' ')})"
        known = "" if row["status"] != "not_evaluated" else "not evaluated: "
        lines.append(f"{', '.join(ids)}{site}: {known}{row['text']}")
    if reason := (report["prescriptions"] or {}).get("reason"):
        lines.append(f"not evaluated: {reason}")
    console.notes("published regimens for these sites (information, no advice)", lines)


def _show_rows(limits: dict[str, Any]) -> None:
    from rtplan.cli import console

    rows = [row for row in limits["rows"] if row["status"] != "not_evaluated"]
    if not rows:
        return
    rows.sort(key=lambda row: row["status"] != "violated")
    print(f"{limits['id']}, {_fractions(limits)} ({limits['source']}):")
    columns = {
        "status": [_status(row) for row in rows],
        "structure": [_matched(row) for row in rows],
        "metric": [row["metric"] for row in rows],
        "value": [_value(row) for row in rows],
        "limit": [f"{row['op']} {row['limit']:g} {row['unit']}" for row in rows],
        "optimal": [_optimal(row) for row in rows],
        "evidence": [row["evidence"] for row in rows],
    }
    if not any(columns["optimal"]):
        del columns["optimal"]
    console.table(list(columns), list(zip(*columns.values(), strict=True)), right=(3,))


def _status(row: dict[str, Any]) -> str:
    return f"{row['status']}{', within uncertainty' if row['within_uncertainty'] else ''}"


def _optimal(row: dict[str, Any]) -> str:
    """The stricter value that the source aims at, and whether it is kept."""
    if row.get("optimal") is None:
        return ""
    word = "met" if row["optimal_met"] else "not met"
    return f"{word}: {row['op']} {row['optimal']:g} {row['unit']}"


def _value(row: dict[str, Any]) -> str:
    from rtplan.report.text import beside, plus_minus

    limits = [row["limit"]] if row.get("optimal") is None else [row["limit"], row["optimal"]]
    shown = beside(row["value"], *limits)
    return f"{shown} {plus_minus(shown, row['uncertainty'])}".rstrip()


def _fractions(limits: dict[str, Any]) -> str:
    count = limits["fractions"]
    return f"{count} fraction{'' if count == 1 else 's'}"


def _matched(row: dict[str, Any]) -> str:
    name = row["matched"]["name"] if row["matched"] else ""
    return (
        str(row["structure"]) if name in ("", row["structure"]) else f"{row['structure']} ({name})"
    )


def check_arguments(path: str, options: Sequence[str] = ()) -> argparse.Namespace:
    """The arguments of ``rtplan check PATH`` with options, for commands that run it."""
    parser = argparse.ArgumentParser()
    configure(parser)
    return parser.parse_args([path, *options])
