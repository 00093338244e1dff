"""The text files that rtplan reads, broken: facts, dose limits, definitions, lists of lesions."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from importlib import resources

from tests.fuzz.base import FACTS, limits_text
from tests.fuzz.bytewise import mangle

LESIONS = """\
{"schema": "rtplan/lesions/1",
 "count": {"lower": 1, "best": 2, "upper": 2},
 "lesions": [
  {"id": "L1", "category": "organ_metastasis", "organ": "lung", "laterality": "left",
   "centroid_mm": [1.5, -2, 3e1], "volume_cc": 1.25, "longest_diameter_mm": 14.0,
   "structures": [{"number": 1, "name": "GTV1"}], "reason": "drawn"},
  {"id": "L2", "category": "extraregional_node", "organ": "lymph_node", "station": "LN_Neck_4",
   "short_axis_mm": 11, "volume_cc": 0.5}]}
"""
COMMANDS: dict[str, tuple[str, list[str]]] = {
    "facts": ("facts.toml", ["eligibility", "--lesions", "{kept}", "--all", "--facts", "{file}"]),
    "lesions": ("lesions.json", ["eligibility", "--lesions", "{file}", "--all"]),
    "limits": ("limits.toml", ["protocols", "validate", "{file}"]),
    "definition": ("definition.toml", ["protocols", "show", "{file}"]),
}
"""By kind of file: its name, and the command that reads it."""
VALUES = (
    *(
        "nan",
        "inf",
        "-inf",
        "NaN",
        "Infinity",
        "-1",
        "0",
        "1e999",
        "-0.0",
        "true",
        "null",
        '""',
        "[]",
    ),
    *("{}", "9" * 5000, "1e-400", "2024-02-30", "0001-01-01", "07:32:00", '"=1+1"', '"\\u0000"'),
    *("[" * 3000, '{"a":' * 3000, "'''", '"\\ud800"', "0x7fffffffffffffff", "9223372036854775808"),
)


@cache
def sound(kind: str) -> str:
    """The sound text of a kind of file."""
    if kind == "definition":
        folder = resources.files("rtplan.protocols")
        return folder.joinpath("omec-2023.toml").read_text(encoding="utf-8")
    return {"facts": FACTS, "lesions": LESIONS, "limits": limits_text()}[kind]


def broken(kind: str, seed: int) -> bytes:
    """A text broken by a seed: a value or a line changed, or bytes."""
    draw = random.Random(f"{kind} {seed}")
    text = sound(kind)
    way: Callable[[str, random.Random], str] = draw.choice([_value, _value, _line, _key])
    for _ in range(draw.choice([1, 1, 2])):
        text = way(text, draw)
    content = text.encode("utf-8", "surrogatepass")
    return mangle(content, seed) if draw.random() < 0.4 else content


def _value(text: str, draw: random.Random) -> str:
    """One value of JSON or TOML replaced."""
    mark = ": " if text.startswith("{") else " = "
    parts = text.split(mark)
    at = draw.randrange(1, len(parts))
    ends = [n for n in (parts[at].find(end) for end in (",", "}", "\n")) if n >= 0]
    parts[at] = draw.choice(VALUES) + parts[at][min(ends, default=0) :]
    return mark.join(parts)


def _line(text: str, draw: random.Random) -> str:
    """One line taken out, put in twice or moved."""
    lines = text.splitlines(keepends=True)
    line = lines.pop(draw.randrange(len(lines)))
    for _ in range(draw.choice([0, 1, 2])):
        lines.insert(draw.randrange(len(lines) + 1), line)
    return "".join(lines)


def _key(text: str, draw: random.Random) -> str:
    """One word replaced by another of the text, or made very deep."""
    words = sorted({word.strip('":,[]{}') for word in text.split()} - {""})
    new = draw.choice([*words, "a" + ".b" * 2000, "", "x" * 10_000])
    return text.replace(draw.choice(words), new, draw.choice([1, -1]))
