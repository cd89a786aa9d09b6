"""Where a verb works: a destination, the engine that it is on, and what both say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ops.deploy.destination import ROOT, Destination
from ops.deploy.docker import Docker
from ops.deploy.probe_key import probe_key
from ops.deploy.redaction import redact, secret_words
from ops.deploy.settings import ProbeSettings, RolloutSettings
from services.settings import ProcessSettings


@dataclass(frozen=True)
class Site:
    """Settings are read when first asked for. Raises SettingError then. `folder` is where deploy.yml and
    the migrations are: of a deploy it holds the files of its commit, whatever becomes of the clone."""

    docker: Docker
    destination: Destination
    folder: Path = ROOT

    @cached_property
    def rollout(self) -> RolloutSettings:
        return self.destination.read(RolloutSettings)

    @cached_property
    def probe(self) -> ProbeSettings:
        return self.destination.read(ProbeSettings)

    @property
    def probe_key(self) -> str | None:
        return probe_key(self.destination)

    @property
    def stack(self) -> str:
        return self.rollout.stack

    @cached_property
    def url(self) -> str:
        """Where the store is asked from outside."""
        return (self.probe.probe_url or self.destination.read(ProcessSettings).public_url).rstrip("/")

    @cached_property
    def _secrets(self) -> frozenset[str]:
        return secret_words(self.destination, self.folder)

    def redact(self, text: str) -> str:
        """The text without any secret of the destination."""
        return redact(text, self._secrets)

    def command(self, verb: str) -> str:
        """What to type for a verb, here."""
        name = self.destination.name
        return f"make {verb}" if name == "production" else f"make {verb} TO={name}"
