"""redis-py's connections and their pool, which say what went wrong: Redis, or too many of us at once.

A line that was reset is a lost connection, on uvloop too.

uvloop closes a connection that the other side resets, and whoever then writes to it gets a RuntimeError
("the handler is closed"), where asyncio's own loop has nothing to say. redis-py passes it on, past everyone
who is ready for RedisError and OSError: an answer becomes a 500, a background loop ends its process.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from redis.asyncio.connection import (
    AbstractConnection,
    BlockingConnectionPool,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.exceptions import ConnectionError as ConnectionLost


class _SaysSo(AbstractConnection):
    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:  # the connection is given up already: the next command opens another
            raise ConnectionLost(str(error)) from error


class _Tcp(_SaysSo, Connection):
    """By TCP."""


class _Tls(_SaysSo, SSLConnection):
    """By TLS."""


class _Unix(_SaysSo, UnixDomainSocketConnection):
    """By a socket of this machine."""


_OURS: dict[type[AbstractConnection], type[AbstractConnection]] = {
    Connection: _Tcp,
    SSLConnection: _Tls,
    UnixDomainSocketConnection: _Unix,
}


class PoolBusy(ConnectionLost):
    """All connections are in use by others of this process; of Redis it says nothing."""


class BusyPool(BlockingConnectionPool):
    """Tells a wait in vain for one of its connections from a failure of Redis."""

    async def get_connection(self, *arguments: Any, **options: Any) -> AbstractConnection:
        try:
            connection: AbstractConnection = await super().get_connection(*arguments, **options)  # type: ignore[no-untyped-call]  # redis-py's decorator has no types
            return connection
        except ConnectionLost as error:
            if str(error) == "No connection available.":  # redis-py's own words; there is no class for it
                raise PoolBusy("all connections are in use") from error
            raise


def use_our_connections(pool: ConnectionPool) -> None:
    """Those that the pool opens from now on."""
    pool.connection_class = _OURS[pool.connection_class]
