"""How often somebody may try discount codes that don't hold. Counted in PostgreSQL, without which no code
is looked up either, so this can't fail open; each try is charged before it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from services.checkout.errors import TooManyCodes
from services.checkout.resources import Checkout
from services.database import connection
from services.limits.asked import hashed
from services.limits.limiter import count_outcome, limited
from services.limits.verbs import Window, stacked
from services.queries import load_queries
from services.request_context import current_request
from services.settings import LimitSettings

_SQL = load_queries(__file__, "limits.sql")
_TAKE, _GIVE_BACK = _SQL["take"], _SQL["give_back"]
_WINDOW_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Guess:
    """A try that is charged: counters by rule, who and window."""

    counters: tuple[tuple[str, str, Window], ...]

    def columns(self) -> tuple[list[str], list[str], list[int], list[int]]:
        """Rules, whos, limits, seconds."""
        return (
            [rule for rule, _, _ in self.counters],
            [who for _, who, _ in self.counters],
            [window.limit for _, _, window in self.counters],
            [window.seconds for _, _, window in self.counters],
        )


async def charge_guess(checkout: Checkout, cart_id: str) -> Guess:
    """Charges a try on cart and address. Raises TooManyCodes."""
    if not checkout.limiter.enabled:
        return Guess(())
    guess = Guess(tuple(_counters(checkout.limits, cart_id)))
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        full = await raw.fetchrow(_TAKE, *guess.columns())
    if full is not None:
        count_outcome(full["refused_by"], "refused")
        wait_seconds = max(1, ceil(full["wait_seconds"]))
        policy = full["refused_by"], full["refused_limit"], full["refused_seconds"]
        raise limited(TooManyCodes(), *policy, wait_seconds)
    return guess


async def forgive_guess(checkout: Checkout, guess: Guess) -> None:
    """The code holds: it was none."""
    if guess.counters:
        rules, whos, _, seconds = guess.columns()
        async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
            await raw.execute(_GIVE_BACK, rules, whos, seconds)


def _counters(limits: LimitSettings, cart_id: str) -> Sequence[tuple[str, str, Window]]:
    request = current_request.get()
    address = request and request.client_address
    counted = [("cart-codes", hashed(cart_id), limits.rate_limit_codes_per_cart)]
    if address:
        counted.append(("address-codes", address, limits.rate_limit_codes_per_address))
    return [(rule, who, window) for rule, who, limit in counted for window in stacked(limit, _WINDOW_SECONDS)]
