"""A soak: a whole store under mixed load while everything it stands on fails, one after the other, by a seed.

In the end nothing has grown, stock and money agree, and every order is settled. `make soak` runs it for
SOAK_SECONDS (1800); CI for three minutes. SOAK_SEED chooses the faults.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time

import asyncpg
import psutil
import pytest

from ops.check_invariants import broken_books, broken_invariants
from services.settings import PaymentSettings
from tests.faults.matrix_store import matrix_store
from tests.faults.soak_faults import Trouble
from tests.faults.soak_figures import SERVICES, Figures
from tests.faults.soak_load import Load
from tests.store import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

SECONDS = float(os.environ.get("SOAK_SECONDS", "180"))
SEED = int(os.environ.get("SOAK_SEED", "7"))
SAMPLES_APART_SECONDS = 1.5
SETTLED_WITHIN_SECONDS = 180.0
_OPEN_ORDERS = "SELECT token FROM checkout.orders WHERE status IN ('pending_payment', 'refund_due')"


def test_a_store_in_trouble_loses_nothing_and_does_not_grow(capsys: pytest.CaptureFixture[str]) -> None:
    with matrix_store(CACHE_MEMORY_SECONDS="1") as matrix:
        trouble = Trouble(matrix, random.Random(SEED))
        load = Load(matrix, trouble, random.Random(SEED + 1))
        figures = Figures(matrix.store, SECONDS)
        _soak(trouble, load, figures)
        environment = psutil.Process(matrix.store.pids()["checkout"]).environ()
        url = environment["DATABASE_URL"]
        _settle(trouble, url)
        said = f"{figures}\nfaults {dict(trouble.made)}\nanswers {dict(load.statuses)}\n{dict(load.done)}"
        with capsys.disabled():
            print(f"\n{said}")  # noqa: T201
        assert load.unhandled == []
        broken = asyncio.run(broken_invariants(url))
        assert {name: rows for name, rows in broken.items() if rows} == {}
        assert asyncio.run(broken_books(url, PaymentSettings.read(environment))) == []
        assert figures.grown() == {}
        assert len({name for name, _ in figures.quarters()}) > len(SERVICES) / 2, "too few could be judged"
        assert load.done["bought"] > 0


def _soak(trouble: Trouble, load: Load, figures: Figures) -> None:
    """Load, faults and samples side by side, for SECONDS. Faults end before the load does."""
    end, failed = time.monotonic() + SECONDS, list[BaseException]()

    def make_trouble() -> None:
        try:
            while time.monotonic() < end - SECONDS / 10:
                time.sleep(trouble.random.uniform(1.0, 4.0))  # a good time, of which load is made, too
                trouble.make()
        except BaseException as error:
            failed.append(error)

    def take_figures() -> None:
        while time.monotonic() < end:
            figures.take()
            time.sleep(SAMPLES_APART_SECONDS)  # between two samples

    threads = [threading.Thread(target=each, name=each.__name__) for each in (make_trouble, take_figures)]
    for thread in threads:
        thread.start()
    asyncio.run(load.run(SECONDS))
    for thread in threads:
        thread.join()
    assert failed == []


def _settle(trouble: Trouble, url: str) -> None:
    """Who left without paying cancels now; what was paid for is waited for."""
    wait_until(trouble.is_well, "all is well", 90)

    def all_settled() -> bool:
        for token in asyncio.run(_tokens(url)):
            trouble.matrix.cancel(token)
        return not asyncio.run(_tokens(url))

    wait_until(all_settled, "every order is settled", SETTLED_WITHIN_SECONDS)
    wait_until(
        lambda: not asyncio.run(_at_work(url)), "refunds and letters have gone", SETTLED_WITHIN_SECONDS
    )


async def _tokens(url: str) -> list[str]:
    owner = await asyncpg.connect(url)
    try:
        return [row["token"] for row in await owner.fetch(_OPEN_ORDERS)]
    finally:
        await owner.close()


async def _at_work(url: str) -> int:
    """Refunds that are on their way; jobs that wait for another attempt are let run at once."""
    owner = await asyncpg.connect(url)
    try:
        await owner.execute(
            """UPDATE jobs.jobs SET run_at = now()
               WHERE state = 'queued' AND actor LIKE 'checkout.%' AND attempt > 0 AND run_at > now()"""
        )
        await owner.execute("SELECT pg_notify('jobs', 'default')")
        count: int = await owner.fetchval("SELECT count(*) FROM checkout.refunds WHERE state = 'pending'")
        return count
    finally:
        await owner.close()
