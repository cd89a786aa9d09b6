"""What the checkout shows as the total, before the cart itself knows where it goes."""

from __future__ import annotations

from services.money import Money
from services.storefront.checkout_client import Cart, Shipping, Tax, Totals


def checkout_totals(cart: Cart, country: str, method: Shipping | None) -> tuple[Totals, Tax | None]:
    """The cart's own totals where it knows this country and method. Else its goods with the price of
    the method, and the tax unsaid; checkout refuses the order should its own sum be another one."""
    address = cart.shipping_address
    if address and address.country == country and cart.shipping and cart.shipping == method:
        return cart.totals, cart.tax
    goods = cart.totals.items.amount - cart.totals.discount.amount
    total = Money(goods + (method.price.amount if method else 0), cart.totals.total.currency)
    price = method.price if method else None
    return Totals(cart.totals.items, cart.totals.discount, price, None, total), None
