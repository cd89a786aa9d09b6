"""Checkout's jobs: run twice, run with nonsense, lost altogether; no promise hangs on any single one."""

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from services.checkout.orders import stragglers
from services.checkout.stock import stock
from services.errors import Malformed
from services.jobs.actors import declare_durable_actors
from services.jobs.verdicts import RETRY_OPTIONS, judge
from tests.checkout.conftest import someone_waits
from tests.checkout.desk import Desk
from tests.store import wait_until_async


async def test_first_levels_imported_twice_at_once_count_once(desk: Desk) -> None:
    """Both jobs wait for the row, then both find it; only one of them may be the first."""
    levels = [stock.FirstLevel("NEW-1", 10), stock.FirstLevel("NEW-2", 20)]
    async with desk.owner.acquire() as busy, busy.transaction():
        await busy.execute("INSERT INTO checkout.stock_levels (sku) VALUES ('NEW-1')")
        jobs = [asyncio.create_task(stock.stock_initially(desk.checkout.database, levels)) for _ in range(2)]
        async with desk.owner.acquire() as watcher:

            async def both_wait() -> bool:
                waiting: int = await watcher.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kiosk-checkout' "
                    "AND datname = current_database() AND wait_event_type = 'Lock'"
                )
                return waiting == 2

            await wait_until_async(both_wait, "both wait for the row")
    await asyncio.gather(*jobs)
    assert await desk.figures("NEW-1") == (10, 0)
    assert await desk.figures("NEW-2") == (20, 0)


async def test_a_level_that_is_set_while_an_import_waits_stays(desk: Desk) -> None:
    async with desk.owner.acquire() as shopkeeper, shopkeeper.transaction():
        await shopkeeper.execute(
            "INSERT INTO checkout.stock_movements (sku, delta, kind, reason) "
            "VALUES ('NEW-1', 3, 'adjustment', 'counted')"
        )
        job = asyncio.create_task(
            stock.stock_initially(desk.checkout.database, [stock.FirstLevel("NEW-1", 10)])
        )
        async with desk.owner.acquire() as watcher:
            await wait_until_async(lambda: someone_waits(watcher), "the import waits")
    await job
    assert await desk.figures("NEW-1") == (3, 0)


async def test_what_has_lost_its_job_is_given_another(desk: Desk) -> None:
    """A job may be discarded, or be given up after its worker has died with it three times."""
    sku = await desk.stock(9)
    unpaid, paid = await desk.ordered((sku, 1)), await desk.paid((sku, 1))
    await desk.sandbox.set_fault("*", "reset", times=None)
    await desk.refund(paid, 500)
    lost = await desk.row(unpaid)
    await desk.owner.execute("DELETE FROM jobs.jobs")
    await stragglers.remind(desk.checkout.database)
    assert await desk.owner.fetchval("SELECT count(*) FROM jobs.jobs") == 0  # none is late yet
    await desk.owner.execute(
        "UPDATE checkout.orders SET reserved_until = now() - interval '1 hour' WHERE id = $1", lost["id"]
    )
    await desk.owner.execute(
        "UPDATE checkout.payment_attempts SET created_at = now() - interval '1 day', "
        "looked_at = now() - interval '3 hours'"
    )
    await desk.owner.execute("UPDATE checkout.refunds SET created_at = now() - interval '3 hours'")
    for _ in range(3):
        await stragglers.remind(desk.checkout.database)
    refund_id = await desk.owner.fetchval("SELECT id FROM checkout.refunds")
    assert len(await desk.jobs("checkout.expire_order", lost["id"])) == 1
    assert len(await desk.jobs("checkout.poll_payment", lost["attempt_id"])) == 1
    assert len(await desk.jobs("checkout.send_refund", refund_id)) == 1
    assert await desk.owner.fetchval("SELECT count(*) FROM jobs.jobs") == 3
    assert await desk.broken() == {}


@pytest.fixture
def broker(desk: Desk) -> Iterator[dramatiq.Broker]:
    class Options(dramatiq.Middleware):
        @property
        def actor_options(self) -> set[str]:
            return {*RETRY_OPTIONS, "time_limit"}

    class Resources:
        checkout, mailer, letters = desk.checkout, None, None

    broker = StubBroker(middleware=[Options()])
    declare_durable_actors(broker, Resources())  # type: ignore[arg-type]  # the mail actors are not run
    yield broker
    broker.close()


async def _run(broker: dramatiq.Broker, actor: str, *arguments: Any) -> None:
    """On this loop; dramatiq would run it on one of its own."""
    work: Any = broker.get_actor(actor).fn
    await work.__wrapped__(*arguments)


@pytest.mark.parametrize(
    ("actor", "arguments"),
    [
        ("checkout.poll_payment", ["no id", 0]),
        ("checkout.poll_payment", [str(uuid.uuid4()), "many"]),
        ("checkout.poll_payment", [str(uuid.uuid4())]),
        ("checkout.open_payment", [None]),
        ("checkout.expire_order", [{"id": 1}]),
        ("checkout.expire_order", []),
        ("checkout.send_refund", [str(uuid.uuid4()), 1, 2]),
        ("checkout.stock_initially", [[{"sku": "A", "level": "ten"}]]),
        ("checkout.stock_initially", [[{"sku": "A", "level": 10**12}]]),
        ("checkout.stock_initially", [[{"sku": "no sku!", "level": 1}]]),
        ("checkout.stock_initially", [[{"sku": "A", "level": -1}]]),
        ("catalog.refresh_availability", ["nothing"]),
    ],
)
async def test_a_job_that_makes_no_sense_is_dead_at_once(
    broker: dramatiq.Broker, actor: str, arguments: list[Any]
) -> None:
    with pytest.raises(Malformed) as nonsense:
        await _run(broker, actor, *arguments)
    assert judge(nonsense.value, 0, broker.get_actor(actor).options).outcome == "dead"


@pytest.mark.parametrize("actor", ["open_payment", "poll_payment", "expire_order", "send_refund"])
async def test_jobs_that_keep_a_promise_are_never_given_up(broker: dramatiq.Broker, actor: str) -> None:
    options = broker.get_actor(f"checkout.{actor}").options
    verdict = judge(OSError("the disk is full"), 5000, options)
    assert verdict.outcome == "retry"
    assert verdict.delay_seconds <= 600


@pytest.mark.parametrize("actor", ["send_receipt", "send_shipped", "send_refunded"])
async def test_a_mail_outlives_a_day_without_a_mail_server(broker: dramatiq.Broker, actor: str) -> None:
    options = broker.get_actor(f"checkout.{actor}").options
    verdicts = [judge(OSError("no route"), failures, options) for failures in range(25)]
    assert {verdict.outcome for verdict in verdicts} == {"retry"}
    assert sum(verdict.delay_seconds for verdict in verdicts) > 6 * 3600


async def test_jobs_about_nothing_end(broker: dramatiq.Broker) -> None:
    nobody = str(uuid.uuid4())
    for actor, *more in (("poll_payment", 0), ("open_payment",), ("expire_order",), ("send_refund", 3)):
        await _run(broker, f"checkout.{actor}", nobody, *more)
