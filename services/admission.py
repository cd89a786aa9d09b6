"""Who is let in: at most CONCURRENCY_MAX requests are at work in a process, a few wait for a moment, and the
rest is answered 503 with Retry-After at once. So a rush costs those who come in vain an error page, and those
who were let in nothing.

A share of the places is kept for operations declared `admission="reserved"` (orders, payments), and for
whatever another service asks on behalf of such a one, which it says by `X-Reserved` on the inner door.
Operations declared `exempt` hold no place: streams that last, assets that cost nothing. Ops ports have no
admission.

A request takes its place when its body is here (early_bodies.py). How long a body may take is the port's
affair, which answers 408 (http_protocol.py); the time for the request itself is counted from then on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from re import Pattern

from starlette.types import ASGIApp, Receive, Scope, Send

from services import metrics
from services.early_bodies import CallerGone, EarlyBodies
from services.operations import Operation, Precedence
from services.places import NoPlace, Places, Rank, Reason
from services.request_context import RequestContext, current_request
from services.routes import exact_pattern
from services.settings import ProcessSettings

_BODILESS = ("GET", "HEAD", "OPTIONS")


class Admission:
    """`busy` answers whom `app` has no place for."""

    def __init__(
        self,
        app: ASGIApp,
        busy: ASGIApp,
        service: str,
        operations: Sequence[Operation],
        settings: ProcessSettings,
    ) -> None:
        self._app, self._busy = app, busy
        self._declared = Declared(operations)
        self._wait_seconds = settings.concurrency_wait_seconds
        self._deadline_seconds = settings.request_deadline_seconds
        own = (operation.body_bytes_max or 0 for operation in operations)
        self._bodies = EarlyBodies(max(settings.body_max_bytes, *own, 0))
        self.places = Places(
            settings.concurrency_max,
            reserved_share=settings.concurrency_reserved_share,
            waiting_max=settings.concurrency_waiting_max,
        )
        metrics.requests_at_work.labels(service).set_function(lambda: self.places.at_work)
        metrics.requests_waiting.labels(service).set_function(lambda: self.places.waiting)
        reasons: tuple[Reason, ...] = ("full", "waited", "deadline")
        self._shed = {reason: metrics.requests_shed_total.labels(service, reason) for reason in reasons}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = current_request.get()
        if scope["type"] != "http" or context is None:
            await self._app(scope, receive, send)
            return
        precedence = self._declared.of(scope["method"], scope["path"])
        if precedence == "exempt":
            await self._app(scope, receive, send)
            return
        context.reserved = context.reserved or precedence == "reserved"
        try:
            with self._bodies.reading(scope, receive) as body:
                if scope["method"] not in _BODILESS:
                    receive = body.again
                    await body.read(context)
                if not context.internal:
                    context.deadline = time.monotonic() + self._deadline_seconds
                await self._take(_rank_of(context), context)
        except CallerGone:
            return  # half a request changes nothing, and nobody waits for an answer
        except NoPlace as none:
            self._shed[none.reason].inc()
            await self._busy(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self.places.give_back(_rank_of(context))

    async def _take(self, rank: Rank, context: RequestContext) -> None:
        wait_seconds = context.seconds_left(self._wait_seconds)
        if context.has_gone:
            raise NoPlace("deadline")
        try:
            await self.places.take(rank, wait_seconds)
        except NoPlace as none:
            if none.reason == "waited" and context.has_gone:
                raise NoPlace("deadline") from None
            raise


def _rank_of(context: RequestContext) -> Rank:
    if context.reserved:
        return Rank.RESERVED
    return Rank.INTERNAL if context.internal else Rank.PUBLIC


class Declared:
    """What the route table says of a request, before it is routed."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._fixed: dict[tuple[str, str], Precedence] = {}
        self._patterns: list[tuple[str, Pattern[str], Precedence]] = []
        for operation in operations:
            if operation.admission == "ordinary":
                continue
            if "{" in operation.path:
                pattern = exact_pattern(operation.path)
                self._patterns.append((operation.method, pattern, operation.admission))
            else:
                self._fixed[operation.method, operation.path] = operation.admission

    def of(self, method: str, path: str) -> Precedence:
        method = "GET" if method == "HEAD" else method
        if fixed := self._fixed.get((method, path)):
            return fixed
        for declared, pattern, precedence in self._patterns:
            if declared == method and pattern.match(path):
                return precedence
        return "ordinary"
