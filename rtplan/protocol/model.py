"""Definitions and dose limits as values: what a protocol file says, with where it says it from.

A *definition* is criteria, and arms that combine them; or a decision tree that names a state.
A *limit set* is dose limits for organs, each for a number of fractions.
Every criterion and limit carries its evidence and its place in a source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from rtplan.dvh.metrics import Metric
from rtplan.protocol.logic import Op


class Evidence(StrEnum):
    """How far a statement was followed to its source."""

    VERIFIED = "verified"
    """Read in a public page of the source or one that states it."""
    SECONDARY = "secondary"
    """From a transcription; to be compared with the primary before clinical use."""
    UNCONFIRMED = "unconfirmed"
    """Not seen in print."""


@dataclass(frozen=True, slots=True)
class Source:
    """A publication; at least one of doi, pmid and url is given."""

    id: str
    text: str
    doi: str | None = None
    pmid: str | None = None
    url: str | None = None

    @property
    def reference(self) -> str:
        """The shortest citation.

        >>> Source("a", "A paper", doi="10.1000/1").reference
        'doi:10.1000/1'
        """
        if self.doi:
            return f"doi:{self.doi}"
        return f"pmid:{self.pmid}" if self.pmid else str(self.url)


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a statement comes from, and how sure that is."""

    evidence: Evidence
    source: Source
    place: str | None = None

    def __str__(self) -> str:
        return self.source.reference + (f", {self.place}" if self.place else "")


class Quantity(StrEnum):
    """What a criterion can count or measure. All but the last follow the counting policy."""

    METASTASES = "metastases"
    """Metastases, nodes included as the policy counts them."""
    ORGANS = "organs"
    """Organs with metastases, lymph nodes included if the policy calls them one."""
    MOST_IN_ONE_ORGAN = "most_in_one_organ"
    """Metastases in the organ that has most of them."""
    ORGAN_METASTASES = "organ_metastases"
    """Metastases outside lymph nodes."""
    NONNODAL_ORGANS = "nonnodal_organs"
    """Organs other than lymph nodes with metastases."""
    EXTRAREGIONAL_STATIONS = "extraregional_stations"
    """Extraregional lymph node stations with a metastasis."""
    MONTHS_TO_DETECTION = "months_to_detection"
    """Calendar months from ``since`` to the first detection of the metastases."""

    @property
    def is_count(self) -> bool:
        """Whether it is counted on the lesions."""
        return self is not Quantity.MONTHS_TO_DETECTION

    @property
    def words(self) -> str:
        """As a sentence calls it."""
        return {
            Quantity.MOST_IN_ONE_ORGAN: "most in one organ",
            Quantity.ORGAN_METASTASES: "metastases outside nodes",
            Quantity.NONNODAL_ORGANS: "organs outside nodes",
        }.get(self, self.value.replace("_", " "))


@dataclass(frozen=True, slots=True)
class QuantityRule:
    """``quantity op limit``.

    ``since`` names the facts from which months run: all readings must agree. ``at_limit_gap``
    names the gap that makes a value equal to the limit undecided.
    """

    quantity: Quantity
    op: Op
    limit: float
    since: tuple[str, ...] = ()
    at_limit_gap: str | None = None


@dataclass(frozen=True, slots=True)
class FactRule:
    """A stated fact is one of some values (``negated``: is none of them).

    With ``includes`` the fact is a list of what is known as done, and absence is unknown.
    """

    fact: str
    values: tuple[bool | str, ...]
    includes: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Every:
    """All of some rules."""

    items: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Any of some rules."""

    items: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class CriterionRef:
    """A criterion of the same definition, by id."""

    id: str


Rule: TypeAlias = QuantityRule | FactRule | Every | Some | CriterionRef


class RegionalNodes(StrEnum):
    """How regional lymph nodes count."""

    NOT_COUNTED = "not_counted"
    ALL_AS_ONE = "all_as_one"
    COUNTED = "counted"
    UNCONFIRMED = "unconfirmed"


class ExtraregionalNodes(StrEnum):
    """How extraregional lymph nodes count."""

    PER_LESION = "per_lesion"
    PER_STATION = "per_station"
    UNCONFIRMED = "unconfirmed"


class NodesAsOrgan(StrEnum):
    """Whether counted lymph nodes are an organ of their own."""

    ONE_ORGAN = "one_organ"
    NO_ORGAN = "no_organ"
    UNCONFIRMED = "unconfirmed"


class Supraclavicular(StrEnum):
    """What a supraclavicular node is where the lesion list leaves it open."""

    REGIONAL = "regional"
    EXTRAREGIONAL = "extraregional"
    ASK = "ask"


class Diffuse(StrEnum):
    """What diffuse disease (serosal, leptomeningeal, marrow, effusion) does to a count."""

    NOT_COUNTABLE = "not_countable"


class Unit(StrEnum):
    """What is counted as one. (Sites by shared isocentre or contiguous vertebrae: not yet.)"""

    LESION = "lesion"


class PrimaryTumour(StrEnum):
    """Whether the primary counts. No source read so far counts it."""

    NOT_COUNTED = "not_counted"


class PairedOrgans(StrEnum):
    """How lungs, kidneys, adrenals and ovaries count as organs."""

    ONE_ORGAN = "one_organ"


class NodalSystem(StrEnum):
    """Which map says what is regional."""

    AJCC8 = "AJCC8"
    JES11 = "JES11"
    JES12 = "JES12"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Counting:
    """The counting policy of a definition.

    ``conventions`` names the keys that are rtplan's choice because the source does not state them;
    ``gap`` the gap that stands behind what is ``unconfirmed``.
    """

    unit: Unit
    primary: PrimaryTumour
    regional_nodes: RegionalNodes
    extraregional_nodes: ExtraregionalNodes
    nodes_as_organ: NodesAsOrgan
    nodal_system: NodalSystem
    paired_organs: PairedOrgans
    supraclavicular: Supraclavicular
    diffuse: Diffuse
    conventions: tuple[str, ...]
    citation: Citation
    gap: str | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One statement that is met, not met, or cannot be told.

    ``working_number`` marks a number that the source itself calls a working one. ``own_reading``
    marks a demand that rtplan reads out of the source's wording: a verdict rests on it only where
    it is not met, since without it nothing would be asked.
    """

    id: str
    text: str
    rule: Rule
    citation: Citation
    working_number: bool = False
    own_reading: bool = False


@dataclass(frozen=True, slots=True)
class Arm:
    """A way to fulfil a definition; ``histologies`` empty is for all."""

    id: str
    text: str
    rule: Rule
    histologies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A node of a decision tree; ``yes`` and ``no`` name a question, a state, or ``none``."""

    id: str
    text: str
    rule: Rule
    yes: str
    no: str
    citation: Citation


@dataclass(frozen=True, slots=True)
class Tree:
    """A decision tree: the first question, all questions, and the states with their names.

    ``presupposes`` is what every state takes for granted and no question asks; ``caveat`` stands
    beside every state.
    """

    start: str
    questions: tuple[Question, ...]
    states: tuple[tuple[str, str], ...]
    presupposes: str | None = None
    caveat: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """A statement beside the criteria: a condition of entry, or a step of a pathway.

    ``rule`` says when it holds, if that can be told from facts. It never decides a verdict.
    """

    id: str
    text: str
    citation: Citation
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """What could not be confirmed in the source."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A published definition. ``primaries`` empty is for any solid primary.

    Exactly one of ``arms`` and ``tree`` is given.
    """

    id: str
    title: str
    version: str
    sources: tuple[Source, ...]
    counting: Counting
    criteria: tuple[Criterion, ...]
    arms: tuple[Arm, ...]
    tree: Tree | None
    primaries: tuple[str, ...] = ()
    histologies: tuple[str, ...] = ()
    conditions: tuple[Remark, ...] = ()
    pathways: tuple[Remark, ...] = ()
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()

    def cited(self) -> tuple[Citation, ...]:
        """The citation of every criterion or question."""
        questions = self.tree.questions if self.tree else ()
        criteria = tuple(item.citation for item in self.criteria)
        return criteria + tuple(item.citation for item in questions)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another value that is in print for the same limit."""

    limit: float
    text: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A dose limit of one organ for one number of fractions.

    ``limit`` is in the unit of ``metric``. ``parts`` are structures that together are the organ,
    where it is not drawn as one. ``sides`` says that the organ has a left and a right one, each
    held to the limit. ``label`` is the organ's name in the source where that differs.
    """

    id: str
    structure: str
    metric: Metric
    op: Op
    limit: float
    fractions: int
    citation: Citation
    label: str | None = None
    parts: tuple[str, ...] = ()
    sides: bool = False
    endpoint: str | None = None
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitSet:
    """Dose limits of one source; ``name`` is what a sentence calls it."""

    id: str
    title: str
    name: str
    version: str
    sources: tuple[Source, ...]
    limits: tuple[Limit, ...]
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def fraction_counts(self) -> tuple[int, ...]:
        """The numbers of fractions that the set has limits for, ascending."""
        return tuple(sorted({item.fractions for item in self.limits}))

    def cited(self) -> tuple[Citation, ...]:
        """The citation of every limit."""
        return tuple(item.citation for item in self.limits)
