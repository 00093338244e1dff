"""Patients worked out by hand from the sources of the definitions, and what rtplan says of them.

    python -m benchmarks.vignettes

One row a definition or pathway: how many patients there are, what verdict each should get, and how
many get it. Those that do not are listed. The patients are in ``tests/protocol/vignettes``.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from rtplan.protocol.evaluate import evaluate_definition
from rtplan.protocol.load import load_definition
from rtplan.protocol.result import Verdict
from tests.protocol import cases

VIGNETTES = Path(cases.__file__).parent / "vignettes"


def verdict_of(name: str, case: dict[str, Any], folder: Path) -> str:
    """What rtplan says of one patient."""
    lesions = cases.reading(
        case["lesions"], apart_mm=case.get("apart_mm"), drawn=case.get("drawn", False)
    )
    facts = cases.facts(case["facts"], folder)
    return str(evaluate_definition(load_definition(name), lesions, facts).verdict)


def main() -> None:
    """Print the table."""
    heads = " | ".join(verdict.value.replace("_", " ") for verdict in Verdict)
    print(f"| definition | patients | {heads} | as worked out |")
    print("|---|---|" + "---|" * (len(Verdict) + 1))
    total, wrong = Counter[str](), []
    for file in sorted(VIGNETTES.glob("*.toml")):
        every = tomllib.loads(file.read_text(encoding="utf-8"))["case"]
        count = Counter(case["verdict"] for case in every)
        with tempfile.TemporaryDirectory() as folder:
            said = [verdict_of(file.stem, case, Path(folder)) for case in every]
        right = sum(one == case["verdict"] for one, case in zip(said, every, strict=True))
        wrong += [
            f"{file.stem}: {case['claim']}: {one}"
            for one, case in zip(said, every, strict=True)
            if one != case["verdict"]
        ]
        total += count + Counter(right=right, patients=len(every))
        row = " | ".join(str(count[verdict]) for verdict in Verdict)
        print(f"| {file.stem} | {len(every)} | {row} | {right} |")
    row = " | ".join(str(total[verdict]) for verdict in Verdict)
    print(f"| **all** | {total['patients']} | {row} | {total['right']} |")
    print("\n".join(wrong))


if __name__ == "__main__":
    main()
