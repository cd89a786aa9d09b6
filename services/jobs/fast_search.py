"""Looking for fast jobs that a filter wants, with an end to the patience."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from redis.asyncio import Redis

from services.jobs.backend import JobFilter
from services.jobs.fast_cards import bounds_of, fits
from services.jobs.fast_shelves import ANCHORS, Entry, Position, Shelf, put_back_ms, walk

_WINDOWS = 20  # of 100 jobs each, for one answer


@dataclass(slots=True)
class Found:
    """`fitting` and `passed` are what was looked at, in order; `complete`: there is no more."""

    after: Position | None
    fitting: list[Entry] = field(default_factory=list)
    passed: list[Entry] = field(default_factory=list)
    last: Entry | None = None
    complete: bool = False

    def onwards(self) -> Position | None:
        """Where to go on once the fitting ones are gone: in the ready list, only others can be anchors."""
        if self.last is None or self.last.shelf != "ready":
            return self.last.position if self.last else self.after
        place = self.last.position
        kept = [one.id for one in self.passed if (one.shelf, one.queue) == (place.shelf, place.queue)]
        if self.after and (self.after.shelf, self.after.queue) == (place.shelf, place.queue):
            kept = [*self.after.ids, *kept]
        return Position(place.shelf, place.queue, place.at_ms, tuple(kept[-ANCHORS:]))


async def search(
    redis: Redis,
    shelves: Sequence[tuple[Shelf, str]],
    wanted: JobFilter,
    after: Position | None,
    limit: int,
    before_ms: float = float("inf"),
) -> Found:
    """Up to `limit` jobs that came onto their shelf before `before_ms`. Raises what redis-py raises."""
    found, bounds = Found(after), bounds_of(wanted)
    windows, is_bound = 0, before_ms < float("inf")
    async for window in walk(redis, shelves, after, bounds):
        put_back = await put_back_ms(redis, window) if is_bound else {}
        for entry in window:
            in_time = not is_bound or max(_came_ms(entry), put_back.get(entry.id, 0.0)) < before_ms
            wants = in_time and fits(entry, wanted, bounds)
            (found.fitting if wants else found.passed).append(entry)
            found.last = entry
            if len(found.fitting) == limit:
                return found
        windows += 1
        if windows == _WINDOWS:
            return found
    found.complete = True
    return found


def _came_ms(entry: Entry) -> float:
    """When the job came onto its shelf. The scheduled are ordered by a time ahead, which does not tell."""
    return entry.job.scheduled_ms if entry.shelf == "scheduled" else entry.at_ms
