"""`python -m ops.worker_releases` prints every worker that lives, as JSON: by its row in `jobs.workers`. A
one-shot task of each deploy, which then knows that the new workers work and which release they are.

With `--release RELEASE --hosts HOST,HOST` it waits up to `--seconds` until each of these containers has a row
of the release.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

import asyncpg
import msgspec

from ops.console import OperatorError
from services.database import role_url
from services.settings import DatabaseSettings

_CONNECT_TIMEOUT_SECONDS = 10.0
_PATIENCE = {"statement_timeout": "10000", "lock_timeout": "5000"}  # milliseconds
_AGAIN_SECONDS = 0.5
_ALIVE = """
SELECT kind, host, release, extract(epoch FROM now() - seen_at)::float8 AS seen_seconds_ago
FROM jobs.workers
WHERE stopped_at IS NULL AND leased_until > now()
ORDER BY kind, host
"""


class LivingWorker(msgspec.Struct, frozen=True):
    """`host` is the container's name, `seen_seconds_ago` the age of its last heartbeat."""

    kind: str
    host: str
    release: str
    seen_seconds_ago: float


async def living_workers(
    settings: DatabaseSettings, release: str = "", hosts: frozenset[str] = frozenset(), seconds: float = 0.0
) -> list[LivingWorker]:
    """Asks with the role of `jobs`, again and again until all `hosts` are of the release or the time is
    over. Raises OperatorError."""
    deadline = time.monotonic() + seconds
    try:
        connection = await asyncpg.connect(
            role_url(settings, "jobs"), timeout=_CONNECT_TIMEOUT_SECONDS, server_settings=_PATIENCE
        )
    except (TimeoutError, OSError, asyncpg.PostgresError) as error:
        raise OperatorError(f"cannot reach PostgreSQL: {error!r}") from None
    try:
        while True:
            workers = [LivingWorker(**row) for row in await connection.fetch(_ALIVE)]
            there = {worker.host for worker in workers if worker.release == release}
            if hosts <= there or time.monotonic() > deadline:
                return workers
            await asyncio.sleep(_AGAIN_SECONDS)
    finally:
        await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.worker_releases", description="Who works.")
    parser.add_argument("--release", default="")
    parser.add_argument("--hosts", default="")
    parser.add_argument("--seconds", type=float, default=0.0)
    chosen = parser.parse_args()
    hosts = frozenset(filter(None, chosen.hosts.split(",")))
    workers = asyncio.run(living_workers(DatabaseSettings.read(), chosen.release, hosts, chosen.seconds))
    sys.stdout.write(msgspec.json.encode(workers).decode() + "\n")


if __name__ == "__main__":
    main()
