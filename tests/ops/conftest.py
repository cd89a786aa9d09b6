"""Clones of this tree, and `python -m ops.local` in them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store import LocalStore, copied_tree

FEW = {"PRODUCTS": "40"}


def run_local(folder: Path, verb: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of the operator's in a clone, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ops.local", verb],
        cwd=folder,
        env={**os.environ, **FEW, "NO_COLOR": "1", **variables},
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )


def start(folder: Path, **variables: str) -> LocalStore:
    """`make up` in a clone; returns when the store answers."""
    return LocalStore(folder, **FEW, **variables)


@pytest.fixture
def clone() -> Iterator[Path]:
    """A fresh clone. Whoever starts a store in it ends it too."""
    with copied_tree() as folder:
        yield folder
