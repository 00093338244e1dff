"""A case on its way to being broken: objects are parsed when they are touched, then written."""

from __future__ import annotations

import contextlib
import io
import random
import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

import pydicom
from pydicom import config
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.fuzz.base import RD, RP, RS, Files, base_files

Edit = Callable[[bytes], bytes]
Value = TypeVar("Value")


class Draft:
    """The valid case, to be changed.

    Parameters
    ----------
    seed : int or str
        Of every choice that a mutation makes.
    """

    def __init__(self, seed: int | str) -> None:
        self.random = random.Random(f"rtplan {seed}")
        self.files: Files = dict(base_files())
        self.packed = False
        self._datasets: dict[str, Dataset] = {}
        self._explicit: set[str] = set()
        self._edits: list[tuple[str, Edit]] = []

    def dataset(self, name: str) -> Dataset:
        """The object of a file, parsed; it is written again at the end. Empty if it is gone."""
        if name not in self._datasets:
            data = self.files.get(name) or base_files()[name]
            self._datasets[name] = pydicom.dcmread(io.BytesIO(data))
        return self._datasets[name]

    @property
    def structures(self) -> Dataset:
        return self.dataset(RS)

    @property
    def plan(self) -> Dataset:
        return self.dataset(RP)

    @property
    def dose(self) -> Dataset:
        return self.dataset(RD)

    def contours(self) -> list[Dataset]:
        """Every contour item that the structure set has left."""
        return [
            contour
            for item in self.structures.get("ROIContourSequence") or ()
            for contour in item.get("ContourSequence") or ()
        ]

    def roi(self, sequence: str) -> Dataset:
        """An item of a sequence of the structure set; an empty one if none is left."""
        items = list(self.structures.get(sequence) or ())
        return self.random.choice(items) if items else Dataset()

    def contour(self) -> Dataset:
        """A contour item; an empty one if none is left."""
        items = self.contours()
        return self.random.choice(items) if items else Dataset()

    def of(self, *values: Value) -> Value:
        """One of some values."""
        return self.random.choice(values)

    def pick(self, *names: str) -> str:
        """One of some files, or of all."""
        return self.random.choice(names or tuple(sorted(self.files)))

    def explicit(self, name: str) -> None:
        """Write this file in Explicit VR Little Endian."""
        self.dataset(name)
        self._explicit.add(name)

    def edit(self, name: str, change: Edit) -> None:
        """Change the bytes of a file once it is written."""
        self._edits.append((name, change))

    def remove(self, name: str) -> None:
        """Take a file out of the case."""
        self.files.pop(name, None)
        self._datasets.pop(name, None)

    def finish(self) -> Files:
        """The files of the case."""
        for name, dataset in self._datasets.items():
            if name in self.files:
                self.files[name] = written(dataset, explicit=name in self._explicit)
        for name, change in self._edits:
            if name in self.files:
                self.files[name] = change(self.files[name])
        return self.files


def raw(dataset: Dataset, keyword: str, value: bytes | str, vr: str | None = None) -> None:
    """Set an attribute to bytes as they are, right or wrong, padded to an even length."""
    content = value.encode() if isinstance(value, str) else value
    content += b" " * (len(content) % 2)
    tag = Tag(keyword)
    own = vr or pydicom.datadict.dictionary_VR(tag)
    dataset._dict[tag] = RawDataElement(tag, own, len(content), content, 0, True, True)


def written(dataset: Dataset, *, explicit: bool = False) -> bytes:
    """The object as a file, whatever its values."""
    syntax = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = syntax
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, implicit_vr=not explicit, little_endian=True)
    return stream.getvalue()


@contextlib.contextmanager
def lenient() -> Iterator[None]:
    """Let pydicom write what no writer should."""
    settings = config.settings
    before = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        settings.reading_validation_mode, settings.writing_validation_mode = before
