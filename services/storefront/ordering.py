"""From a filled-in form to an order, and what each refusal means to the shopper."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from services.errors import Invalid, NotFound
from services.internal_client import UpstreamConflict, UpstreamLimited
from services.storefront.checkout_client import Cart, CheckoutClient
from services.storefront.checkout_form import CheckoutForm
from services.storefront.formatting import enumeration
from services.storefront.texts import text

_IN_FLIGHT_TRIES = 6
_IN_FLIGHT_WAIT_SECONDS = 0.5

# By the problem's name, the text's; any other is `ordering.any_other`.
_KEYS = {
    "prices-expired": "ordering.changed",
    "total-changed": "ordering.changed",
    "cart-incomplete": "ordering.incomplete",
    "in-flight": "ordering.in_flight",
}


_LIMITS = {
    "too-many-declines": "ordering.too_many_declines",
    "too-many-orders": "ordering.too_many_orders",
}


class OrderPrevented(Exception):
    """Why there is no new order. `order_token`: the cart has one already; `mend_cart`: the way on
    leads through the cart; `new_key`: the form's key can't be used again; `wait_seconds`: ordering
    before is in vain."""

    def __init__(
        self,
        words: str = "",
        status: int = 409,
        *,
        errors: dict[str, str] | None = None,
        order_token: str | None = None,
        mend_cart: bool = False,
        new_key: bool = False,
        wait_seconds: int | None = None,
    ) -> None:
        super().__init__(words)
        self.words = words
        self.status = status
        self.errors = errors or {}
        self.order_token = order_token
        self.mend_cart = mend_cart
        self.new_key = new_key
        self.wait_seconds = wait_seconds


async def ordered(checkout: CheckoutClient, cart: Cart, form: CheckoutForm) -> str:
    """Saves the details and orders the cart for the total that the form showed; the order's token.
    Raises OrderPrevented, UpstreamUnavailable."""
    try:
        cart = await checkout.set_details(cart.id, form.details)
        _require_seen(cart, form)
        return await _placed(checkout, cart, form.order_key)
    except Invalid as error:
        raise OrderPrevented(status=422, errors=form.errors_in_words(error.errors)) from None
    except NotFound:
        raise OrderPrevented(text("ordering.cart_expired")) from None
    except UpstreamLimited as limit:
        words = text(
            _LIMITS.get(limit.problem, "refusal.too_fast"), wait=timedelta(seconds=limit.wait_seconds)
        )
        raise OrderPrevented(words, 429, wait_seconds=limit.wait_seconds) from None
    except UpstreamConflict as conflict:
        raise await _prevented(checkout, cart, conflict) from None


def _require_seen(cart: Cart, form: CheckoutForm) -> None:
    if cart.shipping is None or any(warning.code == "not_delivered" for warning in cart.warnings):
        errors = {"shipping_method": text("field.shipping_method.wrong")}
        raise OrderPrevented(status=422, errors=errors)
    if cart.totals.total.amount != form.expected_minor:
        raise OrderPrevented(text("ordering.total_is", method=cart.shipping.name, total=cart.totals.total))


async def _placed(checkout: CheckoutClient, cart: Cart, key: str) -> str:
    """A twin of this request (a double click) may be at work: what it makes is the answer to both. An old
    form, sent again after its order has ended, asks for one more click: then its cart can be ordered anew."""
    for left in reversed(range(_IN_FLIGHT_TRIES)):
        try:
            placed = await checkout.place_order(cart.id, key, cart.totals.total)
        except Invalid:
            raise OrderPrevented(text("ordering.unknown"), new_key=True) from None
        except UpstreamConflict as conflict:
            if conflict.problem != "in-flight" or not left:
                raise
        else:
            if placed.gave_back_the_cart:
                raise OrderPrevented(text("ordering.ended"), new_key=True)
            return placed.token
        await asyncio.sleep(_IN_FLIGHT_WAIT_SECONDS)
    raise AssertionError("the last try returns or raises")


async def _prevented(checkout: CheckoutClient, cart: Cart, conflict: UpstreamConflict) -> OrderPrevented:
    facts = conflict.facts
    if conflict.problem == "cart-already-ordered":
        return OrderPrevented(order_token=facts["token"])
    if conflict.problem == "out-of-stock":
        titles = enumeration(text("ordering.title", title=cart.title_of(sku)) for sku in facts["skus"])
        return OrderPrevented(text("ordering.out_of_stock", titles=titles), mend_cart=True)
    if conflict.problem == "discount-ended":
        await checkout.remove_discount(cart.id)
        return OrderPrevented(text("ordering.code_ended", code=facts.get("code", "")))
    return OrderPrevented(text(_KEYS.get(conflict.problem, "ordering.any_other")))
