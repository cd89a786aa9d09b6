"""Where a process stands: starting, ready, draining. The ops port tells it to Traefik and Docker."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Lifecycle:
    """Ready = started (and through its smoke paths), schema found compatible once, and not withdrawn.
    The first two are latched: a dependency lost later never un-readies. One replica's trouble evicts
    it, everyone's trouble must not. `draining`: it was told to end, serves on and asks its clients to
    hang up; `withdrawn`: it wants no more requests."""

    started: bool = False
    schema_compatible: bool = False
    draining: bool = False
    withdrawn: bool = False
    gave_up: bool = False
    waiting_for: str = field(default="start")

    @property
    def has_been_ready(self) -> bool:
        """Whether this process may take over from another. Never taken back."""
        return self.started and self.schema_compatible

    @property
    def ready(self) -> bool:
        return self.has_been_ready and not self.withdrawn

    @property
    def state(self) -> str:
        if self.draining:
            return "draining"
        return "ready" if self.ready else f"waiting for {self.waiting_for}"
