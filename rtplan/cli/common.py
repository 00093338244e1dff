"""What commands share: the arguments of a case, opening it, progress, JSON."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rtplan import __version__
from rtplan.dicom.limits import bounded_memory, listing, parse_limits, use

if TYPE_CHECKING:
    from rtplan.case import Case, Input
    from rtplan.dicom.inventory import Inventory
    from rtplan.dicom.link import Choice
    from rtplan.findings import Finding


class Adds(Protocol):
    """A parser, or a group of one, that takes arguments."""

    def add_argument(self, *names: str, **how: Any) -> argparse.Action: ...


Progress = Callable[[int, int, str], None]
"""Called with done, total, and what is being done."""


def add_case_arguments(parser: argparse.ArgumentParser) -> None:
    """PATH and the options that every command on a case has."""
    parser.add_argument("path", metavar="PATH", help="folder, file or zip with DICOM-RT")
    add_reading_arguments(parser)


def add_several(parser: Adds, option: str, *, metavar: str, help: str) -> None:
    """An option that takes several values and may be given again."""
    text = f"{help}; several may follow, and it may be repeated"
    parser.add_argument(option, action="extend", nargs="+", metavar=metavar, help=text)


def path_after(path: str | None, *several: list[str] | None) -> str | None:
    """PATH, also where it stands after the values of an option that takes several.

    The last of the values is PATH where none was given, it is not the only value, and it is there;
    it is taken out of the values. A TOML file is a value.
    """
    for values in several:
        if path is None and values and len(values) > 1 and not values[-1].endswith(".toml"):
            path = values.pop() if os.path.exists(values[-1]) else None
    return path


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of reading, without PATH."""
    group = parser.add_argument_group("reading")
    group.add_argument("--charset", metavar="NAME", help="character set of undeclared text")
    for name, what in (
        ("patient", "patient"),
        ("plan", "RT Plan"),
        ("structure-set", "RT Structure Set"),
        ("dose", "RT Dose"),
    ):
        text = f"choose the {what} by UID or its end"
        if name == "patient":
            text = "choose the patient by the key that the list of choices prints"
        group.add_argument(f"--{name}", metavar="UID", help=text)
    group.add_argument(
        "--limit",
        metavar="NAME=NUMBER",
        action="append",
        default=[],
        help=f"the most that is read; may be given more than once; defaults: {listing()}",
    )
    group.add_argument("--strict", action="store_true", help="warnings become errors")
    group.add_argument("--quiet", action="store_true", help="print results only, no progress")


def open_case(args: argparse.Namespace) -> Case:
    """Read and link the case that the arguments name.

    Raises
    ------
    InputError
        Nothing usable, or a doubt about what belongs together (AmbiguousError).
    """
    from rtplan.dicom.link import link

    use(parse_limits(args.limit))
    with bounded_memory():
        case = link(read_inventory(args), choice=choice_of(args))
    return strict(case) if args.strict else case


def read_inventory(args: argparse.Namespace) -> Inventory:
    """Everything under PATH, read with the options of the arguments; InputError as ``read``."""
    from rtplan.dicom.read import read

    with progress(args) as report:
        return read(args.path, charset=args.charset, progress=report)


def choice_of(args: argparse.Namespace) -> Choice:
    """What the arguments choose where several cases are possible."""
    from rtplan.dicom.link import Choice

    return Choice(args.patient, args.plan, args.structure_set, args.dose)


def strict(case: Case) -> Case:
    """The case with its warnings raised to errors (``raised``)."""
    from dataclasses import replace

    return replace(case, findings=raised(case.findings))


def raised(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings as ``--strict`` has them: warnings become errors, and the exit code at least 3."""
    from dataclasses import replace

    from rtplan.findings import Severity

    return tuple(
        replace(item, severity=Severity.ERROR) if item.severity is Severity.WARNING else item
        for item in findings
    )


@contextmanager
def progress(args: argparse.Namespace) -> Iterator[Progress]:
    """A progress bar on standard error; silent when that is no terminal, or with ``--quiet``.

    It appears only if the work takes longer than a second.
    """
    if args.quiet or not sys.stderr.isatty():
        yield lambda done, total, text: None
        return
    import threading

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("", total=None)
    after_a_second = threading.Timer(1.0, bar.start)
    after_a_second.start()
    try:
        yield lambda done, total, text: bar.update(
            task, completed=done, total=total, description=text
        )
    finally:
        after_a_second.cancel()
        after_a_second.join()
        bar.stop()


def sha256(path: str | None) -> str | None:
    """Hash of a file such as the facts, so that a result says what it rests on; None without."""
    import hashlib

    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else None


def document(
    schema: str,
    *,
    settings: Mapping[str, object],
    inputs: Sequence[Input],
    findings: Sequence[Finding],
    **body: object,
) -> dict[str, object]:
    """A JSON document with what every one carries around its body."""
    return {
        "schema": schema,
        "version": __version__,
        "settings": dict(settings),
        "inputs": [item.as_json() for item in inputs],
        **body,
        "findings": [item.as_json() for item in findings],
    }


def write_json(content: Mapping[str, object], target: str) -> None:
    """Write a document to a file, or to standard output for ``-``.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    from rtplan.report.json_text import dump_json

    write_bytes(target, dump_json(content).encode("utf-8", errors="backslashreplace"))


def write_bytes(target: str, content: bytes) -> None:
    """Write a file, or to standard output for ``-``; InputError where that fails."""
    from rtplan.errors import InputError

    if target == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return
    try:
        Path(target).write_bytes(content)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}; name another file") from error
