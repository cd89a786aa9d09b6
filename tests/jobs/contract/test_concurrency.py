"""At most so many jobs of a key at a time."""

from __future__ import annotations

import threading

from services.jobs.backend import JobBackend, NewJob
from tests.jobs.conditions import eventually
from tests.jobs.contract.stands import Stand
from tests.jobs.contract.test_enqueueing import refused_unless


async def test_no_more_jobs_of_a_key_run_at_a_time_than_it_allows(backend: JobBackend, stand: Stand) -> None:
    lock, running, most, done = threading.Lock(), [0], [0], [0]

    def work() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.01)
        with lock:
            running[0] -= 1
            done[0] += 1

    jobs = [NewJob(actor="tests.work", concurrency_key="shop", concurrency_max=2) for _ in range(40)]
    async with refused_unless(backend, "concurrency_key"):
        await backend.enqueue_many(jobs)
        stand.work(work=work)
        stand.work(work=work)
        await eventually(lambda: done[0] == 40)
        assert most[0] == 2


async def test_a_job_without_a_slot_is_blocked_and_stands_in_nobodys_way(
    backend: JobBackend, stand: Stand
) -> None:
    gate, heard = threading.Event(), list[str]()
    async with refused_unless(backend, "concurrency_key"):
        held = [NewJob(actor="tests.hold", concurrency_key="one") for _ in range(9)]
        first, *others = await backend.enqueue_many(held)
        await backend.enqueue(NewJob(actor="tests.send", args=["another"]))
        stand.work(threads=2, hold=lambda: gate.wait(60) and None, send=heard.append)
        try:
            await eventually(lambda: heard == ["another"])
            assert (await backend.job(first)).card.state == "running"
            assert [(await backend.job(job)).card.state for job in others] == ["blocked"] * 8
            await backend.discard(others[-1])
        finally:
            gate.set()

        async def all_done() -> bool:
            return (await backend.counts())["done"] == 9

        await eventually(all_done)
        assert (await backend.job(others[-1])).card.state == "discarded"
