"""A request that counts once, however often it arrives: its claim commits with its effect."""

from __future__ import annotations

import asyncpg
import msgspec
from starlette.requests import Request

from services.checkout.errors import InFlight, KeyReused
from services.checkout.idempotency import fingerprint_of, optional_key
from services.database import Connection
from services.jobs.staff.who import Who
from services.queries import load_queries

_SQL = load_queries(__file__, "once.sql")
_CLAIM, _CLAIMED = _SQL["claim"], _SQL["claimed"]
ONCE_PROBLEMS = (KeyReused, InFlight)  # what a key may come to, for the route table


class Once(msgspec.Struct, frozen=True):
    """An `Idempotency-Key` as one caller gave it, and the fingerprint of the request it came with."""

    caller: str
    key: str
    fingerprint: str

    async def claim(self, raw: Connection, result: str) -> str | None:
        """Claims the key for a request that will make `result`. None: it is new, go on in this transaction;
        otherwise the result of the earlier, same request. A twin at work is waited for, as long as for any
        lock. Raises KeyReused, InFlight (the transaction is lost)."""
        try:
            if await raw.fetchval(_CLAIM, self.caller, self.key, self.fingerprint, result) is not None:
                return None
        except asyncpg.LockNotAvailableError:
            raise InFlight(retry_after_seconds=1) from None
        earlier = await raw.fetchrow(_CLAIMED, self.caller, self.key)
        if earlier is None:  # swept away between the two statements
            raise InFlight(retry_after_seconds=1)
        if earlier["fingerprint"] != self.fingerprint:
            raise KeyReused()
        return str(earlier["result"])


def once_of(request: Request, body: msgspec.Struct, who: Who) -> Once | None:
    """The claim that a request's `Idempotency-Key` makes, if it has one. Raises Malformed."""
    key = optional_key(request)
    return None if key is None else Once(f"{who.by}:{who.name}", key, fingerprint_of(request, body))
