"""Walking through the fast jobs in windows of bounded size. A shelf holds the jobs of one state in one queue.

A position says where a walk goes on, by what was seen rather than by counting, so that jobs which come and
go meanwhile make it neither skip nor repeat: the time and id of the last job, or, in the plain list of
those that are ready, the ids of the last few (workers take them from its head).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec
from redis.asyncio import Redis

from services.errors import FieldError, Invalid
from services.jobs.backend import COUNT_MAX
from services.jobs.fast_keys import HEARTBEATS, QueueKeys, hands
from services.jobs.fast_messages import ETA, StoredJob, as_time

Shelf = Literal["running", "ready", "scheduled", "dead"]
SHELVES: tuple[Shelf, ...] = ("running", "ready", "scheduled", "dead")
WORKERS_MAX = 200  # of which it is asked what they have in hand
_IN_HAND_MAX = 500  # of each of them
_WINDOW = 100
ANCHORS = 5
_DECODE = msgspec.json.Decoder(StoredJob).decode


class Position(msgspec.Struct, frozen=True, array_like=True):
    """After this job the walk goes on. `ids`: one id, or the anchors in the ready list, last one last."""

    shelf: Shelf
    queue: str
    at_ms: float = 0.0
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A job on its shelf. `at_ms`: the time by which the shelf is ordered, in UNIX milliseconds."""

    id: str
    at_ms: float
    job: StoredJob
    position: Position

    @property
    def shelf(self) -> Shelf:
        return self.position.shelf

    @property
    def queue(self) -> str:
        return self.position.queue

    @property
    def at(self) -> datetime:
        return as_time(self.at_ms)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of the time by which a shelf is ordered, in UNIX milliseconds; `until_ms` is not in it."""

    since_ms: float = float("-inf")
    until_ms: float = float("inf")

    def hold(self, at_ms: float) -> bool:
        return self.since_ms <= at_ms < self.until_ms


def cursor_of(position: Position) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def position_of(cursor: str) -> Position:
    """Raises Invalid for a cursor that is none."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=Position)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise Invalid([FieldError("cursor", "is no cursor of this list")]) from None


async def walk(
    redis: Redis, shelves: Sequence[tuple[Shelf, str]], after: Position | None, bounds: Bounds
) -> AsyncIterator[list[Entry]]:
    """The jobs of the shelves, one shelf after the other, a window at a time; those that wait or run may lie
    outside the bounds. Raises what redis-py raises, and Invalid for a position on another shelf."""
    names = list(shelves)
    if after is not None:
        if (after.shelf, after.queue) not in names:
            raise Invalid([FieldError("cursor", "is no cursor of this list")])
        names = names[names.index((after.shelf, after.queue)) :]
    for shelf, queue in names:
        start = after if after and (after.shelf, after.queue) == (shelf, queue) else Position(shelf, queue)
        async for window in _WALKS[shelf](redis, start, bounds):
            yield window


async def _ready(redis: Redis, start: Position, _bounds: Bounds) -> AsyncIterator[list[Entry]]:
    keys = QueueKeys(start.queue)
    anchors = start.ids
    while True:
        index = await _index_after(redis, keys.ready, anchors)
        ids = _words(await redis.lrange(keys.ready, index, index + _WINDOW - 1))
        if not ids:
            return
        window = []
        for job_id, job in await _jobs(redis, keys.messages, ids):
            anchors = (*anchors, job_id)[-ANCHORS:]
            if job is not None:
                position = Position(start.shelf, start.queue, job.queued_ms, anchors)
                window.append(Entry(job_id, job.queued_ms, job, position))
        yield window


async def _index_after(redis: Redis, key: str, anchors: tuple[str, ...]) -> int:
    """Behind the last anchor that is still there. When all are gone, then so is all before them: jobs leave
    the list at its head."""
    if not anchors:
        return 0
    async with redis.pipeline(transaction=False) as pipeline:
        for anchor in anchors:
            pipeline.lpos(key, anchor, maxlen=COUNT_MAX)
        found = await pipeline.execute()
    return max((place + 1 for place in found if place is not None), default=0)


async def _scheduled(redis: Redis, start: Position, bounds: Bounds) -> AsyncIterator[list[Entry]]:
    """By time, the next first."""
    keys, last = QueueKeys(start.queue), _last(start)
    lowest, offset = max(bounds.since_ms, last[0] if last else bounds.since_ms), 0
    while found := _scored(
        await redis.zrangebyscore(keys.due, lowest, f"({bounds.until_ms}", offset, _WINDOW, withscores=True)
    ):
        fresh = [one for one in found if last is None or one > last]
        yield await _entries(redis, start, keys.delayed_messages, fresh)
        last = fresh[-1] if fresh else last
        lowest, offset = _go_on(lowest, offset, found)


async def _dead(redis: Redis, start: Position, bounds: Bounds) -> AsyncIterator[list[Entry]]:
    """By time of death, the last first."""
    keys, last = QueueKeys(start.queue), _last(start)
    highest, offset = min(bounds.until_ms, last[0] if last else bounds.until_ms), 0
    while found := _scored(
        await redis.zrevrangebyscore(keys.dead, highest, bounds.since_ms, offset, _WINDOW, withscores=True)
    ):
        fresh = [one for one in found if last is None or one < last]
        yield await _entries(redis, start, keys.dead_messages, fresh)
        last = fresh[-1] if fresh else last
        highest, offset = _go_on(highest, offset, found)


def _go_on(edge: float, offset: int, found: list[tuple[float, str]]) -> tuple[float, int]:
    """From the last one's time, not by counting: what came before may be gone by the next question. Only
    among jobs of the very same millisecond it has to count."""
    at_ms = found[-1][0]
    return (edge, offset + len(found)) if at_ms == edge else (at_ms, 0)


async def _running(redis: Redis, start: Position, _bounds: Bounds) -> AsyncIterator[list[Entry]]:
    """What workers have fetched. It is little, so it is read at once and cut by the position."""
    keys, last = QueueKeys(start.queue), _last(start)
    workers = await workers_of(redis)
    async with redis.pipeline(transaction=False) as pipeline:
        for worker in workers:
            pipeline.srandmember(hands(worker, start.queue), _IN_HAND_MAX)
        sets = await pipeline.execute() if workers else []
    ids = sorted({job_id for members in sets for job_id in _words(members)})
    jobs = await _jobs(redis, keys.messages, ids)
    held = sorted(((float(job.queued_ms), job_id) for job_id, job in jobs if job is not None), reverse=True)
    left = [one for one in held if last is None or one < last]
    for first in range(0, len(left), _WINDOW):
        yield await _entries(redis, start, keys.messages, left[first : first + _WINDOW])


_WALKS = {"running": _running, "ready": _ready, "scheduled": _scheduled, "dead": _dead}


async def find(redis: Redis, queue: str, job_id: str) -> Entry | None:
    """A job of a queue, wherever it is."""
    keys, workers = QueueKeys(queue), await workers_of(redis)
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.hget(keys.messages, job_id)
        pipeline.hget(keys.delayed_messages, job_id)
        pipeline.hget(keys.dead_messages, job_id)
        pipeline.zscore(keys.due, job_id)
        pipeline.zscore(keys.dead, job_id)
        for worker in workers:
            pipeline.sismember(hands(worker, queue), job_id)
        here, delayed, dead, eta, died, *held = await pipeline.execute()
    shelf: Shelf = "dead" if dead else "scheduled" if delayed else "running" if any(held) else "ready"
    job = decoded(dead or delayed or here)
    if job is None:
        return None
    at_ms = died or eta or float(job.options.get(ETA) or job.queued_ms)
    return Entry(job_id, at_ms, job, Position(shelf, queue, at_ms, (job_id,)))


async def put_back_ms(redis: Redis, entries: list[Entry]) -> dict[str, float]:
    """When a worker, or its end, made these jobs of one shelf ready again; of the last day."""
    if not entries or entries[0].shelf != "ready":
        return {}
    ids = [entry.id for entry in entries]
    scores = await redis.zmscore(QueueKeys(entries[0].queue).put_back, ids)
    return {job_id: score for job_id, score in zip(ids, scores, strict=True) if score is not None}


async def workers_of(redis: Redis) -> list[str]:
    """Workers by dramatiq's id for them, those last heard of first; dead ones stay a while."""
    return _words(await redis.zrevrange(HEARTBEATS, 0, WORKERS_MAX - 1))


async def _entries(
    redis: Redis, start: Position, messages_key: str, scored: list[tuple[float, str]]
) -> list[Entry]:
    jobs = await _jobs(redis, messages_key, [job_id for _, job_id in scored])
    return [
        Entry(job_id, at_ms, job, Position(start.shelf, start.queue, at_ms, (job_id,)))
        for (at_ms, _), (job_id, job) in zip(scored, jobs, strict=True)
        if job is not None
    ]


async def _jobs(redis: Redis, key: str, ids: list[str]) -> list[tuple[str, StoredJob | None]]:
    """The messages; None where one is gone meanwhile, or is nothing that dramatiq wrote."""
    if not ids:
        return []
    return [(job_id, decoded(raw)) for job_id, raw in zip(ids, await redis.hmget(key, ids), strict=True)]


def decoded(raw: Any) -> StoredJob | None:
    try:
        return None if raw is None else _DECODE(raw)
    except msgspec.MsgspecError:
        return None


def _last(position: Position) -> tuple[float, str] | None:
    return (position.at_ms, position.ids[-1]) if position.ids else None


def _scored(found: Any) -> list[tuple[float, str]]:
    return [(score, text_of(member)) for member, score in found]


def _words(found: Sequence[Any]) -> list[str]:
    return [text_of(one) for one in found]


def text_of(raw: bytes | str) -> str:
    """redis-py may be told to answer with either."""
    return raw.decode() if isinstance(raw, bytes) else str(raw)
