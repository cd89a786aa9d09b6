"""The probe as a process of its own, so that nothing that the deploy does slows it down."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from ops.deploy.probe_report import ProbeReport
from ops.deploy.settings import ProbeSettings

_STOP_MARGIN_SECONDS = 15.0


class ProbeBroken(Exception):
    """The probe itself does not run; nobody would see what shoppers see."""


class Prober:
    """A running probe: `report` is what it saw so far."""

    def __init__(self, url: str, release: str, settings: ProbeSettings, key: str | None = None) -> None:
        rate, timeout = settings.probe_requests_per_second, settings.probe_timeout_seconds
        self._patience_seconds = timeout + _STOP_MARGIN_SECONDS
        self._process = subprocess.Popen(
            [*_COMMAND, "--rate", str(rate), "--timeout", str(timeout), url, release],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=_environment(key),
        )
        self.report = ProbeReport()
        self._reading = threading.Thread(target=self._read, name="probe", daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.report = msgspec.json.decode(line, type=ProbeReport)

    def check(self) -> None:
        """Raises ProbeBroken when it has ended by itself."""
        if self._process.poll() is not None and not self.report.final:
            assert self._process.stderr is not None
            said = self._process.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
            raise ProbeBroken(f"the probe ended by itself: {' '.join(said) or self._process.returncode}")

    def stop(self) -> ProbeReport:
        """Lets it finish what is under way; its last report."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(self._patience_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join(timeout=5)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return self.report


def _environment(key: str | None) -> dict[str, str]:
    return {**os.environ, **({"RATE_LIMIT_PROBE_KEY": key} if key else {})}


_COMMAND = [sys.executable, "-m", "ops.deploy.probe"]


@contextmanager
def probing(url: str, release: str, settings: ProbeSettings, key: str | None = None) -> Iterator[Prober]:
    """A probe that runs inside; `key` as of `probe_key`."""
    prober = Prober(url, release, settings, key)
    try:
        yield prober
    finally:
        prober.stop()


def ask_once(url: str, release: str, settings: ProbeSettings, key: str | None = None) -> ProbeReport:
    """Everything once, one after the other. Raises ProbeBroken."""
    command = [*_COMMAND, "--once", "--timeout", str(settings.probe_timeout_seconds), url, release]
    done = subprocess.run(
        command, check=False, capture_output=True, timeout=600, start_new_session=True, env=_environment(key)
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ProbeBroken(f"the probe does not run: {' '.join(said)}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=ProbeReport)
