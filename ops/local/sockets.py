"""Folders for unix sockets. The kernel takes 107 bytes of path, and a clone may lie deeper."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATH_BYTES_MAX = 107


def fits(folder: Path, name: str) -> bool:
    """Whether a socket of that name can be bound in the folder."""
    return len(os.fsencode(folder / name)) <= PATH_BYTES_MAX


@contextmanager
def short_folder(prefix: str, name: str) -> Iterator[Path]:
    """A temporary folder of ours whose path leaves room for `postgres/<name>`, gone at the end."""
    here = Path(tempfile.gettempdir())
    roomy = fits(here / f"{prefix}12345678" / "postgres", name)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=here if roomy else "/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
