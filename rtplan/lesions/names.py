"""What a structure's name says, word by word, before its type and geometry are asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from rtplan.lesions.model import Organ
from rtplan.lesions.pieces import Piece, fold, fold_word, pieces
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
    ``crop`` is what follows PTV as -03: millimetres off the skin (TG-263), unless its like beside
    it has other numbers. ``shared`` says that the name is what an organ and a target have in
    common, or have not. ``unread`` are the left-over words that are no part of an organ (wall,
    base). ``by_code`` tells what codes said that the name does not.
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
    unread: tuple[str, ...] = ()
    subtracts: bool = False
    cropped: bool = False
    crop: str | None = None
    shared: bool = False
    expanded: bool = False
    not_for_evaluation: bool = False
    dose_only: bool = False
    by_code: str | None = None

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
_DATE = re.compile(
    r"(?<!\d)(?:20[1-3]\d([-_./ ]?)(?:0[1-9]|1[0-2])(?:\1(?:0[1-9]|[12]\d|3[01]))?"
    r"|(?:(?:0[1-9]|[12]\d|3[01])[./-])?(?:0[1-9]|1[0-2])[./-]20[1-3]\d"
    r"|(?:0[1-9]|[12]\d|3[01])[./](?:0[1-9]|1[0-2])[./][1-3]\d)(?!\d)"
)
_ISODOSE = re.compile(
    r"^\W*(?:id|ids|isodose|dose|v)?[\s_]*\d+(?:[.,p]\d+)?[\s_]*(?:c?gy|%).*$", re.I
)
_PHASE = re.compile(
    r"(?<![a-z\d])(?:t(?:[1-9]?0|00)(?!\d)|(?:ph|phase)?\s*\d{1,3}\s*%|0{2}(?!\d))", re.I
)
_PHASE_NUMBER = re.compile(r"^[1-9]0$")
_MARGIN = re.compile(r"\+\s*\d|\d\s*mm|margin", re.I)
_CROP = re.compile(r"([cp]tv.*(?:\d|gy))-0\d\s*$|(?<=ptv)-(\d{2})(?!\d)", re.I)
_SUM = re.compile(r"[gcpi]tv[^+&]*[+&]\s*[a-z]{0,5}\s?(?:I?GTV|CTV|PTV|ITV)", re.I)
_HIDDEN = re.compile(r"^(?:_|[zZ][_ ]|z(?=[A-Z]))")
_SUBTRACT = re.compile(r"-\s*(?:I?GTV|CTV|PTV|ITV)", re.I)
_LEVEL = re.compile(
    r"(?:(?<![a-z\d])|(?<=[gcpi]tv))"
    r"(?:th[\s_-]?(?:1[0-2]|0?[1-9])|t(?:1[0-2]|0?[1-9])|c0?[1-7]|l0?[1-5]|s0?[1-5])"
    r"(?:[-/](?:(?:th|[tcls])\d{1,2}|\d{1,2}))?(?![a-z\d])",
    re.I,
)
_BARE_STATION = re.compile(
    r"(?<![a-z\d])(\d{1,3}(?:[rl]|[ab][12]?|rec[rl]?|pre|tb[rl]?|ao|pul|[uml]o?))(?![a-z\d])"
    r"|(?<!\d)(1(?:0[1-9]|1[0-4]))(?!\d)"
    r"|(?:(?<![a-z])(?:no|station|gruppe|groupe|grupo)[\s._]*|#|第)(\d{1,3})(?!\d)"
    r"|(?<!\d)(\d{1,3})组"
)
_DOSE_FROM = 20
_GROSS_DOSE_FROM = 40  # more lesions than this are not numbered one by one
_OUTSIDE = ("e", "ext")  # TG-263: E-PTV is the external without the PTV
_SIDES = ("l", "r", "lt", "rt", "li", "re")
_LAST_LEVEL = 12
_OPEN_LEVELS = ("t1", "t2", "t3", "t4")  # the number of a tumour as well, or a stage
_SHORT_FORMS = {"转": "转移", "m": "met", "ca": "cancer"}


@lru_cache(maxsize=4096)
def read_name(name: str, *, levels: bool = True, book: Vocabulary | None = None) -> NameReading:
    """What a name says; without ``levels`` a letter and a number (T8, L2) are no vertebra.

    ``book`` is the vocabulary to read it by; the one that comes with rtplan where it is None.

    >>> r = read_name("GTVn_LN_Paraaortic_2")
    >>> r.stem, r.kind, r.label, r.station.name
    (<Stem.GROSS: 'gross'>, <Kind.NODE: 'node'>, '2', 'LN_Paraaortic')
    >>> read_name("Lungs-GTV").subtracts, read_name("肝转移灶").organ
    (True, <Organ.LIVER: 'liver'>)
    """
    book = book or vocabulary()
    plain = _DATE.sub(" ", fold(name))
    station, bare, text = _numbered_station(_HIDDEN.sub("", plain), book)
    text, level = _vertebra(text) if levels else (text, None)
    text, phase, crop = _without_phase_and_crop(text)
    whole = _written_out_after_organ(_unglued(pieces(_DOSE.sub(" ", text)), book), book)
    split, stem, kind, cavity, maybe = _stems(whole, book)
    matches = book.find(split)
    several = _sum_or_plural(plain, whole, book) if stem is not None else None
    words = _words(matches, cavity, several)
    kind = kind or _kind(words)
    if kind is Kind.PRIMARY and "kind.metastasis" in words:
        kind, maybe = Kind.LESION, True
    if level and not _is_vertebra(stem or _written_out(words), kind, matches):
        return read_name(name, levels=False, book=book)
    label, number, left_over = _label(_unread(split, matches), stem)
    part = next((m for m in matches if m.word.part), None)
    open_level = bool(stem) and kind is None and part is None and _may_be_number(name, level)
    outside = "external" in words or (bool(whole) and whole[0].text in _OUTSIDE)
    subtracts, cropped = _subtracts(text, stem, part is not None or outside, book)
    return NameReading(
        name=name,
        stem=stem or _written_out(words),
        kind=kind,
        label=label,
        number=number,
        laterality=_laterality(words, station),
        part=part.word.part if part else _bone(level, book, is_open=open_level),
        part_word=part.found if part else None,
        rivals=rivals_of(m.word.part for m in matches),
        level=level,
        maybe_primary=maybe or open_level,
        station=station or _station_named(matches, kind),
        bare_station=bare if kind is Kind.NODE else None,
        region=next((r for r in ("extraregional", "regional") if f"region.{r}" in words), None),
        variants=frozenset(m.found for m in matches if m.word.table.startswith("variant.")),
        phase=phase,
        phase_like=label is not None and _PHASE_NUMBER.match(label) is not None,
        words=words,
        left_over=left_over,
        unread=tuple(text for text in left_over if text not in book.qualifiers),
        subtracts=subtracts,
        cropped=cropped,
        crop=crop,
        shared=kind is None and _is_shared(whole, stem, matches, book),
        expanded=stem is not None and _MARGIN.search(plain) is not None,
        not_for_evaluation=_HIDDEN.match(plain) is not None,
        dose_only=_ISODOSE.match(plain) is not None and stem is None and part is None,
    )


def _without_phase_and_crop(text: str) -> tuple[str, str | None, str | None]:
    """The text without a breathing phase and a crop, the phase, and the millimetres of the crop."""
    phase = _PHASE.search(text)
    text = _PHASE.sub(" ", text)
    crop = _CROP.search(text)
    text = _CROP.sub(r"\1 ", text)
    return text, phase.group().strip() if phase else None, crop.group(2) if crop else None


def _words(matches: tuple[Match, ...], cavity: str | None, several: str | None) -> dict[str, str]:
    """The words found, by table; ``cavity`` and ``several`` are told by what is no word."""
    words = {m.word.table: m.found if "*" in m.word.text else m.word.text for m in matches}
    told = {"cavity": cavity, "union": several}
    return words | {table: word for table, word in told.items() if word}


def _station_named(matches: tuple[Match, ...], kind: Kind | None) -> Station | None:
    """The station of a word, where the name is a node's; else the word tells a region."""
    if kind is not Kind.NODE:
        return None
    return next((m.word.station for m in matches if m.word.station), None)


def _vertebra(text: str) -> tuple[str, str | None]:
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


def _may_be_number(name: str, level: str | None) -> bool:
    """Whether a vertebra may be the number of a tumour as well, or its stage: T2, but not Th2."""
    return level in _OPEN_LEVELS and f"th{level[1:]}" not in fold_word(name)


def _bone(level: str | None, book: Vocabulary, *, is_open: bool) -> Part | None:
    """The organ that a vertebra tells; None where there is none for certain."""
    return None if level is None or is_open else book.part_of(Organ.BONE)


def rivals_of(parts: Iterable[Part | None]) -> tuple[Part, ...]:
    """The organs of a name, or of codes, that tell more than one."""
    found = {(p.organ, p.site): p for p in parts if p is not None and p.organ is not None}
    return tuple(found.values()) if len(found) > 1 else ()


def _numbered_station(text: str, book: Vocabulary) -> tuple[Station | None, str | None, str]:
    """The station of an explicit system; else a number that looks like one; and the other text."""
    lowered = text.lower()
    for alias, system in book.systems:
        number_of = r"(\d{1,3}[a-z]{0,4}\d?|vii?|v|i[iv]|iii)"
        apart = "+" if alias[-1].isdigit() else "*"  # JES 112 is no station 2 of JES 11
        match = re.search(rf"(?<![a-z]){alias}[\s:_#-]{apart}{number_of}(?![a-z\d])", lowered)
        match = match or re.search(rf"(?<![a-z\d]){number_of}[\s_-]*{alias}(?![a-z\d])", lowered)
        if match:
            number = match.group(1)
            known = book.numbered.get(system, {}).get(number)
            station = known or Station(
                f"{system}:{number}", "ask", "unconfirmed", f"not in the list of {system} stations"
            )
            return station, None, text[: match.start()] + " " + text[match.end() :]
    bare = _BARE_STATION.search(lowered)
    return None, next((g for g in bare.groups() if g), None) if bare else None, text


def _unglued(split: tuple[Piece, ...], book: Vocabulary) -> tuple[Piece, ...]:
    """Pieces with what is written together taken apart: lptv54, livermet2."""
    found: list[Piece] = []
    for piece in split:
        at = next(
            (n for n in (_before_stem(piece.text, book), _before_met(piece.text, book)) if n), 0
        )
        if at:
            found.append(Piece(piece.text[:at], piece.joined))
        found.append(Piece(piece.text[at:], piece.joined or bool(at)))
    return tuple(found)


def _before_stem(text: str, book: Vocabulary) -> int:
    """Length of what stands before the stem in a word; 0 where it is nothing known."""
    if not text.isascii() or any(text.startswith(stem) for stem, _ in book.stems):
        return 0
    places = (text.find(stem) for stem, _ in book.stems)
    return next((at for at in places if at > 0 and text[:at] in book.before), 0)


def _before_met(text: str, book: Vocabulary) -> int:
    """Length of the organ before ``met`` or ``mets`` in a word; 0 where there is none."""
    for ending in ("mets", "met", "metas", "meta", "filia", "filiae", "ca"):
        organ = text.removesuffix(ending)
        if ending == "ca" and not organ.endswith("n"):
            continue  # Lungenca is German; iliaca and cardiaca are no tumours
        if organ != text and any(match.word.part for match in book.find((Piece(organ, False),))):
            return len(organ)
    return 0


def _written_out_after_organ(split: tuple[Piece, ...], book: Vocabulary) -> tuple[Piece, ...]:
    """Pieces with the short forms of tumour written out that end a name after an organ.

    These are 肺转, 肺M1 and Lung Ca; elsewhere the same letters mean something else (股骨转子).
    """
    found = list(split)
    for at in range(1, len(split)):
        tail = split[at + 1 :]
        numbered = bool(tail) and tail[0].text.isdigit()
        long = _SHORT_FORMS.get(split[at].text)
        ends = all(p.text.isdigit() for p in tail) if split[at].text != "ca" else True
        if long is None or not ends or (split[at].text == "m" and not numbered):
            continue
        if any(m.end == at and m.word.part for m in book.find(split[:at])):
            found[at] = Piece(long, split[at].joined)
    return tuple(found)


def _sum_or_plural(plain: str, split: tuple[Piece, ...], book: Vocabulary) -> str | None:
    """The word that says that several targets are meant: PTV1+PTV2, GTVs."""
    if match := _SUM.search(plain):
        return match.group()
    plurals = {stem + "s" for stem, _ in book.stems}
    return next((piece.text for piece in split if piece.text in plurals), None)


def _is_shared(
    split: tuple[Piece, ...], stem: Stem | None, matches: tuple[Match, ...], book: Vocabulary
) -> bool:
    """Whether a word such as *in* or *and* stands between an organ and an outer target."""
    if stem not in (Stem.CLINICAL, Stem.PLANNING):
        return False
    texts = [piece.text for piece in split]
    targets = [i for i, text in enumerate(texts) if _stem_before(text, len(text), book)]
    tissues = {m.found for m in matches if m.word.part or m.word.table == "matter"}
    organs = [i for i, text in enumerate(texts) if text in tissues]
    joints = [i for i, text in enumerate(texts) if text in book.shared | book.inside]
    return any(
        _joins(joint, target, organs, ordered=texts[joint] in book.inside)
        for target in targets
        for joint in joints
    )


def _joins(joint: int, target: int, organs: list[int], *, ordered: bool) -> bool:
    """Whether a joint stands between a target and the nearest organ; if ordered, after it."""
    beyond = any((i - joint) * (target - joint) < 0 for i in organs)
    between = any(min(joint, target) < i < max(joint, target) for i in organs)
    return beyond and not between and (target > joint or not ordered)


def _stems(
    split: tuple[Piece, ...], book: Vocabulary
) -> tuple[tuple[Piece, ...], Stem | None, Kind | None, str | None, bool]:
    """Pieces without the stem and its suffix, and what these say: kind, cavity, maybe primary."""
    for index, piece in enumerate(split):
        for text, table in book.stems:
            if not piece.text.startswith(text) or not text.isascii():
                continue
            rest = piece.text[len(text) :]
            after = _side_last(list(split[index + 1 :]), rest, book)
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


def _side_last(after: list[Piece], rest: str, book: Vocabulary) -> list[Piece]:
    """What follows a stem, a side or a dose put behind a node: the N of GTV_L_N and GTV65N."""
    if rest or len(after) < 2 or book.suffixes.get(after[1].text) != "node":
        return after
    first = after[0].text
    dose = first.isdigit() and int(first) >= _GROSS_DOSE_FROM
    if dose or (first in _SIDES and not after[1].joined):
        return [after[1], after[0], *after[2:]]
    return after


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


def _subtracts(text: str, stem: Stem | None, organ: bool, book: Vocabulary) -> tuple[bool, bool]:
    """Whether the name is one volume without another, and whether the first is a target.

    ``organ`` says that the name holds an organ, or the external.
    """
    if stem is None:
        return False, False
    match = _SUBTRACT.search(text)
    if match is not None:
        target = _stem_before(text, match.start(), book)
        if target or organ:
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
