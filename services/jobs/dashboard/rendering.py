"""Pages from templates, the dashboard's own and those of staff, all in one layout. They are compiled when
the process starts, so a broken one stops the process, not an operator."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from services.design.assets import Assets
from services.jobs.backend import DISCARDABLE, RETRYABLE
from services.jobs.dashboard import words
from services.jobs.dashboard.traceback_text import passages
from services.jobs.staff.admitted import admitted
from services.jobs.staff.who import Role

_HERE = Path(__file__).parent
_FOLDERS = (_HERE / "templates", _HERE.parent / "staff" / "templates")
ASSETS = Assets("/jobs/assets/", _HERE / "assets")

_HEADERS = {"Cache-Control": "no-store"}  # the rest is dashboard_security.py's


class Place(NamedTuple):
    """An entry of the navigation."""

    path: str
    name: str
    role: Role = "viewer"
    badge: str = ""


PLACES = (
    Place("/jobs", "Overview"),
    Place("/jobs/list", "Jobs"),
    Place("/jobs/failures", "Failures", badge="dead"),
    Place("/jobs/queues", "Queues"),
    Place("/jobs/workers", "Workers"),
    Place("/jobs/recurring", "Recurring"),
    Place("/jobs/bulk", "Bulk actions", badge="bulk"),
    Place("/jobs/audit", "Audit log", "admin"),
    Place("/jobs/staff", "Staff", "admin"),
    Place("/jobs/tokens", "Tokens", "admin"),
)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDERS),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "asset": ASSETS.address,
        "pages": PLACES,
        "count": words.count,
        "plural": words.plural,
        "duration": words.duration,
        "milliseconds": words.milliseconds,
        "waited": words.waited,
        "when": words.when,
        "query": words.query,
        "breakable": words.breakable,
        "passages": passages,
        "retryable": RETRYABLE,
        "discardable": DISCARDABLE,
    }
    return environment


_ENVIRONMENT = _environment()
_TEMPLATES = {name: _ENVIRONMENT.get_template(name) for name in _ENVIRONMENT.list_templates()}


def html_page(request: Request, template: str, code: int = 200, /, **facts: Any) -> HTMLResponse:
    """A page that nobody keeps. `notice` among the facts is what it says first (see `notices`)."""
    found = admitted(request)
    state = request.app.state
    last = state.resources.pulse.last
    html = _TEMPLATES[template].render(
        who=found.who if found else None,
        csrf=found.csrf if found else "",
        may_steer=found is not None and found.who.may("operator"),
        here=_place_of(request.url.path),
        release=state.settings.release if found else "",
        badges=_badges(last.figures) if last else {},
        now=datetime.now(UTC),
        **{"notice": None, **facts},
    )
    return HTMLResponse(html, code, _HEADERS)


def _badges(figures: dict[str, str]) -> dict[str, str]:
    """By badge; what is zero is not shown."""
    said = {name.partition(".")[2]: text for name, text in figures.items() if name.startswith("badge.")}
    return {name: text for name, text in said.items() if text != "0"}


def _place_of(path: str) -> str:
    """The entry of the navigation that a page belongs to; a single job belongs to the jobs."""
    known = [place.path for place in PLACES[1:] if path == place.path or path.startswith(f"{place.path}/")]
    if not known and path.startswith(("/jobs/durable/", "/jobs/fast/")):
        return "/jobs/list"
    return known[0] if known else path
