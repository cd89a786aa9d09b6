"""Events: what happened, as it looked then. Recorded with the fact itself, delivered by webhook, kept."""

from __future__ import annotations

import time
from typing import Any

from ops.sandbox import shapes
from ops.sandbox.errors import InvalidRequest, NoSuchThing
from ops.sandbox.gateway import Gateway
from ops.sandbox.ids import new_id
from ops.sandbox.lists import ListParameters, page
from ops.sandbox.operations import Answer, Call, Origin
from ops.sandbox.parameters import Parameters
from ops.sandbox.store import to_json
from services.queries import load_queries

_SQL = load_queries(__file__, "events.sql")


class EventList(ListParameters, frozen=True):
    type: str | None = None
    types: list[str] | None = None
    delivery_success: bool | None = None


def record(gateway: Gateway, kind: str, thing: dict[str, Any], origin: Origin) -> None:
    """Inside the transaction of what happened. Without a webhook address nothing will be delivered."""
    identifier, store = new_id("evt"), gateway.store
    store.run(
        _SQL["add_event"],
        id=identifier,
        created=int(time.time()),
        type=kind,
        object=to_json(thing),
        request_id=origin.request_id,
        idempotency_key=origin.idempotency_key,
    )
    if gateway.deliveries.webhook_url is not None:
        store.run(_SQL["add_delivery"], id=identifier, due_at=time.time())


def retrieve(call: Call[Parameters]) -> Answer:
    row = call.gateway.store.one(_SQL["event"], id=call.id)
    if row is None:
        raise NoSuchThing("event", call.id)
    return Answer(shapes.event(row))


def list_events(call: Call[EventList]) -> Answer:
    """`delivery_success=false`: those whose webhook has not arrived, or not yet."""
    asked = call.parameters
    if asked.type is not None and asked.types is not None:
        raise InvalidRequest("You may only specify one of these parameters: type, types.")
    types = [asked.type] if asked.type is not None else asked.types
    rows = call.gateway.store.all(
        _SQL["list_events"],
        **asked.filters(),
        types=to_json(types),
        delivered=asked.delivery_success,
    )
    return Answer(page(rows, asked, "/v1/events", shapes.event))
