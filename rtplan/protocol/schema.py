"""The JSON Schema of protocol files, made from the values that reading them allows.

An editor that knows it completes keys and marks wrong ones. It says what can be said of a key by
itself; what depends on other keys only reading the file tells (``rtplan protocols validate``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum

from rtplan.lesions.model import Organ
from rtplan.protocol.dose_model import Treated
from rtplan.protocol.facts_file import HISTOLOGIES, SITES
from rtplan.protocol.load import DEFINITION, LIMITS, PRESCRIPTIONS
from rtplan.protocol.logic import Op
from rtplan.protocol.model import (
    DefinitionKind,
    Diffuse,
    Evidence,
    ExtraregionalNodes,
    Merging,
    NodalSystem,
    NodesAsOrgan,
    PairedOrgans,
    PrimaryTumour,
    Quantity,
    RegionalNodes,
    Supraclavicular,
    Unit,
)
from rtplan.protocol.read_common import ID
from rtplan.protocol.read_definition import ANY_SOLID, POLICIES
from rtplan.protocol.rules import LIST_FACTS, START_FACTS, TRUTH_FACTS, WORD_FACTS

Json = dict[str, object]

TEXT: Json = {"type": "string", "minLength": 1}
TEXTS: Json = {"type": "array", "items": TEXT, "uniqueItems": True}
FLAG: Json = {"type": "boolean"}
NUMBER: Json = {"type": "number"}
AT_LEAST_ZERO: Json = {"type": "number", "minimum": 0}
COUNT: Json = {"type": "integer", "minimum": 0}
IDENTIFIER: Json = {"type": "string", "pattern": f"^{ID.pattern}$"}
RANGE: Json = {
    "oneOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    ]
}

_POLICY_VALUES: dict[str, type[StrEnum]] = {
    "unit": Unit,
    "primary": PrimaryTumour,
    "regional_nodes": RegionalNodes,
    "extraregional_nodes": ExtraregionalNodes,
    "nodes_as_organ": NodesAsOrgan,
    "nodal_system": NodalSystem,
    "paired_organs": PairedOrgans,
    "supraclavicular": Supraclavicular,
    "diffuse": Diffuse,
    "contiguous_vertebrae": Merging,
    "shared_isocentre": Merging,
}


def schema_text() -> str:
    """The schema as JSON, the same bytes every time."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> Json:
    """The schema of every kind of protocol file (JSON Schema, draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Protocol files of rtplan: definitions, dose limits, prescriptions",
        "oneOf": [_definition(), _limits(), _prescriptions()],
        "$defs": {"rule": _rule()},
    }


def _one_of(values: Iterable[str]) -> Json:
    return {"enum": [str(value) for value in values]}


def _some_of(values: Iterable[str]) -> Json:
    return {"type": "array", "items": _one_of(values), "uniqueItems": True}


def _table(properties: Mapping[str, object], required: Iterable[str] = ()) -> Json:
    table: Json = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if needed := list(required):
        table["required"] = needed
    return table


def _list(properties: Mapping[str, object]) -> Json:
    return {"type": "array", "items": _table(properties)}


def _cited() -> Json:
    return {"evidence": _one_of(Evidence), "source": IDENTIFIER, "place": TEXT}


def _file(
    kind: str, title: str, own: Mapping[str, object], needed: Mapping[str, Iterable[str]]
) -> Json:
    """One kind of file; what is needed is not where it extends another.

    ``needed`` maps the lists of a file to the keys that each entry has to have.
    """
    common = {
        "schema": {"const": kind},
        "id": IDENTIFIER,
        "title": TEXT,
        "version": TEXT,
        "notes": TEXTS,
        "extends": TEXT,
        "remove": {"type": "array", "items": IDENTIFIER, "uniqueItems": True},
        "source": _list({"id": IDENTIFIER, "text": TEXT, "doi": TEXT, "pmid": TEXT, "url": TEXT}),
        "gap": _list({"id": IDENTIFIER, "text": TEXT}),
    }
    entries = {"source": ("id", "text"), "gap": ("id", "text"), **needed}
    whole = {
        "required": ["schema", "id", "title", "version", "source", *_whole_of(kind)],
        "properties": {key: {"items": {"required": list(names)}} for key, names in entries.items()},
    }
    return {
        "title": title,
        **_table({**common, **own}, ("schema", "id", "version")),
        "if": {"not": {"required": ["extends"]}},
        "then": whole,
    }


def _whole_of(kind: str) -> tuple[str, ...]:
    return {
        DEFINITION: ("applies_to", "counting"),
        LIMITS: ("name", "limit"),
        PRESCRIPTIONS: ("name", "prescription"),
    }[kind]


_CITED_KEYS = ("evidence", "source")


def _definition() -> Json:
    rule: Json = {"$ref": "#/$defs/rule"}
    criterion = {
        "id": IDENTIFIER,
        "text": TEXT,
        "rule": rule,
        **_cited(),
        "working_number": FLAG,
        "own_reading": FLAG,
    }
    arm = {"id": IDENTIFIER, "text": TEXT, "rule": rule, "histologies": _some_of(HISTOLOGIES)}
    remark = {"id": IDENTIFIER, "text": TEXT, "rule": rule, **_cited()}
    own = {
        "kind": _one_of(DefinitionKind),
        "applies_to": _table(
            {
                "primaries": _some_of((*SITES, ANY_SOLID)),
                "histologies": _some_of(HISTOLOGIES),
                "metastases_in": _some_of(Organ),
            }
        ),
        "counting": _counting(),
        "criterion": _list(criterion),
        "arm": _list(arm),
        "tree": _tree(rule),
        "score": _score(),
        "condition": _list(remark),
        "pathway": _list(remark),
    }
    needed = {
        "criterion": ("id", "text", *_CITED_KEYS),
        "arm": ("id", "text", "rule"),
        "condition": ("id", "text", *_CITED_KEYS),
        "pathway": ("id", "text", *_CITED_KEYS),
    }
    return _file(DEFINITION, "A definition, a score or a pathway", own, needed)


def _counting() -> Json:
    return _table(
        {
            **{key: _one_of(_POLICY_VALUES[key]) for key in POLICIES},
            "conventions": _some_of(POLICIES),
            "gap": IDENTIFIER,
            **_cited(),
        }
    )


def _tree(rule: Json) -> Json:
    question = {
        "id": IDENTIFIER,
        "text": TEXT,
        "rule": rule,
        "yes": TEXT,
        "no": TEXT,
        **_cited(),
    }
    return _table(
        {
            "start": IDENTIFIER,
            "presupposes": TEXT,
            "caveat": TEXT,
            "question": {
                "type": "array",
                "items": _table(question, [key for key in question if key != "place"]),
            },
            "state": {
                "type": "array",
                "items": _table({"id": TEXT, "text": TEXT}, ("id", "text")),
            },
        },
        ("start", "question", "state"),
    )


def _score() -> Json:
    group = {"id": IDENTIFIER, "text": TEXT, "from": COUNT, "to": COUNT}
    return _table(
        {
            "text": TEXT,
            "points": {"type": "array", "items": IDENTIFIER, "uniqueItems": True},
            "group": {"type": "array", "items": _table(group, group)},
        },
        ("text", "points", "group"),
    )


def _rule() -> Json:
    """A rule: the id of a criterion, or one of the tables of the rule language."""
    rules: Json = {"type": "array", "items": {"$ref": "#/$defs/rule"}, "minItems": 1}
    quantity = {
        "quantity": _one_of(Quantity),
        "op": _one_of(Op),
        "limit": AT_LEAST_ZERO,
        "since": _some_of(START_FACTS),
        "at_limit_gap": IDENTIFIER,
        "in": _some_of(Organ),
        "outside": _some_of(Organ),
        "in_stations": TEXTS,
        "outside_stations": TEXTS,
    }
    words = [
        _table({"fact": {"const": fact}, "one_of": _some_of(values)}, ("fact", "one_of"))
        for fact, values in WORD_FACTS.items()
    ]
    lists = [
        _table({"fact": {"const": fact}, "includes": _one_of(values)}, ("fact", "includes"))
        for fact, values in LIST_FACTS.items()
    ]
    return {
        "oneOf": [
            IDENTIFIER,
            _table(quantity, ("quantity", "op", "limit")),
            _table({"fact": _one_of(TRUTH_FACTS), "is": FLAG}, ("fact", "is")),
            *words,
            *lists,
            _table({"gap": IDENTIFIER}, ("gap",)),
            _table({"all_of": rules}, ("all_of",)),
            _table({"any_of": rules}, ("any_of",)),
            _table({"not": {"$ref": "#/$defs/rule"}}, ("not",)),
        ]
    }


def _limits() -> Json:
    upper_or_lower = [op for op in Op if op is not Op.EQUAL]
    limit = {
        "id": IDENTIFIER,
        "structure": TEXT,
        "label": TEXT,
        "parts": TEXTS,
        "sides": FLAG,
        "metric": TEXT,
        "op": _one_of(upper_or_lower),
        "limit": AT_LEAST_ZERO,
        "optimal": AT_LEAST_ZERO,
        "fractions": {"type": "integer", "minimum": 1},
        "fraction_gy": RANGE,
        "endpoint": TEXT,
        **_cited(),
        "conflict": {
            "type": "array",
            "items": _table({"limit": AT_LEAST_ZERO, "text": TEXT}, ("limit", "text")),
        },
    }
    needed = {"limit": ("id", "structure", "metric", "op", "limit", *_CITED_KEYS)}
    return _file(LIMITS, "Dose limits", {"name": TEXT, "limit": _list(limit)}, needed)


def _prescriptions() -> Json:
    prescription = {
        "id": IDENTIFIER,
        "site": TEXT,
        "lesions": _one_of(Treated),
        "organs": _some_of(Organ),
        "primaries": _some_of(SITES),
        "condition": TEXT,
        "dose_gy": RANGE,
        "fractions": RANGE,
        **_cited(),
    }
    needed = {"prescription": ("id", "site", "lesions", "dose_gy", "fractions", *_CITED_KEYS)}
    own = {"name": TEXT, "prescription": _list(prescription)}
    return _file(PRESCRIPTIONS, "Prescriptions by site", own, needed)
