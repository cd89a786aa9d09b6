"""Stylesheets and signs, read at start. An address carries the content's fingerprint, so a browser may
keep it for ever; while a deploy mixes releases, another release's fingerprint gets the present file."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from services.cached_response import CachedResponse, stored_response
from services.errors import NotFound

FOR_EVER = "public, max-age=31536000, immutable"
_FOLDER = Path(__file__).parent / "assets"


class Assets:
    """The files of `assets/` by name, such as `store.css`."""

    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}
        self._fingerprinted: dict[str, CachedResponse] = {}
        self._present: dict[str, CachedResponse] = {}
        for file in sorted(_FOLDER.iterdir()):
            self._read(file)

    def _read(self, file: Path) -> None:
        content = file.read_bytes()
        fingerprint = hashlib.blake2b(content, digest_size=5).hexdigest()
        name = f"{file.stem}.{fingerprint}{file.suffix}"
        media_type = mimetypes.types_map[file.suffix]
        stored = stored_response(content, media_type)
        self._addresses[file.name] = f"/assets/{name}"
        self._fingerprinted[name] = CachedResponse(stored, FOR_EVER)
        self._present[file.name] = CachedResponse(stored, "no-store")

    def address(self, name: str) -> str:
        """Where a page finds the file. Raises KeyError."""
        return self._addresses[name]

    def response(self, name: str) -> CachedResponse:
        """The file under `store.3f9a1c.css`, or the present one, not to be kept, under any other
        fingerprint or none. Raises NotFound."""
        if (known := self._fingerprinted.get(name)) is not None:
            return known
        stem, _, rest = name.partition(".")
        present = self._present.get(f"{stem}.{rest.rpartition('.')[2]}")
        if present is None:
            raise NotFound()
        return present
