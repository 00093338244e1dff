"""Organs with metastases, and the most in one: bounds under each way to count paired organs.

With each side for itself, a lesion of unknown side goes where it makes the fewest organs (and the
least in one), then where it makes the most. So does one in an organ that no word names: ``other``
may be one organ or several.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rtplan.lesions.model import Organ
from rtplan.protocol.items import Bounds, Item, Kind, is_open, needs_of
from rtplan.protocol.model import PairedOrgans
from rtplan.protocol.rules import PAIRED

SIDES = ("left", "right")


def nonnodal_organs(items: Sequence[Item], fewer: int, paired: PairedOrgans) -> Bounds:
    """Organs other than lymph nodes with metastases, ``fewer`` of which may be none."""
    sure = [i for i in items if i.surely(Kind.ORGAN)]
    placeless = sum(i.organ is None for i in sure)
    readings = _readings(paired)
    low = min(_fewest(_gathered(sure, reading), placeless, fewer) for reading in readings)
    possible = [i for i in items if i.maybe(Kind.ORGAN)]
    anywhere = sum(i.organ is None for i in possible)
    high = max(_most(possible, reading) for reading in readings) + anywhere
    return Bounds(low, high, _needs(items, paired))


def most_in_own_organ(items: Sequence[Item], fewer: int, paired: PairedOrgans) -> Bounds:
    """Metastases in the organ, lymph nodes aside, that has most of them."""
    sure = [i for i in items if i.surely(Kind.ORGAN)]
    possible = [i for i in items if i.maybe(Kind.ORGAN)]
    readings = _readings(paired)
    low = min(max(_spread(sure, reading), default=int(bool(sure))) for reading in readings)
    high = max(max(_heaped(possible, reading), default=0) for reading in readings)
    anywhere = sum(i.organ is None for i in possible)
    return Bounds(max(0, low - fewer), high + anywhere, _needs(items, paired))


def sides(items: Sequence[Item], fewer: int) -> Bounds:
    """Sides of paired organs with metastases: 2 where both are."""
    possible = [i for i in items if i.maybe(Kind.ORGAN)]
    sure = [i for i in possible if i.surely(Kind.ORGAN)]
    both = any(_side(i) == "bilateral" for i in sure)
    named = {side for i in sure if (side := _side(i)) in SIDES}
    low = 2 if both else max(len(named), int(bool(sure)))
    known = {side for i in possible if (side := _side(i)) in SIDES}
    unknown = sum(_side(i) not in SIDES for i in possible)
    wide = any(_side(i) == "bilateral" or i.lesion is None for i in possible)
    high = 2 if wide else min(2, len(known) + unknown)
    needs = needs_of(items, because=lambda i: i.maybe(Kind.ORGAN) and is_open(i))
    return Bounds(max(0, low - fewer), high, needs + _sides_needed(possible))


def is_paired(organ: Organ | None) -> bool:
    """Whether an organ has a left and a right one."""
    return organ in PAIRED


def _readings(paired: PairedOrgans) -> tuple[PairedOrgans, ...]:
    if paired is PairedOrgans.UNCONFIRMED:
        return (PairedOrgans.ONE_ORGAN, PairedOrgans.EACH_SIDE)
    return (paired,)


def _side(item: Item) -> str | None:
    return item.lesion.laterality if item.lesion else None


def _by_place(
    items: Iterable[Item], paired: PairedOrgans
) -> tuple[Counter[tuple[Organ, str]], Counter[Organ]]:
    """Lesions by organ and side, and those of paired organs whose side is not known."""
    placed: Counter[tuple[Organ, str]] = Counter()
    unsided: Counter[Organ] = Counter()
    for item in items:
        if item.organ is None:
            continue
        if paired is PairedOrgans.ONE_ORGAN or not is_paired(item.organ):
            placed[item.organ, ""] += 1
        elif (side := _side(item)) in SIDES:
            placed[item.organ, side or ""] += 1
        else:
            unsided[item.organ] += 1
    return placed, unsided


def _gathered(items: Iterable[Item], paired: PairedOrgans) -> Counter[tuple[Organ, str]]:
    """Lesions by place, those of unknown side in the fuller one."""
    placed, unsided = _by_place(items, paired)
    for organ, number in unsided.items():
        fuller = max(SIDES, key=lambda side: placed[organ, side])
        placed[organ, fuller] += number
    return +placed


def _fewest(placed: Counter[tuple[Organ, str]], placeless: int, fewer: int) -> int:
    """The fewest places left when ``fewer`` lesions are none."""
    spare, kept = fewer, len(placed)
    for _, lesions in sorted(placed.items(), key=lambda pair: (pair[1], str(pair[0]))):
        if lesions > spare:
            break
        spare, kept = spare - lesions, kept - 1
    return 1 if kept == 0 and placeless > spare else kept


def _most(items: Iterable[Item], paired: PairedOrgans) -> int:
    """The most places, lesions of unknown organ aside."""
    placed, unsided = _by_place(items, paired)
    sided = Counter(organ for organ, _ in placed)
    others = max(0, placed[Organ.OTHER, ""] - 1)
    unsure = sum(min(n, len(SIDES) - sided[organ]) for organ, n in unsided.items())
    return len(placed) + others + unsure


def _spread(items: Iterable[Item], paired: PairedOrgans) -> list[int]:
    """Lesions in each organ's fullest place, those of unknown side spread over both."""
    placed, unsided = _by_place(items, paired)
    counts = [1 if organ is Organ.OTHER else number for (organ, _), number in placed.items()]
    for organ, number in unsided.items():
        total = number + sum(placed[organ, side] for side in SIDES)
        counts.append((total + 1) // len(SIDES))
    return counts


def _heaped(items: Iterable[Item], paired: PairedOrgans) -> list[int]:
    """Lesions in each place, with all of unknown side in it."""
    placed, unsided = _by_place(items, paired)
    counts = [number + unsided[organ] for (organ, _), number in placed.items()]
    return counts + list(unsided.values())


def _needs(items: Sequence[Item], paired: PairedOrgans) -> tuple[str, ...]:
    others = sum(i.maybe(Kind.ORGAN) and i.organ is Organ.OTHER for i in items) > 1
    unnamed = (None, Organ.OTHER) if others else (None,)
    own = needs_of(
        items, because=lambda i: i.maybe(Kind.ORGAN) and (is_open(i) or i.organ in unnamed)
    )
    if paired is PairedOrgans.ONE_ORGAN:
        return own
    return own + _sides_needed([i for i in items if i.maybe(Kind.ORGAN)])


def _sides_needed(items: Iterable[Item]) -> tuple[str, ...]:
    """The sides to state, of lesions in paired organs that have none."""
    return tuple(
        f"lesion.{i.lesion.id}.laterality"
        for i in items
        if i.lesion and is_paired(i.organ) and _side(i) not in (*SIDES, "bilateral")
    )
