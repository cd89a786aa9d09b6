"""One pool of connections to PostgreSQL: what `databases` makes it of, and the pulse that watches over it.

`services.database` is the only way in.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
from databases import Database

from services import metrics
from services.database_pulse import Pulse, says_nothing_of_the_server
from services.database_url import one_host
from services.settings import DatabaseSettings

_CONNECTS_AT_ONCE = 2
_GOODBYE_SECONDS = 3.0


async def _keep_session(_connection: Any) -> None:
    """Our code leaves no session state behind, so a returned connection needs no RESET round trip
    (a third of a list page's database time)."""


class Pool(Database):
    """The pool of `databases` with its pulse."""

    def __init__(self, url: str, settings: DatabaseSettings, *, pool_max: int, name: str) -> None:
        self._connects = asyncio.Semaphore(_CONNECTS_AT_ONCE)
        self._connect_options: dict[str, Any] = {}  # as the pool gives them
        self.lock_seconds = settings.database_lock_timeout_seconds
        url = one_host(url)
        options = _connection_options(url, settings, name)
        super().__init__(
            url, min_size=0, max_size=pool_max, reset=_keep_session, connect=self._connect_in_turn, **options
        )
        self.pulse = Pulse(
            name,
            self._knock,
            self.expire,
            self.count,
            after_seconds=settings.database_pulse_after_seconds,
            patience_seconds=settings.database_pulse_seconds,
            gauge=metrics.db_pool_away.labels(name),
        )

    async def disconnect(self) -> None:
        """A server that has fallen silent would not confirm the end of a session: cut after a moment."""
        self.pulse.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await super().disconnect()

    async def expire(self) -> None:
        """Has every connection replaced when it is next asked for."""
        if (pool := self._pool) is not None:
            await pool.expire_connections()

    def count(self, state: str) -> float:
        """Connections that are `idle` or `busy`; 0 before the pool is connected."""
        if self._pool is None:
            return 0.0
        idle = self._pool.get_idle_size()
        return float(idle if state == "idle" else self._pool.get_size() - idle)

    @property
    def _pool(self) -> Any:
        """The pool behind `databases`, which does not show it."""
        return getattr(self._backend, "_pool", None)

    async def _connect_in_turn(self, url: str, **options: Any) -> asyncpg.Connection:
        """Few at a time: a server that has just come back is not overrun."""
        self._connect_options = options = {"dsn": url, **options}
        async with self._connects:
            return await asyncpg.connect(**options)

    async def _knock(self) -> None:
        """Asks on a connection that lies idle and on a new one. Either's answer is a sign of life: on a
        starved machine a new session costs a hundred times as much, behind a new server only that one leads
        anywhere. A new one that fails on our side of the wire leaves the word to the other."""
        idle, anew = asyncio.create_task(self._ask_idle()), asyncio.create_task(self._ask_anew())
        try:
            await asyncio.wait({idle, anew}, return_when=asyncio.FIRST_COMPLETED)
            failed = anew.exception() if anew.done() else None
            if failed is not None and says_nothing_of_the_server(failed):
                await asyncio.wait({idle})
            if not (idle.done() and idle.result()):
                await anew
        finally:
            idle.cancel()
            anew.cancel()
            await asyncio.gather(idle, anew, return_exceptions=True)  # ended, and whatever they say is heard

    async def _ask_idle(self) -> bool:
        """Whether there was a connection to ask on, and an answer."""
        pool = self._pool
        if pool is None or not pool.get_idle_size():
            return False
        try:
            async with pool.acquire() as asked:
                try:
                    return bool(await asked.fetchval("SELECT true"))
                except asyncio.CancelledError:
                    asked.terminate()  # giving it back would wait for the server, too
                    raise
        except Exception:  # whatever it is, it is no answer: the new one's counts
            return False

    async def _ask_anew(self) -> None:
        knocking = await asyncpg.connect(**self._connect_options)
        try:
            await knocking.fetchval("SELECT 1")
        finally:
            knocking.terminate()  # a goodbye would be one more thing to wait for


def _connection_options(url: str, settings: DatabaseSettings, name: str) -> dict[str, Any]:
    statement_ms = int(settings.database_statement_timeout_seconds * 1000)
    lock_ms = int(settings.database_lock_timeout_seconds * 1000)
    return {
        # asyncpg reads the URL itself, in place of `databases`, which would pass over most of what it says.
        "dsn": url,
        **dict.fromkeys(("host", "port", "user", "password", "database")),
        "timeout": settings.database_connect_timeout_seconds,
        "command_timeout": settings.database_statement_timeout_seconds + 0.5,
        "server_settings": {
            "application_name": f"kiosk-{name}",
            "statement_timeout": str(statement_ms),
            "lock_timeout": str(lock_ms),
            "idle_in_transaction_session_timeout": str(statement_ms * 2),
            "timezone": "UTC",
            # Short questions on few cores: neither pays, both surprise.
            "jit": "off",
            "max_parallel_workers_per_gather": "0",
        },
    }
