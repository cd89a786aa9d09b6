"""Everything that the sandbox answers over HTTP, on one screen."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from ops.sandbox import controls, events, intents, mail_pages, pages, payment_pages, refunds
from ops.sandbox.confirmation import Confirmation, confirm
from ops.sandbox.gateway import Gateway
from ops.sandbox.lists import ListParameters
from ops.sandbox.mail_server import MailFaults
from ops.sandbox.operations import Operation
from ops.sandbox.parameters import Parameters
from services.routes import ExactRoute

OPERATIONS: list[Operation[Any]] = [
    Operation("create_intent", "POST", "/payment_intents", intents.NewIntent, intents.create),
    Operation("list_intents", "GET", "/payment_intents", ListParameters, intents.list_intents),
    Operation("retrieve_intent", "GET", "/payment_intents/{id}", Parameters, intents.retrieve, public=True),
    Operation("confirm_intent", "POST", "/payment_intents/{id}/confirm", Confirmation, confirm, public=True),
    Operation("cancel_intent", "POST", "/payment_intents/{id}/cancel", intents.Cancellation, intents.cancel),
    Operation("list_charges", "GET", "/charges", refunds.ChargeList, refunds.list_charges),
    Operation("retrieve_charge", "GET", "/charges/{id}", Parameters, refunds.retrieve_charge),
    Operation("create_refund", "POST", "/refunds", refunds.NewRefund, refunds.create),
    Operation("list_refunds", "GET", "/refunds", refunds.RefundList, refunds.list_refunds),
    Operation("retrieve_refund", "GET", "/refunds/{id}", Parameters, refunds.retrieve),
    Operation("list_events", "GET", "/events", events.EventList, events.list_events),
    Operation("retrieve_event", "GET", "/events/{id}", Parameters, events.retrieve),
]


async def _up(_request: Request) -> Response:
    return Response("up")


PAGES = [
    ExactRoute("/sandbox", payment_pages.overview),
    ExactRoute("/sandbox/up", _up),
    ExactRoute(pages.STYLE, pages.style),
    ExactRoute("/sandbox/authenticate/{token}", payment_pages.ask),
    ExactRoute("/sandbox/authenticate/{token}", payment_pages.answer, methods=["POST"]),
    ExactRoute("/sandbox/faults", controls.show_faults),
    ExactRoute("/sandbox/faults", controls.add_fault, methods=["POST"]),
    ExactRoute("/sandbox/faults", controls.clear_faults, methods=["DELETE"]),
    ExactRoute("/sandbox/webhook-url", controls.set_webhook_url, methods=["PUT"]),
    ExactRoute("/mailbox", mail_pages.overview),
    ExactRoute("/mailbox/messages/{id:int}", mail_pages.one),
    ExactRoute("/mailbox/messages/{id:int}/html", mail_pages.as_html),
    ExactRoute("/mailbox/api/messages", mail_pages.search),
    ExactRoute("/mailbox/api/messages", mail_pages.delete_all, methods=["DELETE"]),
    ExactRoute("/mailbox/faults", controls.show_mail_faults),
    ExactRoute("/mailbox/faults", controls.set_mail_fault, methods=["POST"]),
    ExactRoute("/mailbox/faults", controls.clear_mail_faults, methods=["DELETE"]),
]


async def _no_such_path(request: Request) -> Response:
    message = f"Unrecognized request URL ({request.method}: {request.url.path})."
    return pages.json_response({"error": {"message": message, "type": "invalid_request_error"}}, 404)


def sandbox_app(gateway: Gateway, mail_faults: MailFaults) -> Starlette:
    """Browsers of any site may confirm and look, as at Stripe; they hold no key that does more."""
    anywhere = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    api = [ExactRoute(o.path, o.__call__, methods=[o.method]) for o in OPERATIONS]
    api.append(ExactRoute("/{rest:path}", _no_such_path, methods=["GET", "POST", "DELETE"]))
    app = Starlette(
        routes=[Mount("/sandbox/v1", routes=api, middleware=[anywhere]), *PAGES],
        exception_handlers={controls.WrongInput: controls.on_wrong_input},
    )
    app.state.gateway, app.state.mail_faults = gateway, mail_faults
    return app
