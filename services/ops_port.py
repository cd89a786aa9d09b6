"""The operator's door of every process: `/livez`, `/readyz`, `/status`, `/metrics` on a port of its own,
which Traefik never routes to."""

from __future__ import annotations

import msgspec
import prometheus_client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.lifecycle import Lifecycle
from services.process_status import process_status
from services.routes import ExactRoute


def ops_app(lifecycle: Lifecycle, release: str) -> Starlette:
    async def livez(_request: Request) -> Response:
        """Always 200, by no I/O: a dependency's outage never kills a task. `starting` until the process
        has been ready once, which `services/healthcheck.py` takes for not healthy yet: so Docker lets a
        new replica take over only then."""
        return PlainTextResponse("alive\n" if lifecycle.has_been_ready else "starting\n")

    async def readyz(_request: Request) -> Response:
        return PlainTextResponse(lifecycle.state + "\n", 200 if lifecycle.ready else 503)

    async def status(_request: Request) -> Response:
        told = msgspec.json.encode(process_status(lifecycle, release))
        return Response(told, media_type="application/json")

    async def metrics(_request: Request) -> Response:
        return Response(prometheus_client.generate_latest(), media_type=prometheus_client.CONTENT_TYPE_LATEST)

    doors = {"/livez": livez, "/readyz": readyz, "/status": status, "/metrics": metrics}
    return Starlette(routes=[ExactRoute(path, answer) for path, answer in doors.items()])
