"""Fault modes: what tests tell the gateway to do wrong, and how often. A restart forgets them.

For calls of the API:
  hang         never answers; nothing is done
  slow         waits `seconds`, or until all faults are cleared, then does it and answers
  lost_reply   does it, then cuts the connection
  reset        cuts the connection; nothing is done
  error_500    answers 500; nothing is done, nothing is kept under the idempotency key
  stored_500   does it, answers 500, and keeps that answer under the idempotency key
  rate_limited answers 429; nothing is done

For `webhook` (of any event, or of `event` only):
  drop          never sent
  duplicate     sent twice at once
  late          sent after `seconds`
  reorder       sent after the event that follows it, at the latest after `seconds`
  bad_signature signed with another secret, this one time
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal, get_args

import msgspec

from services.events import wait_at_most

ApiMode = Literal["hang", "slow", "lost_reply", "reset", "error_500", "stored_500", "rate_limited"]
WebhookMode = Literal["drop", "duplicate", "late", "reorder", "bad_signature"]
OperationName = Literal[
    "create_intent",
    "confirm_intent",
    "cancel_intent",
    "retrieve_intent",
    "list_intents",
    "create_refund",
    "retrieve_refund",
    "list_refunds",
    "retrieve_charge",
    "list_charges",
    "retrieve_event",
    "list_events",
]

_WEBHOOK = "webhook"
_EVERY_CALL = "*"


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """`times` counts down with every use; None lasts until it is removed."""

    operation: OperationName | Literal["webhook", "*"]
    mode: ApiMode | WebhookMode
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 2.0
    event: str | None = None

    def __post_init__(self) -> None:
        modes = get_args(WebhookMode if self.operation == _WEBHOOK else ApiMode)
        if self.mode not in modes:
            raise ValueError(f"a fault of {self.operation} is one of {', '.join(modes)}")


class Faults:
    """What is set at present. The first that fits is used."""

    def __init__(self) -> None:
        self._set: list[Fault] = []
        self._cleared = asyncio.Event()

    def add(self, fault: Fault) -> None:
        self._set.append(fault)

    def clear(self) -> None:
        self._set.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    async def outlast(self, fault: Fault) -> None:
        """Returns after the fault's time, or when all are cleared."""
        await wait_at_most(self._cleared, fault.seconds)

    def all(self) -> list[Fault]:
        return list(self._set)

    def take_call(self, operation: str) -> Fault | None:
        """The fault that this call meets."""
        for fault in self._set:
            if fault.operation in (operation, _EVERY_CALL):
                self._use(fault)
                return fault
        return None

    def take_webhook(self, event: str, modes: tuple[WebhookMode, ...]) -> Fault | None:
        """The fault of one of these modes that a webhook meets."""
        for fault in self._set:
            fits = fault.operation == _WEBHOOK and fault.mode in modes
            if fits and fault.event in (None, event):
                self._use(fault)
                return fault
        return None

    def _use(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times == 0:
            self._set.remove(fault)
