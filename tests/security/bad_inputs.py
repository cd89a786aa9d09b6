"""Requests that none of our operations may take: made from the route tables and a corpus, by a seeded chance.

Each is bad by its making, so whatever it meets, nothing may be written: a body has a field that nobody knows,
a type that is another, or is no JSON; a name is one that nothing has; a form comes from nowhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from random import Random
from typing import Any
from urllib.parse import quote

import msgspec

from services.__main__ import WEB
from services.decode import Nothing
from services.operations import Operation
from tests.security.corpus import ALL, BROKEN_HTTP, NUMBERS, TOKENS

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND")
_JSON = "application/json"
_MEDIA_TYPES = (
    _JSON,
    f"{_JSON}; charset=utf-8",
    "text/plain",
    "application/x-www-form-urlencoded",
    "*/*",
    "",
    "a" * 300,
)
_UNSAFE = {"POST", "PUT", "DELETE", "PATCH"}
NOBODYS_FIELD = "nobody_knows_this_field"


@dataclass(frozen=True)
class BadInput:
    """`wire`: what goes over the socket. `route`: what it was made from. `closes`: the connection can carry
    nothing after it."""

    route: str
    wire: bytes
    closes: bool = False


def public_operations() -> list[Operation]:
    """What is reachable from outside."""
    services = [import_module(f"services.{name}.app").service for name in WEB]
    found = [operation for service in services for operation in service.operations]
    return [operation for operation in found if not operation.path.startswith("/internal/")]


@dataclass(frozen=True)
class Chance:
    """`cart_id`: a real cart, whose lines must stay. `admin_key` is sent in half of the requests."""

    random: Random
    cart_id: str
    admin_key: str

    def inputs(self, count: int) -> Iterator[BadInput]:
        operations = public_operations()
        for _ in range(count):
            if self.random.random() < 0.05:
                yield BadInput("broken http", self._torn(self.random.choice(BROKEN_HTTP)), closes=True)
            else:
                yield self._request(self.random.choice(operations))

    def _torn(self, raw: bytes) -> bytes:
        """As it is, or with one byte of it changed."""
        if not raw or self.random.random() < 0.5:
            return raw
        place = self.random.randrange(min(len(raw), 200))
        return raw[:place] + bytes([self.random.randrange(256)]) + raw[place + 1 :]

    def _request(self, operation: Operation) -> BadInput:
        method = operation.method
        if self.random.random() < 0.1:
            method = self.random.choice([one for one in METHODS if one not in _UNSAFE])
        body, media_type = b"", ""
        if method in _UNSAFE:
            body = self._body(operation) or b"{"  # none at all is what some may be called with
            media_type = self.random.choice((_JSON, _JSON, *_MEDIA_TYPES))
        target = self._path(operation) + self._query(operation)
        if method in _UNSAFE and operation.body is Nothing:
            # What takes no body is bad by its query; pages, which take any, by coming from nowhere.
            target += ("&" if "?" in target else "?") + f"{NOBODYS_FIELD}=1"
        return BadInput(f"{operation.method} {operation.path}", self._wire(method, target, body, media_type))

    def _wire(self, method: str, target: str, body: bytes, media_type: str) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *self._headers()]
        if method in _UNSAFE:
            lines += [f"Content-Type: {media_type}", f"Content-Length: {len(body)}"]
        return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body

    def _headers(self) -> list[str]:
        junk = self._text_of_header
        chosen = [
            f"Authorization: {self.random.choice((f'Bearer {self.admin_key}', *TOKENS))}",
            f"Idempotency-Key: {junk()}",
            f"Cookie: kiosk_cart={junk()}; staff={junk()}; language={junk()}",
            f"X-Request-ID: {junk()}",
            f"X-Forwarded-For: {junk()}",
            "X-Entry: internal",
            f"Accept-Language: {junk()}",
            f"If-None-Match: {junk()}",
            f"Accept: {junk()}",
            f"Stripe-Signature: {junk()}",
            f"traceparent: {junk()}",
            "Sec-Fetch-Site: cross-site",
        ]
        admin = [f"Authorization: Bearer {self.admin_key}"] if self.random.random() < 0.5 else []
        others = self.random.sample(chosen[1:], self.random.randrange(4))
        return (
            admin + others if admin else [*self.random.sample(chosen[:1], self.random.randrange(2)), *others]
        )

    def _text_of_header(self) -> str:
        return re.sub(r"[\x00-\x1f\x7f]", "", self.random.choice(ALL))[:500]

    def _path(self, operation: Operation) -> str:
        keeps = operation.method in ("GET", "HEAD") or operation.body is not Nothing

        def name(match: re.Match[str]) -> str:
            if match[1] == "id" and "/carts/" in operation.path and keeps and self.random.random() < 0.5:
                return self.cart_id
            text = self.random.choice(ALL)
            # Raw, it stays what it is where a path can hold it; else escaped, once or twice.
            raw = re.sub(r"[^!-~]|[?#]", "", text)
            return self.random.choice((quote(text, safe=""), quote(quote(text, safe="")), raw or "-"))

        return re.sub(r"\{(\w+)\}", name, operation.path)

    def _query(self, operation: Operation) -> str:
        names = [
            *(one.encode_name for one in msgspec.structs.fields(operation.query)),
            "page",
            "attr.x",
            NOBODYS_FIELD,
        ]
        pairs = [
            f"{quote(self.random.choice(names))}={quote(self.random.choice(ALL), safe='')}"
            for _ in range(self.random.choice((0, 0, 1, 2, 5, 101 if self.random.random() < 0.05 else 1)))
        ]
        return "?" + "&".join(pairs) if pairs else ""

    def _body(self, operation: Operation) -> bytes:
        random = self.random
        if operation.path == "/webhooks/payments" or random.random() < 0.5:
            return json.dumps(self._object(operation.body), ensure_ascii=random.random() < 0.5).encode(
                "utf-8", "surrogatepass"
            )
        return random.choice(
            (
                b"",
                b"{",
                b"[]",
                b"null",
                b'"text"',
                b"{}}",
                b'{"a":1,"a":2',
                b"\xff\xfe{}",
                b'{"\\ud800":1}',
                b"NaN",
                b"[" * 5000,
                b'{"a":' * 200 + b"1" + b"}" * 200,
                b'[{"a":' * 400 + b'"\\u0000"' + b"}]" * 400,
                b'{"quantity": '
                + random.choice(NUMBERS).encode()
                + b', "'
                + NOBODYS_FIELD.encode()
                + b'": 1}',
                bytes(random.randrange(256) for _ in range(random.randrange(200))),
                b"csrf=x&name=%00&quantity=" + quote(random.choice(ALL)).encode(),
                b'{"a": "' + b"x" * (1_100_000 if random.random() < 0.02 else 3000) + b'"}',
            )
        )

    def _object(self, kind: type[msgspec.Struct]) -> dict[str, Any]:
        """Fields that the operation knows, with values it can't mean, and one it does not know."""
        known = {one.encode_name: self._value(0) for one in msgspec.structs.fields(kind)}
        return {**known, NOBODYS_FIELD: self._value(0)}

    def _value(self, depth: int) -> Any:
        choice = self.random.randrange(8 if depth < 3 else 6)
        if choice < 3:
            return self.random.choice(ALL)
        if choice == 3:
            return self.random.choice((0, -1, 1.5, 10**30, 2**63, 1e308, -(2**31), None, True, False))
        if choice == 6:
            return [self._value(depth + 1) for _ in range(self.random.randrange(4))]
        if choice == 7:
            return {self.random.choice(ALL): self._value(depth + 1) for _ in range(self.random.randrange(4))}
        return self.random.choice(("", 7, "x" * 300))
