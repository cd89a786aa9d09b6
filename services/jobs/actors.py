"""Every actor there is: a name, a use case, how long it may take and how often to try. Payloads are
checked here, use cases do the work. Jobs are delivered at least once, so use cases bear being called
again."""

from __future__ import annotations

import asyncio
import inspect
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import dramatiq
import msgspec
from dramatiq import Broker

from services.catalog import availability, popularity, views
from services.checkout import sweeping
from services.checkout.mail import mails
from services.checkout.orders import orders, stragglers
from services.checkout.payments import following, refunds
from services.checkout.stock import stock
from services.errors import Malformed
from services.jobs import purge
from services.jobs.bulk import running
from services.jobs.staff import forgetting
from services.jobs.time_limit import within
from services.jobs.verdicts import HandedBack
from services.jobs.worker_resources import DurableResources, WorkerResources

# Nothing else would follow a payment, end an order or give money back: such a job outlives any outage.
_NEVER_GIVEN_UP = {"max_retries": 1_000_000, "max_backoff": 600_000}
_BULK = {"max_retries": 1_000_000, "min_backoff": 1_000, "max_backoff": 30_000}  # it gives up by itself
_FOR_DAYS = {"max_retries": 50}  # an hour apart in the end; by then a mail is no news any more
_UNTIL_THE_NEXT_RUN = {"max_retries": 3}  # the clock asks again anyway

# Far beyond what the calls within may take together: whoever is caught here hangs.
_CALL_SECONDS = 60.0
_SWEEP_SECONDS = 300.0
# How much later dramatiq interrupts a thread whose loop is blocked, where `within` can't.
_BLOCKED_SECONDS = 30.0

T = TypeVar("T")


def declare_durable_actors(broker: Broker, resources: DurableResources) -> None:
    checkout = resources.checkout
    post = (checkout.database, resources.mailer, resources.letters)

    async def refresh_availability(levels: list[dict[str, Any]]) -> None:
        """`levels`: `[{"sku", "available", "version"}]`, as checkout enqueues them."""
        stock = _read(levels, list[availability.StockLevel])
        low = resources.store.low_stock_level
        await availability.refresh(resources.catalog, resources.catalog_cache, stock, low)

    async def open_payment(attempt_id: str) -> None:
        """What the shopper's request had no time for; and the beginning of the looks that follow."""
        await following.poll_payment(checkout, _id(attempt_id), 0)

    async def poll_payment(attempt_id: str, looks: int) -> None:
        await following.poll_payment(checkout, _id(attempt_id), _read(looks, int))

    async def expire_order(order_id: str) -> None:
        """Every order comes by here once, so what is old is swept, and what was forgotten is remembered,
        at the pace at which the shop works."""
        await orders.expire_order(checkout, _id(order_id))
        await sweeping.sweep(checkout.database)
        await stragglers.remind(checkout.database)

    async def send_refund(refund_id: str, tries: int = 0) -> None:
        await refunds.send_refund(checkout, _id(refund_id), _read(tries, int))

    async def send_receipt(order_id: str) -> None:
        await mails.send_receipt(*post, _id(order_id))

    async def send_shipped(fulfilment_id: str) -> None:
        await mails.send_shipped(*post, _id(fulfilment_id))

    async def send_refunded(refund_id: str) -> None:
        await mails.send_refunded(*post, _id(refund_id))

    async def stock_initially(levels: list[dict[str, Any]]) -> None:
        """`levels`: `[{"sku", "level"}]`, as an import enqueues them."""
        await stock.stock_initially(checkout.database, _read(levels, list[stock.FirstLevel]))

    async def run_bulk(bulk_id: str) -> None:
        await running.run(resources.jobs, _id(bulk_id))

    async def sweep() -> None:
        await sweeping.sweep_all(checkout.database)

    async def remind() -> None:
        await stragglers.remind(checkout.database)

    async def rank() -> None:
        await popularity.rank(resources.catalog)

    async def purge_jobs() -> None:
        keep = resources.keep
        await purge.purge_jobs(resources.jobs.database, keep.job_keep_done_hours, keep.job_keep_failed_days)

    async def purge_statistics() -> None:
        await purge.purge_statistics(resources.jobs.database)

    async def purge_staff() -> None:
        await forgetting.forget(resources.jobs.database)

    _declare(broker, running.ACTOR, run_bulk, _SWEEP_SECONDS, **_BULK)
    _declare(broker, "catalog.refresh_availability", refresh_availability, **_FOR_DAYS)
    for promise in (open_payment, poll_payment, expire_order, send_refund):
        _declare(broker, f"checkout.{promise.__name__}", promise, **_NEVER_GIVEN_UP)
    for work in (send_receipt, send_shipped, send_refunded, stock_initially):
        _declare(broker, f"checkout.{work.__name__}", work, **_FOR_DAYS)
    rounds = {
        "catalog.rank": rank,
        "checkout.sweep": sweep,
        "checkout.remind": remind,
        "jobs.purge": purge_jobs,
        "jobs.purge_statistics": purge_statistics,
        "jobs.purge_staff": purge_staff,
    }
    for name, round_ in rounds.items():
        _declare(broker, name, round_, _SWEEP_SECONDS, **_UNTIL_THE_NEXT_RUN)


def declare_fast_actors(broker: Broker, resources: WorkerResources) -> None:
    async def count_views(counts: dict[str, int]) -> None:
        """`counts`: `{slug: views}`."""
        await views.count_views(resources.catalog, msgspec.convert(counts, dict[str, int]))

    _declare(broker, views.COUNT_VIEWS.actor, count_views)


def _id(given: str) -> uuid.UUID:
    return _read(given, uuid.UUID)


def _read(given: Any, kind: type[T]) -> T:
    """An argument as the actor needs it. Raises Malformed: trying again would not make it better."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from None


def _declare(
    broker: Broker,
    name: str,
    work: Callable[..., Awaitable[None]],
    limit_seconds: float = _CALL_SECONDS,
    **options: Any,
) -> None:
    takes = inspect.signature(work)

    async def run(*arguments: Any) -> None:
        try:
            takes.bind(*arguments)
        except TypeError as error:
            raise Malformed(f"{name}: {error}") from None
        try:
            await within(limit_seconds, work(*arguments))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                raise
            raise HandedBack() from None

    blocked_ms = round((limit_seconds + _BLOCKED_SECONDS) * 1000)
    dramatiq.actor(actor_name=name, broker=broker, time_limit=blocked_ms, **options)(run)
