"""Where a process stands: starting, ready, draining. The ops port tells it to Traefik and Docker."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Lifecycle:
    """Ready = started, schema found compatible once (latched), and not draining. A dependency lost
    later never un-readies: one replica's trouble evicts it, everyone's trouble must not."""

    started: bool = False
    schema_compatible: bool = False
    draining: bool = False
    waiting_for: str = field(default="start")

    @property
    def ready(self) -> bool:
        return self.started and self.schema_compatible and not self.draining

    @property
    def state(self) -> str:
        if self.draining:
            return "draining"
        return "ready" if self.ready else f"waiting for {self.waiting_for}"
