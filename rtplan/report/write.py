"""Writing a report: one folder, every file complete or absent."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtplan.errors import InputError
from rtplan.report.json_text import dump_json
from rtplan.report.summary import structures_of
from rtplan.report.tables import dvh_csv, metrics_csv

FIGURES = "figures"
"""Folder of the figures, beside the page."""

_FIGURE_NAME = re.compile(r"lesion-(L|n)[0-9]{1,4}\.png|dvh\.svg|overview\.png")


def write_report(
    report: Mapping[str, Any], figures: Mapping[str, bytes], out_dir: str | os.PathLike[str]
) -> tuple[str, ...]:
    """Write a report into a folder, made where it is missing.

    Parameters
    ----------
    report : dict
        The content, ``rtplan/report/1``.
    figures : dict of str to bytes
        ``dvh.svg``, ``overview.png`` and the lesions' figures, named by
        ``rtplan.report.text.lesion_figure``.
    out_dir : path

    Returns
    -------
    tuple of str
        The files written, relative to the folder, the page first.

    Raises
    ------
    InputError
        A figure has a name that is not ours, or the folder cannot be written.

    Figures that an earlier report left in the folder and that this one does not have are removed:
    they would show another case.
    """
    from rtplan.report.html import render

    folder = Path(out_dir)
    structures = structures_of(report)
    texts = {
        "report.html": render(report, figures),
        "report.json": dump_json(report),
        "dvh.csv": dvh_csv(structures),
        "metrics.csv": metrics_csv(structures),
    }
    drawn = write_figures(figures, folder / FIGURES)
    # The page last: where it is there, all that it speaks of is there.
    for name in reversed(tuple(texts)):
        _write(folder / name, texts[name].encode("utf-8", "backslashreplace"))
    return *texts, *(f"{FIGURES}/{name}" for name in drawn)


def write_figures(figures: Mapping[str, bytes], out_dir: str | os.PathLike[str]) -> tuple[str, ...]:
    """Write figures into a folder, made where it is missing; returns their names, sorted.

    Raises
    ------
    InputError
        A figure has a name that is not ours, or the folder cannot be written.
    """
    for name in figures:
        if not _FIGURE_NAME.fullmatch(name):
            raise InputError(
                f"figure {name!r} has an unknown name; expected dvh.svg, overview.png or "
                "lesion-L1.png"
            )
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(folder.iterdir()):
            if _FIGURE_NAME.fullmatch(old.name) and old.name not in figures:
                old.unlink()
    except OSError as problem:
        raise _unwritable(folder, problem) from problem
    names = tuple(sorted(figures))
    for name in names:
        _write(folder / name, figures[name])
    return names


def _write(path: Path, content: bytes) -> None:
    """Write a file under another name, then rename: it is complete or absent."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as problem:
        raise _unwritable(path, problem) from problem


def _unwritable(path: Path, problem: OSError) -> InputError:
    why = problem.strerror or type(problem).__name__
    return InputError(f"cannot write {path}: {why}; choose another place")
