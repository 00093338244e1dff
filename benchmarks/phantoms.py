"""The whole path on the closed-form phantoms: files, reading, DVH, beside the truth.

    python benchmarks/phantoms.py

For each phantom of ``rtplan phantom list`` that has a closed form: the error of the volume in
percent, of the curve in percentage points of the volume, and of its doses in Gy.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from rtplan.cli.main import main as rtplan
from rtplan.phantoms import build, catalogue


def errors(name: str, folder: Path) -> tuple[float, float, float]:
    """Error of one phantom: volume %, curve pp, largest of its D metrics in Gy."""
    build(name, folder / "case")
    (truth,) = json.loads((folder / "case" / "truth.json").read_text("utf-8"))["structures"]
    options = [word for metric in truth["metrics"] for word in ("--metric", metric)]
    target = str(folder / "dvh.json")
    rtplan(["dvh", str(folder / "case"), "--roi", "#1", "--json", target, "--quiet", *options])
    found: dict[str, Any] = json.loads(Path(target).read_text("utf-8"))["structures"][0]
    dose, volume = np.array(truth["dvh"]["dose_gy"]), np.array(truth["dvh"]["volume_cc"])
    curve = found["dvh"]
    ours = np.interp(dose, curve["dose_gy"], curve["volume_cc"], right=0.0) / found["covered_cc"]
    return (
        100 * (found["volume_cc"] / truth["volume_cc"] - 1),
        100 * float(np.abs(ours - volume / truth["volume_cc"]).max()),
        max(abs(found["metrics"][key]["value"] - value) for key, value in truth["metrics"].items()),
    )


def main() -> None:
    """Print the table."""
    import contextlib
    import io

    print("| phantom | volume % | curve pp | D metrics Gy |")
    print("|---|---|---|---|")
    for entry in catalogue():
        if entry.name == "esophagus-oligomet":
            continue
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            volume, curve, dose = errors(entry.name, Path(folder))
        print(f"| {entry.name} | {volume:+.3f} | {curve:.3f} | {dose:.4f} |")


if __name__ == "__main__":
    main()
