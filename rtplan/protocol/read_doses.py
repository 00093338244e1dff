"""Dose limits and prescriptions read from their tables, each wrong key or value an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from rtplan.dvh.metrics import Metric, parse
from rtplan.errors import DVHError
from rtplan.lesions.model import Organ
from rtplan.protocol.dose_model import (
    Conflict,
    Limit,
    LimitSet,
    Prescription,
    PrescriptionSet,
    Treated,
)
from rtplan.protocol.facts_file import SITES
from rtplan.protocol.logic import Op
from rtplan.protocol.model import Source
from rtplan.protocol.read_common import (
    check_ids,
    read_citation,
    read_gaps,
    read_id,
    read_sources,
)
from rtplan.protocol.toml_table import Table

T = TypeVar("T")


def read_limit_set(root: Table, *, extends: tuple[str, ...] = ()) -> LimitSet:
    """The dose limits of a file; ProtocolError for a wrong key or value."""
    sources = read_sources(root)
    limits = _entries(root, "limit", _limit, sources)
    return LimitSet(limits=limits, extends=extends, **_head(root, sources))


def read_prescription_set(root: Table, *, extends: tuple[str, ...] = ()) -> PrescriptionSet:
    """The prescriptions of a file; ProtocolError for a wrong key or value."""
    sources = read_sources(root)
    prescriptions = _entries(root, "prescription", _prescription, sources)
    return PrescriptionSet(prescriptions=prescriptions, extends=extends, **_head(root, sources))


def _entries(
    root: Table, key: str, read: Callable[[Table, dict[str, Source]], T], sources: dict[str, Source]
) -> tuple[T, ...]:
    """The entries of the one list that the file is for; at least one."""
    tables = root.tables(key)
    if not tables:
        root.fail(key, f"is missing; there is at least one [[{key}]]")
    entries = tuple(read(table, sources) for table in tables)
    check_ids(root, key)
    return entries


def _head(root: Table, sources: dict[str, Source]) -> dict[str, Any]:
    """What both kinds of set have beside their entries; the last that is read of the file."""
    head = {
        "id": read_id(root),
        "title": root.need("title"),
        "name": root.need("name"),
        "version": root.need("version"),
        "sources": tuple(sources.values()),
        "gaps": read_gaps(root),
        "notes": root.texts("notes"),
    }
    root.done()
    return head


def _limit(table: Table, sources: dict[str, Source]) -> Limit:
    limit = Limit(
        id=read_id(table),
        structure=table.need("structure"),
        metric=_metric(table),
        op=table.member("op", Op),
        limit=_at_least_zero(table, "limit"),
        fractions=table.whole("fractions", least=1),
        citation=read_citation(table, sources),
        label=table.text("label"),
        parts=table.texts("parts"),
        sides=bool(table.flag("sides")),
        endpoint=table.text("endpoint"),
        conflicts=tuple(_conflict(item) for item in table.tables("conflict")),
        fraction_gy=_range(table, "fraction_gy") if "fraction_gy" in table else None,
        optimal=_at_least_zero(table, "optimal") if "optimal" in table else None,
    )
    table.raw("fraction_gy")
    table.raw("optimal")
    if limit.fractions is None and limit.fraction_gy is None:
        table.raw("fractions", required=True)
    if limit.fractions is not None and limit.fraction_gy is not None:
        table.fail("fraction_gy", "is given beside fractions; a limit is for one of them")
    table.done()
    _check_limit(table, limit)
    return limit


def _metric(table: Table) -> Metric:
    text = table.need("metric")
    try:
        metric = parse(text)
    except DVHError as error:
        table.fail("metric", str(error))
    if str(metric) != text:
        table.fail("metric", f'"{text}" is shorthand; write "{metric}"')
    return metric


def _range(table: Table, key: str) -> tuple[float, float]:
    """A number above 0, or the lowest and the highest of a range."""
    value = table.raw(key, required=True)
    if not isinstance(value, list):
        low = high = table.number(key)
    elif len(value) == 2:
        ends = Table({f"{key}[{i}]": x for i, x in enumerate(value)}, file=table.file, at=table.at)
        low, high = (ends.number(f"{key}[{i}]") for i in range(2))
    else:
        table.fail(key, "is not a range; write [lowest, highest]")
    if not 0 < low <= high:
        table.fail(key, f"{low:g} to {high:g} is no range above 0")
    return low, high


def _at_least_zero(table: Table, key: str) -> float:
    value = table.number(key)
    if value < 0:
        table.fail(key, f"{value:g} is below 0")
    return value


def _conflict(table: Table) -> Conflict:
    conflict = Conflict(_at_least_zero(table, "limit"), table.need("text"))
    table.done()
    return conflict


def _check_limit(table: Table, limit: Limit) -> None:
    if limit.op is Op.EQUAL:
        table.fail("op", '"==" is no dose limit; write "<=" or ">="')
    if limit.metric.unit == "%" and limit.limit > 100 and limit.metric.kind.value in ("V", "CV"):
        table.fail("limit", f"{limit.limit:g} % is more than the whole volume")
    upper = limit.op in (Op.AT_MOST, Op.LESS)
    optimal, tested = limit.optimal, limit.limit
    if optimal is not None and not (optimal < tested if upper else optimal > tested):
        table.fail("optimal", f"{optimal:g} is not stricter than the limit {tested:g}")
    for index, other in enumerate(limit.conflicts):
        if (other.limit < limit.limit) if upper else (other.limit > limit.limit):
            table.fail(
                f"conflict[{index}].limit",
                f"{other.limit:g} is stricter than the limit {limit.limit:g}; "
                "the strictest value is the one that is tested",
            )


def _prescription(table: Table, sources: dict[str, Source]) -> Prescription:
    low, high = _range(table, "fractions")
    if low != int(low) or high != int(high):
        table.fail("fractions", f"{low:g} to {high:g} are not whole numbers")
    if "lesions" not in table:
        table.fail("lesions", 'is missing; write "metastases" or "primary", what the dose was for')
    organs = table.texts("organs", options=[item.value for item in Organ])
    prescription = Prescription(
        id=read_id(table),
        site=table.need("site"),
        lesions=table.member("lesions", Treated),
        dose_gy=_range(table, "dose_gy"),
        fractions=(int(low), int(high)),
        citation=read_citation(table, sources),
        organs=tuple(Organ(name) for name in organs),
        primaries=table.texts("primaries", options=SITES),
        condition=table.text("condition"),
    )
    table.done()
    if prescription.lesions is Treated.PRIMARY:
        if not prescription.primaries:
            table.fail("primaries", 'is missing; with lesions = "primary" write where it is')
        if prescription.organs:
            table.fail("organs", 'has no meaning with lesions = "primary"; write primaries')
    return prescription
