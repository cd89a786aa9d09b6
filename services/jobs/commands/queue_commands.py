"""`queues`, `pause`, `resume`, `workers`, `recurring`: what works the jobs off."""

from __future__ import annotations

from argparse import Namespace

from services.jobs import steering, worker_list
from services.jobs.commands.shell import Shell, cell
from services.jobs.halves import of_both
from services.jobs.recurring.steering import recurring_tasks


async def queues(shell: Shell, _given: Namespace) -> None:
    seen, away = await of_both(shell.jobs, lambda backend: backend.queues())
    items = [queue for those in seen.values() for queue in those]
    columns = ("backend", "name", "paused", "depth", "scheduled", "running", "oldest_seconds", "workers")
    if shell.json:
        shell.show({"items": items, "away": away})
        return
    shell.table(items, *columns)
    for half in away:
        shell.note(f"{half.backend}: unreachable since {cell(half.since)}")


async def pause(shell: Shell, given: Namespace) -> None:
    await steering.pause_queue(shell.jobs, shell.who, given.backend, given.queue)
    shell.show(_steered("queue.pause", given), f"paused {given.backend}:{given.queue}")


async def resume(shell: Shell, given: Namespace) -> None:
    await steering.resume_queue(shell.jobs, shell.who, given.backend, given.queue)
    shell.show(_steered("queue.resume", given), f"resumed {given.backend}:{given.queue}")


async def workers(shell: Shell, _given: Namespace) -> None:
    items = await worker_list.workers(shell.jobs.database)
    columns = ("backend", "state", "host", "pid", "release", "queues", "threads", "started_at", "seen_at")
    shell.table(items, *columns)


async def recurring(shell: Shell, _given: Namespace) -> None:
    tasks = await recurring_tasks(shell.jobs.database)
    shell.table(tasks, "name", "in_words", "next_run_at", "last_run_at", "last_state", "paused_at")


async def steer_recurring(shell: Shell, given: Namespace) -> None:
    act = {
        "run": steering.run_recurring_now,
        "pause": steering.pause_recurring,
        "resume": steering.resume_recurring,
    }[given.deed]
    await act(shell.jobs, shell.who, given.name)
    shell.show({"action": f"recurring.{given.deed}", "target": given.name}, f"{given.deed}: {given.name}")


def _steered(action: str, given: Namespace) -> dict[str, str]:
    return {"action": action, "target": f"{given.backend}:{given.queue}"}
