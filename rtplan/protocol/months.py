"""Intervals in calendar months, as published definitions count them."""

from __future__ import annotations

import calendar
from datetime import date


def months_between(start: date, end: date) -> float:
    """Calendar months from one day to another, with the part of the last one; negative if earlier.

    A month ends on the same day of the next month, or on its last day where it is shorter.

    >>> months_between(date(2024, 1, 15), date(2024, 7, 15))
    6.0
    >>> months_between(date(2024, 8, 31), date(2025, 2, 28))
    6.0
    >>> months_between(date(2024, 3, 1), date(2024, 2, 1))
    -1.0
    """
    if end < start:
        return -months_between(end, start)
    whole = (end.year - start.year) * 12 + end.month - start.month
    if _later(start, whole) > end:
        whole -= 1
    begun, due = _later(start, whole), _later(start, whole + 1)
    return whole + (end - begun).days / (due - begun).days


def _later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
