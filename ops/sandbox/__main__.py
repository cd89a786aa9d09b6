"""`python -m ops.sandbox`: the gateway and the mailbox in one process, until SIGTERM.

The keys come from PAYMENT_SECRET_KEY, PAYMENT_PUBLISHABLE_KEY and PAYMENT_WEBHOOK_SECRETS. Port 0 lets
the system choose; the log's line `listening` tells which.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import socket
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import ASGIApp

from ops.sandbox import mail_server
from ops.sandbox.app import sandbox_app
from ops.sandbox.connections import CuttableProtocol
from ops.sandbox.deliveries import Deliveries
from ops.sandbox.faults import Faults
from ops.sandbox.gateway import Gateway
from ops.sandbox.keys import SandboxKeys
from ops.sandbox.mail_server import MailFaults
from ops.sandbox.replies import Replies
from ops.sandbox.settlement import settle_processed
from ops.sandbox.store import Store
from services.logs import configure_logs
from services.process import QuietServer, listen, stop_event
from services.settings import ProcessSettings

logger = logging.getLogger("kiosk.sandbox")
HOST = "127.0.0.1"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.sandbox", description="Payments and mail for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--state", type=Path, required=True, help="a SQLite file, made when it is not there")
    parser.add_argument("--webhook-url", help="where signed events go; without it they go nowhere")
    parser.add_argument("--public-url", help="where a browser finds /sandbox; this process itself by default")
    parser.add_argument("--processing-seconds", type=float, default=3.0, help="what a slow payment takes")
    chosen = parser.parse_args()
    configure_logs("sandbox", ProcessSettings.read())
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    uvloop.run(run(chosen))


async def run(chosen: argparse.Namespace) -> None:
    keys, faults, mail_faults = SandboxKeys.read(), Faults(), MailFaults()
    http_socket, smtp_socket = listen(HOST, chosen.port), listen(HOST, chosen.smtp_port)
    port, smtp_port = _port_of(http_socket), _port_of(smtp_socket)
    store = Store(chosen.state)
    deliveries = Deliveries(store, faults, keys.signing_secret, chosen.webhook_url)
    public_url = (chosen.public_url or f"http://{HOST}:{port}").rstrip("/")
    gateway = Gateway(store, keys, faults, Replies(store), deliveries, public_url, chosen.processing_seconds)
    stop, _again = stop_event()
    server = _server(sandbox_app(gateway, mail_faults))
    mail = await mail_server.listen(store, mail_faults, smtp_socket)
    serving = asyncio.create_task(server.serve([http_socket]))
    loops = [asyncio.create_task(deliveries.run()), asyncio.create_task(settle_processed(gateway))]
    stopping = asyncio.create_task(stop.wait())
    logger.info("listening", extra={"facts": {"port": port, "smtp_port": smtp_port}})
    await asyncio.wait({serving, *loops, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    mail.close()
    await serving
    for loop in loops:
        await _end(loop)
    stopping.cancel()
    store.close()


def _server(app: ASGIApp) -> QuietServer:
    """Those who hang on purpose get one second at the end."""
    return QuietServer(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=CuttableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
    )


async def _end(task: asyncio.Task[None]) -> None:
    """Cancels it; one that failed by itself tells why."""
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return


def _port_of(opened: socket.socket) -> int:
    return int(opened.getsockname()[1])


if __name__ == "__main__":
    main()
