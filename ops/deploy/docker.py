"""The docker command of this machine, talking to the destination's engine: the one that DOCKER_HOST
or the chosen docker context names, near or far."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PATIENCE_SECONDS = 60.0


class DockerError(Exception):
    """A docker command did not succeed. The message is what it said, in one line."""

    def __init__(self, arguments: Sequence[str], said: str) -> None:
        self.said = said.strip()
        super().__init__(f"docker {' '.join(arguments[:3])}: {' '.join(self.said.split()) or 'failed'}")

    @property
    def says_it_is_not_there(self) -> bool:
        return "no such" in self.said.lower() or "not found" in self.said.lower()


@dataclass(frozen=True, slots=True)
class Docker:
    """Runs docker commands. Each is a session of its own: Ctrl-C in the terminal reaches us, who then
    decide what is to be finished, and not a command in the middle of its work."""

    environment: Mapping[str, str] = field(default_factory=dict)  # on top of our own
    program: str = field(default_factory=lambda: os.environ.get("DOCKER", "docker"))

    def run(
        self,
        *arguments: str,
        given: bytes | None = None,
        timeout_seconds: float | None = PATIENCE_SECONDS,
        with_stderr: bool = False,
    ) -> str:
        """The command's output without its last newline; `with_stderr` also what it said aside, in the
        order it came (`docker logs` keeps the two apart). Raises DockerError, also when it takes longer."""
        try:
            done = subprocess.run(
                [self.program, *arguments],
                check=False,
                input=given,
                stdin=subprocess.DEVNULL if given is None else None,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if with_stderr else subprocess.PIPE,
                timeout=timeout_seconds,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        except FileNotFoundError:
            raise DockerError(arguments, f"{self.program} is not installed") from None
        except subprocess.TimeoutExpired:
            raise DockerError(arguments, f"no answer in {timeout_seconds:.0f} s") from None
        if done.returncode != 0:
            raise DockerError(arguments, (done.stderr or done.stdout).decode(errors="replace"))
        return done.stdout.decode(errors="replace").rstrip("\n")

    def lines(
        self, *arguments: str, timeout_seconds: float | None = PATIENCE_SECONDS, with_stderr: bool = False
    ) -> list[str]:
        """As `run`, one string per line of output."""
        return self.run(*arguments, timeout_seconds=timeout_seconds, with_stderr=with_stderr).splitlines()

    def inspect(self, kind: str, *names: str) -> list[dict[str, Any]]:
        """`docker KIND inspect NAMES`, decoded: kind is service, node, config, ... Raises DockerError when
        one of them does not exist."""
        if not names:
            return []
        found: list[dict[str, Any]] = json.loads(self.run(kind, "inspect", *names))
        return found

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """`docker KIND inspect NAME`, or None when there is no such thing. Raises DockerError for
        everything else that may go wrong."""
        try:
            return self.inspect(kind, name)[0]
        except DockerError as error:
            if error.says_it_is_not_there:
                return None
            raise
