"""Bodies that are read before their requests have a place, so that whoever sends slowly is in nobody's way.

What all of them hold together is bounded: beyond HELD_BYTES_MAX a process takes no more than SMALL_BYTES of
any body early, which is what shoppers send, and sheds the rest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from starlette.types import Message, Receive, Scope

from services.places import NoPlace
from services.request_context import RequestContext

HELD_BYTES_MAX = 32_000_000
SMALL_BYTES = 16_384


class CallerGone(Exception):
    """The rest of the body will not come: the caller has hung up, or was answered 408 by the port."""


class EarlyBodies:
    """Of one process. `bytes_max`: of one body; a longer one is read on by whoever has use for it."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self.held_bytes = 0

    @contextmanager
    def reading(self, scope: Scope, receive: Receive) -> Iterator[EarlyBody]:
        """One body, to be waited for by `read`; no longer counted afterwards."""
        body = EarlyBody(self, receive, self._bytes_to_read(scope))
        try:
            yield body
        finally:
            self.held_bytes -= body.size

    def _bytes_to_read(self, scope: Scope) -> int:
        """None of a body that is declared too large, which is left to be refused unread."""
        headers = scope["headers"]
        length = next((value for name, value in headers if name == b"content-length"), b"")
        if length == b"0" or (length.isdigit() and int(length) > self._bytes_max):
            return 0
        there_is_one = bool(length) or any(name == b"transfer-encoding" for name, _ in headers)
        return self._bytes_max if there_is_one else 0


class EarlyBody:
    """`size` in bytes of what is here."""

    def __init__(self, bodies: EarlyBodies, receive: Receive, bytes_max: int) -> None:
        self._bodies, self._receive, self._bytes_max = bodies, receive, bytes_max
        self._here: deque[Message] = deque()
        self.size = 0

    async def read(self, context: RequestContext) -> None:
        """Until the end or as far as it may be used; no longer than until the deadline that another service
        has set. Raises CallerGone, NoPlace (`full`)."""
        more = self._bytes_max > 0
        with suppress(TimeoutError):  # admission finds the deadline over, and sheds
            async with asyncio.timeout(context.time_left):
                while more and self.size <= self._bytes_max:
                    more = self._take(await self._receive())

    def _take(self, message: Message) -> bool:
        """Keeps a piece; whether there will be more."""
        if message["type"] == "http.disconnect":
            raise CallerGone
        count = len(message.get("body", b""))
        self.size += count
        self._bodies.held_bytes += count
        if self.size > SMALL_BYTES and self._bodies.held_bytes > HELD_BYTES_MAX:
            raise NoPlace("full")
        self._here.append(message)
        return bool(message.get("more_body"))

    async def again(self) -> Message:
        """As `receive`: what is here, then what comes."""
        return self._here.popleft() if self._here else await self._receive()
