"""What the guard found out about a request, for whoever answers it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from services.jobs.staff.sessions import Session
from services.jobs.staff.who import Who

_KEY = "kiosk.staff"  # in the ASGI scope


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who a request comes from. `csrf` goes into every form of the page that answers it."""

    who: Who
    session: Session | None = None
    csrf: str = ""


def admitted(request: Request) -> Admitted | None:
    """None on open pages, and before the guard."""
    found: Admitted | None = request.scope.get(_KEY)
    return found


def admit(request: Request, found: Admitted) -> None:
    request.scope[_KEY] = found
