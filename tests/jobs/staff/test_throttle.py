"""Guessing at passwords: how often, from where, and whom it can't keep out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.jobs.staff import passwords, throttle
from services.jobs.staff.throttle import Counter, TooManyGuesses
from tests.jobs.staff.conftest import DELAYS_STRETCHED, Door

pytestmark = pytest.mark.usefixtures("stretched_delays")

Owner = Any
true_delay_seconds = Counter.delay_seconds


async def _tries(door: Door, count: int, name: str = "admin", address: str = "203.0.113.1") -> int:
    """How many of so many guesses at once were allowed."""

    async def one() -> bool:
        try:
            await throttle.charge(door.database, name, address)
        except TooManyGuesses:
            return False
        return True

    return sum(await asyncio.gather(*(one() for _ in range(count))))


async def _pass_time(owner: Owner, seconds: float) -> None:
    await owner.execute(
        "UPDATE jobs.staff_tries SET tried_at = tried_at - make_interval(secs => $1),"
        " blocked_until = blocked_until - make_interval(secs => $1)",
        seconds,
    )


@pytest.mark.parametrize("round_", range(3))
async def test_exactly_five_of_a_hundred_guesses_at_once_are_looked_at(round_: int, door: Door) -> None:
    assert await _tries(door, 100, address=f"203.0.113.{round_}") == 5


async def test_exactly_five_passwords_are_verified_in_a_flood_of_logins(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    real = passwords._verify

    def count(stored: str | None, password: str) -> bool:
        verified.append(password)
        return real(stored, password)

    monkeypatch.setattr(passwords, "_verify", count)
    monkeypatch.setattr(passwords, "WAITING_MAX", 1000)
    browsers = [await door.browser() for _ in range(40)]
    answers = await asyncio.gather(*(b.log_in("admin", f"guess {n:10}") for n, b in enumerate(browsers)))
    assert len(verified) == 5
    assert sorted({answer.status_code for answer in answers}) == [401, 429]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 35
    assert all(1 <= int(answer.headers["retry-after"]) <= 2 * DELAYS_STRETCHED for answer in refused)
    assert all("Too many tries to log in" in answer.text for answer in refused)


def test_delays_double_up_to_fifteen_minutes() -> None:
    counter = Counter(b"", 5)
    delays = [true_delay_seconds(counter, tries) for tries in range(1, 17)]
    assert delays == [0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert true_delay_seconds(counter, 10_000) == 900


async def test_after_the_delay_one_more_guess_is_allowed_and_the_next_delay_is_longer(
    door: Door, owner: Owner
) -> None:
    assert await _tries(door, 10) == 5
    for delay in (2, 4, 8):
        assert await _tries(door, 5) == 0
        await _pass_time(owner, (delay - 1) * DELAYS_STRETCHED)
        assert await _tries(door, 5) == 0
        await _pass_time(owner, DELAYS_STRETCHED)
        assert await _tries(door, 5) == 1


async def test_knocking_while_it_is_closed_does_not_keep_it_closed(door: Door, owner: Owner) -> None:
    await _tries(door, 5)
    before = await owner.fetch("SELECT key, tries, blocked_until FROM jobs.staff_tries ORDER BY key")
    assert await _tries(door, 20) == 0
    assert await owner.fetch("SELECT key, tries, blocked_until FROM jobs.staff_tries ORDER BY key") == before


async def test_the_right_password_begins_anew(door: Door) -> None:
    browser = await door.browser()
    for _ in range(3):
        for _ in range(4):
            assert (await browser.log_in("admin", "not the password")).status_code == 401
        assert (await browser.log_in("admin")).status_code == 303


async def test_a_success_gives_an_address_back_one_guess_only(door: Door) -> None:
    """So an account of one's own does not buy guesses at others."""
    browser = await door.browser()
    for number in range(29):
        assert await _tries(door, 1, name=f"name {number}", address="192.0.2.1") == 1
    assert (await browser.log_in("viewer")).status_code == 303
    assert (await browser.log_in("viewer")).status_code == 303
    assert await _tries(door, 5, name="another", address="192.0.2.1") == 1


async def test_many_names_from_one_address_meet_a_bound(door: Door) -> None:
    allowed = [await _tries(door, 1, name=f"name {number}") for number in range(50)]
    assert sum(allowed) == 30


async def test_many_addresses_at_one_name_meet_a_bound(door: Door) -> None:
    allowed = [await _tries(door, 1, address=f"198.51.100.{number}") for number in range(120)]
    assert sum(allowed) == 100


async def test_strangers_cannot_lock_the_owner_out(door: Door, owner: Owner) -> None:
    home, stranger = await door.browser(), await door.browser()
    assert (await home.log_in("admin", address="192.0.2.7")).status_code == 303
    for number in range(130):
        await _tries(door, 1, address=f"198.51.100.{number}")
    assert (await stranger.log_in("admin", "x" * 12, address="203.0.113.200")).status_code == 429
    assert (await home.log_in("admin", address="192.0.2.7")).status_code == 303
    # Neither does the owner's success open the door for the strangers again.
    assert (await stranger.log_in("admin", "x" * 12, address="203.0.113.201")).status_code == 429


async def test_a_guesser_does_not_close_the_login_for_other_names(door: Door) -> None:
    await _tries(door, 20, name="admin", address="203.0.113.1")
    assert (await (await door.browser()).log_in("operator", address="203.0.113.1")).status_code == 303


async def test_made_up_forwarded_addresses_are_one_client(door: Door) -> None:
    """Traefik appends the true one; what stands before it is the client's invention."""
    browser = await door.browser()
    statuses = [
        (await browser.log_in("admin", "x" * 12, address=f"10.0.0.{n}, 203.0.113.9")).status_code
        for n in range(8)
    ]
    assert statuses == [401] * 5 + [429] * 3


async def test_a_quiet_day_and_all_is_forgotten(door: Door, owner: Owner) -> None:
    await _tries(door, 10)
    await _pass_time(owner, 24 * 3600 + 1)
    assert await _tries(door, 10) == 5


async def test_counters_tell_nobody_what_was_typed(door: Door, owner: Owner) -> None:
    await _tries(door, 1, name="my-secret-password")
    rows = await owner.fetch("SELECT t::text FROM jobs.staff_tries t")
    assert all("secret" not in row[0] and b"secret".hex() not in row[0] for row in rows)


async def test_logins_and_guesses_at_once_never_deadlock(door: Door) -> None:
    browsers = [await door.browser() for _ in range(4)]

    async def log_in(number: int) -> int:
        return (await browsers[number % 4].log_in("viewer", address="203.0.113.1")).status_code

    async def guess(number: int) -> int:
        return await _tries(door, 1, name=f"name {number % 3}", address="203.0.113.1")

    done = await asyncio.gather(*(log_in(n) for n in range(12)), *(guess(n) for n in range(40)))
    assert set(done[:12]) <= {303, 429}
