"""What the public door says while the store is closed for maintenance. Traefik fetches it here and sends
it with status 503 and Retry-After (ops/deploy/routes.py)."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Annotated

from msgspec import Meta
from starlette.responses import HTMLResponse, Response

from services.decode import Input, Nothing
from services.operations import Call
from services.problems import problem_of_status
from services.settings import StoreSettings

DEFAULT_MESSAGE = "We are working on the shop. Carts and orders are kept; please come back in a few minutes."

# One file: whatever it referred to would be answered by this page again.
_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="robots" content="noindex">
  <title>{store}: back soon</title>
  <style>
    body {{ font: 1.125rem/1.6 system-ui, sans-serif }}
    main {{ max-width: 34rem; margin: 18vh auto; padding: 0 1.25rem }}
    h1 {{ font-size: 1.75rem; line-height: 1.2 }}
  </style>
</head>
<body>
  <main>
    <h1>{store} is back soon</h1>
    <p>{message}</p>
  </main>
</body>
</html>
"""


class Asked(Input, frozen=True):
    """`url` is what the shopper asked for, `message` what the operator wants to say."""

    url: str = "/"
    message: Annotated[str, Meta(max_length=500)] = DEFAULT_MESSAGE


async def maintenance(call: Call[object, Asked, Nothing]) -> Response:
    """A page; under `/api/` a machine is reading, so a problem."""
    if _path_of(call.query.url).startswith("/api/"):
        return problem_of_status(503)
    page = _PAGE.format(store=escape(_store_name()), message=escape(call.query.message))
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


def _path_of(url: str) -> str:
    """Traefik tells the whole address."""
    if not url.startswith(("http://", "https://")):
        return url
    return "/" + url.split("/", 3)[-1] if url.count("/") > 2 else "/"


@cache
def _store_name() -> str:
    return StoreSettings.read().store_name
