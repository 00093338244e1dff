"""What is valid in a protocol file and still likely to be a slip: one sentence each."""

from __future__ import annotations

from collections.abc import Iterator

from rtplan.facts import Facts, PrimaryFacts
from rtplan.lesions.model import LesionCount, LesionReading
from rtplan.protocol.dose_model import LimitSet, PrescriptionSet
from rtplan.protocol.evaluate import evaluate_definition
from rtplan.protocol.facts_file import HISTOLOGIES, SITES
from rtplan.protocol.load import Protocol, ProtocolKind, available, load_limits
from rtplan.protocol.model import Citation, Definition, DefinitionKind
from rtplan.protocol.naming import SIDES, aliases
from rtplan.protocol.result import Verdict
from rtplan.protocol.toml_table import nearest

NO_METASTASIS = LesionReading(LesionCount(0, 0, 0), (), from_path=False)


def lint(loaded: Protocol) -> tuple[str, ...]:
    """What to look at again in a file that was read without an error."""
    if isinstance(loaded, Definition):
        return tuple(_of_definition(loaded))
    if isinstance(loaded, LimitSet):
        return tuple(_of_limits(loaded))
    return tuple(_of_prescriptions(loaded))


def _of_definition(item: Definition) -> Iterator[str]:
    yield from _without_place([(c.id, c.citation) for c in item.criteria])
    remarks = (x.citation for x in (*item.conditions, *item.pathways))
    yield from _sources_unused(item, (*item.cited(), item.counting.citation, *remarks))
    if item.kind is DefinitionKind.DEFINITION and item.arms and not item.metastases_in:
        for histology in _histologies(item):
            primary = PrimaryFacts(site=(item.primaries or SITES)[0], histology=histology)
            result = evaluate_definition(item, NO_METASTASIS, Facts(primary=primary))
            if result.verdict is not Verdict.NOT_CONSISTENT:
                whose = f" (histology: {histology})" if len(_histologies(item)) > 1 else ""
                yield (
                    f"no criterion asks for a metastasis{whose}, so a patient without any may be "
                    'consistent; add { quantity = "metastases", op = ">=", limit = 1 }'
                )


def _histologies(item: Definition) -> tuple[str, ...]:
    """One histology for each arm."""
    first = [arm.histologies[0] for arm in item.arms if arm.histologies]
    return tuple(first) or (*item.histologies[:1],) or HISTOLOGIES[:1]


def _of_limits(item: LimitSet) -> Iterator[str]:
    yield from _without_place([(x.id, x.citation) for x in item.limits])
    yield from _sources_unused(item, item.cited())
    known = _known_structures()
    for limit in item.limits:
        if limit.structure not in known:
            near = nearest(limit.structure, known)
            hint = f'; did you mean "{near}"?' if near else ""
            yield (
                f'{limit.id}: "{limit.structure}" has no synonym, so only a structure of this very '
                f"name matches{hint}"
            )
    seen = set()
    for x in item.limits:
        key = (x.structure, str(x.metric), x.fractions, x.fraction_gy, x.citation.source.id)
        if key in seen:
            yield f"{x.id}: the same metric of the same structure stands twice"
        seen.add(key)


def _of_prescriptions(item: PrescriptionSet) -> Iterator[str]:
    yield from _without_place([(x.id, x.citation) for x in item.prescriptions])
    yield from _sources_unused(item, item.cited())


def _without_place(cited: list[tuple[str, Citation]]) -> Iterator[str]:
    for name, citation in cited:
        if citation.place is None:
            yield f"{name}: no place in the source; write place = (table, page, section)"


def _sources_unused(item: Protocol, cited: tuple[Citation, ...]) -> Iterator[str]:
    used = {citation.source.id for citation in cited}
    for source in item.sources:
        if source.id not in used and not item.extends:
            yield f'the source "{source.id}" is named by no entry'


def _known_structures() -> frozenset[str]:
    """The names that rtplan has synonyms for, and those of its own limits."""
    sets = [load_limits(entry.id) for entry in available() if entry.kind is ProtocolKind.LIMITS]
    own = {limit.structure for item in sets for limit in item.limits}
    named = set(aliases().values())
    bare = {name.removesuffix(f"_{side}") for name in named for side in SIDES}
    return frozenset(own | named | bare)
