"""A cart as the shopper gets it: its facts, and what should be known before ordering."""

from __future__ import annotations

from collections.abc import Iterator

from services.checkout.carts.facts import CartFacts, LineFacts
from services.checkout.shapes import Availability, Cart, CartLine, CartWarning, Discount, Shipping, Tax


def view_of(facts: CartFacts, low_stock_level: int) -> Cart:
    """The API's cart. One that is ordered carries no warnings: nothing can be done about it."""
    totals = facts.totals
    return Cart(
        id=facts.id,
        currency=facts.currency,
        lines=[_line(line, low_stock_level) for line in facts.lines],
        discounts=[_discount(facts, code) for code in (facts.discount_code,) if code],
        email=facts.email,
        shipping_address=facts.shipping_address,
        shipping=None
        if totals.shipping is None or facts.shipping_method is None
        else Shipping(facts.shipping_method, facts.shipping_name or facts.shipping_method, totals.shipping),
        tax=None if totals.tax is None or facts.tax_percent is None else Tax(facts.tax_percent, totals.tax),
        totals=totals,
        warnings=[] if facts.order_token else list(_warnings(facts)),
        order_token=facts.order_token,
        expires_at=facts.expires_at,
    )


def _line(line: LineFacts, low_stock_level: int) -> CartLine:
    return CartLine(
        sku=line.sku,
        slug=line.slug,
        title=line.title,
        attributes=line.attributes,
        image=line.image,
        quantity=line.quantity,
        price=line.price,
        total=line.total,
        availability=_availability(line, low_stock_level),
        price_until=line.quoted_until,
    )


def _availability(line: LineFacts, low_stock_level: int) -> Availability:
    if line.available == 0 or not line.sold:
        return "sold_out"
    return "low" if line.available <= low_stock_level else "in_stock"


def _discount(facts: CartFacts, code: str) -> Discount:
    return Discount(code, facts.discount_percent or 0.0, facts.totals.discount)


def _warnings(facts: CartFacts) -> Iterator[CartWarning]:
    for line in facts.lines:
        yield from _line_warnings(line)
    if facts.discount_holds is False:
        yield CartWarning("discount_ended", why_no_discount(facts))
    if facts.shipping_method and facts.totals.shipping is None:
        yield CartWarning("not_delivered", _why_not_delivered(facts))


def _line_warnings(line: LineFacts) -> Iterator[CartWarning]:
    if not line.sold:
        yield CartWarning("not_sold", f"{line.title} is no longer sold: please remove it", line.sku)
        return
    if line.was is not None:
        message = f"{line.title} now costs {line.price}, it was {line.was}"
        yield CartWarning("price_changed", message, line.sku, line.was)
    if line.quantity > line.available:
        left = f"only {line.available} left of" if line.available else "nothing left of"
        yield CartWarning("out_of_stock", f"There is {left} {line.title}", line.sku)


def why_no_discount(facts: CartFacts) -> str:
    """For a code that takes nothing off. Of one that can't be used at this time nothing is told, not
    even whether it exists: codes are guessed."""
    if facts.discount_needs is None:
        return f"The code {facts.discount_code} can't be used"
    return f"The code {facts.discount_code} needs goods for at least {facts.discount_needs}"


def _why_not_delivered(facts: CartFacts) -> str:
    if facts.tax_percent is None:
        return f"We don't deliver to {facts.country}"
    return f"{facts.shipping_name or facts.shipping_method} does not carry this cart to {facts.country}"
