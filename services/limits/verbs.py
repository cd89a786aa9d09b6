"""What a rule may do, in the words of Rack::Attack (https://github.com/rack/rack-attack#usage):

safelist    lets pass, whatever other rules say
blocklist   refuses
throttle    lets so many pass in a window, several windows at once: then refuses until the window ends
track       counts in the metrics and lets pass
fail2ban    refuses what it matches; whoever goes on is banned, unless another site's page makes them ask
allow2ban   lets pass what it matches; whoever goes on is banned

A window begins with the first request it counts, so no clock cuts a burst in two. What is refused is not
counted: knocking does not make the wait longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from services.limits.asked import Asked

Matches: TypeAlias = Callable[[Asked], bool]
Discriminator: TypeAlias = Callable[[Asked], str | None]  # who is counted; None: nobody, the rule is silent


@dataclass(frozen=True, slots=True)
class Window:
    limit: int
    seconds: int


def stacked(limit: int, seconds: int, levels: int = 3) -> tuple[Window, ...]:
    """Windows of which each is eight times as long as the one before and allows only three times as much:
    whoever goes on at full speed waits longer and longer."""
    return tuple(Window(limit * 3**level, seconds * 8**level) for level in range(levels))


@dataclass(frozen=True, slots=True)
class Safelist:
    name: str
    matches: Matches


@dataclass(frozen=True, slots=True)
class Blocklist:
    name: str
    matches: Matches


@dataclass(frozen=True, slots=True)
class Throttle:
    """`once`: requests of which it says the same count once per window. `within`: also for calls of our
    own services on behalf of a shopper."""

    name: str
    by: Discriminator
    matches: Matches
    windows: tuple[Window, ...]
    once: Discriminator = lambda _asked: None
    within: bool = False


@dataclass(frozen=True, slots=True)
class Track:
    name: str
    matches: Matches


@dataclass(frozen=True, slots=True)
class Fail2Ban:
    """So many `tries` in `find_seconds` ban for `ban_seconds`: from all that is asked of those who count
    together, which are catalog and checkout by Redis, and each replica of the storefront by itself."""

    name: str
    by: Discriminator
    matches: Matches
    tries: int
    find_seconds: int
    ban_seconds: int


@dataclass(frozen=True, slots=True)
class Allow2Ban:
    """As Fail2Ban, for what is known by its answer: a request that `matches` and is answered by one of
    `statuses` counts, and a ban is from what `matches`."""

    name: str
    by: Discriminator
    matches: Matches
    statuses: frozenset[int]
    tries: int
    find_seconds: int
    ban_seconds: int


Rule: TypeAlias = Safelist | Blocklist | Throttle | Track | Fail2Ban | Allow2Ban
