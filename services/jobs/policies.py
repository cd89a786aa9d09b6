"""Every kind of fast job, and what becomes of it while Redis is away; the dashboard shows it."""

from __future__ import annotations

from services.catalog.views import COUNT_VIEWS
from services.queue import FastJob, Policy

FAST_JOBS: tuple[FastJob, ...] = (COUNT_VIEWS,)


def policies() -> dict[str, Policy]:
    """By actor."""
    return {job.actor: job.when_redis_is_away for job in FAST_JOBS}
