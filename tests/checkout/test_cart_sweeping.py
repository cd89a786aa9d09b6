"""What checkout forgets in time."""

import asyncpg
import pytest
from databases import Database

from services.checkout import sweeping

pytestmark = pytest.mark.anyio


async def add_cart(
    owner: asyncpg.Connection, cart_id: str, expires_in: str, *, ordered: bool = False
) -> None:
    await owner.execute(
        """
        INSERT INTO checkout.carts (id, currency, expires_at, ordered_as)
        VALUES ($1, 'EUR', now() + $2::text::interval, CASE WHEN $3 THEN uuidv7() END)
        """,
        cart_id,
        expires_in,
        ordered,
    )
    await owner.execute(
        """
        INSERT INTO checkout.cart_lines (cart_id, sku, quantity, price_minor, slug, title, quoted_until)
        VALUES ($1, 'MUG', 1, 100, 'mug', 'Mug', now())
        """,
        cart_id,
    )


async def carts_left(owner: asyncpg.Connection) -> list[str]:
    lines = await owner.fetchval("SELECT array_agg(cart_id ORDER BY cart_id) FROM checkout.cart_lines")
    carts: list[str] = await owner.fetchval("SELECT array_agg(id ORDER BY id) FROM checkout.carts")
    assert lines == carts
    return carts


async def test_carts_that_expired_are_swept_in_batches_with_their_lines(
    database: Database, owner: asyncpg.Connection
) -> None:
    for number in range(5):
        await add_cart(owner, f"old-{number}", f"-{number} hours")
    await add_cart(owner, "young", "1 hour")
    await add_cart(owner, "ordered", "-1 day", ordered=True)
    assert await sweeping.sweep_carts(database, 3) == 3
    assert await carts_left(owner) == ["old-0", "old-1", "ordered", "young"]  # the oldest went first
    assert await sweeping.sweep_carts(database, 3) == 2
    assert await sweeping.sweep_carts(database, 3) == 0
    assert await carts_left(owner) == ["ordered", "young"]


async def test_carts_of_orders_are_kept_ninety_days_longer(
    database: Database, owner: asyncpg.Connection
) -> None:
    for days in (89, 91, 92):
        await add_cart(owner, f"ordered-{days}", f"-{days} days", ordered=True)
    assert await sweeping.sweep_ordered_carts(database, 1) == 1
    assert await carts_left(owner) == ["ordered-89", "ordered-91"]
    await sweeping.sweep_all(database)
    assert await carts_left(owner) == ["ordered-89"]


async def test_a_sweep_goes_on_until_nothing_is_left(
    database: Database, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 2)
    for number in range(7):
        await add_cart(owner, f"old-{number}", "-1 hour")
    await add_cart(owner, "young", "1 hour")
    assert await sweeping.sweep(database)
    assert len(await carts_left(owner)) == 6
    await sweeping.sweep_all(database)
    assert await carts_left(owner) == ["young"]


async def test_a_cart_in_somebodys_hands_is_left_for_the_next_time(
    database: Database, owner: asyncpg.Connection
) -> None:
    await add_cart(owner, "held", "-1 hour")
    await add_cart(owner, "free", "-1 hour")
    async with owner.transaction():
        await owner.execute("SELECT FROM checkout.carts WHERE id = 'held' FOR NO KEY UPDATE")
        assert await sweeping.sweep_carts(database, 10) == 1
    assert await carts_left(owner) == ["held"]
    assert await sweeping.sweep_carts(database, 10) == 1


async def test_keys_are_kept_for_three_days(database: Database, owner: asyncpg.Connection) -> None:
    await owner.execute(
        """
        INSERT INTO checkout.idempotency_keys (scope, key, fingerprint, result_id, created_at)
        SELECT 'cart', hours::text, '', '', now() - make_interval(hours => hours)
        FROM unnest(ARRAY[0, 71, 72, 73]) hours
        """
    )
    assert await sweeping.sweep_idempotency_keys(database, 10) == 2
    left = await owner.fetch("SELECT key FROM checkout.idempotency_keys ORDER BY key")
    assert [row["key"] for row in left] == ["0", "71"]


async def test_the_keys_of_refunds_and_parcels_are_kept_for_good(
    database: Database, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        """
        INSERT INTO checkout.idempotency_keys (scope, key, fingerprint, result_id, created_at)
        SELECT scope, 'k', '', '', now() - interval '400 days'
        FROM unnest(ARRAY['cart', 'fulfilment', 'order', 'refund']) scope
        """
    )
    assert await sweeping.sweep_idempotency_keys(database, 10) == 2
    left = await owner.fetch("SELECT scope FROM checkout.idempotency_keys ORDER BY scope")
    assert [row["scope"] for row in left] == ["fulfilment", "refund"]


async def test_webhook_events_are_kept_for_ninety_days(database: Database, owner: asyncpg.Connection) -> None:
    await owner.execute(
        """
        INSERT INTO checkout.webhook_events (id, type, effect, payload, received_at)
        SELECT days::text, 'charge', 'ignored', '{}', now() - make_interval(days => days)
        FROM unnest(ARRAY[0, 89, 91]) days
        """
    )
    assert await sweeping.sweep_webhook_events(database, 10) == 1
    left = await owner.fetch("SELECT id FROM checkout.webhook_events ORDER BY id")
    assert [row["id"] for row in left] == ["0", "89"]
