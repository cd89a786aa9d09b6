"""Lists in Stripe's manner: newest first, walked by the last id seen (docs.stripe.com/api/pagination)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from ops.sandbox.parameters import Parameters
from ops.sandbox.store import Row


class CreatedRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Unix seconds."""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


class ListParameters(Parameters, frozen=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    starting_after: str | None = None
    created: int | CreatedRange | None = None

    def filters(self) -> dict[str, Any]:
        """The named parameters of a `list_` statement."""
        created = self.created
        if isinstance(created, int):
            created = CreatedRange(gte=created, lte=created)
        bounds = msgspec.structs.asdict(created or CreatedRange())
        return {"limit": self.limit, "after": self.starting_after, **bounds}


def page(
    rows: list[Row], parameters: ListParameters, path: str, shape: Callable[[Row], Any]
) -> dict[str, Any]:
    """`rows` holds one more than asked for when there are more."""
    return {
        "object": "list",
        "url": path,
        "has_more": len(rows) > parameters.limit,
        "data": [shape(row) for row in rows[: parameters.limit]],
    }
