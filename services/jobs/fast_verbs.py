"""What can be done to fast jobs. Each verb is a script, which changes those that still are where they were
seen."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from redis.asyncio import Redis

from services.jobs.backend import Verb
from services.jobs.fast_keys import QueueKeys
from services.jobs.fast_shelves import Entry, Shelf
from services.queries import load_queries

_LUA = load_queries(__file__, "fast_verbs.lua")
_AT_ONCE = 100  # removing from a long list takes Redis a while for each, and nobody else is served meanwhile

ALLOWED: dict[Verb, frozenset[Shelf]] = {
    "retry": frozenset({"dead"}),
    "discard": frozenset({"ready", "scheduled", "dead"}),
}


class FastVerbs:
    def __init__(self, redis: Redis) -> None:
        self._scripts = {name: redis.register_script(text) for name, text in _LUA.items()}

    async def apply(self, verb: Verb, entries: Iterable[Entry]) -> int:
        """How many were changed. Raises what redis-py raises."""
        changed = 0
        for (shelf, queue), same in groupby(entries, key=lambda entry: (entry.shelf, entry.queue)):
            jobs = list(same)
            for first in range(0, len(jobs), _AT_ONCE):
                part = jobs[first : first + _AT_ONCE]
                script, keys, arguments = _call(verb, shelf, QueueKeys(queue), part)
                changed += await self._scripts[script](keys=keys, args=arguments)
        return changed


def _call(verb: Verb, shelf: Shelf, keys: QueueKeys, jobs: list[Entry]) -> tuple[str, list[str], list[Any]]:
    ids: list[Any] = [job.id for job in jobs]
    if verb == "retry":
        anew = [(job.id, job.at_ms, job.job.anew(keys.queue)) for job in jobs]
        return (
            "retry",
            [keys.dead, keys.dead_messages, keys.ready, keys.messages],
            [argument for one in anew for argument in one],
        )
    if shelf == "dead":
        return "discard_dead", [keys.dead, keys.dead_messages], ids
    if shelf == "ready":
        return "discard_ready", [keys.ready, keys.messages], ids
    return "discard_scheduled", [keys.delayed, keys.delayed_messages, keys.due], ids
