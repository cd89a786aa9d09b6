"""Payments that take their time: charged, or declined, when it has come. Survives a restart."""

from __future__ import annotations

import asyncio
import time

from ops.sandbox.confirmation import charge
from ops.sandbox.gateway import Gateway
from ops.sandbox.operations import Origin
from ops.sandbox.store import from_json
from services.queries import load_queries

_SQL = load_queries(__file__, "intents.sql")
_LOOK_AGAIN_SECONDS = 0.25


async def settle_processed(gateway: Gateway) -> None:
    """Looks for ever."""
    while True:
        for intent in gateway.store.all(_SQL["processed_intents"], now=time.time()):
            with gateway.store.transaction():
                charge(gateway, intent, from_json(intent["card"]), Origin())
            gateway.deliveries.wake()
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
