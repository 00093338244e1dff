"""Definitions, scores and pathways read from their tables, each wrong key or value an error."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from rtplan.lesions.model import Organ
from rtplan.protocol.facts_file import HISTOLOGIES, SITES
from rtplan.protocol.histology import overlap
from rtplan.protocol.model import (
    Arm,
    Counting,
    Criterion,
    Definition,
    DefinitionKind,
    Diffuse,
    ExtraregionalNodes,
    Merging,
    NodalSystem,
    NodesAsOrgan,
    PairedOrgans,
    PrimaryTumour,
    Question,
    RegionalNodes,
    Remark,
    Score,
    ScoreGroup,
    Source,
    Supraclavicular,
    Tree,
    Unit,
)
from rtplan.protocol.read_common import (
    check_ids,
    read_citation,
    read_gaps,
    read_id,
    read_sources,
)
from rtplan.protocol.rules import Names, read_rule, references
from rtplan.protocol.toml_table import Table, unique

NO_STATE = "none"
"""The end of a branch of a tree that names no state."""

ANY_SOLID = "any_solid"
POLICIES = (
    "unit", "primary", "regional_nodes", "extraregional_nodes", "nodes_as_organ", "nodal_system",
    "paired_organs", "supraclavicular", "diffuse", "contiguous_vertebrae", "shared_isocentre",
)  # fmt: skip
"""The keys of a counting policy."""


def read_definition(root: Table, *, extends: tuple[str, ...] = ()) -> Definition:
    """The definition, score or pathway of a file.

    Raises
    ------
    ProtocolError
        A wrong key or value.
    """
    kind = DefinitionKind(root.choice("kind", list(DefinitionKind)) or DefinitionKind.DEFINITION)
    primaries, histologies, organs = _applies_to(root)
    sources = read_sources(root)
    gaps = read_gaps(root)
    names = Names(gaps=[gap.id for gap in gaps])
    needs_rule = kind is DefinitionKind.DEFINITION
    criteria = tuple(
        _criterion(item, sources, names, needs_rule=needs_rule) for item in root.tables("criterion")
    )
    check_ids(root, "criterion")
    arms = _arms(root, Names(gaps=names.gaps, criteria=[item.id for item in criteria]))
    tree_table, score_table = root.table("tree"), root.table("score")
    tree = _tree(tree_table, sources, names) if tree_table else None
    score = _score(score_table, [item.id for item in criteria]) if score_table else None
    _check_kind(root, kind, arms=bool(arms), tree=bool(tree), score=bool(score))
    if kind is DefinitionKind.DEFINITION:
        _check_used(root, criteria, arms)
    counting = _counting(root, sources, names)
    definition = Definition(
        id=read_id(root),
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
        kind=kind,
        score=score,
        metastases_in=organs,
        extends=extends,
    )
    root.done()
    return definition


def _check_kind(root: Table, kind: DefinitionKind, *, arms: bool, tree: bool, score: bool) -> None:
    """What a file of each kind has, and what it does not."""
    if kind is DefinitionKind.DEFINITION and arms == tree:
        root.fail("arm" if not arms else "tree", "a definition has either [[arm]] or [tree]")
    if kind is not DefinitionKind.DEFINITION and (arms or tree):
        root.fail("arm" if arms else "tree", f'has no meaning with kind = "{kind}"')
    if (kind is DefinitionKind.SCORE) != score:
        text = "is missing" if not score else f'has no meaning with kind = "{kind}"'
        root.fail("score", f'{text}; [score] belongs to kind = "score"')
    if kind is DefinitionKind.PATHWAY and not root.tables("criterion"):
        root.fail("criterion", "is missing; a pathway lists its conditions in [[criterion]]")


def _applies_to(root: Table) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Organ, ...]]:
    table = root.table("applies_to", required=True) or root
    primaries = table.texts("primaries", options=(*SITES, ANY_SOLID))
    if not primaries:
        table.fail("primaries", 'is missing; list the primaries, or ["any_solid"]')
    if ANY_SOLID in primaries:
        if len(primaries) > 1:
            table.fail("primaries", '"any_solid" stands alone')
        primaries = ()
    histologies = table.texts("histologies", options=HISTOLOGIES)
    organs = table.texts("metastases_in", options=[item.value for item in Organ])
    table.done()
    return primaries, histologies, tuple(Organ(name) for name in organs)


def _criterion(
    table: Table, sources: dict[str, Source], names: Names, *, needs_rule: bool
) -> Criterion:
    criterion = Criterion(
        id=read_id(table),
        text=table.need("text"),
        rule=read_rule(table, "rule", names) if needs_rule or "rule" in table else None,
        citation=read_citation(table, sources),
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
                id=read_id(table),
                text=table.need("text"),
                rule=read_rule(table, "rule", names),
                histologies=table.texts("histologies", options=HISTOLOGIES),
            )
        )
        table.done()
    check_ids(root, "arm")
    if len(arms) > 1:
        _check_arms_apart(root.tables("arm"), arms)
    return tuple(arms)


def _check_arms_apart(tables: tuple[Table, ...], arms: list[Arm]) -> None:
    """Several arms are chosen by histology, so each needs its own."""
    seen: set[str] = set()
    for table, arm in zip(tables, arms, strict=True):
        if not arm.histologies:
            table.fail("histologies", "is missing; with several arms each is for some histologies")
        for name in arm.histologies:
            if overlap([name], seen):
                table.fail("histologies", f'"{name}" has two arms; use any_of within one')
        seen.update(arm.histologies)


def _check_used(root: Table, criteria: tuple[Criterion, ...], arms: tuple[Arm, ...]) -> None:
    used = {name for arm in arms for name in references(arm.rule)}
    for table, criterion in zip(root.tables("criterion"), criteria, strict=True):
        if criterion.id not in used:
            table.fail("id", f'"{criterion.id}" is used by no arm')


def _score(table: Table, criteria: list[str]) -> Score:
    points = table.texts("points", options=criteria)
    if not points:
        table.fail("points", "is missing; list the criteria that give a point each")
    groups = []
    for item in table.tables("group"):
        low, high = (item.whole(key, required=True) or 0 for key in ("from", "to"))
        groups.append(ScoreGroup(read_id(item), item.need("text"), low, high))
        expected = groups[-2].high + 1 if len(groups) > 1 else 0
        if low != expected:
            item.fail("from", f"{low} leaves a hole or overlaps; expected {expected}")
        if high < low:
            item.fail("to", f"{high} is below {low}")
        item.done()
    check_ids(table, "group")
    if not groups or groups[-1].high != len(points):
        table.fail("group", f"the last group ends at the highest score, {len(points)}")
    score = Score(table.need("text"), points, tuple(groups))
    table.done()
    return score


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
                id=read_id(item),
                text=item.need("text"),
                rule=read_rule(item, "rule", names),
                yes=item.choice("yes", targets, required=True) or "",
                no=item.choice("no", targets, required=True) or "",
                citation=read_citation(item, sources),
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
    ways = {item.id: (item.yes, item.no) for item in tree.questions}
    try:
        TopologicalSorter(ways).prepare()
    except CycleError as error:
        table.fail("question", f'"{error.args[1][0]}" leads back to itself')
    reached, waiting = {tree.start}, [tree.start]
    while waiting:
        ahead = [name for name in ways.get(waiting.pop(), ()) if name not in reached]
        reached.update(ahead)
        waiting.extend(ahead)
    for name in (*ways, *(state for state, _ in tree.states)):
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
        conventions=table.texts("conventions", options=POLICIES),
        citation=read_citation(table, sources),
        gap=gap,
        contiguous_vertebrae=_merging(table, "contiguous_vertebrae"),
        shared_isocentre=_merging(table, "shared_isocentre"),
    )
    for key in POLICIES:
        if getattr(counting, key).value == "unconfirmed" and gap is None:
            table.fail("gap", f'is missing; "{key}" is unconfirmed, so name the [[gap]] behind it')
    merging = {"contiguous_vertebrae", "shared_isocentre"}.intersection(table.keys())
    if counting.unit is Unit.LESION and merging:
        table.fail(min(merging), 'has no meaning with unit = "lesion"; write unit = "site"')
    table.done()
    return counting


def _merging(table: Table, key: str) -> Merging:
    """A key that only sites need; where it is absent each lesion stands for itself."""
    return table.member(key, Merging) if key in table else Merging.EACH


def _remarks(root: Table, key: str, sources: dict[str, Source], names: Names) -> tuple[Remark, ...]:
    remarks = []
    for table in root.tables(key):
        remarks.append(
            Remark(
                id=read_id(table),
                text=table.need("text"),
                citation=read_citation(table, sources),
                rule=read_rule(table, "rule", names) if "rule" in table else None,
            )
        )
        table.done()
    check_ids(root, key)
    return tuple(remarks)
