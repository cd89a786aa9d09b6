"""A response worth keeping: its bytes, its tag, and how to answer a browser with it."""

from __future__ import annotations

import gzip
import hashlib
import time

import msgspec
from starlette.types import Receive, Scope, Send

from services.encodings import choose

_COMPRESS_FROM_BYTES = 1024


class StoredResponse(msgspec.Struct, frozen=True, array_like=True):
    """What Redis keeps, as msgpack: `[body, etag, media_type, stored_at]`."""

    body: bytes
    etag: str
    media_type: str
    stored_at: float  # time.time()


class CachedResponse:
    """An ASGI response that can be sent any number of times: 200, gzipped when the client takes it,
    or 304 when the client has it (RFC 9110, section 13.1.2: If-None-Match compares weakly)."""

    def __init__(self, stored: StoredResponse, cache_control: str) -> None:
        self.stored = stored
        self.memory_until = 0.0  # time.monotonic(): fresh in this process until then
        self.let_down = False  # whether a fresher one was asked for, and did not come
        self._gzipped: bytes | None = None
        self._opaque_tag = stored.etag.removeprefix("W/").encode()
        self._head = [
            (b"etag", stored.etag.encode()),
            (b"cache-control", cache_control.encode()),
            (b"vary", b"Accept-Encoding"),
        ]
        self._identity = [
            (b"content-type", stored.media_type.encode()),
            (b"content-length", str(len(stored.body)).encode()),
            *self._head,
        ]

    @property
    def age_seconds(self) -> float:
        return max(0.0, time.time() - self.stored.stored_at)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.send(scope, send)

    async def send(self, scope: Scope, send: Send, extra: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        """Sends it; `extra` headers mark a stale answer."""
        if_none_match = field_of(scope, b"if-none-match")
        if if_none_match and (self._opaque_tag in if_none_match or if_none_match.strip() == b"*"):
            await send({"type": "http.response.start", "status": 304, "headers": [*self._head, *extra]})
            await send({"type": "http.response.body", "body": b""})
            return
        headers, body = self._identity, self.stored.body
        if len(body) >= _COMPRESS_FROM_BYTES and _takes_gzip(scope):
            headers, body = self._compressed()
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, *extra]})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _compressed(self) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Compressed once, when somebody first asks; the weak tag holds for both forms."""
        if self._gzipped is None:
            self._gzipped = gzip.compress(self.stored.body, compresslevel=4, mtime=0)
        headers = [
            (b"content-type", self.stored.media_type.encode()),
            (b"content-encoding", b"gzip"),
            (b"content-length", str(len(self._gzipped)).encode()),
            *self._head,
        ]
        return headers, self._gzipped


def field_of(scope: Scope, name: bytes) -> bytes:
    """A list that a request's head may spread over several lines (RFC 9110, section 5.3)."""
    return b", ".join(value for key, value in scope["headers"] if key == name)


def _takes_gzip(scope: Scope) -> bool:
    return choose(field_of(scope, b"accept-encoding").decode("latin-1"), ("gzip",)) == "gzip"


def stored_response(body: bytes, media_type: str) -> StoredResponse:
    tag = hashlib.blake2b(body, digest_size=12).hexdigest()
    return StoredResponse(body, f'W/"{tag}"', media_type, time.time())
