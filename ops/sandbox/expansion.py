"""`expand[]=latest_charge`: the thing itself in place of its id (docs.stripe.com/api/expanding_objects)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ops.sandbox import shapes
from ops.sandbox.errors import InvalidRequest
from ops.sandbox.store import Row, Store
from services.queries import load_queries

_INTENTS, _REFUNDS = load_queries(__file__, "intents.sql"), load_queries(__file__, "refunds.sql")
_INTENT: tuple[str, Callable[[Row], dict[str, Any]]] = (_INTENTS["intent"], shapes.intent)
_CHARGE: tuple[str, Callable[[Row], dict[str, Any]]] = (_REFUNDS["charge"], shapes.charge)
_EXPANDABLE = {
    ("payment_intent", "latest_charge"): _CHARGE,
    ("charge", "payment_intent"): _INTENT,
    ("refund", "charge"): _CHARGE,
    ("refund", "payment_intent"): _INTENT,
}


def expanded(store: Store, thing: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """Errors stay as they are. Raises InvalidRequest on what cannot be expanded."""
    if "error" not in thing:
        for path in paths:
            _expand(store, thing, path)
    return thing


def _expand(store: Store, thing: dict[str, Any], path: str) -> None:
    name, _, inner = path.partition(".")
    if thing.get("object") == "list" and name == "data" and inner:
        for item in thing["data"]:
            _expand(store, item, inner)
        return
    found = _EXPANDABLE.get((str(thing.get("object")), name))
    if found is None:
        raise InvalidRequest(f"This property cannot be expanded ({name}).", param="expand")
    statement, shape = found
    if isinstance(thing[name], str):
        row = store.one(statement, id=thing[name])
        assert row is not None
        thing[name] = shape(row)
    if inner and thing[name] is not None:
        _expand(store, thing[name], inner)
