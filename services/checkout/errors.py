"""What can go wrong between cart and parcel; families and their meaning are in services/errors.py."""

from __future__ import annotations

from services.errors import Conflict, FieldError, Invalid, Limited, Malformed, Overloaded


class OutOfStock(Conflict):
    """`skus`: every one that is short or no longer sold."""

    slug, title = "out-of-stock", "Some articles are not available in this quantity"


class CartAlreadyOrdered(Conflict):
    """`token`: of the order that was made from the cart."""

    slug, title = "cart-already-ordered", "This cart has been ordered"


class CartEmpty(Conflict):
    slug, title = "cart-empty", "The cart is empty"


class CartFull(Conflict):
    slug, title = "cart-full", "The cart holds no further article"


class CartIncomplete(Conflict):
    """`missing`: which of email, shipping_address, shipping_method the order still needs."""

    slug, title = "cart-incomplete", "The order needs more details"


class PricesExpired(Conflict):
    slug, title = "prices-expired", "The quoted prices have expired; read the cart for the present ones"


class TotalChanged(Conflict):
    """`total`: what the cart costs now."""

    slug, title = "total-changed", "The total has changed"


class DiscountEnded(Conflict):
    """`code`: the one that no longer holds."""

    slug, title = "discount-ended", "The discount code no longer holds"


class NotCancellable(Conflict):
    slug, title = "not-cancellable", "The order can't be cancelled any more"


class NotFulfillable(Conflict):
    slug, title = "not-fulfillable", "The order can't be shipped like this"


class RefundTooLarge(Conflict):
    """`refundable`: how much is left of what was captured."""

    slug, title = "refund-too-large", "This is more than what was paid and not yet refunded"


class InFlight(Conflict):
    """The first request with this key is still at work. Raised with `retry_after_seconds`."""

    slug, title = "in-flight", "The same request is being worked on"


class KeyMissing(Malformed):
    slug, title = "idempotency-key-missing", "This request needs an Idempotency-Key header"


class KeyReused(Invalid):
    slug, title = "idempotency-key-reused", "This Idempotency-Key belongs to another request"

    def __init__(self) -> None:
        super().__init__([FieldError("Idempotency-Key", "was used for another request")])


class SignatureWrong(Malformed):
    slug, title = "signature-wrong", "The webhook's signature is missing, wrong or too old"


class StockBusy(Overloaded):
    """Too many want the same article in this second."""


class TooManyCodes(Limited):
    slug, title = "too-many-codes", "Too many codes that can't be used: wait a while"


class TooManyOrders(Limited):
    """With this email."""

    slug, title = "too-many-orders", "Too many orders with this email: wait a while"


class TooManyDeclines(Limited):
    """Of this email's cards, or of all cards for one of the articles."""

    slug, title = "too-many-declines", "Too many cards were declined: wait a while"
