"""The sandbox's pages: plain, without scripts, everything from outside escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

_FOLDER = Path(__file__).parent / "templates"
STYLE = "/sandbox/style.css"
_POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
# Currencies without minor units (ISO 4217), as Stripe counts them.
_NO_DECIMALS = (
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "JPY",
    "KMF",
    "KRW",
    "MGA",
    "PYG",
    "RWF",
    "UGX",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
)


def _time(value: datetime | float) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)


def moment(value: datetime | float) -> str:
    return _time(value).isoformat(timespec="seconds")


def clock(value: datetime | float) -> str:
    """In the time zone of this machine."""
    return _time(value).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def money(thing: dict[str, Any]) -> str:
    """`{"amount": 1999, "currency": "eur"}` is `19.99 EUR`."""
    amount, currency = int(thing["amount"]), str(thing["currency"]).upper()
    return f"{amount} {currency}" if currency in _NO_DECIMALS else f"{amount / 100:.2f} {currency}"


_environment = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals["style"] = STYLE
_environment.filters |= {
    "moment": moment,
    "clock": clock,
    "money": money,
    "words": lambda status: status.replace("_", " "),
}


def page(name: str, *, status: int = 200, form_action: str = "'none'", **facts: Any) -> Response:
    """`form_action`: where its forms may lead, redirects included."""
    headers = {
        "Content-Security-Policy": f"{_POLICY}; form-action {form_action}",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(_environment.get_template(name).render(**facts), status, headers)


async def style(_request: object) -> Response:
    return Response((_FOLDER / "style.css").read_bytes(), media_type="text/css")


def json_response(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
