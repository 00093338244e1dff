"""The ``structures`` of a ``rtplan/dvh/1`` document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtplan.dvh.curve import StructureDVH
from rtplan.dvh.metrics import Metric, MetricValue, evaluate
from rtplan.dvh.reduce import reduced


def structure_json(
    structure: StructureDVH, metrics: Mapping[str, MetricValue]
) -> dict[str, object]:
    """One structure as the contract's JSON object; what was not computed is null with its reason.

    Parameters
    ----------
    metrics : mapping of str to MetricValue
        Values by the canonical form of their metric.
    """
    dvh = structure.dvh
    points = reduced(dvh) if dvh is not None else None
    return {
        "number": structure.number,
        "name": structure.name,
        "type": structure.roi_type,
        "volume_cc": structure.volume_cc,
        "covered_cc": structure.covered_cc,
        "dose_gy": {
            "min": dvh.min_gy if dvh else None,
            "mean": dvh.mean_gy if dvh else None,
            "max": dvh.max_gy if dvh else None,
        },
        "reason": structure.reason,
        "metrics": {name: value.as_json() for name, value in metrics.items()},
        "dvh": points
        and {
            "dose_gy": [round(x, 6) for x in points[0].tolist()],
            "volume_cc": [float(f"{x:.9g}") for x in points[1].tolist()],
        },
        "findings": [item.as_json() for item in structure.findings],
    }


def evaluate_all(
    structure: StructureDVH, metrics: Sequence[Metric], *, prescription_gy: float | None
) -> dict[str, MetricValue]:
    """Values of several metrics of one structure, by canonical form."""
    return {
        str(metric): evaluate(metric, structure, prescription_gy=prescription_gy)
        for metric in metrics
    }
