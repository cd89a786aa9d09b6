"""Whether this buyer may place an order now, and what a declined card says about the next ones.

Who tests stolen cards has thousands of addresses; what they have in common is the card, the article, or a
mailbox. So declines are counted by those, in PostgreSQL, with the gateway's word as it comes: exact, and
there without Redis. An order counts for one article, the cheapest, and once, or few orders would close many;
an article is closed only while no more is paid for it than declined, or a bestseller's honest declines would
close it. An order that was tried too often is ended, so that its payment takes no more cards.
"""

from __future__ import annotations

import uuid
from math import ceil

from services.checkout.errors import TooManyDeclines, TooManyOrders
from services.checkout.payments.gateway_shapes import Intent
from services.checkout.resources import Checkout
from services.database import Connection, connection
from services.limits.limiter import count_outcome, limited
from services.limits.verbs import stacked
from services.queries import load_queries
from services.settings import LimitSettings

_SQL = load_queries(__file__, "limits.sql")
_BUYER, _DECLINE = _SQL["buyer"], _SQL["decline"]
WINDOW_SECONDS = 3600


async def admit_buyer(checkout: Checkout, cart_id: str, key: str) -> None:
    """Raises TooManyDeclines and TooManyOrders; one round trip. Of an email's orders this is only a look, so
    that what would be refused costs little: placing one counts it."""
    if not checkout.limiter.enabled:
        return
    limits = checkout.limits
    per_email, per_product = limits.rate_limit_declines_per_email, limits.rate_limit_declines_per_product
    orders = email_windows(checkout)
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        row = await raw.fetchrow(_BUYER, cart_id, key, per_email, per_product, WINDOW_SECONDS, *orders)
    if row is None or not (rule := row["refused_by"]):
        return
    count_outcome(rule, "refused")
    error = TooManyOrders() if rule == "email-orders" else TooManyDeclines()
    wait_seconds = max(1, ceil(row["wait_seconds"]))
    raise limited(error, rule, row["refused_limit"], row["refused_seconds"], wait_seconds)


def email_windows(checkout: Checkout) -> tuple[list[int], list[int]]:
    """How many orders of one email are allowed in how many seconds; none are counted when limits are off."""
    if not checkout.limiter.enabled:
        return [], []
    windows = stacked(checkout.limits.rate_limit_email_orders_per_hour, WINDOW_SECONDS, 2)
    return [window.limit for window in windows], [window.seconds for window in windows]


async def count_decline(
    raw: Connection, limits: LimitSettings, attempt_id: uuid.UUID, intent: Intent
) -> bool:
    """Whether the intent tells of a declined charge that was not known yet."""
    error = intent.last_payment_error
    if error is None or error.charge is None:
        return False
    return bool(
        await raw.fetchval(
            _DECLINE,
            attempt_id,
            error.charge,
            error.card,
            limits.rate_limit_declines_per_order,
            limits.rate_limit_declines_per_card,
            limits.rate_limit_declines_per_email,
            WINDOW_SECONDS,
        )
    )
