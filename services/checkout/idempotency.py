"""The `Idempotency-Key` header: a request that counts once, however often it arrives.

The claim is a row written in the transaction of its effect, and names what comes of it: whoever sends
the request again finds the result, or nothing has happened yet.
"""

from __future__ import annotations

import hashlib
import re

import asyncpg
import msgspec
from starlette.requests import Request

from services.checkout.errors import InFlight, KeyMissing, KeyReused
from services.database import Connection
from services.errors import Malformed
from services.queries import load_queries

_SQL = load_queries(__file__, "idempotency.sql")
_CLAIM, _CLAIMED = _SQL["claim"], _SQL["claimed"]
_KEY = re.compile(r"[!-~]{1,255}")
_encoder = msgspec.json.Encoder(order="deterministic")


async def claim(connection: Connection, scope: str, key: str, fingerprint: str, result_id: str) -> str | None:
    """Claims `key` for a request that will make `result_id`. None: it is new, go on in this transaction.
    Otherwise the result of the earlier, same request. A twin at work is waited for, at most as long as
    for any lock. Raises KeyReused (the key belongs to another request), InFlight (the twin takes longer;
    the transaction is lost). One round trip for a new key, two for a replay: the statement that waited
    can't see what the twin wrote."""
    try:
        if await connection.fetchval(_CLAIM, scope, key, fingerprint, result_id) is not None:
            return None
    except asyncpg.LockNotAvailableError:
        raise InFlight(retry_after_seconds=1) from None
    earlier = await connection.fetchrow(_CLAIMED, scope, key)
    if earlier is None:  # swept away between the two statements
        raise InFlight(retry_after_seconds=1)
    if earlier["fingerprint"] != fingerprint:
        raise KeyReused()
    return str(earlier["result_id"])


def required_key(request: Request) -> str:
    """The request's key. Raises KeyMissing, Malformed."""
    key = optional_key(request)
    if key is None:
        raise KeyMissing()
    return key


def optional_key(request: Request) -> str | None:
    """As `required_key`, for requests that may do without."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise Malformed("Idempotency-Key has 1 to 255 visible ASCII characters, and is given once")
    return given[0]


def fingerprint_of(request: Request, body: msgspec.Struct) -> str:
    """What makes two requests the same: method, path and the decoded body, so that neither white space
    nor the order of fields matters."""
    parts = (request.method.encode(), request.url.path.encode(), _encoder.encode(body))
    return hashlib.sha256(b"\n".join(parts)).hexdigest()
