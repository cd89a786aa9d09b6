"""`jobs`, `job`, `retry`, `discard`, `failures`: what is done to jobs."""

from __future__ import annotations

from argparse import Namespace

import msgspec

from services.errors import FieldError, Invalid
from services.jobs import steering
from services.jobs.backend import COUNT_MAX, JobDetail, JobFilter, Verb
from services.jobs.bulk.shapes import BulkOrder
from services.jobs.commands.shell import Shell, cell, printable
from services.jobs.failures import failure_group, failure_groups


async def jobs(shell: Shell, given: Namespace) -> None:
    page = await shell.jobs.backend(given.backend).jobs(_wanted(given), given.cursor, given.limit)
    columns = ("id", "queue", "actor", "state", "attempts", "at", "arguments", "error")
    shell.table(page.items, *columns, more=page.next_cursor)
    if page.searched_until is not None:
        shell.note(f"the search stopped at {cell(page.searched_until)}; --cursor goes on")


async def job(shell: Shell, given: Namespace) -> None:
    backend, job_id = _place(given)
    if given.reveal:
        detail = await steering.reveal_job(shell.jobs, shell.who, backend, job_id)
    else:
        detail = await shell.jobs.backend(backend).job(job_id)
    shell.show(detail, *_described(detail))


async def retry(shell: Shell, given: Namespace) -> None:
    await _one_or_all(shell, given, "retry")


async def discard(shell: Shell, given: Namespace) -> None:
    await _one_or_all(shell, given, "discard")


async def failures(shell: Shell, given: Namespace) -> None:
    page = await failure_groups(shell.jobs.database, given.cursor, given.limit)
    columns = ("fingerprint", "backend", "actor", "error_class", "frame", "jobs", "occurrences", "last_seen")
    shell.table(page.items, *columns, more=page.next_cursor)


async def retry_one(shell: Shell, given: Namespace) -> None:
    group = await failure_group(shell.jobs.database, given.group)
    job_id = await steering.retry_one_of(shell.jobs, shell.who, group.backend, group.fingerprint)
    target = f"{group.backend}:{job_id}"
    shell.show(
        {"action": "job.retry", "target": target}, f"retried {target}; `job {target}` tells what came of it"
    )


async def _one_or_all(shell: Shell, given: Namespace, verb: Verb) -> None:
    if given.all == (given.id is not None):
        raise Invalid([FieldError("ID", f"{verb} takes a job's ID, or --all with --state")])
    if given.all:
        await _all(shell, given, verb)
        return
    backend, job_id = _place(given)
    act = steering.retry_job if verb == "retry" else steering.discard_job
    await act(shell.jobs, shell.who, backend, job_id)
    shell.show({"action": f"job.{verb}", "target": f"{backend}:{job_id}"}, f"{_DONE[verb]} {job_id}")


async def _all(shell: Shell, given: Namespace, verb: Verb) -> None:
    order = BulkOrder(backend=given.backend, verb=verb, wanted=_wanted(given), rate=given.rate)
    preview = await steering.preview_bulk(shell.jobs, shell.who, order)
    count = f"{preview.count}" if preview.counted_all else f"{COUNT_MAX}+"
    if not shell.json:
        shell.table(preview.sample, "id", "actor", "at", "arguments", "error")
    shell.confirm(f"{verb} {count} jobs?", yes=given.yes)
    order = msgspec.structs.replace(order, before=preview.before)
    action = await steering.start_bulk(shell.jobs, shell.who, order)
    shell.show(action, f"{verb} of {count} jobs: `bulk show {action.id}` follows it")


_DONE = {"retry": "retried", "discard": "discarded"}


def _place(given: Namespace) -> tuple[str, str]:
    """`fast:ID` names the backend too, as the audit log does."""
    backend, colon, job_id = given.id.rpartition(":")
    return (backend, job_id) if colon else (given.backend, job_id)


def _wanted(given: Namespace) -> JobFilter:
    names = JobFilter.__struct_fields__
    return JobFilter(**{name: getattr(given, name) for name in names})


def _described(detail: JobDetail) -> list[str]:
    card = detail.card
    facts = {
        "job": f"{card.backend}:{card.id}",
        "actor": card.actor,
        "queue": card.queue,
        "state": card.state,
        "arguments": msgspec.json.encode(detail.args).decode() + (" (masked)" if detail.masked else ""),
        "keywords": msgspec.json.encode(detail.kwargs).decode() if detail.kwargs else None,
        "enqueued": card.enqueued_at,
        "run at": detail.run_at,
        "finished": detail.finished_at,
        "failures": detail.failures,
        "crashes": detail.crashes,
        "unique key": detail.unique_key,
        "concurrency key": detail.concurrency_key,
        "request": detail.request_id,
        "group": detail.group,
    }
    lines = [f"{name:16}{_long(value)}" for name, value in facts.items() if value is not None]
    for attempt in detail.attempts:
        ended, worker = cell(attempt.finished_at), cell(attempt.worker)
        said = attempt.traceback or attempt.error_message or ""
        lines += ["", f"attempt {attempt.number}: {attempt.outcome}, {ended}, {worker}"]
        lines += [f"  {printable(line)}" for line in said.splitlines()]
    return lines


def _long(value: object) -> str:
    return printable(value) if isinstance(value, str) else cell(value)
