"""What can be wrong with the way to a server, as `FaultProxy` makes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`pause_seconds` before each piece of at most `piece_bytes`; None: as much as there is."""

    name: str
    pause_seconds: float = 0.0
    piece_bytes: int | None = None
    replies_only: bool = True

    def __str__(self) -> str:
        return self.name


REFUSE = Fault("refused")  # nobody listens; connections of before are reset
BLACK_HOLE = Fault("black hole", replies_only=False)  # accepted, and never answered
SLOW = Fault("slow (2 s)", pause_seconds=2.0)  # every reply comes late
DRIP = Fault("dripping", pause_seconds=0.3, piece_bytes=1)  # every reply comes byte by byte
NARROW = Fault("narrow (1 kB/s)", pause_seconds=0.05, piece_bytes=50, replies_only=False)
RESET = Fault("reset in mid-reply")  # half of a reply, then RST
FLAPPING = Fault("flapping", pause_seconds=1.0)  # refused for a second, well for a second, and so on

FAULTS = (REFUSE, BLACK_HOLE, SLOW, DRIP, NARROW, RESET, FLAPPING)


def latency(seconds: float) -> Fault:
    """Every reply comes so much later."""
    return Fault(f"slow ({seconds:g} s)", pause_seconds=seconds)
