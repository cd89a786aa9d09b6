"""Work that one request begins and others wait for, too: it has a time of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextvars import copy_context
from dataclasses import replace
from typing import Any, TypeVar

from services.request_context import RequestContext, current_request

T = TypeVar("T")

# A connection to PostgreSQL and one statement, or a call to another service, with their own time limits.
_SECONDS_MIN = 3.0


def shared_work(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begins `work` in a task, so that nobody's going away ends it. It knows the request that began it, its
    ids and what it has spent on Redis, but has not less than a few seconds, however little that one has left;
    what it notes on its request is about itself alone."""
    context = copy_context()
    if (request := current_request.get()) is not None:
        context.run(current_request.set, _for_many(request))
    return asyncio.create_task(work, context=context)


def _for_many(request: RequestContext) -> RequestContext:
    deadline = request.deadline
    if deadline is not None:
        deadline = max(deadline, time.monotonic() + _SECONDS_MIN)
    return replace(request, deadline=deadline, stale_seconds=None, incomplete=False)
