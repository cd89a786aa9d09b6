"""Bounded concurrency: so many at work, so many waiting, none of them for long, and a share kept free for
those who matter most. Who comes in vain is told at once, which costs next to nothing; who is let in is
served as quickly as ever. For requests that come in (admission.py) and calls that go out (call_guard.py).
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Reason = Literal["full", "waited", "deadline"]


class Rank(IntEnum):
    """Who goes first, from the last to the first. INTERNAL: for another service's request, which was let
    in there already, so that work has been spent on it. RESERVED: an order, a payment."""

    PUBLIC = 0
    INTERNAL = 1
    RESERVED = 2


class NoPlace(Exception):
    """`full`: all places are taken and the line is full of those who go first; `waited`: as long as
    anybody may; `deadline`: the caller has gone meanwhile."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


@dataclass(eq=False, slots=True)
class _Waiter:
    """`told` becomes None with the place, or why there is none."""

    order: tuple[Rank, int]  # higher goes first: by rank, then the newest, whose caller is surely still there
    told: asyncio.Future[Reason | None]


class Places:
    """`size` at work at once, of whom at most `size` less the reserved share are not RESERVED; at most
    `waiting_max` in line. One event loop, no locks."""

    def __init__(self, size: int, *, reserved_share: float, waiting_max: int) -> None:
        self._size = size
        self._ordinary_max = max(1, size - math.ceil(size * reserved_share))
        self._waiting_max = waiting_max
        self._ordinary = 0
        self._arrivals = 0
        self._line: list[_Waiter] = []
        self.at_work = 0

    @property
    def waiting(self) -> int:
        return len(self._line)

    async def take(self, rank: Rank, wait_seconds: float) -> None:
        """Takes a place, to be given back by `give_back` with the same rank. Raises NoPlace."""
        if self._has_room(rank):
            self._seat(rank)
            return
        if wait_seconds <= 0:
            raise NoPlace("waited")
        waiter = self._queue(rank)
        late = asyncio.get_running_loop().call_later(wait_seconds, self._turn_away, waiter, "waited")
        try:
            reason = await waiter.told
        except asyncio.CancelledError:
            if waiter.told.done() and not waiter.told.cancelled() and waiter.told.result() is None:
                self.give_back(rank)  # it was given in the same moment
            elif waiter in self._line:
                self._line.remove(waiter)
            raise
        finally:
            late.cancel()
        if reason is not None:
            raise NoPlace(reason)

    def give_back(self, rank: Rank) -> None:
        self.at_work -= 1
        if rank < Rank.RESERVED:
            self._ordinary -= 1
        # Whom there is no room for although they go first keep nobody waiting: the rest has less room.
        while self._line:
            first = max(self._line, key=_order)
            if not first.told.done() and not self._has_room(first.order[0]):
                return
            self._line.remove(first)
            if not first.told.done():  # else called off, which its own task hears of at the loop's next turn
                self._seat(first.order[0])
                first.told.set_result(None)

    def _has_room(self, rank: Rank) -> bool:
        if self.at_work >= self._size:
            return False
        return rank == Rank.RESERVED or self._ordinary < self._ordinary_max

    def _seat(self, rank: Rank) -> None:
        self.at_work += 1
        if rank < Rank.RESERVED:
            self._ordinary += 1

    def _queue(self, rank: Rank) -> _Waiter:
        """Joins the line; where it is full, the one who goes last has to leave it."""
        self._arrivals += 1
        waiter = _Waiter((rank, self._arrivals), asyncio.get_running_loop().create_future())
        if len(self._line) >= self._waiting_max:
            last = min(self._line, key=_order, default=waiter)
            if last.order >= waiter.order:
                raise NoPlace("full")
            self._turn_away(last, "full")
        self._line.append(waiter)
        return waiter

    def _turn_away(self, waiter: _Waiter, reason: Reason) -> None:
        if waiter in self._line:
            self._line.remove(waiter)
            if not waiter.told.done():  # as above
                waiter.told.set_result(reason)


def _order(waiter: _Waiter) -> tuple[Rank, int]:
    return waiter.order
