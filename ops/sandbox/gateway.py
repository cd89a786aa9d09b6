"""What every call of the gateway works with."""

from __future__ import annotations

from dataclasses import dataclass

from ops.sandbox.deliveries import Deliveries
from ops.sandbox.faults import Faults
from ops.sandbox.keys import SandboxKeys
from ops.sandbox.replies import Replies
from ops.sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Gateway:
    """`public_url` is where a shopper's browser finds the sandbox, without `/sandbox`. Payments that take
    their time take `processing_seconds`."""

    store: Store
    keys: SandboxKeys
    faults: Faults
    replies: Replies
    deliveries: Deliveries
    public_url: str
    processing_seconds: float
