"""A job in a worker's hands, as PostgreSQL gave it and as dramatiq carries it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

import msgspec
from asyncpg import Record
from dramatiq import Message

from services.jobs.messages import JobMessage
from services.jobs.verdicts import RELEASE, Verdict
from services.request_context import RequestContext


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a job once. Whoever settles it shows the token; a job that was taken back and
    given to another worker has another one by then."""

    job_id: uuid.UUID
    lease_token: uuid.UUID
    failures: int
    request_id: str | None
    traceparent: str | None


class ClaimedMessage(JobMessage):
    """A message that knows its claim and carries its verdict to the broker."""

    def __init__(self, row: Record) -> None:
        super().__init__(
            Message(
                queue_name=row["queue"],
                actor_name=row["actor"],
                args=tuple(msgspec.json.decode(row["args"])),
                kwargs=msgspec.json.decode(row["kwargs"]),
                options=msgspec.json.decode(row["options"]),
                message_id=str(row["id"]),
                message_timestamp=int(row["enqueued_at"].timestamp() * 1000),
            )
        )
        self.claim = Claim(
            row["id"], row["lease_token"], row["failures"], row["request_id"], row["traceparent"]
        )
        self._ready_at: datetime = row["run_at"]
        self.verdict: Verdict = RELEASE

    def request(self) -> RequestContext:
        return self.context_of(self.claim.request_id, self.claim.traceparent)

    def ready_at(self) -> datetime:
        return self._ready_at

    def outcome(self, error: BaseException | None) -> str:
        return self.verdict.outcome
