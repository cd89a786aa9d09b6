"""How an operator's verbs are declared: all alike."""

from __future__ import annotations

from typing import Any

from services.errors import ShopError
from services.jobs.backend import BackendAway
from services.jobs.once import ONCE_PROBLEMS
from services.jobs.staff.access import Endpoint, api
from services.operations import Operation


def verb(
    path: str,
    endpoint: Endpoint[Any, Any],
    summary: str,
    answer: Any,
    *problems: type[ShopError],
    **more: Any,
) -> Operation:
    """A POST for operators that counts once per `Idempotency-Key`."""
    return api(
        "POST",
        path,
        endpoint,
        summary,
        "operator",
        answer=answer,
        problems=(BackendAway, *ONCE_PROBLEMS, *problems),
        idempotency_key="accepted",
        **more,
    )
