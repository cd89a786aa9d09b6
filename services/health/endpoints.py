"""`/up`, and `/health` for programs and for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from services.decode import Input, Nothing
from services.errors import NotFound
from services.health.aggregate import aggregate
from services.health.key_guesses import KeyGuesses
from services.health.monitor import Monitor
from services.health.page import CONTENT_SECURITY_POLICY, page_of
from services.operations import Call, JsonResponse, has_admin_key
from services.request_context import current_request
from services.settings import ProcessSettings

Monitors = list[Monitor]
_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept, Authorization"}


@dataclass(frozen=True, slots=True)
class Watch:
    """What health's endpoints work with."""

    monitors: Monitors
    guesses: KeyGuesses


class Asked(Input, frozen=True):
    """`check` names the one check to tell of."""

    check: Annotated[str, Meta(max_length=100)] | None = None


async def up(_call: Call[Watch, Nothing, Nothing]) -> Response:
    """Alive. No I/O."""
    return PlainTextResponse("up\n", headers={"Cache-Control": "no-store"})


async def health(call: Call[Watch, Asked, Nothing]) -> Response:
    """Always 200 while the aggregator lives; the body tells. Details are for the operator. Raises NotFound
    (`known` lists the names) for a check that there is not."""
    settings: ProcessSettings = call.request.app.state.settings
    trusted = _is_trusted(call.request, settings.admin_api_key, call.resources.guesses)
    answer = aggregate(
        _chosen(call.resources.monitors, call.query.check), settings.release, with_details=trusted
    )
    if not _reads_html(call.request):
        return JsonResponse(answer, headers=_HEADERS)
    policy = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return HTMLResponse(page_of(answer), headers={**_HEADERS, **policy})


def _chosen(monitors: Monitors, name: str | None) -> Monitors:
    if name is None:
        return monitors
    found = [monitor for monitor in monitors if monitor.probe.name == name]
    if not found:
        known = [monitor.probe.name for monitor in monitors]
        raise NotFound(f"no such check; there are {', '.join(known)}", known=known)
    # Asked alone, it speaks for itself: whoever watches it wants to hear `down`.
    return found


def _is_trusted(request: Request, key: str | None, guesses: KeyGuesses) -> bool:
    context = current_request.get()
    if context is not None and context.internal:
        return True
    return "authorization" in request.headers and guesses.believes(right=has_admin_key(request, key))


def _reads_html(request: Request) -> bool:
    """A browser names text/html; a program that does not care (`*/*`) gets JSON."""
    wanted = set()
    for part in request.headers.get("accept", "").lower().split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        if "q=0" not in parameters:
            wanted.add(media_type)
    return "text/html" in wanted and "application/json" not in wanted
