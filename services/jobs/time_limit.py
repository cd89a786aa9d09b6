"""How long a job may take. dramatiq's own limit interrupts the thread that waits for an async job and has the
job cancelled from there, up to a second late, and gives up on one whose cleaning up takes longer; here the
job's own task is cancelled, and what it raises tells where it hung."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable


class TimeLimitExceeded(Exception):
    """The job took longer than its actor may. It was cancelled, and is tried again as after any failure."""


async def within(limit_seconds: float, work: Awaitable[None]) -> None:
    """Awaits the work, and cancels it when the time is up. Raises TimeLimitExceeded, whose cause shows what
    the work was waiting for."""
    try:
        async with asyncio.timeout(limit_seconds) as limit:
            await work
    except TimeoutError as error:
        if not limit.expired():
            raise  # the work's own
        raise TimeLimitExceeded(f"not done within {limit_seconds:g} s") from error
