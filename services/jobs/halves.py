"""Both backends at once, when one of them may be away: what the other knows is shown all the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from services.jobs.backend import BackendAway, BackendName, JobBackend
from services.jobs.resources import Jobs

T = TypeVar("T")


class Away(msgspec.Struct, frozen=True):
    """A half that can't be reached right now; `since`: as far as that is known."""

    backend: BackendName
    since: datetime | None = None


async def of_both(
    jobs: Jobs, ask: Callable[[JobBackend], Awaitable[T]]
) -> tuple[dict[BackendName, T], list[Away]]:
    """Each backend's answer, and who did not give one. Raises DatabaseUnavailable: without PostgreSQL nobody
    is let in anyway."""
    answers: dict[BackendName, T] = {}
    away: list[Away] = []
    for name, backend in jobs.backends.items():
        try:
            answers[name] = await ask(backend)
        except BackendAway as error:
            away.append(Away(name, error.facts.get("since")))
    return answers, away
