"""The dashboard is closed until somebody may log in to it."""

from __future__ import annotations

from typing import Any, NoReturn

from starlette.responses import HTMLResponse

from services.errors import Unauthorized
from services.operations import Call

_CLOSED = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Jobs: closed</title>
<h1>Closed</h1>
<p>The jobs dashboard stays closed until its accounts are configured.</p>
</html>
"""


async def closed_page(_call: Call[Any, Any, Any]) -> HTMLResponse:
    return HTMLResponse(_CLOSED, 401, {"Cache-Control": "no-store", "WWW-Authenticate": "Bearer"})


async def closed_api(_call: Call[Any, Any, Any]) -> NoReturn:
    raise Unauthorized("The jobs API stays closed until its accounts are configured")
