"""What the keys in Redis are called: dramatiq's own layout (its `brokers/redis/dispatch.lua`), and what
Kiosk keeps beside it.

`QUEUE` lists the ids of what is ready, `.msgs` holds what is ready or in a worker's hands. `.DQ` and
`.DQ.msgs` are the same of the delayed; `.DQ.due`, ours, orders them by time. `.XQ` orders the dead by when
they died, `.XQ.msgs` holds them. A set per worker and queue names what is in that worker's hands; `.back`,
ours, remembers for a day when such a job became ready again.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.queue import NAMESPACE

HEARTBEATS = f"{NAMESPACE}:__heartbeats__"
# Ours. PostgreSQL has the truth of what is paused: this is its copy, which stops even the next fetch, and a
# count of pauses and resumes, by which workers see that they should look.
PAUSED, STEERED = f"{NAMESPACE}:__paused__", f"{NAMESPACE}:__steered__"


@dataclass(frozen=True, slots=True)
class QueueKeys:
    """The keys of one queue, by its plain name."""

    queue: str

    @property
    def ready(self) -> str:
        return f"{NAMESPACE}:{self.queue}"

    @property
    def messages(self) -> str:
        return f"{self.ready}.msgs"

    @property
    def delayed(self) -> str:
        return f"{self.ready}.DQ"

    @property
    def delayed_messages(self) -> str:
        return f"{self.delayed}.msgs"

    @property
    def due(self) -> str:
        return f"{self.delayed}.due"

    @property
    def put_back(self) -> str:
        return f"{self.ready}.back"

    @property
    def dead(self) -> str:
        return f"{self.ready}.XQ"

    @property
    def dead_messages(self) -> str:
        return f"{self.dead}.msgs"


def hands(worker: str, queue: str) -> str:
    """The set of what a worker (dramatiq's broker id) has fetched of a queue, or of `QUEUE.DQ`."""
    return f"{NAMESPACE}:__acks__.{worker}.{queue}"
