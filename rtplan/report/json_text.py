"""JSON as text: keys in the order given, lists of plain values on one line, nothing not finite."""

from __future__ import annotations

import json
from collections.abc import Mapping


def dump_json(value: object) -> str:
    """JSON text of a document, with a line end at its end.

    Parameters
    ----------
    value : object
        Mappings, lists, tuples, strings, numbers, booleans, None. A tuple is written as a list.

    Raises
    ------
    ValueError
        A number that is not finite; JSON has none.

    >>> print(dump_json({"a": [1, 2.5], "b": {"c": None}}), end="")
    {
      "a": [1, 2.5],
      "b": {
        "c": null
      }
    }
    """
    return _dump(value, "") + "\n"


def _dump(value: object, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, Mapping) and value:
        items = [f"{inner}{_scalar(str(key))}: {_dump(value[key], inner)}" for key in value]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list | tuple) and value:
        if not any(isinstance(item, Mapping | list | tuple) for item in value):
            return _scalar(value)
        items = [f"{inner}{_dump(item, inner)}" for item in value]
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    return _scalar(value)


def _scalar(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
