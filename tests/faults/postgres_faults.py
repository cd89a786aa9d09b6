"""What can be wrong with PostgreSQL, made to happen to a real one: stopped, silent, out of connections,
locked, out of disk, turned read-only."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ops.local.postgres import SOCKET_NAME, TemporaryPostgres
from ops.local.sockets import short_folder
from tests import freezing
from tests.faults.fault_kinds import BLACK_HOLE
from tests.faults.fault_proxy import FaultProxy, fault_proxy

_DISK_BYTES = 640 * 1024 * 1024
_BLOCK_BYTES = 4096
_LOCKED = "catalog.categories, catalog.products, catalog.variants, checkout.carts, checkout.cart_lines"
_END_THE_SERVICES_SESSIONS = """
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename <> 'postgres'
"""


@dataclass
class Ground:
    """A server on a disk of its own, with a proxy before it. `small_disk` is None where none may be made."""

    server: TemporaryPostgres
    proxy: FaultProxy
    small_disk: Path | None

    @property
    def url(self) -> str:
        """By which the store reaches it."""
        return f"postgresql://postgres@{self.proxy.host}:{self.proxy.port}/kiosk"


@contextmanager
def ground() -> Iterator[Ground]:
    with short_folder("kiosk-postgres-", SOCKET_NAME) as folder, ExitStack() as after:
        os.chmod(folder, 0o711)  # its account must walk through; what is inside is private
        mounted = _mount(folder)
        if mounted:
            after.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
        server = TemporaryPostgres(folder, durable=True)  # what is committed outlives its kill
        after.callback(server.stop)
        server.start()
        proxy = after.enter_context(fault_proxy(str(server.cluster.sockets / SOCKET_NAME)))
        yield Ground(server, proxy, folder if mounted else None)


def _mount(folder: Path) -> bool:
    options = f"size={_DISK_BYTES},mode=711"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True
    )
    return done.returncode == 0


Fault = Callable[[Ground], AbstractContextManager[None]]


@contextmanager
def stopped(ground: Ground) -> Iterator[None]:
    ground.server.stop()
    try:
        yield
    finally:
        ground.server.start()


@contextmanager
def killed(ground: Ground) -> Iterator[None]:
    """It has to recover at its next start."""
    ground.server.kill()
    try:
        yield
    finally:
        ground.server.start()


@contextmanager
def frozen(ground: Ground) -> Iterator[None]:
    """Connections are taken by the kernel, and nobody ever speaks."""
    with freezing.frozen(ground.server.pid):
        yield


@contextmanager
def black_hole(ground: Ground) -> Iterator[None]:
    with ground.proxy.broken(BLACK_HOLE):
        yield


@contextmanager
def connections_exhausted(ground: Ground) -> Iterator[None]:
    """Every connection that the server allows is somebody else's, and the services have lost theirs."""
    with _owner(ground) as (owner, run):
        taken: list[asyncpg.Connection] = []
        try:
            run(_take_all(ground.server.url, owner, taken))
            yield
        finally:
            run(_close(taken))


async def _take_all(url: str, owner: asyncpg.Connection, taken: list[asyncpg.Connection]) -> None:
    """Ends the services' sessions until there is no room for another one."""
    while True:
        ended = await owner.fetchval(_END_THE_SERVICES_SESSIONS)
        try:
            while True:
                taken.append(await asyncpg.connect(url))
        except asyncpg.TooManyConnectionsError:
            if not ended:
                return


async def _close(connections: list[asyncpg.Connection]) -> None:
    await asyncio.gather(*(connection.close() for connection in connections))


@contextmanager
def locked(ground: Ground) -> Iterator[None]:
    """Somebody holds the hottest tables, as a careless migration would."""
    with _owner(ground) as (owner, run):
        run(owner.execute("BEGIN"))
        run(owner.execute(f"LOCK TABLE {_LOCKED} IN ACCESS EXCLUSIVE MODE"))
        try:
            yield
        finally:
            run(owner.execute("ROLLBACK"))


@contextmanager
def disk_full(ground: Ground) -> Iterator[None]:
    """Not one page more fits; what fits into pages that are there may still be written."""
    if ground.small_disk is None:
        if os.environ.get("CI"):
            pytest.fail("needs to mount a tmpfs")
        pytest.skip("needs to mount a tmpfs")
    ballast = ground.small_disk / "ballast"
    with _owner(ground) as (owner, run):
        try:
            _fill(ballast)
            with pytest.raises(asyncpg.DiskFullError):
                run(owner.execute("CREATE TABLE public.one_more AS SELECT generate_series(1, 100000)"))
            yield
        finally:
            ballast.unlink()


def _fill(ballast: Path) -> None:
    """Piece by piece: the server writes meanwhile."""
    piece_bytes, size_bytes = 16 * 1024 * 1024, 0
    with ballast.open("wb") as file:
        while piece_bytes >= _BLOCK_BYTES:
            try:
                os.posix_fallocate(file.fileno(), size_bytes, piece_bytes)
                size_bytes += piece_bytes
            except OSError as full:
                if full.errno != errno.ENOSPC:
                    raise
                piece_bytes //= 2


@contextmanager
def read_only(ground: Ground) -> Iterator[None]:
    """As the old primary is after a fail-over."""
    with _owner(ground) as (owner, run):
        run(owner.execute("ALTER SYSTEM SET default_transaction_read_only = on"))
        run(owner.execute("SELECT pg_reload_conf()"))
        try:
            yield
        finally:
            run(owner.execute("SET default_transaction_read_only = off"))
            run(owner.execute("ALTER SYSTEM RESET default_transaction_read_only"))
            run(owner.execute("SELECT pg_reload_conf()"))


Run = Callable[[Coroutine[Any, Any, Any]], Any]


@contextmanager
def _owner(ground: Ground) -> Iterator[tuple[asyncpg.Connection, Run]]:
    """The owner's connection, past the proxy, and what runs its statements."""
    with asyncio.Runner() as runner:
        owner = runner.run(asyncpg.connect(ground.server.url))
        try:
            yield owner, runner.run
        finally:
            runner.run(owner.close())
