"""Passwords: argon2id with the library's present defaults, off the event loop, and few at a time.

One hash takes 64 MB and some 50 ms. HASHES_MAX bounds what a flood of logins can take of the machine; who
would have to wait behind WAITING_MAX others is sent away at once.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.errors import FieldError, Invalid, Overloaded

LENGTH_MIN, LENGTH_MAX = 12, 1000
HASHES_MAX, WAITING_MAX = 2, 20

T = TypeVar("T")

_hasher = PasswordHasher()
_desk = ThreadPoolExecutor(HASHES_MAX, thread_name_prefix="argon2")
_at_the_desk = 0


async def _at_desk(work: Callable[[], T]) -> T:
    """Raises Overloaded."""
    global _at_the_desk  # noqa: PLW0603  # one count for the process, as there is one desk
    require_place()
    _at_the_desk += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_desk, work)
    finally:
        _at_the_desk -= 1


def require_place() -> None:
    """Raises Overloaded when too many wait already."""
    if _at_the_desk >= HASHES_MAX + WAITING_MAX:
        raise Overloaded("Too many people are logging in at this moment")


def require_good(password: str, field: str = "password") -> None:
    """Raises Invalid for what is too short. Length is what counts; no rules about signs (NIST SP 800-63B)."""
    if not LENGTH_MIN <= len(_normal(password)) <= LENGTH_MAX:
        raise Invalid([FieldError(field, f"needs {LENGTH_MIN} to {LENGTH_MAX} characters")])


def _normal(password: str) -> str:
    """The same signs typed on another keyboard are the same password."""
    return unicodedata.normalize("NFKC", password)


async def hash_of(password: str) -> str:
    """The text to store. Raises Overloaded."""
    return await _at_desk(lambda: _hasher.hash(_normal(password)))


async def verify(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one's. Takes as long when nothing is stored, so that nobody can
    tell an account from none by the clock. Raises Overloaded."""
    return await _at_desk(lambda: _verify(stored, _normal(password)))


def _verify(stored: str | None, password: str) -> bool:
    nobodys = _nobodys_hash()
    try:
        _hasher.verify(stored or nobodys, password[:LENGTH_MAX])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(32))


def is_outdated(stored: str) -> bool:
    """Whether the library's defaults have grown since."""
    return _hasher.check_needs_rehash(stored)
