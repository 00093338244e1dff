"""Dose limits and prescriptions as values, each with its evidence and its place in a source.

A *limit set* is dose limits for organs, each for a number of fractions or for some doses per
fraction. A *prescription set* is doses that were prescribed for a site.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rtplan.dvh.metrics import Metric
from rtplan.lesions.model import Organ
from rtplan.protocol.logic import Op
from rtplan.protocol.model import Citation, Gap, Source


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another value that is in print for the same limit."""

    limit: float
    text: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A dose limit of one organ for one number of fractions, or for some doses per fraction.

    ``limit`` and ``optimal`` are in the unit of ``metric``: ``limit`` must hold, ``optimal`` is a
    stricter value that the source aims at. Of ``fractions`` and ``fraction_gy`` (lowest and highest
    dose per fraction, Gy) exactly one is given. ``parts`` are structures that together are the
    organ, where it is not drawn as one. ``sides`` says that the organ has a left and a right one,
    each held to the limit. ``label`` is the organ's name in the source where that differs.
    """

    id: str
    structure: str
    metric: Metric
    op: Op
    limit: float
    fractions: int | None
    citation: Citation
    label: str | None = None
    parts: tuple[str, ...] = ()
    sides: bool = False
    endpoint: str | None = None
    conflicts: tuple[Conflict, ...] = ()
    fraction_gy: tuple[float, float] | None = None
    optimal: float | None = None


@dataclass(frozen=True, slots=True)
class LimitSet:
    """Dose limits, each of one source; ``name`` is what a sentence calls them."""

    id: str
    title: str
    name: str
    version: str
    sources: tuple[Source, ...]
    limits: tuple[Limit, ...]
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    extends: tuple[str, ...] = ()

    @property
    def fraction_counts(self) -> tuple[int, ...]:
        """The numbers of fractions that the set has limits for, ascending."""
        return tuple(sorted({x.fractions for x in self.limits if x.fractions is not None}))

    @property
    def fraction_doses(self) -> tuple[tuple[float, float], ...]:
        """The ranges of the dose per fraction, Gy, that the set has limits for, ascending."""
        return tuple(sorted({x.fraction_gy for x in self.limits if x.fraction_gy is not None}))

    def cited(self) -> tuple[Citation, ...]:
        """The citation of every limit."""
        return tuple(item.citation for item in self.limits)


class Treated(StrEnum):
    """The lesions that a dose was prescribed for."""

    METASTASES = "metastases"
    PRIMARY = "primary"


@dataclass(frozen=True, slots=True)
class Prescription:
    """A dose prescribed for a site: lowest and highest, equal where it is one.

    ``dose_gy`` is in Gy. It was for ``lesions`` in ``organs`` (empty: any) of patients whose
    primary is in ``primaries`` (empty: any). One for the primary has no organs: it lies where the
    primary is. ``site`` and ``condition`` are texts to show; ``condition`` says which of these
    lesions.
    """

    id: str
    site: str
    lesions: Treated
    dose_gy: tuple[float, float]
    fractions: tuple[int, int]
    citation: Citation
    organs: tuple[Organ, ...] = ()
    primaries: tuple[str, ...] = ()
    condition: str | None = None

    @property
    def bed10_gy(self) -> float | None:
        """Biologically effective dose, Gy, by the linear-quadratic model with alpha/beta 10 Gy.

        None where doses and fractions are ranges, which say not which dose goes with which number.
        It extrapolates beyond some 10 Gy a fraction.

        >>> from rtplan.protocol.model import Evidence
        >>> source = Source("s", "a source", doi="10.1000/1")
        >>> cited = Citation(Evidence.VERIFIED, source)
        >>> Prescription("a", "lung", Treated.METASTASES, (54.0, 54.0), (3, 3), cited).bed10_gy
        151.2
        """
        (dose, highest), (number, most) = self.dose_gy, self.fractions
        if dose != highest or number != most:
            return None
        return round(dose * (1 + dose / number / 10), 1)


@dataclass(frozen=True, slots=True)
class PrescriptionSet:
    """Doses that trials and protocols prescribed, by site. They recommend nothing."""

    id: str
    title: str
    name: str
    version: str
    sources: tuple[Source, ...]
    prescriptions: tuple[Prescription, ...]
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    extends: tuple[str, ...] = ()

    def cited(self) -> tuple[Citation, ...]:
        """The citation of every prescription."""
        return tuple(item.citation for item in self.prescriptions)
