"""Waiting for what must become true."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg


async def eventually(condition: Callable[[], Any | Awaitable[Any]], within_seconds: float = 60.0) -> Any:
    """Asks until the answer is true and returns it; fails when the time is up."""
    deadline = time.monotonic() + within_seconds
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {within_seconds} s; the last answer was {answer!r}"
        await asyncio.sleep(0.02)


async def job_in_state(owner: Any, job_id: object, state: str) -> asyncpg.Record:
    """Waits for a job to reach a state and returns its row."""
    query = "SELECT * FROM jobs.jobs WHERE id = $1 AND state = $2"
    row: asyncpg.Record = await eventually(lambda: owner.fetchrow(query, job_id, state))
    return row


async def attempts_of(owner: Any, job_id: object) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await owner.fetch(
        "SELECT * FROM jobs.attempts WHERE job_id = $1 ORDER BY number", job_id
    )
    return rows
