"""One request's time with Redis, however many questions it asks and whichever client asks them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.request_context import current_request


@asynccontextmanager
async def within_budget(seconds: float) -> AsyncIterator[None]:
    """Around questions to Redis: they, and all that this request has asked before, take at most so many
    seconds. Raises TimeoutError (an OSError, as redis-py's callers expect it). Outside a request nobody
    waits, and nothing is limited: workers and the shell have longer time limits of their own."""
    context = current_request.get()
    if context is None:
        yield
        return
    left = seconds - context.redis_seconds_spent
    if left <= 0:
        raise TimeoutError("the request has spent its time with Redis")
    started = time.perf_counter()
    try:
        async with asyncio.timeout(left):
            yield
    finally:
        context.redis_seconds_spent += time.perf_counter() - started
