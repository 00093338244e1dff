"""What must hold of every case, however broken: the commands run on it and what they wrote.

An *escape* is a breach: a fault, a number that is not finite, a limit met without a value, an
exit code 0 where something was not evaluated, an identity given away, too much time, or numbers
other than those of the valid case without a word about it. A warning of Python is one too: it
would reach the user's screen with whatever it quotes.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import re
import shutil
import signal
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Any

from rtplan.cli import main as program
from tests.fuzz import texts
from tests.fuzz.base import BIRTH_DATE, FACTS, SENTINEL, Files, limits_text

SECONDS = 5.0
"""Processor time that one command may take on a small case."""
NEAR = {"rel_tol": 2e-3, "abs_tol": 1e-3}
"""Numbers this near each other are the same: contours are written with 0.01 mm."""
TRACES = (SENTINEL, BIRTH_DATE)
SCRIPT = "<script>fuzz"
"""A mutation writes it into names; no page may hold it unescaped."""

_CHECK = ["check", "{case}", "--facts", "{work}/facts.toml", "--definition", "omec-2023"]
_CHECK += ["--limits", "{work}/limits.toml", "--json", "{out}/check.json"]
_DVH = [
    "dvh",
    "{case}",
    "--metric",
    "D95%[Gy]",
    "--metric",
    "V20Gy[cc]",
    "--json",
    "{out}/dvh.json",
]
COMMANDS: dict[str, list[str]] = {
    "doctor": ["doctor", "{case}", "--json", "{out}/doctor.json"],
    "check": _CHECK,
    "lesions": [
        "lesions",
        "{case}",
        "--facts",
        "{work}/facts.toml",
        "--json",
        "{out}/lesions.json",
    ],
    "dvh": [*_DVH, "--csv", "{out}/dvh.csv"],
    "strict": [*_CHECK, "--strict"],
    "shapes": [*_DVH, "--interpolation=shape_based", "--end-cap=rounded", "--plot={out}/dvh.svg"],
    "cubic": [*_DVH, "--dose-interpolation=cubic", "--end-cap=half_slice_capped"],
    "report": [*_CHECK, "--out", "{out}/report"],
    "figures": ["lesions", "{case}", "--figures", "{out}/figures"],
}
QUICK = ("doctor", "check")
MIDDLE = (*QUICK, "lesions", "dvh")


class Effect(StrEnum):
    """What a mutation may do to the numbers.

    ``SAME``: nothing. ``TOLD``: no change without a finding or a reason. ``ANY``: it makes another
    case, valid or not; only what holds of every case is asked.
    """

    SAME = "same"
    TOLD = "told"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Escape:
    """One breach: what kind, in which command, with the traceback if there is one."""

    kind: str
    command: str
    detail: str
    trace: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.kind} in {self.command}: {self.detail}"

    @property
    def signature(self) -> tuple[str, str, str]:
        """What makes two escapes one: the kind, and the place or the words without numbers."""
        places = re.findall(r'File ".*?(rtplan/\S+)", line \d+, in (\S+)', self.trace)
        place = ":".join(places[-1]) if places else ""
        words = re.sub(r"[-\d.e+]+|'[^']*'", "#", self.detail)
        return self.kind, place, "" if place or self.kind == "changed" else words


@dataclass(slots=True)
class Run:
    """One command: its exit code (None where it raised), what it printed, its faults."""

    command: str
    code: int | None = None
    output: str = ""
    seconds: float = 0.0
    trace: str = ""


class TookTooLong(BaseException):
    """Beyond every handler of the program, so that none can swallow it."""


def write_case(folder: Path, files: Files) -> Path:
    """Write the files of a case into a folder, made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def run(command: str, case: Path, work: Path, *, seconds: float = SECONDS) -> Run:
    """Run one of ``COMMANDS`` in this process, into an empty ``work/out``."""
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    if not (work / "limits.toml").exists():
        (work / "limits.toml").write_text(limits_text(), encoding="utf-8")
        (work / "facts.toml").write_text(FACTS, encoding="utf-8")
    arguments = [text.format(case=case, work=work, out=out) for text in COMMANDS[command]]
    return _run(Run(command), arguments, seconds)


def _run(done: Run, arguments: Sequence[str], seconds: float) -> Run:
    """Run the program with arguments in this process; what came of it."""
    shown = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict", write_through=True)
    started = time.process_time()
    try:
        with (
            contextlib.redirect_stdout(shown),
            contextlib.redirect_stderr(shown),
            _watched(done, seconds),
        ):
            done.code = program.main(arguments)
    except SystemExit as error:
        done.code, done.trace = None, f"SystemExit({error.code!r})"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        done.code, done.trace = None, traceback.format_exc()
    done.seconds = time.process_time() - started
    shown.flush()
    done.output = shown.detach().getvalue().decode("utf-8", "replace")
    return done


@contextlib.contextmanager
def _watched(done: Run, seconds: float) -> Iterator[None]:
    """Keep the traceback of a fault, make warnings faults, stop what runs for too long."""
    fault = program._fault

    def keep(error: Exception) -> str:
        done.trace = "".join(traceback.format_exception(error))
        return fault(error)

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TookTooLong(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    program._fault = keep
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        program._fault = fault
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def check_case(
    case: Path,
    work: Path,
    *,
    commands: Sequence[str] = MIDDLE,
    effect: Effect = Effect.ANY,
    base: Mapping[str, Any] | None = None,
    seconds: float = SECONDS,
) -> list[Escape]:
    """Run commands on a case and look for every breach.

    Parameters
    ----------
    case, work : Path
        The case; a folder of one's own for what is written.
    commands : sequence of str
        Keys of ``COMMANDS``.
    effect : Effect
        What was done to the valid case.
    base : mapping, optional
        The report of the valid case (``check.json``); without it nothing is compared.
    seconds : float
        Processor time that each command may take.
    """
    found: list[Escape] = []
    for command in commands:
        done = run(command, case, work, seconds=seconds)
        found += _of_run(done, work / "out")
        if base is not None and command == "check" and effect is not Effect.ANY:
            found += _of_change(done, work / "out", base, effect)
    return found


def check_text(of: str, content: bytes, work: Path, *, seconds: float = SECONDS) -> list[Escape]:
    """Run the command that reads a text file (``texts.COMMANDS``); every breach."""
    name, options = texts.COMMANDS[of]
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (work / "kept.json").write_text(texts.LESIONS, encoding="utf-8")
    (work / name).write_bytes(content)
    arguments = [text.format(kept=work / "kept.json", file=work / name) for text in options]
    if options[0] == "eligibility":
        arguments.append(f"--json={out}/eligibility.json")
    return list(_of_run(_run(Run(options[0]), arguments, seconds), out))


def report_of(case: Path, work: Path) -> dict[str, Any]:
    """The report of a case that must be sound, to compare others with."""
    done = run("check", case, work)
    assert done.code == 0, done.output + done.trace
    content: dict[str, Any] = json.loads((work / "out" / "check.json").read_text(encoding="utf-8"))
    return content


def _of_run(done: Run, out: Path) -> Iterator[Escape]:
    """What is wrong with one command and the files it wrote."""
    name = done.command
    if "TookTooLong" in done.trace:
        yield Escape("time", name, f"{done.seconds:.1f} s", done.trace)
        return
    if done.code is None or done.code not in (0, 1, 2, 3):
        last = (done.trace.strip() or done.output).splitlines()[-1]
        kind = "warning" if re.match(r"\w*Warning: ", last) else "fault"
        yield Escape(kind, name, f"exit {done.code}: {last}", done.trace)
        return
    if done.code == 2 and not re.search(r"^rtplan \w+: \S", done.output, re.MULTILINE):
        yield Escape("silent refusal", name, done.output[-200:])
    for trace in TRACES:
        if trace in done.output:
            yield Escape("identity", name, f"{trace} in {_around(done.output, trace)}")
    for path in sorted(out.rglob("*")):
        if path.is_file():
            yield from _of_file(done, path)


def _around(text: str, trace: str) -> str:
    at = text.index(trace)
    return text[max(0, at - 80) : at + 40]


def _of_file(done: Run, path: Path) -> Iterator[Escape]:
    name, content = done.command, path.read_bytes()
    for trace in TRACES:
        if trace in path.name:
            yield Escape("identity", name, f"{trace} in the name of a file")
        if trace.encode() in content or trace.encode("utf-16-le") in content:
            yield Escape("identity", name, f"{trace} in {path.name}")
    if path.suffix == ".json":
        try:
            document = json.loads(content, parse_constant=_refuse)
        except ValueError as error:
            yield Escape("json", name, f"{path.name}: {error}")
            return
        yield from _of_document(done, document)
    elif path.suffix == ".csv":
        yield from _of_csv(name, path.name, content)
    elif path.suffix in (".html", ".svg") and SCRIPT.encode() in content:
        yield Escape("script", name, path.name)


def _refuse(text: str) -> float:
    raise ValueError(f"{text} in JSON")


def _of_csv(command: str, file: str, content: bytes) -> Iterator[Escape]:
    numbers = re.compile(r"-?[\d.]+(e[-+]?\d+)?")
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    for row in rows:
        for column, cell in zip(header, row, strict=True):
            if cell.lower() in ("nan", "inf", "-inf") and "name" not in column:
                yield Escape("not finite", command, f"{file}: {column} is {cell}")
            if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not numbers.fullmatch(cell):
                yield Escape("formula", command, f"{file}: {cell[:60]!r}")


def _of_document(done: Run, document: dict[str, Any]) -> Iterator[Escape]:
    """What is wrong with a JSON document of any command."""
    name = done.command
    for path, number in _numbers(document, ""):
        if not math.isfinite(number):
            yield Escape("not finite", name, f"{path} is {number}")
    yield from _of_values(name, document)
    findings = document["findings"]
    errors = [item["code"] for item in findings if item["severity"] == "error"]
    if document["schema"] == "rtplan/doctor/1" and done.code == 0 and errors:
        yield Escape("exit 0 with errors", name, ", ".join(errors))
    if document["schema"] == "rtplan/doctor/1" and done.code == 3 and not errors:
        yield Escape("exit 3 without errors", name, "")
    if document["schema"] == "rtplan/dvh/1":
        yield from _of_dvhs(done, document["structures"])
    if document["schema"] == "rtplan/report/1":
        yield from _of_report(done, document)
    if document["schema"] == "rtplan/lesions/1":
        yield from _of_lesions(done, document)
    if document["schema"] == "rtplan/eligibility/1":
        verdicts = {item["verdict"] for item in document["definitions"]}
        if done.code == 0 and verdicts & {"indeterminate", "not_consistent"}:
            yield Escape("unevaluated passes", name, str(sorted(verdicts)))


def _numbers(value: object, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item, path)
    elif isinstance(value, float):
        yield path, value


def _of_values(command: str, value: object) -> Iterator[Escape]:
    """Every value with a status has a number exactly where it was evaluated, else a reason."""
    if isinstance(value, Mapping):
        if {"value", "status", "uncertainty"} <= set(value):
            evaluated = value["status"] in ("evaluated", "met", "violated")
            if evaluated != (value["value"] is not None):
                yield Escape("status", command, f"{value['status']} with value {value['value']}")
            if not evaluated and not value["reason"]:
                yield Escape("no reason", command, str(dict(value))[:200])
        for item in value.values():
            yield from _of_values(command, item)
    elif isinstance(value, list):
        for item in value:
            yield from _of_values(command, item)


def _of_dvhs(done: Run, structures: Sequence[Mapping[str, Any]]) -> Iterator[Escape]:
    for item in structures:
        missing = item["dvh"] is None or any(
            value["status"] != "evaluated" for value in item["metrics"].values()
        )
        nothing_to_ask = re.search("has no contours|enclose nothing", item["reason"] or "")
        if missing and done.code == 0 and not nothing_to_ask:
            yield Escape("exit 0 unevaluated", done.command, f"{item['number']}: {item['reason']}")
        if item["dvh"] is None and not item["reason"]:
            yield Escape("no reason", done.command, f"structure {item['number']}")
        yield from _of_curve(done.command, item)


def _of_curve(command: str, item: Mapping[str, Any]) -> Iterator[Escape]:
    """A curve falls from the covered volume, and its doses are in order."""
    if item["dvh"] is None:
        return
    where, dose = f"structure {item['number']}", item["dose_gy"]
    if not 0 < item["covered_cc"] <= item["volume_cc"] * (1 + 1e-9):
        yield Escape("volume", command, f"{where}: {item['covered_cc']} of {item['volume_cc']} cc")
    slack = 1e-6 * max(1.0, abs(dose["max"]))
    if not dose["min"] - slack <= dose["mean"] <= dose["max"] + slack:
        yield Escape("extremes", command, f"{where}: {dose}")
    volumes, doses = item["dvh"]["volume_cc"], item["dvh"]["dose_gy"]
    if sorted(volumes, reverse=True) != volumes or sorted(doses) != doses:
        yield Escape("curve", command, f"{where}: not monotone")


def _of_report(done: Run, report: Mapping[str, Any]) -> Iterator[Escape]:
    name, verdict = done.command, report["verdict"]
    if verdict["exit_code"] != done.code:
        yield Escape("exit code", name, f"{done.code}, the report says {verdict['exit_code']}")
    statuses = {line["status"] for line in verdict["lines"]}
    wanting = statuses & {"not_evaluated", "indeterminate", "error"}
    structures = {item["number"]: item for item in report["dvh"]["structures"]}
    for limits in report["limits"]["sets"]:
        for row in limits["rows"]:
            if row["status"] == "not_evaluated":
                wanting.add(f"limit {row['id']}")
            else:
                yield from _of_row(name, row, structures, limits["status"])
    if not wanting and not all(limits["rows"] for limits in report["limits"]["sets"]):
        yield Escape("unevaluated passes", name, "a limit set without rows")
    if wanting and done.code == 0:
        yield Escape("unevaluated passes", name, ", ".join(sorted(wanting)))
    for item in structures.values():
        yield from _of_curve(name, item)


def _of_row(
    command: str, row: Mapping[str, Any], structures: Mapping[int, Mapping[str, Any]], status: str
) -> Iterator[Escape]:
    """A limit that was decided has a structure with a curve, and the answer of its own numbers."""
    value, limit = row["value"], row["limit"]
    matched = row["matched"] and structures.get(row["matched"]["number"])
    if value is None or not matched or matched["dvh"] is None or status != "evaluated":
        yield Escape("decided without a value", command, str(dict(row))[:300])
        return
    held = {"<=": value <= limit, "<": value < limit, ">=": value >= limit, ">": value > limit}
    if held[row["op"]] != (row["status"] == "met"):
        yield Escape("wrong verdict", command, f"{value} {row['op']} {limit}: {row['status']}")


def _of_lesions(done: Run, document: Mapping[str, Any]) -> Iterator[Escape]:
    count = document["count"]
    bounds = [count["lower"], count["best"], count["upper"]]
    definite = None not in bounds and bounds[0] == bounds[2]
    if definite != (done.code == 0):
        yield Escape("exit code", done.command, f"{done.code} with the count {bounds}")
    if not definite and not document["reason"]:
        yield Escape("no reason", done.command, f"count {bounds}")
    if None not in bounds and sorted(bounds) != bounds:
        yield Escape("count", done.command, str(bounds))


def _of_change(done: Run, out: Path, base: Mapping[str, Any], effect: Effect) -> Iterator[Escape]:
    """Numbers other than the valid case's, without a word where there must be one."""
    path = out / "check.json"
    if done.code is None or done.code == 70:
        return
    if done.code == 2 and effect is Effect.TOLD:
        return
    if not path.exists():
        yield Escape("changed", done.command, f"no report: {done.output[-200:]}")
        return
    report = json.loads(path.read_bytes())
    before = {item["code"] for item in base["findings"]}
    if effect is Effect.TOLD and {item["code"] for item in report["findings"]} - before:
        return
    changed = []
    numbers = told_numbers(report)
    for what, wanted in told_numbers(base).items():
        value = numbers.get(what)
        if wanted is None and value is None:
            continue
        if effect is Effect.TOLD and done.code == 3 and value is None:
            continue
        if value is None or wanted is None or not math.isclose(value, wanted, **NEAR):
            changed.append(f"{what} {value} for {wanted}")
    if changed:
        yield Escape("changed", done.command, "; ".join(changed[:3]))


def told_numbers(report: Mapping[str, Any]) -> dict[str, float | None]:
    """The numbers of a report that a clinician acts on, by what they are."""
    numbers: dict[str, float | None] = {}
    for item in report["dvh"]["structures"]:
        for metric, value in item["metrics"].items():
            numbers[f"#{item['number']} {metric}"] = value["value"]
    for limits in report["limits"]["sets"]:
        numbers |= {f"{limits['id']} {row['id']}": row["value"] for row in limits["rows"]}
    if report["lesions"]:
        count = report["lesions"]["count"]
        numbers |= {f"{bound} count": count[bound] for bound in ("lower", "best", "upper")}
    return numbers
