"""What is known about the request at hand: its id, its door, how long its caller will wait.

Bound once per request; logs, problems, internal calls and the Redis budget read it from here.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# W3C Trace Context, section 3.2: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(slots=True)
class RequestContext:
    """Facts about one request. Headers come from Traefik, which overwrites `X-Entry`."""

    request_id: str
    internal: bool = False
    traceparent: str | None = None
    forwarded_for: str | None = None
    client_address: str | None = None  # of whoever sent it, see client_address.py
    deadline: float | None = None  # time.monotonic() by which the caller will have gone
    reserved: bool = False  # an order or a payment, or asked on behalf of one, see admission.py
    redis_seconds_spent: float = field(default=0.0)
    stale_seconds: float | None = None  # the age of the oldest stale answer that went into this one
    incomplete: bool = False  # a part that could not be had was left out

    @property
    def trace_id(self) -> str | None:
        match = _TRACEPARENT.fullmatch(self.traceparent or "")
        return match[1] if match else None

    def note_stale(self, seconds: float) -> None:
        """Something of this age, which should have been fresher, is used."""
        self.stale_seconds = max(seconds, self.stale_seconds or 0.0)

    @property
    def time_left(self) -> float | None:
        """Seconds until the caller's deadline, if there is one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    @property
    def has_gone(self) -> bool:
        """Whether the caller waits no more: whatever is done for them now is done in vain."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def seconds_left(self, at_most: float) -> float:
        """Seconds until the caller's deadline, `at_most` when there is none or a later one."""
        if self.deadline is None:
            return at_most
        return max(0.0, min(at_most, self.deadline - time.monotonic()))


current_request: ContextVar[RequestContext | None] = ContextVar("current_request", default=None)


def new_request_id() -> str:
    return secrets.token_hex(8)


def read_context(headers: Iterable[tuple[bytes, bytes]]) -> RequestContext:
    """Builds the context from raw ASGI headers. A missing `X-Entry` counts as public; only internal
    callers may set a deadline or ask for a reserved place, anyone may name a request by a well-formed
    `X-Request-ID`."""
    context = RequestContext(request_id="")
    deadline_ms: str | None = None
    reserved = False
    for name, raw in headers:
        if name == b"x-request-id":
            value = raw.decode("latin-1")
            context.request_id = value if _SAFE_ID.fullmatch(value) else ""
        elif name == b"x-entry":
            context.internal = raw == b"internal"
        elif name == b"traceparent":
            value = raw.decode("latin-1")  # what is passed on must be fit for a header
            context.traceparent = value if _TRACEPARENT.fullmatch(value) else None
        elif name == b"x-forwarded-for":
            context.forwarded_for = raw.decode("ascii", "ignore")
        elif name == b"x-deadline-ms":
            deadline_ms = raw.decode("latin-1")
        elif name == b"x-reserved":
            reserved = raw == b"1"
    if not context.request_id:
        context.request_id = new_request_id()
    context.reserved = context.internal and reserved
    if context.internal and deadline_ms and deadline_ms.isascii() and deadline_ms.isdigit():
        context.deadline = time.monotonic() + min(int(deadline_ms[:9]), 600_000) / 1000
    return context
