"""Queues, workers and statistics over the API."""

from __future__ import annotations

from services.decode import Nothing
from services.jobs import steering, worker_list
from services.jobs.api.shapes import BackendQuery, Half, Overview, Queues, StatisticsQuery, Steered, Workers
from services.jobs.api.verb import verb
from services.jobs.backend import BackendAway, JobBackend, QueueState
from services.jobs.halves import of_both
from services.jobs.once import once_of
from services.jobs.resources import Jobs
from services.jobs.staff.access import api
from services.jobs.staff.who import Who
from services.jobs.statistics.overview import Series, overview
from services.operations import Call, Operation


async def get_overview(call: Call[Jobs, Nothing, Nothing], _who: Who) -> Overview:
    async def look(backend: JobBackend) -> tuple[Half, list[QueueState]]:
        counts = await backend.counts()
        return Half(backend.name, sorted(backend.features), counts), await backend.queues()

    seen, away = await of_both(call.resources, look)
    queues = [queue for _, those in seen.values() for queue in those]
    return Overview([half for half, _ in seen.values()], queues, away)


async def get_statistics(call: Call[Jobs, StatisticsQuery, Nothing], _who: Who) -> Series:
    asked = call.query
    return await overview(call.resources.database, asked.window, asked.backend, asked.actor)


async def list_queues(call: Call[Jobs, BackendQuery, Nothing], _who: Who) -> Queues:
    """Of one backend, or of both as far as they can be reached."""
    jobs, wanted = call.resources, call.query.backend
    if wanted is not None:
        return Queues(await jobs.backend(wanted).queues(), [])
    seen, away = await of_both(jobs, lambda backend: backend.queues())
    return Queues([queue for those in seen.values() for queue in those], away)


async def pause_queue(call: Call[Jobs, Nothing, Nothing], who: Who) -> Steered:
    backend, queue = call.path("backend"), call.path("queue")
    await steering.pause_queue(call.resources, who, backend, queue, once_of(call.request, call.body, who))
    return Steered("queue.pause", f"{backend}:{queue}")


async def resume_queue(call: Call[Jobs, Nothing, Nothing], who: Who) -> Steered:
    backend, queue = call.path("backend"), call.path("queue")
    await steering.resume_queue(call.resources, who, backend, queue, once_of(call.request, call.body, who))
    return Steered("queue.resume", f"{backend}:{queue}")


async def list_workers(call: Call[Jobs, Nothing, Nothing], _who: Who) -> Workers:
    return Workers(await worker_list.workers(call.resources.database))


_QUEUES, _QUEUE = "/api/jobs/queues", "/api/jobs/queues/{backend}/{queue}"

OPERATIONS: list[Operation] = [
    api("GET", "/api/jobs/overview", get_overview, "Both backends at a glance", answer=Overview),
    api(
        "GET",
        "/api/jobs/statistics",
        get_statistics,
        "Throughput, failures and latency",
        query=StatisticsQuery,
        answer=Series,
    ),
    api(
        "GET", _QUEUES, list_queues, "All queues", query=BackendQuery, answer=Queues, problems=(BackendAway,)
    ),
    verb(f"{_QUEUE}/pause", pause_queue, "Begin nothing more of a queue", Steered),
    verb(f"{_QUEUE}/resume", resume_queue, "Go on with a queue", Steered),
    api("GET", "/api/jobs/workers", list_workers, "The workers of the last hour", answer=Workers),
]
