"""HTTP/1.1 as uvicorn speaks it, with bounds: on a head's size, and on how long a caller may take.

Traefik bounds the same at the public door; these hold for whoever reaches a service's own port. A head that
dawdles is the attack called slowloris, such a body is "R.U.D.Y.". A request that can't be read is answered
400 (RFC 9112, section 2.2), too large a head 431 (RFC 6585, section 5), one that takes too long 408, and the
connection closed: what follows on it could be anything. No timer runs for a request that comes in one piece.

Nor is any other protocol spoken: who asks for one (`Upgrade`, CONNECT) is answered 400, see `refuse_upgrade`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from services.request_context import new_request_id
from services.settings import ProcessSettings

FIELDS_MAX = 100
# A body is given this much longer for what it brings: so a long upload passes, and a trickle does not.
BODY_BYTES_PER_SECOND_MIN = 4096
# After an answer that came before the end of the body: so much of it is let in. Who hangs up earlier makes
# Traefik, which is still sending, answer 502 instead.
DISCARDED_BYTES_MAX = 64_000_000

_TITLES = {
    400: ("malformed-request", "The request can't be read"),
    408: ("request-timeout", "The request took too long to arrive"),
    431: ("request-header-fields-too-large", "The request's head is too large"),
}
_PHRASES = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}


@dataclass(frozen=True, slots=True)
class HttpBounds:
    """How much, in bytes, and how long, in seconds."""

    release: str
    head_bytes_max: int
    head_seconds: float
    body_idle_seconds: float
    body_seconds: float
    idle_seconds: float


def protocol_of(settings: ProcessSettings) -> type[HttpToolsProtocol]:
    """The class that uvicorn makes an instance of for each connection."""
    bounds = HttpBounds(
        settings.release,
        settings.head_max_bytes,
        settings.head_timeout_seconds,
        settings.body_idle_timeout_seconds,
        settings.body_timeout_seconds,
        settings.keep_alive_seconds,
    )
    return type("Bounded", (BoundedProtocol,), {"bounds": bounds})


class HeadTooLarge(Exception):
    """Raised within a callback of the parser, which turns it into one of its own."""


class UpgradeAsked(Exception):
    """Raised within a callback of the parser, as above."""


def refuse_upgrade(parser: httptools.HttpRequestParser) -> None:
    """To be called when a head is complete; raises UpgradeAsked. For httptools such a message ends with its
    head, whatever length it gives: it would read the body as the next request, whose headers the caller wrote
    and Traefik never saw. A server may also serve it as if it had not asked (RFC 9110, section 7.8); honest
    callers are, because Traefik takes `Upgrade` out of what it passes on."""
    if parser.should_upgrade():
        raise UpgradeAsked


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `_part` is what of a request we are in the midst of reading."""

    bounds: ClassVar[HttpBounds]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._part: Literal["head", "body"] | None = None
        self._timed: Literal["idle", "head", "body"] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes = self._body_bytes = self._discarded = 0
        self._unparsed = 0  # bytes of this part that came in, of which the parser may still hold some
        self._body_since = 0.0
        self._refused_as = 400

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # narrower than asyncio's, as uvicorn declares it
        super().connection_made(transport)
        self._arm("idle", self.bounds.idle_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unparsed += len(data)
        super().data_received(data)
        if self._part is not None and self._unparsed > self.bounds.head_bytes_max + 8 * self._body_bytes:
            self._refuse(431 if self._part == "head" else 400)  # one endless field, or chunks of nothing
        if self.transport.is_closing():
            self._disarm()
        elif self._part == "head":
            if self._timed != "head":  # once: what trickles in gives no more time
                self._arm("head", self.bounds.head_seconds)
        elif self._part == "body":
            self._time_body()
        elif (cycle := self._cycle()) is not None and not cycle.response_complete:
            self._disarm()  # it is our turn
        elif self._timed is None:  # blank lines between requests are no sign of life
            self._arm("idle", self.bounds.idle_seconds)

    def on_message_begin(self) -> None:
        self._part, self._head_bytes, self._body_bytes, self._discarded = "head", 0, 0, 0
        self._unparsed = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._part == "body":
            return  # a chunked body's trailer; among the headers it could pass for one that Traefik wrote
        self._count_head(len(name) + len(value) + 4)
        if len(self.headers) >= FIELDS_MAX:
            self._refuse_head()
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        refuse_upgrade(self.parser)
        self._part, self._body_since, self._unparsed = "body", self.loop.time(), 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self.cycle.response_complete:
            self._discarded += len(body)
            if self._discarded > DISCARDED_BYTES_MAX:
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._part = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls for all that its parser or one of our callbacks objects to."""
        self._refuse(self._refused_as)

    def _count_head(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > self.bounds.head_bytes_max:
            self._refuse_head()

    def _refuse_head(self) -> None:
        self._refused_as = 431
        raise HeadTooLarge

    def _time_body(self) -> None:
        """The nearer of two ends: nothing came for a while, or too little over the whole time. The inner
        door is our own people's: an import there takes as long as its source does."""
        if (b"x-entry", b"internal") in self.headers:
            self._disarm()
            return
        allowed = self.bounds.body_seconds + self._body_bytes / BODY_BYTES_PER_SECOND_MIN
        left = self._body_since + allowed - self.loop.time()
        self._arm("body", max(0.0, min(self.bounds.body_idle_seconds, left)))

    def _arm(self, what: Literal["idle", "head", "body"], seconds: float) -> None:
        self._disarm()
        ends: dict[str, Callable[[], None]] = {"idle": self._end_idle, "head": self._end, "body": self._end}
        self._timed, self._timer = what, self.loop.call_later(seconds, ends[what])

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timed = self._timer = None

    def _end_idle(self) -> None:
        self._disarm()
        self.transport.close()

    def _end(self) -> None:
        if self.flow.read_paused:  # it is we who do not read: the answer to an earlier request is not out
            assert self._timed is not None
            self._arm(self._timed, self.bounds.body_idle_seconds)
        else:
            self._disarm()
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Answers, where nothing was said yet, and closes."""
        unanswered = self._unanswered()
        if not self.transport.is_closing() and unanswered is not False:
            self.transport.write(_refusal(status, self.bounds.release))
            if isinstance(unanswered, RequestResponseCycle):
                unanswered.disconnected = True  # what the application still says goes nowhere
                unanswered.message_event.set()
        self.transport.close()

    def _unanswered(self) -> RequestResponseCycle | bool:
        """The request whose turn it is to be answered, if nothing of an answer is out; True where there is
        none, False where any word would land in the midst of another answer."""
        cycle = self._cycle()
        if cycle is None or (cycle.response_complete and self._part != "body"):
            return True
        if self.pipeline or self._part != "body" or cycle.response_started:
            return False
        return cycle

    def _cycle(self) -> RequestResponseCycle | None:
        """None until a first head is complete, which uvicorn's own types do not say."""
        return self.cycle


def _refusal(status: int, release: str) -> bytes:
    slug, title = _TITLES[status]
    request_id = new_request_id()
    problem = {"type": f"/problems/{slug}", "title": title, "status": status, "request_id": request_id}
    body = msgspec.json.encode(problem)
    head = (
        f"content-type: application/problem+json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
        f"cache-control: no-store\r\nx-request-id: {request_id}\r\nx-release: {release}\r\n\r\n"
    )
    return b"HTTP/1.1 %d %s\r\n" % (status, _PHRASES[status]) + head.encode("latin-1", "replace") + body
