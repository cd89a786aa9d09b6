"""Requests to the public routes of a store, counted and timed by route: what the fault matrix is made of."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.catalog.app import service as catalog
from services.checkout.app import service as checkout
from services.health.app import service as health
from services.jobs.app import service as jobs
from services.operations import Operation
from services.storefront.app import service as storefront

Route = tuple[str, str]  # method and path template


def public_routes() -> set[Route]:
    """Every operation that the public door lets in; what begins with /internal/ it does not."""
    return set().union(*routes_by_service().values())


def routes_by_service() -> dict[str, set[Route]]:
    """The same by the service that answers it."""
    services = (catalog, checkout, storefront, jobs, health)
    return {service.name: set(_public(service.operations)) for service in services}


def _public(operations: Iterable[Operation]) -> Iterator[Route]:
    return ((one.method, one.path) for one in operations if not one.path.startswith("/internal/"))


@dataclass(frozen=True, slots=True)
class Visit:
    """One request. `status` is 599 when there was no answer."""

    group: str
    route: Route
    status: int
    seconds: float
    said: str


@dataclass
class Visits:
    """One shopper's, shopkeeper's or operator's way through the store. `seen` fills as they go."""

    client: httpx.AsyncClient
    group: str
    seen: list[Visit] = field(default_factory=list)

    async def ask(self, method: str, template: str, /, **request: Any) -> httpx.Response:
        """Asks the route. Its `{names}` are taken from `at`."""
        path = template.format(**request.pop("at", {}))
        started = time.perf_counter()
        try:
            response = await self.client.request(method, path, **request)
        except httpx.HTTPError as error:
            response = httpx.Response(599, text=repr(error), request=httpx.Request(method, path))
        self._note(method, template, response.status_code, started, response.text)
        return response

    async def glance(self, path: str) -> None:
        """GETs a stream that has no end, until it begins."""
        started = time.perf_counter()
        async with self.client.stream("GET", path) as response:
            self._note("GET", path, response.status_code, started, "")

    def _note(self, method: str, template: str, status: int, started: float, text: str) -> None:
        said = "" if status < 500 else f"{status} {text[:300]}"
        took = time.perf_counter() - started
        self.seen.append(Visit(self.group, (method, template), status, took, said))
