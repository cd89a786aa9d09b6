"""Executables in `ops/hooks/`, named after steps: what a shop wants to do besides.

pre-deploy pre-build pre-migrate pre-rollout      non-zero stops the deploy: nothing has changed then
post-deploy post-rollback on-failure              non-zero is told, and changes nothing any more
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.console import OperatorError, say, step
from ops.deploy.destination import ROOT
from ops.deploy.site import Site

FOLDER = ROOT / "ops" / "hooks"
TIMEOUT_SECONDS = 3600.0  # a backup may take its time
_LINES_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Told:
    """What hooks find in their environment as KIOSK_RELEASE and so on. `result` is empty before the end,
    then `ok`, `failed` or `rolled back`."""

    release: str
    revision: str
    who: str
    result: str = ""


def run_hook(site: Site, name: str, told: Told, folder: Path = FOLDER) -> None:
    """Runs a hook where there is one. Raises OperatorError when it fails."""
    program = folder / name
    if not program.exists():
        return
    if not os.access(program, os.X_OK):
        raise OperatorError(f"the hook {program} is not executable: chmod +x {program}")
    with step(f"hook {name}"):
        exit_code, said = _run(program, _environment(site, told))
        for line in said[-_LINES_SHOWN:]:
            say(f"    {site.redact(line)}")
        if exit_code != 0:
            raise OperatorError(f"the hook {name} ended with {exit_code}: mend it, or remove {program}")


def run_last_hook(site: Site, name: str, told: Told, folder: Path = FOLDER) -> None:
    """As `run_hook`, for a hook after which nothing can be stopped any more: its failure is only told."""
    try:
        run_hook(site, name, told, folder)
    except OperatorError as error:
        say(f"  {error}")


def _environment(site: Site, told: Told) -> dict[str, str]:
    values: Mapping[str, str] = {
        "KIOSK_RELEASE": told.release,
        "KIOSK_REVISION": told.revision,
        "KIOSK_DESTINATION": site.destination.name,
        "KIOSK_WHO": told.who,
        "KIOSK_RESULT": told.result,
    }
    return {**os.environ, **site.docker.environment, **values}


def _run(program: Path, environment: Mapping[str, str]) -> tuple[int, list[str]]:
    """Its exit code and what it printed; 124, as `timeout` has it, when it took too long."""
    try:
        done = subprocess.run(
            [str(program)],
            cwd=ROOT,
            env=dict(environment),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_SECONDS,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return 124, [f"it took longer than {TIMEOUT_SECONDS:.0f} s"]
    except OSError as error:
        return 126, [str(error)]
    return done.returncode, done.stdout.decode(errors="replace").splitlines()
