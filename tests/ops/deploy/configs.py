"""An engine that has nothing but configs: enough for lock, ledger and maintenance."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ops.deploy.docker import PATIENCE_SECONDS, Docker, DockerError


@dataclass(frozen=True)
class Configs(Docker):
    """`faults` are what the next calls that begin with some words come to: `away` before they are done, or
    `silent` afterwards."""

    program: str = "/bin/false"
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[tuple[tuple[str, ...], str]] = field(default_factory=list)

    def run(
        self,
        *arguments: str,
        given: bytes | None = None,
        timeout_seconds: float | None = PATIENCE_SECONDS,
        with_stderr: bool = False,
    ) -> str:
        fault = self._fault(arguments)
        if fault == "away":
            raise DockerError(arguments, "Cannot connect to the Docker daemon")
        answer = self._answer(arguments, given)
        if fault == "silent":
            raise DockerError(arguments, f"no answer in {timeout_seconds} s")
        return answer

    def _fault(self, arguments: tuple[str, ...]) -> str | None:
        if self.faults and arguments[: len(self.faults[0][0])] == self.faults[0][0]:
            return self.faults.pop(0)[1]
        return None

    def _answer(self, arguments: tuple[str, ...], given: bytes | None) -> str:
        match arguments:
            case ("config", "create", *labels, name, "-"):
                return self._create(name, {label for label in labels if label != "--label"}, given or b"")
            case ("config", "ls", *filters, "--format", "{{.Name}}"):
                wanted = [one.removeprefix("label=") for one in filters if one.startswith("label=")]
                return "\n".join(name for name in self.kept if self._has(name, wanted))
            case ("config", "inspect", *names):
                return json.dumps([self._of(name) for name in names])
            case ("config", "rm", name):
                self._of(name)
                del self.kept[name]
                return name
            case ("info", *_):
                return datetime.now(UTC).isoformat()
        raise DockerError(arguments, "there are only configs here")

    def _create(self, name: str, labels: set[str], content: bytes) -> str:
        if name in self.kept:
            raise DockerError(("config", "create"), f"config {name} already exists")
        data, made = base64.b64encode(content).decode(), datetime.now(UTC).isoformat()
        self.kept[name] = {"Spec": {"Data": data, "Labels": sorted(labels)}, "CreatedAt": made}
        return name

    def _has(self, name: str, wanted: list[str]) -> bool:
        labels = self.kept[name]["Spec"]["Labels"]
        return all(any(label == one or label.startswith(f"{one}=") for label in labels) for one in wanted)

    def _of(self, name: str) -> dict[str, Any]:
        if name not in self.kept:
            raise DockerError(("config", "inspect"), f"no such config: {name}")
        return self.kept[name]
