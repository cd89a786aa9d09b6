"""Routes as our processes have them, made of operations or of plain functions: a path is matched for exactly
what it says, so that whoever compares a path (a limit, a share of the places) and whoever routes it agree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import Pattern
from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route, compile_path
from starlette.types import Receive, Scope, Send

from services.operations import Operation


def exact_pattern(path: str) -> Pattern[str]:
    """Starlette's own ends with `$`, which in Python lets a line break stand behind it: `/orders%0A` would be
    `/orders` to a route and another path to a rule. Nothing of ours ends with one."""
    return re.compile(compile_path(path)[0].pattern.removesuffix("$") + r"(?<!\n)\Z")


class ExactRoute(Route):
    """A route that no path with a line break at its end comes to."""

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.path_regex = exact_pattern(path)


class PathRoute:
    """All operations of one path: picks by method, answers 405 with the whole `Allow`."""

    def __init__(self, path: str, operations: list[Operation]) -> None:
        self.path = path
        self._by_method = {operation.method: operation for operation in operations}
        if "GET" in self._by_method:
            self._by_method.setdefault("HEAD", self._by_method["GET"])
        self._allow = ", ".join(sorted(self._by_method))

    def note_on(self, scope: Scope) -> None:
        """What metrics and the log know the request by. A method that the path has not is `other`: whoever
        calls may name thirty of them, and each would be kept for ever."""
        scope["route_template"] = self.path
        scope["route_method"] = scope["method"] if scope["method"] in self._by_method else "other"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.note_on(scope)
        operation = self._by_method.get(scope["method"])
        if operation is None:
            raise HTTPException(405, headers={"Allow": self._allow})
        await operation(scope, receive, send)


def note_route(routes: Iterable[BaseRoute], scope: Scope) -> None:
    """Notes whose request this is, for who answers it before it is routed. Nothing where no path is its."""
    for route in routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            if isinstance(route.endpoint, PathRoute):
                route.endpoint.note_on(scope)
            return


def routes_of(operations: list[Operation]) -> list[Route]:
    """Starlette routes, one per path, in the order the paths first appear."""
    paths = dict.fromkeys(operation.path for operation in operations)
    return [
        ExactRoute(path, PathRoute(path, [o for o in operations if o.path == path]), methods=None)
        for path in paths
    ]
