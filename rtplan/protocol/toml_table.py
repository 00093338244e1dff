"""A TOML table read key by key: every wrong key or value is an error with file, key and value.

A key that nobody asked for is unknown; the error names the nearest right one.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, TypeVar

from rtplan.errors import ProtocolError

MOST = 1000
"""Whole numbers beyond this count nothing that a patient has."""
DEEPEST = 40
"""Tables and lists within each other; no rule that a person wrote comes near it."""
E = TypeVar("E", bound=StrEnum)


class Table:
    """One table of a TOML file.

    Parameters
    ----------
    data : mapping
        As ``tomllib`` gives it.
    file : str
        Name of the file for messages.
    at : str, optional
        Path of the table in the file, such as ``criterion[2].rule``.
    by_id : bool, optional
        Lists of tables are told by their ids, ``criterion["few"].rule``: their places in the file
        are not those of the list where a file extends another.

    Notes
    -----
    Every reading method raises ProtocolError where the value has another type. Without
    ``required`` an absent key gives None (an empty tuple for lists).
    """

    def __init__(
        self, data: Mapping[str, object], *, file: str, at: str = "", by_id: bool = False
    ) -> None:
        self._data = data
        self._by_id = by_id
        self._asked: dict[str, None] = {}
        self.file = file
        self.at = at

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def keys(self) -> tuple[str, ...]:
        """The keys that are there."""
        return tuple(self._data)

    def as_dict(self) -> dict[str, object]:
        """The keys with their values, as they are."""
        return dict(self._data)

    def fail(self, key: str, text: str) -> NoReturn:
        """Raise ProtocolError about one key."""
        raise ProtocolError(f"{self.file}: {self._path(key)}: {text}")

    def raw(self, key: str, *, required: bool = False) -> object | None:
        """The value as it is."""
        self._asked[key] = None
        if required and key not in self._data:
            near = _nearest(key, [name for name in self._data if name not in self._asked])
            hint = f'; "{near}" is there, did you mean that?' if near else ""
            self.fail(key, f"is missing{hint}")
        return self._data.get(key)

    def text(self, key: str, *, required: bool = False) -> str | None:
        """A text that is not empty."""
        value = self.raw(key, required=required)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            self.fail(key, f"{_show(value)} is not a text; write one in quotes")
        return value

    def need(self, key: str) -> str:
        """A text that must be there."""
        return self.text(key, required=True) or ""

    def flag(self, key: str) -> bool | None:
        """True or false."""
        value = self.raw(key)
        if value is not None and not isinstance(value, bool):
            self.fail(key, f"{_show(value)} is neither true nor false")
        return value

    def whole(self, key: str, *, required: bool = False, least: int = 0) -> int | None:
        """A whole number from ``least`` to ``MOST``."""
        value = self.raw(key, required=required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self.fail(key, f"{_show(value)} is not a whole number of {least} or more")
        if value > MOST:
            self.fail(key, f"{_show(value)} is too large; write at most {MOST}")
        return value

    def number(self, key: str) -> float:
        """A finite number that must be there."""
        value = self.raw(key, required=True)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            self.fail(key, f"{_show(value)} is not a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.fail(key, f"{_show(value)} is not a number")
        return number

    def day(self, key: str) -> date | None:
        """A date without a time."""
        value = self.raw(key)
        if value is None:
            return None
        if isinstance(value, datetime) or not isinstance(value, date):
            self.fail(key, f"{_show(value)} is not a date; write it as 2024-01-15, without quotes")
        return value

    def choice(self, key: str, options: Iterable[str], *, required: bool = False) -> str | None:
        """One of some words."""
        value = self.text(key, required=required)
        if value is not None:
            self._check(key, value, tuple(options))
        return value

    def member(self, key: str, kind: type[E]) -> E:
        """One member of an enumeration that must be there."""
        return kind(self.choice(key, [item.value for item in kind], required=True) or "")

    def texts(self, key: str, *, options: Iterable[str] | None = None) -> tuple[str, ...]:
        """A list of different texts, each one of ``options`` where given."""
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fail(key, f'{_show(value)} is not a list; write ["...", "..."]')
        allowed = None if options is None else tuple(options)
        for index, item in enumerate(value):
            place = f"{key}[{index}]"
            if not isinstance(item, str) or not item.strip():
                self.fail(place, f"{_show(item)} is not a text")
            if item in value[:index]:
                self.fail(place, f'"{item}" is listed twice')
            if allowed is not None:
                self._check(place, item, allowed)
        return tuple(value)

    def table(self, key: str, *, required: bool = False) -> Table | None:
        """A table within this one."""
        value = self.raw(key, required=required)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fail(key, f"{_show(value)} is not a table; write [{self._path(key)}]")
        return Table(value, file=self.file, at=self._path(key), by_id=self._by_id)

    def tables(self, key: str) -> tuple[Table, ...]:
        """A list of tables within this one."""
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.fail(key, f"{_show(value)} is not a list of tables; write [[{self._path(key)}]]")
        places = [item.get("id", i) if self._by_id else i for i, item in enumerate(value)]
        shown = [f'"{place}"' if isinstance(place, str) else str(place) for place in places]
        return tuple(
            Table(item, file=self.file, at=f"{self._path(key)}[{place}]", by_id=self._by_id)
            for item, place in zip(value, shown, strict=True)
        )

    def done(self, *, elsewhere: Mapping[str, str] | None = None) -> None:
        """Raise ProtocolError if the table has a key that was not asked for.

        ``elsewhere`` maps keys of other tables to their full names, for the hint.
        """
        for key, value in self._data.items():
            if key in self._asked:
                continue
            if elsewhere and key in elsewhere:
                hint = f'it belongs in "{elsewhere[key]}"'
            elif near := _nearest(key, list(self._asked)):
                hint = f'did you mean "{near}"?'
            else:
                hint = "the keys here are " + ", ".join(self._asked)
            self.fail(key, f"unknown key (value {_show(value)}); {hint}")

    def _check(self, key: str, value: str, options: Sequence[str]) -> None:
        if value in options:
            return
        near = _nearest(value, options)
        hint = f'did you mean "{near}"? ' if near else ""
        self.fail(key, f'"{value}" is not known; {hint}It is one of: ' + ", ".join(options))

    def _path(self, key: str) -> str:
        return f"{self.at}.{key}" if self.at else key


def read_toml(path: Path, *, name: str) -> Table:
    """The root table of a file; ``name`` stands for it in messages.

    Raises
    ------
    ProtocolError
        No such file, not UTF-8, or not TOML (with line and column).
    """
    return Table(read_data(path, name=name), file=name)


def read_data(path: Path, *, name: str) -> dict[str, object]:
    """What a TOML file holds; raises as ``read_toml``."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        data = tomllib.loads(text.replace("\r\n", "\n"))
    except FileNotFoundError as error:
        raise ProtocolError(f"{name}: no such file") from error
    except OSError as error:
        raise ProtocolError(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProtocolError(f"{name}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(f"{name}: is not TOML: {error}") from error
    except RecursionError as error:
        raise ProtocolError(f"{name}: is not TOML that can be read: nested too deep") from error
    except ValueError as error:  # digits beyond what Python converts
        raise ProtocolError(f"{name}: is not TOML that can be read: {error}") from error
    if (deep := _too_deep(data)) is not None:
        raise ProtocolError(f"{name}: {deep}: nested too deep; write at most {DEEPEST} levels")
    return data


def _too_deep(data: dict[str, object]) -> str | None:
    """The first key of the file whose value is nested deeper than is read, by dots or brackets."""
    for key, value in data.items():
        level = [value]
        for _ in range(DEEPEST):
            level = [x for item in level for x in _within(item)]
        if level:
            return key
    return None


def _within(value: object) -> Iterable[object]:
    """What a table or a list holds."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def unique(tables: Iterable[tuple[Table, str]], key: str = "id") -> Iterator[str]:
    """The names, each checked to be the first of its kind."""
    seen: set[str] = set()
    for table, name in tables:
        if name in seen:
            table.fail(key, f'"{name}" is used twice; give each its own')
        seen.add(name)
        yield name


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like one, if any is like it."""
    return _nearest(word, list(known))


def _nearest(word: str, known: Sequence[str]) -> str | None:
    folded = {item.casefold(): item for item in known}
    started = [name for name in folded if name.startswith(word.casefold())]
    if len(word) > 2 and started:
        return folded[min(started, key=len)]
    near = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.55)
    return folded[near[0]] if near else None


def _show(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    try:
        text = f'"{value}"' if isinstance(value, str) else str(value)
    except (RecursionError, ValueError):  # tables in tables in tables, thousands of digits
        return "what is there"
    return text if len(text) <= 60 else text[:57] + "..."
