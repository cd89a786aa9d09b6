"""What people see of the gateway: the latest payments, and the bank's page of a 3-D Secure card."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ops.sandbox import shapes
from ops.sandbox.cards import CARDS
from ops.sandbox.confirmation import charge, find, refuse_authentication
from ops.sandbox.gateway import Gateway
from ops.sandbox.operations import Origin
from ops.sandbox.pages import page
from ops.sandbox.store import Row, from_json
from services.queries import load_queries

_SQL = load_queries(__file__, "intents.sql")
_PAGES = load_queries(__file__, "payment_pages.sql")
_SHOWN = 25


async def overview(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    intents = gateway.store.all(_PAGES["latest_intents"], limit=_SHOWN)
    return page(
        "payments.html",
        cards=CARDS,
        faults=gateway.faults.all(),
        webhook_url=gateway.deliveries.webhook_url,
        intents=[shapes.intent(row) for row in intents],
        events=gateway.store.all(_PAGES["latest_events"], limit=_SHOWN),
    )


async def ask(request: Request) -> Response:
    """The bank's question."""
    asked = _asked(request)
    if asked is None:
        return page("authenticate.html", status=404, open=False)
    # Browsers apply form-action to where the answer redirects to as well.
    shop = urlsplit(asked["return_url"] or "")
    targets = f"'self' {shop.scheme}://{shop.netloc}" if shop.netloc else "'self'"
    shown = {"amount": asked["amount_minor"], "currency": asked["currency"]}
    return page("authenticate.html", form_action=targets, open=_is_open(asked), page=shown)


async def answer(request: Request) -> Response:
    """The shopper's answer; the first counts. Goes on to the shop with how it went."""
    gateway: Gateway = request.app.state.gateway
    asked = _asked(request)
    outcome = parse_qs((await request.body()).decode(errors="replace")).get("outcome", [""])[0]
    if asked is None or outcome not in {"complete", "fail"}:
        return page("authenticate.html", status=404 if asked is None else 400, open=False)
    with gateway.store.transaction():
        first = gateway.store.run(_SQL["close_authentication"], token=asked["token"], outcome=outcome)
        intent = find(gateway, asked["intent_id"])
        if first and _is_open(asked):
            if outcome == "complete":
                charge(gateway, intent, from_json(intent["card"]), Origin())
            else:
                refuse_authentication(gateway, intent, from_json(intent["card"]))
            intent = find(gateway, asked["intent_id"])
    gateway.deliveries.wake()
    if asked["return_url"] is None:
        return page("authenticate.html", open=False)
    return RedirectResponse(_with_outcome(asked["return_url"], intent), 303)


def _asked(request: Request) -> Row | None:
    gateway: Gateway = request.app.state.gateway
    return gateway.store.one(_SQL["authentication"], token=request.path_params["token"])


def _is_open(asked: Row) -> bool:
    """Not answered, and still the page that the payment waits for."""
    action = from_json(asked["next_action"])
    waits = asked["status"] == "requires_action" and action is not None
    here = waits and str(action["redirect_to_url"]["url"]).endswith(f"/{asked['token']}")
    return bool(here) and asked["outcome"] is None


def _with_outcome(url: str, intent: Row) -> str:
    """The return address with what Stripe adds to it."""
    told = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if intent["status"] == "succeeded" else "failed",
    }
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(told))))
    return parts._replace(query=query).geturl()
