"""What can go wrong, in the language of the shop.

    ShopError
      Malformed             400  the request can't be read at all
      Unauthorized          401  no key, or not this one
      Forbidden             403
      NotFound              404
      Conflict              409  the shop is in another state than the caller thought
      TooLarge              413
      UnsupportedMediaType  415
      Invalid               422  readable, but a field or parameter is wrong
      Limited               429
      Unavailable           503  a dependency is away; try again
        DatabaseUnavailable
        UpstreamUnavailable
        Overloaded

`MEANING` is the one table from family to HTTP status and to retry: endpoints and jobs agree by it.
A service adds its own errors by subclassing a family; `slug` ends the problem's stable `type`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field or parameter; `field` is its path, such as `shipping_address.city`."""

    field: str
    message: str


class ShopError(Exception):
    """Base of all errors the shop raises on purpose. The message is fit for the caller's eyes."""

    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str | None = None, **facts: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.facts = facts
        self.headers: dict[str, str] = {}  # of its answer, besides what the family implies


class Malformed(ShopError):
    slug, title = "malformed-request", "The request can't be read"


class Unauthorized(ShopError):
    slug, title = "unauthorized", "A valid key is needed"


class Forbidden(ShopError):
    slug, title = "forbidden", "This key may not do that"


class Banned(Forbidden):
    slug, title = "banned", "Requests from this address are refused"


class NotFound(ShopError):
    slug, title = "not-found", "There is nothing here"


class Conflict(ShopError):
    slug, title = "conflict", "The request conflicts with the present state"


class TooLarge(ShopError):
    slug, title = "too-large", "The request is too large"


class UnsupportedMediaType(ShopError):
    slug, title = "unsupported-media-type", "The content type is not supported"


class Invalid(ShopError):
    slug, title = "invalid", "Some fields are wrong"

    def __init__(self, errors: Sequence[FieldError], detail: str | None = None) -> None:
        super().__init__(detail, errors=list(errors))
        self.errors = tuple(errors)


class Limited(ShopError):
    slug, title = "limited", "Too many requests"


class Unavailable(ShopError):
    slug, title = "unavailable", "The shop can't answer this right now"
    retry_after_seconds: ClassVar[int] = 2


class DatabaseUnavailable(Unavailable):
    slug, title = "database-unavailable", "The database can't be reached right now"


class UpstreamUnavailable(Unavailable):
    slug, title = "upstream-unavailable", "A part of the shop can't be reached right now"


class Overloaded(Unavailable):
    slug, title = "overloaded", "The shop is too busy right now"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error family means to a caller over HTTP and to a job."""

    status: int
    retry: bool


MEANING: dict[type[ShopError], Meaning] = {
    Malformed: Meaning(400, retry=False),
    Unauthorized: Meaning(401, retry=False),
    Forbidden: Meaning(403, retry=False),
    NotFound: Meaning(404, retry=False),
    Conflict: Meaning(409, retry=False),
    TooLarge: Meaning(413, retry=False),
    UnsupportedMediaType: Meaning(415, retry=False),
    Invalid: Meaning(422, retry=False),
    Limited: Meaning(429, retry=True),
    Unavailable: Meaning(503, retry=True),
    ShopError: Meaning(500, retry=False),
}


def meaning_of(error: ShopError | type[ShopError]) -> Meaning:
    """The meaning of the nearest family in the error's ancestry."""
    kind = error if isinstance(error, type) else type(error)
    return next(MEANING[family] for family in kind.__mro__ if family in MEANING)
