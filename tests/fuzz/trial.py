"""One trial of the fuzzer: a seed becomes a broken case, byte stream or text, and is judged."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzz import texts
from tests.fuzz.base import Files, base_files
from tests.fuzz.bytewise import mangle
from tests.fuzz.mutators import Mutated, mutate
from tests.fuzz.oracle import (
    COMMANDS,
    MIDDLE,
    SECONDS,
    Effect,
    Escape,
    check_case,
    check_text,
)

KINDS = ("structures", "structures", "structures", "bytes", "text")
"""Kinds of trial; the seed takes one in turn."""
OTHERS = tuple(name for name in COMMANDS if name not in MIDDLE)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a seed stands for: its kind, what was done, the files, and the commands to run."""

    kind: str
    names: tuple[str, ...]
    effect: Effect
    files: Files
    commands: tuple[str, ...]
    packed: bool = False


def trial(seed: int) -> Trial:
    """The trial of a seed, always the same one."""
    kind = KINDS[seed % len(KINDS)]
    draw = random.Random(f"trial {seed}")
    if kind == "text":
        of = draw.choice(sorted(texts.COMMANDS))
        content = texts.broken(of, seed)
        return Trial(kind, (of,), Effect.ANY, {texts.COMMANDS[of][0]: content}, (of,))
    if kind == "bytes":
        files = dict(base_files())
        for name in draw.sample(sorted(files), draw.choice([1, 1, 2])):
            files[name] = mangle(files[name], draw.randrange(1 << 30))
        return Trial(kind, (), Effect.ANY, files, ("doctor", draw.choice(["check", "dvh"])))
    mutated = mutate(seed)
    commands = ("doctor", "check", draw.choice(["lesions", "dvh", *OTHERS]))
    return Trial(kind, mutated.names, mutated.effect, mutated.files, commands, mutated.packed)


def judge(
    one: Trial,
    work: Path,
    base: Mapping[str, Any] | None = None,
    *,
    seconds: float = SECONDS,
) -> list[Escape]:
    """Run a trial's commands; every breach.

    Parameters
    ----------
    one : Trial
    work : Path
        A folder of one's own.
    base : mapping, optional
        The report of the valid case.
    seconds : float
        Processor time that each command may take.
    """
    if one.kind == "text":
        (of,) = one.commands
        (content,) = one.files.values()
        return check_text(of, content, work, seconds=seconds)
    case = written_case(one, work / "case")
    return check_case(
        case,
        work / "work",
        commands=one.commands,
        effect=one.effect,
        base=base,
        seconds=seconds,
    )


def written_case(one: Trial, folder: Path) -> Path:
    """Write a trial's case; what to give to a command."""
    return Mutated(one.names, one.effect, one.files, one.packed).write(folder)


def smaller(one: Trial, names: Sequence[str], seed: int) -> Trial:
    """The same trial with fewer of its mutations."""
    mutated = mutate(seed, names)
    return Trial(
        one.kind, mutated.names, mutated.effect, mutated.files, one.commands, mutated.packed
    )
