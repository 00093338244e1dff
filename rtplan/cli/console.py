"""Plain and readable output: tables, notes, findings. Text from a DICOM file is made visible."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtplan.findings import Finding

PLAIN_WIDTH = 200
"""Width of tables where output is no terminal."""


def number(value: float | None, *, digits: int = 3) -> str:
    """A number with so many decimals, or a dash where there is none.

    >>> number(None), number(12.34567)
    ('–', '12.346')
    """
    return "–" if value is None else f"{value:.{digits}f}"


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = ()
) -> None:
    """Print a table; columns whose index is in ``right`` are right-aligned."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from rtplan.report.text import visible

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PLAIN_WIDTH
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, title in enumerate(header):
        grid.add_column(Text(title), justify="right" if index in right else "left")
    for row in rows:
        grid.add_row(*(Text(visible(cell)) for cell in row))
    Console(width=width, highlight=False).print(grid)


def notes(title: str, lines: Sequence[str]) -> None:
    """Print a titled list, nothing where it is empty."""
    from rtplan.report.text import visible

    if lines:
        print(f"{title}:")
        for line in lines:
            print(f"  {visible(line)}")
        print()


def findings(items: Sequence[Finding]) -> None:
    """Print findings, worst first, those of severity info only counted."""
    order = ["error", "warning"]
    shown = [item for item in items if item.severity.value in order]
    shown.sort(key=lambda item: order.index(item.severity.value))
    notes("findings", [_line(item) for item in shown])
    if len(items) > len(shown):
        print(f"{len(items) - len(shown)} more of severity info; --json shows them\n")


def _line(item: Finding) -> str:
    roi = "" if item.roi_number is None else f" (ROI #{item.roi_number})"
    return f"{item.severity.value} {item.code}{roi}: {item.text}"
