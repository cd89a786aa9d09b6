"""Idempotency keys as Stripe's API v1 treats them (docs.stripe.com/api/idempotent_requests).

Status and body are saved once execution began, 500s included, and answered again for a day; the same
key with other parameters or at another endpoint is an error; while the first request runs, a second
is told to wait. Parameters that fail validation, and such conflicts, save nothing.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ops.sandbox.errors import InvalidRequest, KeyInUse, KeyReused
from ops.sandbox.store import Store
from services.queries import load_queries

_SQL = load_queries(__file__, "replies.sql")
_KEPT_SECONDS = 24 * 3600
_KEY_LENGTH_MAX = 255


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes over the wire. `replayed`: it is an earlier request's."""

    status: int
    body: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """One request under a key: what is asked, and where."""

    key: str
    endpoint: str
    parameters: str

    @classmethod
    def of(cls, key: str, endpoint: str, values: dict[str, Any]) -> Claim:
        """Raises InvalidRequest on a key that is too long."""
        if len(key) > _KEY_LENGTH_MAX:
            raise InvalidRequest(f"Idempotency keys are limited to {_KEY_LENGTH_MAX} characters.")
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return cls(key, endpoint, hashlib.sha256(canonical.encode()).hexdigest())


class Replies:
    """Saved replies, and which keys are being worked on. The latter live in memory: after a crash
    nothing is half-done, so nothing has to be released."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._busy: set[str] = set()

    @contextmanager
    def held(self, claim: Claim) -> Iterator[None]:
        """Holds the key while its request runs. Raises KeyInUse."""
        if claim.key in self._busy:
            message = (
                "There is currently another in-progress request using this Idempotency Key"
                f" ({claim.key}). Please try again later."
            )
            raise KeyInUse(message)
        self._busy.add(claim.key)
        try:
            yield
        finally:
            self._busy.discard(claim.key)

    def find(self, claim: Claim) -> Reply | None:
        """The saved reply. Raises KeyReused when it answered something else."""
        row = self._store.one(_SQL["saved_reply"], key=claim.key)
        if row is None:
            return None
        if row["endpoint"] != claim.endpoint:
            message = (
                "Keys for idempotent requests can only be used for the same endpoint they were first used"
                f" for ('{claim.endpoint}' vs '{row['endpoint']}'). Try using a key other than"
                f" '{claim.key}' if you meant to execute a different request."
            )
            raise KeyReused(message)
        if row["parameters"] != claim.parameters:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first"
                f" used with. Try using a key other than '{claim.key}' if you meant to execute a different"
                " request."
            )
            raise KeyReused(message)
        return Reply(row["status"], row["body"], replayed=True)

    def save(self, claim: Claim, reply: Reply) -> None:
        """Inside the transaction of what the reply tells of."""
        now = int(time.time())
        self._store.run(_SQL["forget_old_replies"], before=now - _KEPT_SECONDS)
        self._store.run(
            _SQL["save_reply"],
            key=claim.key,
            created=now,
            endpoint=claim.endpoint,
            parameters=claim.parameters,
            status=reply.status,
            body=reply.body,
        )
