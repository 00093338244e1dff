"""Three-valued logic (Kleene): what is unknown never becomes met.

Source: Kleene, Introduction to Metamathematics, section 64, the strong connectives.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from enum import StrEnum


class Truth(StrEnum):
    """Whether a criterion is met, by what is known."""

    MET = "met"
    NOT_MET = "not_met"
    UNKNOWN = "unknown"


class Op(StrEnum):
    """How a value stands to a limit."""

    AT_MOST = "<="
    LESS = "<"
    AT_LEAST = ">="
    MORE = ">"
    EQUAL = "=="

    def holds(self, value: float, limit: float) -> bool:
        """Whether ``value op limit``.

        >>> Op.AT_MOST.holds(3, 3), Op.LESS.holds(3, 3)
        (True, False)
        """
        return bool(_COMPARE[self](value, limit))


_COMPARE = {
    Op.AT_MOST: operator.le,
    Op.LESS: operator.lt,
    Op.AT_LEAST: operator.ge,
    Op.MORE: operator.gt,
    Op.EQUAL: operator.eq,
}


def both(truths: Iterable[Truth]) -> Truth:
    """Conjunction: one that is not met decides.

    >>> both([Truth.UNKNOWN, Truth.NOT_MET]).value, both([Truth.MET, Truth.UNKNOWN]).value
    ('not_met', 'unknown')
    """
    seen = set(truths)
    if Truth.NOT_MET in seen:
        return Truth.NOT_MET
    return Truth.UNKNOWN if Truth.UNKNOWN in seen else Truth.MET


def either(truths: Iterable[Truth]) -> Truth:
    """Disjunction: one that is met decides.

    >>> either([Truth.UNKNOWN, Truth.MET]).value, either([Truth.NOT_MET, Truth.UNKNOWN]).value
    ('met', 'unknown')
    """
    seen = set(truths)
    if Truth.MET in seen:
        return Truth.MET
    return Truth.UNKNOWN if Truth.UNKNOWN in seen else Truth.NOT_MET


def opposite(truth: Truth) -> Truth:
    """Negation: unknown stays unknown."""
    return {Truth.MET: Truth.NOT_MET, Truth.NOT_MET: Truth.MET, Truth.UNKNOWN: Truth.UNKNOWN}[truth]


def compare(
    low: float, high: float, op: Op, limit: float, *, at_limit_decides: bool = True
) -> Truth:
    """Whether ``value op limit`` where the value lies from ``low`` to ``high``.

    Parameters
    ----------
    low, high : float
        Bounds of the value, both possible.
    at_limit_decides : bool, optional
        False where sources differ on a value that equals the limit: it is unknown then.

    Examples
    --------
    >>> compare(3, 5, Op.AT_MOST, 5).value, compare(3, 6, Op.AT_MOST, 5).value
    ('met', 'unknown')
    >>> compare(6, 6, Op.MORE, 6, at_limit_decides=False).value
    'unknown'
    """
    if not at_limit_decides and low <= limit <= high:
        return Truth.UNKNOWN
    if op is Op.EQUAL:
        if low == high == limit:
            return Truth.MET
        return Truth.UNKNOWN if low <= limit <= high else Truth.NOT_MET
    answers = {op.holds(low, limit), op.holds(high, limit)}
    if len(answers) > 1:
        return Truth.UNKNOWN
    return Truth.MET if answers.pop() else Truth.NOT_MET
