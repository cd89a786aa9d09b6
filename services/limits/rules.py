"""The rules of the house: what is counted by whom, and how much of it is enough.

What an address, a path or a header tells is looked at by the layer before any work is done; what only a
body or the database tells (an email, an article, a card) by the use case. Counters are Redis's, a process's
own at limit / RATE_LIMIT_REPLICAS while it is away; those of emails, codes and declined cards are
PostgreSQL's and stand in services/checkout/limits/. Who may try to log in how often is in
services/jobs/staff/throttle.py.
"""

from __future__ import annotations

from services.limits.asked import (
    by_address,
    by_cart,
    has_admin_key,
    has_probe_key,
    is_admins,
    is_from,
    is_order,
    is_other_read,
    is_sitemap,
    is_suggest,
    is_webhook,
    is_write,
    looks_for_holes,
    opens_cart,
    same_key,
)
from services.limits.verbs import (
    Allow2Ban,
    Blocklist,
    Fail2Ban,
    Rule,
    Safelist,
    Throttle,
    Track,
    Window,
    stacked,
)
from services.settings import LimitSettings

_MINUTE = 60
SCANNERS_BAN_SECONDS = 600
# /health, which answers no 401, keeps it by itself: services/health/key_guesses.py.
KEY_GUESSES = Allow2Ban(
    "admin-key-guesses",
    by_address,
    is_admins,
    statuses=frozenset({401}),
    tries=20,
    find_seconds=600,
    ban_seconds=900,
)


def lists(s: LimitSettings) -> tuple[Rule, ...]:
    """Who is never refused, and who always: all that jobs goes by. Raises SettingError for a list
    that is none."""
    return (
        Safelist("deploy-probe", has_probe_key(s.rate_limit_probe_key)),
        Safelist("admin-key", has_admin_key),
        Safelist("safelist", is_from("RATE_LIMIT_SAFELIST", s.rate_limit_safelist)),
        Blocklist("blocklist", is_from("RATE_LIMIT_BLOCKLIST", s.rate_limit_blocklist)),
    )


def table(s: LimitSettings) -> tuple[Rule, ...]:
    """In the order in which they are asked. Raises SettingError for a list that is none."""
    return (
        *lists(s),
        Fail2Ban(
            "scanners",
            by_address,
            looks_for_holes,
            tries=10,
            find_seconds=600,
            ban_seconds=SCANNERS_BAN_SECONDS,
        ),
        KEY_GUESSES,
        Track("carts-opened", opens_cart),
        Throttle("suggest", by_address, is_suggest, _a_minute(s.rate_limit_suggest_per_minute)),
        Throttle("sitemaps", by_address, is_sitemap, _a_minute(s.rate_limit_sitemaps_per_minute)),
        Throttle("reads", by_address, is_other_read, _a_minute(s.rate_limit_reads_per_minute)),
        Throttle("writes", by_address, is_write, _a_minute(s.rate_limit_writes_per_minute)),
        Throttle(
            "orders", by_address, is_order, _a_minute(s.rate_limit_orders_per_minute), same_key, within=True
        ),
        Throttle(
            "cart-orders",
            by_cart,
            is_order,
            stacked(s.rate_limit_cart_orders_per_minute, _MINUTE),
            same_key,
            within=True,
        ),
        # The gateway's addresses are not a shopper's, so they are allowed far more; but each for itself, or
        # a stranger, whose events nobody has believed yet, could use up what the gateway needs.
        Throttle("webhooks", by_address, is_webhook, _a_minute(s.rate_limit_webhooks_per_minute)),
    )


def _a_minute(limit: int) -> tuple[Window, ...]:
    return (Window(limit, _MINUTE),)
