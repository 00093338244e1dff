"""A finding: something noticed in the input, kept beside the numbers it concerns.

Codes are stable. The catalogue below is the only place where they are defined;
``docs/findings.md`` is printed from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rtplan.findings_catalogue import CATALOGUE


class Severity(StrEnum):
    """How much a finding matters: ``error`` stops the numbers it touches, and only those."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing noticed.

    Parameters
    ----------
    code : str
        Key of ``CATALOGUE``, such as ``"RTS001"``.
    text : str
        What was found, in plain words, with the value. Never a patient's name or ID.
    severity : Severity, optional
        The catalogue's severity unless given.
    sop_instance_uid, roi_number, path : optional
        Where: the object, the ROI in it, the attribute path in it.
    """

    code: str
    text: str
    severity: Severity
    sop_instance_uid: str | None = None
    roi_number: int | None = None
    path: str | None = None

    def as_json(self) -> dict[str, object]:
        """The finding as the contract's JSON object."""
        where = {
            "sop_instance_uid": self.sop_instance_uid,
            "roi_number": self.roi_number,
            "path": self.path,
        }
        return {
            "code": self.code,
            "severity": self.severity.value,
            "text": self.text,
            "where": {key: value for key, value in where.items() if value is not None},
        }


def finding(
    code: str,
    text: str,
    *,
    severity: Severity | None = None,
    sop_instance_uid: str | None = None,
    roi_number: int | None = None,
    path: str | None = None,
) -> Finding:
    """A finding of a catalogued code, with the catalogue's severity unless another is given.

    >>> finding("RTS001", "no contours").severity
    <Severity.WARNING: 'warning'>
    """
    entry = CATALOGUE[code]
    return Finding(
        code=code,
        text=text,
        severity=severity or Severity(entry.severity),
        sop_instance_uid=sop_instance_uid,
        roi_number=roi_number,
        path=path,
    )


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any finding is of severity error."""
    return any(item.severity is Severity.ERROR for item in findings)


def catalogue_markdown() -> str:
    """``docs/findings.md``: every code with its severity, what it means and what to do."""
    lines = [
        "# Findings",
        "",
        "Everything rtplan notices in its input is a finding with a stable code, on the console,",
        "in the report and in every JSON. An *error* stops the numbers it touches, and only",
        "those; a *warning* is for data that were kept but are doubtful.",
        "",
        "| code | usual severity | what it means | what to do |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {code} | {entry.severity} | {entry.meaning} | {entry.remedy} |"
        for code, entry in sorted(CATALOGUE.items())
    ]
    return "\n".join(lines) + "\n"
