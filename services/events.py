"""Waiting for an event that may not come."""

from __future__ import annotations

import asyncio


async def wait_at_most(event: asyncio.Event, seconds: float | None) -> None:
    """Returns when the event is set, or when the time is up; None: there is no hurry."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
