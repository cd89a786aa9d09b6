"""What tests tell the sandbox: which faults to play, where webhooks go. Not part of Stripe's API."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ops.sandbox.faults import Fault
from ops.sandbox.gateway import Gateway
from ops.sandbox.mail_server import MailFault, MailFaults
from ops.sandbox.pages import json_response

T = TypeVar("T")


class WebhookAddress(msgspec.Struct, forbid_unknown_fields=True):
    """None: nothing is sent; events that happen meanwhile are never sent."""

    url: str | None


class WrongInput(Exception):
    """The request says something we do not know."""


async def show_faults(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    return json_response({"items": gateway.faults.all()})


async def add_fault(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    fault = await _body(request, Fault)
    gateway.faults.add(fault)
    return json_response(fault, 201)


async def clear_faults(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    gateway.faults.clear()
    return Response(status_code=204)


async def set_webhook_url(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    address = await _body(request, WebhookAddress)
    gateway.deliveries.webhook_url = address.url
    gateway.deliveries.wake()
    return json_response(address)


async def show_mail_faults(request: Request) -> Response:
    faults: MailFaults = request.app.state.mail_faults
    return json_response({"items": [faults.present] if faults.present is not None else []})


async def set_mail_fault(request: Request) -> Response:
    faults: MailFaults = request.app.state.mail_faults
    faults.present = await _body(request, MailFault)
    return json_response(faults.present, 201)


async def clear_mail_faults(request: Request) -> Response:
    faults: MailFaults = request.app.state.mail_faults
    faults.present = None
    return Response(status_code=204)


async def _body(request: Request, kind: type[T]) -> T:
    """JSON only: a page of another site can't send that here without being asked. Raises WrongInput."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise WrongInput("send application/json")
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.DecodeError as error:
        raise WrongInput(str(error)) from None


async def on_wrong_input(_request: Request, error: Exception) -> Response:
    problem: dict[str, Any] = {"error": {"message": str(error)}}
    return json_response(problem, 422)
