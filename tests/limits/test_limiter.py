"""The rules, one verb after the other, over a real Valkey."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
import redis.asyncio as aioredis

from ops.local.valkey import TemporaryValkey
from services.errors import Banned, Limited, ShopError
from services.limits.asked import Asked
from services.limits.limiter import Limiter
from tests.limits.conftest import MakeLimiter, order, read

pytestmark = pytest.mark.anyio


async def outcome(limiter: Limiter, asked: Asked) -> str:
    try:
        await limiter.admit(asked)
    except ShopError as error:
        return error.slug
    return "passed"


async def outcomes(limiter: Limiter, *asked: Asked) -> Counter[str]:
    return Counter(await asyncio.gather(*(outcome(limiter, one) for one in asked)))


def own_valkey_client(server: TemporaryValkey) -> aioredis.Redis:
    return aioredis.from_url(server.url)


async def _ends(server: TemporaryValkey, pattern: str) -> None:
    """As if the windows were over."""
    async with own_valkey_client(server) as redis:
        keys = [key async for key in redis.scan_iter(pattern)]
        assert keys
        await redis.delete(*keys)


async def test_of_two_hundred_at_once_exactly_the_limit_passes(limiter: MakeLimiter) -> None:
    replicas = [limiter(RATE_LIMIT_ORDERS_PER_MINUTE=37) for _ in range(4)]
    asked = [(replicas[n % 4], order(f"cart-{n}")) for n in range(200)]
    found = Counter(await asyncio.gather(*(outcome(replica, one) for replica, one in asked)))
    assert found == {"passed": 37, "limited": 163}


async def test_a_refusal_says_how_long_to_wait_and_which_policy_it_is(limiter: MakeLimiter) -> None:
    strict = limiter(RATE_LIMIT_SUGGEST_PER_MINUTE=1)
    asked = read("/api/catalog/suggest")
    await strict.admit(asked)
    with pytest.raises(Limited) as refused:
        await strict.admit(asked)
    headers = refused.value.headers
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert headers["RateLimit-Policy"] == '"suggest";q=1;w=60'
    assert headers["RateLimit"] == f'"suggest";r=0;t={headers["Retry-After"]}'


async def test_addresses_do_not_share_a_counter(limiter: MakeLimiter) -> None:
    strict = limiter(RATE_LIMIT_READS_PER_MINUTE=3)
    mine = [read(address="192.0.2.1")] * 5
    hers = [read(address="2001:db8:1:2::/64")] * 3
    assert await outcomes(strict, *mine, *hers) == {"passed": 6, "limited": 2}


async def test_parts_of_the_sitemap_have_a_limit_of_their_own_besides_that_of_reads(
    limiter: MakeLimiter,
) -> None:
    strict = limiter(RATE_LIMIT_SITEMAPS_PER_MINUTE=3, RATE_LIMIT_READS_PER_MINUTE=8)
    parts = [read(f"/sitemaps/products-{n}.xml") for n in range(5)]
    assert await outcomes(strict, *parts) == {"passed": 3, "limited": 2}
    assert await outcomes(strict, *[read("/sitemap.xml")] * 10) == {"passed": 5, "limited": 5}


async def test_what_is_refused_is_counted_nowhere(limiter: MakeLimiter) -> None:
    """The cart's counter is full; the address keeps what it has left for other carts."""
    strict = limiter(RATE_LIMIT_CART_ORDERS_PER_MINUTE=2, RATE_LIMIT_ORDERS_PER_MINUTE=5)
    assert await outcomes(strict, *[order("full")] * 20) == {"passed": 2, "limited": 18}
    assert await outcomes(strict, *[order(f"other-{n}") for n in range(20)]) == {"passed": 3, "limited": 17}


async def test_a_cart_is_limited_whatever_address_asks(limiter: MakeLimiter) -> None:
    strict = limiter(RATE_LIMIT_CART_ORDERS_PER_MINUTE=4)
    asked = [order("one", f"198.51.100.{n}") for n in range(60)]
    assert await outcomes(strict, *asked) == {"passed": 4, "limited": 56}


async def test_replays_of_a_key_count_once(limiter: MakeLimiter) -> None:
    strict = limiter(RATE_LIMIT_ORDERS_PER_MINUTE=2, RATE_LIMIT_CART_ORDERS_PER_MINUTE=2)
    again = [order("one", idempotency_key="key")] * 30
    assert await outcomes(strict, *again) == {"passed": 30}
    assert await outcomes(strict, order("one", idempotency_key="2")) == {"passed": 1}
    assert await outcomes(strict, order("one", idempotency_key="3")) == {"limited": 1}
    assert await outcomes(strict, *again) == {"passed": 30}, "the answer of then can still be had"


async def test_replays_are_changes_like_others(limiter: MakeLimiter) -> None:
    strict = limiter(RATE_LIMIT_WRITES_PER_MINUTE=10)
    again = [order("one", idempotency_key="key")] * 30
    assert await outcomes(strict, *again) == {"passed": 10, "limited": 20}


async def test_whoever_goes_on_meets_a_longer_window(
    limiter: MakeLimiter, own_valkey: TemporaryValkey
) -> None:
    """Each minute allows ten; eight minutes allow thirty, so a fourth minute of full speed is too much."""
    backing_off = limiter(RATE_LIMIT_CART_ORDERS_PER_MINUTE=10, RATE_LIMIT_ORDERS_PER_MINUTE=10_000)
    for _ in range(3):
        assert await outcomes(backing_off, *[order("one")] * 12) == {"passed": 10, "limited": 2}
        await _ends(own_valkey, "limit:count:cart-orders:60:*")
    with pytest.raises(Limited) as refused:
        await backing_off.admit(order("one"))
    assert refused.value.headers["RateLimit-Policy"] == '"cart-orders";q=30;w=480'
    assert 60 < int(refused.value.headers["Retry-After"]) <= 480


async def test_a_safelist_goes_before_a_blocklist(limiter: MakeLimiter) -> None:
    listed = limiter(
        RATE_LIMIT_SAFELIST="198.51.100.7, 2001:db8:7::/48",
        RATE_LIMIT_BLOCKLIST="198.51.100.0/24, 203.0.113.9, 2001:db8::/32",
        RATE_LIMIT_READS_PER_MINUTE=1,
    )
    assert await outcomes(listed, *[read(address="198.51.100.7")] * 5) == {"passed": 5}
    assert await outcomes(listed, *[read(address="2001:db8:7:1::/64")] * 5) == {"passed": 5}
    for address in ("198.51.100.8", "203.0.113.9", "2001:db8:8:1::/64"):
        assert await outcomes(listed, read(address=address)) == {"banned": 1}
    assert await outcomes(listed, read(address="203.0.113.10")) == {"passed": 1}


async def test_the_probe_and_the_shopkeeper_are_not_limited(limiter: MakeLimiter) -> None:
    strict = limiter(RATE_LIMIT_READS_PER_MINUTE=1, RATE_LIMIT_PROBE_KEY="s3cret")
    assert await outcomes(strict, *[read(probe_key="s3cret")] * 5) == {"passed": 5}
    assert await outcomes(strict, *[read(admin=True)] * 5) == {"passed": 5}
    assert await outcomes(strict, *[read(probe_key="guess")] * 5) == {"passed": 1, "limited": 4}


async def test_scanners_are_refused_at_once_and_then_banned(limiter: MakeLimiter) -> None:
    house = limiter()
    for path in ("/.env", "/wp-login.php", "/.git/config", "/a/../.aws/credentials", "/XMLRPC.PHP"):
        assert await outcomes(house, read(path, "192.0.2.66")) == {"banned": 1}
    assert await outcomes(house, read(address="192.0.2.66")) == {"passed": 1}, "five are no ban yet"
    assert await outcomes(house, *[read("/.env", "192.0.2.66")] * 5) == {"banned": 5}
    with pytest.raises(Banned) as refused:
        await house.admit(read(address="192.0.2.66"))
    assert 540 < int(refused.value.headers["Retry-After"]) <= 600
    assert await outcomes(limiter(), read(address="192.0.2.66")) == {"banned": 1}, "for every replica"
    assert await outcomes(house, read(address="192.0.2.67")) == {"passed": 1}


@pytest.mark.parametrize(
    "path",
    [
        "/.env.local",
        "/.git",
        "/blog/wp-admin/install.php",
        "/wp-config.php.bak",
        "/phpMyAdmin/index.php",
        "/cgi-bin/luci",
        "/vendor/phpunit/phpunit/src",
        "/actuator",
        "/actuator/health",
        "/static/../etc/passwd",
        "/products/.env",
        "/products/wp-admin/setup.php",
        "/api/.aws/credentials",
    ],
)
async def test_what_scanners_ask_for_is_refused(limiter: MakeLimiter, path: str) -> None:
    assert await outcome(limiter(), read(path)) == "banned"


async def test_who_is_made_to_ask_by_another_sites_page_is_refused_and_not_banned(
    limiter: MakeLimiter,
) -> None:
    house = limiter()
    assert await outcomes(house, *[read("/.env", foreign=True)] * 30) == {"banned": 30}
    assert await outcome(house, read("/")) == "passed"


@pytest.mark.parametrize(
    "path",
    [
        "/products/dotenv-book",
        "/products/wp-admin-handbook",
        "/products/phpmyadmin",
        "/categories/wp-content",
        "/api/catalog/products/phpmyadmin-mug",
        "/api/catalog/products/actuator",
        "/api/checkout/carts/c1/lines/WP-ADMIN",
        "/search",
        "/api/catalog/products/wp-lamp",
        "/assets/x.js",
    ],
)
async def test_pages_of_the_shop_are_no_holes(limiter: MakeLimiter, path: str) -> None:
    assert await outcomes(limiter(), *[read(path)] * 30) == {"passed": 30}


async def test_guesses_at_the_admins_key_are_let_through_and_then_banned(limiter: MakeLimiter) -> None:
    house, asked = limiter(), read("/api/checkout/admin/orders", "192.0.2.5")
    for _ in range(20):
        assert await outcome(house, asked) == "passed"
        await house.answered(asked, 401)
    assert await outcome(house, asked) == "banned"
    assert await outcome(house, read("/api/checkout/admin/orders", "192.0.2.5", admin=True)) == "passed"
    assert await outcome(house, read(address="192.0.2.5")) == "passed", "the ban is from what was guessed at"


async def test_answers_of_another_kind_ban_nobody(limiter: MakeLimiter) -> None:
    house, asked = limiter(), read("/api/checkout/admin/orders")
    for _ in range(30):
        await house.answered(asked, 404)
    assert await outcome(house, asked) == "passed"


async def test_the_webhooks_of_an_address_have_one_end_and_no_other(limiter: MakeLimiter) -> None:
    strict = limiter(RATE_LIMIT_WEBHOOKS_PER_MINUTE=40, RATE_LIMIT_WRITES_PER_MINUTE=1)
    asked = [Asked("POST", "/webhooks/payments", "192.0.2.1")] * 60
    assert await outcomes(strict, *asked) == {"passed": 40, "limited": 20}


async def test_our_own_services_are_limited_only_where_they_order_for_somebody(limiter: MakeLimiter) -> None:
    strict = limiter(
        RATE_LIMIT_ORDERS_PER_MINUTE=3, RATE_LIMIT_READS_PER_MINUTE=1, RATE_LIMIT_WRITES_PER_MINUTE=1
    )
    assert await outcomes(strict, *[read(internal=True)] * 9) == {"passed": 9}
    hers = [order(f"cart-{n}", internal=True) for n in range(9)]
    assert await outcomes(strict, *hers) == {"passed": 3, "limited": 6}
    nobodys = [order("c", None, internal=True)] * 99
    assert await outcomes(strict, *nobodys) == {"passed": 99}


async def test_every_key_of_a_limit_has_an_end(limiter: MakeLimiter, own_valkey: TemporaryValkey) -> None:
    """Keys without one would never be evicted (volatile-lru)."""
    house = limiter()
    await outcomes(house, *[read("/.env", "192.0.2.66")] * 12, *[order("c", idempotency_key="k")] * 12)
    async with own_valkey_client(own_valkey) as redis:
        keys = [key async for key in redis.scan_iter("*")]
        assert len(keys) > 6
        for key in keys:
            assert await redis.ttl(key) > 0, key
