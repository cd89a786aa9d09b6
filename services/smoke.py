"""Before a web process is ready for the first time, it asks itself what shoppers will ask: a release that
answers 500 then never takes over. 503 passes: it says that a dependency is away, and this process is to be
there when it comes back. The few requests come in by the app's own port, so they count in its metrics. Who
does not pass in TRIES_MAX tries gives up: the process ends with 1, and whoever started it knows at once.
"""

from __future__ import annotations

import asyncio
import logging
import socket

from services.lifecycle import Lifecycle

logger = logging.getLogger("kiosk.smoke")

TRIES_MAX = 15
_AGAIN_SECONDS, _LOOK_SECONDS, _TIMEOUT_SECONDS = 1.0, 0.05, 10.0


async def pass_smoke(
    paths: tuple[str, ...], door: socket.socket, lifecycle: Lifecycle, stop: asyncio.Event
) -> None:
    """Latches `started` once no path is answered by an error of ours; tries again each second until then,
    and gives up (`lifecycle.gave_up`, `stop` set) after TRIES_MAX tries. Waits for the schema first,
    without which nothing could pass."""
    while paths and not lifecycle.schema_compatible:  # noqa: ASYNC110  # a plain flag, set once
        await asyncio.sleep(_LOOK_SECONDS)
    for _ in range(TRIES_MAX):
        problems = [problem for path in paths if (problem := await _problem(path, door))]
        if not problems:
            lifecycle.started = True
            return
        for problem in problems:
            logger.error("smoke: %s", problem)
        lifecycle.waiting_for = f"smoke: {problems[0]}"
        await asyncio.sleep(_AGAIN_SECONDS)
    lifecycle.gave_up = True
    stop.set()


async def _problem(path: str, door: socket.socket) -> str | None:
    """What speaks against being ready, such as `GET / answered 500`."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            status = await _status(path, *door.getsockname()[:2])  # 0.0.0.0 leads to this machine as well
    except (OSError, ValueError, IndexError) as error:
        return f"GET {path} was not answered: {error!r}"
    return f"GET {path} answered {status}" if status >= 500 and status != 503 else None


async def _status(path: str, host: str, port: int) -> int:
    """Raises OSError; ValueError or IndexError for what is no answer."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
