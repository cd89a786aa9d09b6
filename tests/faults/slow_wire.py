"""A wire to PostgreSQL on which every answer takes its time: slow without needing the CPU."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit, urlunsplit


@asynccontextmanager
async def slow_wire(database_url: str, seconds: float) -> AsyncIterator[str]:
    """The URL by which the same database is reached over the wire."""
    parts = urlsplit(database_url)
    folder = parse_qs(parts.query).get("host", [""])[0]

    async def open_server() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if folder:
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{parts.port or 5432}")
        return await asyncio.open_connection(parts.hostname, parts.port or 5432)

    async def carry(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        server, there = await open_server()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(client, there, 0))
                both.create_task(_copy(server, back, seconds))
        finally:
            back.close()
            there.close()

    listener = await asyncio.start_server(carry, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    who = f"{parts.username}@" if parts.username and not parts.password else ""
    if parts.password:
        who = f"{parts.username}:{parts.password}@"
    try:
        yield urlunsplit(parts._replace(netloc=f"{who}127.0.0.1:{port}", query=""))
    finally:
        listener.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, seconds: float) -> None:
    with suppress(OSError):
        while piece := await source.read(65_536):
            await asyncio.sleep(seconds)  # the wire is as slow as this
            target.write(piece)
            await target.drain()
    with suppress(OSError):
        target.close()
