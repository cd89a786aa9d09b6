"""How often somebody may guess at passwords. Counted in PostgreSQL: with it away nobody logs in at all, so
this can't fail open; and exact however many guesses come at once, because each is charged before it is
looked at.

Three counters, each with so many free guesses and then a delay that doubles up to fifteen minutes:

    a name from an address     5     what a person mistyping meets, and a guesser at one account
    an address, all names     30     a guesser who tries names
    a name, all addresses    100     a guesser with many addresses

The last would let strangers keep an account's owner out. So it neither counts nor is reset where the account
has logged in from before: there the first one decides, and nobody elsewhere can close that. (Who has a shell
can make an account in any case.) A guess that is refused is not charged: knocking does not add to the delay.
A quiet day, and all is forgotten.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import ceil

from databases import Database

from services.database import Connection, transaction
from services.errors import Limited
from services.queries import load_queries

DELAY_SECONDS_MAX = 900

_SQL = load_queries(__file__, "throttle.sql")


class TooManyGuesses(Limited):
    slug, title = "too-many-guesses", "Too many tries to log in: wait a while"


@dataclass(frozen=True, slots=True)
class Counter:
    """What guesses have in common, and how many of them are free."""

    key: bytes
    free: int

    def delay_seconds(self, tries: int) -> float:
        """How long the next guess has to wait after so many."""
        return 0.0 if tries < self.free else float(min(2 ** (tries - self.free + 1), DELAY_SECONDS_MAX))


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess that is allowed and charged. `by_name` are the counters that a success resets."""

    by_name: tuple[Counter, ...]
    by_address: Counter | None


def _counter(kind: str, text: str, free: int) -> Counter:
    return Counter(hashlib.sha256(f"{kind}\0{text}".encode()).digest(), free)


async def charge(database: Database, name: str, address: str | None) -> Guess:
    """Charges a guess, before it is looked at. Raises TooManyGuesses with the seconds to wait."""
    place = address or ""
    async with transaction(database) as raw:
        known = bool(await raw.fetchval(_SQL["is_known"], name, place))
        by_name = [_counter("name and address", f"{name}\0{place}", 5)]
        if not known:
            by_name.append(_counter("name", name, 100))
        by_address = _counter("address", place, 30)
        await _charge(raw, [*by_name, by_address])
    return Guess(tuple(by_name), by_address)


async def charge_change(database: Database, name: str) -> Guess:
    """Of the old password, by somebody who has a session already: it may be stolen. Raises TooManyGuesses."""
    counter = _counter("old password", name, 5)
    async with transaction(database) as raw:
        await _charge(raw, [counter])
    return Guess((counter,), None)


async def _charge(raw: Connection, counters: list[Counter]) -> None:
    stand = {row["key"]: row for row in await raw.fetch(_SQL["lock"], [counter.key for counter in counters])}
    wait = max(row["wait_seconds"] for row in stand.values())
    if wait > 0:
        raise TooManyGuesses(retry_after_seconds=ceil(wait))
    tries = [stand[counter.key]["tries"] + 1 for counter in counters]
    delays = [counter.delay_seconds(tried) for counter, tried in zip(counters, tries, strict=True)]
    await raw.execute(_SQL["charge"], [counter.key for counter in counters], tries, delays)


async def succeed(raw: Connection, guess: Guess) -> None:
    """The password was right: the name's counters begin anew, and the address gets its guess back."""
    keys = [counter.key for counter in guess.by_name]
    if guess.by_address is not None:
        await raw.fetch(_SQL["lock"], [*keys, guess.by_address.key])  # in the order in which all lock them
        await raw.execute(_SQL["refund"], guess.by_address.key)
    await raw.execute(_SQL["reset"], keys)
