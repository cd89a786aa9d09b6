"""Procrastinate on PostgreSQL: an asynchronous worker with its defaults (finished jobs stay, as ours do),
an async task, which it runs faster than a plain one, and its call for many jobs."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from procrastinate import App, PsycopgConnector

from bench.jobs.contenders.program import CONCURRENCY, DATABASE_URL, Store, main, ran

app = App(connector=PsycopgConnector(conninfo=DATABASE_URL))


@app.task(name="run")  # type: ignore[untyped-decorator]  # only the bench installs it
async def run(number: int) -> None:
    ran(number)


def store() -> Store:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(app.open_async())

    def one(number: int) -> Any:
        return loop.run_until_complete(run.defer_async(number=number))

    def many(numbers: range) -> Any:
        return loop.run_until_complete(run.batch_defer_async(*({"number": number} for number in numbers)))

    return Store(one, many)


async def _work() -> None:
    async with app.open_async():
        await app.run_worker_async(concurrency=CONCURRENCY)


def work() -> None:
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_work())


if __name__ == "__main__":
    main(store, work)
