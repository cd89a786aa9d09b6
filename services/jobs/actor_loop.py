"""The event loop that all async actors of a worker share, and what lives on it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack

import dramatiq
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import AsyncIO

from services.jobs.worker_resources import WorkerResources

logger = logging.getLogger("kiosk.jobs")

_CANCEL_SECONDS = 2.0


class ActorLoop(AsyncIO):
    """dramatiq's AsyncIO middleware, which also opens the actors' resources on its loop and, when the
    worker stops, cancels the jobs that would not end before closing them."""

    def __init__(self, resources: WorkerResources) -> None:
        super().__init__()
        self._resources = resources
        self._opened = AsyncExitStack()

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        super().before_worker_boot(broker, worker)  # type: ignore[no-untyped-call]  # theirs has no types
        thread = get_event_loop_thread()
        assert thread is not None
        thread.run_coroutine(self._opened.enter_async_context(self._resources.open()))

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        thread = get_event_loop_thread()
        assert thread is not None
        thread.run_coroutine(self._close())
        super().after_worker_shutdown(broker, worker)  # type: ignore[no-untyped-call]  # theirs has no types

    async def _close(self) -> None:
        jobs = asyncio.all_tasks() - {asyncio.current_task()}
        for job in jobs:
            job.cancel()
        if jobs:
            logger.warning("jobs cut short", extra={"facts": {"jobs": len(jobs)}})
            await asyncio.wait(jobs, timeout=_CANCEL_SECONDS)
        try:
            await self._opened.aclose()
        except TimeoutError:
            logger.warning("connections did not close in order")
