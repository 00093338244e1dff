"""The curves and metrics of a report as CSV, for spreadsheets and data frames.

A spreadsheet runs a text cell that starts like a formula, and an ROI may have any name. Such text
gets a leading apostrophe; numbers are written as they are, in full precision.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Cell = str | int | float | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_UNIT = re.compile(r"\[([^\[\]]*)\]$")

DVH_COLUMNS = ("structure_number", "structure_name", "dose_gy", "volume_cc", "volume_percent")
METRIC_COLUMNS = (
    "structure_number",
    "structure_name",
    "metric",
    "value",
    "unit",
    "uncertainty",
    "status",
    "reason",
)


def neutral(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    >>> neutral("=1+1"), neutral("GTV_1")
    ("'=1+1", 'GTV_1')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def _table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)  # lines end in CR LF (RFC 4180); a cell that holds either is quoted
    writer.writerow(columns)
    for row in rows:
        writer.writerow([neutral(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue()


def dvh_csv(structures: Iterable[Mapping[str, Any]]) -> str:
    """Cumulative curves in long form, one point a row; structures without a curve have no row.

    Parameters
    ----------
    structures : iterable of dict
        The structures of ``rtplan/dvh/1``.

    Returns
    -------
    str
        CSV with ``DVH_COLUMNS``; ``volume_percent`` is of the structure's own volume, also where
        the dose grid does not reach all of it.
    """
    return _table(DVH_COLUMNS, _points(structures))


def _points(structures: Iterable[Mapping[str, Any]]) -> Iterator[Sequence[Cell]]:
    for structure in structures:
        curve, whole = structure["dvh"], structure["volume_cc"]
        if curve is None:
            continue
        for dose_gy, volume_cc in zip(curve["dose_gy"], curve["volume_cc"], strict=True):
            percent = 100.0 * volume_cc / whole if whole else None
            yield structure["number"], structure["name"], dose_gy, volume_cc, percent


def metrics_csv(structures: Iterable[Mapping[str, Any]]) -> str:
    """Volume, minimum, mean, maximum and every metric asked for, one a row.

    A number that was not computed is an empty cell with status ``not_evaluated`` and its reason.

    Parameters
    ----------
    structures : iterable of dict
        The structures of ``rtplan/dvh/1``.
    """
    return _table(METRIC_COLUMNS, _metrics(structures))


def _metrics(structures: Iterable[Mapping[str, Any]]) -> Iterator[Sequence[Cell]]:
    for structure in structures:
        named = {**_basic(structure), **structure["metrics"]}
        for metric, result in named.items():
            unit = _UNIT.search(metric)
            yield (
                structure["number"],
                structure["name"],
                metric,
                result["value"],
                unit.group(1) if unit else "",
                result["uncertainty"],
                result["status"],
                result["reason"],
            )


def _basic(structure: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    dose = structure["dose_gy"]
    values = {
        "Volume[cc]": structure["volume_cc"],
        "Min[Gy]": dose["min"],
        "Mean[Gy]": dose["mean"],
        "Max[Gy]": dose["max"],
    }
    reason = structure.get("reason") or "not computed"
    return {
        metric: {
            "value": value,
            "uncertainty": None,
            "status": "not_evaluated" if value is None else "evaluated",
            "reason": reason if value is None else None,
        }
        for metric, value in values.items()
    }
