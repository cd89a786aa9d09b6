"""One operation of the gateway's API: its route, what it takes, what it does, and how it is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from ops.sandbox import shapes
from ops.sandbox.connections import cut, hung_up
from ops.sandbox.errors import Broken, GatewayError, RateLimited
from ops.sandbox.expansion import expanded
from ops.sandbox.faults import Fault, Faults, OperationName
from ops.sandbox.gateway import Gateway
from ops.sandbox.ids import new_id
from ops.sandbox.keys import Caller, identify
from ops.sandbox.parameters import Parameters, decode_form, read, take_text
from ops.sandbox.replies import Claim, Reply

P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True, slots=True)
class Origin:
    """Which request an event came from; a shopper at the bank's page came by none."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Call(Generic[P]):
    """One request, decoded. `id` is the path's; empty where the path has none."""

    gateway: Gateway
    caller: Caller
    parameters: P
    id: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation decided, as JSON to be. Errors that change something (a declined card) are
    answers; errors that change nothing are raised."""

    body: dict[str, Any]
    status: int = 200


class Cut(Exception):
    """The connection is to end here, without another word."""


Act = Callable[[Call[P]], Answer]


@dataclass(frozen=True)
class Operation(Generic[P]):
    """A line of the route table. `act` runs inside one transaction; `public`: a browser may do it with
    the intent's client secret."""

    name: OperationName
    method: str
    path: str
    parameters: type[P]
    act: Act[P]
    public: bool = False

    async def __call__(self, request: Request) -> Response:
        gateway: Gateway = request.app.state.gateway
        request_id = new_id("req")
        key = request.headers.get("idempotency-key") if self.method == "POST" else None
        try:
            reply = await self._reply(request, gateway, request_id, key)
        except GatewayError as refusal:
            reply = _encoded(Answer(refusal.body(), refusal.status))  # before any intent was looked at
        except Cut:
            return cut(request)
        headers = {"Request-Id": request_id, "Cache-Control": "no-store"}
        if key is not None:
            headers["Idempotency-Key"] = key
        if reply.replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(reply.body, reply.status, headers, media_type="application/json")

    async def _reply(self, request: Request, gateway: Gateway, request_id: str, key: str | None) -> Reply:
        encoded = await request.body() if self.method == "POST" else request.scope["query_string"]
        values = decode_form(encoded)
        given_key, client_secret = take_text(values, "key"), take_text(values, "client_secret")
        caller = identify(request, given_key, client_secret, gateway.keys, public=self.public)
        fault = gateway.faults.take_call(self.name)
        _fail_at_once(fault)
        parameters = read(values, self.parameters)
        identifier = request.path_params.get("id", "")
        call = Call(gateway, caller, parameters, identifier, Origin(request_id, key))
        if key is None:
            await _fail_before(fault, request, gateway.faults)
            reply = self._execute(call, None, fault)
        else:
            claim = Claim.of(key, f"{self.method} {request.url.path}", {**values, "client": client_secret})
            with gateway.replies.held(claim):
                saved = gateway.replies.find(claim)
                await _fail_before(fault, request, gateway.faults)
                reply = saved or self._execute(call, claim, fault)
        if fault is not None and fault.mode == "lost_reply":
            raise Cut
        return reply

    def _execute(self, call: Call[P], claim: Claim | None, fault: Fault | None) -> Reply:
        """Effect and saved reply commit together."""
        gateway = call.gateway
        try:
            with gateway.store.transaction():
                answer = self.act(call)
                reply = _encoded(Answer(_shown(call, answer.body), answer.status))
                if fault is not None and fault.mode == "stored_500":
                    reply = _encoded(Answer(Broken().body(), 500))
                if claim is not None:
                    gateway.replies.save(claim, reply)
        except GatewayError as refusal:
            reply = _encoded(Answer(_shown(call, refusal.body()), refusal.status))
            if claim is not None and refusal.saved:
                with gateway.store.transaction():
                    gateway.replies.save(claim, reply)
        gateway.deliveries.wake()
        return reply


def _shown(call: Call[Any], body: dict[str, Any]) -> dict[str, Any]:
    """With what was asked to be expanded; for browsers, without what is the shop's alone."""
    body = expanded(call.gateway.store, body, call.parameters.expand)
    if call.caller.secret_key:
        return body
    if "error" not in body:
        return shapes.for_browsers(body)
    error = dict(body["error"])
    if "payment_intent" in error:
        error["payment_intent"] = shapes.for_browsers(error["payment_intent"])
    return {"error": error}


def _encoded(answer: Answer) -> Reply:
    return Reply(answer.status, json.dumps(answer.body, indent=2).encode())


def _fail_at_once(fault: Fault | None) -> None:
    match fault.mode if fault is not None else None:
        case "rate_limited":
            raise RateLimited("Request rate limit exceeded (the sandbox was told to say so).")
        case "error_500":
            raise Broken()
        case "reset":
            raise Cut


async def _fail_before(fault: Fault | None, request: Request, faults: Faults) -> None:
    match fault.mode if fault is not None else None:
        case "hang":
            await hung_up(request)
            raise Cut
        case "slow":
            assert fault is not None
            await faults.outlast(fault)
