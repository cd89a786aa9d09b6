"""`make limits`: what the operator sees, and takes back."""

from __future__ import annotations

import os
import subprocess
import sys

import asyncpg
import pytest

from ops.local.valkey import TemporaryValkey
from services.errors import ShopError
from tests.conftest import ROOT
from tests.limits.conftest import MakeLimiter, read

pytestmark = pytest.mark.anyio


def console(database_url: str, redis_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.limits", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url, "RATE_LIMIT_ENABLED": "yes"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def banned(limiter: MakeLimiter, address: str) -> bool:
    try:
        await limiter().admit(read(address=address))
    except ShopError:
        return True
    return False


async def test_it_lists_rules_counters_and_bans_and_takes_a_ban_back(
    limiter: MakeLimiter, own_valkey: TemporaryValkey, database_url: str, owner: asyncpg.Connection
) -> None:
    house = limiter()
    for address in ("192.0.2.66", "2001:db8:1:2::/64"):
        for _ in range(10):
            with pytest.raises(ShopError):
                await house.admit(read("/.env", address))
    await owner.execute(
        "SELECT checkout.add_to_limits("
        "ARRAY['email-declines'], ARRAY[checkout.limit_key('Eve@example.com')], ARRAY[3600], 7)"
    )
    shown = console(database_url, own_valkey.url).stdout
    for word in ("fail2ban", "cart-orders", "10 in 60 s, 30 in 480 s, 90 in 3840 s", "blocklist"):
        assert word in shown
    for line in ("banned     scanners           192.0.2.66, for", "7 email-declines"):
        assert line in shown, shown
    assert await banned(limiter, "192.0.2.66")
    assert (
        "forgot 2 of 192.0.2.66 in Redis"
        in console(database_url, own_valkey.url, "unban", "192.0.2.66").stdout
    )
    assert not await banned(limiter, "192.0.2.66")
    for said in (shown, console(database_url, own_valkey.url, "unban", "192.0.2.67").stdout):
        assert "A ban of its own, as of scanners, ends by itself within 10 minutes" in said
    assert await banned(limiter, "2001:db8:1:2::/64")
    assert console(database_url, own_valkey.url, "unban", "2001:db8:1:2:aaaa::7").returncode == 0
    assert not await banned(limiter, "2001:db8:1:2::/64")
    done = console(database_url, own_valkey.url, "unban", "eve@example.com")
    assert "forgot 1 of eve@example.com in PostgreSQL" in done.stdout
    assert await owner.fetchval("SELECT count(*) FROM checkout.limit_counts") == 0


async def test_it_says_what_can_not_be_reached(database_url: str) -> None:
    shown = console(database_url, "redis://127.0.0.1:9/0")
    assert shown.returncode == 0, shown.stderr
    assert "can't be reached" in shown.stdout
    assert console(database_url, "redis://127.0.0.1:9/0", "unban", "192.0.2.1").returncode == 1
