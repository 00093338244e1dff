"""Protocol files (TOML) read into definitions and limit sets, each wrong key or value an error.

Built-in files are found by id; a site's own file by its path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path

from rtplan.errors import DVHError, ProtocolError
from rtplan.protocol.facts_file import HISTOLOGIES, SITES, load_facts
from rtplan.protocol.logic import Op
from rtplan.protocol.model import (
    Arm,
    Citation,
    Conflict,
    Counting,
    Criterion,
    Definition,
    Diffuse,
    Evidence,
    ExtraregionalNodes,
    Gap,
    Limit,
    LimitSet,
    NodalSystem,
    NodesAsOrgan,
    PairedOrgans,
    PrimaryTumour,
    Question,
    RegionalNodes,
    Remark,
    Source,
    Supraclavicular,
    Tree,
    Unit,
)
from rtplan.protocol.rules import Names, read_rule, references
from rtplan.protocol.toml_table import Table, nearest, read_toml, unique

__all__ = [
    "Entry",
    "ProtocolKind",
    "available",
    "load",
    "load_definition",
    "load_facts",
    "load_limits",
]

DEFINITION = "rtplan/definition/1"
LIMITS = "rtplan/limits/1"
NO_STATE = "none"
_ID = re.compile(r"[a-z0-9][a-z0-9.\-]*")


class ProtocolKind(StrEnum):
    """What a protocol file holds."""

    DEFINITION = "definition"
    LIMITS = "limits"


@dataclass(frozen=True, slots=True)
class Entry:
    """A built-in protocol: its id, what it holds, and its title."""

    id: str
    kind: ProtocolKind
    title: str


def available() -> tuple[Entry, ...]:
    """The built-in protocols: definitions first, then limits, each by id."""
    found = []
    for path in _built_in():
        root = read_toml(path, name=f"protocols/{path.name}")
        kind = _KINDS[root.choice("schema", _KINDS, required=True) or ""]
        found.append(Entry(root.need("id"), kind, root.need("title")))
    return tuple(sorted(found, key=lambda item: (item.kind.value, item.id)))


def load_definition(id_or_path: str) -> Definition:
    """A definition by id or path; ProtocolError where it is wrong or not there."""
    loaded = load(id_or_path)
    if not isinstance(loaded, Definition):
        raise ProtocolError(f'"{loaded.id}" is a set of dose limits, not a definition')
    return loaded


def load_limits(id_or_path: str) -> LimitSet:
    """A limit set by id or path; ProtocolError where it is wrong or not there."""
    loaded = load(id_or_path)
    if not isinstance(loaded, LimitSet):
        raise ProtocolError(f'"{loaded.id}" is a definition, not a set of dose limits')
    return loaded


def load(id_or_path: str) -> Definition | LimitSet:
    """What a protocol file holds, by its id or path.

    Raises
    ------
    ProtocolError
        No such file or id (with the nearest), or a wrong key or value.

    Examples
    --------
    >>> load("omec-2023").title
    'OMEC: oligometastatic oesophagogastric cancer'
    """
    is_path = id_or_path.endswith(".toml") or "/" in id_or_path or "\\" in id_or_path
    if is_path:
        path = Path(id_or_path)
        root = read_toml(path, name=path.name)
    else:
        known = {path.stem: path for path in _built_in()}
        if id_or_path not in known:
            near = nearest(id_or_path, known)
            hint = f'did you mean "{near}"? ' if near else ""
            raise ProtocolError(
                f'there is no protocol "{id_or_path}"; {hint}There are: '
                f"{', '.join(sorted(known))}; write a file of your own as a path to FILE.toml"
            )
        path = known[id_or_path]
        root = read_toml(path, name=f"protocols/{path.name}")
    kind = _KINDS[root.choice("schema", _KINDS, required=True) or ""]
    return _definition(root) if kind is ProtocolKind.DEFINITION else _limit_set(root)


_KINDS = {DEFINITION: ProtocolKind.DEFINITION, LIMITS: ProtocolKind.LIMITS}


def _built_in() -> list[Path]:
    folder = resources.files("rtplan.protocols")
    return sorted(Path(str(item)) for item in folder.iterdir() if item.name.endswith(".toml"))


def _definition(root: Table) -> Definition:
    primaries, histologies = _applies_to(root)
    sources = _sources(root)
    gaps = _gaps(root)
    names = Names(gaps=[gap.id for gap in gaps])
    criteria = tuple(_criterion(item, sources, names) for item in root.tables("criterion"))
    _ids(root, "criterion")
    arms = _arms(root, Names(gaps=names.gaps, criteria=[item.id for item in criteria]))
    tree_table = root.table("tree")
    tree = _tree(tree_table, sources, names) if tree_table else None
    if bool(arms) == bool(tree):
        root.fail("arm" if not arms else "tree", "a definition has either [[arm]] or [tree]")
    _all_used(root, criteria, arms)
    counting = _counting(root, sources, names)
    definition = Definition(
        id=_id(root),
        title=root.need("title"),
        version=root.need("version"),
        sources=tuple(sources.values()),
        counting=counting,
        criteria=criteria,
        arms=arms,
        tree=tree,
        primaries=primaries,
        histologies=histologies,
        conditions=_remarks(root, "condition", sources, names),
        pathways=_remarks(root, "pathway", sources, names),
        gaps=gaps,
        notes=root.texts("notes"),
    )
    root.done()
    return definition


def _applies_to(root: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    table = root.table("applies_to", required=True) or root
    primaries = table.texts("primaries", options=(*SITES, "any_solid"))
    if not primaries:
        table.fail("primaries", 'is missing; list the primaries, or ["any_solid"]')
    if "any_solid" in primaries:
        if len(primaries) > 1:
            table.fail("primaries", '"any_solid" stands alone')
        primaries = ()
    histologies = table.texts("histologies", options=HISTOLOGIES)
    table.done()
    return primaries, histologies


def _sources(root: Table) -> dict[str, Source]:
    tables = root.tables("source")
    if not tables:
        root.fail("source", "is missing; every protocol names its sources in [[source]]")
    sources: dict[str, Source] = {}
    for table in tables:
        source = Source(
            id=_id(table),
            text=table.need("text"),
            doi=table.text("doi"),
            pmid=table.text("pmid"),
            url=table.text("url"),
        )
        if not (source.doi or source.pmid or source.url):
            table.fail("doi", "is missing; give a doi, a pmid or a url")
        if source.doi and not re.fullmatch(r"10\.\d{4,9}/\S+", source.doi):
            table.fail("doi", f'"{source.doi}" is not a DOI; write it as 10.1016/...')
        if source.id in sources:
            table.fail("id", f'"{source.id}" is used twice; give each its own')
        table.done()
        sources[source.id] = source
    return sources


def _citation(table: Table, sources: dict[str, Source]) -> Citation:
    evidence = table.member("evidence", Evidence)
    source = table.choice("source", sources, required=True) or ""
    return Citation(evidence, sources[source], table.text("place"))


def _gaps(root: Table) -> tuple[Gap, ...]:
    tables = root.tables("gap")
    gaps = tuple(Gap(_id(table), table.need("text")) for table in tables)
    for table in tables:
        table.done()
    _ids(root, "gap")
    return gaps


def _criterion(table: Table, sources: dict[str, Source], names: Names) -> Criterion:
    criterion = Criterion(
        id=_id(table),
        text=table.need("text"),
        rule=read_rule(table, "rule", names),
        citation=_citation(table, sources),
        working_number=bool(table.flag("working_number")),
        own_reading=bool(table.flag("own_reading")),
    )
    table.done()
    return criterion


def _arms(root: Table, names: Names) -> tuple[Arm, ...]:
    arms = []
    for table in root.tables("arm"):
        arms.append(
            Arm(
                id=_id(table),
                text=table.need("text"),
                rule=read_rule(table, "rule", names),
                histologies=table.texts("histologies", options=HISTOLOGIES),
            )
        )
        table.done()
    _ids(root, "arm")
    if len(arms) > 1:
        _check_arms_apart(root, arms)
    return tuple(arms)


def _check_arms_apart(root: Table, arms: list[Arm]) -> None:
    """Several arms are chosen by histology, so each needs its own."""
    seen: set[str] = set()
    for index, arm in enumerate(arms):
        key = f"arm[{index}].histologies"
        if not arm.histologies:
            root.fail(key, "is missing; with several arms each is for some histologies")
        if twice := seen.intersection(arm.histologies):
            root.fail(key, f'"{twice.pop()}" has two arms; use any_of within one')
        seen.update(arm.histologies)


def _all_used(root: Table, criteria: tuple[Criterion, ...], arms: tuple[Arm, ...]) -> None:
    used = {name for arm in arms for name in references(arm.rule)}
    for index, criterion in enumerate(criteria):
        if criterion.id not in used:
            root.fail(f"criterion[{index}].id", f'"{criterion.id}" is used by no arm')


def _tree(table: Table, sources: dict[str, Source], names: Names) -> Tree:
    states = []
    for item in table.tables("state"):
        states.append((item.need("id"), item.need("text")))
        item.done()
    raw = table.tables("question")
    ids = [item.need("id") for item in raw]
    list(unique(zip(raw, ids, strict=True)))
    targets = (*ids, *(name for name, _ in states), NO_STATE)
    questions = []
    for item in raw:
        questions.append(
            Question(
                id=_id(item),
                text=item.need("text"),
                rule=read_rule(item, "rule", names),
                yes=item.choice("yes", targets, required=True) or "",
                no=item.choice("no", targets, required=True) or "",
                citation=_citation(item, sources),
            )
        )
        item.done()
    tree = Tree(
        table.choice("start", ids, required=True) or "",
        tuple(questions),
        tuple(states),
        presupposes=table.text("presupposes"),
        caveat=table.text("caveat"),
    )
    table.done()
    _check_tree(table, tree)
    return tree


def _check_tree(table: Table, tree: Tree) -> None:
    """Every question and state can be reached, and no question leads back to itself."""
    questions = {item.id: item for item in tree.questions}
    reached: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            table.fail("question", f'"{name}" leads back to itself')
        reached.add(name)
        if name in questions:
            walk(questions[name].yes, (*above, name))
            walk(questions[name].no, (*above, name))

    walk(tree.start, ())
    for name in (*questions, *(state for state, _ in tree.states)):
        if name not in reached:
            table.fail("start", f'"{name}" cannot be reached from "{tree.start}"')


def _counting(root: Table, sources: dict[str, Source], names: Names) -> Counting:
    table = root.table("counting", required=True) or root
    gap = table.choice("gap", names.gaps) if "gap" in table else None
    counting = Counting(
        unit=table.member("unit", Unit),
        primary=table.member("primary", PrimaryTumour),
        regional_nodes=table.member("regional_nodes", RegionalNodes),
        extraregional_nodes=table.member("extraregional_nodes", ExtraregionalNodes),
        nodes_as_organ=table.member("nodes_as_organ", NodesAsOrgan),
        nodal_system=table.member("nodal_system", NodalSystem),
        paired_organs=table.member("paired_organs", PairedOrgans),
        supraclavicular=table.member("supraclavicular", Supraclavicular),
        diffuse=table.member("diffuse", Diffuse),
        conventions=table.texts("conventions", options=_POLICIES),
        citation=_citation(table, sources),
        gap=gap,
    )
    for key in _POLICIES:
        if getattr(counting, key).value == "unconfirmed" and gap is None:
            table.fail("gap", f'is missing; "{key}" is unconfirmed, so name the [[gap]] behind it')
    table.done()
    return counting


_POLICIES = (
    "unit", "primary", "regional_nodes", "extraregional_nodes", "nodes_as_organ", "nodal_system",
    "paired_organs", "supraclavicular", "diffuse",
)  # fmt: skip


def _remarks(root: Table, key: str, sources: dict[str, Source], names: Names) -> tuple[Remark, ...]:
    remarks = []
    for table in root.tables(key):
        remarks.append(
            Remark(
                id=_id(table),
                text=table.need("text"),
                citation=_citation(table, sources),
                rule=read_rule(table, "rule", names) if "rule" in table else None,
            )
        )
        table.done()
    _ids(root, key)
    return tuple(remarks)


def _limit_set(root: Table) -> LimitSet:
    sources = _sources(root)
    tables = root.tables("limit")
    if not tables:
        root.fail("limit", "is missing; a limit set has at least one [[limit]]")
    limits = tuple(_limit(table, sources) for table in tables)
    _ids(root, "limit")
    result = LimitSet(
        id=_id(root),
        title=root.need("title"),
        name=root.need("name"),
        version=root.need("version"),
        sources=tuple(sources.values()),
        limits=limits,
        gaps=_gaps(root),
        notes=root.texts("notes"),
    )
    root.done()
    return result


def _limit(table: Table, sources: dict[str, Source]) -> Limit:
    from rtplan.dvh.metrics import parse

    text = table.need("metric")
    try:
        metric = parse(text)
    except DVHError as error:
        table.fail("metric", str(error))
    if str(metric) != text:
        table.fail("metric", f'"{text}" is shorthand; write "{metric}"')
    limit = Limit(
        id=_id(table),
        structure=table.need("structure"),
        metric=metric,
        op=table.member("op", Op),
        limit=_at_least_zero(table),
        fractions=table.whole("fractions", required=True, least=1) or 0,
        citation=_citation(table, sources),
        label=table.text("label"),
        parts=table.texts("parts"),
        sides=bool(table.flag("sides")),
        endpoint=table.text("endpoint"),
        conflicts=tuple(_conflict(item) for item in table.tables("conflict")),
    )
    table.done()
    _check_limit(table, limit)
    return limit


def _at_least_zero(table: Table) -> float:
    value = table.number("limit")
    if value < 0:
        table.fail("limit", f"{value:g} is below 0")
    return value


def _conflict(table: Table) -> Conflict:
    conflict = Conflict(_at_least_zero(table), table.need("text"))
    table.done()
    return conflict


def _check_limit(table: Table, limit: Limit) -> None:
    if limit.op is Op.EQUAL:
        table.fail("op", '"==" is no dose limit; write "<=" or ">="')
    if limit.metric.unit == "%" and limit.limit > 100 and limit.metric.kind.value in ("V", "CV"):
        table.fail("limit", f"{limit.limit:g} % is more than the whole volume")
    strict = limit.op in (Op.AT_MOST, Op.LESS)
    for index, other in enumerate(limit.conflicts):
        if (other.limit < limit.limit) if strict else (other.limit > limit.limit):
            table.fail(
                f"conflict[{index}].limit",
                f"{other.limit:g} is stricter than the limit {limit.limit:g}; "
                "the strictest value is the one that is tested",
            )


def _id(table: Table) -> str:
    name = table.need("id")
    if not _ID.fullmatch(name):
        table.fail("id", f'"{name}": write small letters, digits, "-" and "."')
    return name


def _ids(root: Table, key: str) -> None:
    tables = root.tables(key)
    list(unique((table, table.need("id")) for table in tables))
