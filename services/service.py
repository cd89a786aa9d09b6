"""Assembles a web service: a name, its operations, its resources, and the life around them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from databases import Database
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services import metrics
from services.admission import Admission
from services.client_address import read_proxies
from services.errors import DatabaseUnavailable, Overloaded, ShopError, Unavailable
from services.lifecycle import Lifecycle
from services.limits.layer import REFUSAL, LimitsLayer
from services.limits.limiter import Limiter
from services.logs import configure_logs
from services.operations import Operation
from services.problems import problem_of, problem_of_status
from services.process import serve
from services.request_scope import RequestScope
from services.routes import note_route, routes_of
from services.schema import missing_migrations
from services.settings import ProcessSettings
from services.telemetry import configure_sentry

logger = logging.getLogger("kiosk.service")

Resources = Callable[[ProcessSettings, Lifecycle], AbstractAsyncContextManager[Any]]
ErrorPage = Callable[[Request, int, str], Response]


@dataclass(frozen=True)
class Service:
    """A web process. `resources` opens what the endpoints need (pools, clients) and closes it;
    `error_page` turns errors into pages instead of problem+json where a person is reading.
    `smoke_paths` are GET by the process itself before it is ready (see `smoke`): cheap, and without
    effect. `limiter` finds among the resources what keeps the rules of services/limits/. `admits_all`: no
    request is ever too many (for who tells whether the shop lives)."""

    name: str
    operations: list[Operation]
    resources: Resources
    error_page: ErrorPage | None = None
    middleware: tuple[Callable[[ASGIApp], ASGIApp], ...] = field(default=())
    limiter: Callable[[Any], Limiter] | None = None
    smoke_paths: tuple[str, ...] = ()
    admits_all: bool = False

    def app(self, settings: ProcessSettings, lifecycle: Lifecycle, resources: Any) -> ASGIApp:
        """The ASGI callable; `resources` are already open."""
        starlette = Starlette(
            routes=list(routes_of(self.operations)),
            exception_handlers={
                ShopError: self._on_shop_error,
                HTTPException: self._on_http_error,
                Exception: self._on_unexpected,
            },
        )
        starlette.router.redirect_slashes = False
        starlette.state.settings, starlette.state.resources = settings, resources
        app = self._wrapped(starlette)
        if not self.admits_all:
            busy = self._early(starlette, self._busy)
            app = Admission(app, busy, self.name, self.operations, settings)
        if self.limiter is not None and (limiter := self.limiter(resources)).enabled:
            refuse = self._early(starlette, self._refuse)
            app = LimitsLayer(app, refuse, limiter, settings.admin_api_key)
        proxies = read_proxies(settings.trusted_proxies)
        return RequestScope(app, self.name, settings.release, lifecycle, proxies)

    def _wrapped(self, app: ASGIApp) -> ASGIApp:
        for wrap in self.middleware:
            app = wrap(app)
        return app

    def _early(self, starlette: Starlette, answer: ASGIApp) -> ASGIApp:
        """Answers what is not let in, as `starlette` would. It is counted where it wanted to go: refused
        orders are to be seen as orders."""
        wrapped = self._wrapped(answer)

        async def early(scope: Scope, receive: Receive, send: Send) -> None:
            scope["app"] = starlette
            note_route(starlette.routes, scope)
            await wrapped(scope, receive, send)

        return early

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._on_shop_error(Request(scope), scope[REFUSAL])
        await response(scope, receive, send)

    async def _busy(self, scope: Scope, receive: Receive, send: Send) -> None:
        """For whom there is no place, not all of whom are to come back in the same second."""
        error = Overloaded(retry_after_seconds=random.randint(1, 3))  # noqa: S311
        await self._answer_to(error, Request(scope, receive))(scope, receive, send)

    def _answer_to(self, error: ShopError, request: Request) -> Response:
        problem = problem_of(error)
        if self.error_page is None:
            return problem
        page = self.error_page(request, problem.status_code, error.title)
        page.headers.update(error.headers)
        return _with_retry_after(page, problem)

    async def _on_shop_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, ShopError)
        if isinstance(error, Unavailable):
            facts = {"problem": error.slug, "cause": repr(error.__cause__)}
            logger.warning("could not answer", extra={"facts": facts})
        return self._answer_to(error, request)

    async def _on_http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = problem_of_status(error.status_code, error.headers)
        if self.error_page is None or error.status_code == 405:
            return problem
        return self.error_page(request, error.status_code, error.detail)

    async def _on_unexpected(self, request: Request, _error: Exception) -> Response:
        if self.error_page is None:
            return problem_of_status(500)
        return self.error_page(request, 500, "Something went wrong")

    async def run(self, settings: ProcessSettings) -> None:
        """Runs the process until it is told to stop."""
        configure_logs(self.name, settings)
        configure_sentry(self.name, settings)
        metrics.build_info.labels(self.name, settings.release).set(1)
        lifecycle = Lifecycle()
        async with self.resources(settings, lifecycle) as resources:
            app = self.app(settings, lifecycle, resources)
            await serve(app, lifecycle, settings, self.smoke_paths)


def _with_retry_after(page: Response, problem: Response) -> Response:
    if retry_after := problem.headers.get("retry-after"):
        page.headers["Retry-After"] = retry_after
    return page


@asynccontextmanager
async def background(*loops: Callable[[], Any]) -> AsyncIterator[None]:
    """Runs loops beside the service and cancels them at its end. One that dies is logged and reported
    by the process ending: a service without its loop would lie about its state."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop()) for loop in loops]
        try:
            yield
        finally:
            await end_tasks(tasks)


async def end_tasks(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancels until it is heard: redis-py swallows a cancellation that comes at a bad moment, and a
    loop that goes on would keep the process from ending."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.5)


async def await_schema(database: Database, service: str, lifecycle: Lifecycle) -> None:
    """Latches `schema_compatible` once every shipped migration is found applied; asks each second
    until then, because PostgreSQL may still be starting or the migration still be running."""
    while not lifecycle.schema_compatible:
        try:
            missing = await missing_migrations(database, service)
        except DatabaseUnavailable as error:
            _say_waiting(lifecycle, f"database ({error.__cause__!r})")
        else:
            if not missing:
                lifecycle.schema_compatible = True
                return
            _say_waiting(lifecycle, f"migrations {', '.join(sorted(missing))}")
        await asyncio.sleep(0.5)


def _say_waiting(lifecycle: Lifecycle, what: str) -> None:
    if lifecycle.waiting_for != what:
        lifecycle.waiting_for = what
        logger.warning("waiting", extra={"facts": {"waiting_for": what}})
