"""Workers that are killed, and how a living one is seen."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from services.jobs.backend import JobBackend, JobFilter, NewJob
from tests.jobs.conditions import eventually
from tests.jobs.contract.stands import Stand, in_state, lines_of


async def test_the_job_of_a_killed_worker_runs_on_another(
    backend: JobBackend, stand: Stand, tmp_path: Path
) -> None:
    file = tmp_path / "lines"
    job = await backend.enqueue(NewJob(actor="tests.hang", args=[str(file), "begun"]))
    doomed = stand.start_process()
    await eventually(lambda: lines_of(file) == ["begun"])
    doomed.kill()
    doomed.wait()
    Path(f"{file}.open").touch()
    stand.start_process()
    await eventually(lambda: lines_of(file) == ["begun", "begun"], within_seconds=60)
    if "done" in backend.features:
        await in_state(backend, job, "done")


async def test_a_job_that_kills_its_workers_is_parked_as_crashed(
    backend: JobBackend, stand: Stand, tmp_path: Path
) -> None:
    if "crashed" not in await backend.counts():
        return  # such a job is taken up for ever
    file = tmp_path / "lines"
    job = await backend.enqueue(NewJob(actor="tests.hang", args=[str(file), "begun"]))
    for crash in range(2):
        doomed = stand.start_process()
        await eventually(partial(_has_lines, file, crash + 1))
        doomed.kill()
        doomed.wait()
    stand.work(other=lambda: None)
    await in_state(backend, job, "crashed")
    detail = await backend.job(job)
    assert detail.crashes == 2
    assert detail.group is not None
    assert [card.id for card in (await backend.jobs(JobFilter(state="crashed"))).items] == [job]
    Path(f"{file}.open").touch()
    stand.start_process()
    await backend.retry(job)
    await in_state(backend, job, "done")


def _has_lines(file: Path, count: int) -> bool:
    return len(lines_of(file)) == count


async def test_a_living_worker_is_seen_with_what_it_does(
    backend: JobBackend, stand: Stand, tmp_path: Path
) -> None:
    file = tmp_path / "lines"
    stand.start_process()
    job = await backend.enqueue(NewJob(actor="tests.hang", args=[str(file), "begun"]))
    await eventually(lambda: lines_of(file) == ["begun"])

    async def seen() -> bool:
        (queue,) = [queue for queue in await backend.queues() if queue.name == "default"]
        return queue.workers == 1 and queue.running == 1

    await eventually(seen)
    assert (await backend.job(job)).card.state == "running"
    assert [card.id for card in (await backend.jobs(JobFilter(state="running"))).items] == [job]
    Path(f"{file}.open").touch()
