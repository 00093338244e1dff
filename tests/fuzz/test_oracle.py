"""The oracle sees each kind of escape: a program that errs is put in place of the real one."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from rtplan.cli import main as program
from tests.fuzz.base import SENTINEL, base_files
from tests.fuzz.oracle import SCRIPT, Effect, check_case, check_text, report_of, write_case
from tests.fuzz.texts import LESIONS

Program = Callable[[Path], int]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of the valid case."""
    work = tmp_path_factory.mktemp("base")
    return report_of(write_case(work / "case", base_files()), work / "work")


def kinds_of(
    act: Program,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    *,
    effect: Effect = Effect.ANY,
    base: dict[str, Any] | None = None,
) -> set[str]:
    """Kinds of the escapes of a program that acts so, as ``rtplan check`` and ``dvh``."""

    def main(arguments: Sequence[str]) -> int:
        return act(folder / "work" / "out")

    monkeypatch.setattr(program, "main", main)
    found = check_case(
        folder, folder / "work", commands=("check",), effect=effect, base=base, seconds=0.2
    )
    return {escape.kind for escape in found}


def writes(content: object, code: int = 0, name: str = "check.json") -> Program:
    def act(out: Path) -> int:
        text = content if isinstance(content, str) else json.dumps(content)
        (out / name).write_text(text, encoding="utf-8")
        return code

    return act


def prints(text: str, code: int = 0) -> Program:
    def act(out: Path) -> int:
        print(text)
        return code

    return act


def raises(error: BaseException) -> Program:
    def act(out: Path) -> int:
        raise error

    return act


def hangs(out: Path) -> int:
    started = time.process_time()
    while time.process_time() - started < 5:
        pass
    return 0


def warns(out: Path) -> int:
    warnings.warn("overflow", RuntimeWarning, stacklevel=1)
    return 0


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (raises(ValueError("x")), "fault"),
        (raises(SystemExit(2)), "fault"),
        (prints("a fault of rtplan itself", 70), "fault"),
        (warns, "warning"),
        (hangs, "time"),
        (prints("no word of why", 2), "silent refusal"),
        (prints(f"patient {SENTINEL}^NAME"), "identity"),
        (writes("{}", name=f"{SENTINEL}.txt"), "identity"),
        (writes(f'{{"a": "{SENTINEL}"}}', name="a.txt"), "identity"),
        (writes("{not json"), "json"),
        (writes('{"a": NaN}'), "json"),
        (writes("name,dose_gy\nnan,nan\n", name="a.csv"), "not finite"),
        (writes("name,dose_gy\n=SUM(A1),-1.5\n", name="a.csv"), "formula"),
        (writes(f"<p>{SCRIPT}", name="a.html"), "script"),
    ],
)
def test_a_breach_is_seen(
    act: Program, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert kinds_of(act, monkeypatch, tmp_path) == {kind}


def unevaluated(report: dict[str, Any]) -> None:
    report["verdict"]["lines"][0]["status"] = "not_evaluated"


def without_value(report: dict[str, Any]) -> None:
    report["limits"]["sets"][0]["rows"][0]["value"] = None


def without_curve(report: dict[str, Any]) -> None:
    report["dvh"]["structures"][0]["dvh"] = None


def other_verdict(report: dict[str, Any]) -> None:
    report["limits"]["sets"][0]["rows"][0]["limit"] = 99.0


def not_evaluated_but_met(report: dict[str, Any]) -> None:
    report["limits"]["sets"][0]["status"] = "not_evaluated"


def no_rows(report: dict[str, Any]) -> None:
    report["limits"]["sets"][0]["rows"] = []


def infinite(report: dict[str, Any]) -> None:
    report["dvh"]["structures"][0]["volume_cc"] = float("1e999")


def rising(report: dict[str, Any]) -> None:
    report["dvh"]["structures"][0]["dvh"]["volume_cc"].reverse()


def other_exit_code(report: dict[str, Any]) -> None:
    report["verdict"]["exit_code"] = 3


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (unevaluated, "unevaluated passes"),
        (no_rows, "unevaluated passes"),
        (without_value, "decided without a value"),
        (without_curve, "decided without a value"),
        (not_evaluated_but_met, "decided without a value"),
        (other_verdict, "wrong verdict"),
        (infinite, "json"),
        (rising, "curve"),
        (other_exit_code, "exit code"),
    ],
)
def test_a_wrong_report_is_seen(
    change: Callable[[dict[str, Any]], None],
    kind: str,
    report: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    changed = deepcopy(report)
    assert kinds_of(writes(changed), monkeypatch, tmp_path) == set()
    change(changed)
    assert kind in kinds_of(writes(changed), monkeypatch, tmp_path)


@pytest.mark.parametrize("effect", [Effect.SAME, Effect.TOLD])
def test_another_number_without_a_word_is_seen(
    effect: Effect, report: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    changed = deepcopy(report)
    changed["dvh"]["structures"][0]["metrics"]["Mean[Gy]"]["value"] *= 1.05
    seen = kinds_of(writes(changed), monkeypatch, tmp_path, effect=effect, base=report)
    assert seen == {"changed"}
    changed["findings"].append({"code": "RTD004", "severity": "warning", "text": "", "where": {}})
    seen = kinds_of(writes(changed), monkeypatch, tmp_path, effect=effect, base=report)
    assert seen == (set() if effect is Effect.TOLD else {"changed"})


def test_the_valid_case_lets_nothing_escape_from_any_command(tmp_path: Path) -> None:
    case = write_case(tmp_path / "case", base_files())
    assert check_case(case, tmp_path / "work", commands=("doctor", "lesions", "dvh")) == []
    assert check_text("lesions", LESIONS.encode(), tmp_path) == []
