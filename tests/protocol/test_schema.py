"""The published schema: it is the one the code makes, and knows every key that reading asks for."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from rtplan.protocol import toml_table
from rtplan.protocol.load import available, load
from rtplan.protocol.schema import schema, schema_text

from .test_extend import DEFINITION as EXTENDING
from .test_load import DEFINITION, LIMITS, PRESCRIPTIONS

PUBLISHED = Path(__file__).parents[2] / "docs" / "protocol.schema.json"
RULE_KEYS = {"fact", "gap", "is", "one_of", "includes", "all_of", "any_of", "not", "quantity"}


def test_published_schema_is_the_one_of_the_code() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text()


def _properties(node: Mapping[str, Any], path: str = "") -> dict[str, set[str]]:
    """The keys of every table by its path, lists without their index."""
    found: dict[str, set[str]] = {path: set(node["properties"])}
    for key, value in node["properties"].items():
        inner = value.get("items", value)
        for table in (inner, *inner.get("oneOf", ())):
            if isinstance(table, dict) and "properties" in table:
                found.update(_properties(table, f"{path}.{key}".strip(".")))
    return found


def test_schema_has_the_keys_that_reading_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the reading knows and the schema does not, or the other way, fails here."""
    asked: dict[str, dict[str, set[str]]] = {}
    done = toml_table.Table.done

    def recording(table: toml_table.Table, **kwargs: Any) -> None:
        place = re.sub(r"\[[^\]]*\]", "", table.at)
        keys = set(table._asked)
        if ".rule" not in f".{place}":
            schema_name = current["schema"]
            asked.setdefault(schema_name, {}).setdefault(place, set()).update(keys)
        done(table, **kwargs)

    current = {"schema": ""}
    monkeypatch.setattr(toml_table.Table, "done", recording)
    for entry in available():
        file = resources.files("rtplan.protocols") / f"{entry.id}.toml"
        current["schema"] = tomllib.loads(file.read_text(encoding="utf-8"))["schema"]
        load(entry.id)
    own: Any = schema()
    for node in own["oneOf"]:
        name = node["properties"]["schema"]["const"]
        told = _properties(node)
        for place, keys in asked[name].items():
            extra = {"extends", "remove"} if place == "" else set()
            assert told[place] - extra == keys - extra, f"{name} {place}"


def test_rule_tables_of_the_schema_are_those_of_the_reading() -> None:
    from rtplan.protocol import rules

    own: Any = schema()
    tables = [item for item in own["$defs"]["rule"]["oneOf"] if "properties" in item]
    first = {next(iter(item["properties"])) for item in tables}
    assert first == set(rules._LEAF_KEYS)
    (quantity,) = [item for item in tables if "quantity" in item["properties"]]
    known = {"quantity", "op", "limit", "since", "at_limit_gap"}
    assert set(quantity["properties"]) == known | {
        "in",
        "outside",
        "in_stations",
        "outside_stations",
    }


def test_files_of_the_package_and_of_sites_are_valid_by_the_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(schema_text()))
    texts = {
        entry.id: (resources.files("rtplan.protocols") / f"{entry.id}.toml").read_text("utf-8")
        for entry in available()
    }
    texts |= {"site": DEFINITION, "site limits": LIMITS, "extending": EXTENDING}
    texts["site prescriptions"] = PRESCRIPTIONS
    for name, text in texts.items():
        problems = [problem.message for problem in validator.iter_errors(tomllib.loads(text))]
        assert not problems, name
    for old, new in (
        ("limit = 5", "limit = 5\nmore = 1"),
        ('"not_counted"', '"none"'),
        ('op = "<="', 'op = "=<"'),
        ("[[source]]", "[[sources]]"),
    ):
        broken = tomllib.loads(DEFINITION.replace(old, new).replace("\nmore = 1 }", ", more = 1 }"))
        assert list(validator.iter_errors(broken)), new
    broken = tomllib.loads(PRESCRIPTIONS.replace('lesions = "metastases"\n', ""))
    assert list(validator.iter_errors(broken))
