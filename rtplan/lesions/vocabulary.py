"""The vocabulary: words of structure names with their meanings, read from data files.

A word is matched against the pieces of a name (``pieces.pieces``): whole, or open at an end where
it has a ``*``. Where words overlap the longest wins; words of equal span all hold.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from rtplan.lesions.model import Organ
from rtplan.lesions.pieces import Piece, fold_word, pieces

_SHORT = 3  # words this short match one piece only, never letters gathered from several
_LONGEST = 8  # pieces that one word may span


@dataclass(frozen=True, slots=True)
class Part:
    """An organ or a part of one, by name; fields as in ``organs.toml``."""

    words: tuple[str, ...]
    organ: Organ | None = None
    site: str | None = None
    near: tuple[str, ...] = ()
    whole_cc: float | None = None
    paired: bool = False
    overlap: bool = True


@dataclass(frozen=True, slots=True)
class Station:
    """What is known of a nodal station; ``region`` is regional, extraregional or ask.

    ``group`` says that the name holds several stations and so tells none of them. ``subsites``
    are remarks that hold for a primary of one subsite.
    """

    name: str
    region: str
    evidence: str
    source: str
    group: bool = False
    subsites: tuple[tuple[str, str], ...] = ()

    def remark(self, subsite: str | None) -> str:
        """What is said of the station for a primary of a subsite; empty where nothing is."""
        return dict(self.subsites).get(subsite or "", "")


@dataclass(frozen=True, slots=True)
class Likeness:
    """A primary site of some subsites that is read by another site's list of stations."""

    site: str
    subsites: tuple[str, ...]
    like: str
    source: str


@dataclass(frozen=True, slots=True)
class Word:
    """One meaning of a word: its table (``kind.node``, ``organ``, ...) and what it stands for."""

    table: str
    text: str
    part: Part | None = None
    station: Station | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A word found in a name, at pieces ``start`` to ``end`` (exclusive)."""

    start: int
    end: int
    found: str
    word: Word


@dataclass(slots=True, eq=False)
class Vocabulary:
    """All words: whole ones by text; those open at the end, the start, or both, as lists.

    ``roles`` are whole names whose role a site has settled.
    """

    whole: dict[str, list[Word]] = field(default_factory=dict)
    begins: dict[str, list[Word]] = field(default_factory=dict)
    ends: list[tuple[str, Word]] = field(default_factory=list)
    within: list[tuple[str, Word]] = field(default_factory=list)
    stems: tuple[tuple[str, str], ...] = ()
    suffixes: dict[str, str] = field(default_factory=dict)
    before: frozenset[str] = frozenset()
    joined: frozenset[str] = frozenset()
    minus: frozenset[str] = frozenset()
    minus_volume: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    qualifiers: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()
    numbered: dict[str, dict[str, Station]] = field(default_factory=dict)
    systems: tuple[tuple[str, str], ...] = ()
    primaries: tuple[str, ...] = ()
    alike: tuple[Likeness, ...] = ()
    roles: dict[str, str] = field(default_factory=dict)

    def add(self, alias: str, word: Word) -> None:
        """Add an alias of a word."""
        text = fold_word(alias.strip("*"))
        if alias.startswith("*") and alias.endswith("*"):
            self.within.append((text, word))
        elif alias.startswith("*"):
            self.ends.append((text, word))
        elif alias.endswith("*"):
            self.begins.setdefault(text, []).append(word)
        else:
            self.whole.setdefault(text, []).append(word)

    def find(self, name: tuple[Piece, ...]) -> tuple[Match, ...]:
        """Words in a name; of overlapping ones the longest, ties all, in order of position."""
        texts = [piece.text for piece in name]
        candidates = [m for start in range(len(texts)) for m in self._from(texts, start)]
        candidates.sort(key=lambda m: (-len(m.found), m.start))
        taken: dict[int, tuple[int, int]] = {}
        kept = []
        for match in candidates:
            span = (match.start, match.end)
            if all(taken.get(i, span) == span for i in range(*span)):
                taken.update(dict.fromkeys(range(*span), span))
                kept.append(match)
        return tuple(sorted(kept, key=lambda m: m.start))

    def _from(self, texts: list[str], start: int) -> list[Match]:
        found = []
        for end in range(start + 1, min(start + _LONGEST, len(texts)) + 1):
            joined = "".join(texts[start:end])
            alone = end == start + 1
            wide = alone or len(joined) > _SHORT or not joined.isascii() or not joined.isalpha()
            words = list(self.whole.get(joined, ())) if wide else []
            # Of the last piece: axil lymph is no axill*.
            least = 1 if alone else min(_SHORT, len(texts[end - 1]))
            for length in range(len(joined) - len(texts[end - 1]) + least, len(joined) + 1):
                if alone or length > _SHORT:
                    words += self.begins.get(joined[:length], ())
            if not alone:
                letters = {t for t in texts[start:end] if len(t) == 1 and t.isascii()}
                words = [word for word in words if letters <= _texts(word.text)]
            if alone:
                words += [w for text, w in self.ends if joined.endswith(text)]
                words += [w for text, w in self.within if text in joined]
            found += [Match(start, end, joined, word) for word in _most_specific(words)]
        return found

    def part_of(self, organ: Organ) -> Part:
        """The first part that is said of an organ."""
        words = (word for found in self.whole.values() for word in found)
        return next(w.part for w in words if w.part is not None and w.part.organ is organ)


def _texts(alias: str) -> set[str]:
    return {piece.text for piece in pieces(alias)}


def _most_specific(words: list[Word]) -> list[Word]:
    """Words without the organs that only begin like a longer one: darm* beside darmbein*."""
    longest = max((len(word.text) for word in words if word.part), default=0)
    return [word for word in words if not word.part or len(word.text) == longest]


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary that comes with rtplan."""
    book = Vocabulary()
    _add_words(book, _read("words.toml"))
    _add_organs(book, _read("organs.toml"))
    _add_stations(book, _read("stations.toml"))
    return book


def _read(name: str) -> dict[str, object]:
    text = resources.files("rtplan.lesions").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _table(data: dict[str, object], key: str) -> dict[str, object]:
    value = data.get(key, {})
    return value if isinstance(value, dict) else {}


def _rows(data: dict[str, object], key: str) -> list[dict[str, object]]:
    value = data.get(key, [])
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _add_words(book: Vocabulary, data: dict[str, object]) -> None:
    for name in sorted(data.keys() - {"stem", "suffix", "qualifier", "schema"}):
        for key, aliases in _table(data, name).items():
            if key in ("minus", "minus_volume", "shared", "within"):
                continue
            table = name if key == "words" else f"{name}.{key}"
            for alias in _strings(aliases):
                book.add(alias, Word(table, alias))
    targets = dict(_table(data, "stem"))
    book.before = frozenset(_strings(targets.pop("before", [])))
    stems = [(fold_word(a), key) for key, v in targets.items() for a in _strings(v)]
    book.stems = tuple(sorted(stems, key=lambda item: (-len(item[0]), item[0])))
    suffixes = dict(_table(data, "suffix"))
    book.joined = frozenset(_strings(suffixes.pop("joined", [])))
    for key, value in suffixes.items():
        book.suffixes.update(dict.fromkeys(_strings(value), key))
    book.qualifiers = frozenset(_strings(_table(data, "qualifier").get("words")))
    helper = _table(data, "helper")
    book.minus = frozenset(map(fold_word, _strings(helper.get("minus"))))
    book.minus_volume = frozenset(map(fold_word, _strings(helper.get("minus_volume"))))
    book.shared = frozenset(map(fold_word, _strings(helper.get("shared"))))
    book.inside = frozenset(map(fold_word, _strings(helper.get("within"))))


def _add_organs(book: Vocabulary, data: dict[str, object]) -> None:
    for row in _rows(data, "part"):
        organ, site, whole = row.get("organ"), row.get("site"), row.get("whole_cc")
        part = Part(
            words=_strings(row["words"]),
            organ=None if organ is None else Organ(str(organ)),
            site=None if site is None else str(site),
            near=_strings(row.get("near")),
            whole_cc=float(whole) if isinstance(whole, int | float) else None,
            paired=bool(row.get("paired", False)),
            overlap=bool(row.get("overlap", True)),
        )
        for alias in part.words:
            book.add(alias, Word("organ", alias, part=part))


def _add_stations(book: Vocabulary, data: dict[str, object]) -> None:
    book.primaries = _strings(data.get("primaries", []))
    book.alike = tuple(
        Likeness(
            site=str(row["site"]),
            subsites=_strings(row["subsites"]),
            like=str(row["like"]),
            source=str(row["source"]),
        )
        for row in _rows(data, "alike")
    )
    systems = [(a, name) for name, v in _table(data, "systems").items() for a in _strings(v)]
    book.systems = tuple(sorted(systems, key=lambda item: -len(item[0])))
    for row in _rows(data, "numbered"):
        system = str(row["system"])
        for number in _strings(row["numbers"]):
            station = _station(f"{system}:{number}", row)
            book.numbered.setdefault(system, {})[number.lower()] = station
    for row in _rows(data, "named"):
        station = _station(str(row["name"]), row)
        for alias in _strings(row["words"]):
            book.add(alias, Word("station", alias, station=station))


def _station(name: str, row: dict[str, object]) -> Station:
    return Station(
        name,
        str(row["region"]),
        str(row["evidence"]),
        str(row["source"]),
        group=row.get("group") is True,
        subsites=tuple((key, str(text)) for key, text in _table(row, "subsite").items()),
    )
