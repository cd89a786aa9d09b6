"""What can be wrong with Redis itself, made on a real Valkey: a proxy can't do these.

Each is a context manager over a running server, which is whole again after it. They are made through the
server's own unix socket, past whatever its clients go through, on a connection opened before.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import redis

from ops.local.ports import free_port
from ops.local.valkey import TemporaryValkey, temporary_valkey
from tests.store import wait_until

# Loading these takes 18 s, or no time once the delay is taken back. The values are large because a server
# that loads looks at its clients only once in a buffer's length; they can't be compressed away.
_LOAD_KEYS, _LOAD_BYTES, _LOAD_DELAY_MICROSECONDS = 600, 40_000, 30_000
_FLUSH_EVERY_SECONDS = 0.1

RedisFault = Callable[[TemporaryValkey], AbstractContextManager[None]]


@contextmanager
def administrator(server: TemporaryValkey) -> Iterator[redis.Redis]:
    """One connection, kept open: it is let in whatever becomes of the others."""
    with redis.Redis(
        unix_socket_path=str(server.store.socket), socket_timeout=30, single_connection_client=True
    ) as admin:
        admin.ping()
        yield admin


def _order(admin: redis.Redis, *words: str | int) -> None:
    admin.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py gives it no types


@contextmanager
def _set(admin: redis.Redis, **settings: str) -> Iterator[None]:
    named = {name.replace("_", "-"): value for name, value in settings.items()}
    before = {name: str(admin.config_get(name)[name]) for name in named}
    for name, value in named.items():
        admin.config_set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            admin.config_set(name, value)


def _throw_out_everybody(admin: redis.Redis) -> None:
    _order(admin, "CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")


@contextmanager
def loading(server: TemporaryValkey) -> Iterator[None]:
    """`LOADING`, as after a start with much data: it copies another server, slowly. What it held is gone."""
    with (
        administrator(server) as admin,
        temporary_valkey() as other,
        administrator(other) as source,
        _set(admin, replica_read_only="no"),
    ):
        port = free_port()
        source.config_set("port", port)
        source.config_set("repl-diskless-sync-delay", 0)
        for number in range(_LOAD_KEYS):
            source.set(f"load:{number}", secrets.token_bytes(_LOAD_BYTES), ex=600)
        admin.config_set("loading-process-events-interval-bytes", 1024)
        admin.config_set("key-load-delay", _LOAD_DELAY_MICROSECONDS)
        _order(admin, "REPLICAOF", "127.0.0.1", port)
        wait_until(lambda: bool(admin.info("persistence")["loading"]), "it is loading")
        try:
            yield
            assert admin.info("persistence")["loading"], "it was loading all the time"
        finally:
            admin.config_set("key-load-delay", 0)
            wait_until(lambda: not admin.info("persistence")["loading"], "it has loaded")
            _order(admin, "REPLICAOF", "NO", "ONE")
            admin.flushall()


@contextmanager
def out_of_memory(server: TemporaryValkey) -> Iterator[None]:
    """`OOM` on everything that stores."""
    with administrator(server) as admin, _set(admin, maxmemory_policy="noeviction", maxmemory="1"):
        yield


@contextmanager
def too_many_clients(server: TemporaryValkey) -> Iterator[None]:
    """Nobody is let in, and those who were in are thrown out."""
    with administrator(server) as admin, _set(admin, maxclients="1"):
        _throw_out_everybody(admin)
        yield


@contextmanager
def flushed(server: TemporaryValkey) -> Iterator[None]:
    """Emptied ten times a second: what was just written is gone, scripts too."""
    done = threading.Event()

    def flush() -> None:
        with administrator(server) as admin:
            while not done.is_set():
                admin.flushall()
                admin.script_flush()
                done.wait(_FLUSH_EVERY_SECONDS)

    flusher = threading.Thread(target=flush, name="flusher")
    flusher.start()
    try:
        yield
    finally:
        done.set()
        flusher.join()


@contextmanager
def _replica(server: TemporaryValkey, serves_stale_data: str) -> Iterator[None]:
    with administrator(server) as admin, _set(admin, replica_serve_stale_data=serves_stale_data):
        _order(admin, "REPLICAOF", "127.0.0.1", 1)  # nobody listens there
        try:
            yield
        finally:
            _order(admin, "REPLICAOF", "NO", "ONE")


@contextmanager
def read_only(server: TemporaryValkey) -> Iterator[None]:
    """`READONLY` on every write: a fail-over has made it a replica."""
    with _replica(server, "yes"):
        yield


@contextmanager
def primary_down(server: TemporaryValkey) -> Iterator[None]:
    """`MASTERDOWN` on everything: a replica that has lost its primary and says so."""
    with _replica(server, "no"):
        yield


@contextmanager
def other_password(server: TemporaryValkey) -> Iterator[None]:
    """`NOAUTH`, or `WRONGPASS` for those who have the old one: somebody changed the password."""
    with administrator(server) as admin, _set(admin, requirepass=secrets.token_hex(8)):
        _throw_out_everybody(admin)
        yield


REDIS_FAULTS: dict[str, RedisFault] = {
    "loading": loading,
    "out of memory": out_of_memory,
    "too many clients": too_many_clients,
    "flushed": flushed,
    "read-only": read_only,
    "primary down": primary_down,
    "other password": other_password,
}
