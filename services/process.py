"""One process: the app's server and the ops port's server on one event loop, and a graceful end.

uvicorn closes its listeners at once on SIGTERM, which loses the requests that Traefik still sends
until it has noticed. So signals are ours: serve on with `Connection: close` for LAME_DUCK_SECONDS,
un-ready for the last UNREADY_SECONDS of them, then let uvicorn drain what is in flight, then exit 0.
Not un-ready at once: Traefik asks the swarm for new replicas only now and then, and until it knows them
the old ones are all there is; were they to say no, it would answer 503 by itself. A second signal
ends the lame-duck time; a process that never was ready has none.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from services.events import wait_at_most
from services.http_protocol import protocol_of
from services.lifecycle import Lifecycle
from services.ops_port import ops_app
from services.settings import ProcessSettings
from services.smoke import pass_smoke

logger = logging.getLogger("kiosk.process")

UNREADY_SECONDS = 2.0  # Traefik looks every second (healthcheck.interval in deploy.yml)


class QuietServer(uvicorn.Server):
    """A uvicorn server that leaves signals to its process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(app: ASGIApp, settings: ProcessSettings) -> QuietServer:
    """uvicorn with our time limits; listens where `serve(sockets=...)` says."""
    return QuietServer(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=protocol_of(settings),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=settings.keep_alive_seconds,
            timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raises OSError with the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio (not uvloop) spares answers Nagle's 40 ms only where the socket says that it is TCP.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen(2048)
    except OSError as error:
        opened.close()
        raise OSError(error.errno, f"{host}:{port}: {error.strerror}") from None
    opened.setblocking(False)
    return opened


def stop_event() -> tuple[asyncio.Event, asyncio.Event]:
    """Two events: the first SIGTERM or SIGINT sets one, the next sets the other."""
    first, second = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hear() -> None:
        (second if first.is_set() else first).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, hear)
    return first, second


async def serve(
    app: ASGIApp, lifecycle: Lifecycle, settings: ProcessSettings, smoke_paths: tuple[str, ...] = ()
) -> None:
    """Serves until SIGTERM or SIGINT, then drains. The ops port outlives the app's. Raises SystemExit when
    the smoke paths never passed."""
    asked, again = stop_event()
    app_server, ops_server = server(app, settings), server(ops_app(lifecycle, settings.release), settings)
    ops_task = asyncio.create_task(ops_server.serve([listen(settings.ops_host, settings.ops_port)]))
    door = listen(settings.app_host, settings.app_port)
    app_task = asyncio.create_task(app_server.serve([door]))
    smoke_task = asyncio.create_task(pass_smoke(smoke_paths, door, lifecycle, asked))
    stop_task = asyncio.create_task(asked.wait())
    await asyncio.wait({app_task, ops_task, stop_task}, return_when=asyncio.FIRST_COMPLETED)
    smoke_task.cancel()
    lifecycle.draining = True
    logger.info("draining", extra={"facts": {"lame_duck_seconds": settings.lame_duck_seconds}})
    if settings.lame_duck_seconds and asked.is_set() and lifecycle.has_been_ready:
        await _lame_duck(lifecycle, again, settings.lame_duck_seconds)
    lifecycle.withdrawn = True
    app_server.should_exit = True
    await app_task
    ops_server.should_exit = True
    ops_server.force_exit = True  # scrapers keep connections open; nothing of theirs is lost
    await ops_task
    stop_task.cancel()
    if lifecycle.gave_up:
        raise SystemExit(1)


async def _lame_duck(lifecycle: Lifecycle, again: asyncio.Event, seconds: float) -> None:
    """First as ready as ever, then un-ready; the event ends it."""
    await wait_at_most(again, max(0.0, seconds - UNREADY_SECONDS))
    lifecycle.withdrawn = True
    await wait_at_most(again, min(seconds, UNREADY_SECONDS))
