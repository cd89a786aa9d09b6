"""A small service whose requests stay inside until its door opens, for tests of who is let in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import prometheus_client
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.decode import Input
from services.lifecycle import Lifecycle
from services.operations import Call, operation
from services.request_context import current_request
from services.service import Service
from services.settings import ProcessSettings
from tests.store import wait_until_async


class Word(Input, frozen=True):
    """What may be said."""

    word: str = ""


class House:
    """Requests stay inside until the door opens."""

    def __init__(self) -> None:
        self.door = asyncio.Event()
        self.inside = 0
        self.deadlines: list[float | None] = []
        self.reserved: list[bool] = []


async def stay(call: Call[House, Any, Any]) -> dict[str, str]:
    house, context = call.resources, current_request.get()
    assert context is not None
    house.inside += 1
    house.deadlines.append(context.time_left)
    house.reserved.append(context.reserved)
    await house.door.wait()
    return {}


@asynccontextmanager
async def _nothing(_settings: ProcessSettings, _lifecycle: Lifecycle) -> AsyncIterator[None]:
    yield


def page(_request: Request, status: int, title: str) -> Response:
    return HTMLResponse(f"<h1>{title}</h1>", status)


def service_of(name: str, **more: Any) -> Service:
    """With an operation of each kind; `name` is its own in the metrics."""
    return Service(
        name=name,
        resources=_nothing,
        operations=[
            operation("GET", "/api/look", stay, "Look"),
            operation("POST", "/api/say", stay, "Say", body=Word),
            operation("POST", "/api/carts/{id}/order", stay, "Order", admission="reserved"),
            operation("GET", "/api/carts/{id}/order", stay, "Look at an order"),
            operation("GET", "/api/orders/{id}", stay, "Follow", admission="reserved"),
            operation("GET", "/api/stream", stay, "Stream", admission="exempt"),
        ],
        **more,
    )


@asynccontextmanager
async def opened(service: Service, house: House, **variables: str) -> AsyncIterator[httpx.AsyncClient]:
    """Four may be inside, and nobody waits, unless `variables` say else."""
    small = {"CONCURRENCY_MAX": "4", "CONCURRENCY_WAITING_MAX": "0"}
    app = service.app(ProcessSettings.read({**small, **variables}), Lifecycle(started=True), house)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


Answers = list["asyncio.Task[httpx.Response]"]


async def enter(client: httpx.AsyncClient, house: House, people: int, path: str = "/api/look") -> Answers:
    """As many requests that are let in, and stay."""
    wanted = house.inside + people
    method = "POST" if path.startswith("/api/carts") else "GET"
    tasks = [asyncio.create_task(client.request(method, path)) for _ in range(people)]

    async def all_inside() -> bool:
        return house.inside == wanted

    await wait_until_async(all_inside, "they are let in")
    return tasks


def figure(name: str, **labels: str) -> float:
    """Of the metrics of this process; 0 where nothing was counted yet."""
    return prometheus_client.REGISTRY.get_sample_value(name, labels) or 0.0
