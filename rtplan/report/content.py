"""The content of a report: one JSON document that the page, the tables and ``--json`` all show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rtplan import __version__
from rtplan.case import Case
from rtplan.dvh.compare import compare_all
from rtplan.dvh.curve import StructureDVH
from rtplan.dvh.document import structure_json
from rtplan.dvh.metrics import MetricValue
from rtplan.findings import Finding, Severity
from rtplan.lesions.files import as_json as lesions_json
from rtplan.lesions.model import LesionReading
from rtplan.protocol.limits import LimitSetResult
from rtplan.protocol.model import DefinitionKind
from rtplan.protocol.prescribed import PrescribedResult
from rtplan.protocol.result import DefinitionResult
from rtplan.protocol.words import need_words, unverified_words
from rtplan.report.band import band_json
from rtplan.report.summary import by_verdict, reason_of
from rtplan.report.text import beside, plus_minus

SCHEMA = "rtplan/report/1"
SHOWN_NEEDS = 4
EXIT_DONE, EXIT_VIOLATED, EXIT_NOT_EVALUATED = 0, 1, 3


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """Everything that was worked out for a case; ``definitions`` holds the pathways as well."""

    case: Case
    reading: LesionReading | None
    definitions: tuple[DefinitionResult, ...]
    limits: tuple[LimitSetResult, ...]
    dvhs: tuple[StructureDVH, ...]
    metrics: tuple[Mapping[str, MetricValue], ...]
    settings: Mapping[str, object]
    primary_site: str | None = None
    prescribed: PrescribedResult | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the verdict: a status of the contract, about what, and a sentence."""

    status: str
    subject: str
    text: str

    def as_json(self) -> dict[str, object]:
        """The line as JSON."""
        return {"status": self.status, "subject": self.subject, "text": self.text}


def report_json(checked: Checked) -> dict[str, object]:
    """The report as a ``rtplan/report/1`` document."""
    case = checked.case
    definitions = [x.as_json() for x in checked.definitions if not _is_pathway(x)]
    pathways = [x.as_json() for x in checked.definitions if _is_pathway(x)]
    limits = [result.as_json() for result in checked.limits]
    lines = verdict_lines(checked, definitions, limits)
    return {
        "schema": SCHEMA,
        "version": __version__,
        "case": case.label,
        "settings": dict(checked.settings),
        "inputs": [item.as_json() for item in case.inputs],
        "verdict": {
            "exit_code": exit_code(lines),
            "headline": headline(lines),
            "lines": [line.as_json() for line in lines],
        },
        "objects": _objects(case),
        "primary": {"site": checked.primary_site},
        "lesions": None if checked.reading is None else lesions_json(checked.reading),
        "prescriptions": checked.prescribed and checked.prescribed.as_json(),
        "eligibility": {"definitions": definitions, "pathways": pathways},
        "limits": {"sets": limits},
        "dvh": {
            "structures": [
                structure_json(structure, metrics) | {"band": band_json(structure)}
                for structure, metrics in zip(checked.dvhs, checked.metrics, strict=True)
            ],
            "stored": [item.as_json() for item in compare_all(case.stored_dvhs, checked.dvhs)],
        },
        "findings": [item.as_json() for item in all_findings(checked)],
    }


def _is_pathway(result: DefinitionResult) -> bool:
    return result.definition.kind is DefinitionKind.PATHWAY


def all_findings(checked: Checked) -> list[Finding]:
    """Findings of the case, its structures and its lesions, worst first, each once."""
    found = [*checked.case.findings]
    for structure in checked.dvhs:
        found += structure.findings
    if checked.reading is not None:
        found += checked.reading.findings
        for lesion in checked.reading.lesions:
            found += lesion.findings
    order = list(reversed(Severity))
    return sorted(dict.fromkeys(found), key=lambda item: order.index(item.severity))


_WORST_FIRST = (
    "violated", "not_consistent", "error", "not_evaluated", "indeterminate",
    "consistent", "met", "counted", "not_applicable",
)  # fmt: skip


def verdict_lines(
    checked: Checked,
    definitions: Sequence[Mapping[str, object]],
    limits: Sequence[Mapping[str, object]],
) -> list[Line]:
    """What the report says at its top, worst first."""
    lines = [limit_line(item) for item in limits]
    lines += [_definition_line(item) for item in by_verdict(definitions)]
    lines.append(_count_line(checked.reading))
    errors = [f for f in all_findings(checked) if f.severity is Severity.ERROR]
    lines += [Line("error", item.code, item.text) for item in errors]
    return sorted(lines, key=lambda line: _WORST_FIRST.index(line.status))


def exit_code(lines: Sequence[Line]) -> int:
    """The exit code of the contract for these lines."""
    statuses = {line.status for line in lines}
    if statuses & {"violated", "not_consistent"}:
        return EXIT_VIOLATED
    if statuses & {"not_evaluated", "indeterminate", "error"}:
        return EXIT_NOT_EVALUATED
    return EXIT_DONE


def headline(lines: Sequence[Line]) -> str:
    """One sentence that counts the lines by what they say."""
    words = {
        "violated": "{} set{s} of dose limits violated",
        "not_consistent": "not consistent with {} definition{s}",
        "consistent": "consistent with {} definition{s}",
        "met": "{} set{s} of dose limits met",
        "indeterminate": "{} could not be told",
        "not_evaluated": "{} not evaluated",
        "error": "{} error{s} in the input",
        "not_applicable": "{} not applicable",
    }
    parts = []
    for status, text in words.items():
        count = sum(line.status == status for line in lines)
        if count:
            parts.append(text.format(count, s="" if count == 1 else "s"))
    return "; ".join(parts) or "nothing was asked"


def limit_line(limits: Mapping[str, object]) -> Line:
    """A limit set in one line: violated beats not evaluated, which beats met."""
    subject = str(limits["id"])
    if limits["status"] == "not_evaluated":
        return Line("not_evaluated", subject, str(limits["reason"]))
    rows = limits["rows"]
    assert isinstance(rows, list)
    of = {
        status: [row for row in rows if row["status"] == status]
        for status in ("violated", "met", "not_evaluated")
    }
    text = ", ".join(_counted(group, status.replace("_", " ")) for status, group in of.items())
    if of["violated"]:
        worst = "; ".join(_violation(row) for row in of["violated"][:5])
        return Line("violated", subject, f"{text}: {worst}")
    return Line("not_evaluated" if of["not_evaluated"] else "met", subject, text)


def _counted(rows: Sequence[Mapping[str, Any]], word: str) -> str:
    within = sum(bool(row["within_uncertainty"]) for row in rows)
    missed = sum(row["status"] == "met" and row.get("optimal_met") is False for row in rows)
    notes = [f"{within} within uncertainty"] if within else []
    notes += [f"{missed} not optimal"] if missed else []
    aside = f" ({', '.join(notes)})" if notes else ""
    return f"{len(rows)} {word}{aside}"


def _violation(row: Mapping[str, Any]) -> str:
    value = beside(row["value"], row["limit"])
    shown = f"{value} {plus_minus(value, row['uncertainty'])}".rstrip()
    limit = f"limit {'≤' if row['op'] == '<=' else row['op']} {row['limit']:g} {row['unit']}"
    within = ", within uncertainty" if row["within_uncertainty"] else ""
    return f"{row['structure']} {row['metric']} {shown}, {limit}{within}"


def _definition_line(definition: Mapping[str, Any]) -> Line:
    """The reason beside the status, with its scope and what it rests on that is not verified."""
    verdict = str(definition["verdict"])
    if verdict == "indeterminate" and definition["needs"]:
        needs = _needs(definition)
        more = f"; and {len(needs) - SHOWN_NEEDS} more" if len(needs) > SHOWN_NEEDS else ""
        text = f"needs {'; '.join(needs[:SHOWN_NEEDS])}{more}"
        return Line(verdict, str(definition["id"]), text)
    parts = [definition["scope"]] if definition["scope"] else []
    parts.append(reason_of(definition))
    if weak := definition["rests_on_unverified"]:
        parts.append(f"not verified: {unverified_words(weak)}")
    return Line(verdict, str(definition["id"]), "; ".join(parts))


def _needs(definition: Mapping[str, Any]) -> list[str]:
    gaps = {gap["id"]: gap["text"] for gap in definition.get("gaps", ())}
    return [need_words(need, gaps) for need in definition["needs"]]


def _count_line(reading: LesionReading | None) -> Line:
    if reading is None or reading.count.best is None:
        why = "no RT Structure Set" if reading is None else (reading.reason or "no target")
        return Line("not_evaluated", "lesions", f"no count of metastases: {why}")
    count = reading.count
    if count.is_definite:
        drawn = "1 metastasis drawn" if count.best == 1 else f"{count.best} metastases drawn"
        return Line("counted", "lesions", drawn)
    text = f"{count.lower} to {count.upper} metastases drawn, best reading {count.best}"
    return Line("indeterminate", "lesions", f"{text}: {reading.reason or ''}".rstrip(": "))


def _objects(case: Case) -> dict[str, object]:
    """What was read, and which dose was used."""
    from rtplan.dicom.beams import dose_origin

    plan, dose = case.plan, case.dose
    described = None
    if dose is not None:
        used = dose_origin(case)
        used += ", the dose of the plan" if case.dose_is_plans else f"; {case.dose_doubt}"
        described = {
            "summation": dose.summation.value,
            "dose_type": dose.dose_type,
            "used": used,
            "max_gy": float(dose.values_gy.max()),
            "spacing_mm": [round(step, 4) for step in dose.grid.spacing_mm],
        }
    return {
        "plan": plan
        and {
            "fractions": plan.fractions,
            "approval": plan.approval,
            "prescriptions_gy": [item.dose_gy for item in plan.prescriptions],
        },
        "dose": described,
        "dose_problem": case.dose_problem,
        "images": [
            {"modality": series.modality, "slices": len(series.files)} for series in case.images
        ],
    }
