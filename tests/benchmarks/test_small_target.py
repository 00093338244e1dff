"""The small target beside a peer, at one placement."""

from __future__ import annotations

import importlib.util

import pytest

from benchmarks.small_target import FIELD, PEER, SPHERE, Runs, plot, programs, runs, wanted
from rtplan.phantoms.fields import truth


@pytest.fixture(scope="module")
def every() -> list[Runs]:
    return list(runs(count=1))


def test_the_default_is_near_the_truth_from_files(every: list[Runs]) -> None:
    exact = truth(SPHERE, FIELD)
    found = next(item for item in every if item.name == "rtplan, default")
    assert found.volume_cc == pytest.approx(exact.volume_cc, rel=1e-3)
    assert found.curve_pp(wanted(exact)).max() < 0.9


def test_a_peer_that_is_not_installed_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert PEER not in programs()
    assert capsys.readouterr().out == f"{PEER} is not installed and is left out\n"


def test_the_plot_is_a_png(every: list[Runs]) -> None:
    assert plot(every, truth(SPHERE, FIELD)).startswith(b"\x89PNG")
