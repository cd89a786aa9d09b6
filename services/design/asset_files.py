"""Where assets lie, what they are called, and in which encodings they may lie ready. Standard library
only: the image's build reads it before anything else is installed."""

from __future__ import annotations

import hashlib
from pathlib import Path

SERVICES = Path(__file__).parent.parent
SHARED = SERVICES / "design" / "assets"
COMPRESSED_FOLDER = SERVICES / "design" / "compressed"
# Content codings by what we like best: the one that makes the fewest bytes.
SUFFIXES = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}


def asset_folders() -> list[Path]:
    """Every folder `assets` of the services, the shared one among them."""
    return sorted(folder for folder in SERVICES.rglob("assets") if folder.is_dir())


def fingerprinted(file: Path, content: bytes) -> str:
    """`store.css` as `store.3f9a1c0b2d.css`: another content, another name."""
    fingerprint = hashlib.blake2b(content, digest_size=5).hexdigest()
    return f"{file.stem}.{fingerprint}{file.suffix}"


def compressed_file(name: str, encoding: str) -> Path:
    """Where a fingerprinted file lies compressed, if it does. The fingerprint in the name keeps a form
    that was left over from another content from being taken for this one's."""
    return COMPRESSED_FOLDER / (name + SUFFIXES[encoding])
