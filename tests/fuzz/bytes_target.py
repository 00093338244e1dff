"""Byte-level fuzzing led by coverage: bytes become one file of the valid case, which is read.

``python -m tests.fuzz.bytes_target CORPUS -max_total_time=60 -max_len=8192 -rss_limit_mb=2048``;
needs atheris (Linux; the options are libFuzzer's). A new CORPUS folder is filled with the files of
the valid case. An escape ends the run with its traceback and leaves the input in ``crash-*``.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from rtplan.errors import RtplanError

NAMES = ("RS.dcm", "RP.dcm", "RD.dcm", "CT0.dcm", "case.zip")
"""The first byte says which file of the case the others are, and whether it is read alone."""


class Target:
    """What is run on every input: read all, link, and the dose if there is one.

    Parameters
    ----------
    folder : Path
        Of one's own; best where files cost no disk.
    """

    def __init__(self, folder: Path) -> None:
        from rtplan.dicom import link, read
        from tests.fuzz.base import base_files

        self._read, self._link = read.read, link.link
        self._folder, self._valid = folder, base_files()
        for name, content in self._valid.items():
            (folder / name).write_bytes(content)

    def __call__(self, data: bytes) -> None:
        """One input; what is no error of rtplan's own goes through."""
        if not data:
            return
        alone, place = divmod(data[0] % (2 * len(NAMES)), len(NAMES))
        name = NAMES[place]
        path = self._folder / name
        path.write_bytes(data[1:])
        try:
            case = self._link(self._read(str(path if alone else self._folder)))
            if case.dose is not None and not 0 <= float(case.dose.values_gy.max()) <= 1e6:
                raise AssertionError(f"a dose of {case.dose.values_gy.max()} Gy was taken")
        except RtplanError:
            pass
        finally:
            if name in self._valid:
                path.write_bytes(self._valid[name])
            else:
                path.unlink()


def seeds() -> dict[str, bytes]:
    """Inputs to begin with: each file of the valid case behind the byte that names it."""
    from tests.fuzz.base import base_files
    from tests.fuzz.mutate_files import zipped

    files = base_files() | {"case.zip": zipped(base_files())}
    return {
        f"{name}-{alone}": bytes([number + alone * len(NAMES)]) + files[name]
        for number, name in enumerate(NAMES)
        for alone in (0, 1)
    }


def _atheris() -> ModuleType:
    try:
        return importlib.import_module("atheris")
    except ImportError:
        raise SystemExit("atheris is not installed; pip install atheris") from None


def main() -> None:
    """Fuzz until libFuzzer's options end it."""
    atheris = _atheris()
    with atheris.instrument_imports(include=["rtplan.dicom"]):
        importlib.import_module("rtplan.dicom.read")
        importlib.import_module("rtplan.dicom.link")
    for corpus in (Path(text) for text in sys.argv[1:2] if not text.startswith("-")):
        if not corpus.exists():
            corpus.mkdir(parents=True)
            for name, content in seeds().items():
                (corpus / name).write_bytes(content)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        atheris.Setup(sys.argv, Target(Path(folder)))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
