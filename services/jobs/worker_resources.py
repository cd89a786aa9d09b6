"""What actors work with: each use case's own role in PostgreSQL, and the cache it must keep honest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.cache import ResponseCache
from services.checkout.carts.quotes import Quotes
from services.checkout.mail.letters import Letters
from services.checkout.mail.mailer import Mailer
from services.checkout.outside_calls import OutsideCalls
from services.checkout.payments.gateway import Gateway
from services.checkout.resources import Checkout
from services.database import open_database, role_url
from services.internal_client import InternalClient
from services.jobs.resources import jobs_of, with_patience
from services.limits.limiter import Limiter
from services.redis_client import RedisClient
from services.settings import (
    CacheSettings,
    CheckoutSettings,
    DatabaseSettings,
    LimitSettings,
    MailSettings,
    PaymentSettings,
    ProcessSettings,
    RedisSettings,
    StoreSettings,
    WorkerSettings,
)

_JOBS_POOL = 3


class WorkerResources:
    """Made before the actors' loop runs, opened on it."""

    def __init__(
        self, data: DatabaseSettings, redis: RedisSettings, caching: CacheSettings, store: StoreSettings
    ) -> None:
        self.store = store
        self.catalog = open_database(
            role_url(data, "catalog"), data, pool_max=data.database_worker_pool_max, name="worker"
        )
        self._redis = RedisClient(redis, "cache")
        self.catalog_cache = ResponseCache("catalog", self._redis, caching)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        await self.catalog.connect()
        try:
            yield
        finally:
            await self._redis.close()
            await self.catalog.disconnect()


class DurableResources(WorkerResources):
    """What the durable actors need besides: checkout's tables, the gateway, the mail server, both backends of
    jobs and how long to keep them. Redis is reached when a job asks for it: a worker works without it."""

    def __init__(
        self,
        process: ProcessSettings,
        data: DatabaseSettings,
        redis: RedisSettings,
        caching: CacheSettings,
        store: StoreSettings,
    ) -> None:
        super().__init__(data, redis, caching, store)
        database = open_database(
            role_url(data, "checkout"), data, pool_max=data.database_worker_pool_max, name="worker"
        )
        self.jobs = jobs_of(data, with_patience(redis), process, pool_max=_JOBS_POOL, name="worker")
        self.keep = WorkerSettings.read()
        self._client = InternalClient(process)
        calls, mail = OutsideCalls(database), MailSettings.read()
        self.mailer = Mailer(mail, calls)
        self.letters = Letters(mail, store.store_name, process.public_url)
        terms, limits = CheckoutSettings.read(), LimitSettings.read()
        self.checkout = Checkout(
            database,
            Quotes(self._client, terms.quote_timeout_seconds),
            Gateway(PaymentSettings.read(), calls),
            store,
            terms,
            data.database_acquire_timeout_seconds,
            limits,
            Limiter(limits, None),
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        async with super().open(), self.jobs.open():
            await self.checkout.database.connect()
            try:
                yield
            finally:
                await self.checkout.gateway.close()
                await self._client.close()
                await self.checkout.database.disconnect()
