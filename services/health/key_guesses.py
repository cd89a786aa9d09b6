"""How often an address may be wrong about the admin's key. `/health` is always answered, and its details tell
whether a key is right: without this it would be the place where guessing costs nothing."""

from __future__ import annotations

from services.client_address import UNKNOWN
from services.limits.counting import Check
from services.limits.limiter import count_outcome
from services.limits.memory import MemoryCounters
from services.limits.rules import KEY_GUESSES
from services.request_context import current_request


class KeyGuesses:
    """Counted by each process for itself, as the admin operations' are in Redis. `enabled`: False believes
    every right key."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._counters = MemoryCounters(1)

    def believes(self, *, right: bool) -> bool:
        """Whether a key that was shown is believed: a right one, from an address that has not been wrong too
        often lately."""
        if not self._enabled:
            return right
        context = current_request.get()
        who = (context and context.client_address) or UNKNOWN
        rule = KEY_GUESSES
        check = Check(rule.name, who, rule.tries, rule.find_seconds, rule.ban_seconds, counts=not right)
        banned = self._counters.take([check]).banned
        if banned:
            count_outcome(rule.name, "banned")
        return right and not banned
