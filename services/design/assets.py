"""Stylesheets and signs, read at start. An address carries the content's fingerprint, so a browser may
keep it for ever; while a deploy mixes releases, another release's fingerprint gets the present file.

In an image every file lies compressed beside (see `compress_assets`); from source there is only gzip."""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Mapping
from pathlib import Path

from starlette.types import Receive, Scope, Send

from services.cached_response import field_of
from services.design.asset_files import SHARED, SUFFIXES, compressed_file, fingerprinted
from services.encodings import IDENTITY, choose
from services.errors import NotFound

FOR_EVER = "public, max-age=31536000, immutable"
_COMPRESS_FROM_BYTES = 1024


class Assets:
    """The shared files and those of a service's own folder, by name, such as `store.css`. `prefix` is the
    path under which the service has them: `/assets/`."""

    def __init__(self, prefix: str, folder: Path) -> None:
        self._prefix = prefix
        self._addresses: dict[str, str] = {}
        self._fingerprinted: dict[str, AssetResponse] = {}
        self._present: dict[str, AssetResponse] = {}
        for file in (*sorted(SHARED.iterdir()), *sorted(folder.iterdir())):
            if file.name in self._addresses:
                raise ValueError(f"{file} has the name of a shared asset")
            self._read(file)

    def _read(self, file: Path) -> None:
        content = file.read_bytes()
        name = fingerprinted(file, content)
        media_type = mimetypes.types_map[file.suffix]
        if media_type.startswith("text/"):
            media_type += "; charset=utf-8"
        forms = {**_compressed(name, content), IDENTITY: content}
        self._addresses[file.name] = f"{self._prefix}{name}"
        self._fingerprinted[name] = AssetResponse(name, forms, media_type, FOR_EVER)
        self._present[file.name] = AssetResponse(name, forms, media_type, "no-store")

    def address(self, name: str) -> str:
        """Where a page finds the file. Raises KeyError."""
        return self._addresses[name]

    def response(self, name: str) -> AssetResponse:
        """The file under `store.3f9a1c.css`, or the present one, not to be kept, under any other
        fingerprint or none. Raises NotFound."""
        if (known := self._fingerprinted.get(name)) is not None:
            return known
        stem, _, rest = name.partition(".")
        present = self._present.get(f"{stem}.{rest.rpartition('.')[2]}")
        if present is None:
            raise NotFound()
        return present


def _compressed(name: str, content: bytes) -> dict[str, bytes]:
    """What lies ready by encoding; else gzip, made here, so that `make up` needs no build."""
    files = {encoding: compressed_file(name, encoding) for encoding in SUFFIXES}
    ready = {encoding: file.read_bytes() for encoding, file in files.items() if file.exists()}
    if ready or len(content) < _COMPRESS_FROM_BYTES:
        return ready
    return {"gzip": gzip.compress(content, mtime=0)}


class AssetResponse:
    """An ASGI response that can be sent any number of times, in the encoding the browser likes best.
    Each encoding is a form of its own and has its own tag."""

    def __init__(self, name: str, forms: Mapping[str, bytes], media_type: str, cache_control: str) -> None:
        self._forms = forms
        self._codings = [coding for coding in forms if coding != IDENTITY]
        self._tags = {coding: f'"{name}-{coding}"'.encode() for coding in forms}
        self._content_type = (b"content-type", media_type.encode())
        self._head = [(b"cache-control", cache_control.encode()), (b"vary", b"Accept-Encoding")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        coding = choose(field_of(scope, b"accept-encoding").decode("latin-1"), self._codings)
        tag, body = self._tags[coding], self._forms[coding]
        headers = [(b"etag", tag), *self._head]
        known = field_of(scope, b"if-none-match")
        if tag in known or known.strip() == b"*":
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        headers += [self._content_type, (b"content-length", str(len(body)).encode())]
        if coding != IDENTITY:
            headers.append((b"content-encoding", coding.encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
