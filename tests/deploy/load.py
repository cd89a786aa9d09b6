"""A load that is not ours: `wrk`, asking a store for pages, API reads and carts until it is told to stop."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import needs_program

CONNECTIONS = 8
_LONGER_THAN_ANY_TEST = "7200s"
# Every fifth request opens a connection of its own. The pause keeps a small machine free for the store.
_SCRIPT = """
local asked = 0
local requests = {
  {"GET", "/"},
  {"GET", "/api/catalog/products?limit=3"},
  {"POST", "/api/checkout/carts"},
  {"GET", "/search?q=a"},
  {"GET", "/api/catalog/categories"},
}
function delay() return PAUSE end
function request()
  asked = asked + 1
  local one = requests[asked % #requests + 1]
  local headers = {}
  if one[1] == "POST" then headers["Idempotency-Key"] = "wrk" end
  if asked % 5 == 0 then headers["Connection"] = "close" end
  return wrk.format(one[1], one[2], headers)
end
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What wrk counted. `failed` are resets, timeouts and refused connections as well as other answers
    than 2xx and 3xx."""

    requests: int
    failed: int
    report: str


class Load:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def stop(self) -> Outcome:
        """Ends it; what it counted."""
        self._process.send_signal(signal.SIGINT)
        report, _ = self._process.communicate(timeout=60)
        requests = re.search(r"(\d+) requests in", report)
        assert requests is not None, f"wrk said:\n{report}"
        errors = re.search(r"Socket errors: (.*)", report)
        failed = sum(int(number) for number in re.findall(r"\d+", errors[1])) if errors else 0
        if others := re.search(r"Non-2xx or 3xx responses: (\d+)", report):
            failed += int(others[1])
        return Outcome(int(requests[1]), failed, report)

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def running_load(url: str, folder: Path, *, pause_ms: int = 100) -> Iterator[Load]:
    """CONNECTIONS clients, each asking again after a pause; `stop()` tells the outcome."""
    program = needs_program("wrk")
    script = folder / "load.lua"
    script.write_text(_SCRIPT.replace("PAUSE", str(pause_ms)))
    command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{_LONGER_THAN_ANY_TEST}", "--timeout", "10s"]
    process = subprocess.Popen(
        [*command, "-s", str(script), url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    load = Load(process)
    try:
        yield load
    finally:
        load.end()
