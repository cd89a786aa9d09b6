"""The discount code of a cart: one at most."""

from __future__ import annotations

from services.checkout.carts.carts import changing, view
from services.checkout.carts.facts import cart_facts
from services.checkout.carts.view import why_no_discount
from services.checkout.limits import guesses
from services.checkout.resources import Checkout
from services.checkout.shapes import Cart
from services.errors import FieldError, Invalid
from services.queries import load_queries

_SET_DISCOUNT = load_queries(__file__, "discount.sql")["set_discount"]


async def use_discount(checkout: Checkout, cart_id: str, typed: str) -> Cart:
    """Uses a code as a person types it: neither case nor blanks around it matter. Raises Invalid for one
    that takes nothing off now, which leaves the cart as it was; NotFound, CartAlreadyOrdered,
    TooManyCodes."""
    guess = await guesses.charge_guess(checkout, cart_id)
    async with changing(checkout, cart_id) as raw:
        await raw.execute(_SET_DISCOUNT, cart_id, typed.strip().upper())
        facts = await cart_facts(raw, cart_id)
        if not facts.discount_holds:
            raise Invalid([FieldError("code", why_no_discount(facts))])
    await guesses.forgive_guess(checkout, guess)
    return await view(checkout, facts)


async def drop_discount(checkout: Checkout, cart_id: str) -> Cart:
    """Uses no code any more. Raises NotFound, CartAlreadyOrdered."""
    async with changing(checkout, cart_id) as raw:
        await raw.execute(_SET_DISCOUNT, cart_id, None)
        facts = await cart_facts(raw, cart_id)
    return await view(checkout, facts)
