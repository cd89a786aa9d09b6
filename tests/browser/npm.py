"""Tools from npm that only tests use: of one version, fetched by `npm` once, kept in a cache.

The cache is the folder KIOSK_TEST_CACHE, or else `~/.cache/kiosk-tests`. Without npm or its registry the
tests that need a tool are skipped here and fail in CI.
"""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from tests.conftest import needs_program

_FETCH_SECONDS = 240


def cache_folder() -> Path:
    folder = Path(os.environ.get("KIOSK_TEST_CACHE") or Path.home() / ".cache" / "kiosk-tests")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def packed_file(package: str, version: str, integrity: str, member: str) -> str:
    """The text of `member` in the package, whose archive must be the one of `integrity` (sha512, as npm
    writes it)."""
    kept = cache_folder() / f"{package}-{version}.tgz"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
            _npm("pack", f"{package}@{version}", "--silent", "--pack-destination", folder)
            next(Path(folder).glob("*.tgz")).rename(kept)
    found = "sha512-" + base64.b64encode(hashlib.sha512(kept.read_bytes()).digest()).decode()
    assert found == integrity, f"{kept} is not {package} {version}. Remove it and run the test again."
    with tarfile.open(kept) as archive:
        content = archive.extractfile(f"package/{member}")
        assert content is not None
        return content.read().decode()


def installed_program(package: str, version: str) -> Path:
    """The program of the package, installed with what it needs (npm checks each archive itself)."""
    folder = cache_folder() / f"npm-{package}-{version}"
    program = folder / "node_modules" / ".bin" / package
    if not program.exists():
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        _npm("install", "--prefix", str(folder), *options, f"{package}@{version}")
    return program


def _npm(*arguments: str) -> None:
    npm = needs_program("npm")
    done = subprocess.run(
        [npm, *arguments], check=False, capture_output=True, text=True, timeout=_FETCH_SECONDS
    )
    if done.returncode:
        explain = pytest.fail if os.environ.get("CI") else pytest.skip
        explain(f"npm {arguments[0]} failed: {done.stderr.strip()[-500:]}")
