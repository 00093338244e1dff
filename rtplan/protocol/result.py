"""What an evaluation says: the verdict, each criterion, and what would settle the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from rtplan.protocol.logic import Truth
from rtplan.protocol.model import Citation, Definition, DefinitionKind

OF_DRAWN = "of the lesions drawn"


class Verdict(StrEnum):
    """What a definition says of a case. *Consistent* is never *eligible for treatment*."""

    CONSISTENT = "consistent"
    NOT_CONSISTENT = "not_consistent"
    INDETERMINATE = "indeterminate"
    NOT_APPLICABLE = "not_applicable"

    @property
    def words(self) -> str:
        """As a page or a terminal says it."""
        return {
            Verdict.CONSISTENT: "consistent with the definition",
            Verdict.NOT_CONSISTENT: "not consistent with the definition",
            Verdict.INDETERMINATE: "cannot be told",
            Verdict.NOT_APPLICABLE: "not applicable",
        }[self]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule gives: its truth, and for a leaf the value beside the limit.

    ``what`` names a leaf's quantity or fact in words. ``low`` and ``high`` bound a quantity that is
    not one number. ``counted`` says that it rests on the lesion list, ``policy`` which counting
    rules it depends on.
    """

    truth: Truth
    what: str | None = None
    value: float | bool | str | None = None
    limit: str | None = None
    low: float | None = None
    high: float | None = None
    needs: tuple[str, ...] = ()
    reason: str | None = None
    counted: bool = False
    policy: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The value in a word: a number, a range, yes or no, or a dash."""
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        if isinstance(self.value, str):
            return self.value
        if self.low is None or self.high is None:
            return "–"
        if math.isinf(self.low):
            return "uncountable"
        if self.low == self.high:
            return f"{self.low:.4g}"
        return (
            f"{self.low:.4g} to {self.high:.4g}"
            if math.isfinite(self.high)
            else (f"{self.low:.4g} or more")
        )


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """One criterion (or question of a tree) and what came out. ``decides``: the verdict uses it."""

    id: str
    text: str
    outcome: Outcome
    citation: Citation
    decides: bool = True
    working_number: bool = False
    own_reading: bool = False

    def as_json(self) -> dict[str, object]:
        """The criterion as the contract's JSON object."""
        outcome = self.outcome
        ranged = outcome.low is not None and outcome.low != outcome.high
        return {
            "id": self.id,
            "text": self.text,
            "status": outcome.truth.value,
            "value": _number(outcome.value),
            "range": {"lower": _number(outcome.low), "upper": _number(outcome.high)}
            if ranged
            else None,
            "shown": outcome.shown,
            "limit": outcome.limit,
            "reason": outcome.reason,
            "decides": self.decides,
            "working_number": self.working_number,
            "own_reading": self.own_reading,
            "evidence": self.citation.evidence.value,
            "source": str(self.citation),
            "needs": list(outcome.needs),
        }


@dataclass(frozen=True, slots=True)
class RemarkResult:
    """A condition or a step of a pathway; ``outcome`` is None where it has no rule."""

    id: str
    text: str
    citation: Citation
    outcome: Outcome | None

    def as_json(self) -> dict[str, object]:
        """The remark as a JSON object; ``status`` is null where nothing was evaluated."""
        return {
            "id": self.id,
            "text": self.text,
            "status": self.outcome.truth.value if self.outcome else None,
            "needs": list(self.outcome.needs) if self.outcome else [],
            "evidence": self.citation.evidence.value,
            "source": str(self.citation),
        }


@dataclass(frozen=True, slots=True)
class DefinitionResult:
    """What a definition says of a case.

    Parameters
    ----------
    state : str or None
        The state of a decision tree, where it is determined; ``possible_states`` lists those that
        what is known leaves open.
    arm : str or None
        The arm that was used, where there is one.
    needs : tuple of str
        Facts, lesions or gaps that would settle the verdict.
    rests_on_unverified : tuple of str
        Criteria and counting rules under the verdict that are not verified.
    scope : str or None
        ``"of the lesions drawn"`` where nobody said whether all metastases were drawn.
    score : tuple of int or None
        Fewest and most points, where the definition is a score.
    """

    definition: Definition
    verdict: Verdict
    reason: str
    criteria: tuple[CriterionResult, ...] = ()
    state: str | None = None
    possible_states: tuple[str, ...] = ()
    arm: str | None = None
    needs: tuple[str, ...] = ()
    rests_on_unverified: tuple[str, ...] = ()
    scope: str | None = None
    conditions: tuple[RemarkResult, ...] = ()
    pathways: tuple[RemarkResult, ...] = ()
    notes: tuple[str, ...] = ()
    score: tuple[int, int] | None = None

    @property
    def is_listed(self) -> bool:
        """Whether it is a pathway whose conditions are listed without a verdict."""
        return self.definition.kind is DefinitionKind.PATHWAY and bool(self.criteria)

    @property
    def wording(self) -> str:
        """The verdict in words; a state is a name for the disease, and says so."""
        if self.is_listed:
            return "conditions listed, no verdict"
        if self.state is not None and self.score is not None:
            return "a group of the score"
        if self.state is None or self.definition.tree is None:
            return self.verdict.words
        presupposed = self.definition.tree.presupposes
        return f"a state, if {presupposed}" if presupposed else "a state"

    @property
    def summary(self) -> str:
        """The reason in one line, with its scope and what it rests on that is not verified."""
        parts = [self.scope] if self.scope else []
        parts.append(self.reason)
        if self.rests_on_unverified:
            parts.append(f"not verified: {', '.join(self.rests_on_unverified)}")
        return "; ".join(parts)

    def as_json(self) -> dict[str, object]:
        """The result as the contract's JSON object (rtplan/eligibility/1)."""
        definition = self.definition
        return {
            "id": definition.id,
            "title": definition.title,
            "kind": definition.kind.value,
            "protocol_version": definition.version,
            "extends": list(definition.extends),
            "verdict": self.verdict.value,
            "wording": self.wording,
            "scope": self.scope,
            "state": self.state,
            "possible_states": list(self.possible_states),
            "score": self.score and {"lower": self.score[0], "upper": self.score[1]},
            "arm": self.arm,
            "arm_text": next((a.text for a in definition.arms if a.id == self.arm), None),
            "reason": self.reason,
            "summary": self.summary,
            "needs": list(self.needs),
            "rests_on_unverified": list(self.rests_on_unverified),
            "criteria": [item.as_json() for item in self.criteria],
            "conditions": [item.as_json() for item in self.conditions],
            "pathways": [item.as_json() for item in self.pathways],
            "gaps": [{"id": gap.id, "text": gap.text} for gap in definition.gaps],
            "notes": list(self.notes),
            "sources": [
                {"id": item.id, "reference": item.reference, "text": item.text}
                for item in definition.sources
            ],
        }


def _number(value: float | bool | str | None) -> float | bool | str | None:
    """A number for JSON: whole ones without a point, infinite ones as null."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if value in (float("inf"), float("-inf")):
        return None
    return int(value) if value == int(value) else round(value, 2)
