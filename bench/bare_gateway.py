"""A payment gateway that opens intents and does nothing else: what orders are measured against, so that
the sandbox's own speed is not."""

from __future__ import annotations

import itertools
import sys
from urllib.parse import parse_qsl

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from ops.local.ports import HOST

_numbers = itertools.count()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    form = dict(parse_qsl((await Request(scope, receive).body()).decode()))
    intent = {
        "id": f"pi_{next(_numbers)}",
        "status": "requires_payment_method",
        "amount": int(form["amount"]),
        "currency": form["currency"],
        "client_secret": "secret",
        "metadata": {"attempt": form["metadata[attempt]"]},
    }
    await JSONResponse(intent)(scope, receive, send)


if __name__ == "__main__":
    uvicorn.run(app, host=HOST, port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")
