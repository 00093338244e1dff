"""What a structure's name says, word by word, before its type and geometry are asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from rtplan.lesions.model import Organ
from rtplan.lesions.pieces import Piece, fold, pieces
from rtplan.lesions.vocabulary import Match, Part, Station, Vocabulary, vocabulary


class Stem(StrEnum):
    """What kind of volume a name begins with, from the innermost outwards."""

    GROSS = "gross"
    INTERNAL = "internal"
    CLINICAL = "clinical"
    PLANNING = "planning"


class Kind(StrEnum):
    """What a name says of the tumour itself."""

    PRIMARY = "primary"
    NODE = "node"
    METASTASIS = "metastasis"
    LESION = "lesion"


@dataclass(frozen=True, slots=True)
class NameReading:
    """A name, read. ``words`` maps each table of the vocabulary to the words found of it.

    ``label`` is the lesion's number or letter (``1``, ``1a``); ``subtracts`` says that the name is
    a volume without another (``Lungs-GTV``), ``cropped`` that the first of them is a target;
    ``expanded`` that it is one with a margin. ``number`` may be a dose in Gy or a label: the names
    beside it tell. ``level`` is a vertebra (``t8``). ``maybe_primary`` says that a letter or a word
    may stand for the primary. ``rivals`` are the organs where the name tells more than one.
    """

    name: str
    stem: Stem | None = None
    kind: Kind | None = None
    label: str | None = None
    laterality: str | None = None
    part: Part | None = None
    part_word: str | None = None
    rivals: tuple[Part, ...] = ()
    level: str | None = None
    maybe_primary: bool = False
    station: Station | None = None
    bare_station: str | None = None
    region: str | None = None
    variants: frozenset[str] = frozenset()
    phase: str | None = None
    phase_like: bool = False
    number: int | None = None
    words: dict[str, str] = field(default_factory=dict)
    left_over: tuple[str, ...] = ()
    subtracts: bool = False
    cropped: bool = False
    expanded: bool = False
    not_for_evaluation: bool = False
    dose_only: bool = False

    def has(self, table: str) -> str | None:
        """The word of a table of the vocabulary that the name holds."""
        return self.words.get(table)

    @property
    def is_union(self) -> bool:
        """Whether the name says that several lesions are in it."""
        return "union" in self.words

    @property
    def organ(self) -> Organ | None:
        """The organ that the name tells; None where it tells two."""
        return self.part.organ if self.part and not self.rivals else None

    @property
    def mark(self) -> str | None:
        """What tells the lesion from its like: its number, or its vertebra."""
        return self.label or self.level


_DOSE = re.compile(
    r"\d+(?:[.,p]\d+)?\s*_?c?gy(?![a-z])|(?<!\d)\d{4,5}(?:x\d+)?(?!\d)|\d+x\d+", re.I
)
_ISODOSE = re.compile(
    r"^\W*(?:id|ids|isodose|dose)?[\s_]*\d+(?:[.,p]\d+)?[\s_]*(?:c?gy|%).*$", re.I
)
_PHASE = re.compile(
    r"(?<![a-z\d])(?:t(?:[1-9]?0|00)(?!\d)|(?:ph|phase)?\s*\d{1,3}\s*%|0{2}(?!\d))", re.I
)
_PHASE_NUMBER = re.compile(r"^[1-9]0$")
_MARGIN = re.compile(r"\+\s*\d|\d\s*mm|_exp\b|margin", re.I)
_CROP = re.compile(r"(?<=ptv)-\d{2}(?!\d)", re.I)
_HIDDEN = re.compile(r"^(?:_|[zZ][_ ]|z(?=[A-Z]))")
_SUBTRACT = re.compile(r"-\s*(?:I?GTV|CTV|PTV|ITV)", re.I)
_LEVEL = re.compile(
    r"(?:(?<![a-z\d])|(?<=[gcpi]tv))"
    r"(?:th[\s_-]?(?:1[0-2]|0?[1-9])|t(?:1[0-2]|0?[1-9])|c0?[1-7]|l0?[1-5]|s0?[1-5])"
    r"(?:[-/](?:(?:th|[tcls])\d{1,2}|\d{1,2}))?(?![a-z\d])",
    re.I,
)
_DOSE_FROM = 20
_LAST_LEVEL = 12


@lru_cache(maxsize=4096)
def read_name(name: str, *, levels: bool = True) -> NameReading:
    """What a name says; without ``levels`` a letter and a number (T8, L2) are no vertebra.

    >>> r = read_name("GTVn_LN_Paraaortic_2")
    >>> r.stem, r.kind, r.label, r.station.name
    (<Stem.GROSS: 'gross'>, <Kind.NODE: 'node'>, '2', 'LN_Paraaortic')
    >>> read_name("Lungs-GTV").subtracts, read_name("肝转移灶").organ
    (True, <Organ.LIVER: 'liver'>)
    """
    book = vocabulary()
    plain = fold(name)
    station, bare, text = _numbered_station(_HIDDEN.sub("", plain), book)
    text, level = _vertebra(text, book) if levels else (text, None)
    phase = _PHASE.search(text)
    text = _PHASE.sub(" ", text)
    split, stem, kind, cavity, maybe = _stems(pieces(_CROP.sub(" ", _DOSE.sub(" ", text))), book)
    matches = book.find(split)
    words = {m.word.table: m.found if "*" in m.word.text else m.word.text for m in matches}
    if cavity:
        words["cavity"] = cavity
    kind = kind or _kind(words)
    if kind is Kind.PRIMARY and "kind.metastasis" in words:
        kind, maybe = Kind.LESION, True
    if level and not _is_vertebra(stem or _written_out(words), kind, matches):
        return read_name(name, levels=False)
    label, number, left_over = _label(_unread(split, matches), stem)
    part = next((m for m in matches if m.word.part), None)
    subtracts, cropped = _subtracts(text, stem, part, book)
    named = next((m.word.station for m in matches if m.word.station), None)
    if kind is not Kind.NODE and named is not None and station is None:
        named = None  # the word tells a region of the body, not a node
    return NameReading(
        name=name,
        stem=stem or _written_out(words),
        kind=kind,
        label=label,
        number=number,
        laterality=_laterality(words, station),
        part=part.word.part if part else book.part_of(Organ.BONE) if level else None,
        part_word=part.found if part else None,
        rivals=_rivals(matches),
        level=level,
        maybe_primary=maybe,
        station=station or named,
        bare_station=bare if kind is Kind.NODE else None,
        region=next((r for r in ("extraregional", "regional") if f"region.{r}" in words), None),
        variants=frozenset(m.found for m in matches if m.word.table.startswith("variant.")),
        phase=phase.group().strip() if phase else None,
        phase_like=label is not None and _PHASE_NUMBER.match(label) is not None,
        words=words,
        left_over=left_over,
        subtracts=subtracts,
        cropped=cropped,
        expanded=stem is not None and _MARGIN.search(plain) is not None,
        not_for_evaluation=_HIDDEN.match(plain) is not None,
        dose_only=_ISODOSE.match(plain) is not None and stem is None and part is None,
    )


def _vertebra(text: str, book: Vocabulary) -> tuple[str, str | None]:
    """The text without a vertebra, and the vertebra: T1 to T12, C1 to C7, L1 to L5, S1 to S5."""
    match = _LEVEL.search(text)
    if match is None:
        return text, None
    level = re.sub(r"[\s_]", "", match.group().lower()).replace("th", "t")
    return text[: match.start()] + " " + text[match.end() :], level


def _is_vertebra(stem: Stem | None, kind: Kind | None, matches: tuple[Match, ...]) -> bool:
    """Whether nothing else in the name contradicts a vertebra."""
    organs = {m.word.part.organ for m in matches if m.word.part and m.word.part.organ}
    target = stem is not None or kind is not None
    return target and kind is not Kind.NODE and organs <= {Organ.BONE}


def _rivals(matches: tuple[Match, ...]) -> tuple[Part, ...]:
    """The organs of a name that tells more than one."""
    found = {(p.organ, p.site): p for m in matches if (p := m.word.part) and p.organ is not None}
    return tuple(found.values()) if len(found) > 1 else ()


def _numbered_station(text: str, book: Vocabulary) -> tuple[Station | None, str | None, str]:
    """The station of an explicit system; else a number that looks like one; and the other text."""
    lowered = text.lower()
    for alias, system in book.systems:
        number_of = r"(\d{1,3}[a-z]{0,4}\d?)"
        match = re.search(rf"(?<![a-z]){alias}[\s:_#-]*{number_of}(?![a-z\d])", lowered)
        match = match or re.search(rf"(?<![a-z\d]){number_of}[\s_-]*{alias}(?![a-z\d])", lowered)
        if match:
            number = match.group(1)
            known = book.numbered.get(system, {}).get(number)
            station = known or Station(
                f"{system}:{number}", "ask", "unconfirmed", f"not in the list of {system} stations"
            )
            return station, None, text[: match.start()] + " " + text[match.end() :]
    bare = re.search(
        r"(?<![a-z\d])(\d{1,3}(?:[rl]|[ab][12]?|rec[rl]?|pre|tb|[uml]o?))(?![a-z\d])", lowered
    )
    return None, bare.group(1) if bare else None, text


def _stems(
    split: tuple[Piece, ...], book: Vocabulary
) -> tuple[tuple[Piece, ...], Stem | None, Kind | None, str | None, bool]:
    """Pieces without the stem and its suffix, and what these say: kind, cavity, maybe primary."""
    for index, piece in enumerate(split):
        for text, table in book.stems:
            if not piece.text.startswith(text) or not text.isascii():
                continue
            rest = piece.text[len(text) :]
            after = list(split[index + 1 :])
            suffix = rest or (after[0].text if after else "")
            letter = suffix in book.joined
            meaning = None if letter and _goes_on(rest, after) else book.suffixes.get(suffix)
            maybe = letter and meaning is not None and not _is_joined(suffix, rest, after)
            meaning = None if maybe else meaning
            told = meaning is not None or maybe
            if told and not rest:
                after = after[1:]
            elif rest.rstrip("s") and not told:
                after.insert(0, Piece(rest, True))
            kind = Kind(meaning) if meaning and meaning != "cavity" else None
            cavity = suffix if meaning == "cavity" else None
            return (*split[:index], *after), Stem(table), kind, cavity, maybe
    joined = "".join(p.text for p in split)
    for text, table in book.stems:
        if not text.isascii() and text in joined:
            at = joined.index(text)
            rest_pieces = pieces(joined[:at] + " " + joined[at + len(text) :])
            return rest_pieces, Stem(table), None, None, False
    return split, None, None, None, False


def _goes_on(rest: str, after: list[Piece]) -> bool:
    """Whether the next word only begins with a suffix, as in T2w."""
    return not rest and len(after) > 2 and after[1].joined and after[2].joined


def _is_joined(suffix: str, rest: str, after: list[Piece]) -> bool:
    """Whether a suffix such as the p of GTVp stands for the primary for certain."""
    if not rest:
        return False
    if suffix == "p":
        return True
    numbers = [piece.text for piece in after]
    vertebra = len(numbers) == 1 and numbers[0].isdigit() and int(numbers[0]) <= _LAST_LEVEL
    return all(n.isdigit() for n in numbers) and not (suffix == "t" and vertebra)


def _kind(words: dict[str, str]) -> Kind | None:
    """The kind that the words tell; a node said to be a metastasis is a node."""
    order = (Kind.PRIMARY, Kind.NODE, Kind.METASTASIS, Kind.LESION)
    return next((kind for kind in order if f"kind.{kind.value}" in words), None)


def _written_out(words: dict[str, str]) -> Stem | None:
    return next((stem for stem in Stem if f"kind.{stem.value}" in words), None)


def _laterality(words: dict[str, str], station: Station | None) -> str | None:
    left, right = "laterality.left" in words, "laterality.right" in words
    if left != right:
        return "left" if left else "right"
    if station and not left and ":" in station.name and station.name[-1] in "RL":
        return "left" if station.name[-1] == "L" else "right"
    return None


def _unread(split: tuple[Piece, ...], matches: tuple[Match, ...]) -> tuple[Piece, ...]:
    """Pieces that no word of the vocabulary explains."""
    read = {i for match in matches for i in range(match.start, match.end)}
    return tuple(piece for i, piece in enumerate(split) if i not in read)


def _label(
    rest: tuple[Piece, ...], stem: Stem | None
) -> tuple[str | None, int | None, tuple[str, ...]]:
    """The lesion's number, with its letter; a number that may be a dose; unexplained pieces."""
    parts: list[str] = []
    dose_like: int | None = None
    left_over: list[str] = []
    for piece in rest:
        if piece.text.isdigit():
            number = int(piece.text)
            if stem in (Stem.CLINICAL, Stem.PLANNING) and number >= _DOSE_FROM:
                dose_like = number
            else:
                parts.append(str(number))
        elif len(piece.text) == 1 and piece.text.isascii() and (piece.joined or not parts):
            if piece.joined and parts:
                parts[-1] += piece.text
            else:
                parts.append(piece.text)
        else:
            left_over.append(piece.text)
    return ".".join(parts) or None, dose_like, tuple(left_over)


def _subtracts(
    text: str, stem: Stem | None, part: Match | None, book: Vocabulary
) -> tuple[bool, bool]:
    """Whether the name is one volume without another, and whether the first is a target."""
    if stem is None:
        return False, False
    match = _SUBTRACT.search(text)
    if match is not None:
        target = _stem_before(text, match.start(), book)
        if target or part is not None:
            return True, target
    words = [piece.text for piece in pieces(text)]
    stems = [i for i, word in enumerate(words) if _stem_before(word, len(word), book)]
    for i, word in enumerate(words):
        if word in book.minus or (word in book.minus_volume and any(s > i for s in stems)):
            return True, any(s < i for s in stems)
    return False, False


def _stem_before(text: str, end: int, book: Vocabulary) -> bool:
    before = text[:end].lower()
    return any(stem in before for stem, _ in book.stems)
